/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/handshake_int.h - what handshake.c (course, waits, SDP) and
 * messages.c (what each message holds and proves) share. Nobody else's. */
#pragma once
#include "control/e2ee/handshake.h"

#define E2EE_MESSAGES 5

enum state {
	ST_START,      /* R: no INVITE yet */
	ST_RINGING,    /* R: has M1, not answered */
	ST_WAIT_M2,    /* I: INVITE is out */
	ST_WAIT_M3,    /* R */
	ST_WAIT_M4,    /* I */
	ST_WAIT_M5,    /* R */
	ST_WAIT_MEDIA, /* I: R has to be heard before the lock */
	ST_LOCKED,
	ST_ORDINARY,
	ST_FAILED
};

struct kept {
	size_t n;
	uint8_t p[E2EE_MSG_MAX];
};

/* The whole object is in locked memory, so nothing in it has to be told apart
 * for that; what is grouped here is what failing and finishing wipe. */
struct secrets {
	uint8_t x[E2EE_KEY];	/* own X25519 secret */
	uint8_t r[E2EE_RANDOM]; /* own r, until it is revealed */
	uint8_t prk[E2EE_PRK];
	uint8_t k[E2EE_KEY]; /* the key of the message at hand */
	uint8_t ms[64];
	uint8_t plain[E2EE_MSG_MAX];
};

struct results {	      /* what finishing leaves and failing wipes */
	uint8_t k5[E2EE_KEY]; /* R, until M5 */
	uint8_t base[2][E2EE_KINDS][E2EE_BASE_KEY];
	char code[E2EE_CODE];
};

struct e2ee {
	struct e2ee_config c; /* its strings point to the copies below */
	char own_aor[E2EE_AOR_MAX + 1], peer_aor[E2EE_AOR_MAX + 1];
	enum state state;
	bool begun; /* M2 was sent or received: failing ends the call */
	uint64_t deadline;
	enum e2ee_reason reason; /* ST_FAILED: why */
	const char *where;

	struct kept m1, m2;
	bool seen[E2EE_MESSAGES + 1]; /* messages received, by type ... */
	uint8_t hash[E2EE_MESSAGES + 1][32]; /* ... and what they were */
	uint8_t x[E2EE_KEY];		     /* own X25519 public key */
	uint8_t peer_x[E2EE_KEY];	     /* I: X_R, from M2 */
	uint8_t commit[E2EE_COMMIT];	     /* the peer's */
	uint8_t th1[E2EE_TH], th2[E2EE_TH], th3[E2EE_TH];
	uint8_t idb[E2EE_IDB_MAX];
	size_t idb_len;

	bool peer_signed; /* the three below are the peer's own word */
	uint8_t peer_key[E2EE_KEY];
	struct e2ee_media_list peer_media;

	struct secrets s;
	struct results res;
	uint8_t out[E2EE_OUT_MAX];
};

static inline struct e2ee_view view(const void *p, size_t n)
{
	return (struct e2ee_view){p, n};
}

/* Each takes a message whose type, place and sender are right already.
 * @return E2EE_R_NONE with the state moved on, and what is to be sent next in
 * h->out (*out_len octets, 0: nothing); else why, with h->where. */
enum e2ee_reason e2ee_on_m1(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len);
enum e2ee_reason e2ee_on_m2(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len);
enum e2ee_reason e2ee_on_m3(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len);
enum e2ee_reason e2ee_on_m4(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len);
enum e2ee_reason e2ee_on_m5(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len);
/** Fresh values, identity block, commitment and M1 (I) or M2 (R). */
void e2ee_make_own(struct e2ee *h);
/** Keep what a message was, to know its copies. */
void e2ee_note(struct e2ee *h, unsigned type, struct e2ee_view m);
