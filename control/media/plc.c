/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/plc.h"
#include <math.h>
#include <string.h>

#define STEADY_MS 10 /* as loud as it was, so long */
#define FADE_MS	  60 /* silent after that */
#define BLEND_MS  5

static unsigned ms(unsigned rate, unsigned n)
{
	return rate / 1000 * n;
}

void plc_init(struct plc *p, unsigned rate)
{
	memset(p, 0, sizeof(*p));
	p->rate = rate;
}

/* How alike a[0..n) and b[0..n) are, at every step-th sample: -1 to 1. */
static double likeness(const int16_t *a, const int16_t *b, unsigned n,
		       unsigned step)
{
	double ab = 0, aa = 1, bb = 1;

	for (unsigned i = 0; i < n; i += step) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

/* Period at the end of pcm[0..n): the last `window` samples against earlier
 * ones. Coarse at 8 kHz first, then to the sample. */
static unsigned period(const int16_t *pcm, unsigned n, unsigned rate)
{
	unsigned low = rate / 400, high = ms(rate, 15), window = ms(rate, 10);
	unsigned step = rate / 8000, best = low;
	const int16_t *end = pcm + n - window;
	double top = -2;

	for (unsigned lag = low; lag <= high; lag += step) {
		double c = likeness(end, end - lag, window, step);

		/* The shortest of those about as good. */
		if (c > top + 0.01) {
			top = c;
			best = lag;
		}
	}
	top = -2;
	for (unsigned lag = best > step ? best - step : 1, to = best + step;
	     lag <= to && lag + window <= n; lag++) {
		double c = likeness(end, end - lag, window, 1);

		if (c > top) {
			top = c;
			best = lag;
		}
	}
	return best;
}

unsigned plc_period(const int16_t *pcm, unsigned n, unsigned rate)
{
	return n < ms(rate, 30) ? 0 : period(pcm, n, rate);
}

static void remember(struct plc *p, const int16_t *pcm, unsigned n)
{
	unsigned keep = ms(p->rate, 50);

	if (n >= keep) {
		memcpy(p->history, pcm + n - keep, keep * sizeof(*pcm));
		return;
	}
	memmove(p->history, p->history + n, (keep - n) * sizeof(*pcm));
	memcpy(p->history + keep - n, pcm, n * sizeof(*pcm));
}

static int16_t blend(int from, int to, unsigned at, unsigned of)
{
	return (int16_t)((from * (int)(of - at) + to * (int)at) / (int)of);
}

/* The i-th sample behind what is remembered, repeated. */
static int16_t repeated(const struct plc *p, unsigned i)
{
	unsigned keep = ms(p->rate, 50);

	return p->history[keep - p->lag + i % p->lag];
}

static int fade(const struct plc *p, int v, unsigned at)
{
	unsigned steady = ms(p->rate, STEADY_MS), end = ms(p->rate, FADE_MS);

	if (at <= steady)
		return v;
	return at >= end ? 0 : v * (int)(end - at) / (int)(end - steady);
}

void plc_make(struct plc *p, int16_t *pcm, unsigned n)
{
	if (!p->made)
		p->lag = period(p->history, ms(p->rate, 50), p->rate);
	for (unsigned i = 0; i < n; i++)
		pcm[i] =
			(int16_t)fade(p, repeated(p, p->made + i), p->made + i);
	if (p->made < ms(p->rate, 1000)) /* silent since long, and for good */
		p->made += n;
}

void plc_good(struct plc *p, int16_t *pcm, unsigned n)
{
	unsigned over = ms(p->rate, BLEND_MS);

	if (p->made && n) {
		if (over > n)
			over = n;
		for (unsigned i = 0; i < over; i++)
			pcm[i] = blend(fade(p, repeated(p, p->made + i),
					    p->made + i),
				       pcm[i], i, over);
		p->made = 0;
	}
	remember(p, pcm, n);
}

unsigned plc_shrink(int16_t *pcm, unsigned n, unsigned rate)
{
	unsigned lag = plc_period(pcm, n, rate), rest = n - lag;

	if (!lag || n < 2 * lag)
		return n;
	/* [0, lag) becomes [lag, 2 lag) by and by; the rest moves up. */
	for (unsigned i = 0; i < lag; i++)
		pcm[i] = blend(pcm[i], pcm[i + lag], i, lag);
	memmove(pcm + lag, pcm + 2 * lag, (n - 2 * lag) * sizeof(*pcm));
	return rest;
}

unsigned plc_stretch(int16_t *pcm, unsigned n, unsigned rate)
{
	unsigned lag = plc_period(pcm, n, rate);

	if (!lag || n < 2 * lag)
		return n;
	/* [0, lag) is followed by itself turning into [lag, 2 lag) later. */
	memmove(pcm + 2 * lag, pcm + lag, (n - lag) * sizeof(*pcm));
	for (unsigned i = 0; i < lag; i++)
		pcm[lag + i] = blend(pcm[2 * lag + i], pcm[i], i, lag);
	return n + lag;
}
