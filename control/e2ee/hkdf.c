/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/hkdf.h"
#include <sodium.h>
#include <string.h>

union hmac {
	crypto_auth_hmacsha256_state s256;
	crypto_auth_hmacsha512_state s512;
};

static void init256(union hmac *m, const uint8_t *key, size_t n)
{
	crypto_auth_hmacsha256_init(&m->s256, key, n);
}

static void init512(union hmac *m, const uint8_t *key, size_t n)
{
	crypto_auth_hmacsha512_init(&m->s512, key, n);
}

static void update256(union hmac *m, const void *p, size_t n)
{
	crypto_auth_hmacsha256_update(&m->s256, p, n);
}

static void update512(union hmac *m, const void *p, size_t n)
{
	crypto_auth_hmacsha512_update(&m->s512, p, n);
}

static void final256(union hmac *m, uint8_t *out)
{
	crypto_auth_hmacsha256_final(&m->s256, out);
}

static void final512(union hmac *m, uint8_t *out)
{
	crypto_auth_hmacsha512_final(&m->s512, out);
}

static const struct {
	size_t size;
	void (*init)(union hmac *m, const uint8_t *key, size_t n);
	void (*update)(union hmac *m, const void *p, size_t n);
	void (*final)(union hmac *m, uint8_t *out);
} hashes[] = {
	[HKDF_SHA256] = {32, init256, update256, final256},
	[HKDF_SHA512] = {64, init512, update512, final512},
};

size_t hkdf_size(enum hkdf_hash h)
{
	return hashes[h].size;
}

void hkdf_extract(enum hkdf_hash h, uint8_t *prk, const void *salt,
		  size_t salt_len, const void *ikm, size_t ikm_len)
{
	union hmac m;

	hashes[h].init(&m, salt_len ? salt : (const uint8_t *)"", salt_len);
	hashes[h].update(&m, ikm, ikm_len);
	hashes[h].final(&m, prk);
	sodium_memzero(&m, sizeof(m));
}

void hkdf_expand(enum hkdf_hash h, uint8_t *out, size_t len, const uint8_t *prk,
		 const void *info, size_t info_len)
{
	size_t size = hashes[h].size;
	uint8_t t[HKDF_MAX];
	union hmac m;

	for (uint8_t i = 1; len; i++) {
		size_t n = len < size ? len : size;

		hashes[h].init(&m, prk, size);
		if (i > 1)
			hashes[h].update(&m, t, size);
		hashes[h].update(&m, info, info_len);
		hashes[h].update(&m, &i, 1);
		hashes[h].final(&m, t);
		memcpy(out, t, n);
		out += n;
		len -= n;
	}
	sodium_memzero(t, sizeof(t));
	sodium_memzero(&m, sizeof(m));
}
