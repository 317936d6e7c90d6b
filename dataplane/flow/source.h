/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/source.h - where a transport's media may come from.
 *
 * STRICT: the signalled address and port, nothing else. LEARN: within the
 * signalled prefix, any port; the first that qualifies is kept and from then
 * on it is strict. On plain legs any such packet qualifies, on SRTP legs only
 * one whose tag has verified, so an injected packet steals nothing (the attack
 * is known as RTP bleed). A new offer that changes the rule, the peer or the
 * receiving key starts it anew. FOLLOW: the same, but every new offer does. The
 * owning worker's; the main lcore reads what was learned by source_read(). */
#pragma once
#include <stdbool.h>
#include <string.h>
#include "dataplane/flow/flow.h"

enum source_verdict {
	SOURCE_RIGHT, /* spends the transport's bucket */
	SOURCE_STRAY, /* may be learned once verified; spends the stray one */
	SOURCE_WRONG,
};

/* Each part goes in and out in the same width, and nothing is copied whole: an
 * endpoint made from a packet is compared at once, and a load that spans several
 * fresh stores would stall for each packet. */
static inline void endpoint_set(struct endpoint *e, uint8_t family,
				const uint8_t *addr, uint16_t port)
{
	uint64_t low = 0, high = 0;

	if (family == 4) {
		memcpy(&low, addr, 4);
	} else {
		memcpy(&low, addr, 8);
		memcpy(&high, addr + 8, 8);
	}
	memcpy(e->addr, &low, 8);
	memcpy(e->addr + 8, &high, 8);
	e->head = ENDPOINT_HEAD(port, family);
}

static inline uint64_t endpoint_word(const struct endpoint *e, unsigned at)
{
	uint64_t word;

	memcpy(&word, e->addr + at, 8);
	return word;
}

static inline bool endpoint_same(const struct endpoint *a,
				 const struct endpoint *b)
{
	return endpoint_word(a, 0) == endpoint_word(b, 0) &&
	       endpoint_word(a, 8) == endpoint_word(b, 8) &&
	       ((a->head ^ b->head) & ENDPOINT_HEAD_MASK) == 0;
}

static inline bool endpoint_within(const struct endpoint *net,
				   const struct endpoint *e)
{
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;

	if (net->family != e->family || net->family == 0)
		return false;
	if (memcmp(net->addr, e->addr, whole) != 0)
		return false;
	return rest == 0 ||
	       ((net->addr[whole] ^ e->addr[whole]) >> (8 - rest)) == 0;
}

/* The main lcore may be reading: the number is odd while source[] changes. */
static inline void source_keep(struct flow_run *r, unsigned side,
			       const struct endpoint *e)
{
	uint32_t seq = r->source_seq;

	__atomic_store_n(&r->source_seq, seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	r->source[side] = *e;
	r->source[side].prefix = 0;
	__atomic_store_n(&r->source_seq, seq + 2, __ATOMIC_RELEASE);
}

/* The rule starts anew: what was learned stays only if it is the very address
 * that is signalled now, and not even then where it is to be followed. */
static inline void source_restart(const struct flow *f)
{
	static const struct endpoint none;
	struct flow_run *r = f->run;

	for (unsigned i = 0; i < 2; i++)
		if (f->source == SP_SOURCE_STRICT)
			source_keep(r, i, &f->peer[i]);
		else if (f->source == SP_SOURCE_FOLLOW ||
			 !endpoint_same(&r->source[i], &f->peer[i]))
			source_keep(r, i, &none);
	r->source_gen = f->source_gen;
}

static inline enum source_verdict source_check(const struct flow *f,
					       unsigned side,
					       const struct endpoint *e)
{
	struct flow_run *r = f->run;

	if (__builtin_expect(r->source_gen != f->source_gen, 0))
		source_restart(f);
	if (__builtin_expect(endpoint_same(&r->source[side], e), 1))
		return e->family ? SOURCE_RIGHT : SOURCE_WRONG;
	if (f->source == SP_SOURCE_STRICT || r->source[side].family != 0 ||
	    !endpoint_within(&f->peer[side], e))
		return SOURCE_WRONG;
	if (!f->rx) {
		source_keep(r, side, e);
		return SOURCE_RIGHT;
	}
	return endpoint_same(&f->peer[side], e) ? SOURCE_RIGHT : SOURCE_STRAY;
}

/** A packet from e has verified. @return false: another source was learned
 * meanwhile, earlier in this burst. */
static inline bool source_verified(const struct flow *f, unsigned side,
				   const struct endpoint *e)
{
	struct flow_run *r = f->run;

	if (__builtin_expect(r->source[side].family != 0, 1))
		return endpoint_same(&r->source[side], e);
	source_keep(r, side, e);
	return true;
}

/** For the main lcore: a whole copy. */
static inline struct endpoint source_read(const struct flow_run *r,
					  unsigned side)
{
	struct endpoint e;
	uint32_t seq;

	do {
		seq = __atomic_load_n(&r->source_seq, __ATOMIC_ACQUIRE);
		e = r->source[side];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (seq % 2 != 0 ||
		 seq != __atomic_load_n(&r->source_seq, __ATOMIC_RELAXED));
	return e;
}
