/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3550 appendix A.1, A.3 and A.8; see stats.h. */
#include "dataplane/flow/stats.h"

enum {
	SEQ_MOD = 1 << 16,
	MAX_DROPOUT = 3000,   /* A.1: further ahead looks like a restart */
	MAX_MISORDER = 100,   /* A.1: further behind, too */
	NO_BAD = SEQ_MOD + 1, /* so that no sequence number equals it */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t lost_now(const struct stream_run *s)
{
	uint64_t expected = ((uint64_t)s->cycles << 16) + s->max - s->base + 1;
	uint64_t received = s->packets_in - s->uncounted;

	/* Duplicates can make more arrive than were expected. */
	return expected > received ? expected - received : 0;
}

/* With the packet that has just been added to packets_in. */
static __attribute__((noinline, cold)) void begin(struct stream_run *s,
						  uint16_t seq)
{
	if (s->started) {
		s->uncounted++;
		s->lost_before += lost_now(s);
	}
	s->uncounted = s->packets_in - 1;
	s->base = s->max = seq;
	s->bad = NO_BAD;
	s->cycles = 0;
	s->started = 1;
	s->again = 1;
}

/* A.1 without its probation: what comes here has been authenticated, or comes
 * from the source that the transport is bound to. */
static bool sequence(struct stream_run *s, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - s->max);

	if (ahead < MAX_DROPOUT) {
		s->cycles += seq < s->max;
		s->max = seq;
	} else if (ahead <= SEQ_MOD - MAX_MISORDER) {
		if (seq != s->bad) {
			s->bad = (uint16_t)(seq + 1);
			s->uncounted++;
			return false;
		}
		begin(s, seq); /* two in a row: the sender started again */
	}
	return true;
}

/* A.8. A frame of many packets has one timestamp: only its first counts, or
 * the sender's pacing would look like the network's jitter. */
static void jitter(struct stream_run *s, uint32_t timestamp, uint32_t arrival)
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

void stats_arrived(struct stream_run *s, const uint8_t *rtp,
		   uint32_t payload_octets, uint64_t now, uint64_t units)
{
	uint16_t seq = (uint16_t)(rtp[2] << 8 | rtp[3]);
	uint32_t ssrc = be32(rtp + 8);
	uint32_t arrival = (uint32_t)(((unsigned __int128)now * units) >> 48);

	s->packets_in++;
	s->octets_in += payload_octets;
	s->last = now;
	if (!s->started || s->ssrc != ssrc) {
		begin(s, seq);
		s->ssrc = ssrc;
		s->jitter = 0;
	}
	if (sequence(s, seq))
		jitter(s, be32(rtp + 4), arrival);
}

uint64_t stats_lost(const struct stream_run *s)
{
	return s->lost_before + (s->started ? lost_now(s) : 0);
}

void stats_sender_report(struct stream_run *s, uint32_t ntp_mid, uint64_t now)
{
	s->sr_ntp = ntp_mid;
	s->sr_at = now;
}

void stats_report_block(struct stream_run *s, uint32_t lsr, uint32_t dlsr,
			uint64_t now, uint64_t hz)
{
	uint64_t since;

	if (lsr == 0 || lsr != s->sr_ntp || s->sr_at == 0)
		return;
	/* A round trip is a second at most where it means anything, so the
	 * division is one for each report, every few seconds. */
	since = (uint64_t)(((unsigned __int128)(now - s->sr_at) << 16) / hz);
	if (since >= dlsr && since - dlsr < UINT32_MAX)
		s->rtt =
			(uint32_t)(since - dlsr) ? (uint32_t)(since - dlsr) : 1;
}
