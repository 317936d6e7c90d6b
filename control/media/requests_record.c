/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/requests_record.c - requests about recordings, and about what
 * is stored. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/media.h"

static const struct {
	const char *name, *message;
} record_errors[] = {
	[RECORD_NOT_READY] = {"recording", "Nothing can be recorded"},
	[RECORD_EXISTS] = {"exists", "There is another of that name"},
	[RECORD_NOT_FOUND] = {"not-found",
			      "There is no such recording, port or room"},
	[RECORD_LIMIT] = {"limit", "There are as many as there may be"},
	[RECORD_DISK] = {"recording", "The file can't be made"},
	[RECORD_NOTHING] = {"recording", "None of the tracks can be recorded"},
};

static void reply_record_error(struct reader *r, enum record_error e,
			       const struct recordings *all)
{
	if (e == RECORD_NOT_READY)
		reader_fail(r, record_errors[e].name, NULL, "%s",
			    recordings_reason(all));
	else if (e)
		reader_fail(r, record_errors[e].name, "recording", "%s",
			    record_errors[e].message);
}

static json_t *key_ids(const uint8_t id[][SEAL_KEYID], unsigned n, size_t step)
{
	char text[SEAL_KEYID * 2 + 1];
	const uint8_t *at = n ? id[0] : NULL;
	json_t *list = json_array();

	for (; n; n--, at += step)
		json_array_append_new(
			list, json_string(sodium_bin2hex(text, sizeof(text), at,
							 SEAL_KEYID)));
	return list;
}

json_t *recording_info(const struct media *m)
{
	const char *reason = recordings_reason(m->recordings);
	const struct seal_key *k;
	unsigned n;

	k = recordings_keys(m->recordings, &n);
	return json_pack("{s:b, s:s, s:o}", "ready", !reason, "reason",
			 reason ? reason : "", "keys",
			 key_ids(&k->id, n, sizeof(*k)));
}

void list_recordings(const struct media *m, const char *after, json_t *reply)
{
	bool more;

	json_object_set_new(reply, "items",
			    recordings_list(m->recordings, after, &more));
	json_object_set_new(reply, "more", json_boolean(more));
}

static void copy_name(struct reader *r, char name[MP_NAME_MAX + 1])
{
	strcpy(name, read_text(r, "name", MP_NAME_MAX, false));
}

static void read_track(struct reader *r, struct record_track *t)
{
	const char *of;

	t->is_room = read_has(r, "room");
	copy_name(r, t->name);
	if (t->is_room) {
		strcpy(t->room, read_id(r, "room", true));
		return;
	}
	t->port = read_stream(r, "port");
	of = read_text(r, "of", 3, false);
	t->out = !strcmp(of, "out");
	if (*of && strcmp(of, "in") && strcmp(of, "out"))
		reader_fail(r, "bad-message", "of", "of is in or out");
}

static void read_tracks(struct reader *r, struct record_want *w)
{
	const json_t *list = read_any(r, "tracks"), *j;
	size_t i;

	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > MP_TRACKS_MAX) {
		reader_fail(r, "bad-message", "tracks",
			    "tracks is a list of 1 to %d", MP_TRACKS_MAX);
		return;
	}
	json_array_foreach (list, i, j) {
		struct reader in;

		reader_init(&in, j);
		read_track(&in, &w->track[w->tracks++]);
		if (!reader_done(&in))
			reader_fail(r, in.error, "tracks", "%s", in.message);
	}
}

/* @return what the caller frees; NULL: there is none, or it is too long. */
static char *read_meta(struct reader *r)
{
	const json_t *j = read_any(r, "meta");
	char *text = NULL;

	if (!j)
		return NULL;
	if (json_is_object(j))
		text = json_dumps(j, JSON_COMPACT);
	if (!text || strlen(text) > MP_META_MAX)
		reader_fail(r, "bad-message", "meta",
			    "meta is an object of at most %d octets",
			    MP_META_MAX);
	return text;
}

