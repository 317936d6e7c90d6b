/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/receive.h - the receiver's steps around a tag: check before it,
 * commit after it, RFC 3711 section 3.3. Inline, for unprotect.c and for the
 * AEADs of a backend, which open one packet after the other. */
#pragma once
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/packet.h"

/* What the session says to a packet before its tag is looked at, and where in
 * its SSRC's order it stands. @return enum srtp_verdict. */
HOT uint8_t check(struct srtp_session *s, const uint8_t *data, unsigned key_no,
		  bool straight, struct srtp_ssrc **out, uint64_t *index)
{
	struct srtp_ssrc *x = ssrc_met(s, load32_raw(data + 8));

	*out = x;
	if (unlikely(!x)) {
		*index = index_first(GET(more_of(s)->roc), load16(data + 2));
		return SRTP_OK;
	}
	*index = x->top + 1;
	if (!index_is_next(x->top, load16(data + 2))) {
		*index = index_estimate(x->top, load16(data + 2));
		if (replay_seen(ssrc_window(s, x, straight), x->top, *index))
			return SRTP_REPLAY;
		if (*index >= INDEX_LIMIT)
			return SRTP_KEY_SPENT;
	}
	if (straight || x->key == key_no ? !x->left : !srtp_left(s, x, key_no))
		return SRTP_KEY_SPENT;
	return SRTP_OK;
}

/* An SSRC's first packet. @return NULL: as many as there is room for are
 * followed. */
struct srtp_ssrc *srtp_meet(struct srtp_session *s, const uint8_t *data,
			    unsigned key_no, uint64_t index);

/* The tag is right: let the state move. @return enum srtp_verdict. */
HOT uint8_t commit(struct srtp_pkt *p, unsigned key_no, bool straight,
		   struct srtp_ssrc *x, uint64_t index)
{
	struct srtp_session *s = p->s;

	if (unlikely(!x)) {
		x = srtp_meet(s, p->data, key_no, index);
		if (!x)
			return SRTP_SSRC_FULL;
	}
	if (!straight && x->key != key_no)
		srtp_ssrc_turn(s, x, key_no);
	SET(x->left, x->left - 1);
	SET(x->top, replay_commit(ssrc_window(s, x, straight), x->top, index));
	p->len -= s->trailer;
	return SRTP_OK;
}

/* suite.h's open_rtp; inline, or it is a call for each packet. */
typedef void srtp_open_f(struct srtp_engine *e, const void *key, uint8_t *data,
			 unsigned hdr, unsigned len, const uint64_t *near);

/* An AEAD's packet whose key is found, of hdr and len octets and its tag, to the
 * end. @return enum srtp_verdict. */
HOT uint8_t open_aead(struct srtp_engine *e, struct srtp_pkt *p,
		      const void *key, unsigned key_no, bool straight,
		      unsigned hdr, int len, srtp_open_f *open)
{
	struct srtp_ssrc *x;
	uint64_t index;
	const uint8_t verdict =
		check(p->s, p->data, key_no, straight, &x, &index);

	if (unlikely(verdict != SRTP_OK))
		return verdict;
	open(e, key, p->data, hdr, len - hdr, &index);
	if (unlikely(!tag_equal(e->tag, p->data + len, SRTP_TAG_MAX)))
		return SRTP_BAD_TAG;
	return commit(p, key_no, straight, x, index);
}

/* A straight session's packet, whatever it is. @return enum srtp_verdict. */
uint8_t srtp_receive_aead(struct srtp_engine *e, struct srtp_pkt *p);

/* The same at once for nearly all. */
HOT uint8_t receive_aead(struct srtp_engine *e, struct srtp_pkt *p,
			 srtp_open_f *open)
{
	struct srtp_session *s = p->s;
	uint8_t *data = p->data;
	const int len = p->len - SRTP_TAG_MAX;

	if (unlikely(len < RTP_HEADER || data[0] & RTP_MORE ||
		     !ssrc_is_next(s, data)))
		return srtp_receive_aead(e, p);
	open(e, s->key, data, RTP_HEADER, len - RTP_HEADER, &s->first.top);
	if (unlikely(!tag_equal(e->tag, data + len, SRTP_TAG_MAX)))
		return SRTP_BAD_TAG;
	ssrc_step(s);
	p->len = len;
	return SRTP_OK;
}

/* Of p[0..n) the first, and those behind it as long as their sessions are
 * straight and of suite a. *bad: no longer 0 if one failed. @return how many. */
HOT unsigned receive_aeads(struct srtp_engine *e, const struct srtp_suite *a,
			   struct srtp_pkt *p, unsigned n, unsigned *bad,
			   srtp_open_f *open)
{
	const struct srtp_pkt *first = p;
	unsigned failed = 0;

	do {
		prefetch_ahead(p, n);
		p->verdict = receive_aead(e, p, open);
		failed |= p->verdict;
		p++;
	} while (--n && p->s->suite == a && p->s->straight);
	*bad |= failed;
	return (unsigned)(p - first);
}
