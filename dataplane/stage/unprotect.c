/* SPDX-License-Identifier: Apache-2.0 */
/* unprotect: the hop encryption of the leg comes off (plain legs have none),
 * and with that the packet counts as the peer's: its source may be learned, its
 * stream is looked up, statistics move. Not before. */
#include <rte_prefetch.h>
#include "dataplane/flow/source.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/source_of.h"
#include "dataplane/stage/srtp_burst.h"

static inline enum verdict accept_rtp(const struct worker *w,
				      struct pkt_meta *x, const uint8_t *p)
{
	size_t header = rtp_header_len(p, x->rtp_len);

	if (__builtin_expect(header == 0, 0))
		return V_SHORT;
	if (!x->stream)
		x->stream = x->flow->demux ? demux_rtp(x->flow, p, header)
					   : flow_stream(x->flow, load32(p + 8),
							 p[1] & 0x7f);
	if (!x->stream)
		return V_NO_STREAM;
	x->media = (uint16_t)(x->rtp_len - header);
	stats_arrived(x->stream->run, p, x->media, w->now, x->stream->units);
	return x->stream->blocked ? V_BLOCKED : V_NONE;
}

/* RFC 3264 section 8.4: a stream on hold still has its RTCP. */
static enum verdict accept_rtcp(struct pkt_meta *x, const uint8_t *p)
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
	return V_NONE;
}

static inline enum verdict accept_packet(const struct worker *w,
					 struct rte_mbuf *m)
{
	struct pkt_meta *x = pkt_meta(m);
	const struct flow *f = x->flow;

	if (x->kind == PKT_RAW) {
		if (!x->stream && f->n_streams)
			x->stream = f->stream[0];
		return x->stream ? V_NONE : V_NO_STREAM;
	}
	if (f->rx && !source_bound(f->run, x)) {
		struct endpoint e;

		source_of(m, &e);
		if (!source_verified(f, x->side, &e))
			return V_SOURCE;
	}
	if (x->kind == PKT_RTCP)
		return accept_rtcp(x, pkt_payload(m));
	f->run->last = flow_moment(w->now);
	return accept_rtp(w, x, pkt_payload(m));
}

static struct srtp_session *session_of(const struct pkt_meta *x)
{
	return x->flow->rx;
}

uint16_t stage_unprotect(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct srtp_burst b;
	unsigned bad = V_NONE;

	srtp_burst_fill(&b, m, n, session_of);
	srtp_burst_run(w, b.rtp, b.n_rtp, w->srtp->unprotect);
	srtp_burst_run(w, b.rtcp, b.n_rtcp, w->srtp->rtcp_unprotect);
	for (uint16_t i = 0; i < n; i++) {
		struct pkt_meta *x = pkt_meta(m[i]);

		if (x->verdict == V_NONE)
			x->verdict = accept_packet(w, m[i]);
		bad |= x->verdict;
	}
	return bad ? stage_split(m, n) : n;
}
