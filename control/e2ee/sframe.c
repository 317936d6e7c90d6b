/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/sframe.h"
#include "control/e2ee/secret.h"
#include "control/e2ee/wire.h"

struct sframe_key {
	const struct sframe_suite *suite;
	struct sframe_aead *aead;
	uint64_t kid;
	uint8_t salt[SFRAME_SALT];
};

static const struct sframe_suite suites[] = {
	{1, "AES_128_CTR_HMAC_SHA256_80", HKDF_SHA256, 16, 48, 10, true},
	{2, "AES_128_CTR_HMAC_SHA256_64", HKDF_SHA256, 16, 48, 8, true},
	{3, "AES_128_CTR_HMAC_SHA256_32", HKDF_SHA256, 16, 48, 4, true},
	{4, "AES_128_GCM_SHA256_128", HKDF_SHA256, 16, 16, 16, false},
	{5, "AES_256_GCM_SHA512_128", HKDF_SHA512, 32, 32, 16, false},
	{6, "AES_256_CTR_HMAC_SHA512_80", HKDF_SHA512, 32, 96, 10, true},
	{7, "AES_256_CTR_HMAC_SHA512_64", HKDF_SHA512, 32, 96, 8, true},
	{8, "AES_256_CTR_HMAC_SHA512_32", HKDF_SHA512, 32, 96, 4, true},
};

const struct sframe_suite *sframe_suite(uint16_t id)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

/* Octets of v, at least one. */
static unsigned octets(uint64_t v)
{
	unsigned n = 1;

	while (v >>= 8)
		n++;
	return n;
}

/* A header's 4-bit field: up to 7 in itself, else 8 | (octets - 1), and the
 * octets behind it. */
#define INLINE_MAX 7

static unsigned extra(uint64_t v)
{
	return v > INLINE_MAX ? octets(v) : 0;
}

static uint8_t field(uint64_t v)
{
	return (uint8_t)(v > INLINE_MAX ? 8 | (octets(v) - 1) : v);
}

static uint8_t *put_extra(uint8_t *o, uint64_t v)
{
	for (unsigned n = extra(v); n; n--)
		*o++ = (uint8_t)(v >> 8 * (n - 1));
	return o;
}

size_t sframe_header_size(uint64_t kid, uint64_t ctr)
{
	return 1 + extra(kid) + extra(ctr);
}

size_t sframe_header_write(uint8_t out[SFRAME_HEADER_MAX], uint64_t kid,
			   uint64_t ctr)
{
	uint8_t *o = out;

	*o++ = (uint8_t)(field(kid) << 4 | field(ctr));
	o = put_extra(o, kid);
	o = put_extra(o, ctr);
	return (size_t)(o - out);
}

static bool get_extra(const uint8_t **p, const uint8_t *end, unsigned f,
		      uint64_t *v)
{
	unsigned n = (f & INLINE_MAX) + 1;

	*v = f;
	if (f <= INLINE_MAX)
		return true;
	if ((size_t)(end - *p) < n)
		return false;
	for (*v = 0; n; n--)
		*v = *v << 8 | *(*p)++;
	return field(*v) == f; /* else it had a shorter form */
}

bool sframe_header_read(const uint8_t *p, size_t n, struct sframe_header *h)
{
	const uint8_t *q, *end;

	if (!n)
		return false;
	q = p + 1;
	end = p + n;
	if (!get_extra(&q, end, p[0] >> 4, &h->kid) ||
	    !get_extra(&q, end, p[0] & 15, &h->ctr))
		return false;
	h->len = (size_t)(q - p);
	return true;
}

