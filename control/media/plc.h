/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/plc.h - sound where packets are missing, and sound of another
 * length where clocks differ.
 *
 * Concealment for codecs without their own, after ITU-T G.711 appendix I: the
 * last pitch period is repeated, quieter and quieter, silent after 60 ms, and
 * joined without a click to what follows. The same search for the pitch period
 * takes one out of the sound, or puts one in. Pure; sound is mono of 16 bit. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PLC_HISTORY 2400 /* samples: 50 ms at 48 kHz */

struct plc {
	unsigned rate;
	int16_t history[PLC_HISTORY]; /* the newest last */
	unsigned lag;		      /* period that is repeated, samples */
	unsigned made; /* samples made since the last good ones */
};

void plc_init(struct plc *p, unsigned rate);
/** Good sound passes; its start is blended with what was made before. */
void plc_good(struct plc *p, int16_t *pcm, unsigned n);
/** Make n samples in place of lost ones. */
void plc_make(struct plc *p, int16_t *pcm, unsigned n);
/** Shortest repetition of pcm[0..n), 2.5 to 15 ms; n must be 30 ms at least.
 * @return samples; 0: n is too short. */
unsigned plc_period(const int16_t *pcm, unsigned n, unsigned rate);
/** Take out one period after the first. @return the new length, n if there is
 * no room. */
unsigned plc_shrink(int16_t *pcm, unsigned n, unsigned rate);
/** Put in one period; pcm has room for 15 ms more. @return the new length. */
unsigned plc_stretch(int16_t *pcm, unsigned n, unsigned rate);
