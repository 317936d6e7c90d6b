/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/noise.h - comfort noise.
 *
 * RFC 3389: a payload is a level and, after it, reflection coefficients of the
 * spectrum. In: noise of that level and colour. Out: the level of what is
 * quiet, white (no coefficients). Pure; sound is mono of 16 bit. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_ORDER	 10 /* coefficients used; more are left out */
#define NOISE_QUIET_DBOV 50 /* -dBov: what is quieter counts as silence */

struct noise {
	bool on;
	double level; /* amplitude (RMS) wanted */
	double gain;  /* of the filter's input */
	double k[NOISE_ORDER], state[NOISE_ORDER + 1];
	unsigned order;
	uint32_t seed;
};

/** @return false: no payload of RFC 3389. */
bool noise_read(struct noise *s, const uint8_t *payload, size_t len);
void noise_make(struct noise *s, int16_t *pcm, unsigned n);
/** Level in -dBov: 0 the loudest, 127 nothing. */
uint8_t noise_level(const int16_t *pcm, unsigned n);
