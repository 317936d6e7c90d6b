/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/dtls_int.h - shared by identity.c and dtls*.c, by nobody else.
 *
 *   dtls.c         the life of an association
 *   dtls_bio.c     OpenSSL's way to datagrams, and the cookies
 *   dtls_keys.c    what the handshake yields */
#pragma once
#include <openssl/ssl.h>
#include "control/keying/dtls.h"
#include "control/keying/identity.h"
#include "control/libre.h"

enum assoc_state {
	DTLS_IDLE,	/* not told to start */
	DTLS_LISTENING, /* passive, nobody has shown a cookie */
	DTLS_SHAKING,
	DTLS_WAITING, /* done, before the SDP's fingerprint */
	DTLS_DONE,
	DTLS_OVER, /* failed as active, or closed */
};

struct assoc {
	struct identity *id;
	struct assoc_handlers h;
	uint16_t suites[8];
	struct fingerprint fp[DTLS_FINGERPRINTS];
	unsigned n_fp;
	enum assoc_role role;
	enum assoc_state state;
	struct sp_addr peer; /* of the handshake */
	SSL *ssl;	     /* from SHAKING on */
	struct hopkey *rx, *tx;
	struct tmr tmr;
	uint64_t begun; /* ms */
	/* the datagram that is being read, and who sent it */
	const uint8_t *in;
	size_t in_len;
	struct sp_addr from;
	bool wrong_peer; /* its certificate was another */
};

/* dtls.c */
/** Has the certificate one of the fingerprints of the SDP? */
bool assoc_certificate_fits(const struct assoc *d, X509 *x);

/* dtls_bio.c */
/** Certificate check, cookies and timers, for every session of a context. */
void assoc_ctx_handlers(SSL_CTX *ctx);
/** A session that reads and writes d's datagrams. @return NULL: no memory. */
SSL *assoc_ssl_new(struct assoc *d);
/** Let d's datagram be heard by a session that keeps nothing. @return the
 * session, now d's, if there was a valid cookie in it. */
SSL *assoc_listen(struct assoc *d);

/* dtls_keys.c */
/** The names of d's suites, for use_srtp. @return false: none is usable. */
bool assoc_profiles(const struct assoc *d, SSL *ssl);
/** What was agreed, into d's rx and tx. @return NULL, or why not. */
const char *assoc_export(struct assoc *d);
