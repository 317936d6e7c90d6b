/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/noise.h"
#include <math.h>
#include <string.h>

#define FULL_SCALE 32768.0
#define RMS_WHITE  0.57735 /* of even noise between -1 and 1 */

bool noise_read(struct noise *s, const uint8_t *payload, size_t len)
{
	double power = 1;

	if (!len || payload[0] > 127)
		return false;
	s->on = true;
	s->level = FULL_SCALE * pow(10, -payload[0] / 20.0);
	s->order = len - 1 < NOISE_ORDER ? (unsigned)(len - 1) : NOISE_ORDER;
	for (unsigned i = 0; i < s->order; i++) {
		/* Quantised as section 3.2 says: (N - 127) / 127, short of 1
		 * so that the filter stays stable. */
		double k = (payload[1 + i] - 127.0) / 128.5;

		s->k[i] = k;
		power /= 1 - k * k;
	}
	memset(s->state, 0, sizeof(s->state));
	s->gain = s->level / RMS_WHITE / sqrt(power);
	return true;
}

static double white(struct noise *s)
{
	s->seed = s->seed * 1664525u + 1013904223u;
	return (double)(int32_t)s->seed / 2147483648.0;
}

/* An all-pole lattice: stable for every |k| < 1. */
static double colour(struct noise *s, double x)
{
	for (unsigned i = s->order; i-- > 0;) {
		x -= s->k[i] * s->state[i];
		s->state[i + 1] = s->state[i] + s->k[i] * x;
	}
	s->state[0] = x;
	return x;
}

void noise_make(struct noise *s, int16_t *pcm, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double v = colour(s, white(s) * s->gain);

		pcm[i] = v > 32767 ? 32767 : v < -32768 ? -32768 : (int16_t)v;
	}
}

uint8_t noise_level(const int16_t *pcm, unsigned n)
{
	double sum = 0, db;

	for (unsigned i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	if (!n || sum < n)
		return 127;
	db = -20 * log10(sqrt(sum / n) / FULL_SCALE);
	return db < 0 ? 0 : db > 127 ? 127 : (uint8_t)db;
}
