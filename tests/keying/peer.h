/* SPDX-License-Identifier: Apache-2.0 */
/* tests/keying/peer.h - the other end of a DTLS-SRTP association: OpenSSL over
 * a UDP socket of its own, in a thread, as its manual has it (BIO_s_datagram,
 * blocking calls); nothing of control/keying is in it. */
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct peer;

struct peer_options {
	bool client;
	const char *srtp;    /* use_srtp: OpenSSL's names, NULL: without */
	const char *ciphers; /* NULL: OpenSSL's own choice */
	bool no_certificate; /* as a client */
	bool rsa;
	int version; /* 0: DTLS 1.2 */
};

/** Makes its certificate and binds to 127.0.0.1; the handshake begins with
 * peer_start. */
struct peer *peer_new(const struct peer_options *o);
uint16_t peer_port(const struct peer *p);
/** "sha-256 AB:..." as OpenSSL's own digest of the certificate has it. hash:
 * "SHA256", "SHA1" ... */
const char *peer_fingerprint(struct peer *p, const char *hash);
void peer_start(struct peer *p, uint16_t to);
/** Has its handshake been completed? */
bool peer_done(struct peer *p);
/** Ends its thread. @return true: its handshake was completed. */
bool peer_join(struct peer *p);
/** After that: the name of the SRTP profile, or "". */
const char *peer_profile(const struct peer *p);
/** And what it exports: 2 * (key + salt) octets. */
const uint8_t *peer_material(const struct peer *p);
/** Says close_notify. */
void peer_close(struct peer *p);
void peer_free(struct peer *p);
