/* SPDX-License-Identifier: Apache-2.0 */
/* classify: whose is it, and what. Three passes over the burst, so that what
 * the next pass reads has been prefetched by the one before: frames (by rx),
 * then the port index, then flows. */
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/parse.h"

#define RTP_VERSION 2 /* the first two bits: all of RTP's octets, RFC 7983 */

/* To whom the frame is addressed on the wire, and in which VLAN. */
static bool ours(const struct port *p, const uint8_t *frame, uint16_t n)
{
	static const uint8_t tag[] = {RTE_ETHER_TYPE_VLAN >> 8,
				      RTE_ETHER_TYPE_VLAN & 0xff};

	if (!rte_is_same_ether_addr((const void *)frame, &p->mac) &&
	    !(frame[0] & 1))
		return false;
	if (__builtin_expect(p->cfg.vlan == 0, 1))
		return true;
	return n >= 18 && memcmp(frame + 12, tag, sizeof(tag)) == 0 &&
	       (load32(frame + 12) & 0xfff) == p->cfg.vlan;
}

/* The verdict on a media port's packet by what its lengths are like. */
static enum verdict judge(enum frame_kind kind, const uint8_t *frame)
{
	if (kind == FRAME_FRAGMENT)
		return V_FRAGMENT;
	if (kind == FRAME_UDP_BAD)
		return V_MALFORMED;
	return frame[0] & 1 ? V_NOT_FOR_US : V_NONE; /* group MAC, host IP */
}

/* Headers only. @return the place of the flow, or NULL with a verdict. */
static __attribute__((noinline)) struct flow *const *look(
	const struct worker *w, const struct flow_index *index,
	struct rte_mbuf *m)
{
	struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct flow *const *place;
	enum frame_kind kind;
	struct frame f;
	uint32_t src;

	/* No media packet is so long that it needs several buffers. */
	kind = m->nb_segs != 1 ? FRAME_OTHER : frame_parse(p, m->data_len, &f);
	if (kind == FRAME_MALFORMED) {
		x->verdict = V_MALFORMED;
		return NULL;
	}
	if (!ours(&w->ports->port[x->in_port], p, m->data_len)) {
		x->verdict = V_NOT_FOR_US;
		return NULL;
	}
	place = kind == FRAME_OTHER
			? NULL
			: flow_place(index, f.family, f.dst, f.dst_port);
	if (!place) {
		x->verdict = V_KERNEL;
		return NULL;
	}
	x->verdict = judge(kind, p);
	memcpy(&x->port, p + f.udp_off + 2, 2);
	x->ip_off = f.ip_off;
	x->udp_off = f.udp_off;
	x->payload = rte_pktmbuf_mtod_offset(m, uint8_t *, f.payload_off);
	x->rtp_off = f.payload_off;
	x->rtp_len = f.payload_len;
	x->family = f.family;
	x->kind = PKT_RAW;
	x->from = UINT64_MAX;
	if (f.family == 4) {
		memcpy(&src, f.src, 4);
		x->from = endpoint_word4(src, f.src_port);
	}
	return x->verdict == V_NONE ? place : NULL;
}

/* What a burst's packets have in common, most often. */
struct usual {
	const struct flow_index *index;
	const struct flow_address *addr; /* of the packet before */
	uint8_t port;			 /* the same; PORT_MAX: none yet */
	__m128i head;			 /* of frames that are its own */
};

static void usual_turn(struct usual *u, const struct ports *ps, uint8_t port)
{
	const struct port *in = &ps->port[port];

	u->port = port;
	u->head = in->cfg.vlan || u->index->n4 == 0
			  ? usual_none()
			  : usual_head(in->mac.addr_bytes);
}

/* The same as look at once for nearly all media. @return the place of the flow,
 * or NULL: look has to. */
static inline struct flow *const *look_usual(struct usual *u,
					     const struct ports *ps,
					     struct rte_mbuf *m)
{
	struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct flow *const *place;
	struct frame f;
	uint32_t src;

	if (__builtin_expect(x->in_port != u->port, 0))
		usual_turn(u, ps, x->in_port);
	if (__builtin_expect(m->nb_segs != 1, 0) ||
	    !frame_usual(p, m->data_len, u->head, &f) ||
	    !flow_place4(u->index, &u->addr, f.dst, f.dst_port, &place))
		return NULL;
	memcpy(&src, f.src, 4);
	x->from = endpoint_word4(src, f.src_port);
	x->ip_off = USUAL_IP;
	x->udp_off = USUAL_UDP;
	x->payload = rte_pktmbuf_mtod_offset(m, uint8_t *, USUAL_PAYLOAD);
	x->rtp_off = USUAL_PAYLOAD;
	x->rtp_len = f.payload_len;
	x->family = 4;
	x->kind = PKT_RTP; /* demux has to say, where it isn't plainly */
	memcpy(&x->port, p + USUAL_UDP + 2, 2);
	if (__builtin_expect(!payload_is_plain_rtp(p + USUAL_PAYLOAD), 0))
		x->kind = PKT_RAW;
	return place;
}

/* What the device has not checked is checked here. A checksum that it says is
 * not filled in yet (a sender on this very machine) was never on a wire. */
static __attribute__((noinline)) bool sums_checked(struct rte_mbuf *m)
{
	const uint64_t ip = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	const uint64_t udp = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct frame f = {
		.src = p + x->ip_off + (x->family == 4 ? 12 : 8),
		.ip_off = x->ip_off,
		.udp_off = x->udp_off,
		.payload_len = x->rtp_len,
		.family = x->family,
	};

	if (x->family == 4 && ip != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    ip != RTE_MBUF_F_RX_IP_CKSUM_NONE && !frame_ip_sum_ok(p, &f))
		return false;
	return udp == RTE_MBUF_F_RX_L4_CKSUM_GOOD ||
	       udp == RTE_MBUF_F_RX_L4_CKSUM_NONE || frame_udp_sum_ok(p, &f);
}

