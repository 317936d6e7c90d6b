/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/mkv.h - tracks into Matroska (libavformat), as octets that are
 * never sought in: whatever is there of the file can be played. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/media/codec.h"

#define MKV_RATE 16000 /* of audio tracks: wide-band speech */

struct mkv;

/** The next octets of the file. */
typedef void mkv_h(const uint8_t *p, size_t n, void *arg);

struct mkv *mkv_new(mkv_h *h, void *arg);
void mkv_free(struct mkv *m);

/** Before mkv_start. @return the track's number; < 0: no such codec, no memory.
 * name: what players show. */
int mkv_add_audio(struct mkv *m, const char *codec, const char *name);
int mkv_add_video(struct mkv *m, const struct codec *c, const char *name,
		  unsigned width, unsigned height, const uint8_t *extra,
		  size_t n);
/** The header. @return false: libavformat won't. */
bool mkv_start(struct mkv *m);
/** Sound at MKV_RATE, beginning at ms (of the recording). */
void mkv_audio(struct mkv *m, int track, const int16_t *pcm, unsigned n,
	       uint64_t ms);
void mkv_video(struct mkv *m, int track, const uint8_t *p, size_t n,
	       uint64_t ms, bool key);
/** A pause: what was begun is dropped. */
void mkv_gap(struct mkv *m);
/** End the cluster: all octets so far have been told. */
void mkv_flush(struct mkv *m);
/** The file's end. */
void mkv_end(struct mkv *m);
