/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/output.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/media/mix.h"
#include "control/media/noise.h"

#define QUIET_MS       200 /* of silence, before noise takes its place */
#define NOISE_EVERY_MS 500 /* a packet tells its level again */
#define LOSS_STEP      5   /* percent: less of a change is none */

static bool wants_fec(const struct output_format *f)
{
	return strstr(f->fmtp, "useinbandfec=1");
}

/* fmtp "maxplaybackrate=N" (RFC 7587): more than that isn't heard. */
static uint32_t rate_limit(const struct output_format *f)
{
	const char *p = strstr(f->fmtp, "maxplaybackrate=");
	unsigned n = 0;

	if (p && sscanf(p + 16, "%6u", &n) == 1 && n >= 8000)
		return n;
	return RATE_MAX;
}

static struct encoder *make_encoder(const struct output_format *f,
				    uint32_t rate, unsigned loss)
{
	uint32_t limit = rate_limit(f);
	const struct encoder_options o = {
		.rate = rate < limit ? rate : limit,
		.ptime = f->ptime,
		.loss = loss,
		.fec = wants_fec(f),
	};

	return encoder_new(f->codec, &o);
}

bool output_init(struct output *o, const struct output_format *f)
{
	uint8_t random[10];

	memset(o, 0, sizeof(*o));
	o->f = *f;
	randombytes_buf(random, sizeof(random));
	o->rtcp.ssrc = f->has_ssrc ? f->ssrc : get32(random);
	o->seq = get16(random + 4) & 0x7fff;
	o->ts = get32(random + 6);
	o->wanted_rate = 16000;
	o->encoder = make_encoder(f, o->wanted_rate, 0);
	if (!o->f.cname[0]) {
		randombytes_buf(random, sizeof(random));
		sodium_bin2hex(o->f.cname, sizeof(o->f.cname), random, 8);
	}
	return o->encoder;
}

void output_close(struct output *o)
{
	encoder_free(o->encoder);
	resample_free(o->resample);
	o->encoder = NULL;
	o->resample = NULL;
}

void output_rest(const struct output *o, uint64_t now, struct output_past *past)
{
	if (!o->rtcp.packets)
		return;
	*past = (struct output_past){.any = true,
				     .rtcp = o->rtcp,
				     .seq = o->seq,
				     .ts = o->ts,
				     .at = now};
	memcpy(past->cname, o->f.cname, sizeof(past->cname));
}

void output_resume(struct output *o, const struct output_past *past,
		   uint64_t now)
{
	if (!past->any || (o->f.has_ssrc && o->f.ssrc != past->rtcp.ssrc))
		return;
	o->rtcp = past->rtcp;
	o->seq = past->seq;
	o->ts = past->ts + (uint32_t)((now - past->at) *
				      (o->f.codec->clock / 1000) / 1000);
	memcpy(o->f.cname, past->cname, sizeof(o->f.cname));
}

bool output_change(struct output *o, const struct output_format *f)
{
	struct encoder *e = make_encoder(f, o->wanted_rate, o->loss);
	char cname[MP_CNAME_MAX + 1];

	if (!e)
		return false;
	memcpy(cname, o->f.cname, sizeof(cname));
	encoder_free(o->encoder);
	o->encoder = e;
	o->f = *f;
	if (!f->cname[0])
		memcpy(o->f.cname, cname, sizeof(cname));
	if (f->has_ssrc && f->ssrc != o->rtcp.ssrc)
		o->rtcp = (struct rtcp_tx){.ssrc = f->ssrc};
	o->held = 0;
	o->talking = false;
	return true;
}

/* Opus codes as much as the source has, and protects as the far end needs. */
static void follow(struct output *o, unsigned rate)
{
	unsigned loss = o->rtcp.fraction_lost * 100u / 256;
	struct encoder *e;

	if (o->f.codec->by_sample)
		return;
	if (!wants_fec(&o->f) ||
	    (unsigned)abs((int)loss - (int)o->loss) < LOSS_STEP)
		loss = o->loss;
	if (rate == o->wanted_rate && loss == o->loss)
		return;
	e = make_encoder(&o->f, rate, loss);
	if (!e) {
		o->errors++;
		return;
	}
	encoder_free(o->encoder);
	o->encoder = e;
	o->wanted_rate = rate;
	o->loss = loss;
	o->held = 0;
}

static void add_notice(struct output *o, int16_t *pcm, unsigned n,
		       unsigned rate)
{
	if (n > o->tone_left)
		n = o->tone_left;
	mix_tone(pcm, n, rate, o->tone_hz, &o->tone_phase);
	o->tone_left -= n;
}

