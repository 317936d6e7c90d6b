/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream's statistics come to, for test_stats.py to compute once more:
 *
 *   stats-tool CLOCK HZ < lines
 *
 *   rtp TICK SEQ TIMESTAMP SSRC	sr TICK NTP	rr TICK LSR DLSR
 *
 * then one line: received, lost, jitter in 16ths of a timestamp unit, round
 * trip in 1/65536 s, hundredths of MOS. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/flow/emodel.h"
#include "dataplane/flow/stats.h"

static void put32(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

int main(int argc, char *argv[])
{
	uint64_t hz = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t clock = hz ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t units = hz ? stats_ticks((uint32_t)clock, hz) : 0;
	static struct stream_run s;
	char kind[8], line[128];
	uint64_t v[4], delay;

	if (!clock)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		uint8_t rtp[12] = {0x80};

		memset(v, 0, sizeof(v));
		if (sscanf(line,
			   "%7s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			   kind, &v[0], &v[1], &v[2], &v[3]) < 3)
			return 1;
		rtp[2] = (uint8_t)(v[1] >> 8);
		rtp[3] = (uint8_t)v[1];
		put32(rtp + 4, v[2]);
		put32(rtp + 8, v[3]);
		if (!strcmp(kind, "rtp"))
			stats_arrived(&s, rtp, 160, v[0], units);
		else if (!strcmp(kind, "sr"))
			stats_sender_report(&s, (uint32_t)v[1], v[0]);
		else
			stats_report_block(&s, (uint32_t)v[1], (uint32_t)v[2],
					   v[0], hz);
	}
	delay = (uint64_t)s.rtt * 1000000 / 65536 / 2 +
		(uint64_t)s.jitter * 1000000 / 16 / clock;
	printf("%" PRIu64 " %" PRIu64 " %u %u %u\n", s.packets_in,
	       stats_lost(&s), s.jitter, s.rtt,
	       emodel_mos(s.packets_in, stats_lost(&s), delay));
	return 0;
}
