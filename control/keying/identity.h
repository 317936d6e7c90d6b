/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/identity.h - the certificate that the gateway shows in DTLS.
 *
 * ECDSA P-256, self-signed, with a random name: the fingerprint in SDP is what
 * vouches for it. Made when first needed and kept for calls to come; after a
 * day the next session gets a new one, and sessions keep theirs. It never
 * reaches the disk: after a restart fingerprints are others, which a peer
 * learns with the next offer. Control's thread. */
#pragma once
#include <openssl/ssl.h>
#include <stdint.h>
#include "control/keying/fingerprint.h"

#define IDENTITY_LIFE_S (24 * 3600)

struct identity {
	unsigned refs;
	SSL_CTX *ctx;  /* DTLS 1.2, with the certificate */
	SSL *listener; /* dtls_bio.c's; NULL: to be made */
	struct fingerprint fingerprint;
	int64_t made; /* UNIX seconds */
};

/** The one for new sessions; one holder more. now: UNIX seconds. @return NULL:
 * OpenSSL failed, the reason logged. */
struct identity *identity_get(int64_t now);
/** One that nobody else has, for a peer that has seen the other already and has
 * to notice that it is talking to a new association. */
struct identity *dtls_identity_new(int64_t now);
struct identity *identity_ref(struct identity *id);
/** One holder less; sets *id to NULL. */
void identity_drop(struct identity **id);
/** At the end of the program. */
void identity_forget(void);
