/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.3, receiver: check, authenticate, commit.
 *
 * AEADs are fastest one packet after the other: the processor works on the next
 * packet's checks while it decrypts this one. HMACs are fastest many at once,
 * so there the whole burst is checked and authenticated against the state that
 * it finds; then the packets are committed in the order in which they came, and
 * each is looked at again, since those before it may have moved the state: its
 * twin may have gone through, or its index may now come out as another one (the
 * burst in which a late joiner's counter rolls over). In that case it is
 * authenticated anew by itself. The outcome is that of one packet after the
 * other; a session has one suite, so it holds for mixed bursts too. */
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* Finds the parts of a packet. @return SRTP_OK, SRTP_SHORT or SRTP_BAD_MKI. */
static inline uint8_t parse(struct srtp_pkt *p, struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const unsigned len = p->len < s->trailer ? 0 : p->len - s->trailer;
	const unsigned hdr = rtp_header_len(p->data, len);
	int key_no = 0;

	if (unlikely(!hdr))
		return SRTP_SHORT;
	op->data = p->data;
	op->aad = p->data;
	op->key = s->expanded;
	op->tag = p->data + len;
	op->hdr = op->aad_len = hdr;
	op->len = len - hdr;
	op->tag_len = a->tag_len;
	op->ssrc = load32_raw(p->data + 8);
	if (unlikely(s->mki_len)) {
		key_no = srtp_key_find(s, op->tag + (a->aead ? a->tag_len : 0));
		if (key_no < 0)
			return SRTP_BAD_MKI;
		op->key = key_expanded(s, key_no);
		op->tag += a->aead ? 0 : s->mki_len;
	}
	op->key_no = key_no;
	return SRTP_OK;
}

/* What the session says to a packet before its tag is looked at. Fills in
 * x and index. @return enum srtp_verdict. */
static inline __attribute__((always_inline)) uint8_t check(
	struct srtp_session *s, struct srtp_op *op)
{
	const uint16_t seq = load16(op->data + 2);
	struct srtp_ssrc *x = ssrc_find(s, op->ssrc);

	op->x = x;
	if (unlikely(!x || !(x->met & MET_RTP))) {
		op->index = index_first(GET(more_of(s)->roc), seq);
		return SRTP_OK;
	}
	op->index = index_estimate(x->top, seq);
	if (unlikely(replay_seen(ssrc_window(s, x), x->top, op->index)))
		return SRTP_REPLAY;
	if (unlikely(op->index >= INDEX_LIMIT))
		return SRTP_KEY_SPENT;
	if (unlikely(!(likely(x->key == op->key_no)
			       ? x->left
			       : srtp_left(s, x, op->key_no))))
		return SRTP_KEY_SPENT;
	return SRTP_OK;
}

static inline void put_roc(struct srtp_op *op)
{
	op->tail = __builtin_bswap32((uint32_t)(op->index >> 16));
}

/* An SSRC's first packet. Once a call. @return NULL: SRTP_SSRC_MAX are
 * followed. */
static __attribute__((noinline, cold)) struct srtp_ssrc *meet(
	struct srtp_session *s, const struct srtp_op *op)
{
	struct srtp_ssrc *x = op->x ? op->x : srtp_ssrc_learn(s, op->ssrc);

	if (x)
		srtp_ssrc_meet(s, x, op->index, op->key_no);
	return x;
}

/* The tag is right: let the state move. @return enum srtp_verdict. */
static inline __attribute__((always_inline)) uint8_t commit(
	struct srtp_session *s, struct srtp_pkt *p, const struct srtp_op *op)
{
	struct srtp_ssrc *x = op->x;

	if (unlikely(!x || !(x->met & MET_RTP))) {
		x = meet(s, op);
		if (!x)
			return SRTP_SSRC_FULL;
	}
	if (unlikely(x->key != op->key_no))
		srtp_ssrc_turn(s, x, op->key_no);
	SET(x->left, x->left - 1);
	SET(x->top, replay_commit(ssrc_window(s, x), x->top, op->index));
	p->len = op->hdr + op->len;
	return SRTP_OK;
}

/* An HMAC's packet in its turn; was: what check said at first. */
static inline uint8_t settle(struct srtp_engine *e, struct srtp_pkt *p,
			     struct srtp_op *op, uint8_t was)
{
	const struct srtp_suite *a = p->s->suite;
	const uint64_t index = op->index;
	const uint8_t now = check(p->s, op);

	if (now != SRTP_OK)
		return now;
	if (unlikely(was != SRTP_OK || op->index != index)) {
		put_roc(op);
		a->verify(e, a, &op, 1);
	}
	return op->ok ? commit(p->s, p, op) : SRTP_BAD_TAG;
}

/* The HMAC suites of a burst, from the tags on. */
static unsigned settle_all(struct srtp_engine *e, struct srtp_pkt pkt[],
			   uint16_t n)
{
	unsigned bad = 0;

	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->verify(e, l->suite, l->op, l->n);
	}
	engine_start(e);
	for (unsigned i = 0; i < n; i++) {
		const struct srtp_suite *a = pkt[i].s->suite;
		const uint8_t was = pkt[i].verdict;

		if (a->aead || was == SRTP_SHORT || was == SRTP_BAD_MKI)
			continue;
		pkt[i].verdict = settle(e, &pkt[i], &e->op[i], was);
		bad |= pkt[i].verdict;
		if (pkt[i].verdict == SRTP_OK)
			engine_put(e, a, &e->op[i]);
	}
	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->decrypt(e, l->suite, l->op, l->n);
	}
	return bad;
}

/* As far as a packet gets before its burst's tags are looked at together: an
 * AEAD to the end, an HMAC into its lane. */
static inline uint8_t receive(struct srtp_engine *e, struct srtp_pkt *p,
			      struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	uint8_t verdict = parse(p, op);

	if (unlikely(verdict != SRTP_OK))
		return verdict;
	verdict = check(s, op);
	if (unlikely(verdict != SRTP_OK))
		return verdict;
	if (s->suite->aead)
		return likely(s->suite->open_one(e, op)) ? commit(s, p, op)
							 : SRTP_BAD_TAG;
	put_roc(op);
	engine_put(e, s->suite, op);
	return SRTP_OK;
}

uint16_t srtp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			uint16_t n)
{
	unsigned bad = 0;

	engine_start(e);
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(pkt[i].s);
	for (unsigned i = 0; i < n; i++)
		prefetch_key(pkt[i].s->suite, pkt[i].s->expanded, pkt[i].len);
	for (unsigned i = 0; i < n; i++) {
		pkt[i].verdict = receive(e, &pkt[i], &e->op[i]);
		bad |= pkt[i].verdict;
	}
	if (e->used)
		bad |= settle_all(e, pkt, n);
	return bad ? srtp_burst_sort(pkt, n) : n;
}
