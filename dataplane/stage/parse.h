/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/parse.h - headers of what strangers send, bounded views.
 *
 * Ethernet with one VLAN tag or none, IPv4 (RFC 791) and IPv6 (RFC 8200)
 * without options or extension headers, UDP (RFC 768), and the first octets of
 * what UDP carries (RFC 7983, RFC 5761, RFC 3550). Pure: no DPDK. Nothing is
 * read beyond (p, n). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum frame_kind {
	FRAME_UDP,	 /* whole and sound, as far as lengths tell */
	FRAME_UDP_BAD,	 /* UDP, addresses and ports known, lengths wrong */
	FRAME_FRAGMENT,	 /* first fragment of UDP: ports known */
	FRAME_OTHER,	 /* for the kernel to judge */
	FRAME_MALFORMED, /* IP header lengths do not add up */
};

struct frame {
	const uint8_t *src, *dst; /* IP addresses; 4 or 16 octets */
	uint16_t src_port;	  /* network order */
	uint16_t dst_port;	  /* host order */
	uint16_t ip_off, udp_off, payload_off;
	uint16_t payload_len; /* octets */
	uint8_t family;	      /* 4 or 6 */
};

/** Look at a frame. *f is filled in for the first three kinds (payload only for
 * FRAME_UDP). Octets behind the UDP datagram are padding. */
enum frame_kind frame_parse(const uint8_t *p, size_t n, struct frame *f);

/* Where things are in such a frame. */
enum { USUAL_IP = 14, USUAL_UDP = 34, USUAL_PAYLOAD = 42 };

/** The same, at once, for what nearly all media comes in: IPv4 without options,
 * tag or fragment, UDP, all lengths right. @return false: frame_parse has to
 * look. Octets are compared in words as they lie in memory. */
static inline bool frame_usual(const uint8_t *p, size_t n, struct frame *f)
{
	static const uint8_t type[4] = {0x08, 0x00, 0x45, 0},
			     type_mask[4] = {0xff, 0xff, 0xff, 0};
	static const uint8_t udp[4] = {0, 0, 0, 17},
			     udp_mask[4] = {0x3f, 0xff, 0, 0xff};
	uint32_t word, mask, want;
	uint16_t total, len;

	if (n < 42)
		return false;
	memcpy(&word, p + 12, 4); /* EtherType, version, header length */
	memcpy(&mask, type_mask, 4);
	memcpy(&want, type, 4);
	if ((word & mask) != want)
		return false;
	memcpy(&word, p + 20, 4); /* fragment, TTL, protocol */
	memcpy(&mask, udp_mask, 4);
	memcpy(&want, udp, 4);
	if ((word & mask) != want)
		return false;
	total = (uint16_t)(p[16] << 8 | p[17]);
	len = (uint16_t)(p[38] << 8 | p[39]);
	if (len < 8 || (size_t)len + 20 > total || (size_t)total + 14 > n)
		return false;
	f->src = p + 26;
	f->dst = p + 30;
	memcpy(&f->src_port, p + 34, 2);
	f->dst_port = (uint16_t)(p[36] << 8 | p[37]);
	f->ip_off = USUAL_IP;
	f->udp_off = USUAL_UDP;
	f->payload_off = USUAL_PAYLOAD;
	f->payload_len = (uint16_t)(len - 8);
	f->family = 4;
	return true;
}

/** Is the IPv4 header's checksum right? */
bool frame_ip_sum_ok(const uint8_t *p, const struct frame *f);
/** Is the UDP checksum right? None at all is right in IPv4 only. */
bool frame_udp_sum_ok(const uint8_t *p, const struct frame *f);

/* What UDP carries, by its first octet: RFC 7983 section 7. */
enum payload_kind {
	PAYLOAD_NONE, /* nothing that has business on a media port */
	PAYLOAD_STUN,
	PAYLOAD_DTLS,
	PAYLOAD_RTP, /* or RTCP */
	PAYLOAD_KINDS
};

enum payload_kind payload_kind(uint8_t first);

/** RFC 5761 section 4: would this be RTCP, were it on a shared port? */
static inline bool payload_is_rtcp(const uint8_t *p, size_t n)
{
	return n >= 2 && p[1] >= 192 && p[1] <= 223;
}

/** Octets of the RTP header with its CSRCs and extension; 0: too short. */
static inline size_t rtp_header_len(const uint8_t *p, size_t n)
{
	size_t len;

	if (n < 12)
		return 0;
	if (__builtin_expect((p[0] & 0x1f) == 0, 1))
		return 12;
	len = 12 + 4 * (size_t)(p[0] & 0x0f);
	if (p[0] & 0x10) {
		if (n < len + 4)
			return 0;
		len += 4 + 4 * ((size_t)p[len + 2] << 8 | p[len + 3]);
	}
	return len <= n ? len : 0;
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline void store32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}
