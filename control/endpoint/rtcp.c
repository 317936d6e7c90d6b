/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/rtcp.h"
#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, PSFB = 206, PLI = 1 };

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	return p + 4;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Header with the length put in later, when it is known. */
static uint8_t *begin(uint8_t *p, unsigned count, uint8_t type, uint32_t ssrc)
{
	p[0] = (uint8_t)(2 << 6 | count);
	p[1] = type;
	return put32(p + 4, ssrc);
}

static uint8_t *finish(uint8_t *start, uint8_t *end)
{
	size_t words = (size_t)(end - start) / 4 - 1;

	start[2] = (uint8_t)(words >> 8);
	start[3] = (uint8_t)words;
	return end;
}

uint32_t rtcp_seen(struct rtcp_source *s, uint32_t ssrc, uint16_t seq,
		   uint32_t ts, uint32_t now)
{
	uint32_t transit = now - ts, ext;
	int32_t d;

	if (!s->valid || s->ssrc != ssrc) {
		/* A new source starts one cycle up, so that late packets of
		 * before its first still have a number. */
		*s = (struct rtcp_source){.ssrc = ssrc,
					  .base = 0x10000u + seq,
					  .max = 0x10000u + seq,
					  .transit = transit,
					  .valid = true};
	}
	ext = s->max + (uint32_t)(int16_t)(seq - (uint16_t)s->max);
	if ((int32_t)(ext - s->max) > 0)
		s->max = ext;
	s->received++;
	d = (int32_t)(transit - s->transit);
	s->transit = transit;
	if (d < 0)
		d = -d;
	s->jitter += (uint32_t)d - ((s->jitter + 8) >> 4);
	return ext;
}

static uint8_t *block(uint8_t *p, struct rtcp_source *s)
{
	uint64_t expected = (uint64_t)(s->max - s->base) + 1;
	uint64_t span = expected - s->expected_prior;
	uint64_t got = s->received - s->received_prior;
	uint32_t lost =
		expected > s->received ? (uint32_t)(expected - s->received) : 0;
	uint32_t fraction =
		span && span > got ? (uint32_t)((span - got) * 256 / span) : 0;

	s->expected_prior = expected;
	s->received_prior = s->received;
	if (fraction > 255)
		fraction = 255;
	p = put32(p, s->ssrc);
	p = put32(p, fraction << 24 | (lost > 0x7fffff ? 0x7fffff : lost));
	p = put32(p, s->max);
	p = put32(p, s->jitter >> 4);
	p = put32(p, 0);
	return put32(p, 0);
}

size_t rtcp_report(uint8_t out[RTCP_MAX], const struct rtcp_sender *tx,
		   struct rtcp_source *rx, const char cname[RTCP_CNAME])
{
	uint8_t *p = begin(out, rx->valid, tx->packets ? SR : RR, tx->ssrc);
	uint8_t *sdes;

	if (tx->packets) {
		p = put32(p, (uint32_t)(tx->ntp >> 32));
		p = put32(p, (uint32_t)tx->ntp);
		p = put32(p, tx->ts);
		p = put32(p, tx->packets);
		p = put32(p, tx->octets);
	}
	if (rx->valid)
		p = block(p, rx);
	sdes = finish(out, p);
	p = begin(sdes, 1, SDES, tx->ssrc);
	*p++ = 1; /* CNAME */
	*p++ = RTCP_CNAME;
	memcpy(p, cname, RTCP_CNAME);
	p += RTCP_CNAME;
	/* A zero ends the list, and others fill up the word. */
	*p++ = 0;
	*p++ = 0;
	return (size_t)(finish(sdes, p) - out);
}

size_t rtcp_pli(uint8_t out[RTCP_MAX], const struct rtcp_sender *tx,
		struct rtcp_source *rx, const char cname[RTCP_CNAME])
{
	size_t n = rtcp_report(out, tx, rx, cname);
	uint8_t *p = begin(out + n, PLI, PSFB, tx->ssrc);

	p = put32(p, rx->ssrc);
	return (size_t)(finish(out + n, p) - out);
}

bool rtcp_wants_key(const uint8_t *p, size_t len, uint32_t ssrc)
{
	bool wants = false;

	while (len >= 8) {
		size_t n = ((size_t)(p[2] << 8 | p[3]) + 1) * 4;

		if (p[0] >> 6 != 2 || n > len)
			return false;
		if (p[1] == PSFB && (p[0] & 0x1f) == PLI && n >= 12 &&
		    (get32(p + 8) == ssrc || !get32(p + 8)))
			wants = true;
		p += n;
		len -= n;
	}
	return wants;
}
