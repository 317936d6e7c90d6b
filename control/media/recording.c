/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/recording.c - recordings begin, pause, end; see recording.h. */
#include "control/media/recording.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "control/log.h"
#include "control/media/recording_impl.h"

#define MIB	(1024ull * 1024)
#define DAY_MS	86400000ull
#define POLL_US 2000

static void on_warning(uint64_t used, uint64_t quota, const char *message,
		       void *arg)
{
	const struct recordings *r = arg;

	log_warn(0, "%s", message);
	engine_event(r->engine, "store-warning", "{s:I, s:I, s:s}", "used",
		     (json_int_t)used, "quota", (json_int_t)quota, "message",
		     message);
}

static void on_deleted(const struct archived *a, const char *reason, void *arg)
{
	const struct recordings *r = arg;

	log_info(0, "recording %s of call %s is deleted: %s", a->h.recording,
		 a->h.call, reason);
	engine_event(r->engine, "store-deleted", "{s:s, s:s, s:s}", "recording",
		     a->h.recording, "call", a->h.call, "reason", reason);
}

static void open_archive(struct recordings *r)
{
	const struct media_config_recording *c = &r->config;
	const struct archive_limits limits = {c->quota * MIB,
					      c->retention * DAY_MS};
	const struct archive_handlers h = {on_warning, on_deleted, r};

	r->writer = writer_new();
	if (!r->writer) {
		strcpy(r->reason, "no thread to write with");
		return;
	}
	r->archive = archive_open(c->folder, &limits, &h, r->writer, r->reason,
				  sizeof(r->reason));
	if (r->archive && !r->keys)
		strcpy(r->reason, "recording.keys has no key to seal to");
}

struct recordings *recordings_new(struct engine *e,
				  const struct media_config_recording *c)
{
	struct recordings *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->engine = e;
	r->config = *c;
	if (!r->config.sync)
		r->config.sync = 1;
	for (unsigned i = 0; i < c->keys_count && i < SEAL_KEYS; i++)
		if (seal_key_read(&r->key[r->keys], c->keys[i]))
			r->keys++;
	if (c->folder)
		open_archive(r);
	else
		strcpy(r->reason, "recording.folder isn't configured");
	if (r->reason[0] && c->folder)
		log_error(0, "nothing can be recorded: %s", r->reason);
	return r;
}

const char *recordings_reason(const struct recordings *r)
{
	return r->reason[0] ? r->reason : NULL;
}

const struct seal_key *recordings_keys(const struct recordings *r, unsigned *n)
{
	*n = r->keys;
	return r->key;
}

struct archive *recordings_archive(const struct recordings *r)
{
	return r->archive;
}

unsigned recordings_count(const struct recordings *r)
{
	return r->count;
}

static struct recording *find(const struct recordings *all, const char *id)
{
	struct recording *r = all->first;

	while (r && strcmp(r->want.id, id))
		r = r->next;
	return r;
}

/* Ended, and all of it on the disk, or given up. */
static void gone(struct recording *r)
{
	struct recordings *all = r->all;
	struct recording **at = &all->first;
	int e = writer_error(r->file);
	const char *why = r->reason;

	archive_done(all->archive, r->want.id);
	if (e)
		why = e == ENOSPC || e == EDQUOT ? "disk-full"
		      : e == EOVERFLOW		 ? "too-slow"
						 : "disk-error";
	if (e || r->failed)
		engine_event(all->engine, "recording-failed",
			     "{s:s, s:s, s:I, s:I, s:s, s:s}", "recording",
			     r->want.id, "call", r->want.call, "octets",
			     (json_int_t)r->octets, "seconds",
			     (json_int_t)(r->ms / 1000), "reason", why,
			     "message",
			     e == EOVERFLOW ? "The disk doesn't keep up"
			     : e	    ? strerror(e)
					    : "The recorder failed");
	else
		engine_event(all->engine, "recording-closed",
			     "{s:s, s:s, s:I, s:I, s:s}", "recording",
			     r->want.id, "call", r->want.call, "octets",
			     (json_int_t)r->octets, "seconds",
			     (json_int_t)(r->ms / 1000), "reason", why);
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	all->count--;
	engine_untap(all->engine, &r->tap);
	rec_release(r);
	free(r);
}

static bool same_tracks(const struct record_want *a,
			const struct record_want *b)
{
	return a->tracks == b->tracks && !strcmp(a->call, b->call) &&
	       !memcmp(a->track, b->track, a->tracks * sizeof(a->track[0]));
}

