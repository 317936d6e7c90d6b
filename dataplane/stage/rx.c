/* SPDX-License-Identifier: Apache-2.0 */
/* rx: what this turn is about. The hand-over ring first, but at most half a
 * burst of it, so that neither it nor a NIC queue can starve the other; then
 * the worker's queues, a different one first each turn. What the kernel sends
 * is not media and leaves at once. */
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include "dataplane/app/worker.h"

/* Vector drivers give nothing when asked for fewer. */
#define ASK_MIN 4

static inline void reset(struct rte_mbuf *m, uint8_t port, enum handed handed)
{
	*pkt_meta(m) = (struct pkt_meta){.in_port = port, .handed = handed};
}

/* What a device has just filled in is in no cache of ours: the heads first,
 * together, then by what they say the frames, which classify reads next. */
static void welcome(struct rte_mbuf *m[], uint16_t n, uint8_t port)
{
	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(m[i]);
		rte_prefetch0(pkt_meta(m[i]));
	}
	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		reset(m[i], port, HANDED_NOT);
	}
}

/* Send by a queue of ours, without a walk. */
static void transmit(struct worker *w, const struct port *p,
		     struct rte_mbuf *m[], uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(p->id, (uint16_t)w->id, m, n);

	for (uint16_t i = sent; i < n; i++)
		pkt_meta(m[i])->verdict = V_TX_FULL;
	if (sent < n)
		stage_drop(w, m + sent, n - sent);
}

/* The kernel's packets are those of the worker that has queue 0. */
static void from_kernel(struct worker *w)
{
	struct rte_mbuf *m[BURST];

	for (unsigned i = 0; i < w->ports->n; i++) {
		const struct port *p = &w->ports->port[i];
		uint16_t n;

		if (!p->from_kernel)
			continue;
		n = (uint16_t)rte_ring_sc_dequeue_burst(
			p->from_kernel, (void **)m, BURST, NULL);
		for (uint16_t k = 0; k < n; k++)
			reset(m[k], (uint8_t)i, HANDED_NOT);
		if (n)
			transmit(w, p, m, n);
	}
}

static uint16_t from_workers(struct worker *w, struct rte_mbuf *m[],
			     uint16_t most)
{
	uint16_t n, k = 0;

	n = (uint16_t)rte_ring_sc_dequeue_burst(w->handover, (void **)m, most,
						NULL);
	for (uint16_t i = 0; i < n; i++) {
		const struct pkt_meta x = *pkt_meta(m[i]);

		if (x.handed == HANDED_EGRESS) {
			/* Its flow was the other worker's to look into. */
			reset(m[i], x.in_port, HANDED_EGRESS);
			transmit(w, &w->ports->port[x.out_port], &m[i], 1);
			continue;
		}
		reset(m[i], x.in_port, HANDED_OWNER);
		m[k++] = m[i];
	}
	return k;
}

uint16_t stage_rx(struct worker *w, struct rte_mbuf *m[])
{
	unsigned ports = w->ports->n, at = w->next_port;
	uint16_t burst = w->rx_burst ? w->rx_burst : BURST;
	uint16_t n = 0, end, got;

	if (w->id == 0)
		from_kernel(w);
	if (w->handover)
		n = from_workers(w, m, burst / 2);
	end = RTE_MAX(burst, (uint16_t)(n + ASK_MIN));
	w->next_port = at + 1 < ports ? at + 1 : 0;
	for (unsigned i = 0; i < ports && n + ASK_MIN <= end; i++) {
		const struct port *p = &w->ports->port[at];

		if (w->id < p->queues) {
			got = rte_eth_rx_burst(p->id, (uint16_t)w->id, m + n,
					       end - n);
			welcome(m + n, got, (uint8_t)at);
			n += got;
		}
		at = at + 1 < ports ? at + 1 : 0;
	}
	return n;
}
