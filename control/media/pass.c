/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/pass.h"
#include <string.h>
#include "control/media/mix.h"
#include "control/media/rtp.h"

#define SETTLE_MS 200  /* a G.722 decoder has forgotten by then */
#define PADDING	  0x20 /* RFC 3550 section 5.1, in the first octet */

void pass_close(struct pass *x)
{
	decoder_free(x->decoder);
	encoder_free(x->encoder);
	*x = (struct pass){.after = 0};
}

void pass_notice(struct pass *x, unsigned hz, unsigned ms)
{
	if (!pass_busy(x))
		x->before = SETTLE_MS;
	x->hz = hz;
	x->left = ms;
	x->after = SETTLE_MS;
	x->phase = 0;
}

/* Those of this codec, and for packets of this length. */
static bool tools(struct pass *x, const struct codec *c, unsigned ptime)
{
	const struct encoder_options o = {.rate = c->rate, .ptime = ptime};

	if (x->codec != c) {
		decoder_free(x->decoder);
		x->decoder = decoder_new(c);
	}
	if (ptime && (x->codec != c || x->ptime != ptime)) {
		encoder_free(x->encoder);
		x->encoder = encoder_new(c, &o);
		x->ptime = ptime;
	}
	x->codec = c;
	return x->decoder && (!ptime || x->encoder);
}

/* Samples to whole ms; 0: no length that an encoder takes. */
static unsigned length_of(const struct codec *c, int samples)
{
	unsigned ms = (unsigned)samples / (c->rate / 1000);

	if (samples <= 0 || (unsigned)samples % (c->rate / 1000))
		return 0;
	return c->by_sample || ms == 10 || ms == 20 || ms == 40 || ms == 60 ? ms
									    : 0;
}

static void count_down(unsigned *left, unsigned ms)
{
	*left -= ms < *left ? ms : *left;
}

/* @return octets of the new payload; <= 0: the old one is to stay. */
static int with_tone(struct pass *x, const struct codec *c, const struct rtp *r,
		     uint8_t payload[ENCODED_MAX])
{
	int16_t pcm[DECODED_MAX];
	unsigned ms;
	int n;

	if (!tools(x, c, 0))
		return -1;
	n = decoder_put(x->decoder, r->payload, r->len, pcm);
	ms = length_of(c, n);
	if (!ms || !tools(x, c, ms) || encoder_rate(x->encoder) != c->rate)
		return -1;
	if (!x->before && x->left)
		mix_tone(pcm, (unsigned)n, c->rate, x->hz, &x->phase);
	n = encoder_put(x->encoder, pcm, (unsigned)n, payload);
	if (n <= 0)
		return n;
	if (x->before) {
		count_down(&x->before, ms);
		return 0;
	}
	count_down(x->left ? &x->left : &x->after, ms);
	return n;
}

size_t pass_rtp(struct pass *x, const struct input *in, const uint8_t *p,
		size_t n, uint8_t out[PASS_MAX])
{
	uint8_t payload[ENCODED_MAX];
	const struct codec *c;
	struct rtp r;
	size_t head;
	int len;

	if (n > PASS_MAX)
		return 0;
	memcpy(out, p, n);
	if (!pass_busy(x) || !rtp_read(&r, p, n) || in->by_pt[r.pt] < 0)
		return n;
	c = in->format[in->by_pt[r.pt]].codec;
	if (c->kind != CODEC_AUDIO || !codec_decodes(c) || !codec_encodes(c))
		return n;
	head = (size_t)(r.payload - p);
	len = with_tone(x, c, &r, payload);
	if (len <= 0 || head + (size_t)len > PASS_MAX)
		return n;
	out[0] &= (uint8_t)~PADDING;
	memcpy(out + head, payload, (size_t)len);
	if (!pass_busy(x))
		pass_close(x);
	return head + (size_t)len;
}
