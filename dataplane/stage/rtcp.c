/* SPDX-License-Identifier: Apache-2.0 */
/* See rtcp.h. */
#include "dataplane/stage/rtcp.h"
#include <stdbool.h>
#include <string.h>
#include "dataplane/stage/parse.h"

enum {
	HEADER = 4, /* of each packet in the compound */
	SSRC = 4,
	SENDER_INFO = 20,
	REPORT = 24, /* a report block */
};

enum { SR = 200, RR, SDES, BYE, APP, RTPFB, PSFB, XR };

static void own(const struct rtcp_map *m, uint8_t *p)
{
	store32(p, m->own(m->arg, load32(p)));
}

static void other(const struct rtcp_map *m, uint8_t *p)
{
	store32(p, m->other(m->arg, load32(p)));
}

/* Report blocks from off on; the octet count has been checked. */
static void reports(uint8_t *p, size_t off, const struct rtcp_map *m)
{
	for (unsigned i = p[0] & 0x1f; i > 0; i--, off += REPORT) {
		m->report(m->arg, load32(p + off), load32(p + off + 16),
			  load32(p + off + 20));
		other(m, p + off);
	}
}

static bool sr_fits(const uint8_t *p, size_t n)
{
	return n >= HEADER + SSRC + SENDER_INFO + REPORT * (p[0] & 0x1fu);
}

static void sr(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	uint32_t mid = (load32(p + 8) << 16) | (load32(p + 12) >> 16);

	(void)n;
	m->sender(m->arg, load32(p + 4), mid);
	own(m, p + 4);
	reports(p, HEADER + SSRC + SENDER_INFO, m);
}

static bool rr_fits(const uint8_t *p, size_t n)
{
	return n >= HEADER + SSRC + REPORT * (p[0] & 0x1fu);
}

static void rr(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	(void)n;
	own(m, p + 4);
	reports(p, HEADER + SSRC, m);
}

/* Where the chunk at off ends: items up to a null octet, padded to 32 bits.
 * @return 0: beyond n. */
static size_t chunk_end(const uint8_t *p, size_t off, size_t n)
{
	off += SSRC;
	while (off < n && p[off] != 0) {
		if (n - off < 2)
			return 0;
		off += 2 + (size_t)p[off + 1];
	}
	if (off >= n)
		return 0;
	return (off | 3) + 1; /* past the null octets, to the next word */
}

static bool sdes_fits(const uint8_t *p, size_t n)
{
	size_t off = HEADER;

	for (unsigned i = p[0] & 0x1f; i > 0; i--) {
		if (n - off < SSRC)
			return false;
		off = chunk_end(p, off, n);
		if (off == 0 || off > n)
			return false;
	}
	return true;
}

static void sdes(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	size_t off = HEADER;

	for (unsigned i = p[0] & 0x1f; i > 0; i--) {
		own(m, p + off);
		off = chunk_end(p, off, n);
	}
}

static bool bye_fits(const uint8_t *p, size_t n)
{
	return n >= HEADER + SSRC * (p[0] & 0x1fu);
}

static void bye(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	(void)n;
	for (unsigned i = 0; i < (p[0] & 0x1fu); i++)
		own(m, p + HEADER + SSRC * i);
}

static bool feedback_fits(const uint8_t *p, size_t n)
{
	(void)p;
	return n >= HEADER + 2 * SSRC;
}

/* Entries of `step` octets that start with the SSRC they are for. */
static void entries(uint8_t *p, size_t off, size_t n, size_t step,
		    const struct rtcp_map *m)
{
	for (; n - off >= step; off += step)
		other(m, p + off);
}

/* RFC 8888 section 3.1: a block for each SSRC, of two octets for each packet of
 * it, padded to a word; a timestamp behind them all. */
static void congestion(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	enum { BLOCK = 8, STAMP = 4 };
	size_t off = 8;

	while (n - off >= BLOCK + STAMP) {
		size_t reports = (size_t)p[off + 6] << 8 | p[off + 7];

		other(m, p + off);
		off += BLOCK + ((2 * reports + 3) & ~(size_t)3);
		if (off > n)
			return;
	}
}

/* RFC 5104: the media source is 0 here and the entries name the senders, but
 * in an answer (TMMBN) they name who asked, on the side that receives it. */
static void rtpfb(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	enum { TMMBR = 3, TMMBN = 4, CCFB = 11 };
	unsigned fmt = p[0] & 0x1f;

	own(m, p + 4);
	if (fmt == CCFB) {
		congestion(p, n, m);
		return;
	}
	if (load32(p + 8) != 0)
		other(m, p + 8);
	if (fmt == TMMBR || fmt == TMMBN)
		entries(p, 12, n, 8, m);
}

