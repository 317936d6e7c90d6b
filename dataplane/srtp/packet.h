/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/packet.h - the little of RTP and RTCP that protection needs.
 *
 * RFC 3550 sections 5.1, 5.3.1 and 6.4; octets from strangers, every length
 * checked against len. The version is not looked at: what decides whether a
 * packet is RTP stands before us (RFC 7983). */
#pragma once
#include <stdint.h>
#include <string.h>
#include "dataplane/srtp/hint.h"

#define RTP_HEADER  12	 /* octets, without CSRCs and extension */
#define RTP_MORE    0x1f /* in the first octet: CSRCs, or an extension */
#define RTCP_HEADER 8u	 /* the octets of SRTCP that stay readable */
#define SRTCP_INDEX 4u	 /* octets of E and index */
#define SRTCP_E	    (UINT32_C(1) << 31)

static inline uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* As in memory: for what is only compared, and for what ciphers take so. */
static inline uint32_t load32_raw(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
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

/** Octets of an RTP header with its CSRCs and extension, 0: more than len, which
 * may be below 0. */
static inline unsigned rtp_header_len(const uint8_t *p, int len)
{
	int hdr = RTP_HEADER;

	if (unlikely(len < RTP_HEADER))
		return 0;
	if (likely(!(p[0] & RTP_MORE)))
		return RTP_HEADER;
	hdr += 4 * (p[0] & 0x0f);
	if (p[0] & 0x10) {
		hdr += 4;
		if (len < hdr)
			return 0;
		hdr += 4 * load16(p + hdr - 2);
	}
	return hdr <= len ? hdr : 0;
}
