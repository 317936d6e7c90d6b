/* SPDX-License-Identifier: Apache-2.0 */
/* See parse.h. */
#include "dataplane/stage/parse.h"
#include <netinet/in.h>
#include <string.h>
#include "dataplane/stage/csum.h"

enum {
	ETHER_LEN = 14,
	VLAN_LEN = 4,
	IP4_LEN = 20,
	IP6_LEN = 40,
	FRAGMENT_LEN = 8, /* IPv6 extension header */
	UDP_LEN = 8,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	IP4_MORE_OR_OFFSET = 0x3fff,
	IP4_OFFSET = 0x1fff,
	IP6_OFFSET = 0xfff8,
};

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The UDP header at off; n is where the IP packet ends. */
static enum frame_kind parse_udp(const uint8_t *p, size_t off, size_t n,
				 bool fragment, struct frame *f)
{
	size_t len;

	if (n - off < UDP_LEN)
		return fragment ? FRAME_OTHER : FRAME_MALFORMED;
	f->udp_off = (uint16_t)off;
	memcpy(&f->src_port, p + off, 2);
	f->dst_port = load16(p + off + 2);
	if (fragment)
		return FRAME_FRAGMENT;
	len = load16(p + off + 4);
	if (len < UDP_LEN || len > n - off)
		return FRAME_UDP_BAD;
	f->payload_off = (uint16_t)(off + UDP_LEN);
	f->payload_len = (uint16_t)(len - UDP_LEN);
	return FRAME_UDP;
}

static enum frame_kind parse_ip4(const uint8_t *p, size_t off, size_t n,
				 struct frame *f)
{
	const uint8_t *ip = p + off;
	size_t header, total;
	uint16_t frag;

	if (n - off < IP4_LEN || ip[0] >> 4 != 4)
		return FRAME_MALFORMED;
	header = 4 * (size_t)(ip[0] & 0x0f);
	total = load16(ip + 2);
	if (header < IP4_LEN || total < header || total > n - off)
		return FRAME_MALFORMED;
	if (header > IP4_LEN || ip[9] != IPPROTO_UDP)
		return FRAME_OTHER;
	frag = load16(ip + 6);
	if (frag & IP4_OFFSET)
		return FRAME_OTHER; /* no ports in it */
	f->family = 4;
	f->src = ip + 12;
	f->dst = ip + 16;
	return parse_udp(p, off + IP4_LEN, off + total,
			 frag & IP4_MORE_OR_OFFSET, f);
}

static enum frame_kind parse_ip6(const uint8_t *p, size_t off, size_t n,
				 struct frame *f)
{
	const uint8_t *ip = p + off;
	size_t total;

	if (n - off < IP6_LEN || ip[0] >> 4 != 6)
		return FRAME_MALFORMED;
	total = IP6_LEN + (size_t)load16(ip + 4);
	if (total > n - off)
		return FRAME_MALFORMED;
	f->family = 6;
	f->src = ip + 8;
	f->dst = ip + 24;
	if (ip[6] == IPPROTO_UDP)
		return parse_udp(p, off + IP6_LEN, off + total, false, f);
	if (ip[6] == IPPROTO_FRAGMENT && total >= IP6_LEN + FRAGMENT_LEN &&
	    ip[IP6_LEN] == IPPROTO_UDP &&
	    (load16(ip + IP6_LEN + 2) & IP6_OFFSET) == 0)
		return parse_udp(p, off + IP6_LEN + FRAGMENT_LEN, off + total,
				 true, f);
	return FRAME_OTHER;
}

enum frame_kind frame_parse(const uint8_t *p, size_t n, struct frame *f)
{
	size_t off = ETHER_LEN;
	uint16_t type;

	if (n < ETHER_LEN)
		return FRAME_MALFORMED;
	if (n > UINT16_MAX)
		return FRAME_OTHER;
	type = load16(p + 12);
	if (type == TYPE_VLAN) {
		if (n < ETHER_LEN + VLAN_LEN)
			return FRAME_MALFORMED;
		type = load16(p + 16);
		off += VLAN_LEN;
	}
	f->ip_off = (uint16_t)off;
	if (type == TYPE_IP4)
		return parse_ip4(p, off, n, f);
	if (type == TYPE_IP6)
		return parse_ip6(p, off, n, f);
	return FRAME_OTHER;
}

bool frame_ip_sum_ok(const uint8_t *p, const struct frame *f)
{
	return csum_fold(csum_add(0, p + f->ip_off, IP4_LEN)) == 0xffff;
}

bool frame_udp_sum_ok(const uint8_t *p, const struct frame *f)
{
	const uint8_t *udp = p + f->udp_off;
	size_t addrs = f->family == 4 ? 8 : 32;
	uint64_t sum;

	if (udp[6] == 0 && udp[7] == 0)
		return f->family == 4;
	/* The pseudo header: addresses, protocol, length; then all of it. */
	sum = csum_add(htons(IPPROTO_UDP), f->src, addrs);
	sum = csum_add(sum, udp + 4, 2);
	sum = csum_add(sum, udp, UDP_LEN + (size_t)f->payload_len);
	return csum_fold(sum) == 0xffff;
}

enum payload_kind payload_kind(uint8_t first)
{
	static const uint8_t kind[256] = {
		[0 ... 3] = PAYLOAD_STUN,
		[20 ... 63] = PAYLOAD_DTLS,
		[128 ... 191] = PAYLOAD_RTP,
	};

	return (enum payload_kind)kind[first];
}
