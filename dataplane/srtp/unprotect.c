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
#include "dataplane/srtp/receive.h"

struct srtp_ssrc *srtp_meet(struct srtp_session *s, const uint8_t *data,
			    unsigned key_no, uint64_t index)
{
	const uint32_t ssrc = load32_raw(data + 8);
	struct srtp_ssrc *x = ssrc_find(s, ssrc);

	if (!x)
		x = srtp_ssrc_learn(s, ssrc);
	if (x)
		srtp_ssrc_meet(s, x, index, key_no);
	return x;
}

/* As far as a packet gets before its burst's tags are looked at together: an
 * AEAD to the end, an HMAC into its lane. @return enum srtp_verdict. */
HOT uint8_t receive(struct srtp_engine *e, struct srtp_pkt *p,
		    struct srtp_op *op, bool straight, bool aead)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const int len = p->len - s->trailer;
	const unsigned hdr = rtp_header_len(p->data, len);
	const void *key = s->expanded;
	struct srtp_ssrc *x;
	uint64_t index;
	uint8_t verdict;
	int key_no = 0;

	if (unlikely(!hdr))
		return SRTP_SHORT;
	if (!straight && s->mki_len) {
		key_no = srtp_key_find(s,
				       p->data + len + (aead ? a->tag_len : 0));
		if (key_no < 0)
			return SRTP_BAD_MKI;
		key = key_expanded(s, key_no);
	}
	if (aead)
		return open_aead(e, p, key, key_no, straight, hdr, len,
				 a->open_rtp);
	verdict = check(s, p->data, key_no, straight, &x, &index);
	op->data = p->data;
	op->key = key;
	op->tag = p->data + len + s->mki_len;
	op->index = index;
	op->ssrc = load32_raw(p->data + 8);
	op->tail = __builtin_bswap32((uint32_t)(index >> 16));
	op->hdr = hdr;
	op->len = len - hdr;
	op->tag_len = a->tag_len;
	op->key_no = key_no;
	if (likely(verdict == SRTP_OK))
		engine_put(e, a, op);
	return verdict;
}

uint8_t srtp_receive_aead(struct srtp_engine *e, struct srtp_pkt *p)
{
	return receive(e, p, NULL, true, true);
}

/* An HMAC's packet in its turn, whatever it is; was: what check said at first.
 * @return enum srtp_verdict. */
static __attribute__((noinline)) uint8_t settle_any(struct srtp_engine *e,
						    struct srtp_pkt *p,
						    struct srtp_op *op,
						    uint8_t was)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	struct srtp_ssrc *x;
	uint64_t index;
	const uint8_t now = check(s, p->data, op->key_no, false, &x, &index);

	if (now != SRTP_OK)
		return now;
	if (was != SRTP_OK || op->index != index) {
		op->index = index;
		op->tail = __builtin_bswap32((uint32_t)(index >> 16));
		a->verify(e, a, &op, 1);
	}
	return op->ok ? commit(p, op->key_no, false, x, index) : SRTP_BAD_TAG;
}

/* The same at once for nearly all: those before it have left it the next, as it
 * was taken for when its tag was looked at. */
HOT uint8_t settle(struct srtp_engine *e, struct srtp_pkt *p,
		   struct srtp_op *op, uint8_t was)
{
	struct srtp_session *s = p->s;

	if (unlikely(was != SRTP_OK || !s->straight ||
		     !ssrc_is_next(s, p->data) ||
		     op->index != s->first.top + 1))
		return settle_any(e, p, op, was);
	if (unlikely(!op->ok))
		return SRTP_BAD_TAG;
	ssrc_step(s);
	p->len -= s->trailer;
	return SRTP_OK;
}

/* The HMAC suites of a burst, from the tags on. */
static unsigned settle_all(struct srtp_engine *e, struct srtp_pkt *p,
			   uint16_t n)
{
	const struct srtp_pkt *end = p + n;
	unsigned bad = 0;

	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->verify(e, l->suite, l->op, l->n);
	}
	for (struct srtp_op *op = e->op; p < end; p++, op++) {
		const struct srtp_suite *a = p->s->suite;
		const uint8_t was = p->verdict;

		if (a->aead || was == SRTP_SHORT || was == SRTP_BAD_MKI)
			continue;
		p->verdict = settle(e, p, op, was);
		if (unlikely(p->verdict != SRTP_OK)) {
			op->ok = false;
			bad = 1;
		} else if (unlikely(was != SRTP_OK)) {
			engine_put(e, a, op); /* verified by itself */
		}
	}
	for (unsigned used = e->used; used; used &= used - 1) {
		struct srtp_lane *l = &e->lane[__builtin_ctz(used)];

		l->suite->decrypt(e, l->suite, l->op, l->n);
	}
	return bad;
}

uint16_t srtp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			uint16_t n)
{
	unsigned bad = 0;

	engine_start(e);
	prefetch_sessions(pkt, n < 2 * SRTP_PREFETCH ? n : 2 * SRTP_PREFETCH);
	if (e->usual)
		prefetch_first_keys(e->usual, pkt, n);
	for (unsigned i = 0; i < n;) {
		struct srtp_pkt *p = &pkt[i];
		const struct srtp_session *s = p->s;
		const struct srtp_suite *a = s->suite;

		if (s->straight && a->aead) {
			i += a->open_rtps(e, a, p, n - i, &bad);
			continue;
		}
		prefetch_ahead(p, n - i);
		p->verdict = s->straight
				     ? receive(e, p, &e->op[i], true, false)
				     : receive(e, p, &e->op[i], false, a->aead);
		bad |= p->verdict;
		i++;
	}
	e->usual = pkt[n - 1].s->suite;
	if (e->used)
		bad |= settle_all(e, pkt, n);
	return bad ? srtp_burst_sort(pkt, n) : n;
}
