/* SPDX-License-Identifier: Apache-2.0 */
/* police: from where it may come, then how much of it. What comes from the
 * right source spends the transport's bucket; what may still turn out to be the
 * peer, once its tag has verified, spends a small one of its own, so that a
 * forger can neither lock the peer out nor have us verify at line rate. */
#include "dataplane/app/worker.h"
#include "dataplane/flow/source.h"
#include "dataplane/stage/source_of.h"

/* From where a source may still have to be learned, or the first packet under
 * this version of the flow. */
static __attribute__((noinline)) enum verdict police_source(
	const struct worker *w, struct rte_mbuf *m)
{
	const struct pkt_meta *x = pkt_meta(m);
	const struct flow *f = x->flow;
	struct flow_run *r = f->run;
	enum source_verdict v;
	struct endpoint e;
	struct rate stray;
	bool within;

	source_of(m, &e);
	v = source_check(f, x->side, &e);
	if (r->version != f->version) {
		r->rate = f->rate;
		r->version = f->version;
	}
	switch (v) {
	case SOURCE_RIGHT:
		within = bucket_spend(&r->bucket, &r->rate, w->now, x->rtp_len);
		break;
	case SOURCE_STRAY:
		stray = flow_stray(f, table_index(w->table)->hz);
		within = bucket_spend_packet(&r->stray, &stray, w->now);
		break;
	default:
		return V_SOURCE;
	}
	return within ? V_NONE : V_RATE;
}

static inline enum verdict police(const struct worker *w, struct rte_mbuf *m,
				  uint64_t now)
{
	const struct pkt_meta *x = pkt_meta(m);
	const struct flow *f = x->flow;
	struct flow_run *r = f->run;

	if (__builtin_expect(r->version != f->version || !source_bound(r, x),
			     0))
		return police_source(w, m);
	return bucket_spend(&r->bucket, &r->rate, now, x->rtp_len) ? V_NONE
								   : V_RATE;
}

uint16_t stage_police(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	const uint64_t now = w->now;
	unsigned bad = V_NONE;

	for (unsigned i = 0; i < n; i++) {
		enum verdict v = police(w, m[i], now);

		if (__builtin_expect(v != V_NONE, 0)) {
			pkt_meta(m[i])->verdict = v;
			bad = v;
		}
	}
	return bad ? stage_split(m, n) : n;
}
