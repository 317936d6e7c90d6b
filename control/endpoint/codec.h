/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/codec.h - the codecs of an endpoint, in one table.
 *
 * The number is E2EE.md's ("Media"), and the payload type we offer in SDP.
 * RFC 3551, 7587, 6184, 7741, 4733. Constant data, any thread. */
#pragma once
#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/e2ee/media.h"

#define CODECS_MAX    6
#define PTIME_MS      20 /* of every audio packet we make */
#define MEDIA_PKT_MAX 1500

struct codec {
	uint8_t id; /* enum media_codec */
	bool video;
	uint8_t channels;    /* as SDP says it */
	uint32_t clock;	     /* RTP timestamp units in a second */
	uint32_t rate;	     /* audio: Hz of what it encodes */
	const char *name;    /* in SDP */
	const char *fmtp;    /* or NULL */
	const char *encoder; /* FFmpeg's, or NULL */
	enum AVCodecID av;
};

extern const struct codec codecs[CODECS_MAX];

/** @return NULL where there is none. */
const struct codec *codec_by_id(uint8_t id);
/** Letters of either case. */
const struct codec *codec_by_name(const char *name, size_t len);

/* One RTP payload, on its way between a stream and whoever makes or takes it.
 * Its owner frees it with free(). */
struct media_pkt {
	uint8_t kind;  /* enum e2ee_kind */
	uint8_t codec; /* enum media_codec */
	bool marker;
	uint32_t ts;	/* units of the codec's clock */
	uint64_t order; /* rises with the order of sending; gaps are losses */
	size_t len;
	uint8_t data[];
};

/** @return NULL: no memory, or len > MEDIA_PKT_MAX. */
struct media_pkt *media_pkt_new(enum e2ee_kind kind, uint8_t codec, bool marker,
				uint32_t ts, const uint8_t *data, size_t len);

/** "audio", "video", "screen". */
const char *kind_name(enum e2ee_kind kind);
/** @return -1 where there is none by that name. */
int kind_by_name(const char *name);