/* Sealed, and so said: who, when, which tracks. */
static char *meta_text(const struct recording *r, const char *more)
{
	json_t *tracks = json_array(), *j;
	char port[STREAM_TEXT], *text;

	for (unsigned i = 0; i < r->tracks; i++) {
		const struct record_track *t = &r->track[i].want;

		json_array_append_new(
			tracks,
			json_pack("{s:s, s:s, s:s, s:s}",
				  t->is_room ? "room" : "port",
				  t->is_room ? t->room
					     : stream_text(t->port, port),
				  "of", t->out ? "out" : "in", "kind",
				  r->track[i].video ? "video" : "audio", "name",
				  t->name));
	}
	j = json_pack("{s:s, s:s, s:I, s:o, s:o?}", "recording", r->want.id,
		      "call", r->want.call, "started",
		      (json_int_t)time(NULL) * 1000, "tracks", tracks, "meta",
		      more ? json_loads(more, 0, NULL) : NULL);
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

static enum record_error may_start(struct recordings *all,
				   const struct record_want *w)
{
	if (recordings_reason(all))
		return RECORD_NOT_READY;
	if (all->count >= RECORDINGS_MAX)
		return RECORD_LIMIT;
	for (unsigned i = 0; i < w->tracks; i++)
		if (w->track[i].is_room
			    ? !room_find(all->engine, w->track[i].room)
			    : !port_find(all->engine, w->track[i].port))
			return RECORD_NOT_FOUND;
	return archive_find(all->archive, w->id) ? RECORD_EXISTS : RECORD_OK;
}

enum record_error record_start(struct recordings *all,
			       const struct record_want *w, json_t *left_out)
{
	struct recording *r = find(all, w->id);
	enum record_error e;
	char *meta = NULL;

	if (r && r->state != REC_CLOSING)
		return same_tracks(&r->want, w) ? RECORD_OK : RECORD_EXISTS;
	e = may_start(all, w);
	if (e)
		return e;
	r = calloc(1, sizeof(*r));
	if (!r)
		return RECORD_DISK;
	r->all = all;
	r->want = *w;
	r->waiting_end = &r->waiting;
	r->tap = (struct tap){.listen = rec_listen,
			      .tick = rec_tick,
			      .video = rec_video,
			      .arg = r};
	e = rec_tracks(r, left_out) ? RECORD_OK : RECORD_NOTHING;
	if (!e) {
		meta = meta_text(r, w->meta);
		e = meta ? rec_open(r, meta) : RECORD_DISK;
		free(meta);
	}
	r->want.meta = NULL;
	if (e) {
		rec_release(r);
		free(r);
		return e;
	}
	r->next = all->first;
	all->first = r;
	all->count++;
	engine_tap(all->engine, &r->tap);
	return RECORD_OK;
}

enum record_error record_pause(struct recordings *all, const char *id,
			       bool pause)
{
	struct recording *r = find(all, id);

	if (!r || r->state == REC_CLOSING)
		return RECORD_NOT_FOUND;
	if (pause)
		mkv_gap(r->mkv);
	r->state = pause ? REC_PAUSED : REC_RUNNING;
	return RECORD_OK;
}

enum record_error record_stop(struct recordings *all, const char *id,
			      const char *reason)
{
	struct recording *r = find(all, id);

	if (!r || r->state == REC_CLOSING)
		return RECORD_NOT_FOUND;
	snprintf(r->reason, sizeof(r->reason), "%s",
		 *reason ? reason : "stopped");
	rec_finish(r);
	return RECORD_OK;
}

static json_t *item(const struct recording *r)
{
	static const char *const states[] = {
		[REC_RUNNING] = "running",
		[REC_PAUSED] = "paused",
		[REC_CLOSING] = "closing",
	};
	json_t *tracks = json_array();
	char text[STREAM_TEXT];

	for (unsigned i = 0; i < r->want.tracks; i++) {
		const struct record_track *t = &r->want.track[i];

		json_array_append_new(
			tracks, t->is_room
					? json_pack("{s:s, s:s}", "room",
						    t->room, "name", t->name)
					: json_pack("{s:s, s:s, s:s}", "port",
						    stream_text(t->port, text),
						    "of", t->out ? "out" : "in",
						    "name", t->name));
	}
	return json_pack("{s:s, s:s, s:o, s:s, s:I, s:I}", "recording",
			 r->want.id, "call", r->want.call, "tracks", tracks,
			 "state", states[r->state], "octets",
			 (json_int_t)r->octets, "seconds",
			 (json_int_t)(r->ms / 1000));
}

static const struct recording *after_id(const struct recordings *all,
					const char *after)
{
	const struct recording *best = NULL;

	for (const struct recording *r = all->first; r; r = r->next)
		if (strcmp(r->want.id, after) > 0 &&
		    (!best || strcmp(r->want.id, best->want.id) < 0))
			best = r;
	return best;
}

/* A recording of many tracks with long names: so few fit for sure. */
#define PAGE 10

json_t *recordings_list(const struct recordings *all, const char *after,
			bool *more)
{
	const struct recording *r = after_id(all, after);
	json_t *list = json_array();

	for (unsigned i = 0; r && i < PAGE; i++) {
		json_array_append_new(list, item(r));
		r = after_id(all, r->want.id);
	}
	*more = r;
	return list;
}

void recordings_tidy(struct recordings *all)
{
	struct recording *r, *next;
	struct timespec t;

	for (r = all->first; r; r = next) {
		next = r->next;
		if (r->state != REC_CLOSING &&
		    (r->failed || writer_error(r->file)))
			rec_finish(r); /* what can't be written is dropped */
		if (r->state == REC_CLOSING && writer_done(r->file))
			gone(r);
	}
	if (!all->archive)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	archive_tidy(all->archive, (uint64_t)t.tv_sec * 1000);
}

void recordings_free(struct recordings *all)
{
	if (!all)
		return;
	for (struct recording *r = all->first; r; r = r->next)
		if (r->state != REC_CLOSING) {
			strcpy(r->reason, "shutdown");
			rec_finish(r);
		}
	while (all->first) {
		if (writer_done(all->first->file))
			gone(all->first);
		else
			usleep(POLL_US);
	}
	writer_free(all->writer);
	archive_close(all->archive);
	free(all);
}
