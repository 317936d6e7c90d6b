/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/session.h - what one direction of one leg remembers.
 *
 * RFC 3711 section 3.2. Made and freed by the set-up thread, which owns the
 * memory; in between, everything but the keys belongs to one worker. Other
 * threads may read running state, field by field (srtp_session_state).
 *
 * One block holds a session, its first key, and the state of its first SSRCs;
 * another, which is there before it is needed, that of the rest: the packet loop
 * allocates nothing. The order is by heat. A packet of the first SSRC with a
 * window of up to 128 touches the first cache line and the key, which starts at
 * the second, where it can be prefetched without looking:
 *
 *	64	struct srtp_session, the first SSRC in it
 *	...	the first key: expanded, then struct srtp_key
 *	...	struct srtp_more: other SSRCs, SRTCP, far windows */
#pragma once
#include <stdalign.h>
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"
#include "dataplane/srtp/replay.h"
#include "dataplane/srtp/srtp.h"
#include "dataplane/srtp/suite.h"

/* SRTP_SSRC_NEAR: nearly all legs have one SSRC, and see another when their call
 * is forwarded or put on hold. The room for the others, which a bundle takes, is
 * a block of its own that the set-up thread adds (session_widen): for all eight,
 * in each of a stream's four contexts, it would be a fifth of its memory. */

/* Windows of more than 128 packets do not fit beside their SSRC. They stand
 * at the end, and only the first SSRC has more than 256 packets there: with
 * 1,024 for all eight, the four AES-GCM contexts of a stream would outgrow
 * 8 KiB. */
#define WINDOW_NEAR 128 /* packets */
#define WINDOW_MORE 256

/* Running state is written by the worker and read by anyone: each field whole
 * by itself, no order between them. Plain moves on the CPUs that we run on. */
#define GET(field)    __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define SET(field, v) __atomic_store_n(&(field), (v), __ATOMIC_RELAXED)

enum { MET_RTP = 1, MET_RTCP = 2 };

struct srtp_ssrc {
	uint64_t top;  /* highest index, once MET_RTP */
	uint64_t left; /* packets left on key; 0 before MET_RTP */
	uint32_t ssrc; /* as in the packet */
	uint8_t met;
	uint8_t key; /* number of the key that left is of */
	uint8_t rtcp_key;
	uint8_t spare;
	uint64_t window[WINDOW_NEAR / 64];
};

struct srtp_session {
	const struct srtp_suite *suite;
	const void *expanded; /* key in use; receiving: the first */
	uint16_t window;      /* packets */
	uint8_t mask;	      /* ring words of the first SSRC's window - 1 */
	uint8_t n_ssrc;
	bool straight;	/* one key, no MKI, windows beside their SSRCs */
	uint8_t key_no; /* sending: the key in use */
	uint8_t mki_len;
	uint8_t trailer; /* octets that sealing RTP adds */
	struct srtp_ssrc first;
	alignas(64) uint8_t key[]; /* the first key */
};

enum srtp_key_state {
	KEY_NONE,
	KEY_LIVE,  /* found by its MKI */
	KEY_ENDED, /* not any more; to be wiped yet */
};

/* Behind each expanded key. Keys have numbers: their slot's, and SRTP_KEYS_MAX
 * more for each that was there before, so that what an SSRC remembers of a key
 * that has ended isn't taken for the next one's. */
struct srtp_key {
	uint64_t packets;     /* lifetime for each SSRC */
	struct srtp_raw rtcp; /* SRTCP session keys, expanded on use */
	uint8_t mki[SP_MKI_MAX];
	uint8_t number;
	uint8_t state; /* enum srtp_key_state */
	uint8_t spare[4];
};

struct srtcp_ssrc {
	uint64_t window;
	uint32_t index; /* next to send, or highest received */
	uint32_t left;
};

/* Keys after the first, and what is left on keys that an SSRC does not use at
 * the moment; there is one only when a session has several keys. */
