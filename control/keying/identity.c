/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/identity.h"
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include "control/keying/dtls_int.h"
#include "control/log.h"

#define VALID_S (30 * 24 * 3600)
#define EARLY_S (24 * 3600) /* clocks of phones are wrong by hours */

/* Forward secrecy and authenticated encryption only. As a client we also meet
 * peers with RSA certificates. */
#define CIPHERS                          \
	"ECDHE-ECDSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:" \
	"ECDHE-RSA-AES128-GCM-SHA256:"   \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

static struct identity *current;

static X509 *certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	uint8_t serial[8];
	X509_NAME *name;
	BIGNUM *bn = NULL;
	char cn[17];
	bool ok;

	if (!x || RAND_bytes(serial, sizeof(serial)) != 1)
		goto fail;
	serial[0] &= 0x7f;
	for (unsigned i = 0; i < 8; i++)
		snprintf(cn + 2 * i, 3, "%02x", serial[i]);
	name = X509_get_subject_name(x);
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = bn && X509_set_version(x, 2) &&
	     BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)cn, -1, -1, 0) &&
	     X509_set_issuer_name(x, name) &&
	     X509_gmtime_adj(X509_getm_notBefore(x), -EARLY_S) &&
	     X509_gmtime_adj(X509_getm_notAfter(x), VALID_S) &&
	     X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0;
	BN_free(bn);
	if (ok)
		return x;
fail:
	X509_free(x);
	return NULL;
}

static bool fingerprint_of(X509 *x, struct fingerprint *out)
{
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der);
	bool ok = n > 0 && fingerprint_make(out, der, (size_t)n);

	OPENSSL_free(der);
	return ok;
}

static SSL_CTX *context(EVP_PKEY *key, X509 *x)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_QUERY_MTU |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(
		ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	assoc_ctx_handlers(ctx);
	if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
	    SSL_CTX_use_certificate(ctx, x) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct identity *dtls_identity_new(int64_t now)
{
	EVP_PKEY *key = sodium_init() < 0 ? NULL : EVP_EC_gen("P-256");
	X509 *x = key ? certificate(key) : NULL;
	struct identity *id = x ? calloc(1, sizeof(*id)) : NULL;

	if (id && fingerprint_of(x, &id->fingerprint))
		id->ctx = context(key, x);
	if (id && !id->ctx) {
		free(id);
		id = NULL;
	}
	X509_free(x);
	EVP_PKEY_free(key);
	if (!id) {
		log_error(0, "no DTLS certificate can be made: %s",
			  ERR_reason_error_string(ERR_peek_last_error()));
		ERR_clear_error();
		return NULL;
	}
	id->refs = 1;
	id->made = now;
	return id;
}

struct identity *identity_ref(struct identity *id)
{
	if (id)
		id->refs++;
	return id;
}

void identity_drop(struct identity **idp)
{
	struct identity *id = *idp;

	*idp = NULL;
	if (!id || --id->refs > 0)
		return;
	SSL_free(id->listener);
	SSL_CTX_free(id->ctx);
	free(id);
}

struct identity *identity_get(int64_t now)
{
	struct identity *fresh;

	if (!current || now - current->made >= IDENTITY_LIFE_S) {
		fresh = dtls_identity_new(now);
		if (fresh) {
			identity_drop(&current);
			current = fresh;
		}
	}
	return identity_ref(current);
}

void identity_forget(void)
{
	identity_drop(&current);
}
