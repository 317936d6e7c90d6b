/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/parse.h - headers of what strangers send, bounded views.
 *
 * Ethernet with one VLAN tag or none, IPv4 (RFC 791) and IPv6 (RFC 8200)
 * without options or extension headers, UDP (RFC 768), and the first octets of
 * what UDP carries (RFC 7983, RFC 5761, RFC 3550). Pure: no DPDK. Nothing is
 * read beyond (p, n). */
#pragma once
#include <smmintrin.h>
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

/* Where things are in the frames in which nearly all media comes: IPv4 without
 * options, tag, fragment or padding, UDP, and in that at least an RTP header. */
enum { USUAL_IP = 14, USUAL_UDP = 34, USUAL_PAYLOAD = 42, USUAL_MIN = 54 };

/** What the first 16 octets of one to this MAC address are, 0 for any. */
static inline __m128i usual_head(const uint8_t mac[6])
{
	uint8_t head[16] = {[12] = 0x08, [14] = 0x45};

	memcpy(head, mac, 6);
	return _mm_loadu_si128((const __m128i *)head);
}

/** What they are of none. */
static inline __m128i usual_none(void)
{
	return _mm_set1_epi8(-1);
}

/** The same as frame_parse, at once, for such a frame. @return false: it is
 * another, or not to this MAC address; frame_parse has to look. */
static inline bool frame_usual(const uint8_t *p, size_t n, __m128i head,
			       struct frame *f)
{
	/* all but our own MAC address is any; so is DSCP */
	const __m128i head_mask = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 0, 0,
						0, 0, 0, -1, -1, -1, 0);
	/* from octet 14: no fragment, UDP */
	const __m128i udp =
		_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0);
	const __m128i udp_mask = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0x3f, -1, 0,
					       -1, 0, 0, 0, 0, 0, 0);
	__m128i first, second;
	uint16_t total, len;

	if (n < USUAL_MIN || n > UINT16_MAX)
		return false;
	first = _mm_loadu_si128((const __m128i *)p);
	second = _mm_loadu_si128((const __m128i *)(p + USUAL_IP));
	first = _mm_xor_si128(_mm_and_si128(first, head_mask), head);
	second = _mm_xor_si128(_mm_and_si128(second, udp_mask), udp);
	first = _mm_or_si128(first, second);
	memcpy(&total, p + USUAL_IP + 2, 2);
	memcpy(&len, p + USUAL_UDP + 4, 2);
	if (!_mm_testz_si128(first, first) ||
	    total != __builtin_bswap16((uint16_t)(n - USUAL_IP)) ||
	    len != __builtin_bswap16((uint16_t)(n - USUAL_UDP)))
		return false;
	f->src = p + 26;
	f->dst = p + 30;
	memcpy(&f->src_port, p + 34, 2);
	f->dst_port = (uint16_t)(p[36] << 8 | p[37]);
	f->ip_off = USUAL_IP;
	f->udp_off = USUAL_UDP;
	f->payload_off = USUAL_PAYLOAD;
	f->payload_len = (uint16_t)(n - USUAL_PAYLOAD);
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

/** Is it RTP without a doubt, so that RTCP needn't be thought of? n >= 2. */
static inline bool payload_is_plain_rtp(const uint8_t *p)
{
	uint16_t word;

	memcpy(&word, p, 2);
	word &= 0xe0c0;
	return (word & 0xff) == 0x80 && word != 0xc080;
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
