/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/recording.h - recordings: tracks of ports and rooms into one
 * sealed file each.
 *
 *   port, room ──► tracks (mkv.h) ──► pieces, sealed (seal.h) ──► writer.h
 *
 * All tracks of a recording have one clock, the engine's ticks since its start,
 * so what was said at the same time lies at the same time. Every `sync` seconds
 * a piece becomes final on the disk: a crash loses no more than that. What is
 * plain stays in memory. Engine's thread. */
#pragma once
#include <jansson.h>
#include "control/media/archive.h"
#include "control/media/config.h"
#include "control/media/engine.h"

#define RECORDINGS_MAX 1000

struct recordings;

/* What record.start says. */
struct record_track {
	bool is_room, out; /* out: what is sent, not what arrives */
	uint64_t port;
	char room[MP_ID_MAX + 1], name[MP_NAME_MAX + 1];
};

struct record_want {
	char id[MP_ID_MAX + 1], call[MP_ID_MAX + 1];
	struct record_track track[MP_TRACKS_MAX];
	unsigned tracks;
	bool flac;
	char *meta; /* JSON, or NULL; borrowed */
};

/** c->folder NULL, or no key: nothing can be recorded; `reason` says so. */
struct recordings *recordings_new(struct engine *e,
				  const struct media_config_recording *c);
/** Closes all, and waits for the disk. */
void recordings_free(struct recordings *r);
/** NULL: ready. */
const char *recordings_reason(const struct recordings *r);
const struct seal_key *recordings_keys(const struct recordings *r, unsigned *n);
/** NULL where there is no folder. */
struct archive *recordings_archive(const struct recordings *r);

enum record_error {
	RECORD_OK,
	RECORD_NOT_READY, /* no folder, no key */
	RECORD_EXISTS,	  /* with other tracks, or ended */
	RECORD_NOT_FOUND, /* the recording, a port or a room */
	RECORD_LIMIT,
	RECORD_DISK,
	RECORD_NOTHING /* no track that could be recorded */
};

/** left_out: an array that gets {"port", "reason"}. */
enum record_error record_start(struct recordings *r,
			       const struct record_want *w, json_t *left_out);
enum record_error record_pause(struct recordings *r, const char *id,
			       bool pause);
enum record_error record_stop(struct recordings *r, const char *id,
			      const char *reason);
/** The running ones behind `after`, in order, as list says them. */
json_t *recordings_list(const struct recordings *r, const char *after,
			bool *more);
unsigned recordings_count(const struct recordings *r);
/** Ends of files, retention, quota: about once a second. */
void recordings_tidy(struct recordings *r);
