/* SPDX-License-Identifier: Apache-2.0 */
/* Our media address for a leg, and where its peer wants media. */
#include <arpa/inet.h>
#include <string.h>
#include "control/calls/media_impl.h"

static bool addr_equal(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->addr, b->addr, a->family == 6 ? 16 : 4) == 0;
}

/* Are two addresses the same in their first `bits` bits? */
static bool addr_within(const struct sp_addr *a, const struct sp_addr *net,
			unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return a->family == net->family &&
	       memcmp(a->addr, net->addr, whole) == 0 &&
	       (rest == 0 || ((a->addr[whole] ^ net->addr[whole]) & mask) == 0);
}

/* Ways to choose, best first. */
enum pick { PICK_SAME, PICK_NETWORK, PICK_FAMILY };

static bool pick_fits(enum pick how, const struct sp_addr *a,
		      const struct media_leg_addr *leg)
{
	uint8_t family =
		leg->local.family ? leg->local.family : leg->peer.family;

	switch (how) {
	case PICK_SAME:
		return addr_equal(a, &leg->local);
	case PICK_NETWORK:
		return leg->peer.family && a->prefix &&
		       addr_within(&leg->peer, a, a->prefix);
	default:
		return a->family == family;
	}
}

int media_addr_pick(struct media *m, enum leg l, struct media_why *why)
{
	const struct sp_greeting *g = dp_greeting(m->dp);
	struct side *side = &m->side[l];

	if (side->media >= 0)
		return 0;
	if (!g)
		return media_no(why, 503,
				"The dataplane is away; try again later");
	for (enum pick how = PICK_SAME; how <= PICK_FAMILY; how++) {
		for (unsigned i = 0; i < g->n_media; i++) {
			if (!pick_fits(how, &g->media[i].addr, &side->addr))
				continue;
			side->media = (int)i;
			side->local = g->media[i].addr;
			return 0;
		}
	}
	return media_no(why, 503,
			"The dataplane has no media address for this leg");
}

/* A host's address, as the dataplane accepts it. */
static bool unicast(const struct sp_addr *a)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (a->family == 4)
		return a->addr[0] != 0 && a->addr[0] != 127 && a->addr[0] < 224;
	return a->addr[0] != 0xff && memcmp(a->addr, loopback6, 16) != 0;
}

static bool unspecified(const struct sp_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->addr, zero, a->family == 6 ? 16 : 4) == 0;
}

/* RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 link-local. */
static bool private_addr(const struct sp_addr *a)
{
	const uint8_t *b = a->addr;

	if (a->family == 4)
		return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		       (b[0] == 192 && b[1] == 168) ||
		       (b[0] == 100 && (b[1] & 0xc0) == 64) ||
		       (b[0] == 169 && b[1] == 254);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/* a=rtcp:<port> [IN IP4|IP6 <address>], RFC 3605; else the next port. */
static void rtcp_of(const struct sdp *s, unsigned i, struct mleg *out)
{
	struct sdp_view v, word, addr;
	char text[INET6_ADDRSTRLEN];
	struct sp_addr a = {0};
	uint32_t port;

	out->rtcp = out->rtp;
	if (out->mux)
		return;
	out->rtcp.port = (uint16_t)(out->rtp.port + 1);
	if (!sdp_attr_find(s, (int)i, "rtcp", &v) ||
	    !sdp_view_word(&v, &word) || !sdp_view_u32(word, 65535, &port) ||
	    port == 0)
		return;
	out->rtcp.port = (uint16_t)port;
	if (!sdp_view_word(&v, &word) || !sdp_view_word(&v, &word) ||
	    !sdp_view_word(&v, &addr) || addr.len >= sizeof(text))
		return;
	sdp_view_copy(addr, text, sizeof(text));
	a.family = sdp_view_eq(word, "IP6") ? 6 : 4;
	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.addr) == 1 &&
	    a.family == out->rtp.family && unicast(&a) && !unspecified(&a))
		memcpy(out->rtcp.addr, a.addr, sizeof(a.addr));
}

int media_addr_peer(const struct media *m, enum leg l, const struct sdp *s,
		    unsigned i, struct mleg *out, struct media_why *why)
{
	const struct side *side = &m->side[l];
	struct sp_addr a = {0};
	struct sdp_mline ml;
	struct sdp_addr c;

	sdp_mline(s, i, &ml);
	if (!sdp_conn(s, i, &c))
		return media_no(why, 400, "SDP: m-line %u has no c= line",
				i + 1);
	a.family = c.family;
	memcpy(a.addr, c.addr, sizeof(a.addr));
	if (a.family == 0)
		return media_no(why, 488,
				"SDP: a name in c= of m-line %u isn't "
				"resolved; it must be an address",
				i + 1);
	if (a.family != side->local.family)
		return media_no(why, 488,
				"SDP: m-line %u wants IPv%u media where the "
				"gateway has IPv%u",
				i + 1, a.family, side->local.family);
	out->no_recv = unspecified(&a);
	/* On hold with 0.0.0.0 it may still send, from where it signals. A
	 * private address behind a public one is a NAT's inside: the packets
	 * will come from where the signalling does. */
	if (side->addr.peer.family == a.family &&
	    (out->no_recv ||
	     (private_addr(&a) && !private_addr(&side->addr.peer) &&
	      unicast(&side->addr.peer))))
		memcpy(a.addr, side->addr.peer.addr, sizeof(a.addr));
	if (!unicast(&a) || unspecified(&a))
		return media_no(why, 488,
				"SDP: the c= address of m-line %u is none that "
				"media can be sent to",
				i + 1);
	a.port = ml.port;
	a.prefix = a.family == 6 ? 128 : 32;
	out->rtp = a;
	rtcp_of(s, i, out);
	return 0;
}
