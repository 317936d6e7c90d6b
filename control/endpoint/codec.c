/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/codec.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Opus at a constant bit rate and without DTX: packet sizes leak speech. */
const struct codec codecs[CODECS_MAX] = {
	{.id = MEDIA_OPUS,
	 .name = "opus",
	 .clock = 48000,
	 .rate = 48000,
	 .channels = 2,
	 .fmtp = "cbr=1;usedtx=0;useinbandfec=0;stereo=0;sprop-stereo=0",
	 .encoder = "libopus",
	 .av = AV_CODEC_ID_OPUS},
	{.id = MEDIA_PCMU,
	 .name = "PCMU",
	 .clock = 8000,
	 .rate = 8000,
	 .channels = 1,
	 .encoder = "pcm_mulaw",
	 .av = AV_CODEC_ID_PCM_MULAW},
	{.id = MEDIA_PCMA,
	 .name = "PCMA",
	 .clock = 8000,
	 .rate = 8000,
	 .channels = 1,
	 .encoder = "pcm_alaw",
	 .av = AV_CODEC_ID_PCM_ALAW},
	{.id = MEDIA_EVENT,
	 .name = "telephone-event",
	 .clock = 8000,
	 .rate = 8000,
	 .channels = 1,
	 .fmtp = "0-15",
	 .av = AV_CODEC_ID_NONE},
	{.id = MEDIA_H264,
	 .name = "H264",
	 .video = true,
	 .clock = 90000,
	 .channels = 1,
	 .fmtp = "packetization-mode=1;profile-level-id=42e01f",
	 .encoder = "libx264",
	 .av = AV_CODEC_ID_H264},
	{.id = MEDIA_VP8,
	 .name = "VP8",
	 .video = true,
	 .clock = 90000,
	 .channels = 1,
	 .encoder = "libvpx",
	 .av = AV_CODEC_ID_VP8},
};

static const char *const kinds[E2EE_KINDS] = {"audio", "video", "screen"};

const struct codec *codec_by_id(uint8_t id)
{
	for (size_t i = 0; i < CODECS_MAX; i++)
		if (codecs[i].id == id)
			return &codecs[i];
	return NULL;
}

const struct codec *codec_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < CODECS_MAX; i++)
		if (strlen(codecs[i].name) == len &&
		    !strncasecmp(codecs[i].name, name, len))
			return &codecs[i];
	return NULL;
}

struct media_pkt *media_pkt_new(enum e2ee_kind kind, uint8_t codec, bool marker,
				uint32_t ts, const uint8_t *data, size_t len)
{
	struct media_pkt *p;

	if (len > MEDIA_PKT_MAX)
		return NULL;
	p = malloc(sizeof(*p) + len);
	if (!p)
		return NULL;
	*p = (struct media_pkt){.kind = kind,
				.codec = codec,
				.marker = marker,
				.ts = ts,
				.len = len};
	if (len)
		memcpy(p->data, data, len);
	return p;
}

const char *kind_name(enum e2ee_kind kind)
{
	return kinds[kind];
}

int kind_by_name(const char *name)
{
	for (int i = 0; i < E2EE_KINDS; i++)
		if (!strcmp(kinds[i], name))
			return i;
	return -1;
}
