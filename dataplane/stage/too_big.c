/* SPDX-License-Identifier: Apache-2.0 */
/* See too_big.h. */
#include "dataplane/stage/too_big.h"
#include <netinet/in.h>
#include <rte_byteorder.h>
#include "dataplane/flow/flow.h"
#include "dataplane/stage/csum.h"
#include "dataplane/stage/give.h"
#include "dataplane/stage/parse.h"

enum {
	IP4_LEN = 20,
	IP6_LEN = 40,
	UDP_LEN = 8,
	FRAGMENT_LEN = 8, /* IPv6 extension header */
	ICMP_LEN = 8,
	IP4_MORE = 0x2000,
	IP6_MORE = 1,
	IP6_MTU_MIN = 1280,
	TTL = 64,
	ANSWERS_A_SECOND = 10, /* to each transport's peer */
};

static void store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* What the sender may send so that it fits, hop encryption, addresses of the
 * other family and all: as long as this packet was, less what it has too many.
 * Below 1,280 octets nobody believes it in IPv6 (RFC 8201 section 4). */
static uint16_t fits(struct rte_mbuf *m, unsigned excess)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned udp = x->udp_off + 4u;
	unsigned len = (unsigned)(x->udp_off - x->ip_off) +
		       (unsigned)(p[udp] << 8 | p[udp + 1]);
	unsigned left = len > excess ? len - excess : 0;

	if (x->family == 6 && left < IP6_MTU_MIN)
		left = IP6_MTU_MIN;
	return (uint16_t)left;
}

enum verdict too_big(struct rte_mbuf *m, enum too_big rule, unsigned len,
		     uint16_t mtu)
{
	struct pkt_meta *x = pkt_meta(m);

	if (rule == TOO_BIG_FRAGMENT && mtu >= FRAGMENT_MTU_MIN) {
		x->mtu = mtu;
		return V_NONE;
	}
	if (rule == TOO_BIG_ICMP)
		x->mtu = fits(m, len - mtu);
	return V_TOO_BIG;
}

/* Fragments ---------------------------------------------------------------- */

/* One that no other worker's datagram of the same addresses has lately: they
 * share the numbers out (RFC 6864 section 4.3). */
static uint32_t identification(struct worker *w)
{
	return w->next_id++ * w->n_workers + w->id;
}

static void seal_ip4(uint8_t *ip, uint32_t id, unsigned octets, unsigned at,
		     bool more)
{
	uint16_t sum;

	store16(ip + 2, IP4_LEN + octets);
	store16(ip + 4, id & 0xffff);
	store16(ip + 6, at / 8 | (more ? IP4_MORE : 0));
	store16(ip + 10, 0);
	sum = (uint16_t)~csum_fold(csum_add(0, ip, IP4_LEN));
	memcpy(ip + 10, &sum, 2);
}

static void seal_ip6(uint8_t *ip, uint32_t id, unsigned octets, unsigned at,
		     bool more)
{
	uint8_t *extension = ip + IP6_LEN;

	store16(ip + 4, FRAGMENT_LEN + octets);
	ip[6] = IPPROTO_FRAGMENT;
	extension[0] = IPPROTO_UDP;
	extension[1] = 0;
	store16(extension + 2, at | (more ? IP6_MORE : 0));
	store32(extension + 4, id);
}

/* Buffers for all parts but the first, each as this frame begins. */
static bool parts_alloc(struct worker *w, struct rte_mbuf *part[], uint16_t n,
			uint16_t head)
{
	if (rte_pktmbuf_alloc_bulk(w->ports->pool, part + 1, n - 1u))
		return false;
	for (uint16_t i = 1; i < n; i++) {
		*pkt_meta(part[i]) = *pkt_meta(part[0]);
		memcpy(rte_pktmbuf_append(part[i], head),
		       rte_pktmbuf_mtod(part[0], void *), head);
	}
	return true;
}

uint16_t fragment(struct worker *w, struct rte_mbuf *m,
		  struct rte_mbuf *part[FRAGMENTS_MAX])
{
	const struct pkt_meta *x = pkt_meta(m);
	bool six = x->family == 6;
	uint16_t head = x->udp_off, octets = (uint16_t)(m->data_len - head);
	uint16_t grow = six ? FRAGMENT_LEN : 0;
	uint16_t ip_len = (uint16_t)(head - x->ip_off + grow);
	uint16_t room = (uint16_t)((x->mtu - ip_len) & ~7);
	uint16_t n = (uint16_t)((octets + room - 1) / room);
	const uint8_t *from;
	uint32_t id;

