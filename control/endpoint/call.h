/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/call.h - one call: INVITE dialog, media, handshake.
 *
 * RFC 3261, 3264, 6086 (INFO), 3326 (Reason); E2EE.md, "The course of a
 * handshake". A call belongs to its user agent, which keeps it for 32 s after
 * its end to answer what still arrives. Main thread only. */
#pragma once
#include "control/endpoint/rtp.h"
#include "control/endpoint/ua.h"

enum call_state {
	CALL_IDLE,
	CALL_CALLING, /* INVITE sent */
	CALL_RINGING, /* INVITE received, not answered */
	CALL_UP,      /* 2xx sent or received */
	CALL_CLOSED
};

struct call_wish {
	bool wants[E2EE_KINDS]; /* m-lines */
	unsigned codecs;	/* a bit for each entry of codecs[] */
};

/** Place a call. uri: "sip:user@host[:port]", or a bare user of our domain.
 * wish: NULL for what the user agent is set to. user: call_user's.
 * @return NULL with *why. */
struct call *call_connect(struct ua *ua, const char *uri,
			  const struct call_wish *wish, void *user,
			  const char **why);
/** Answer what is ringing; the same meaning of wish. @return errno. */
int call_answer(struct call *c, const struct call_wish *wish);
/** Tell the caller that somebody is being asked. */
void call_ring(struct call *c);
/** Refuse, cancel or end, whatever fits. scode: of a refusal. */
void call_hangup(struct call *c, unsigned scode, const char *phrase);
/** Hold: send nothing but silence's place; peer is told. @return errno. */
int call_hold(struct call *c, bool on);
/** The user says that the codes match. */
bool call_verify(struct call *c);

/** @return whether the packet was sent. */
bool call_send(struct call *c, enum e2ee_kind kind, uint8_t codec, bool marker,
	       uint32_t ts, const uint8_t *p, size_t len);
void call_ask_key(struct call *c, enum e2ee_kind kind);
/** The codec to send with, or NULL. */
const struct codec *call_codec(const struct call *c, enum e2ee_kind kind);
/** Whether digits were agreed upon; always so with SFrame. */
bool call_digits(const struct call *c);
/** Kinds and codecs agreed upon (or, while it rings, offered). */
struct call_wish call_agreed(const struct call *c);

unsigned call_id(const struct call *c);
enum call_state call_state(const struct call *c);
bool call_locked(const struct call *c);
/** Whether it is, or is about to become, end-to-end encrypted. */
bool call_sealed(const struct call *c);
/** Who it is with: signed where locked, else what SIP claims. */
const char *call_peer(const struct call *c);
/** Incoming: the AOR that the caller asked for, "sip:user@host". */
const char *call_target(const struct call *c);
/** The security code; NULL unless locked. For the user's eyes only. */
const char *call_code(const struct call *c);
bool call_verified(const struct call *c);
void *call_user(const struct call *c);
void call_set_user(struct call *c, void *user);
/** NULL where the call hasn't that kind. */
const struct rtp_stats *call_stats(const struct call *c, enum e2ee_kind kind);
/** Packets that SFrame refused, all verdicts together. */
uint64_t call_refused_packets(const struct call *c, enum e2ee_kind kind);
