/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3550 appendix A.1, A.3 and A.8; see stats.h. */
#include "dataplane/flow/stats.h"

#define NO_BAD (1 << 16 | 1) /* so that no sequence number equals it */

static uint64_t lost_now(const struct stream_run *s)
{
	uint64_t expected = ((uint64_t)s->cycles << 16) + s->max - s->base + 1;
	uint64_t received = s->packets_in - s->uncounted;

	/* Duplicates can make more arrive than were expected. */
	return expected > received ? expected - received : 0;
}

void stats_begin(struct stream_run *s, uint16_t seq)
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

bool stats_jump(struct stream_run *s, uint16_t seq)
{
	if (seq != s->bad) {
		s->bad = (uint16_t)(seq + 1);
		s->uncounted++;
		return false;
	}
	stats_begin(s, seq); /* two in a row: the sender started again */
	return true;
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
