/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/engine.h - one thread's scratch: the burst under work.
 *
 * Owned by one thread, which makes, uses and frees it. The memory is its own
 * mapping, locked where the system allows and left out of core dumps, since
 * SRTCP keys are expanded into it; they are wiped before a call returns, the
 * rest when it is freed. */
#pragma once
#include <stdalign.h>
#include "dataplane/srtp/burst.h"
#include "dataplane/srtp/session.h"
#include "dataplane/srtp/srtp.h"
#include "dataplane/srtp/suite.h"

#define SRTP_LANES 8 /* suites that a backend may have */

/* The operations of a burst that go to one suite. */
struct srtp_lane {
	const struct srtp_suite *suite;
	unsigned n;
	struct srtp_op *op[SRTP_BURST_MAX];
};

struct srtp_engine {
	const struct srtp_suite *suites;
	unsigned n_suites;
	unsigned used;		/* lanes with something in, one bit each */
	struct srtp_lane *last; /* that something was put into */
	const struct srtp_suite *usual; /* of the burst before; NULL: none */
	void *crypto; /* the backend's own, wiped and freed along */
	size_t size;  /* octets of the mapping */
	struct srtp_lane lane[SRTP_LANES];
	struct srtp_op op[SRTP_BURST_MAX];
	uint64_t index[SRTP_BURST_MAX];	 /* of RTP that seal_rtps seals */
	const struct srtp_raw *rtcp_raw; /* what rtcp_key is expanded from */
	alignas(16) uint8_t tag[SRTP_TAG_MAX]; /* an AEAD's, computed */
	alignas(64) uint8_t rtcp_key[SRTP_EXPANDED_MAX];
};

/** An engine for a backend's suites, with room octets of its own behind it
 * (e->crypto, 64-octet aligned, zero). @return NULL: no memory. */
struct srtp_engine *srtp_engine_alloc(const struct srtp_suite *suites,
				      unsigned n, size_t room);
/** Wipes and frees, e->crypto included. */
void srtp_engine_release(struct srtp_engine *e);

static inline void engine_start(struct srtp_engine *e)
{
	while (e->used) {
		e->lane[__builtin_ctz(e->used)].n = 0;
		e->used &= e->used - 1;
	}
	e->last = NULL;
}

HOT void engine_put(struct srtp_engine *e, const struct srtp_suite *a,
		    struct srtp_op *op)
{
	struct srtp_lane *l = e->last;

	if (unlikely(!l || l->suite != a)) {
		l = &e->lane[a->lane];
		l->suite = a;
		e->last = l;
		e->used |= 1u << a->lane;
	}
	l->op[l->n++] = op;
}

/* Prefetch: packets that an AEAD's key is asked for ahead of its use, and half
 * of what a session is. README.md, "Prefetch", has the measurement that chose
 * the distance. */
#define SRTP_PREFETCH 8

/** Ask for what a packet of len octets will touch of an expanded key. */
HOT void prefetch_key(const struct srtp_suite *a, const void *key, unsigned len)
{
	const char *k = key;

	__builtin_prefetch(k);
	__builtin_prefetch(k + 64);
	__builtin_prefetch(k + 128);
	for (unsigned i = 3; i < a->hot_lines; i++)
		__builtin_prefetch(k + 64 * i);
	if (!a->hot_tail)
		return;
	/* What a packet of up to 172 octets takes, in straight code; then the
	 * rest. */
	k += a->expanded;
	__builtin_prefetch(k - 64);
	__builtin_prefetch(k - 128);
	__builtin_prefetch(k - 192);
	len = len + 20 < a->hot_tail ? len + 20 : a->hot_tail;
	for (unsigned o = 192; unlikely(o < len); o += 64)
		__builtin_prefetch(k - 64 - o);
}

/* Packets of one session often come in a row. */
HOT bool same_as_before(const struct srtp_pkt pkt[], unsigned i)
{
	return i && pkt[i].s == pkt[i - 1].s;
}

/* Is there a p[i] below n, i >= 1, of another session than the one before? */
HOT bool turns_at(const struct srtp_pkt *p, unsigned i, unsigned n)
{
	return i < n && p[i].s != p[i - 1].s;
}

HOT void prefetch_sessions(const struct srtp_pkt pkt[], unsigned n)
{
	const struct srtp_session *before = NULL;

	for (const struct srtp_pkt *p = pkt; p < pkt + n; p++) {
		if (p->s != before)
			__builtin_prefetch(p->s);
		before = p->s;
	}
}

HOT void prefetch_key_of(const struct srtp_pkt pkt[], unsigned i)
{
	if (!same_as_before(pkt, i))
		prefetch_key(pkt[i].s->suite, pkt[i].s->expanded, pkt[i].len);
}

/** What p[0..n) takes some packets behind the first. */
HOT void prefetch_ahead(const struct srtp_pkt *p, unsigned n)
{
	const struct srtp_pkt *next = &p[SRTP_PREFETCH];

	if (turns_at(p, 2 * SRTP_PREFETCH, n))
		__builtin_prefetch(p[2 * SRTP_PREFETCH].s);
	if (turns_at(p, SRTP_PREFETCH, n))
		prefetch_key(next->s->suite, next->s->expanded, next->len);
}

/** Before the first packet of a burst: the keys of its first packets, while its
 * sessions aren't here yet. That they are of suite a, as those of the burst
 * before were, is a guess, and that each is its session's first. */
HOT void prefetch_first_keys(const struct srtp_suite *a,
			     const struct srtp_pkt pkt[], unsigned n)
{
	for (unsigned i = 0; i < SRTP_PREFETCH && i < n; i++)
		if (!same_as_before(pkt, i))
			prefetch_key(a, pkt[i].s->key, pkt[i].len);
}

/* struct srtp_backend; srtp.h. */
uint16_t srtp_protect(struct srtp_engine *e, struct srtp_pkt pkt[], uint16_t n);
uint16_t srtp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			uint16_t n);
uint16_t srtcp_protect(struct srtp_engine *e, struct srtp_pkt pkt[],
		       uint16_t n);
uint16_t srtcp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			 uint16_t n);
