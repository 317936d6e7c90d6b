/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/stats.h - what one direction of a medium counts.
 * RFC 3550 appendix A.1 (extended sequence numbers), A.3 (loss), A.8 (jitter).
 *
 * Pure: no clock, no DPDK. Written by the owning worker only; read by the main
 * lcore without disturbing it, each value whole by itself. Survives a republish
 * of its stream. Times are TSC ticks, jitter is in RTP timestamp units. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct stream_run {
	/* line 0: what every packet touches */
	uint64_t packets_in, octets_in;	  /* RTP; octets of payload */
	uint64_t packets_out, octets_out; /* the same */
	uint64_t last;	    /* when the latest packet came; 0: none yet */
	uint32_t ssrc;	    /* latest seen, as received */
	uint32_t jitter;    /* estimate << 4 */
	uint32_t transit;   /* of the latest packet */
	uint32_t timestamp; /* of the latest packet */
	uint16_t max;	    /* highest sequence number */
	uint16_t cycles;    /* wraps of the sequence number */
	uint8_t started;    /* ssrc, base, max mean something */
	uint8_t again;	    /* the latest packet began something new */
	uint8_t reserved[2];
	/* line 1: the rest */
	uint64_t uncounted;   /* packets_in that aren't of this SSRC since base,
			       * or not in its sequence */
	uint64_t lost_before; /* of earlier SSRCs and before restarts */
	uint32_t base;	      /* first sequence number */
	uint32_t bad;	      /* next one if the sender has restarted */
	uint64_t rtcp_in, rtcp_out;
	uint64_t dropped; /* by any verdict */
	uint64_t sr_at;	  /* when the latest sender report went by */
	uint32_t sr_ntp;  /* and the middle of its NTP timestamp */
	uint32_t rtt;	  /* to the receiver, 1/65536 s; 0: unknown */
} __attribute__((aligned(64)));

static_assert(sizeof(struct stream_run) == 128, "two cache lines");
static_assert(offsetof(struct stream_run, uncounted) == 64, "one is hot");

/** How many timestamp units a tick is, << 48, so that arrival times need a
 * multiplication only. hz: ticks a second. */
static inline uint64_t stats_ticks(uint32_t clock, uint64_t hz)
{
	return (uint64_t)(((unsigned __int128)clock << 48) / hz);
}

#define STATS_DROPOUT  3000 /* A.1: further ahead looks like a restart */
#define STATS_MISORDER 100  /* A.1: further behind, too */

/* Rare: a sequence that starts, or starts again, with the packet that has just
 * been added to packets_in; and one that jumps. @return it counts. */
void stats_begin(struct stream_run *s, uint16_t seq);
bool stats_jump(struct stream_run *s, uint16_t seq);

static inline uint32_t stats_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

/* A.1 without its probation: what comes here has been authenticated, or comes
 * from the source that the transport is bound to. */
static inline bool stats_sequence(struct stream_run *s, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - s->max);

	if (__builtin_expect(ahead < STATS_DROPOUT, 1)) {
		s->cycles += seq < s->max;
		s->max = seq;
		return true;
	}
	return ahead > (1 << 16) - STATS_MISORDER || stats_jump(s, seq);
}

/* A.8. A frame of many packets has one timestamp: only its first counts, or
 * the sender's pacing would look like the network's jitter. */
static inline void stats_jitter(struct stream_run *s, uint32_t timestamp,
				uint32_t arrival)
{
	uint32_t transit = arrival - timestamp;
	bool first = s->again; /* of this SSRC, or since a restart */
	int32_t d;

	if (!first && timestamp == s->timestamp)
		return;
	s->again = 0;
	s->timestamp = timestamp;
	d = (int32_t)(transit - s->transit);
	s->transit = transit;
	if (first)
		return;
	if (d < 0)
		d = d == INT32_MIN ? INT32_MAX : -d;
	s->jitter += (uint32_t)d - ((s->jitter + 8) >> 4);
}

/** Count an RTP packet that arrived; it has been authenticated, or its source
 * checked, and its header fits. units: stats_ticks() of the stream's clock. */
static inline void stats_arrived(struct stream_run *s, const uint8_t *rtp,
				 uint32_t payload_octets, uint64_t now,
				 uint64_t units)
{
	uint16_t seq = (uint16_t)(rtp[2] << 8 | rtp[3]);
	uint32_t ssrc = stats_be32(rtp + 8);
	uint32_t arrival = (uint32_t)(((unsigned __int128)now * units) >> 48);

	s->packets_in++;
	s->octets_in += payload_octets;
	s->last = now;
	if (__builtin_expect(!s->started || s->ssrc != ssrc, 0)) {
		stats_begin(s, seq);
		s->ssrc = ssrc;
		s->jitter = 0;
	}
	if (stats_sequence(s, seq))
		stats_jitter(s, stats_be32(rtp + 4), arrival);
}

/** Packets expected less those received, all SSRCs; never negative. */
uint64_t stats_lost(const struct stream_run *s);

/* Round trip to the receiver of a stream: a sender report of it went by, and
 * later a report block about it that answers (RFC 3550 section 6.4.1: LSR and
 * DLSR, units of 1/65536 s). */
void stats_sender_report(struct stream_run *s, uint32_t ntp_mid, uint64_t now);
void stats_report_block(struct stream_run *s, uint32_t lsr, uint32_t dlsr,
			uint64_t now, uint64_t hz);
