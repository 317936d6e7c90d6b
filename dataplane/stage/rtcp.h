/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/rtcp.h - walk a compound RTCP packet and rewrite its SSRCs.
 *
 * RFC 3550 section 6 (SR, RR, SDES, BYE, APP), RFC 4585 and 5104 (feedback,
 * FIR, TMMBR), RFC 3611 (XR), REMB. Pure: no DPDK, no clock. Lengths are all
 * checked before the first octet changes. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* An SSRC in RTCP names either a source of the side that sends the packet
 * (own) or one that it receives (other): they are masked differently. */
struct rtcp_map {
	/** What an SSRC becomes, both in host order. Never NULL. */
	uint32_t (*own)(void *arg, uint32_t ssrc);
	uint32_t (*other)(void *arg, uint32_t ssrc);
	/** A sender report: the middle 32 bits of its NTP timestamp. */
	void (*sender)(void *arg, uint32_t ssrc, uint32_t ntp_mid);
	/** A report block about ssrc, as received: LSR and DLSR. */
	void (*report)(void *arg, uint32_t ssrc, uint32_t lsr, uint32_t dlsr);
	void *arg;
};

/** @return 0, or -1: the lengths don't add up; nothing has changed then. */
int rtcp_rewrite(uint8_t *p, size_t n, const struct rtcp_map *map);
