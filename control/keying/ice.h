/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/ice.h - the lite end of ICE for one transport.
 * RFC 8445 sections 2.5, 7.3; consent of RFC 7675.
 *
 * A lite agent answers Binding requests and never sends any; the full peer
 * checks, and nominates. What counts is a request whose USERNAME and
 * MESSAGE-INTEGRITY are right, and whose transaction is new: one that is heard
 * again is answered where it came from before, and nowhere else, so a recorded
 * check moves no media and renews no consent. Two lite ends never check each
 * other: such a peer is treated as one without ICE (media_ice.c).
 * Pure: the caller brings the clock. Control's thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/keying/stun.h"

#define ICE_UFRAG_MAX  257 /* RFC 8445 section 5.3: 4 to 256, and the NUL */
#define ICE_PWD_MAX    257 /* 22 to 256 */
#define ICE_OUR_UFRAG  9   /* octets with the NUL: 48 bits */
#define ICE_OUR_PWD    25  /* 144 bits */
#define ICE_SOURCES    8   /* of a component, that have passed a check */
#define ICE_SEEN_WORDS 512 /* 32,768 bits */
#define ICE_CONSENT_MS 30000
#define ICE_COMPONENTS 2 /* RTP, RTCP */

struct ice_component {
	struct sp_addr source[ICE_SOURCES]; /* passed a check; family 0: free */
	unsigned next;			    /* of them to be overwritten */
	struct sp_addr peer;		    /* nominated; family 0: none yet */
	uint64_t checked; /* ms: latest check of the nominated pair */
};

struct ice {
	char ufrag[ICE_OUR_UFRAG], pwd[ICE_OUR_PWD]; /* ours */
	char remote[ICE_UFRAG_MAX]; /* the peer's ufrag; "": not known yet */
	struct ice_component component[ICE_COMPONENTS];
	bool restored;		       /* ice_restore: nominates nobody else */
	uint64_t seen[ICE_SEEN_WORDS]; /* Bloom filter over transactions. That
					* a new one seems to be old costs its
					* sender one more check. */
};

enum ice_result {
	ICE_IGNORED,   /* nobody who knows our password; no answer */
	ICE_ANSWERED,  /* reply has been filled in; nothing else is new */
	ICE_CHECKED,   /* the same, and the source is a valid one now */
	ICE_NOMINATED, /* the same, and it is another peer than before */
};

/** Fresh credentials of ours; all else is empty. */
void ice_init(struct ice *ice);
/** The peer's ufrag from its SDP. What another one had checked is forgotten. */
void ice_remote(struct ice *ice, const char *ufrag);
/** A datagram that may be STUN, from a stranger. component: 0 RTP, 1 RTCP.
 * reply: STUN_REPLY_MAX octets. now: ms. */
enum ice_result ice_recv(struct ice *ice, unsigned component,
			 const struct sp_addr *from, const uint8_t *p, size_t n,
			 uint64_t now, uint8_t *reply, size_t *reply_len);
/** Has a check from there passed? */
bool ice_valid(const struct ice *ice, unsigned component,
	       const struct sp_addr *from);
/** Whom to send to; NULL: nobody is nominated, or consent has ended. */
const struct sp_addr *ice_peer(const struct ice *ice, unsigned component,
			       uint64_t now);
/** Another life of the program had this peer nominated; until ICE restarts it
 * stays the only one, since what it has heard before is forgotten. */
void ice_restore(struct ice *ice, unsigned component,
		 const struct sp_addr *peer, uint64_t now);
/** ice-char of RFC 8839 section 5.4, and of the right length. */
bool ice_ufrag_ok(const char *p, size_t n);
bool ice_pwd_ok(const char *p, size_t n);
