/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, and the thread that signs and writes. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "control/audit/impl.h"
#include "control/log.h"
#include "version.h"

#define RETRY_MS 1000

/* UTC, with milliseconds: 2026-11-21T19:32:59.123Z */
static void now_print(char out[32])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03ldZ", ts.tv_nsec / 1000000);
}

/* {"at":...,"event":...,more}. @return malloc'd, or NULL. */
static char *record_text(const char *event, json_t *more)
{
	char at[32], *text = NULL;
	json_t *j;

	now_print(at);
	j = json_pack("{s:s, s:s}", "at", at, "event", event);
	if (j && more)
		json_object_update_missing(j, more);
	json_decref(more);
	if (j)
		text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(j);
	return text;
}

static struct entry *entry_new(const char *event, json_t *more)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		json_decref(more);
		return NULL;
	}
	e->text = record_text(event, more);
	/* room for the number in front */
	if (!e->text || strlen(e->text) > CHAIN_RECORD_MAX - 32) {
		free(e->text);
		free(e);
		return NULL;
	}
	return e;
}

static void entries_free(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;

		free(e->text);
		free(e);
		e = next;
	}
}

void audit_add(struct audit *a, const char *event, json_t *more)
{
	struct entry *e;

	if (!a) {
		json_decref(more);
		return;
	}
	e = entry_new(event, more);
	pthread_mutex_lock(&a->lock);
	if (e && a->queued < AUDIT_QUEUE_MAX) {
		*a->last = e;
		a->last = &e->next;
		a->queued++;
		e = NULL;
	} else {
		a->lost++;
	}
	a->added++;
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->lock);
	entries_free(e);
}

/* ----------------------------------------------------------------- thread */

struct text {
	char *p;
	size_t len, room;
};

static bool text_add(struct text *t, const char *p, size_t n)
{
	if (t->len + n > t->room) {
		size_t room = 2 * (t->len + n);
		char *grown = realloc(t->p, room);

		if (!grown)
			return false;
		t->p = grown;
		t->room = room;
	}
	memcpy(t->p + t->len, p, n);
	t->len += n;
	return true;
}

/* All lines of a list; seq and hash go along. */
static bool lines_make(const struct audit *a, const struct entry *e,
		       struct text *t, uint64_t *seq, uint8_t hash[CHAIN_HASH])
{
	char record[CHAIN_RECORD_MAX + 1], line[CHAIN_LINE_MAX];

	for (; e; e = e->next) {
		int n = snprintf(record, sizeof(record),
				 "{\"seq\":%" PRIu64 ",%s", ++*seq,
				 e->text + 1);
		size_t len =
			chain_write(a->secret, record, (size_t)n, hash, line);

		if (!len || !text_add(t, line, len))
			return false;
	}
	return true;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? errno : EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* A list into the log, the log onto the disk, and then its head. What fails
 * leaves the log as it was, to be tried again. */
static int list_write(struct audit *a, const struct entry *list)
{
	char path[PATH_MAX], head[CHAIN_LINE_MAX], at[32];
	uint8_t hash[CHAIN_HASH];
	uint64_t seq = a->seq;
	struct text t = {0};
	int err = ENOMEM;
	size_t n;

	memcpy(hash, a->hash, sizeof(hash));
	if (lines_make(a, list, &t, &seq, hash))
		err = write_all(a->fd, t.p, t.len);
	if (!err && fdatasync(a->fd) < 0)
		err = errno;
	if (err) {
		if (ftruncate(a->fd, a->size) < 0)
			log_error(0, "audit: %s: %s", a->path, strerror(errno));
		free(t.p);
		return err;
	}
	a->size += (off_t)t.len;
	a->seq = seq;
	memcpy(a->hash, hash, sizeof(hash));
	free(t.p);
	now_print(at);
	audit_path(a, AUDIT_HEAD, path);
	n = chain_write_head(a->secret, a->seq, at, a->hash, head);
	err = audit_replace(path, 0644, head, n);
	if (err) /* the log is good; the next head covers these too */
		log_error(0, "audit: %s: %s", path, strerror(err));
	return 0;
}

/* What no room was left for is a record of its own. Under the lock. */
static struct entry *lost_entry(struct audit *a)
{
	struct entry *e;

