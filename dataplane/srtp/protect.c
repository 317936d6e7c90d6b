/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.3, sender. Two phases: every packet of the burst gets its
 * index, then the burst goes through the ciphers. Between the two nothing can
 * fail, so an index is spent exactly when its packet is sealed. */
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* An SSRC's first packet: where its indices start.
 * @return NULL: SRTP_SSRC_MAX are followed. */
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
	struct replay w;
	uint64_t index;

	if (unlikely(!x)) {
		x = meet(s, ssrc, seq);
		if (!x)
			return SRTP_SSRC_FULL;
	}
	w = ssrc_window(s, x, straight);
	index = index_estimate(x->top, seq);
	if (unlikely(replay_seen(w, x->top, index)))
		return SRTP_INDEX_USED;
	if (!straight && x->key != s->key_no)
		srtp_ssrc_turn(s, x, s->key_no);
	if (unlikely(!x->left || index >= INDEX_LIMIT))
		return SRTP_KEY_SPENT;
	SET(x->left, x->left - 1);
	SET(x->top, replay_commit(w, x->top, index));
	*out = index;
	return SRTP_OK;
}

/* First phase: the index. Fills in index and hdr. */
HOT uint8_t first(struct srtp_pkt *p, struct srtp_op *op, bool straight)
{
	const struct srtp_session *s = p->s;
	const unsigned hdr = rtp_header_len(p->data, p->len);

	if (unlikely(!hdr))
		return SRTP_SHORT;
	if (unlikely(p->len + s->trailer > p->room))
		return SRTP_NO_ROOM;
	op->hdr = hdr;
	return assign(p->s, load32_raw(p->data + 8), load16(p->data + 2),
		      straight, &op->index);
}

/* Second phase: all else that an HMAC suite has to know. */
HOT void second(struct srtp_pkt *p, struct srtp_op *op)
{
	const struct srtp_session *s = p->s;

	op->data = p->data;
	op->key = s->expanded;
	op->ssrc = load32_raw(p->data + 8);
	op->tag = p->data + p->len + s->mki_len;
	op->tail = __builtin_bswap32((uint32_t)(op->index >> 16));
	op->len = p->len - op->hdr;
	op->tag_len = s->suite->tag_len;
}

/* Behind an AEAD's tag, before an HMAC's. */
static void put_mki(const struct srtp_pkt *p)
{
	const struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	uint8_t *mki = p->data + p->len - s->mki_len;

	memcpy(a->aead ? mki : mki - a->tag_len, key_of(a, s->expanded)->mki,
	       s->mki_len);
}

uint16_t srtp_protect(struct srtp_engine *e, struct srtp_pkt pkt[], uint16_t n)
{
	unsigned bad = 0, mki = 0;

	engine_start(e);
	for (unsigned i = 0; i < n; i++)
		prefetch_session(pkt[i].s);
	for (unsigned i = 0; i < n; i++) {
		const struct srtp_session *s = pkt[i].s;

		prefetch_key(s->suite, s->expanded, pkt[i].len);
		pkt[i].verdict = s->straight ? first(&pkt[i], &e->op[i], true)
					     : first(&pkt[i], &e->op[i], false);
		bad |= pkt[i].verdict;
		mki |= s->mki_len;
	}

	for (unsigned i = 0; i < n; i++) {
		const struct srtp_session *s = pkt[i].s;
		const struct srtp_suite *a = s->suite;
		struct srtp_op *op = &e->op[i];

		if (unlikely(pkt[i].verdict != SRTP_OK))
			continue;
		if (a->aead) {
			a->seal_rtp(e, s->expanded, pkt[i].data, op->hdr,
				    pkt[i].len - op->hdr, op->index);
		} else {
			second(&pkt[i], op);
			engine_put(e, a, op);
		}
		pkt[i].len += s->trailer;
	}
	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->seal(e, l->suite, l->op, l->n);
	}

	for (unsigned i = 0; mki && i < n; i++)
		if (pkt[i].verdict == SRTP_OK && pkt[i].s->mki_len)
			put_mki(&pkt[i]);
	return bad ? srtp_burst_sort(pkt, n) : n;
}
