/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.3, sender. Two phases: every packet of the burst gets its
 * index, then the burst goes through the ciphers. Between the two nothing can
 * fail, so an index is spent exactly when its packet is sealed. */
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* An SSRC's first packet: where its indices start.
 * @return NULL: as many as there is room for are followed. */
COLD struct srtp_ssrc *meet(struct srtp_session *s, uint32_t ssrc, uint16_t seq)
{
	struct srtp_ssrc *x = ssrc_find(s, ssrc);

	if (!x)
		x = srtp_ssrc_learn(s, ssrc);
	if (x)
		srtp_ssrc_meet(s, x, index_first(GET(more_of(s)->roc), seq),
			       s->key_no);
	return x;
}

/* Gives a packet its index. @return enum srtp_verdict. */
HOT uint8_t assign(struct srtp_session *s, uint32_t ssrc, uint16_t seq,
		   bool straight, uint64_t *out)
{
	struct srtp_ssrc *x = ssrc_met(s, ssrc);
	uint64_t top, index;
	bool next;

	if (unlikely(!x)) {
		x = meet(s, ssrc, seq);
		if (!x)
			return SRTP_SSRC_FULL;
	}
	top = x->top;
	index = top + 1;
	next = index_is_next(top, seq);
	if (!next) {
		index = index_estimate(top, seq);
		if (replay_seen(ssrc_window(s, x, straight), top, index))
			return SRTP_INDEX_USED;
		if (index >= INDEX_LIMIT)
			return SRTP_KEY_SPENT;
	}
	if (!straight && x->key != s->key_no)
		srtp_ssrc_turn(s, x, s->key_no);
	if (unlikely(!x->left))
		return SRTP_KEY_SPENT;
	SET(x->left, x->left - 1);
	SET(x->top,
	    next ? replay_next(ssrc_window(s, x, straight), index)
		 : replay_commit(ssrc_window(s, x, straight), top, index));
	*out = index;
	return SRTP_OK;
}

/* The first phase: the packet gets its index and goes to its suite's lane. */
HOT uint8_t prepare(struct srtp_engine *e, struct srtp_pkt *p,
		    struct srtp_op *op, bool straight)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const unsigned hdr = rtp_header_len(p->data, p->len);
	const unsigned sealed = p->len + s->trailer;
	uint8_t verdict;

	if (unlikely(!hdr))
		return SRTP_SHORT;
	if (unlikely(sealed > p->room))
		return SRTP_NO_ROOM;
	op->ssrc = load32_raw(p->data + 8);
	verdict =
		assign(s, op->ssrc, load16(p->data + 2), straight, &op->index);
	if (unlikely(verdict != SRTP_OK))
		return verdict;
	op->data = p->data;
	op->aad = p->data;
	op->key = s->expanded;
	op->hdr = hdr;
	op->aad_len = hdr;
	op->len = p->len - hdr;
	if (!a->aead) {
		op->tag = p->data + p->len + s->mki_len;
		op->tail = __builtin_bswap32((uint32_t)(op->index >> 16));
		op->tag_len = a->tag_len;
	}
	p->len = sealed;
	engine_put(e, a, op);
	return SRTP_OK;
}

/* The same for an AEAD's packet of a straight session, which needs no lane: its
 * index is all that the second phase doesn't find in the packet itself. */
static __attribute__((noinline)) uint8_t prepare_any_aead(struct srtp_pkt *p,
							  uint64_t *index)
{
	if (!rtp_header_len(p->data, p->len))
		return SRTP_SHORT;
	if (p->len + SRTP_TAG_MAX > p->room)
		return SRTP_NO_ROOM;
	return assign(p->s, load32_raw(p->data + 8), load16(p->data + 2), true,
		      index);
}

/* At once for nearly all. */
HOT uint8_t prepare_aead(struct srtp_pkt *p, uint64_t *index)
{
	struct srtp_session *s = p->s;

	if (unlikely(p->len < RTP_HEADER || p->len + SRTP_TAG_MAX > p->room ||
		     p->data[0] & RTP_MORE || !ssrc_is_next(s, p->data)))
		return prepare_any_aead(p, index);
	*index = ssrc_step(s);
	return SRTP_OK;
}

/* Packets that one call of a suite seals. */
struct run {
	const struct srtp_suite *suite;
	unsigned at, n;
};

/* The first phase for those from pkt[at] on, as long as their sessions are
 * straight and of suite a. *bad: no longer 0 if one failed. */
HOT struct run prepare_aeads(struct srtp_engine *e, const struct srtp_suite *a,
			     struct srtp_pkt pkt[], unsigned at, unsigned n,
			     unsigned *bad)
{
	struct srtp_pkt *p = &pkt[at];
	unsigned failed = 0, i = at;

	do {
		if (unlikely(i < SRTP_PREFETCH))
			prefetch_key_of(pkt, i);
		p->verdict = prepare_aead(p, &e->index[i]);
		failed |= p->verdict;
		p++;
	} while (++i < n && p->s->suite == a && p->s->straight);
	*bad |= failed;
	return (struct run){a, at, i - at};
}

/* Behind an AEAD's tag, before an HMAC's: of the key that it was sealed with,
 * which need not be the session's any more. */
static void put_mki(const struct srtp_pkt *p, const struct srtp_op *op)
{
	const struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	uint8_t *mki = p->data + p->len - s->mki_len;

	memcpy(a->aead ? mki : mki - a->tag_len, key_of(a, op->key)->mki,
	       s->mki_len);
}

uint16_t srtp_protect(struct srtp_engine *e, struct srtp_pkt pkt[], uint16_t n)
{
	struct run run[SRTP_BURST_MAX];
	unsigned bad = 0, mki = 0, runs = 0;

	engine_start(e);
	/* The first pass takes 4 ns a packet: no distance hides memory, but to
	 * ask for all at once. */
	prefetch_sessions(pkt, n);
	/* An AEAD's keys would get in their way. */
	if (e->usual && !e->usual->aead)
		prefetch_first_keys(e->usual, pkt, n);
	for (unsigned i = 0; i < n;) {
		const struct srtp_session *s = pkt[i].s;

		if (s->straight && s->suite->aead) {
			run[runs] = prepare_aeads(e, s->suite, pkt, i, n, &bad);
			i += run[runs++].n;
			continue;
		}
		/* An HMAC's keys are used all at once; an AEAD asks for them
		 * as it goes, but for the first. */
		if (!s->suite->aead || i < SRTP_PREFETCH)
			prefetch_key_of(pkt, i);
		pkt[i].verdict =
			s->straight ? prepare(e, &pkt[i], &e->op[i], true)
				    : prepare(e, &pkt[i], &e->op[i], false);
		bad |= pkt[i].verdict;
		mki |= s->mki_len;
		i++;
	}
	e->usual = pkt[n - 1].s->suite;
	for (unsigned i = 0; i < runs; i++)
		run[i].suite->seal_rtps(e, run[i].suite, &pkt[run[i].at],
					&e->index[run[i].at], run[i].n);
	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->seal(e, l->suite, l->op, l->n);
	}
	for (unsigned i = 0; mki && i < n; i++)
		if (pkt[i].verdict == SRTP_OK && pkt[i].s->mki_len)
			put_mki(&pkt[i], &e->op[i]);
	return bad ? srtp_burst_sort(pkt, n) : n;
}
