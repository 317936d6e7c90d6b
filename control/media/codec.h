/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/codec.h - codecs: which there are, and libavcodec behind them.
 *
 * Sound inside is 16 bit, mono, at the codec's own sampling rate. Which codecs
 * this build has is asked of libavcodec at the start (codec_probe). One thread
 * for each decoder or encoder. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECODED_MAX 5760 /* samples: 120 ms at 48 kHz, as long as Opus goes */
#define ENCODED_MAX 1400 /* octets of a payload */

enum codec_kind {
	CODEC_AUDIO,
	CODEC_EVENT, /* RFC 4733 */
	CODEC_NOISE, /* RFC 3389 */
	CODEC_VIDEO, /* recorded as received */
	CODEC_OTHER  /* neither decoded nor recorded */
};

struct codec {
	const char *name; /* as in SDP */
	enum codec_kind kind;
	uint32_t clock;	  /* of RTP timestamps, Hz */
	uint32_t rate;	  /* of the sound, Hz */
	uint8_t channels; /* as in SDP */
	bool by_sample;	  /* a payload may have any number of them */
	const char *decoder, *encoder; /* libavcodec's names */
};

/** Ask libavcodec, once, before anything else here. */
void codec_probe(void);
/** @return NULL: unknown. Names in any case; clock must fit, 0 fits all. */
const struct codec *codec_find(const char *name, uint32_t clock);
bool codec_decodes(const struct codec *c);
bool codec_encodes(const struct codec *c);
/** The i-th of the table, NULL behind the last. */
const struct codec *codec_at(unsigned i);

struct decoder;
/** @return NULL: no such decoder, no memory. */
struct decoder *decoder_new(const struct codec *c);
void decoder_free(struct decoder *d);
/** @return samples written to pcm; < 0: no payload of this codec. */
int decoder_put(struct decoder *d, const uint8_t *payload, size_t len,
		int16_t pcm[DECODED_MAX]);
/** The decoder's own concealment of a lost packet as long as the last (Opus:
 * libopus makes it for a packet without frames' octets, RFC 6716 section 2.1.7;
 * in-band FEC can't be reached through libavcodec).
 * @return samples; 0: the codec has none, see plc.h. */
int decoder_conceal(struct decoder *d, int16_t pcm[DECODED_MAX]);

struct encoder_options {
	uint32_t rate;	  /* of the sound that goes in; encoder_rate tells */
	unsigned ptime;	  /* ms */
	unsigned loss;	  /* percent that the far end reports */
	unsigned bitrate; /* 0: the codec's own choice */
	bool fec;	  /* the far end wants in-band FEC */
};

struct encoder;
struct encoder *encoder_new(const struct codec *c,
			    const struct encoder_options *o);
void encoder_free(struct encoder *e);
/** Hz at which it takes sound: the nearest it can to what was asked for. */
uint32_t encoder_rate(const struct encoder *e);
/** Exactly ptime of sound. @return octets; 0: nothing (yet); < 0: error. */
int encoder_put(struct encoder *e, const int16_t *pcm, unsigned samples,
		uint8_t out[ENCODED_MAX]);
