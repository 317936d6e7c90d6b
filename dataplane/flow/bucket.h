/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/bucket.h - policing: a token bucket for packets and octets.
 *
 * Kept as the theoretical arrival time of the generic cell rate algorithm
 * (ITU-T I.371), one for packets and one for octets: spending is an addition,
 * and nothing has to be refilled or divided. Pure: no clock. The rate is
 * published with the flow, the bucket belongs to the worker.
 * Units: TSC ticks; octets cost ticks in 48.16 fixed point. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t octet;	 /* ticks << 16 that an octet costs; 0: no limit */
	uint64_t slack;	 /* ticks that may be spent ahead: the burst */
	uint32_t packet; /* ticks that a packet costs; 0: no limit */
} __attribute__((packed, aligned(4))); /* struct flow_run has no more room */

static_assert(sizeof(struct rate) == 20, "packed");

struct bucket {
	uint64_t packet, octet; /* when the bucket would be full again */
};

#define BUCKET_BURST_MIN 32 /* packets that any rate lets through at once */

/** hz: ticks a second. The burst is half a second's worth, which a radio link
 * that comes back after a gap needs, and never less than BUCKET_BURST_MIN. */
static inline struct rate rate_make(uint32_t pps, uint32_t octets, uint64_t hz)
{
	const uint64_t packet = pps ? hz / pps : 0;
	struct rate r = {
		/* beyond 4.29 GHz, one packet a second is a little more */
		.packet = packet < UINT32_MAX ? (uint32_t)packet : UINT32_MAX,
		.octet = octets ? (hz << 16) / octets : 0,
		.slack = hz / 2,
	};

	if (r.slack < packet * BUCKET_BURST_MIN)
		r.slack = packet * BUCKET_BURST_MIN;
	return r;
}

/** @return false: above the rate, nothing spent. octets < 65,536. */
static inline bool bucket_spend(struct bucket *b, const struct rate *r,
				uint64_t now, uint32_t octets)
{
	const uint64_t p = b->packet > now ? b->packet : now;
	const uint64_t o = b->octet > now ? b->octet : now;

	/* What was spent under a stricter rate before doesn't bind the one
	 * that has no limit. */
	if (__builtin_expect((p > o ? p : o) - now > r->slack, 0) &&
	    ((r->packet && p - now > r->slack) ||
	     (r->octet && o - now > r->slack)))
		return false;
	b->packet = p + r->packet;
	b->octet = o + ((octets * r->octet) >> 16);
	return true;
}

/** The same where only packets count. full: a bucket's `packet`. */
static inline bool bucket_spend_packet(uint64_t *full, const struct rate *r,
				       uint64_t now)
{
	struct bucket b = {.packet = *full};
	const bool within = bucket_spend(&b, r, now, 0);

	*full = b.packet;
	return within;
}
