/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/recording_file.c - from Matroska's octets to the sealed file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/media/recording_impl.h"

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* To the writer's thread. Takes data. */
static void put(struct recording *r, uint8_t *data, size_t n, bool final)
{
	if (!data || !writer_put(r->file, data, n, final))
		return; /* writer_error says why, at the next look */
	r->octets += n;
	archive_grow(r->all->archive, r->want.id, n);
}

static void seal(struct recording *r, enum seal_type type, const uint8_t *p,
		 size_t n, bool final)
{
	uint8_t *out = malloc(n + SEAL_OVERHEAD);

	if (!out) {
		r->failed = true;
		strcpy(r->reason, "internal");
		return;
	}
	put(r, out, seal_piece(r->seal, type, p, n, out), final);
}

enum record_error rec_open(struct recording *r, const char *meta)
{
	struct recordings *all = r->all;
	struct seal_header h = {.started = wall_ms()};
	uint8_t *head = malloc(SEAL_HEADER);
	size_t n;
	int fd;

	r->seal = sodium_malloc(sizeof(*r->seal));
	r->plain = malloc(SEAL_PIECE);
	r->mkv = mkv_new(rec_octets, r);
	if (!head || !r->seal || !r->plain || !r->mkv) {
		free(head);
		return RECORD_DISK;
	}
	strcpy(h.recording, r->want.id);
	strcpy(h.call, r->want.call);
	h.keys = all->keys;
	for (unsigned i = 0; i < all->keys; i++)
		memcpy(h.keyid[i], all->key[i].id, SEAL_KEYID);
	n = seal_begin(r->seal, &h, all->key, all->keys, head);
	fd = archive_create(all->archive, &h);
	r->file = fd < 0 ? NULL
			 : writer_open(all->writer, fd,
				       archive_folder(all->archive));
	if (!r->file) {
		if (fd >= 0)
			archive_done(all->archive, r->want.id);
		free(head);
		return fd == -EEXIST ? RECORD_EXISTS : RECORD_DISK;
	}
	put(r, head, n, false);
	seal(r, SEAL_META, (const uint8_t *)meta, strlen(meta), true);
	return RECORD_OK;
}

static void seal_held(struct recording *r, bool final)
{
	if (r->held)
		seal(r, SEAL_DATA, r->plain, r->held, final);
	sodium_memzero(r->plain, r->held);
	r->held = 0;
}

void rec_octets(const uint8_t *p, size_t n, void *arg)
{
	struct recording *r = arg;

	while (n) {
		size_t room = SEAL_PIECE - r->held;
		size_t part = n < room ? n : room;

		memcpy(r->plain + r->held, p, part);
		r->held += part;
		p += part;
		n -= part;
		if (r->held == SEAL_PIECE)
			seal_held(r, false);
	}
}

void rec_sync(struct recording *r)
{
	mkv_flush(r->mkv);
	seal_held(r, true);
}

void rec_finish(struct recording *r)
{
	char text[MP_REASON_MAX * 6 + 128];
	json_t *j;
	size_t n;

	rec_header(r);
	mkv_end(r->mkv);
	seal_held(r, false);
	j = json_pack("{s:s, s:I, s:I}", "reason", r->reason, "ms",
		      (json_int_t)r->ms, "ended", (json_int_t)wall_ms());
	n = json_dumpb(j, text, sizeof(text), JSON_COMPACT);
	json_decref(j);
	if (n <= sizeof(text))
		seal(r, SEAL_END, (const uint8_t *)text, n, true);
	r->state = REC_CLOSING;
	writer_close(r->file);
}

void rec_release(struct recording *r)
{
	struct rec_waiting *w;

	for (unsigned i = 0; i < r->tracks; i++) {
		resample_free(r->track[i].resample);
		video_free(r->track[i].video);
	}
	while ((w = r->waiting)) {
		r->waiting = w->next;
		free(w);
	}
	mkv_free(r->mkv);
	sodium_free(r->seal);
	free(r->plain);
	if (r->file)
		writer_forget(r->file);
}