void output_notice(struct output *o, unsigned hz, unsigned ms)
{
	o->tone_hz = hz;
	o->tone_left = encoder_rate(o->encoder) / 1000 * ms;
	o->tone_phase = 0;
}

static void send_packet(struct output *o, struct rtp *r, const uint8_t *payload,
			size_t n, output_h *send, void *arg)
{
	uint8_t packet[OUTPUT_OCTETS];

	r->seq = o->seq++;
	r->ssrc = o->rtcp.ssrc;
	rtp_write(packet, r);
	memcpy(packet + RTP_HEADER, payload, n);
	o->rtcp.packets++;
	o->rtcp.octets += (uint32_t)n;
	send(packet, RTP_HEADER + n, arg);
}

static void send_digit(struct output *o, output_h *send, void *arg)
{
	struct digit_packet d;
	struct rtp r = {.pt = (uint8_t)o->f.event_pt};

	if (!digit_tx_next(&o->digits, o->f.ptime, o->f.codec->clock, &d))
		return;
	if (d.first)
		o->digit_ts = o->ts;
	r.ts = o->digit_ts;
	r.marker = d.first;
	send_packet(o, &r, d.payload, sizeof(d.payload), send, arg);
	o->talking = false;
}

/* @return whether noise stands in for this packet's time. */
static bool send_noise(struct output *o, const int16_t *pcm, unsigned n,
		       output_h *send, void *arg)
{
	struct rtp r = {.pt = (uint8_t)o->f.noise_pt, .ts = o->ts};
	uint8_t level = noise_level(pcm, n);

	if (o->f.noise_pt == NO_PT)
		return false;
	o->quiet_ms = level < NOISE_QUIET_DBOV ? 0 : o->quiet_ms + o->f.ptime;
	if (o->quiet_ms < QUIET_MS || o->tone_left)
		return false;
	o->noise_ms += o->f.ptime;
	if (o->talking || o->noise_ms >= NOISE_EVERY_MS) {
		o->noise_ms = 0;
		/* Quieter than this can't be told from a dead line. */
		if (level > 78)
			level = 78;
		send_packet(o, &r, &level, 1, send, arg);
	}
	o->talking = false;
	return true;
}

static void send_sound(struct output *o, const int16_t *pcm, unsigned n,
		       output_h *send, void *arg)
{
	uint8_t payload[ENCODED_MAX];
	struct rtp r = {.pt = o->f.pt, .ts = o->ts, .marker = !o->talking};
	int len = encoder_put(o->encoder, pcm, n, payload);

	if (len < 0)
		o->errors++;
	if (len <= 0)
		return;
	send_packet(o, &r, payload, (size_t)len, send, arg);
	o->talking = true;
}

static void send_next(struct output *o, unsigned n, output_h *send, void *arg)
{
	add_notice(o, o->fifo, n, encoder_rate(o->encoder));
	if (o->f.event_pt != NO_PT && digit_tx_busy(&o->digits))
		send_digit(o, send, arg);
	else if (!send_noise(o, o->fifo, n, send, arg))
		send_sound(o, o->fifo, n, send, arg);
	o->ts += o->f.codec->clock / 1000 * o->f.ptime;
	o->rtcp.ts = o->ts;
	o->held -= n;
	memmove(o->fifo, o->fifo + n, o->held * sizeof(*o->fifo));
}

void output_skip(struct output *o)
{
	o->frame.rate = 0;
	o->held = 0;
	o->talking = false;
	o->ts += o->f.codec->clock / 1000 * FRAME_MS;
}

void output_push(struct output *o, const struct frame *f, output_h *send,
		 void *arg)
{
	static const int16_t nothing[FRAME_MAX];
	unsigned rate = f->rate ? f->rate : o->wanted_rate, to, n;
	const int16_t *pcm = f->rate ? f->pcm : nothing;
	int got;

	follow(o, rate);
	to = encoder_rate(o->encoder);
	o->frame = *f;
	if (!resample_set(&o->resample, rate, to)) {
		o->errors++;
		return;
	}
	got = resample_put(o->resample, pcm, frame_samples(rate),
			   o->fifo + o->held, OUTPUT_FIFO - o->held);
	if (got < 0) {
		o->errors++;
		return;
	}
	o->held += (unsigned)got;
	n = to / 1000 * o->f.ptime;
	while (o->held >= n)
		send_next(o, n, send, arg);
}
