/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/input.h"
#include <string.h>

#define WINDOW	  100	 /* pulls: depth is judged once a second */
#define BEHIND_US 600000 /* beyond the target: too late to be drawn in */
#define DEEP_US	  30000	 /* beyond the target, all of a second: too much */
#define LITTLE_US 8000	 /* less than that: the sender's clock is slower */

void input_init(struct input *in, const struct format f[], unsigned n,
		const struct input_handlers *h)
{
	memset(in, 0, sizeof(*in));
	memset(in->by_pt, -1, sizeof(in->by_pt));
	memcpy(in->format, f, n * sizeof(*f));
	in->formats = n;
	for (unsigned i = 0; i < n; i++)
		in->by_pt[f[i].pt & 0x7f] = (int8_t)i;
	in->h = *h;
	in->shallow = UINT32_MAX;
	in->noise.seed = 1;
	jitter_init(&in->jitter, 8000);
}

void input_close(struct input *in)
{
	jitter_reset(&in->jitter);
	decoder_free(in->decoder);
	in->decoder = NULL;
}

static void failed(struct input *in, const char *codec)
{
	in->stats.errors++;
	in->h.error(codec, in->h.arg);
}

static const struct format *format_of(struct input *in, uint8_t pt)
{
	if (in->by_pt[pt] >= 0)
		return &in->format[in->by_pt[pt]];
	in->stats.unexpected++;
	if (!(in->told[pt / 8] & 1 << pt % 8)) {
		in->told[pt / 8] |= (uint8_t)(1 << pt % 8);
		in->h.unexpected(pt, in->h.arg);
	}
	return NULL;
}

static void digit(struct input *in, const struct format *f, const struct rtp *r,
		  uint64_t now)
{
	int news = digit_read(&in->digit, r->payload, r->len, r->ts, now);
	uint32_t ms = in->digit.units / (f->clock / 1000);

	if (news < 0)
		failed(in, f->codec->name);
	if (news == DIGIT_BEGINS || news == DIGIT_BOTH)
		in->h.digit(in->digit.code, 0, in->h.arg);
	if (news == DIGIT_ENDS || news == DIGIT_BOTH)
		in->h.digit(in->digit.code, ms ? ms : 1, in->h.arg);
}

static void new_source(struct input *in, uint32_t ssrc)
{
	if (in->heard && in->ssrc == ssrc)
		return;
	in->heard = true;
	in->ssrc = ssrc;
	in->digit = (struct digit_rx){0};
	jitter_reset(&in->jitter);
}

void input_rtp(struct input *in, const uint8_t *p, size_t n, uint64_t now)
{
	const struct format *f;
	struct rtp r;

	if (!rtp_read(&r, p, n)) {
		in->stats.malformed++;
		return;
	}
	f = format_of(in, r.pt);
	if (!f)
		return;
	in->last = now;
	in->stats.received++;
	new_source(in, r.ssrc);
	rtcp_seen(&in->rtcp, r.ssrc, r.seq, r.ts,
		  (uint32_t)(now * (f->clock / 100) / 10000));
	if (f->codec->kind == CODEC_VIDEO)
		in->h.video(f, &r, in->h.arg);
	if (f->codec->kind >= CODEC_VIDEO)
		return;
	if (f->clock != in->jitter.clock) {
		jitter_reset(&in->jitter);
		jitter_init(&in->jitter, f->clock);
	}
	if (f->codec->kind == CODEC_EVENT)
		digit(in, f, &r, now);
	jitter_put(&in->jitter, &r, f->codec->kind == CODEC_EVENT, now);
}

/* Another codec may follow at any packet. */
static bool decoder_for(struct input *in, const struct codec *c)
{
	if (in->codec == c && in->decoder)
		return true;
	decoder_free(in->decoder);
	in->decoder = codec_decodes(c) ? decoder_new(c) : NULL;
	if (!in->codec || in->codec->rate != c->rate) {
		plc_init(&in->plc, c->rate);
		in->held = 0;
	}
	in->codec = c;
	return in->decoder;
}

static void passed(struct input *in, unsigned samples)
{
	jitter_passed(&in->jitter,
		      (uint32_t)((uint64_t)samples * in->jitter.clock /
				 in->codec->rate));
}

static void conceal(struct input *in)
{
	int16_t *end = in->fifo + in->held;
	int n = in->decoder ? decoder_conceal(in->decoder, end) : 0;

	if (n <= 0) {
		n = (int)frame_samples(in->codec->rate);
		plc_make(&in->plc, end, (unsigned)n);
	}
	in->stats.concealed++;
	in->held += (unsigned)n;
	passed(in, (unsigned)n);
}

