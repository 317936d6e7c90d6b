/* SPDX-License-Identifier: Apache-2.0 */
/* tx: checksums that the device doesn't fill in, now that all octets are as they
 * leave; then to the queue of the port that the adjacency named. A worker that
 * has no queue of that port (the device has too few) hands the packet to one
 * that has. */
#include <rte_ethdev.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/csum.h"
#include "dataplane/stage/give.h"
#include "dataplane/stage/too_big.h"

enum { UDP_SUM = 6, UDP_LEN = 8 };

/* The UDP checksum in software, instead of the device's. Its field holds the sum
 * of the pseudo header, but what was just written there isn't read back: the
 * template has it too. Zero would mean that there is none, so a sum that comes
 * out as zero is sent as its other representation (RFC 768). */
static inline void udp_sum(struct rte_mbuf *m)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint16_t ip = (uint16_t)(x->udp_off - x->ip_off);
	const struct flow_out *o = x->out;
	uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, x->udp_off);
	const uint16_t len =
		__builtin_bswap16((uint16_t)(UDP_LEN + x->rtp_len));
	uint32_t ports;
	uint64_t sum;
	uint16_t folded;

	memcpy(&ports, o->hdr + ip, sizeof(ports));
	sum = (uint64_t)o->udp_sum + len + len + ports;
	folded = (uint16_t)~csum_fold(csum_add(sum, udp + UDP_LEN, x->rtp_len));
	folded = folded ? folded : 0xffff;
	memcpy(udp + UDP_SUM, &folded, 2);
	m->ol_flags = 0;
}

uint16_t give(struct worker *w, const struct port *p, struct rte_mbuf *m[],
	      uint16_t n)
{
	if (w->id < p->queues) {
		if (p->csum_tx)
			n = rte_eth_tx_prepare(p->id, (uint16_t)w->id, m, n);
		return rte_eth_tx_burst(p->id, (uint16_t)w->id, m, n);
	}
	for (uint16_t i = 0; i < n; i++)
		pkt_meta(m[i])->handed = HANDED_EGRESS;
	return (uint16_t)rte_ring_mp_enqueue_burst(
		w->all[w->id % p->queues].handover, (void **)m, n, NULL);
}

static enum verdict full(const struct worker *w, const struct port *p)
{
	return w->id < p->queues ? V_TX_FULL : V_HANDOVER_FULL;
}

/* A datagram in fragments. What the queue doesn't take of them is lost, and
 * with it the datagram, which counts once. @return false: no buffers, m is whole.
 */
static bool give_cut(struct worker *w, const struct port *p, struct rte_mbuf *m)
{
	struct rte_mbuf *part[FRAGMENTS_MAX];
	uint16_t n = fragment(w, m, part), sent;

	if (n == 0) {
		pkt_meta(m)->verdict = V_NO_BUFFER;
		return false;
	}
	sent = give(w, p, part, n);
	for (uint16_t i = sent; i < n; i++) {
		pkt_meta(part[i])->verdict = full(w, p);
		if (i > sent)
			pkt_meta(part[i])->stream = NULL;
	}
	if (sent < n)
		stage_drop(w, part + sent, n - sent);
	return true;
}

/* A burst of which some are to be cut: order is kept.
 * @return how many of m[0..n) are gone */
static uint16_t give_some_cut(struct worker *w, const struct port *p,
			      struct rte_mbuf *m[], uint16_t n)
{
	uint16_t done = 0;

	while (done < n) {
		uint16_t whole = 0, sent;

		while (done + whole < n && !pkt_meta(m[done + whole])->mtu)
			whole++;
		sent = whole ? give(w, p, m + done, whole)
			     : give_cut(w, p, m[done]);
		done += sent;
		if (sent < (whole ? whole : 1))
			break;
	}
	return done;
}

/* Everything in m[0..n) leaves by port p. What didn't is moved to the front. */
static uint16_t transmit(struct worker *w, const struct port *p,
			 struct rte_mbuf *m[], uint16_t n)
{
	uint16_t sent;

	/* No device sums over several frames. */
	for (uint16_t i = 0; (!p->csum_tx || w->cuts) && i < n; i++)
		if (!p->csum_tx || pkt_meta(m[i])->mtu)
			udp_sum(m[i]);
	sent = __builtin_expect(w->cuts, 0) ? give_some_cut(w, p, m, n)
					    : give(w, p, m, n);
	for (uint16_t i = sent; i < n; i++)
		if (pkt_meta(m[i])->verdict == V_NONE)
			pkt_meta(m[i])->verdict = full(w, p);
	return sent;
}

uint16_t stage_tx(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct rte_mbuf *batch[BURST], *left[BURST];
	unsigned ports = w->leaves_by;
	uint16_t lefts = 0;

	if (n == 0)
		return 0;
	if ((ports & (ports - 1)) == 0) /* most often all leave by one */
		return transmit(w, &w->ports->port[__builtin_ctz(ports)], m, n);
	/* Ports are few: one pass for each keeps the order within it. */
	for (; ports; ports &= ports - 1) {
		const unsigned port = (unsigned)__builtin_ctz(ports);
		uint16_t k = 0, sent;

		for (uint16_t i = 0; i < n; i++)
			if (m[i] && pkt_meta(m[i])->out_port == port) {
				batch[k++] = m[i];
				m[i] = NULL;
			}
		if (k == 0)
			continue;
		sent = transmit(w, &w->ports->port[port], batch, k);
		for (; sent < k; sent++)
			left[lefts++] = batch[sent];
	}
	if (lefts)
		memcpy(&m[n - lefts], left, lefts * sizeof(left[0]));
	return n - lefts;
}