void sframe_derive(const struct sframe_suite *suite, uint64_t kid,
		   const uint8_t *base, size_t base_len, uint8_t *key,
		   uint8_t salt[SFRAME_SALT], uint8_t *secret)
{
	static const char key_label[] = "SFrame 1.0 Secret key ";
	static const char salt_label[] = "SFrame 1.0 Secret salt ";
	uint8_t prk[HKDF_MAX], info[40], tail[10];

	e2ee_put64(tail, kid);
	e2ee_put16(tail + 8, suite->id);
	hkdf_extract(suite->hash, prk, NULL, 0, base, base_len);

	memcpy(info, key_label, sizeof(key_label) - 1);
	memcpy(info + sizeof(key_label) - 1, tail, sizeof(tail));
	hkdf_expand(suite->hash, key, suite->nk, prk, info,
		    sizeof(key_label) - 1 + sizeof(tail));

	memcpy(info, salt_label, sizeof(salt_label) - 1);
	memcpy(info + sizeof(salt_label) - 1, tail, sizeof(tail));
	hkdf_expand(suite->hash, salt, SFRAME_SALT, prk, info,
		    sizeof(salt_label) - 1 + sizeof(tail));

	if (secret)
		memcpy(secret, prk, hkdf_size(suite->hash));
	sodium_memzero(prk, sizeof(prk));
}

struct sframe_key *sframe_key_new(const struct sframe_suite *suite,
				  enum sframe_dir dir, uint64_t kid,
				  const uint8_t *base, size_t base_len)
{
	struct sframe_key *k = secret_alloc(sizeof(*k));
	uint8_t key[SFRAME_KEY_MAX];

	if (!k)
		return NULL;
	k->suite = suite;
	k->kid = kid;
	sframe_derive(suite, kid, base, base_len, key, k->salt, NULL);
	k->aead = sframe_aead_new(suite, dir, key);
	sodium_memzero(key, sizeof(key));
	if (!k->aead) {
		secret_free(k);
		return NULL;
	}
	return k;
}

void sframe_key_free(struct sframe_key *k)
{
	if (!k)
		return;
	sframe_aead_free(k->aead);
	secret_free(k);
}

void sframe_nonce(uint8_t nonce[SFRAME_SALT], const uint8_t salt[SFRAME_SALT],
		  uint64_t ctr)
{
	uint8_t c[8];

	e2ee_put64(c, ctr);
	memcpy(nonce, salt, SFRAME_SALT);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] ^= c[i];
}

/* Both directions' AAD: the header, then the metadata. */
struct aad {
	uint8_t p[SFRAME_HEADER_MAX + SFRAME_META_MAX];
	size_t n;
};

static void aad_make(struct aad *a, const uint8_t *header, size_t header_len,
		     const uint8_t *meta, size_t meta_len)
{
	memcpy(a->p, header, header_len);
	memcpy(a->p + header_len, meta, meta_len);
	a->n = header_len + meta_len;
}

size_t sframe_seal(struct sframe_key *k, uint64_t ctr, const uint8_t *meta,
		   size_t meta_len, const uint8_t *p, size_t n, uint8_t *out,
		   size_t room)
{
	size_t len = sframe_header_size(k->kid, ctr);
	uint8_t nonce[SFRAME_SALT];
	struct aad aad;

	if (meta_len > SFRAME_META_MAX || room < len + k->suite->nt ||
	    n > room - len - k->suite->nt)
		return 0;
	sframe_header_write(out, k->kid, ctr);
	aad_make(&aad, out, len, meta, meta_len);
	sframe_nonce(nonce, k->salt, ctr);
	if (!sframe_aead_seal(k->aead, nonce, aad.p, aad.n, p, n, out + len))
		return 0;
	return len + n + k->suite->nt;
}

bool sframe_open(struct sframe_key *k, const struct sframe_header *h,
		 const uint8_t *meta, size_t meta_len, const uint8_t *p,
		 size_t n, uint8_t *out, size_t *out_len)
{
	uint8_t nonce[SFRAME_SALT];
	struct aad aad;

	if (meta_len > SFRAME_META_MAX || n < h->len + k->suite->nt ||
	    h->kid != k->kid)
		return false;
	aad_make(&aad, p, h->len, meta, meta_len);
	sframe_nonce(nonce, k->salt, h->ctr);
	*out_len = n - h->len - k->suite->nt;
	return sframe_aead_open(k->aead, nonce, aad.p, aad.n, p + h->len,
				n - h->len, out);
}
