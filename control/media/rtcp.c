/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/rtcp.h"
#include <string.h>
#include "control/media/rtp.h"

#define SR	  200
#define RR	  201
#define SDES	  202
#define BYE	  203
#define BLOCK	  24
#define CNAME	  1
#define DROPOUT	  3000
#define MISORDER  100
#define CNAME_MAX 64

void rtcp_seen(struct rtcp_rx *r, uint32_t ssrc, uint16_t seq, uint32_t ts,
	       uint32_t now_units)
{
	uint32_t transit = now_units - ts;
	uint16_t ahead;
	uint32_t d;

	if (!r->valid || r->ssrc != ssrc) {
		*r = (struct rtcp_rx){.valid = true,
				      .ssrc = ssrc,
				      .base = 65536u + seq,
				      .max = 65536u + seq,
				      .received = 1,
				      .transit = transit};
		return;
	}
	ahead = (uint16_t)(seq - (uint16_t)r->max);
	if (ahead < DROPOUT)
		r->max += ahead;
	else if (ahead <= 65535 - MISORDER) {
		/* A new start of the same source: the counts begin again. */
		r->base = r->max = 65536u + seq;
		r->received = r->expected_prior = r->received_prior = 0;
	}
	r->received++;
	d = transit - r->transit;
	r->transit = transit;
	if (d > INT32_MAX)
		d = 0 - d; /* either direction counts */
	r->jitter += d - ((r->jitter + 8) >> 4);
}

uint64_t rtcp_lost(const struct rtcp_rx *r)
{
	uint64_t expected = r->valid ? (uint64_t)r->max - r->base + 1 : 0;

	return expected > r->received ? expected - r->received : 0;
}

static void write_block(uint8_t *b, struct rtcp_rx *r, uint64_t now)
{
	uint64_t expected = (uint64_t)r->max - r->base + 1;
	int64_t lost = (int64_t)expected - (int64_t)r->received;
	int64_t lately = (int64_t)(expected - r->expected_prior) -
			 (int64_t)(r->received - r->received_prior);
	uint64_t of = expected - r->expected_prior;
	uint8_t fraction =
		lately <= 0 || !of ? 0 : (uint8_t)(lately * 255 / (int64_t)of);

	r->expected_prior = expected;
	r->received_prior = r->received;
	lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
	put32(b, r->ssrc);
	put32(b + 4, (uint32_t)fraction << 24 | ((uint32_t)lost & 0xffffff));
	put32(b + 8, r->max);
	put32(b + 12, r->jitter >> 4);
	put32(b + 16, r->sr_at ? r->sr_ntp : 0);
	put32(b + 20,
	      r->sr_at ? (uint32_t)((now - r->sr_at) * 65536 / 1000000) : 0);
}

/* RFC 3550 section 6.1: the length counts words beyond the first. */
static void write_head(uint8_t *p, unsigned count, uint8_t type, size_t octets)
{
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	put16(p + 2, (uint32_t)(octets / 4 - 1));
}

static size_t write_sdes(uint8_t *p, uint32_t ssrc, const char *cname)
{
	size_t n = strnlen(cname, CNAME_MAX), len = 10 + n + 1;

	len = (len + 3) & ~(size_t)3;
	memset(p, 0, len);
	write_head(p, 1, SDES, len);
	put32(p + 4, ssrc);
	p[8] = CNAME;
	p[9] = (uint8_t)n;
	memcpy(p + 10, cname, n);
	return len;
}

