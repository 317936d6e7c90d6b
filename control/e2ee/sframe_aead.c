/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/sframe_aead.c - the two constructions of RFC 9605 section 4.5:
 * AES-GCM, and AES-CTR with HMAC. */
#include "control/e2ee/sframe.h"
#include "control/e2ee/wire.h"
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Keyed once; a packet sets only its nonce. GCM's context knows its direction,
 * CTR's is the same both ways. */
struct sframe_aead {
	const struct sframe_suite *suite;
	EVP_CIPHER_CTX *aes;
	EVP_MAC_CTX *mac; /* NULL for GCM */
};

static EVP_MAC_CTX *mac_new(const struct sframe_suite *suite,
			    const uint8_t *key)
{
	char *digest = suite->hash == HKDF_SHA256 ? "SHA256" : "SHA512";
	OSSL_PARAM p[] = {OSSL_PARAM_construct_utf8_string(
				  OSSL_MAC_PARAM_DIGEST, digest, 0),
			  OSSL_PARAM_construct_end()};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac);
	if (mac && !EVP_MAC_init(mac, key, hkdf_size(suite->hash), p)) {
		EVP_MAC_CTX_free(mac);
		return NULL;
	}
	return mac;
}

static const EVP_CIPHER *cipher_of(const struct sframe_suite *s)
{
	if (s->hmac)
		return s->nka == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
	return s->nka == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

struct sframe_aead *sframe_aead_new(const struct sframe_suite *suite,
				    enum sframe_dir dir, const uint8_t *key)
{
	struct sframe_aead *a = calloc(1, sizeof(*a));
	int enc = dir == SFRAME_SEAL || suite->hmac;

	if (!a)
		return NULL;
	a->suite = suite;
	a->aes = EVP_CIPHER_CTX_new();
	if (!a->aes ||
	    !EVP_CipherInit_ex(a->aes, cipher_of(suite), NULL, key, NULL, enc))
		goto fail;
	if (suite->hmac) {
		a->mac = mac_new(suite, key + suite->nka);
		if (!a->mac)
			goto fail;
	}
	return a;
fail:
	sframe_aead_free(a);
	return NULL;
}

void sframe_aead_free(struct sframe_aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->aes);
	EVP_MAC_CTX_free(a->mac);
	free(a);
}

/* AES-CTR of p into out, the nonce before a block counter from 0. */
static bool ctr(struct sframe_aead *a, const uint8_t *nonce, const uint8_t *p,
		size_t n, uint8_t *out)
{
	uint8_t iv[16] = {0};
	int len;

	memcpy(iv, nonce, SFRAME_SALT);
	return EVP_CipherInit_ex(a->aes, NULL, NULL, NULL, iv, -1) &&
	       EVP_CipherUpdate(a->aes, out, &len, p, (int)n);
}

static bool tag_make(struct sframe_aead *a, const uint8_t *nonce,
		     const uint8_t *aad, size_t aad_len, const uint8_t *ct,
		     size_t n, uint8_t tag[HKDF_MAX])
{
	uint8_t head[3 * 8 + SFRAME_SALT];
	size_t len;

	e2ee_put64(head, aad_len);
	e2ee_put64(head + 8, n);
	e2ee_put64(head + 16, a->suite->nt);
	memcpy(head + 24, nonce, SFRAME_SALT);
	return EVP_MAC_init(a->mac, NULL, 0, NULL) && /* the same key again */
	       EVP_MAC_update(a->mac, head, sizeof(head)) &&
	       EVP_MAC_update(a->mac, aad, aad_len) &&
	       EVP_MAC_update(a->mac, ct, n) &&
	       EVP_MAC_final(a->mac, tag, &len, HKDF_MAX);
}

static bool hmac_seal(struct sframe_aead *a, const uint8_t *nonce,
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out)
{
	uint8_t tag[HKDF_MAX];

	if (!ctr(a, nonce, p, n, out) ||
	    !tag_make(a, nonce, aad, aad_len, out, n, tag))
		return false;
	memcpy(out + n, tag, a->suite->nt);
	return true;
}

static bool hmac_open(struct sframe_aead *a, const uint8_t *nonce,
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out)
{
	uint8_t tag[HKDF_MAX];

	return tag_make(a, nonce, aad, aad_len, p, n, tag) &&
	       !sodium_memcmp(tag, p + n, a->suite->nt) &&
	       ctr(a, nonce, p, n, out);
}

static bool gcm_seal(struct sframe_aead *a, const uint8_t *nonce,
		     const uint8_t *aad, size_t aad_len, const uint8_t *p,
		     size_t n, uint8_t *out)
{
	int len;

	return EVP_CipherInit_ex(a->aes, NULL, NULL, NULL, nonce, -1) &&
	       EVP_CipherUpdate(a->aes, NULL, &len, aad, (int)aad_len) &&
	       EVP_CipherUpdate(a->aes, out, &len, p, (int)n) &&
	       EVP_CipherFinal_ex(a->aes, out + n, &len) &&
	       EVP_CIPHER_CTX_ctrl(a->aes, EVP_CTRL_AEAD_GET_TAG, a->suite->nt,
				   out + n);
}

static bool gcm_open(struct sframe_aead *a, const uint8_t *nonce,
		     const uint8_t *aad, size_t aad_len, const uint8_t *p,
		     size_t n, uint8_t *out)
{
	uint8_t tag[SFRAME_TAG_MAX];
	int len;

	memcpy(tag, p + n, a->suite->nt);
	return EVP_CipherInit_ex(a->aes, NULL, NULL, NULL, nonce, -1) &&
	       EVP_CipherUpdate(a->aes, NULL, &len, aad, (int)aad_len) &&
	       EVP_CipherUpdate(a->aes, out, &len, p, (int)n) &&
	       EVP_CIPHER_CTX_ctrl(a->aes, EVP_CTRL_AEAD_SET_TAG, a->suite->nt,
				   tag) &&
	       EVP_CipherFinal_ex(a->aes, tag, &len);
}

bool sframe_aead_seal(struct sframe_aead *a, const uint8_t nonce[SFRAME_SALT],
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out)
{
	if (n > INT_MAX - SFRAME_TAG_MAX)
		return false;
	return (a->suite->hmac ? hmac_seal : gcm_seal)(a, nonce, aad, aad_len,
						       p, n, out);
}

bool sframe_aead_open(struct sframe_aead *a, const uint8_t nonce[SFRAME_SALT],
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out)
{
	if (n < a->suite->nt || n > INT_MAX)
		return false;
	n -= a->suite->nt;
	if ((a->suite->hmac ? hmac_open : gcm_open)(a, nonce, aad, aad_len, p,
						    n, out))
		return true;
	sodium_memzero(out, n);
	return false;
}
