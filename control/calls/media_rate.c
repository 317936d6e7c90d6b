/* SPDX-License-Identifier: Apache-2.0 */
/* The most that a peer may send, from what the SDP promised. Policing is there
 * to contain floods, not to enforce a contract: every limit has a factor in
 * hand. */
#include <string.h>
#include <strings.h>
#include "control/calls/media_impl.h"

#define FACTOR		2u
#define PACKET_OVERHEAD 60u	   /* octets: RTP, extensions, tag, MKI */
#define RTCP_PPS	50u	   /* RTCP and digits beside the audio */
#define AUDIO_BITS	512000u	   /* of a codec that isn't in the table */
#define VIDEO_BITS	8000000ull /* where b= doesn't say more */
#define VIDEO_PACKET	500u	   /* octets; smaller than what encoders make */

static const struct {
	const char *name;
	uint32_t bits; /* a second, at most */
} rates[] = {
	{"PCMU", 64000},  {"PCMA", 64000},  {"G722", 64000},
	{"G729", 8000},	  {"G723", 6400},   {"GSM", 13200},
	{"iLBC", 15200},  {"AMR", 12800},   {"AMR-WB", 24400},
	{"opus", 510000}, {"speex", 44200}, {"G726-32", 32000},
	{"L16", 3072000}, {"CN", 1000},	    {"telephone-event", 5000},
};

uint32_t media_codec_bits(const struct codec *c)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (strcasecmp(rates[i].name, c->name) == 0)
			return rates[i].bits;
	return AUDIO_BITS;
}

static uint32_t fit(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void limit_audio(struct mleg *leg, uint64_t bits, unsigned ptime)
{
	uint64_t pps = 1000 / ptime;

	leg->max_pps = fit(FACTOR * pps + RTCP_PPS);
	leg->max_octets = fit(FACTOR * (bits / 8 + pps * PACKET_OVERHEAD) +
			      RTCP_PPS * PACKET_OVERHEAD);
}

static void limit_video(struct mleg *leg, uint64_t bits)
{
	uint64_t octets;

	if (bits < VIDEO_BITS)
		bits = VIDEO_BITS;
	octets = FACTOR * bits / 8;
	leg->max_octets = fit(octets);
	leg->max_pps = fit(octets / VIDEO_PACKET + RTCP_PPS);
}

void media_limits(struct mline *l, uint64_t bits, const uint64_t bandwidth[2],
		  unsigned ptime)
{
	for (int x = LEG_A; x <= LEG_B; x++) {
		/* b= says what its author wants to receive, so it bounds what
		 * the other leg sends */
		uint64_t most = bandwidth[OTHER_LEG(x)];

		if (strcmp(l->kind, "video") == 0)
			limit_video(&l->leg[x], most);
		else
			limit_audio(&l->leg[x], most > bits ? most : bits,
				    ptime);
	}
}
