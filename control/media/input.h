/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/input.h - what arrives on a port: RTP in, 10 ms of sound out.
 *
 * Jitter buffer, decoder, concealment, comfort noise and digits, put together.
 * Hostile packets end as a counter and, where somebody should know, as a call
 * to a handler. Engine's thread. Times: us, of a clock that doesn't go back. */
#pragma once
#include "control/media/codec.h"
#include "control/media/digits.h"
#include "control/media/jitter.h"
#include "control/media/noise.h"
#include "control/media/plc.h"
#include "control/media/protocol.h"
#include "control/media/rtcp.h"
#include "control/media/sound.h"

/* A payload type and what it stands for. */
struct format {
	const struct codec *codec;
	uint32_t clock;
	uint8_t pt, channels;
	char fmtp[MP_FMTP_MAX + 1];
};

struct input_stats {
	uint64_t received, unexpected, errors, concealed, malformed;
};

struct input_handlers {
	/* ms 0: it begins; else it has ended, and lasted so long. */
	void (*digit)(uint8_t code, uint32_t ms, void *arg);
	void (*unexpected)(uint8_t pt, void *arg); /* once for each */
	void (*error)(const char *codec, void *arg);
	void (*video)(const struct format *f, const struct rtp *r, void *arg);
	void *arg;
};

/* Half as much again as a packet: what is left of the one before, and room to
 * stretch. */
#define INPUT_FIFO (DECODED_MAX * 3 / 2)

struct input {
	struct format format[MP_FORMATS_MAX];
	unsigned formats;
	int8_t by_pt[128]; /* index into format; -1 */
	uint8_t told[16];  /* bits: payload types said to be unexpected */
	struct input_handlers h;
	struct jitter jitter;
	const struct codec *codec; /* of the sound, NULL before the first */
	struct decoder *decoder;
	struct plc plc;
	struct noise noise;
	struct digit_rx digit;
	struct rtcp_rx rtcp;
	uint32_t ssrc;
	bool heard;    /* ssrc is one */
	uint64_t last; /* when the last packet came */
	int16_t fifo[INPUT_FIFO];
	unsigned held;
	unsigned pulls;	    /* of the window in which depth is watched */
	uint32_t shallow;   /* least depth in it, us */
	struct frame frame; /* the newest 10 ms */
	struct input_stats stats;
};

/** f[0..n), n <= MP_FORMATS_MAX, is copied. */
void input_init(struct input *in, const struct format f[], unsigned n,
		const struct input_handlers *h);
void input_close(struct input *in);
/** A packet came. */
void input_rtp(struct input *in, const uint8_t *p, size_t n, uint64_t now);
/** The next 10 ms, into in->frame. wanted: somebody listens; otherwise nothing
 * is decoded. */
void input_pull(struct input *in, bool wanted, uint64_t now);
/** From arrival to being heard, now, us. */
uint32_t input_delay(const struct input *in);
