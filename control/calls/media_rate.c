/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs in common, and the most that a peer may send, from what the SDP
 * promised. Policing is there to contain floods, not to enforce a contract:
 * every limit has a factor in hand. */
#include <string.h>
#include <strings.h>
#include "control/calls/media_impl.h"

#define FACTOR		2u
#define PTIME_DEFAULT	20u /* ms; RFC 3551 section 4.2 */
#define PTIME_MIN	5u
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

/* Codecs that carry no media of their own. */
static bool auxiliary(const char *name)
{
	static const char *const names[] = {
		"telephone-event", "CN", "red", "ulpfec", "flexfec-03", "rtx"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void codec_keep(const struct sdp_codec *c, struct codec *out)
{
	sdp_view_copy(c->name, out->name, sizeof(out->name));
	out->clock = c->clock;
	out->channels = c->channels;
}

static bool codec_equal(const struct codec *a, const struct codec *b)
{
	return a->name[0] && strcasecmp(a->name, b->name) == 0 &&
	       a->clock == b->clock && a->channels == b->channels;
}

static unsigned ptime_of(const struct sdp *s, unsigned i)
{
	struct sdp_view v;
	uint32_t ms;

	if (!sdp_attr_find(s, (int)i, "ptime", &v) ||
	    !sdp_view_u32(v, 1000, &ms))
		return 0;
	return ms < PTIME_MIN ? PTIME_MIN : ms;
}

void media_codecs_offered(const struct sdp *s, unsigned i, struct mline *l)
{
	struct sdp_codec c;

	l->n_codecs = 0;
	for (unsigned pos = 0;
	     l->n_codecs < MEDIA_CODECS_MAX && sdp_codec_next(s, i, &pos, &c);)
		codec_keep(&c, &l->codecs[l->n_codecs++]);
	l->ptime = ptime_of(s, i);
	l->bandwidth = sdp_bandwidth(s, i);
}

static uint32_t codec_bits(const struct codec *c)
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

static unsigned smaller_ptime(unsigned a, unsigned b)
{
	unsigned p = PTIME_DEFAULT;

	if (a && a < p)
		p = a;
	if (b && b < p)
		p = b;
	return p;
}

int media_codecs_answered(const struct sdp *s, unsigned i, enum leg answerer,
			  struct mline *l, struct media_why *why)
{
	uint64_t bits = 0, b[2];
	struct sdp_codec c;
	struct codec a;
	bool found = false;
	unsigned ptime;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		bool common = false;

		codec_keep(&c, &a);
		for (unsigned o = 0; o < l->n_codecs; o++)
			common = common || codec_equal(&a, &l->codecs[o]);
		if (bits < codec_bits(&a))
			bits = codec_bits(&a);
		if (!common || found || auxiliary(a.name))
			continue;
		l->codec = a;
		found = true;
	}
	if (!found)
		return media_no(why, 488,
				"The two sides have no %s codec in common",
				l->kind);
	b[answerer] = sdp_bandwidth(s, i);
	b[OTHER_LEG(answerer)] = l->bandwidth;
	ptime = smaller_ptime(ptime_of(s, i), l->ptime);
	for (int x = LEG_A; x <= LEG_B; x++) {
		/* b= says what its author wants to receive, so it bounds what
		 * the other leg sends */
		uint64_t most = b[OTHER_LEG(x)];

		if (strcmp(l->kind, "video") == 0)
			limit_video(&l->leg[x], most);
		else
			limit_audio(&l->leg[x], most > bits ? most : bits,
				    ptime);
	}
	return 0;
}
