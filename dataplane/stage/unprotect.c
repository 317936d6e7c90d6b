/* SPDX-License-Identifier: Apache-2.0 */
/* unprotect: the hop encryption of the leg comes off (plain legs have none),
 * and with that the packet counts as the peer's: its source may be learned, its
 * stream is looked up, statistics move. Not before. */
#include <rte_prefetch.h>
#include "dataplane/flow/source.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/source_of.h"
#include "dataplane/stage/srtp_burst.h"

/* What is the same for all of a burst. */
struct arrival {
	uint64_t now;
	uint32_t moment;
	uint8_t diverts; /* of their streams, so far */
};

static __attribute__((noinline)) struct stream *stream_of(
	const struct pkt_meta *x, const uint8_t *p, size_t header)
{
	return x->flow->demux
		       ? demux_rtp(x->flow, p, header)
		       : flow_stream(x->flow, load32(p + 8), p[1] & 0x7f);
}

static inline __attribute__((always_inline)) enum verdict accept_rtp(
	struct arrival *a, struct pkt_meta *x, const uint8_t *p)
{
	size_t header = rtp_header_len(p, x->rtp_len);
	struct stream *s = x->stream;

	if (__builtin_expect(header == 0, 0))
		return V_SHORT;
	if (__builtin_expect(!s, 0)) {
		s = x->stream = stream_of(x, p, header);
		if (!s)
			return V_NO_STREAM;
	}
	x->media = (uint16_t)(x->rtp_len - header);
	stats_arrived(s->run, p, x->media, a->now, s->units);
	a->diverts |= s->divert;
	return s->blocked ? V_BLOCKED : V_NONE;
}

/* RFC 3264 section 8.4: a stream on hold still has its RTCP. */
static enum verdict accept_rtcp(struct arrival *a, struct pkt_meta *x,
				const uint8_t *p)
{
	if (x->rtp_len < 8)
		return V_SHORT;
	if (!x->stream && x->flow->demux)
		x->stream = demux_rtcp(x->flow, p, x->rtp_len);
	if (!x->stream)
		x->stream = flow_rtcp_stream(x->flow, load32(p + 4));
	if (!x->stream)
		return V_NO_STREAM;
	x->stream->run->rtcp_in++;
	a->diverts |= x->stream->divert;
	return V_NONE;
}

static enum verdict accept_raw(struct arrival *a, struct pkt_meta *x)
{
	const struct flow *f = x->flow;

	if (!x->stream && f->n_streams)
		x->stream = f->stream[0];
	if (!x->stream)
		return V_NO_STREAM;
	a->diverts |= x->stream->divert;
	return V_NONE;
}

/* RTCP, or what is passed as it is. */
static __attribute__((noinline)) enum verdict accept_other(struct arrival *a,
							   struct pkt_meta *x)
{
	return x->kind == PKT_RAW ? accept_raw(a, x)
				  : accept_rtcp(a, x, x->payload);
}

/* sealed: it may be of an SRTP leg, and then it has verified. */
static inline __attribute__((always_inline)) enum verdict accept_packet(
	struct arrival *a, struct rte_mbuf *m, bool sealed)
{
	struct pkt_meta *x = pkt_meta(m);
	const struct flow *f = x->flow;

	if (sealed && __builtin_expect(!source_bound(f->run, x), 0) && f->rx &&
	    x->kind != PKT_RAW) {
		struct endpoint e;

		source_of(m, &e);
		if (!source_verified(f, x->side, &e))
			return V_SOURCE;
	}
	if (__builtin_expect(x->kind != PKT_RTP, 0))
		return accept_other(a, x);
	f->run->last = a->moment;
	return accept_rtp(a, x, x->payload);
}

static inline __attribute__((always_inline)) unsigned accept_all(
	struct arrival *a, struct rte_mbuf *m[], uint16_t n, bool sealed)
{
	unsigned bad = V_NONE;

	for (unsigned i = 0; i < n; i++) {
		struct pkt_meta *x = pkt_meta(m[i]);

		if (!sealed || x->verdict == V_NONE)
			x->verdict = accept_packet(a, m[i], sealed);
		bad |= x->verdict;
	}
	return bad;
}

static struct srtp_session *session_of(const struct pkt_meta *x)
{
	return x->flow->rx;
}

uint16_t stage_unprotect(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct arrival a = {w->now, flow_moment(w->now), SP_DIVERT_NONE};
	struct srtp_burst b;
	unsigned bad;

	if (w->sealed) {
		srtp_burst_fill(&b, m, n, session_of);
		srtp_burst_run(w, b.rtp, b.n_rtp, w->srtp->unprotect);
		srtp_burst_run(w, b.rtcp, b.n_rtcp, w->srtp->rtcp_unprotect);
		bad = accept_all(&a, m, n, true);
	} else {
		bad = accept_all(&a, m, n, false);
	}
	w->diverts = a.diverts;
	return bad ? stage_split(m, n) : n;
}