static bool sums_ok(struct rte_mbuf *m)
{
	const uint64_t good =
		RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	return (m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK |
			       RTE_MBUF_F_RX_L4_CKSUM_MASK)) == good ||
	       sums_checked(m);
}

/* STUN and DTLS, by the transport's rule. Control has better to do than to read
 * what one port is flooded with. */
static enum verdict punt(const struct worker *w, const struct flow *f,
			 uint8_t rule, uint16_t octets)
{
	static const enum verdict punted[] = {
		[SP_PUNT_DROP] = V_NOT_RTP,
		[SP_PUNT_CONTROL] = V_CONTROL,
		[SP_PUNT_RELAY] = V_NONE,
	};

	if (rule != SP_PUNT_CONTROL)
		return punted[rule];
	if (octets > SP_DATAGRAM_MAX)
		return V_MALFORMED;
	return bucket_spend_packet(&f->run->punt, &table_index(w->table)->punt,
				   w->now)
		       ? V_CONTROL
		       : V_RATE;
}

/* RFC 7983, then RFC 5761. */
static inline enum verdict demux(const struct worker *w, const struct flow *f,
				 struct pkt_meta *x, const uint8_t *p)
{
	if (x->rtp_len == 0)
		return V_NOT_RTP;
	switch (__builtin_expect(p[0] >> 6 == RTP_VERSION, 1)
			? PAYLOAD_RTP
			: payload_kind(p[0])) {
	case PAYLOAD_RTP:
		break;
	case PAYLOAD_STUN:
		x->kind = PKT_RAW;
		return punt(w, f, f->stun, x->rtp_len);
	case PAYLOAD_DTLS:
		x->kind = PKT_RAW;
		return punt(w, f, f->dtls, x->rtp_len);
	default:
		return V_NOT_RTP;
	}
	x->kind = PKT_RTP;
	if (x->side == SIDE_RTCP || (f->flags & SP_TRANSPORT_RTCP_MUX)) {
		/* the peers' own SRTCP can't be read */
		if (payload_is_rtcp(p, x->rtp_len))
			x->kind = f->dtls == SP_PUNT_RELAY ? PKT_RAW : PKT_RTCP;
		else if (x->side == SIDE_RTCP)
			return V_NOT_RTP;
	}
	return V_NONE;
}

/* What police and unprotect touch, and rewrite of the other leg. */
static inline void prefetch_run(const struct flow *f, const struct stream *s)
{
	rte_prefetch0(f->run);
	rte_prefetch0(f->rx);
	if (s) {
		rte_prefetch0(s->run);
		rte_prefetch0(&flow_at(&s->to)->out[SIDE_RTP]);
	}
}

/* *sealed: no longer 0 if some is. */
static inline enum verdict claim(const struct worker *w, struct rte_mbuf *m,
				 uintptr_t *sealed)
{
	struct pkt_meta *x = pkt_meta(m);
	const struct flow *flow = x->flow;
	struct stream *only;

	if (__builtin_expect(!flow, 0))
		return V_NO_FLOW;
	only = flow_only(flow);
	prefetch_run(flow, only);
	*sealed |= (uintptr_t)flow->rx;
	if (__builtin_expect(flow->owner != w->id, 0)) {
		x->owner = flow->owner;
		return V_HANDOVER;
	}
	if (!sums_ok(m))
		return V_CHECKSUM;
	x->stream = only;
	x->side = SIDE_RTP;
	if (__builtin_expect(x->port == flow->rtp_port, 1)) {
		if (__builtin_expect(x->kind == PKT_RTP, 1))
			return V_NONE;
	} else {
		x->side = SIDE_RTCP;
	}
	return demux(w, flow, x, x->payload);
}

/* Those without a place to the end, order kept. @return how many have one. */
static __attribute__((noinline)) uint16_t placed(struct rte_mbuf *m[],
						 struct flow *const *place[],
						 uint16_t n)
{
	struct rte_mbuf *bad[BURST];
	uint16_t k = 0, b = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (!place[i]) {
			bad[b++] = m[i];
			continue;
		}
		m[k] = m[i];
		place[k++] = place[i];
	}
	for (uint16_t i = 0; i < b; i++)
		m[k + i] = bad[i];
	return k;
}

uint16_t stage_classify(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	const struct flow_index *index = table_index(w->table);
	struct usual u = {.index = index, .addr = index->v4, .port = PORT_MAX};
	struct flow *const *place[BURST];
	uintptr_t sealed = 0;
	unsigned bad = V_NONE;

	for (unsigned i = 0; i < n; i++) {
		place[i] = look_usual(&u, w->ports, m[i]);
		if (__builtin_expect(!place[i], 0))
			place[i] = look(w, index, m[i]);
		if (__builtin_expect(!place[i], 0))
			bad = 1;
		else
			rte_prefetch0(place[i]);
	}
	if (__builtin_expect(bad, 0))
		n = placed(m, place, n);
	for (unsigned i = 0; i < n; i++) {
		struct flow *flow = flow_at(place[i]);

		pkt_meta(m[i])->flow = flow;
		rte_prefetch0(flow);
	}
	bad = V_NONE;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *p = m[i];
		enum verdict v = claim(w, p, &sealed);

		pkt_meta(p)->verdict = v;
		bad |= v;
	}
	w->sealed = sealed != 0;
	return bad ? stage_split(m, n) : n;
}
