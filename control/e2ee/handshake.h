/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/handshake.h - M1 to M5 as a state machine without I/O.
 *
 * E2EE.md, "Messages" to "What the endpoint shows". One object for each call:
 * tell it what SIP brought (an SDP, an INFO's body, a refusal), and do what it
 * answers. It keeps the rules: who may send what and when, the waits, one
 * handshake at a time, what a peer's key means. When it says E2EE_END its keys
 * are gone already; the caller frees its media too, and sends no more.
 *
 *   I: new, attribute -> INVITE ... 2xx: sdp -> SEND M3 ... feed(M4) -> SEND
 *      M5, media_new ... first packet that opens: media_seen -> LOCK
 *   R: INVITE: sdp ... answered: answer, attribute -> 2xx ... feed(M3) -> SEND
 *      M4 ... feed(M5) -> LOCK, media_new
 *
 * Only messages of the call's own dialog may be fed: every other 2xx gets ACK
 * and BYE unread. SDP in 18x isn't fed. Times are milliseconds of any clock
 * that doesn't go back. Secrets are in locked memory. Not for several threads
 * at once; what `new` borrows has to outlive the object. */
#pragma once
#include "control/e2ee/attribute.h"
#include "control/e2ee/guard.h"
#include "control/e2ee/identity.h"
#include "control/e2ee/keys.h"
#include "control/e2ee/peers.h"
#include "control/e2ee/reason.h"

#define E2EE_WAIT_MS 10000	/* for M3, M4, M5, the first SFrame packet */
#define E2EE_NEVER   UINT64_MAX /* no deadline */

struct e2ee;

/* What a random value is for. Vectors choose by it. */
enum e2ee_random {
	E2EE_RND_X25519, /* secret */
	E2EE_RND_R,	 /* r_I or r_R */
	E2EE_RND_N,	 /* n_R */
	E2EE_RND_CALL_ID
};

struct e2ee_config {
	enum e2ee_side side;
	const struct identity *identity;
	const char *own_aor;
	/* I: whom it dialled. R: the From header's AOR, which R has to commit
	 * to before it can know better; it fails unless IDB_I says the same,
	 * and is shown to nobody. Copied, as own_aor is. */
	const char *peer_aor;
	struct e2ee_media_list media; /* what this side may send */
	bool required;		      /* no ordinary call instead */
	struct peers *peers;	      /* NULL: nothing is remembered */
	struct guard *guard;	      /* NULL: this call isn't counted */
	/* NULL: libsodium's. Fills out[0..n). */
	void (*random)(void *arg, enum e2ee_random what, uint8_t *out,
		       size_t n);
	void *arg;
};

enum e2ee_act {
	E2EE_WAIT,     /* nothing to do; an INFO gets its 200 */
	E2EE_SEND,     /* 200, and send msg in an INFO of this dialog */
	E2EE_LOCK,     /* 200; show the shield with the lock, and the code */
	E2EE_ORDINARY, /* the call isn't end-to-end; plain shield */
	E2EE_REFUSE,   /* 488 with reason; a call that is up stays as it was */
	E2EE_END       /* BYE with reason (after an ACK where one is due) */
};

enum e2ee_warning {
	E2EE_NO_WARNING,
	E2EE_WARN_FIRST,     /* first end-to-end call with this peer */
	E2EE_WARN_NEW_KEY,   /* a key that isn't among those remembered */
	E2EE_WARN_NO_LONGER, /* calls with this peer once were end-to-end */
};

struct e2ee_result {
	enum e2ee_act act;
	enum e2ee_reason reason;   /* for REFUSE and END */
	enum e2ee_warning warning; /* for LOCK and ORDINARY: show it */
	const uint8_t *msg;	   /* for SEND; until the next call */
	size_t len;
};

/** @return NULL with *why: E2EE_R_CONFIG, _BUSY (answer 486, or wait),
 * _BLOCKED (show guard_wait), _INTERNAL. */
struct e2ee *e2ee_new(const struct e2ee_config *c, uint64_t now,
		      enum e2ee_reason *why);
/** Wipes. An unfinished handshake is given up without counting as failed. */
void e2ee_free(struct e2ee *h);

/** The peer's SDP of an INVITE (R) or of the call's first 2xx (I), and later
 * every other offer or answer of the dialog; len 0 where there was none in an
 * INVITE or 2xx. @return WAIT, SEND (I: M3), ORDINARY, REFUSE, END. */
struct e2ee_result e2ee_sdp(struct e2ee *h, const char *sdp, size_t len,
			    uint64_t now);
/** R, about to send its 2xx: make M2, and the wait for M3 starts.
 * @return WAIT, END. */
struct e2ee_result e2ee_answer(struct e2ee *h, uint64_t now);
/** The value of a=e2ee for every SDP of this side: M1 for I, M2 for R once it
 * has answered. @return characters, 0: none, or no room (E2EE_ATTR_ROOM). */
size_t e2ee_attribute(const struct e2ee *h, char *out, size_t room);
/** The body of an INFO with Content-Type application/sallyport-e2ee. */
struct e2ee_result e2ee_feed(struct e2ee *h, const uint8_t *msg, size_t len,
			     uint64_t now);
/** An INFO of ours got something else than a 2xx. */
struct e2ee_result e2ee_refused(struct e2ee *h, uint64_t now);
/** The peer sent a BYE. It counts as failed where the handshake wasn't done. */
struct e2ee_result e2ee_peer_ended(struct e2ee *h, uint64_t now);
/** An SFrame packet of the peer was authentic. @return LOCK once, then WAIT. */
struct e2ee_result e2ee_media_seen(struct e2ee *h, uint64_t now);

/** When to call tick; E2EE_NEVER: not now. */
uint64_t e2ee_deadline(const struct e2ee *h);
/** @return WAIT before the deadline, END from it on. */
struct e2ee_result e2ee_tick(struct e2ee *h, uint64_t now);

bool e2ee_locked(const struct e2ee *h);
/** @return why it ended or refused, and in *where (may be NULL) the field that
 * was wrong, "" if none. */
enum e2ee_reason e2ee_why(const struct e2ee *h, const char **where);
/** "ddddd ddddd ddddd ddddd" once locked, else NULL. Never to be logged,
 * stored or sent. Points into locked memory. */
const char *e2ee_code(const struct e2ee *h);
/** The peer's AOR, as its identity signed it; NULL until it did. */
const char *e2ee_peer_aor(const struct e2ee *h);
/** [32]; NULL until it signed. */
const uint8_t *e2ee_peer_key(const struct e2ee *h);
/** What the peer may send; NULL until it signed. */
const struct e2ee_media_list *e2ee_peer_media(const struct e2ee *h);
/** The user says that the codes match. @return false unless locked. */
bool e2ee_verify(struct e2ee *h);

/* For media.c and the vectors. @return false while this side may not use that
 * direction's key yet, or not any more. */
bool e2ee_key(const struct e2ee *h, enum e2ee_dir dir, enum e2ee_kind kind,
	      uint8_t key[E2EE_BASE_KEY]);
enum e2ee_side e2ee_side_of(const struct e2ee *h);
const struct e2ee_media_list *e2ee_own_media(const struct e2ee *h);
