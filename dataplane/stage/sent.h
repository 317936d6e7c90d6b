/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/sent.h - what a stream has sent. rewrite counts it, where the
 * stream's line is still near; drop, which gets all that then doesn't leave,
 * takes it back. */
#pragma once
#include "dataplane/flow/flow.h"
#include "dataplane/stage/stage.h"

/** x->media octets of RTP. by: 1, or -1 to take it back. */
static inline void sent_rtp(const struct pkt_meta *x, int64_t by)
{
	struct stream_run *r = x->stream->run;

	r->packets_out += (uint64_t)by;
	r->octets_out += (uint64_t)(by * x->media);
}

/** The same of any kind. */
static inline void sent_any(const struct pkt_meta *x, int64_t by)
{
	if (x->kind == PKT_RTP)
		sent_rtp(x, by);
	else if (x->kind == PKT_RTCP)
		x->stream->run->rtcp_out += (uint64_t)by;
}