static void psfb(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	enum { FIR = 4, TSTR = 5, TSTN = 6, VBCM = 7, AFB = 15 };
	static const uint8_t remb[4] = {'R', 'E', 'M', 'B'};
	unsigned fmt = p[0] & 0x1f;

	own(m, p + 4);
	if (load32(p + 8) != 0)
		other(m, p + 8);
	if (fmt == FIR || fmt == TSTR || fmt == TSTN)
		entries(p, 12, n, 8, m);
	else if (fmt == VBCM && n >= 16)
		other(m, p + 12);
	else if (fmt == AFB && n >= 20 && memcmp(p + 12, remb, 4) == 0)
		for (size_t i = 0, off = 20; i < p[16] && n - off >= SSRC;
		     i++, off += SSRC)
			other(m, p + off);
}

static bool xr_fits(const uint8_t *p, size_t n)
{
	size_t off = HEADER + SSRC;

	if (n < off)
		return false;
	while (off < n) {
		if (n - off < 4)
			return false;
		off += 4 + 4 * ((size_t)p[off + 2] << 8 | p[off + 3]);
	}
	return off == n;
}

/* RFC 3611 section 4: loss and duplicate RLE, receipt times, statistics and
 * VoIP metrics name the source that they report on; DLRR has one for each
 * receiver; the receiver's reference time has none. */
static void xr(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	enum { LOSS = 1, DUPLICATE, TIMES, RRT, DLRR, SUMMARY, VOIP };
	static const bool first_word[] = {
		[LOSS] = true,	  [DUPLICATE] = true, [TIMES] = true,
		[SUMMARY] = true, [VOIP] = true,
	};
	size_t off = HEADER + SSRC;

	own(m, p + 4);
	while (off < n) {
		unsigned type = p[off];
		size_t end =
			off + 4 + 4 * ((size_t)p[off + 2] << 8 | p[off + 3]);

		if (type == DLRR)
			entries(p, off + 4, end, 12, m);
		else if (type <= VOIP && first_word[type] && end - off >= 8)
			other(m, p + off + 4);
		off = end;
	}
}

static bool sender_fits(const uint8_t *p, size_t n)
{
	(void)p;
	return n >= HEADER + SSRC;
}

static void sender(uint8_t *p, size_t n, const struct rtcp_map *m)
{
	(void)n;
	own(m, p + 4);
}

static const struct packet_type {
	bool (*fits)(const uint8_t *p, size_t n);
	void (*rewrite)(uint8_t *p, size_t n, const struct rtcp_map *m);
} types[] = {
	[SR - SR] = {sr_fits, sr},
	[RR - SR] = {rr_fits, rr},
	[SDES - SR] = {sdes_fits, sdes},
	[BYE - SR] = {bye_fits, bye},
	[APP - SR] = {sender_fits, sender},
	[RTPFB - SR] = {feedback_fits, rtpfb},
	[PSFB - SR] = {feedback_fits, psfb},
	[XR - SR] = {xr_fits, xr},
};

/* Types that came later also start with their sender's SSRC (RFC 3550 6.7). */
static const struct packet_type unknown = {sender_fits, sender};

static const struct packet_type *type_of(uint8_t pt)
{
	return pt >= SR && pt <= XR ? &types[pt - SR] : &unknown;
}

/* Octets of the packet at p, padding included; 0: too short for itself. */
static size_t packet_len(const uint8_t *p, size_t n)
{
	size_t len;

	if (n < HEADER || p[0] >> 6 != 2)
		return 0;
	len = 4 + 4 * ((size_t)p[2] << 8 | p[3]);
	return len <= n ? len : 0;
}

/* What of it is padding; only the last packet may have any. */
static size_t padding(const uint8_t *p, size_t len)
{
	return p[0] & 0x20 ? p[len - 1] : 0;
}

int rtcp_rewrite(uint8_t *p, size_t n, const struct rtcp_map *map)
{
	size_t off, len, pad;

	if (n == 0)
		return -1;
	for (off = 0; off < n; off += len) {
		len = packet_len(p + off, n - off);
		if (len == 0)
			return -1;
		pad = padding(p + off, len);
		if (pad > len - HEADER ||
		    !type_of(p[off + 1])->fits(p + off, len - pad))
			return -1;
	}
	for (off = 0; off < n; off += len) {
		len = packet_len(p + off, n - off);
		pad = padding(p + off, len);
		type_of(p[off + 1])->rewrite(p + off, len - pad, map);
	}
	return 0;
}
