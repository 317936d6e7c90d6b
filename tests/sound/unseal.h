/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sound/unseal.h - a sealed recording, opened by seal.h's reader. */
#pragma once
#include "control/media/seal.h"

struct unsealed {
	bool opened;   /* the key fits */
	bool complete; /* SEAL_END is there, and nothing after it */
	bool whole;    /* no piece was wrong; it may end early */
	uint8_t *mkv;
	size_t len;
	char meta[16384], end[4096];
};

void unseal(struct unsealed *u, const uint8_t *p, size_t n,
	    const uint8_t pub[32], const uint8_t priv[32]);
/** What a file holds; the caller's to free. */
uint8_t *file_read(const char *path, size_t *n);
/** By the ffmpeg program: a track of a Matroska file as 16 kHz mono.
 * @return samples, in *pcm, the caller's to free. */
unsigned ffmpeg_track(const uint8_t *mkv, size_t n, unsigned track,
		      int16_t **pcm);
