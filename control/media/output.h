/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/output.h - what leaves by a port: 10 ms of sound in, RTP out.
 *
 * Resampling, encoder, comfort noise, digits (RFC 4733), the tone that tells of
 * a recording, and the sender's half of RTCP. The SSRC and its sequence live as
 * long as the output, and in the next one of the same port. Engine's thread. */
#pragma once
#include "control/media/codec.h"
#include "control/media/digits.h"
#include "control/media/protocol.h"
#include "control/media/resample.h"
#include "control/media/rtcp.h"
#include "control/media/rtp.h"
#include "control/media/sound.h"

#define PTIME_MAX     60
#define OUTPUT_FIFO   (RATE_MAX / 1000 * (PTIME_MAX + 3 * FRAME_MS))
#define NO_PT	      (-1)
#define OUTPUT_OCTETS (RTP_HEADER + ENCODED_MAX)

struct output_format {
	const struct codec *codec;
	char fmtp[MP_FMTP_MAX + 1];
	uint8_t pt, channels;
	unsigned ptime;		    /* ms, a multiple of FRAME_MS */
	int16_t event_pt, noise_pt; /* or NO_PT */
	bool has_ssrc;
	uint32_t ssrc;
	char cname[MP_CNAME_MAX + 1]; /* "": one is made up */
};

struct output {
	struct output_format f;
	struct encoder *encoder;
	uint32_t wanted_rate; /* that the encoder was made for */
	unsigned loss;	      /* percent that it was made for */
	struct resample *resample;
	int16_t fifo[OUTPUT_FIFO];
	unsigned held;
	unsigned quiet_ms; /* for so long */
	unsigned noise_ms; /* since the last packet of noise */
	bool talking;	   /* the last packet was sound */
	uint16_t seq;
	uint32_t ts;
	struct digit_tx digits;
	uint32_t digit_ts;
	struct rtcp_tx rtcp;
	struct frame frame; /* what leaves, for recordings; rate 0: none */
	/* Notice tone. */
	unsigned tone_hz, tone_left; /* samples */
	double tone_phase;
	uint64_t errors;
};

/* What the next output of a port needs to know of the last: a sequence that began
 * anew would use an index of hop encryption twice, and SSRCs are few there. */
struct output_past {
	bool any;
	struct rtcp_tx rtcp;
	uint16_t seq;
	uint32_t ts;
	uint64_t at; /* us */
	char cname[MP_CNAME_MAX + 1];
};

/** One packet to send: RTP. */
typedef void output_h(const uint8_t *p, size_t n, void *arg);

/** @return false: there is no such encoder, or no memory. */
bool output_init(struct output *o, const struct output_format *f);
void output_close(struct output *o);
/** It is about to close. */
void output_rest(const struct output *o, uint64_t now,
		 struct output_past *past);
/** It has just been made: go on from there, unless its format names another
 * SSRC. */
void output_resume(struct output *o, const struct output_past *past,
		   uint64_t now);
/** Change to f, where only SSRC and sequence live on. @return false: as above,
 * and nothing has changed. */
bool output_change(struct output *o, const struct output_format *f);
/** 10 ms more. frame.rate 0 is silence. */
void output_push(struct output *o, const struct frame *f, output_h *send,
		 void *arg);
/** 10 ms in which nothing is to leave. */
void output_skip(struct output *o);
/** Mix a tone into the next ms. */
void output_notice(struct output *o, unsigned hz, unsigned ms);
/** Is some of it still to come? */
static inline bool output_notices(const struct output *o)
{
	return o->tone_left;
}