struct srtp_ledger {
	void *added[SRTP_KEYS_MAX - 1]; /* expanded */
	uint64_t left[SRTP_KEYS_MAX][SRTP_SSRC_MAX];
	uint32_t rtcp_left[SRTP_KEYS_MAX][SRTP_SSRC_MAX];
};

/* The SSRCs that a session hasn't room for from the start. */
struct srtp_wide {
	struct srtp_ssrc ssrc[SRTP_SSRC_MAX - SRTP_SSRC_NEAR];
	struct srtcp_ssrc rtcp[SRTP_SSRC_MAX - SRTP_SSRC_NEAR];
	uint64_t window[]; /* far ones */
};

struct srtp_more {
	struct srtp_ssrc ssrc[SRTP_SSRC_NEAR - 1]; /* second and later */
	struct srtcp_ssrc rtcp[SRTP_SSRC_NEAR];
	struct srtp_ledger *ledger; /* NULL: one key */
	struct srtp_wide *wide;	    /* NULL: SRTP_SSRC_NEAR at most */
	const struct srtp_mem *mem;
	uint32_t roc;	   /* for the next SSRC met */
	uint16_t size;	   /* octets of the whole block */
	uint8_t dir;	   /* enum srtp_dir */
	uint8_t n_keys;	   /* slots that have or had one */
	uint64_t window[]; /* far ones: the first SSRC's, then the others' */
};

_Static_assert(sizeof(struct srtp_session) == 64, "one cache line");
_Static_assert(sizeof(struct srtp_key) % 8 == 0, "struct srtp_more follows");

static inline struct srtp_key *key_of(const struct srtp_suite *a,
				      const void *expanded)
{
	return (struct srtp_key *)((uintptr_t)expanded + a->expanded);
}

static inline struct srtp_more *more_of(const struct srtp_session *s)
{
	return (struct srtp_more *)((uintptr_t)s->key + s->suite->expanded +
				    sizeof(struct srtp_key));
}

/** The slot of key number k. */
static inline unsigned key_slot(unsigned k)
{
	return k % SRTP_KEYS_MAX;
}

static inline const void *key_expanded(const struct srtp_session *s, unsigned k)
{
	const unsigned slot = key_slot(k);

	return slot ? more_of(s)->ledger->added[slot - 1] : s->key;
}

static inline struct srtp_key *key_at(const struct srtp_session *s,
				      unsigned slot)
{
	return key_of(s->suite, key_expanded(s, slot));
}

static inline struct srtp_ssrc *ssrc_at(const struct srtp_session *s,
					unsigned slot)
{
	if (slot >= SRTP_SSRC_NEAR)
		return &more_of(s)->wide->ssrc[slot - SRTP_SSRC_NEAR];
	return slot ? &more_of(s)->ssrc[slot - 1]
		    : (struct srtp_ssrc *)(uintptr_t)&s->first;
}

static inline struct srtcp_ssrc *rtcp_at(const struct srtp_session *s,
					 unsigned slot)
{
	struct srtp_more *more = more_of(s);

	return slot < SRTP_SSRC_NEAR ? &more->rtcp[slot]
				     : &more->wide->rtcp[slot - SRTP_SSRC_NEAR];
}

static inline unsigned slot_of(const struct srtp_session *s,
			       const struct srtp_ssrc *x)
{
	const struct srtp_more *more = more_of(s);

	if (x == &s->first)
		return 0;
	for (unsigned i = 0; i < SRTP_SSRC_NEAR - 1; i++)
		if (x == &more->ssrc[i])
			return i + 1;
	return (unsigned)(x - more->wide->ssrc) + SRTP_SSRC_NEAR;
}

struct srtp_ssrc *srtp_ssrc_find_more(struct srtp_session *s, uint32_t ssrc);

/** @return NULL: this SSRC is not followed. */
static inline struct srtp_ssrc *ssrc_find(struct srtp_session *s, uint32_t ssrc)
{
	if (likely(s->first.ssrc == ssrc && s->n_ssrc))
		return &s->first;
	return s->n_ssrc > 1 ? srtp_ssrc_find_more(s, ssrc) : NULL;
}

