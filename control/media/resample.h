/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/resample.h - sound at another sampling rate (libswresample).
 *
 * Mono, 16 bit. Where both rates are the same, sound is only copied. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct resample;

/** Makes *r fit for these rates, if it isn't; *r may be NULL. @return false: no
 * memory; *r is NULL then. */
bool resample_set(struct resample **r, unsigned from, unsigned to);
void resample_free(struct resample *r);
/** @return samples written to out, at most room; the filter holds back a few
 * at the start. < 0: error. */
int resample_put(struct resample *r, const int16_t *in, unsigned n,
		 int16_t *out, unsigned room);
