/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/recording_impl.h - shared by recording*.c, by nobody else. */
#pragma once
#include "control/media/mkv.h"
#include "control/media/recording.h"
#include "control/media/video.h"

struct rec_track {
	struct record_track want;
	const struct codec *codec; /* of video; NULL: audio */
	int number;		   /* mkv.h's; < 0: none (yet) */
	struct resample *resample;
	struct video *video;
};

/* Video's sizes are in the header, so what comes before they are known waits. */
struct rec_waiting {
	struct rec_waiting *next;
	int track; /* index into rec_track */
	uint64_t ms;
	bool key;
	size_t n; /* octets of data */
	uint8_t data[];
};

enum rec_state { REC_RUNNING, REC_PAUSED, REC_CLOSING };

struct recording {
	struct recording *next;
	struct recordings *all;
	struct record_want want; /* meta is not kept */
	struct tap tap;
	struct rec_track track[MP_TRACKS_MAX];
	unsigned tracks;
	enum rec_state state;
	bool header; /* of Matroska is written */
	struct rec_waiting *waiting, **waiting_end;
	size_t waiting_octets;
	uint64_t ms, synced_ms; /* ms: on its clock, now */
	struct mkv *mkv;
	struct seal *seal; /* sodium_malloc: the stream's key is in it */
	struct writer_file *file;
	uint8_t *plain; /* SEAL_PIECE octets that wait to be sealed */
	size_t held;
	uint64_t octets; /* sealed */
	bool failed;
	char reason[MP_REASON_MAX + 1];
};

struct recordings {
	struct engine *engine;
	struct media_config_recording config;
	struct archive *archive;
	struct writer *writer;
	struct seal_key key[SEAL_KEYS];
	unsigned keys;
	char reason[320];
	struct recording *first;
	unsigned count;
};

/* recording_file.c: sealing, and the file. */
enum record_error rec_open(struct recording *r, const char *meta);
void rec_octets(const uint8_t *p, size_t n, void *arg); /* an mkv_h */
/** Seal what is held, and have it on the disk for good. */
void rec_sync(struct recording *r);
/** The last piece; the file is closed when the writer is done. */
void rec_finish(struct recording *r);
/** Frees all but the recording itself. */
void rec_release(struct recording *r);

/* recording_tracks.c: the tap. */
bool rec_tracks(struct recording *r, json_t *left_out);
void rec_listen(void *arg);
void rec_tick(uint64_t now, void *arg);
void rec_video(const struct port *p, const struct format *f,
	       const struct rtp *rtp, void *arg);
/** Whatever waits for the header goes without. */
void rec_header(struct recording *r);