size_t rtcp_write(uint8_t out[RTCP_MAX], const struct rtcp_tx *tx,
		  struct rtcp_rx *rx, const char *cname, bool bye, uint64_t ntp,
		  uint64_t now)
{
	size_t n = tx->packets ? 28 : 8;
	bool block = rx && rx->valid;

	put32(out + 4, tx->ssrc);
	if (tx->packets) {
		put32(out + 8, (uint32_t)(ntp >> 32));
		put32(out + 12, (uint32_t)ntp);
		put32(out + 16, tx->ts);
		put32(out + 20, tx->packets);
		put32(out + 24, tx->octets);
	}
	if (block) {
		write_block(out + n, rx, now);
		n += BLOCK;
	}
	write_head(out, block, tx->packets ? SR : RR, n);
	n += write_sdes(out + n, tx->ssrc, cname);
	if (bye) {
		write_head(out + n, 1, BYE, 8);
		put32(out + n + 4, tx->ssrc);
		n += 8;
	}
	return n;
}

/* Appendix A.2, without its rule for the first type: reduced-size RTCP
 * (RFC 5506) is fine here. */
static bool valid(const uint8_t *p, size_t n)
{
	size_t len;

	if (n < 4)
		return false;
	for (; n; p += len, n -= len) {
		if (n < 4 || p[0] >> 6 != 2)
			return false;
		len = 4 * ((size_t)get16(p + 2) + 1);
		if (len > n)
			return false;
		if (p[0] & 0x20 && len != n)
			return false; /* padding only at the end */
	}
	return true;
}

static void read_blocks(const uint8_t *p, size_t len, size_t at, unsigned count,
			rtcp_h *h, void *arg)
{
	for (; count && at + BLOCK <= len; count--, at += BLOCK) {
		uint32_t loss = get32(p + at + 4);
		struct rtcp_item i = {
			.kind = RTCP_REPORT,
			.ssrc = get32(p + 4),
			.about = get32(p + at),
			.fraction = (uint8_t)(loss >> 24),
			.lost = (int32_t)(loss << 8) >> 8,
			.last_sr = get32(p + at + 16),
			.delay = get32(p + at + 20),
		};

		h(&i, arg);
	}
}

static void read_one(const uint8_t *p, size_t len, rtcp_h *h, void *arg)
{
	unsigned count = p[0] & 31;
	struct rtcp_item i = {0};

	if (p[1] == SR && len >= 28) {
		i.kind = RTCP_SR;
		i.ssrc = get32(p + 4);
		i.ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
		i.ts = get32(p + 16);
		h(&i, arg);
		read_blocks(p, len, 28, count, h, arg);
	} else if (p[1] == RR && len >= 8) {
		read_blocks(p, len, 8, count, h, arg);
	} else if (p[1] == BYE) {
		for (size_t at = 4; count && at + 4 <= len; count--, at += 4) {
			i.kind = RTCP_BYE;
			i.ssrc = get32(p + at);
			h(&i, arg);
		}
	}
}

bool rtcp_read(const uint8_t *p, size_t n, rtcp_h *h, void *arg)
{
	if (!valid(p, n))
		return false;
	while (n) {
		size_t len = 4 * ((size_t)get16(p + 2) + 1);

		read_one(p, len, h, arg);
		p += len;
		n -= len;
	}
	return true;
}

void rtcp_rx_item(struct rtcp_rx *r, const struct rtcp_item *i, uint64_t now)
{
	if (i->kind != RTCP_SR || !r->valid || i->ssrc != r->ssrc)
		return;
	r->sr_ntp = (uint32_t)(i->ntp >> 16);
	r->sr_at = now;
}

bool rtcp_tx_item(struct rtcp_tx *t, const struct rtcp_item *i, uint64_t ntp)
{
	uint32_t passed;

	if (i->kind != RTCP_REPORT || i->about != t->ssrc)
		return false;
	t->reported = true;
	t->fraction_lost = i->fraction;
	t->lost = i->lost > 0 ? (uint32_t)i->lost : 0;
	if (i->last_sr) {
		passed = (uint32_t)(ntp >> 16) - i->last_sr - i->delay;
		/* Beyond a minute, or negative: clocks that lie. */
		if (passed < 60u << 16)
			t->round_trip =
				(uint32_t)((uint64_t)passed * 1000000 >> 16);
	}
	return true;
}
