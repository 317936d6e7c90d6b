/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite: the packet becomes the other leg's. New Ethernet, IP and UDP headers
 * stand before what UDP carries (IPv4 or IPv6 as the other leg has it, the VLAN
 * tag of the port that it leaves by), for the length that sealing will give it;
 * SSRCs get the stream's mask and the payload type its number. UDP's checksum
 * waits for tx, since sealing changes what it is of. */
#include <rte_prefetch.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/csum.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/rtcp.h"
#include "dataplane/stage/sent.h"
#include "dataplane/stage/too_big.h"

static_assert(sizeof(struct adjacency_value) == 16,
	      "before the IP header's end");

enum {
	IP4_LEN = 20,
	IP6_LEN = 40,
	UDP_LEN = 8,
	UDP_SUM = 6,
	PORTS_LEN = 4,
	VLAN_LEN = 4
};

/* DPDK's swaps the halves of a register, which takes three times as long. */
static inline uint16_t be16(uint16_t v)
{
	return __builtin_bswap16(v);
}

static void rewrite_rtp(const struct stream *s, uint8_t *p)
{
	unsigned csrcs = p[0] & 0x0f;

	if (!s->masked)
		return;
	if (s->out_pt != SP_PT_KEEP)
		p[1] = (uint8_t)((p[1] & 0x80) | s->out_pt);
	if (s->ssrc_xor == 0)
		return;
	for (unsigned i = 0; i <= csrcs; i++)
		store32(p + 8 + 4 * i, load32(p + 8 + 4 * i) ^ s->ssrc_xor);
}

/* RTCP of one direction, while its SSRCs are being rewritten. */
struct rtcp_walk {
	const struct worker *w;
	const struct flow *from, *to;
	const struct stream *stream;
	uint64_t hz;
	bool back; /* sallyport-media's own */
};

static uint32_t own_ssrc(void *arg, uint32_t ssrc)
{
	const struct rtcp_walk *k = arg;
	const struct stream *s =
		k->back ? k->stream : flow_rtcp_stream(k->from, ssrc);

	return ssrc ^ (s ? s : k->stream)->ssrc_xor;
}

/* The stream that carries this SSRC the other way; ssrc as masked there. */
static const struct stream *reverse(const struct rtcp_walk *k, uint32_t ssrc)
{
	const struct stream *found = NULL;

	for (unsigned i = 0; i < k->to->n_streams; i++) {
		const struct stream *s = k->to->stream[i];

		const struct flow *back = flow_at(&s->to);

		if (!back || back->id != k->from->id)
			continue;
		if (k->to->demux ? demux_seen(k->to, ssrc ^ s->ssrc_xor) == s
				 : s->run->started &&
					   (s->run->ssrc ^ s->ssrc_xor) == ssrc)
			return s;
		if (!found)
			found = s;
	}
	return found;
}

/* What sallyport-media reports on has reached it without a mask. */
static uint32_t other_ssrc(void *arg, uint32_t ssrc)
{
	const struct rtcp_walk *k = arg;
	const struct stream *s = k->back ? NULL : reverse(k, ssrc);

	return s ? ssrc ^ s->ssrc_xor : ssrc;
}

static void note_sender(void *arg, uint32_t ssrc, uint32_t ntp_mid)
{
	const struct rtcp_walk *k = arg;
	const struct stream *s =
		k->back ? NULL : flow_rtcp_stream(k->from, ssrc);

	if (s)
		stats_sender_report(s->run, ntp_mid, k->w->now);
}

static void note_report(void *arg, uint32_t ssrc, uint32_t lsr, uint32_t dlsr)
{
	const struct rtcp_walk *k = arg;
	const struct stream *s = k->back ? NULL : reverse(k, ssrc);

	if (s)
		stats_report_block(s->run, lsr, dlsr, k->w->now, k->hz);
}

static enum verdict rewrite_rtcp(const struct worker *w, struct pkt_meta *x,
				 const struct flow *to, uint8_t *p)
{
	struct rtcp_walk walk = {
		.w = w,
		.from = x->flow,
		.to = to,
		.stream = x->stream,
		.hz = table_index(w->table)->hz,
		.back = x->handed == HANDED_BACK,
	};
	struct rtcp_map map = {
		.own = own_ssrc,
		.other = other_ssrc,
		.sender = note_sender,
		.report = note_report,
		.arg = &walk,
	};

	return rtcp_rewrite(p, x->rtp_len, &map) == 0 ? V_NONE : V_MALFORMED;
}