void do_record_start(struct media *m, struct reader *r, json_t *reply)
{
	struct record_want *w = calloc(1, sizeof(*w));
	json_t *left_out = json_array();
	const char *codec;

	if (!w || !left_out) {
		reader_fail(r, "internal", NULL, "No memory");
		goto out;
	}
	strcpy(w->id, read_id(r, "recording", true));
	strcpy(w->call, read_id(r, "call", true));
	read_tracks(r, w);
	w->meta = read_meta(r);
	codec = read_text(r, "codec", 4, false);
	if (*codec && strcmp(codec, "opus") && strcmp(codec, "flac"))
		reader_fail(r, "bad-message", "codec", "codec is opus or flac");
	if (!*codec && m->config->recording.codec)
		codec = m->config->recording.codec;
	w->flac = !strcmp(codec, "flac");
	if (reader_done(r))
		reply_record_error(r, record_start(m->recordings, w, left_out),
				   m->recordings);
	if (!r->error)
		json_object_set(reply, "left_out", left_out);
out:
	json_decref(left_out);
	if (w)
		free(w->meta);
	free(w);
}

static void pause(struct media *m, struct reader *r, bool on)
{
	const char *id = read_id(r, "recording", true);

	if (reader_done(r))
		reply_record_error(r, record_pause(m->recordings, id, on),
				   m->recordings);
}

void do_record_pause(struct media *m, struct reader *r, json_t *reply)
{
	(void)reply;
	pause(m, r, true);
}

void do_record_resume(struct media *m, struct reader *r, json_t *reply)
{
	(void)reply;
	pause(m, r, false);
}

void do_record_stop(struct media *m, struct reader *r, json_t *reply)
{
	const char *id = read_id(r, "recording", true);
	const char *reason = read_text(r, "reason", MP_REASON_MAX, false);

	(void)reply;
	if (reader_done(r))
		reply_record_error(r, record_stop(m->recordings, id, reason),
				   m->recordings);
}

static struct archive *archive_or_fail(const struct media *m, struct reader *r)
{
	struct archive *a = recordings_archive(m->recordings);

	if (!a)
		reader_fail(r, "recording", NULL, "%s",
			    recordings_reason(m->recordings));
	return a;
}

void do_store_list(struct media *m, struct reader *r, json_t *reply)
{
	const char *after = read_id(r, "after", false);
	const char *only = read_id(r, "recording", false);
	unsigned max = (unsigned)read_number(r, "max", 1, MP_LIST_MAX, false,
					     MP_LIST_MAX);
	struct archive *a = archive_or_fail(m, r);
	const struct archived *e;
	json_t *list;

	if (!reader_done(r))
		return;
	list = json_array();
	e = *only ? archive_find(a, only) : archive_after(a, after);
	if (*only)
		max = 1;
	for (; e && max; e = e->next, max--)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:I, s:I, s:o, s:b}", "recording",
				  e->h.recording, "call", e->h.call, "started",
				  (json_int_t)e->h.started, "size",
				  (json_int_t)e->size, "keys",
				  key_ids(e->h.keyid, e->h.keys, SEAL_KEYID),
				  "open", e->open));
	json_object_set_new(reply, "recordings", list);
	json_object_set_new(reply, "more", json_boolean(e && !*only));
	json_object_set_new(reply, "used",
			    json_integer((json_int_t)archive_used(a)));
	json_object_set_new(reply, "quota",
			    json_integer((json_int_t)m->config->recording.quota
					 << 20));
}

void do_store_fetch(struct media *m, struct reader *r, json_t *reply)
{
	const char *id = read_id(r, "recording", true);
	struct archive *a = archive_or_fail(m, r);
	int fd;

	if (!reader_done(r))
		return;
	fd = archive_read(a, id);
	if (fd < 0) {
		reader_fail(r, fd == -ENOENT ? "not-found" : "internal",
			    "recording", "%s", strerror(-fd));
		return;
	}
	json_object_set_new(
		reply, "size",
		json_integer((json_int_t)archive_find(a, id)->size));
	m->pass = fd;
}

void do_store_delete(struct media *m, struct reader *r, json_t *reply)
{
	const char *id = read_id(r, "recording", true);
	struct archive *a = archive_or_fail(m, r);
	int e;

	(void)reply;
	if (!reader_done(r))
		return;
	e = archive_delete(a, id);
	if (e)
		reader_fail(r, e == ENOENT ? "not-found" : "busy", "recording",
			    "%s",
			    e == ENOENT ? "There is no such recording"
					: "It is being written");
}