/** An SSRC that RTP was heard or sent of. @return NULL: not so. */
static inline struct srtp_ssrc *ssrc_met(struct srtp_session *s, uint32_t ssrc)
{
	struct srtp_ssrc *x = &s->first;

	if (unlikely(x->ssrc != ssrc))
		x = s->n_ssrc > 1 ? srtp_ssrc_find_more(s, ssrc) : NULL;
	return likely(x && x->met & MET_RTP) ? x : NULL;
}

struct replay srtp_far_window(struct srtp_session *s,
			      const struct srtp_ssrc *x);

/** straight: s->straight, or false where that is not known. */
HOT struct replay ssrc_window(struct srtp_session *s, struct srtp_ssrc *x,
			      bool straight)
{
	if (straight || s->mask < WINDOW_NEAR / 64)
		return (struct replay){x->window, s->mask, s->window};
	return srtp_far_window(s, x);
}

/** Is it the packet behind the latest of a straight session's first SSRC, with
 * the same rollover counter and a key that isn't spent, as nearly all are? Then
 * nothing else has to be looked at, and its index is first.top + 1. */
HOT bool ssrc_is_next(const struct srtp_session *s, const uint8_t *rtp)
{
	const struct srtp_ssrc *x = &s->first;

	return likely(x->ssrc == load32_raw(rtp + 8) &&
		      index_is_next(x->top, load16(rtp + 2)) && x->left);
}

/** The state moves by that packet. @return its index. */
HOT uint64_t ssrc_step(struct srtp_session *s)
{
	struct srtp_ssrc *x = &s->first;
	const uint64_t index = x->top + 1;

	SET(x->left, x->left - 1);
	SET(x->top, replay_next(ssrc_window(s, x, true), index));
	return index;
}

/** Follow one more SSRC; its tag has verified, or we send it.
 * @return NULL: as many as there is room for are followed. */
struct srtp_ssrc *srtp_ssrc_learn(struct srtp_session *s, uint32_t ssrc);
/** The first RTP packet of an SSRC: where its index starts. Takes the rollover
 * counter that session_roc left. */
void srtp_ssrc_meet(struct srtp_session *s, struct srtp_ssrc *x, uint64_t index,
		    unsigned key);
/** The first SRTCP packet of an SSRC. */
void srtcp_ssrc_meet(struct srtp_session *s, struct srtp_ssrc *x, unsigned key);
/** Let left count another key: what is left of the old one is kept. */
void srtp_ssrc_turn(struct srtp_session *s, struct srtp_ssrc *x, unsigned key);
void srtcp_ssrc_turn(struct srtp_session *s, struct srtp_ssrc *x, unsigned key);
/** Packets that an SSRC may still use key k for; x NULL: a new one. */
uint64_t srtp_left(const struct srtp_session *s, const struct srtp_ssrc *x,
		   unsigned k);
uint32_t srtcp_left(const struct srtp_session *s, const struct srtp_ssrc *x,
		    unsigned k);
/** Number of the key that an MKI names, -1: none. */
int srtp_key_find(const struct srtp_session *s, const uint8_t *mki);

/* struct srtp_backend, for backends built on this core; srtp.h. */
struct srtp_session *srtp_session_new(struct srtp_engine *e,
				      const struct srtp_master *m,
				      enum srtp_dir dir, unsigned window,
				      const struct srtp_mem *mem);
bool srtp_session_key(struct srtp_engine *e, struct srtp_session *s,
		      const struct srtp_master *m);
bool srtp_session_key_end(struct srtp_session *s, const uint8_t *mki);
void srtp_session_key_wipe(struct srtp_session *s, const uint8_t *mki);
bool srtp_session_widen(struct srtp_session *s);
void srtp_session_free(struct srtp_session *s);
void srtp_session_roc(struct srtp_session *s, uint32_t roc);
unsigned srtp_session_state(const struct srtp_session *s,
			    struct srtp_state st[], unsigned n);