/* Which of the other leg's two peers. */
static struct flow_out *departure(struct flow *to, const struct pkt_meta *x)
{
	bool rtcp;

	if (__builtin_expect(x->kind == PKT_RTP, 1))
		return &to->out[SIDE_RTP];
	rtcp = x->kind == PKT_RTCP ||
	       (x->side == SIDE_RTCP && !(to->flags & SP_TRANSPORT_RTCP_MUX));
	return &to->out[rtcp ? SIDE_RTCP : SIDE_RTP];
}

/* Put the other leg's headers before what UDP carries, for what sealing will
 * make of it: octets, UDP's header included; and say how long that is, and what
 * a device is to sum. The sum of the pseudo header stands where UDP's is to be;
 * the device, or tx, adds the rest. ip: octets of an IP header. Where that and
 * vlan are constants, so is all that follows from them. */
static inline __attribute__((always_inline)) void headers(
	struct rte_mbuf *m, const struct flow_out *o,
	const struct adjacency_value *a, const uint16_t vlan, const uint16_t ip,
	unsigned octets)
{
	struct pkt_meta *x = pkt_meta(m);
	const uint16_t ether = RTE_ETHER_HDR_LEN + (vlan ? VLAN_LEN : 0);
	const uint16_t before = (uint16_t)(ether + ip + UDP_LEN);
	const uint16_t type =
		be16(ip == IP6_LEN ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	const uint16_t udp_len = be16((uint16_t)octets);
	uint16_t total, sum;
	uint8_t *p;

	/* No two of the four kinds have as many octets before what UDP carries:
	 * if that stays, so does where each header is. Frames arrive with
	 * RTE_PKTMBUF_HEADROOM before them, which is more than IPv6 and a tag
	 * need beyond IPv4. */
	if (__builtin_expect(x->rtp_off != before, 0)) {
		m->data_off = (uint16_t)(m->data_off + x->rtp_off - before);
		x->ip_off = ether;
		x->udp_off = (uint16_t)(ether + ip);
		x->rtp_off = before;
		x->family = ip == IP6_LEN ? 6 : 4;
	}
	m->pkt_len = ether + ip + octets;
	m->data_len = (uint16_t)m->pkt_len;
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM |
		      (ip == IP4_LEN ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
	m->tx_offload = rte_mbuf_tx_offload(ether, ip, 0, 0, 0, 0, 0);

	p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, a, sizeof(*a)); /* dst, src, and what is written over */
	if (__builtin_expect(vlan != 0, 0))
		store32(p + 12, (uint32_t)RTE_ETHER_TYPE_VLAN << 16 | vlan);
	p += ether;
	memcpy(p - 2, &type, 2);
	memcpy(p, o->hdr, ip + PORTS_LEN);
	if (ip == IP4_LEN) {
		total = be16((uint16_t)(ip + octets));
		memcpy(p + 2, &total, 2);
		/* The template has the sum of the rest in its place. */
		memcpy(&sum, o->hdr + 10, 2);
		sum = (uint16_t)~csum_two(sum, total);
		memcpy(p + 10, &sum, 2);
	} else {
		memcpy(p + 4, &udp_len, 2);
	}
	sum = csum_two(o->udp_sum, udp_len);
	memcpy(p + ip + PORTS_LEN, &udp_len, 2);
	memcpy(p + ip + UDP_SUM, &sum, 2);
}

/* How to reach the peer, a->port as an index into ports->port[]. changes: of
 * adjacencies, before this burst read any. */
static enum verdict resolve(const struct worker *w, struct flow_out *o,
			    uint32_t changes, struct adjacency_value *a)
{
	uint16_t port = 0;

	if (!o || !o->adj)
		return V_NO_PEER;
	if (flow_out_known(o, changes)) {
		*a = o->known;
		a->port &= FLOW_TAGGED - 1;
		return V_NONE;
	}
	if (!adjacency_read(o->adj, a))
		return V_NO_NEIGHBOUR;
	while (port < w->ports->n && w->ports->port[port].id != a->port)
		port++;
	if (port == w->ports->n)
		return V_NO_NEIGHBOUR;
	a->port = port;
	if (o->family == 4) {
		o->known = *a;
		if (w->ports->port[port].cfg.vlan)
			o->known.port |= FLOW_TAGGED;
		o->changes = changes;
	}
	return V_NONE;
}

/* Any packet. */
static __attribute__((noinline)) enum verdict rewrite(struct worker *w,
						      struct rte_mbuf *m,
						      struct flow *to,
						      uint32_t changes)
{
	struct pkt_meta *x = pkt_meta(m);
	struct flow_out *o = to ? departure(to, x) : NULL;
	const struct port_config *out;
	struct adjacency_value a;
	enum verdict v = resolve(w, o, changes, &a);
	unsigned octets, ip_len;
	bool six;

	if (v != V_NONE)
		return v;
	out = &w->ports->port[a.port].cfg;
	six = o->family == 6;
	octets = UDP_LEN + x->rtp_len + (x->kind == PKT_RAW ? 0u : o->trailer);
	ip_len = (six ? IP6_LEN : IP4_LEN) + octets;
	if (__builtin_expect(ip_len > a.mtu, 0)) {
		/* sallyport-media isn't told: no headers came with it. */
		v = too_big(m,
			    x->handed == HANDED_BACK &&
					    out->too_big == TOO_BIG_ICMP
				    ? TOO_BIG_DROP
				    : out->too_big,
			    ip_len, a.mtu);
		if (v != V_NONE)
			return v;
	}
	if (x->kind == PKT_RTP)
		rewrite_rtp(x->stream, x->payload);
	else if (x->kind == PKT_RTCP)
		v = rewrite_rtcp(w, x, to, x->payload);
	if (v != V_NONE)
		return v;
	x->out = o;
	x->out_port = (uint8_t)a.port;
	w->leaves_by |= (uint8_t)(1u << a.port);
	w->cuts |= x->mtu != 0;
	rte_prefetch0(o->tx);
	sent_any(x, 1);
	headers(m, o, &a, out->vlan, six ? IP6_LEN : IP4_LEN, octets);
	return V_NONE;
}

/* The same at once for nearly all: RTP that leaves by IPv4, without a tag, by an
 * adjacency that is known and hasn't changed. *ports: w->leaves_by.
 * @return false: rewrite has to. */
static inline bool rewrite_usual(struct rte_mbuf *m, const struct flow_out *o,
				 uint32_t changes, unsigned *ports)
{
	struct pkt_meta *x = pkt_meta(m);
	const struct adjacency_value *a = &o->known;
	const unsigned octets = UDP_LEN + x->rtp_len + (unsigned)o->trailer;

	if (__builtin_expect(
		    !flow_out_known(o, changes) || x->kind != PKT_RTP ||
			    a->port >= FLOW_TAGGED || IP4_LEN + octets > a->mtu,
		    0))
		return false;
	if (__builtin_expect(x->stream->masked, 0))
		rewrite_rtp(x->stream, x->payload);
	x->out = o;
	x->out_port = (uint8_t)a->port;
	*ports |= 1u << a->port;
	rte_prefetch0(o->tx);
	sent_rtp(x, 1);
	headers(m, o, a, 0, IP4_LEN, octets);
	return true;
}

/* Some adjacency has changed: ask for all that have to be looked at again. */
static __attribute__((noinline)) void ask_adjacencies(struct rte_mbuf *m[],
						      unsigned n,
						      uint32_t changes)
{
	for (unsigned i = 0; i < n; i++) {
		const struct pkt_meta *x = pkt_meta(m[i]);
		struct flow *to = flow_at(&x->stream->to);
		const struct flow_out *o = to ? departure(to, x) : NULL;

		if (o && o->changes != changes)
			rte_prefetch0(o->adj);
	}
}

uint16_t stage_rewrite(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	const uint32_t changes =
		atomic_load_explicit(&adjacency_changes, memory_order_acquire);
	unsigned bad = V_NONE, ports = 0;
	bool asked = false;

	w->leaves_by = 0;
	w->cuts = false;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *p = m[i];
		struct flow *to = flow_at(&pkt_meta(p)->stream->to);
		enum verdict v;

		/* Its line has been asked for since the stream is known. */
		if (__builtin_expect(to && rewrite_usual(p, &to->out[SIDE_RTP],
							 changes, &ports),
				     1))
			continue;
		if (!asked)
			ask_adjacencies(m + i, n - i, changes);
		asked = true;
		v = rewrite(w, p, to, changes);
		pkt_meta(p)->verdict = v;
		bad |= v;
	}
	w->leaves_by |= (uint8_t)ports;
	return bad ? stage_split(m, n) : n;
}
