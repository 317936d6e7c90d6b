/* SPDX-License-Identifier: Apache-2.0 */
/* tx: lengths and checksums, now that the length is known; then to the queue of
 * the port that the adjacency named. A worker that has no queue of that port
 * (the device has too few) hands the packet to one that has. */
#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/csum.h"
#include "dataplane/stage/give.h"
#include "dataplane/stage/too_big.h"

enum { PORTS_LEN = 4, UDP_SUM = 6, UDP_LEN = 8 };

/* The UDP checksum: of the pseudo header only where the device does the rest.
 * The template has the ports in its sum, so that what was just written here
 * isn't read back. Zero would mean that there is none, so a sum that comes out
 * as zero is sent as its other representation (RFC 768). */
static void udp_sum(struct rte_mbuf *m, const struct pkt_meta *x, uint16_t len,
		    bool device)
{
	uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, x->udp_off);
	const struct flow_out *o = x->out;
	const uint8_t *ports = o->hdr + (x->udp_off - x->ip_off);
	uint64_t sum = (uint64_t)o->udp_sum + len;
	uint16_t folded;

	if (device) {
		/* One's complement: adding the inverse takes them out. */
		folded = csum_fold(csum_add(0, ports, PORTS_LEN));
		folded = csum_fold(sum + (uint16_t)~folded);
	} else {
		sum = csum_add(sum + len, udp + UDP_LEN, x->rtp_len);
		folded = (uint16_t)~csum_fold(sum);
		if (folded == 0)
			folded = 0xffff;
	}
	memcpy(udp + UDP_SUM, &folded, 2);
}

static void finish(struct rte_mbuf *m, bool device)
{
	const struct pkt_meta *x = pkt_meta(m);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, x->ip_off);
	uint16_t udp_len = rte_cpu_to_be_16((uint16_t)(UDP_LEN + x->rtp_len));
	uint16_t total, sum;

	m->data_len = (uint16_t)(x->rtp_off + x->rtp_len);
	m->pkt_len = m->data_len;
	memcpy(ip + (x->udp_off - x->ip_off) + 4, &udp_len, 2);
	if (x->family == 4) {
		total = rte_cpu_to_be_16((uint16_t)(m->data_len - x->ip_off));
		memcpy(ip + 2, &total, 2);
		memcpy(&sum, ip + 10, 2); /* of the template */
		sum = (uint16_t)~csum_fold((uint64_t)sum + total);
		memcpy(ip + 10, &sum, 2);
	} else {
		memcpy(ip + 4, &udp_len, 2);
	}
	if (device) {
		m->l2_len = x->ip_off;
		m->l3_len = x->udp_off - x->ip_off;
		m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM |
			      (x->family == 4 ? RTE_MBUF_F_TX_IPV4
					      : RTE_MBUF_F_TX_IPV6);
	}
	udp_sum(m, x, udp_len, device);
}

/* What to count for a packet once it is gone and its mbuf no longer ours. */
struct receipt {
	struct stream_run *run;
	uint16_t media;
	uint8_t kind;
};

static void count(const struct receipt *r)
{
	switch (r->kind) {
	case PKT_RTP:
		r->run->packets_out++;
		r->run->octets_out += r->media;
		break;
	case PKT_RTCP:
		r->run->rtcp_out++;
		break;
	default:
		break;
	}
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
 * with it the datagram. @return false: no buffers, m is whole. */
static bool give_cut(struct worker *w, const struct port *p, struct rte_mbuf *m,
		     struct receipt *r)
{
	struct rte_mbuf *part[FRAGMENTS_MAX];
	uint16_t n = fragment(w, m, part), sent;

	if (n == 0) {
		pkt_meta(m)->verdict = V_NO_BUFFER;
		return false;
	}
	sent = give(w, p, part, n);
	if (sent == n)
		return true;
	r->kind = PKT_RAW; /* not counted as sent, but once as dropped */
	for (uint16_t i = sent; i < n; i++) {
		pkt_meta(part[i])->verdict = full(w, p);
		if (i > sent)
			pkt_meta(part[i])->stream = NULL;
	}
	stage_drop(w, part + sent, n - sent);
	return true;
}

/* The same burst where some are to be cut: order is kept.
 * @return how many of m[0..n) are gone */
static uint16_t give_some_cut(struct worker *w, const struct port *p,
			      struct rte_mbuf *m[], uint16_t n,
			      struct receipt r[])
{
	uint16_t done = 0;

	while (done < n) {
		uint16_t whole = 0, sent;

		while (done + whole < n && !pkt_meta(m[done + whole])->mtu)
			whole++;
		sent = whole ? give(w, p, m + done, whole)
			     : give_cut(w, p, m[done], &r[done]);
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
	struct receipt r[BURST];
	uint16_t sent, cut = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct pkt_meta *x = pkt_meta(m[i]);

		r[i] = (struct receipt){x->stream->run, x->media, x->kind};
		cut |= x->mtu;
		/* No device sums over several frames. */
		finish(m[i], p->csum_tx && !x->mtu);
	}
	sent = cut ? give_some_cut(w, p, m, n, r) : give(w, p, m, n);
	for (uint16_t i = 0; i < sent; i++)
		count(&r[i]);
	for (uint16_t i = sent; i < n; i++)
		if (pkt_meta(m[i])->verdict == V_NONE)
			pkt_meta(m[i])->verdict = full(w, p);
	return sent;
}

uint16_t stage_tx(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct rte_mbuf *batch[BURST], *left[BURST];
	uint16_t lefts = 0, same = 0;

	/* Most often all leave by one. */
	while (same < n &&
	       pkt_meta(m[same])->out_port == pkt_meta(m[0])->out_port)
		same++;
	if (n > 0 && same == n)
		return transmit(w, &w->ports->port[pkt_meta(m[0])->out_port], m,
				n);
	/* Ports are few: one pass for each keeps the order within it. */
	for (unsigned port = 0; port < w->ports->n; port++) {
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
