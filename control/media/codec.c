/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/codec.c - the table of codecs. */
#include "control/media/codec.h"
#include <libavcodec/avcodec.h>
#include <strings.h>

static const struct codec codecs[] = {
	{"opus", CODEC_AUDIO, 48000, 48000, 2, false, "libopus", "libopus"},
	{"G722", CODEC_AUDIO, 8000, 16000, 1, true, "g722", "g722"},
	{"PCMU", CODEC_AUDIO, 8000, 8000, 1, true, "pcm_mulaw", "pcm_mulaw"},
	{"PCMA", CODEC_AUDIO, 8000, 8000, 1, true, "pcm_alaw", "pcm_alaw"},
	{"telephone-event", CODEC_EVENT, 0, 0, 1, false, NULL, NULL},
	{"CN", CODEC_NOISE, 0, 0, 1, false, NULL, NULL},
	{"VP8", CODEC_VIDEO, 90000, 0, 1, false, NULL, NULL},
	{"H264", CODEC_VIDEO, 90000, 0, 1, false, NULL, NULL},
	{"VP9", CODEC_OTHER, 90000, 0, 1, false, NULL, NULL},
	{"AV1", CODEC_OTHER, 90000, 0, 1, false, NULL, NULL},
	{"H265", CODEC_OTHER, 90000, 0, 1, false, NULL, NULL},
	{"rtx", CODEC_OTHER, 0, 0, 1, false, NULL, NULL},
	{"red", CODEC_OTHER, 0, 0, 1, false, NULL, NULL},
	{"ulpfec", CODEC_OTHER, 0, 0, 1, false, NULL, NULL},
	{"flexfec-03", CODEC_OTHER, 0, 0, 1, false, NULL, NULL},
};

#define COUNT (sizeof(codecs) / sizeof(codecs[0]))

static struct {
	bool decodes, encodes;
} has[COUNT];

void codec_probe(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		const struct codec *c = &codecs[i];

		has[i].decodes =
			c->decoder && avcodec_find_decoder_by_name(c->decoder);
		has[i].encodes =
			c->encoder && avcodec_find_encoder_by_name(c->encoder);
	}
}

const struct codec *codec_find(const char *name, uint32_t clock)
{
	for (unsigned i = 0; i < COUNT; i++) {
		const struct codec *c = &codecs[i];

		if (!strcasecmp(c->name, name) &&
		    (!clock || !c->clock || c->clock == clock))
			return c;
	}
	return NULL;
}

bool codec_decodes(const struct codec *c)
{
	return has[c - codecs].decodes;
}

bool codec_encodes(const struct codec *c)
{
	return has[c - codecs].encodes;
}

const struct codec *codec_at(unsigned i)
{
	return i < COUNT ? &codecs[i] : NULL;
}