	if (!a->lost)
		return NULL;
	e = entry_new("records-lost",
		      json_pack("{s:I}", "records", (json_int_t)a->lost));
	if (e)
		a->lost = 0;
	return e;
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

static void *worker_main(void *arg)
{
	struct audit *a = arg;
	struct entry *list = NULL;
	struct timespec retry;
	uint64_t taken = 0;
	off_t file_max;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		struct entry **end = &list;
		int err;

		while (!list && !a->first && !a->lost && !a->stop)
			pthread_cond_wait(&a->more, &a->lock);
		if (!list && !a->first && !a->lost)
			break;
		while (*end)
			end = &(*end)->next;
		*end = a->first;
		if (a->first)
			end = a->last;
		*end = lost_entry(a);
		a->first = NULL;
		a->last = &a->first;
		a->queued = 0;
		taken = a->added;
		file_max = a->file_max;
		pthread_mutex_unlock(&a->lock);

		err = list_write(a, list);
		if (!err)
			audit_rotate(a, file_max);
		if (err)
			log_error(0,
				  "audit: %s: nothing written: %s; trying "
				  "again",
				  a->path, strerror(err));
		pthread_mutex_lock(&a->lock);
		if (!err) {
			entries_free(list);
			list = NULL;
			a->written = taken;
		} else if (a->stop) {
			break;
		} else {
			retry = in_ms(RETRY_MS);
			pthread_cond_timedwait(&a->more, &a->lock, &retry);
		}
		pthread_cond_broadcast(&a->less);
	}
	pthread_mutex_unlock(&a->lock);
	entries_free(list);
	return NULL;
}

static int start_worker(struct audit *a)
{
	sigset_t all, old;
	int err;

	sigfillset(&all); /* signals are the event loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&a->worker, NULL, worker_main, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

/* ----------------------------------------------------------- open and close */

static void audit_free(struct audit *a)
{
	if (a->fd >= 0)
		close(a->fd);
	sodium_free(a->secret);
	pthread_cond_destroy(&a->more);
	pthread_cond_destroy(&a->less);
	pthread_mutex_destroy(&a->lock);
	entries_free(a->first);
	free(a->path);
	free(a);
}

int audit_open(struct audit **ap, const char *path, char *err, size_t errlen)
{
	struct audit *a = calloc(1, sizeof(*a));
	char hex[2 * CHAIN_PUBLIC + 1];
	json_t *note = NULL;
	int e = ENOMEM;

	if (!a)
		return ENOMEM;
	a->fd = -1;
	a->last = &a->first;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->more, NULL);
	pthread_cond_init(&a->less, NULL);
	err[0] = '\0';
	a->path = strdup(path);
	if (a->path && strlen(path) < PATH_MAX - 16 && sodium_init() >= 0)
		a->secret = sodium_malloc(CHAIN_SECRET);
	if (a->secret)
		e = audit_begin(a, &note, err, errlen);
	if (!e)
		e = start_worker(a);
	if (e) {
		if (!err[0])
			snprintf(err, errlen, "%s: %s", path, strerror(e));
		json_decref(note);
		audit_free(a);
		return e;
	}
	if (note)
		log_error(0, "audit: %s: %s", path,
			  json_string_value(json_object_get(note, "damage")));
	sodium_bin2hex(hex, sizeof(hex), a->public_key, CHAIN_PUBLIC);
	if (note)
		audit_add(a, "log-damaged", note);
	audit_add(a, "log-opened",
		  json_pack("{s:s, s:s}", "version", SP_VERSION, "key", hex));
	*ap = a;
	return 0;
}

void audit_file_max(struct audit *a, uint64_t octets)
{
	pthread_mutex_lock(&a->lock);
	a->file_max = (off_t)octets;
	pthread_mutex_unlock(&a->lock);
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->more);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->worker, NULL); /* writes what is queued first */
	audit_free(a);
}

bool audit_flush(struct audit *a, unsigned ms)
{
	struct timespec until = in_ms(ms);
	uint64_t wanted;
	int err = 0;

	pthread_mutex_lock(&a->lock);
	wanted = a->added;
	while (a->written < wanted && !err)
		err = pthread_cond_timedwait(&a->less, &a->lock, &until);
	pthread_mutex_unlock(&a->lock);
	return !err;
}
