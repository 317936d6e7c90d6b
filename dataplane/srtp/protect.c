/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.3, sender. Two phases: every packet of the burst gets its
 * index, then the burst goes through the ciphers. Between the two nothing can
 * fail, so an index is spent exactly when its packet is sealed. */
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* Where the index of an SSRC's first packet starts. Out of line: once a call. */
static __attribute__((noinline)) int meet(struct srtp_session *s, int slot,
					  uint32_t ssrc, uint16_t seq)
{
	if (slot < 0)
		slot = srtp_ssrc_learn(s, ssrc);
	if (slot < 0)
		return -SRTP_SSRC_FULL;
	srtp_ssrc_meet(s, slot, index_first(more_of(s)->roc, seq), s->key_no);
	return slot;
}

/* Gives a packet its index. @return enum srtp_verdict. */
static inline uint8_t assign(struct srtp_session *s, uint32_t ssrc,
			     uint16_t seq, uint64_t *out)
{
	int slot = ssrc_find(s, ssrc);
	struct srtp_ssrc *x;
	struct replay w;
	uint64_t index;

	if (slot < 0 || !(ssrc_at(s, slot)->met & MET_RTP)) {
		slot = meet(s, slot, ssrc, seq);
		if (slot < 0)
			return -slot;
	}
	x = ssrc_at(s, slot);
	w = ssrc_window(s, slot, x);
	index = index_estimate(x->top, seq);
	if (replay_seen(w, x->top, index))
		return SRTP_INDEX_USED;
	if (x->key != s->key_no)
		srtp_ssrc_turn(s, slot, s->key_no);
	if (!x->left || index >= INDEX_LIMIT)
		return SRTP_KEY_SPENT;
	SET(x->left, x->left - 1);
	SET(x->top, replay_commit(w, x->top, index));
	*out = index;
	return SRTP_OK;
}

static inline uint8_t prepare(struct srtp_pkt *p, struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const unsigned len = p->len, hdr = rtp_header_len(p->data, len);
	const unsigned sealed = len + a->tag_len + s->mki_len;
	uint8_t verdict;

	if (!hdr)
		return SRTP_SHORT;
	if (sealed > p->room)
		return SRTP_NO_ROOM;
	op->ssrc = load32(p->data + 8);
	verdict = assign(s, op->ssrc, load16(p->data + 2), &op->index);
	if (verdict != SRTP_OK)
		return verdict;
	op->data = p->data;
	op->aad = p->data;
	op->key = s->expanded;
	op->tag = p->data + len + (a->aead ? 0 : s->mki_len);
	op->tail = __builtin_bswap32((uint32_t)(op->index >> 16));
	op->hdr = op->aad_len = hdr;
	op->len = len - hdr;
	op->tag_len = a->tag_len;
	p->len = sealed;
	return SRTP_OK;
}

/* Behind an AEAD's tag, before an HMAC's. */
static void put_mki(const struct srtp_pkt *p, const struct srtp_op *op)
{
	const struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	uint8_t *mki = a->aead ? op->tag + a->tag_len : op->tag - s->mki_len;

	memcpy(mki, key_of(a, op->key)->mki, s->mki_len);
}

uint16_t srtp_protect(struct srtp_engine *e, struct srtp_pkt pkt[], uint16_t n)
{
	unsigned bad = 0, mki = 0;

	engine_start(e);
	for (unsigned i = 0; i < n && i < SRTP_PREFETCH; i++)
		__builtin_prefetch(pkt[i].s);
	for (unsigned i = 0; i < n; i++) {
		const struct srtp_session *s = pkt[i].s;

		if (i + SRTP_PREFETCH < n)
			__builtin_prefetch(pkt[i + SRTP_PREFETCH].s);
		prefetch_key(s->suite, s->expanded, pkt[i].len);
		pkt[i].verdict = prepare(&pkt[i], &e->op[i]);
		if (pkt[i].verdict == SRTP_OK)
			engine_put(e, s->suite, &e->op[i]);
		else
			bad++;
		mki |= s->mki_len;
	}

	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->seal(e, l->suite, l->op, l->n);
	}

	for (unsigned i = 0; mki && i < n; i++)
		if (pkt[i].verdict == SRTP_OK && pkt[i].s->mki_len)
			put_mki(&pkt[i], &e->op[i]);
	return bad ? srtp_burst_sort(pkt, n) : n;
}
