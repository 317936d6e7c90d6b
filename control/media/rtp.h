/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/rtp.h - RTP headers, read and written.
 *
 * RFC 3550 section 5.1. Pure; reads what strangers sent, takes a bounded view
 * and gives one. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER	12
#define RTP_PAYLOAD_MAX 1460 /* octets; longer ones are refused */

struct rtp {
	uint32_t ts, ssrc;
	uint16_t seq;
	uint8_t pt;
	bool marker;
	const uint8_t *payload; /* into the packet */
	size_t len;		/* without padding; may be 0 */
};

/** @return false: no RTP version 2, or lengths that don't add up. */
bool rtp_read(struct rtp *r, const uint8_t *p, size_t n);
/** Writes a header without CSRCs and extension; payload is the caller's. */
void rtp_write(uint8_t out[RTP_HEADER], const struct rtp *r);
/** RFC 5761 section 4: what shares a port with RTP and isn't. */
bool rtp_is_rtcp(const uint8_t *p, size_t n);

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}
