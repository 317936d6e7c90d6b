/* SPDX-License-Identifier: Apache-2.0 */
/* drop: the end of every packet that wasn't sent. Counts it by its verdict; the
 * kernel's, control's and other workers' go to their rings, the rest is freed
 * here and nowhere else. */
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/sent.h"
#include "dataplane/stage/too_big.h"

/* Where a packet of this verdict goes; NULL: it is freed. */
static struct rte_ring *ring_of(struct worker *w, const struct pkt_meta *x)
{
	switch (x->verdict) {
	case V_KERNEL:
		return w->ports->port[x->in_port].to_kernel;
	case V_CONTROL:
		return w->to_control;
	case V_HANDOVER:
		return x->handed == HANDED_OWNER ? NULL
						 : w->all[x->owner].handover;
	default:
		return NULL;
	}
}

/* What it is called when that ring is full. */
static const uint8_t full[VERDICT_COUNT] = {
	[V_KERNEL] = V_KERNEL_FULL,
	[V_CONTROL] = V_CONTROL_FULL,
	[V_HANDOVER] = V_HANDOVER_FULL,
};

static void count(struct worker *w, const struct pkt_meta *x)
{
	w->count[x->verdict]++;
	if (x->verdict == V_DIVERTED)
		return; /* gone where it should */
	if (x->stream && x->out)
		sent_any(x, -1); /* counted when it was to leave */
	if (x->stream)
		x->stream->run->dropped++;
	else if (x->flow && x->flow->owner == w->id)
		x->flow->run->dropped++; /* another's is that worker's alone */
}

void stage_drop(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct rte_mbuf *dead[BURST];
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pkt_meta *x = pkt_meta(m[i]);
		struct rte_ring *r = ring_of(w, x);
		uint8_t v = x->verdict;

		if (r && rte_ring_mp_enqueue(r, m[i]) == 0) {
			w->count[v]++; /* the mbuf is no longer ours */
			continue;
		}
		if (r)
			x->verdict = full[v];
		count(w, x);
		if (v == V_TOO_BIG && too_big_answer(w, m[i]))
			continue; /* it has become the answer */
		dead[k++] = m[i];
	}
	if (k)
		rte_pktmbuf_free_bulk(dead, k);
}