static void play(struct input *in, const struct jitter_packet *p)
{
	const struct format *f = &in->format[in->by_pt[p->rtp.pt]];
	int16_t *end = in->fifo + in->held;
	int n;

	if (f->codec->kind == CODEC_NOISE) {
		if (!noise_read(&in->noise, p->rtp.payload, p->rtp.len))
			failed(in, f->codec->name);
		return;
	}
	if (!decoder_for(in, f->codec)) {
		failed(in, f->codec->name);
		return;
	}
	end = in->fifo + in->held;
	in->noise.on = false;
	n = decoder_put(in->decoder, p->rtp.payload, p->rtp.len, end);
	if (n < 0) {
		failed(in, f->codec->name);
		conceal(in);
		return;
	}
	plc_good(&in->plc, end, (unsigned)n);
	in->held += (unsigned)n;
	passed(in, (unsigned)n);
}

/* Nothing is said: comfort noise, or silence that the last sound fades into. */
static void pause(struct input *in, bool passes)
{
	unsigned n = frame_samples(in->codec->rate);
	int16_t *end = in->fifo + in->held;

	if (in->noise.on)
		noise_make(&in->noise, end, n);
	else
		plc_make(&in->plc, end, n);
	in->held += n;
	if (passes)
		passed(in, n);
}

/* Sound from one more packet, or in place of it. */
static void more(struct input *in)
{
	struct jitter_packet *p;

	switch (jitter_get(&in->jitter, &p)) {
	case JITTER_PACKET:
		play(in, p);
		jitter_free(p);
		return;
	case JITTER_LOST:
		if (!in->noise.on) {
			conceal(in);
			return;
		}
		break;
	case JITTER_EMPTY:
		if (!in->noise.on && !in->digit.active) {
			conceal(in);
			return;
		}
		break;
	case JITTER_PAUSE:
		break;
	case JITTER_WAIT:
		pause(in, false);
		in->frame.quiet = true;
		return;
	}
	pause(in, true);
	in->frame.quiet = true;
}

uint32_t input_delay(const struct input *in)
{
	unsigned rate = in->codec ? in->codec->rate : 8000;

	return jitter_depth(&in->jitter) +
	       (uint32_t)((uint64_t)in->held * 1000000 / rate);
}

/* The sender's clock isn't ours: what piles up, or runs low, becomes a period
 * of the sound less, or more. */
static void keep_pace(struct input *in)
{
	uint32_t depth = input_delay(in);
	unsigned rate = in->codec->rate;

	/* Time has stood still, ours or the way's: what piled up meanwhile isn't
	 * worth being late for. */
	if (depth > in->jitter.target + BEHIND_US) {
		jitter_catch_up(&in->jitter);
		in->pulls = 0;
		in->shallow = UINT32_MAX;
		return;
	}
	if (depth < in->shallow)
		in->shallow = depth;
	if (++in->pulls < WINDOW || in->jitter.filling)
		return;
	if (in->shallow > in->jitter.target + DEEP_US) {
		for (unsigned i = 0; i < 4 && in->held < rate / 1000 * 35; i++)
			more(in);
		in->held = plc_shrink(in->fifo, in->held, rate);
		/* A second for each step, unless it is far too deep. */
		in->pulls = in->shallow > in->jitter.target + 3 * DEEP_US
				    ? WINDOW - 5
				    : 0;
	} else if (in->shallow < LITTLE_US && in->jitter.count > 1) {
		while (in->held < rate / 1000 * 35 && in->jitter.count)
			more(in);
		in->held = plc_stretch(in->fifo, in->held, rate);
		in->pulls = 0;
	} else {
		in->pulls = 0;
	}
	in->shallow = UINT32_MAX;
}

static void take(struct input *in, unsigned n)
{
	memcpy(in->frame.pcm, in->fifo, n * sizeof(*in->fifo));
	in->held -= n;
	memmove(in->fifo, in->fifo + n, in->held * sizeof(*in->fifo));
}

void input_pull(struct input *in, bool wanted, uint64_t now)
{
	unsigned n;

	if (digit_lost(&in->digit, now))
		in->h.digit(in->digit.code, 100, in->h.arg);
	in->frame.quiet = false;
	if (!wanted) {
		jitter_reset(&in->jitter);
		in->held = 0;
		in->frame.rate = 0;
		return;
	}
	/* Before the first packet nobody knows which codec it will be. */
	if (!in->codec) {
		struct jitter_packet *p;

		if (jitter_get(&in->jitter, &p) != JITTER_PACKET) {
			in->frame.rate = 0;
			return;
		}
		play(in, p);
		jitter_free(p);
		if (!in->codec)
			return;
	}
	keep_pace(in);
	n = frame_samples(in->codec->rate);
	for (unsigned i = 0; in->held < n && i < JITTER_SLOTS; i++)
		more(in);
	n = frame_samples(in->codec->rate); /* it may have become another */
	if (in->held < n) {
		memset(in->fifo + in->held, 0,
		       (n - in->held) * sizeof(*in->fifo));
		in->held = n;
	}
	in->frame.rate = in->codec->rate;
	take(in, n);
}
