/* SPDX-License-Identifier: Apache-2.0 */
/* police: from where it may come, then how much of it. What comes from the
 * right source spends the transport's bucket; what may still turn out to be the
 * peer, once its tag has verified, spends a small one of its own, so that a
 * forger can neither lock the peer out nor have us verify at line rate. */
#include "dataplane/app/worker.h"
#include "dataplane/flow/source.h"
#include "dataplane/stage/source_of.h"

static enum verdict police(const struct worker *w, struct rte_mbuf *m)
{
	struct pkt_meta *x = pkt_meta(m);
	const struct flow *f = x->flow;
	struct endpoint e;
	struct rate stray;
	bool within;

	if (__builtin_expect(f->run->source_gen == f->source_gen &&
				     source_bound(f->run, x),
			     1))
		return bucket_spend(&f->run->bucket, &f->rate, w->now,
				    x->rtp_len)
			       ? V_NONE
			       : V_RATE;
	source_of(m, &e);
	switch (source_check(f, x->side, &e)) {
	case SOURCE_RIGHT:
		within = bucket_spend(&f->run->bucket, &f->rate, w->now,
				      x->rtp_len);
		break;
	case SOURCE_STRAY:
		stray = flow_stray(f, table_index(w->table)->hz);
		within = bucket_spend(&f->run->stray, &stray, w->now,
				      x->rtp_len);
		break;
	default:
		return V_SOURCE;
	}
	return within ? V_NONE : V_RATE;
}

uint16_t stage_police(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	unsigned bad = V_NONE;

	for (uint16_t i = 0; i < n; i++) {
		enum verdict v = police(w, m[i]);

		pkt_meta(m[i])->verdict = v;
		bad |= v;
	}
	return bad ? stage_split(m, n) : n;
}
