/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/dtls.h - DTLS-SRTP: one association of one transport.
 * RFC 5764, 8842; DTLS 1.2 by OpenSSL over datagrams that others carry.
 *
 * The association begins to answer (or to ask) when it is told to, retransmits
 * by libre's timers, and says so when keys are there. Keys are given out only
 * when the peer's certificate has one of the fingerprints of its SDP; where the
 * handshake was faster than the SDP, they wait. Before a peer has shown that it
 * receives at its address (a cookie, RFC 6347 section 4.2.1, or a check of ICE)
 * nothing is kept of it and nothing is computed but one HMAC.
 *
 * Control's thread. Keys are in the vault (hopkey.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/keying/fingerprint.h"
#include "control/keying/hopkey.h"

struct assoc;
struct identity;

#define DTLS_FINGERPRINTS 8
#define DTLS_MTU	  1200 /* octets of UDP payload of what we send */
#define DTLS_GIVE_UP_MS	  30000

enum assoc_role { DTLS_PASSIVE, DTLS_ACTIVE };

enum assoc_event {
	DTLS_KEYS,   /* dtls_keys() has them; the peer is who its SDP says */
	DTLS_FAILED, /* nothing comes of it; why says the reason. Passive ones
		      * listen again, active ones are over */
	DTLS_CLOSED, /* the peer said close_notify: its media is over */
};

struct assoc_handlers {
	/* Send a datagram from this transport; also from within assoc_free. */
	void (*send)(const struct sp_addr *to, const void *p, size_t n,
		     void *arg);
	/* May free or replace other associations, not this one. why: static. */
	void (*event)(enum assoc_event e, const char *why, void *arg);
	void *arg;
};

/** suites: enum sp_suite, those that DTLS-SRTP has, best first; 0 ends.
 * @return NULL: no memory, no certificate. Holds the identity. */
struct assoc *assoc_new(struct identity *id, const uint16_t suites[8],
			const struct assoc_handlers *h);
/** Says close_notify, if the association is there; wipes its keys. */
void assoc_free(struct assoc *d);

/** The peer's fingerprints, from its SDP: any of them will do. Others than
 * before need a new association. */
void assoc_expect(struct assoc *d, const struct fingerprint fp[], unsigned n);
/** Begin: DTLS_ACTIVE sends its first flight to `peer`; DTLS_PASSIVE waits for
 * one. Once it has begun it stays as it is, but a passive one that nobody has
 * called yet may become active. */
void assoc_start(struct assoc *d, enum assoc_role role,
		 const struct sp_addr *peer);
/** A datagram from there; anybody may have sent it. trusted: ICE has checked the
 * source, so that no cookie is needed, and the peer may move. */
void assoc_recv(struct assoc *d, const struct sp_addr *from, const uint8_t *p,
		size_t n, bool trusted);

/** Both keys, or NULL before DTLS_KEYS; still d's. */
struct hopkey *assoc_rx(const struct assoc *d);
struct hopkey *assoc_tx(const struct assoc *d);
/** Where the handshake was; family 0: nowhere yet. */
const struct sp_addr *assoc_peer(const struct assoc *d);
