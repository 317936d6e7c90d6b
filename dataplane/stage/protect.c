/* SPDX-License-Identifier: Apache-2.0 */
/* protect: the hop encryption of the other leg goes on. Plain legs, and STUN
 * and DTLS that are only relayed, pass. */
#include "dataplane/flow/flow.h"
#include "dataplane/stage/srtp_burst.h"

uint16_t stage_protect(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct srtp_burst rtp, rtcp;
	unsigned bad;

	rtp.n = rtcp.n = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct pkt_meta *x = pkt_meta(m[i]);

		if (x->out->tx && x->kind != PKT_RAW)
			srtp_burst_add(x->kind == PKT_RTCP ? &rtcp : &rtp, m[i],
				       x->out->tx);
	}
	bad = srtp_burst_run(w, &rtp, w->srtp->protect);
	bad += srtp_burst_run(w, &rtcp, w->srtp->rtcp_protect);
	return bad ? stage_split(m, n) : n;
}
