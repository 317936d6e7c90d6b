/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/rtcp.h - RTCP of streams that end here: reports and BYE.
 *
 * RFC 3550 section 6. Pure; reads what strangers sent. Times: ntp is 32.32
 * seconds since 1900, now is microseconds of a clock that doesn't go back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_MAX      512     /* octets of what rtcp_write makes, at most */
#define RTCP_INTERVAL 5000000 /* us, halved to one and a half (section 6.2) */

/* What is received, for the report about it. */
struct rtcp_rx {
	bool valid;
	uint32_t ssrc, base, max; /* extended sequence numbers */
	uint64_t received, expected_prior, received_prior;
	uint32_t transit, jitter; /* jitter times 16, RTP units */
	uint32_t sr_ntp;	  /* middle of the last SR's */
	uint64_t sr_at;		  /* when it came; 0: none */
};

/* What is sent, and what the far end says of it. */
struct rtcp_tx {
	uint32_t ssrc, ts; /* timestamp now */
	uint32_t packets, octets;
	bool reported;
	uint8_t fraction_lost; /* of 256 */
	uint32_t lost;
	uint32_t round_trip; /* us */
};

void rtcp_seen(struct rtcp_rx *r, uint32_t ssrc, uint16_t seq, uint32_t ts,
	       uint32_t now_units);
/** Lost so far, by sequence numbers. */
uint64_t rtcp_lost(const struct rtcp_rx *r);

/** SR (RR where nothing was sent), SDES, and BYE if asked for. rx may be NULL.
 * @return octets. */
size_t rtcp_write(uint8_t out[RTCP_MAX], const struct rtcp_tx *tx,
		  struct rtcp_rx *rx, const char *cname, bool bye, uint64_t ntp,
		  uint64_t now);

/* One thing that a compound packet says. */
enum rtcp_kind { RTCP_SR, RTCP_REPORT, RTCP_BYE };

struct rtcp_item {
	enum rtcp_kind kind;
	uint32_t ssrc;		 /* of who says it, or who leaves */
	uint32_t about;		 /* RTCP_REPORT: whose packets */
	uint8_t fraction;	 /* RTCP_REPORT, of 256 */
	int32_t lost;		 /* RTCP_REPORT */
	uint32_t last_sr, delay; /* RTCP_REPORT: 16.16 seconds */
	uint64_t ntp;		 /* RTCP_SR */
	uint32_t ts;		 /* RTCP_SR */
};

typedef void rtcp_h(const struct rtcp_item *item, void *arg);

/** Tells item by item. Other packet types are passed over.
 * @return false: lengths that don't add up; nothing was told. */
bool rtcp_read(const uint8_t *p, size_t n, rtcp_h *h, void *arg);

/** What came: an SR about r's source, a report about t. */
void rtcp_rx_item(struct rtcp_rx *r, const struct rtcp_item *i, uint64_t now);
bool rtcp_tx_item(struct rtcp_tx *t, const struct rtcp_item *i, uint64_t ntp);
