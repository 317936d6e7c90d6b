/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.3, receiver: check, authenticate, commit.
 *
 * The whole burst is checked and authenticated against the state that it finds.
 * Then the packets are committed in the order in which they came, and each is
 * looked at again, since those before it may have moved the state: its twin may
 * have gone through, or its index may now come out as another one (the burst
 * in which a late joiner's counter rolls over, a key's last packet). In the
 * second case that packet is authenticated anew by itself. The outcome is that
 * of one packet after the other. */
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* What the session says to a packet before its tag is looked at. Fills in
 * slot and index. @return enum srtp_verdict. */
static inline uint8_t check(struct srtp_session *s, struct srtp_op *op)
{
	const uint16_t seq = load16(op->data + 2);
	const struct srtp_ssrc *x;

	op->slot = ssrc_find(s, op->ssrc);
	x = op->slot < 0 ? NULL : ssrc_at(s, op->slot);
	if (!x || !(x->met & MET_RTP)) {
		op->index = index_first(GET(more_of(s)->roc), seq);
		return SRTP_OK;
	}
	op->index = index_estimate(x->top, seq);
	if (replay_seen(ssrc_window(s, op->slot, ssrc_at(s, op->slot)), x->top,
			op->index))
		return SRTP_REPLAY;
	if (op->index >= INDEX_LIMIT ||
	    !(x->key == op->key_no ? x->left
				   : srtp_left(s, op->slot, op->key_no)))
		return SRTP_KEY_SPENT;
	return SRTP_OK;
}

static inline void put_roc(struct srtp_op *op)
{
	op->tail = __builtin_bswap32((uint32_t)(op->index >> 16));
}

static inline uint8_t prepare(struct srtp_pkt *p, struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const unsigned extra = a->tag_len + s->mki_len;
	const unsigned len = p->len < extra ? 0 : p->len - extra;
	const unsigned hdr = rtp_header_len(p->data, len);
	int key_no = 0;

	if (!hdr)
		return SRTP_SHORT;
	op->data = p->data;
	op->aad = p->data;
	op->key = s->expanded;
	op->tag = p->data + len;
	op->hdr = op->aad_len = hdr;
	op->len = len - hdr;
	op->tag_len = a->tag_len;
	op->ssrc = load32(p->data + 8);
	if (s->mki_len) {
		key_no = srtp_key_find(s, op->tag + (a->aead ? a->tag_len : 0));
		if (key_no < 0)
			return SRTP_BAD_MKI;
		op->key = key_expanded(s, key_no);
		op->tag += a->aead ? 0 : s->mki_len;
	}
	op->key_no = key_no;
	return SRTP_OK;
}

/* The state under a packet has moved since it was authenticated.
 * @return enum srtp_verdict. */
static __attribute__((noinline)) uint8_t again(struct srtp_engine *e,
					       struct srtp_session *s,
					       struct srtp_op *op, uint8_t was)
{
	const uint64_t index = op->index;
	const uint8_t now = check(s, op);

	if (now != SRTP_OK || (was == SRTP_OK && op->index == index))
		return now;
	if (was == SRTP_OK)
		s->suite->undo(e, s->suite, op, index);
	put_roc(op);
	s->suite->verify(e, s->suite, &op, 1);
	return SRTP_OK;
}

/* The tag is right: let the state move. @return enum srtp_verdict. */
static inline uint8_t commit(struct srtp_session *s, struct srtp_op *op)
{
	struct srtp_ssrc *x;

	if (op->slot < 0) {
		op->slot = srtp_ssrc_learn(s, op->ssrc);
		if (op->slot < 0)
			return SRTP_SSRC_FULL;
	}
	x = ssrc_at(s, op->slot);
	if (!(x->met & MET_RTP))
		srtp_ssrc_meet(s, op->slot, op->index, op->key_no);
	if (x->key != op->key_no)
		srtp_ssrc_turn(s, op->slot, op->key_no);
	SET(x->left, x->left - 1);
	SET(x->top,
	    replay_commit(ssrc_window(s, op->slot, x), x->top, op->index));
	return SRTP_OK;
}

uint16_t srtp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			uint16_t n)
{
	unsigned bad = 0;

	engine_start(e);
	for (unsigned i = 0; i < n && i < SRTP_PREFETCH; i++)
		__builtin_prefetch(pkt[i].s);
	for (unsigned i = 0; i < n; i++) {
		struct srtp_session *s = pkt[i].s;
		struct srtp_op *op = &e->op[i];

		if (i + SRTP_PREFETCH < n)
			__builtin_prefetch(pkt[i + SRTP_PREFETCH].s);
		prefetch_key(s->suite, s->expanded, pkt[i].len);
		pkt[i].verdict = prepare(&pkt[i], op);
		if (pkt[i].verdict != SRTP_OK)
			continue;
		pkt[i].verdict = check(s, op);
		put_roc(op);
		if (pkt[i].verdict == SRTP_OK)
			engine_put(e, s->suite, op);
	}

	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->verify(e, l->suite, l->op, l->n);
	}

	engine_start(e);
	for (unsigned i = 0; i < n; i++) {
		struct srtp_session *s = pkt[i].s;
		struct srtp_op *op = &e->op[i];
		uint8_t v = pkt[i].verdict;

		if (v != SRTP_SHORT && v != SRTP_BAD_MKI)
			v = again(e, s, op, v);
		if (v == SRTP_OK)
			v = op->ok ? commit(s, op) : SRTP_BAD_TAG;
		pkt[i].verdict = v;
		if (v != SRTP_OK) {
			bad++;
			continue;
		}
		pkt[i].len = op->hdr + op->len;
		if (s->suite->decrypt)
			engine_put(e, s->suite, op);
	}

	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->decrypt(e, l->suite, l->op, l->n);
	}
	return bad ? srtp_burst_sort(pkt, n) : n;
}