	if (n > FRAGMENTS_MAX)
		return 0;
	part[0] = m;
	if (!parts_alloc(w, part, n, head))
		return 0;
	if (six) { /* the extension header's room, in every part */
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

		memmove(p - grow, p, head);
		m->data_off = (uint16_t)(m->data_off - grow);
		for (uint16_t i = 1; i < n; i++)
			rte_pktmbuf_append(part[i], grow);
	}
	head = (uint16_t)(head + grow);
	from = rte_pktmbuf_mtod_offset(m, const uint8_t *, head);
	id = identification(w);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(i * room);
		uint16_t len = i + 1 < n ? room : (uint16_t)(octets - at);
		uint8_t *p = rte_pktmbuf_mtod(part[i], uint8_t *);

		if (i > 0)
			memcpy(p + head, from + at, len);
		part[i]->data_len = (uint16_t)(head + len);
		part[i]->pkt_len = part[i]->data_len;
		(six ? seal_ip6 : seal_ip4)(p + x->ip_off, id, len, at,
					    i + 1 < n);
	}
	return n;
}

/* Answers ------------------------------------------------------------------ */

/* RFC 792, RFC 1191 section 4. @return octets written. */
static uint16_t answer_ip4(uint8_t *ip, const uint8_t *quote, uint16_t n,
			   uint16_t mtu)
{
	uint8_t *icmp = ip + IP4_LEN;
	uint16_t sum;

	memset(ip, 0, IP4_LEN + ICMP_LEN);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* as RFC 1812 section 4.3.2.5 has it */
	store16(ip + 2, (unsigned)(IP4_LEN + ICMP_LEN + n));
	ip[6] = 0x40;
	ip[8] = TTL;
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 12, quote + 16, 4);
	memcpy(ip + 16, quote + 12, 4);
	sum = (uint16_t)~csum_fold(csum_add(0, ip, IP4_LEN));
	memcpy(ip + 10, &sum, 2);
	icmp[0] = 3; /* destination unreachable: */
	icmp[1] = 4; /* fragmentation needed and DF set */
	store16(icmp + 6, mtu);
	memcpy(icmp + ICMP_LEN, quote, n);
	sum = (uint16_t)~csum_fold(csum_add(0, icmp, (size_t)ICMP_LEN + n));
	memcpy(icmp + 2, &sum, 2);
	return (uint16_t)(IP4_LEN + ICMP_LEN + n);
}

/* RFC 4443 section 3.2. */
static uint16_t answer_ip6(uint8_t *ip, const uint8_t *quote, uint16_t n,
			   uint16_t mtu)
{
	uint8_t *icmp = ip + IP6_LEN;
	uint16_t len = rte_cpu_to_be_16((uint16_t)(ICMP_LEN + n));
	uint64_t pseudo;
	uint16_t sum;

	memset(ip, 0, IP6_LEN + ICMP_LEN);
	ip[0] = 0x60;
	memcpy(ip + 4, &len, 2);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, quote + 24, 16);
	memcpy(ip + 24, quote + 8, 16);
	icmp[0] = 2; /* packet too big */
	store32(icmp + 4, mtu);
	memcpy(icmp + ICMP_LEN, quote, n);
	pseudo = csum_add((uint64_t)rte_cpu_to_be_16(IPPROTO_ICMPV6) + len,
			  ip + 8, 32);
	sum = (uint16_t)~csum_fold(
		csum_add(pseudo, icmp, (size_t)ICMP_LEN + n));
	memcpy(icmp + 2, &sum, 2);
	return (uint16_t)(IP6_LEN + ICMP_LEN + n);
}

/* So that nobody makes us talk more than it helps. */
static bool due(const struct worker *w, struct flow_run *r)
{
	const uint64_t pause = table_index(w->table)->hz / ANSWERS_A_SECOND;
	const uint32_t now = flow_moment(w->now);

	if (r->answered && now - r->answered < pause >> FLOW_MOMENT_BITS)
		return false;
	r->answered = now;
	return true;
}

bool too_big_answer(struct worker *w, struct rte_mbuf *m)
{
	struct pkt_meta *x = pkt_meta(m);
	uint8_t quote[IP6_LEN + UDP_LEN], mac[RTE_ETHER_ADDR_LEN];
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t n = (uint16_t)(x->udp_off - x->ip_off + UDP_LEN), len;

	/* With a way out, its headers are no longer those that it came with. */
	if (x->mtu == 0 || x->out || !due(w, x->flow->run))
		return false;
	/* Headers only: what follows has been decrypted. */
	memcpy(quote, p + x->ip_off, n);
	len = (x->family == 6 ? answer_ip6 : answer_ip4)(p + x->ip_off, quote,
							 n, x->mtu);
	memcpy(mac, p, sizeof(mac));
	memcpy(p, p + sizeof(mac), sizeof(mac));
	memcpy(p + sizeof(mac), &w->ports->port[x->in_port].mac, sizeof(mac));
	m->data_len = (uint16_t)(x->ip_off + len);
	m->pkt_len = m->data_len;
	m->ol_flags = 0;
	x->out_port = x->in_port;
	return give(w, &w->ports->port[x->in_port], &m, 1) == 1;
}
