/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/rtcp.h - RTCP reports and requests for key frames.
 *
 * RFC 3550 section 6, RFC 4585 section 6.3.1. Reports carry a random CNAME and
 * nothing that tells who talks. Of what arrives only reports and PLI are
 * looked at: APP, XR and BYE are ignored (E2EE.md, "Media"). Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_CNAME 16 /* characters */
#define RTCP_MAX   256

/* What a report block is made from. RFC 3550, appendix A. */
struct rtcp_source {
	uint32_t ssrc;
	uint32_t base, max; /* extended sequence numbers */
	uint64_t received;
	uint64_t expected_prior, received_prior;
	uint32_t transit, jitter; /* jitter times 16 */
	bool valid;
};

struct rtcp_sender {
	uint32_t ssrc, ts; /* RTP's timestamp now */
	uint32_t packets, octets;
	uint64_t ntp; /* 32.32, now */
};

/** A packet of seq came: takes it into account, and returns its extended
 * sequence number. now: units of the codec's clock. */
uint32_t rtcp_seen(struct rtcp_source *s, uint32_t ssrc, uint16_t seq,
		   uint32_t ts, uint32_t now);

/** Report (SR where something was sent) and SDES. @return octets. */
size_t rtcp_report(uint8_t out[RTCP_MAX], const struct rtcp_sender *tx,
		   struct rtcp_source *rx, const char cname[RTCP_CNAME]);
/** The same, with a request for a key frame. */
size_t rtcp_pli(uint8_t out[RTCP_MAX], const struct rtcp_sender *tx,
		struct rtcp_source *rx, const char cname[RTCP_CNAME]);
/** @return whether a well-formed compound asks `ssrc` for a key frame. */
bool rtcp_wants_key(const uint8_t *p, size_t len, uint32_t ssrc);
