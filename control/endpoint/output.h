/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/output.h - a file or device that audio or video goes to.
 * libavformat and libavdevice. One sink's thread. */
#pragma once
#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include "control/endpoint/input.h"

struct output;

#define OUTPUT_RATE 48000 /* Hz, mono, of audio */

/** @return NULL with error[INPUT_ERROR] filled in. Nothing is written yet. */
struct output *output_open(const char *spec, char *error);
void output_close(struct output *o);
/** A device shows pictures, a file takes frames as they were coded. */
bool output_wants_pictures(const struct output *o);
/** Samples in 16 bits; opens at the first call. */
int output_audio(struct output *o, const int16_t *samples, int n);
/** One coded frame; pts in 1/90000 s. par is used at the first call. */
int output_frame(struct output *o, const AVCodecParameters *par,
		 const uint8_t *p, size_t len, bool key, int64_t pts);
/** One decoded picture, in YUV 4:2:0. */
int output_picture(struct output *o, const AVFrame *f, int64_t pts);
