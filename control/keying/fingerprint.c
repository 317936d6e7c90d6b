/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/fingerprint.h"
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t hash, len;
	enum fingerprint_result result;
	const EVP_MD *(*md)(void);
} hashes[] = {
	{"sha-256", FP_SHA256, 32, FINGERPRINT_OK, EVP_sha256},
	{"sha-384", FP_SHA384, 48, FINGERPRINT_OK, EVP_sha384},
	{"sha-512", FP_SHA512, 64, FINGERPRINT_OK, EVP_sha512},
	{"sha-1", FP_NONE, 20, FINGERPRINT_WEAK, NULL},
	{"md5", FP_NONE, 16, FINGERPRINT_WEAK, NULL},
	{"md2", FP_NONE, 16, FINGERPRINT_WEAK, NULL},
	/* no weaker than ours, and nobody sends it */
	{"sha-224", FP_NONE, 28, FINGERPRINT_UNKNOWN, NULL},
};

#define N_HASHES (sizeof(hashes) / sizeof(hashes[0]))

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	/* RFC 8122 wants upper case; not all phones read it */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum fingerprint_result fingerprint_parse(const char *p, size_t len,
					  struct fingerprint *out)
{
	size_t name = 0, i = 0;

	memset(out, 0, sizeof(*out));
	while (name < len && p[name] != ' ')
		name++;
	while (i < N_HASHES && (strlen(hashes[i].name) != name ||
				strncasecmp(hashes[i].name, p, name) != 0))
		i++;
	if (i == N_HASHES)
		return name && name < len ? FINGERPRINT_UNKNOWN
					  : FINGERPRINT_BAD;
	if (hashes[i].result != FINGERPRINT_OK)
		return hashes[i].result;
	p += name + 1;
	if (len != name + 3 * (size_t)hashes[i].len)
		return FINGERPRINT_BAD;
	for (size_t k = 0; k < hashes[i].len; k++) {
		int high = hex(p[3 * k]), low = hex(p[3 * k + 1]);

		if (high < 0 || low < 0 ||
		    (k + 1 < hashes[i].len && p[3 * k + 2] != ':'))
			return FINGERPRINT_BAD;
		out->digest[k] = (uint8_t)(high << 4 | low);
	}
	out->hash = hashes[i].hash;
	out->len = hashes[i].len;
	return FINGERPRINT_OK;
}

size_t fingerprint_print(const struct fingerprint *f,
			 char out[FINGERPRINT_TEXT_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_HASHES; i++)
		if (f->hash && hashes[i].hash == f->hash)
			n = (size_t)sprintf(out, "%s ", hashes[i].name);
	for (size_t i = 0; n && i < f->len; i++)
		n += (size_t)sprintf(out + n, "%s%02X", i ? ":" : "",
				     f->digest[i]);
	return n;
}

static bool digest(uint8_t hash, const uint8_t *der, size_t len,
		   struct fingerprint *out)
{
	unsigned n = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < N_HASHES; i++) {
		if (!hash || hashes[i].hash != hash)
			continue;
		if (EVP_Digest(der, len, out->digest, &n, hashes[i].md(),
			       NULL) != 1)
			return false;
		out->hash = hash;
		out->len = (uint8_t)n;
	}
	return out->hash != FP_NONE;
}

bool fingerprint_make(struct fingerprint *f, const uint8_t *der, size_t len)
{
	return digest(FP_SHA256, der, len, f);
}

bool fingerprint_same(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->hash == b->hash && a->len == b->len &&
	       sodium_memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

bool fingerprint_fits(const struct fingerprint *f, const uint8_t *der,
		      size_t len)
{
	struct fingerprint is;

	return digest(f->hash, der, len, &is) && fingerprint_same(f, &is);
}
