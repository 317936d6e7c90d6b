/* SPDX-License-Identifier: Apache-2.0 */
/* protect: the hop encryption of the other leg goes on. Plain legs, and STUN
 * and DTLS that are only relayed, pass. */
#include "dataplane/flow/flow.h"
#include "dataplane/stage/srtp_burst.h"

static struct srtp_session *session_of(const struct pkt_meta *x)
{
	return x->out->tx;
}

uint16_t stage_protect(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct srtp_burst b;
	unsigned bad;

	srtp_burst_fill(&b, m, n, session_of);
	bad = srtp_burst_run(w, b.rtp, b.n_rtp, w->srtp->protect);
	bad += srtp_burst_run(w, b.rtcp, b.n_rtcp, w->srtp->rtcp_protect);
	return bad ? stage_split(m, n) : n;
}
