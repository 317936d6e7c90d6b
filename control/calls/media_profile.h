/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/media_profile.h - how media is to be on one leg: what the
 * gateway offers this peer, and what it takes from it.
 *
 * A user's devices have one (sallyctl users profile, kept by store/profiles.c);
 * a front door may set another for each offer (path_profile). What is AUTO
 * follows the peer: as an offerer it decides by what it offers, as an offeree
 * by how it registered (a browser, over WebSocket, gets DTLS-SRTP, ICE, AVPF,
 * rtcp-mux and BUNDLE). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Kept in the database by number: new ones go to the end. */
enum media_security {
	MEDIA_PLAIN,
	MEDIA_SDES,   /* SRTP, RFC 4568 */
	MEDIA_EITHER, /* plain or SDES: takes both, offers SDES */
	MEDIA_DTLS,   /* DTLS-SRTP, RFC 5763 and 5764 */
	MEDIA_AUTO,   /* takes all three; offers a browser DTLS-SRTP, a phone
			    * that registered over TLS SDES, others plain RTP */
	MEDIA_PASSTHROUGH, /* DTLS-SRTP between the two peers themselves, where
			    * both legs say so: relayed, never opened */
	MEDIA_SECURITIES
};

/* Zero follows the peer, so that {.security = ...} is a whole profile. */
enum media_switch { SWITCH_AUTO, SWITCH_OFF, SWITCH_ON, SWITCHES };

/* Our part in the DTLS handshake, RFC 8842: AUTO offers actpass, and answers
 * active where we may. */
enum media_setup { SETUP_AUTO, SETUP_ACTIVE, SETUP_PASSIVE, SETUPS };

#define MEDIA_FORCED_MAX 128 /* octets of a list of codecs, with the NUL */

struct media_profile {
	enum media_security security;
	uint16_t suites[8];	/* enum sp_suite, best first; 0 ends; none: for
				* SDES AES_CM_128_HMAC_SHA1_80, for DTLS-SRTP
				* what every browser has, best first */
	enum media_switch ice;	/* ON: ICE-lite, and a peer without it is
				* refused; OFF: candidates are taken out */
	enum media_switch avpf; /* profile in m-lines: AVPF or AVP. AUTO: as
				   * the other leg */
	enum media_switch mux;	/* rtcp-mux: ON offers it; OFF neither offers
				   * nor takes it. AUTO: as the other leg */
	enum media_switch bundle; /* ON offers BUNDLE; OFF doesn't take it
				   * either. AUTO: takes what is offered */
	enum media_setup setup;
	bool browser; /* it registered over WebSocket: decides what is AUTO
		       * towards it. The door sets it; it is never stored */
	bool tls;     /* it registered over TLS; as browser */
	char codecs[MEDIA_FORCED_MAX]; /* names to force by transcoding, best
					* first, with spaces between; "": the
					* peers find one themselves */
};

/** For people and the API: "plain", "sdes", "either", "dtls", "auto",
 * "passthrough"; "auto", "off", "on"; "auto", "active", "passive". */
extern const char *const media_security_names[MEDIA_SECURITIES];
extern const char *const media_switch_names[SWITCHES];
extern const char *const media_setup_names[SETUPS];
/** By name. @return its number, or -1. */
int media_name_find(const char *const names[], unsigned n, const char *name);
/** What an offer towards this peer is to be, nothing in it AUTO but avpf and
 * mux where they follow the other leg. */
struct media_profile media_profile_offer(const struct media_profile *p);
