/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <string.h>
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/kdf.h"
#include "dataplane/srtp/session.h"

static uint32_t rtcp_lifetime(const struct srtp_key *k)
{
	return k->packets < SRTCP_PACKETS_MAX ? k->packets : SRTCP_PACKETS_MAX;
}

/* Packets of the ring below a window: a power of two times 64. */
static unsigned ring_size(unsigned window)
{
	unsigned ring = 64;

	while (ring < window)
		ring *= 2;
	return ring;
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Octets of the far windows of n SSRCs after the first. */
static size_t far_more(unsigned window, unsigned n)
{
	if (window <= WINDOW_NEAR)
		return 0;
	return n * ring_size(min(window, WINDOW_MORE)) / 8;
}

/* And of those that stand with the session. */
static size_t far_near(unsigned window)
{
	if (window <= WINDOW_NEAR)
		return 0;
	return ring_size(window) / 8 + far_more(window, SRTP_SSRC_NEAR - 1);
}

static size_t wide_size(unsigned window)
{
	return sizeof(struct srtp_wide) +
	       far_more(window, SRTP_SSRC_MAX - SRTP_SSRC_NEAR);
}

struct replay srtp_far_window(struct srtp_session *s, const struct srtp_ssrc *x)
{
	const unsigned slot = slot_of(s, x);
	const unsigned words = s->mask + 1u;
	const unsigned size = min(s->window, WINDOW_MORE);
	const unsigned more = min(words, WINDOW_MORE / 64);
	uint64_t *w = more_of(s)->window;

	if (slot == 0)
		return (struct replay){w, words - 1, s->window};
	if (slot < SRTP_SSRC_NEAR)
		w += words + (slot - 1) * more;
	else
		w = more_of(s)->wide->window + (slot - SRTP_SSRC_NEAR) * more;
	return (struct replay){w, more - 1, size};
}

struct srtp_ssrc *srtp_ssrc_find_more(struct srtp_session *s, uint32_t ssrc)
{
	for (int i = 1; i < s->n_ssrc; i++)
		if (ssrc_at(s, i)->ssrc == ssrc)
			return ssrc_at(s, i);
	return NULL;
}

struct srtp_ssrc *srtp_ssrc_learn(struct srtp_session *s, uint32_t ssrc)
{
	const unsigned slot = s->n_ssrc;
	const unsigned room =
		__atomic_load_n(&more_of(s)->wide, __ATOMIC_ACQUIRE)
			? SRTP_SSRC_MAX
			: SRTP_SSRC_NEAR;

	if (slot == room)
		return NULL;
	ssrc_at(s, slot)->ssrc = ssrc;
	/* Readers see the SSRC no later than the count. */
	__atomic_store_n(&s->n_ssrc, slot + 1, __ATOMIC_RELEASE);
	return ssrc_at(s, slot);
}

void srtp_ssrc_meet(struct srtp_session *s, struct srtp_ssrc *x, uint64_t index,
		    unsigned key)
{
	SET(x->left, srtp_left(s, NULL, key));
	SET(x->top, index);
	x->key = key;
	SET(more_of(s)->roc, 0);
	__atomic_store_n(&x->met, x->met | MET_RTP, __ATOMIC_RELEASE);
}

void srtcp_ssrc_meet(struct srtp_session *s, struct srtp_ssrc *x, unsigned key)
{
	rtcp_at(s, slot_of(s, x))->left = srtcp_left(s, NULL, key);
	x->rtcp_key = key;
	__atomic_store_n(&x->met, x->met | MET_RTCP, __ATOMIC_RELEASE);
}

void srtp_ssrc_turn(struct srtp_session *s, struct srtp_ssrc *x, unsigned key)
{
	const unsigned slot = slot_of(s, x);
	const struct srtp_more *more = more_of(s);
	const unsigned was = key_slot(x->key);

	if (GET(key_at(s, was)->number) == x->key)
		more->ledger->left[was][slot] = x->left;
	SET(x->left, more->ledger->left[key_slot(key)][slot]);
	x->key = key;
}

void srtcp_ssrc_turn(struct srtp_session *s, struct srtp_ssrc *x, unsigned key)
{
	const unsigned slot = slot_of(s, x);
	struct srtp_more *more = more_of(s);
	const unsigned was = key_slot(x->rtcp_key);

	if (GET(key_at(s, was)->number) == x->rtcp_key)
		more->ledger->rtcp_left[was][slot] = rtcp_at(s, slot)->left;
	rtcp_at(s, slot)->left = more->ledger->rtcp_left[key_slot(key)][slot];
	x->rtcp_key = key;
}

uint64_t srtp_left(const struct srtp_session *s, const struct srtp_ssrc *x,
		   unsigned k)
{
	if (!x || !(x->met & MET_RTP))
		return key_of(s->suite, key_expanded(s, k))->packets;
	if (x->key == k)
		return x->left;
	return more_of(s)->ledger->left[key_slot(k)][slot_of(s, x)];
}

uint32_t srtcp_left(const struct srtp_session *s, const struct srtp_ssrc *x,
		    unsigned k)
{
	const struct srtp_more *more = more_of(s);

	if (!x || !(x->met & MET_RTCP))
		return rtcp_lifetime(key_of(s->suite, key_expanded(s, k)));
	if (x->rtcp_key == k)
		return rtcp_at(s, slot_of(s, x))->left;
	return more->ledger->rtcp_left[key_slot(k)][slot_of(s, x)];
}

/* The slot of the key that an MKI names, of those in this state; -1: none. */
static int slot_named(const struct srtp_session *s, unsigned state,
		      const uint8_t *mki)
{
	const unsigned n =
		__atomic_load_n(&more_of(s)->n_keys, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++) {
		const struct srtp_key *k = key_at(s, i);

		if (__atomic_load_n(&k->state, __ATOMIC_ACQUIRE) == state &&
		    !memcmp(k->mki, mki, s->mki_len))
			return i;
	}
	return -1;
}

int srtp_key_find(const struct srtp_session *s, const uint8_t *mki)
{
	const int slot = slot_named(s, KEY_LIVE, mki);

	return slot < 0 ? -1 : GET(key_at(s, slot)->number);
}

/* Expand a master key into block: the key, and struct srtp_key behind it. */
static void key_fill(struct srtp_engine *e, const struct srtp_suite *a,
		     const struct srtp_master *m, void *block)
{
	struct srtp_key *k = key_of(a, block);
	struct srtp_raw rtp;

	srtp_kdf(e, a, m->key, m->salt, &rtp, &k->rtcp);
	a->expand(e, a, &rtp, block);
	explicit_bzero(&rtp, sizeof(rtp));
	memcpy(k->mki, m->mki, m->mki_len);
	k->packets = m->packets && m->packets < SRTP_PACKETS_MAX
			     ? m->packets
			     : SRTP_PACKETS_MAX;
}

static size_t key_size(const struct srtp_suite *a)
{
	return a->expanded + sizeof(struct srtp_key);
}

struct srtp_session *srtp_session_new(struct srtp_engine *e,
				      const struct srtp_master *m,
				      enum srtp_dir dir, unsigned window,
				      const struct srtp_mem *mem)
{
	const struct srtp_suite *a =
		srtp_suite_find(e->suites, e->n_suites, m->suite);
	struct srtp_session *s;
	struct srtp_more *more;
	size_t size;

	if (!a || m->mki_len > SP_MKI_MAX)
		return NULL;
	window = min(window, SRTP_WINDOW_MAX);
	window = window < SRTP_WINDOW_MIN ? SRTP_WINDOW_MIN : window;
	window = (window + 63) & ~63u;

	size = sizeof(*s) + key_size(a) + sizeof(*more) + far_near(window);
	s = mem->alloc(mem->ctx, size, alignof(struct srtp_session));
	if (!s)
		return NULL;
	memset(s, 0, size);
	s->suite = a;
	s->expanded = s->key;
	s->window = window;
	s->mask = ring_size(window) / 64 - 1;
	s->straight = !m->mki_len && window <= WINDOW_NEAR;
	s->mki_len = m->mki_len;
	s->trailer = a->tag_len + m->mki_len;
	more = more_of(s);
	more->dir = dir;
	more->n_keys = 1;
	more->mem = mem;
	more->size = size;
	key_fill(e, a, m, s->key);
	key_at(s, 0)->state = KEY_LIVE;
	return s;
}

/* No SSRC has used this slot's key yet. */
static void ledger_open(struct srtp_session *s, unsigned slot)
{
	const struct srtp_key *key = key_at(s, slot);
	struct srtp_ledger *ledger = more_of(s)->ledger;

	for (unsigned i = 0; i < SRTP_SSRC_MAX; i++) {
		ledger->left[slot][i] = key->packets;
		ledger->rtcp_left[slot][i] = rtcp_lifetime(key);
	}
}

/* A session that gets its second key needs to keep count of each. */
static bool ledger_make(struct srtp_session *s)
{
	struct srtp_more *more = more_of(s);
	const struct srtp_mem *mem = more->mem;

	if (more->ledger)
		return true;
	more->ledger = mem->alloc(mem->ctx, sizeof(*more->ledger), 64);
	if (!more->ledger)
		return false;
	memset(more->ledger, 0, sizeof(*more->ledger));
	ledger_open(s, 0);
	return true;
}

/* A slot without a key, with memory for one. @return -1: there is none. */
static int slot_make(struct srtp_session *s)
{
	struct srtp_more *more = more_of(s);
	const unsigned n = more->n_keys;
	void *block;

	for (unsigned i = 0; i < n; i++)
		if (key_at(s, i)->state == KEY_NONE)
			return i;
	if (n == SRTP_KEYS_MAX)
		return -1;
	block = more->mem->alloc(more->mem->ctx, key_size(s->suite), 64);
	if (!block)
		return -1;
	memset(block, 0, key_size(s->suite));
	key_of(s->suite, block)->number = n;
	more->ledger->added[n - 1] = block;
	__atomic_store_n(&more->n_keys, n + 1, __ATOMIC_RELEASE);
	return n;
}

bool srtp_session_key(struct srtp_engine *e, struct srtp_session *s,
		      const struct srtp_master *m)
{
	void *block;
	int slot;

	if (m->suite != s->suite->id || !m->mki_len ||
	    m->mki_len != s->mki_len || slot_named(s, KEY_LIVE, m->mki) >= 0 ||
	    slot_named(s, KEY_ENDED, m->mki) >= 0)
		return false;
	if (!ledger_make(s))
		return false;
	slot = slot_make(s);
	if (slot < 0)
		return false;
	block = (void *)(uintptr_t)key_expanded(s, slot);
	key_fill(e, s->suite, m, block);
	ledger_open(s, slot);
	__atomic_store_n(&key_at(s, slot)->state, KEY_LIVE, __ATOMIC_RELEASE);
	if (more_of(s)->dir == SRTP_TX) {
		__atomic_store_n(&s->expanded, block, __ATOMIC_RELEASE);
		SET(s->key_no, key_at(s, slot)->number);
	}
	return true;
}

/* Another key than this one that is live. @return -1: there is none. */
static int slot_beside(const struct srtp_session *s, int slot)
{
	for (int i = 0; i < more_of(s)->n_keys; i++)
		if (i != slot && key_at(s, i)->state == KEY_LIVE)
			return i;
	return -1;
}

bool srtp_session_key_end(struct srtp_session *s, const uint8_t *mki)
{
	const int slot = s->mki_len ? slot_named(s, KEY_LIVE, mki) : -1;
	const int other = slot_beside(s, slot);
	struct srtp_key *k;

	if (slot < 0 || other < 0)
		return false;
	k = key_at(s, slot);
	if (more_of(s)->dir == SRTP_TX && s->key_no == k->number)
		return false;
	SET(k->state, KEY_ENDED);
	SET(k->number, k->number + SRTP_KEYS_MAX);
	if (more_of(s)->dir == SRTP_RX) /* for an SSRC not met yet */
		SET(s->key_no, key_at(s, other)->number);
	return true;
}

void srtp_session_key_wipe(struct srtp_session *s, const uint8_t *mki)
{
	const int slot = slot_named(s, KEY_ENDED, mki);
	uint8_t number;

	if (slot < 0)
		return;
	number = key_at(s, slot)->number;
	explicit_bzero((void *)(uintptr_t)key_expanded(s, slot),
		       key_size(s->suite));
	key_at(s, slot)->number = number;
}

bool srtp_session_widen(struct srtp_session *s)
{
	struct srtp_more *more = more_of(s);
	const size_t size = wide_size(s->window);
	struct srtp_wide *w;

	if (more->wide)
		return true;
	w = more->mem->alloc(more->mem->ctx, size, 64);
	if (!w)
		return false;
	memset(w, 0, size);
	__atomic_store_n(&more->wide, w, __ATOMIC_RELEASE);
	return true;
}

void srtp_session_free(struct srtp_session *s)
{
	struct srtp_more *more;
	const struct srtp_mem *mem;
	size_t size, key;

	if (!s)
		return;
	more = more_of(s);
	mem = more->mem;
	size = more->size;
	key = key_size(s->suite);
	for (unsigned i = 0; i + 1 < more->n_keys; i++) {
		explicit_bzero(more->ledger->added[i], key);
		mem->free(mem->ctx, more->ledger->added[i], key);
	}
	if (more->wide) {
		explicit_bzero(more->wide, wide_size(s->window));
		mem->free(mem->ctx, more->wide, wide_size(s->window));
	}
	if (more->ledger) {
		explicit_bzero(more->ledger, sizeof(*more->ledger));
		mem->free(mem->ctx, more->ledger, sizeof(*more->ledger));
	}
	explicit_bzero(s, size);
	mem->free(mem->ctx, s, size);
}

void srtp_session_roc(struct srtp_session *s, uint32_t roc)
{
	SET(more_of(s)->roc, roc);
}

unsigned srtp_session_state(const struct srtp_session *s,
			    struct srtp_state st[], unsigned n)
{
	unsigned known = __atomic_load_n(&s->n_ssrc, __ATOMIC_ACQUIRE);

	n = min(n, known);
	for (unsigned i = 0; i < n; i++) {
		const struct srtp_ssrc *x = ssrc_at(s, i);
		const bool met = GET(x->met) & MET_RTP;
		const uint64_t top = met ? GET(x->top) : 0;

		st[i] = (struct srtp_state){
			.ssrc = __builtin_bswap32(x->ssrc),
			.roc = top >> 16,
			.seq = (uint16_t)top,
			.rtcp_index = GET(rtcp_at(s, i)->index),
			.left = met ? GET(x->left)
				    : srtp_left(s, NULL, GET(s->key_no)),
		};
	}
	return n;
}
