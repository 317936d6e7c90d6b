/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/pair.h - two sides of one call in one process, for tests, fuzzing
 * and measuring. What goes between them can be looked at and spoiled. */
#pragma once
#include "control/e2ee/e2ee.h"

#define ALICE "sip:alice@branch.example"
#define BOB   "sip:bob@hq.example"

enum { PAIR_I, PAIR_R, PAIR_SIDES };

/* Randomness that can be repeated: from a seed and what it is for. */
struct pair_rng {
	uint64_t seed;
	unsigned drawn;
};

struct pair {
	struct identity *id[PAIR_SIDES];
	struct peers *peers[PAIR_SIDES]; /* NULL: pair_start makes none */
	struct guard *guard[PAIR_SIDES];
	struct pair_rng rng[PAIR_SIDES];
	struct e2ee_config config[PAIR_SIDES]; /* change before pair_start */
	struct e2ee *side[PAIR_SIDES];
	uint64_t now;
	uint8_t msg[6][E2EE_MSG_MAX]; /* M1 to M5 as they were sent */
	size_t len[6];
	struct e2ee_result last;
};

/** Identities, configurations (all kinds, suite 5), no handshake yet. */
void pair_init(struct pair *p, uint64_t seed);
void pair_free(struct pair *p);
/** Both objects. @return false where one can't begin. */
bool pair_start(struct pair *p);
/** Everything up to and with the sending of message m, 1 to 5: it is in
 * p->msg[m], and was not delivered. @return false if that didn't happen. */
bool pair_upto(struct pair *p, int m);
/** Deliver p->msg[m], by SDP or INFO as E2EE.md says; its answer, if it is a
 * message, becomes p->msg[m + 1]. */
struct e2ee_result pair_deliver(struct pair *p, int m);
/** The whole handshake, up to both locks. */
bool pair_lock(struct pair *p);
/** The side that gets message m. */
static inline struct e2ee *pair_to(struct pair *p, int m)
{
	return p->side[m % 2 ? PAIR_R : PAIR_I];
}
/** An SDP with a message as its a=e2ee; static memory. len 0: without. */
const char *pair_sdp(const uint8_t *msg, size_t len);
