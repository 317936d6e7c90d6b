/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/mix.h - sound added to sound: 32 bit between, 16 bit out. Pure. */
#pragma once
#include <math.h>
#include <stdint.h>

#define MIX_TONE_LEVEL 3000

static inline int16_t mix_saturate(int v)
{
	return (int16_t)(v > INT16_MAX	 ? INT16_MAX
			 : v < INT16_MIN ? INT16_MIN
					 : v);
}

/** A tone into sound of that rate; phase goes on from call to call. */
static inline void mix_tone(int16_t *pcm, unsigned n, unsigned rate,
			    unsigned hz, double *phase)
{
	for (unsigned i = 0; i < n; i++) {
		pcm[i] = mix_saturate(pcm[i] +
				      (int)(MIX_TONE_LEVEL * sin(*phase)));
		*phase += 2 * M_PI * hz / rate;
	}
}

static inline void mix_add(int32_t *sum, const int16_t *pcm, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sum[i] += pcm[i];
}

/** All but one's own. own may be NULL. */
static inline void mix_minus(int16_t *out, const int32_t *sum,
			     const int16_t *own, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = mix_saturate(sum[i] - (own ? own[i] : 0));
}
