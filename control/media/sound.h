/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/sound.h - the unit in which sound moves inside: 10 ms, mono,
 * 16 bit, at the rate of where it comes from. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FRAME_MS  10
#define FRAME_US  10000
#define FRAME_MAX 480 /* samples: 48 kHz */
#define RATE_MAX  48000

struct frame {
	int16_t pcm[FRAME_MAX];
	unsigned rate; /* Hz; 0: there is no sound at all */
	bool quiet;    /* the far end sends nothing, or comfort noise */
};

static inline unsigned frame_samples(unsigned rate)
{
	return rate / 1000 * FRAME_MS;
}
