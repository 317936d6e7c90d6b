/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/player.h - music and announcements from files, and tones.
 *
 * Every file of the music folder is decoded once, at the start, into memory
 * (libavformat: WAV, Ogg, Opus, FLAC, MP3 ...), and shared by all who hear it.
 * A file that can't be read is left out, and said. Engine's thread. */
#pragma once
#include "control/media/protocol.h"
#include "control/media/sound.h"

#define PLAYER_RATE    16000
#define PLAYER_SECONDS 600 /* of a file; the rest is left out */
#define PLAYER_FILES   64
#define TONE_PARTS     4

struct player_file {
	char name[MP_FILE_MAX + 1];
	int16_t *pcm;
	uint32_t samples; /* at PLAYER_RATE */
};

struct player {
	struct player_file file[PLAYER_FILES];
	unsigned count;
};

/** path NULL: no folder. */
void player_load(struct player *p, const char *path);
void player_free(struct player *p);
const struct player_file *player_find(const struct player *p, const char *name);
/** The next 10 ms from *at on. @return false: it had ended before, and doesn't
 * loop; f is silence then. */
bool player_next(const struct player_file *file, uint32_t *at, bool loop,
		 struct frame *f);

struct tone {
	unsigned hz[TONE_PARTS], parts;
	unsigned on_ms, off_ms; /* off 0: steady */
	uint64_t at;		/* samples since its start */
};

void tone_next(struct tone *t, struct frame *f);
