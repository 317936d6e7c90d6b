/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/archive.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "control/log.h"
#include "control/media/message.h"

#define SUFFIX	".sealed"
#define WARN_OF 90 /* percent */
#define HOUR_MS 3600000ull
#define DAY_MS	(24 * HOUR_MS)

struct archive {
	int folder;
	char path[PATH_MAX];
	struct archive_limits limits;
	struct archive_handlers h;
	struct writer *writer;
	struct archived *first;
	uint64_t used;
	bool warned_quota, warned_disk;
	uint64_t warned_age, warned_at; /* ms: of the youngest that has been
					 * warned of; when that was */
};

static void name_of(const char *id, char name[NAME_MAX])
{
	snprintf(name, NAME_MAX, "%s" SUFFIX, id);
}

static struct archived *insert(struct archive *s, const struct seal_header *h)
{
	struct archived **at = &s->first, *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	while (*at && strcmp((*at)->h.recording, h->recording) < 0)
		at = &(*at)->next;
	e->h = *h;
	e->next = *at;
	*at = e;
	return e;
}

static void load(struct archive *s, const char *name)
{
	int fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t head[SEAL_HEADER];
	char expected[NAME_MAX];
	struct seal_header h;
	struct archived *e;
	struct stat st;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (n < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    !seal_header_read(&h, head, (size_t)n) || !id_valid(h.recording))
		goto bad;
	name_of(h.recording, expected);
	if (strcmp(expected, name))
		goto bad;
	e = insert(s, &h);
	if (e) {
		e->size = (uint64_t)st.st_size;
		s->used += e->size;
	}
	close(fd);
	return;
bad:
	log_warn(0, "%s/%s is no recording; it is left alone", s->path, name);
	if (fd >= 0)
		close(fd);
}

static bool load_all(struct archive *s)
{
	DIR *d = opendir(s->path);
	const struct dirent *e;

	if (!d)
		return false;
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > strlen(SUFFIX) &&
		    !strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX))
			load(s, e->d_name);
	}
	closedir(d);
	return true;
}

struct archive *archive_open(const char *folder, const struct archive_limits *l,
			     const struct archive_handlers *h, struct writer *w,
			     char *err, size_t errlen)
{
	struct archive *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, errlen, "no memory");
		return NULL;
	}
	s->limits = *l;
	s->h = *h;
	s->writer = w;
	snprintf(s->path, sizeof(s->path), "%s", folder);
	s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0 || faccessat(s->folder, ".", W_OK, 0) ||
	    !load_all(s)) {
		snprintf(err, errlen, "%s: %s", folder, strerror(errno));
		archive_close(s);
		return NULL;
	}
	return s;
}

void archive_close(struct archive *s)
{
	if (!s)
		return;
	while (s->first) {
		struct archived *e = s->first;

		s->first = e->next;
		free(e);
	}
	if (s->folder >= 0)
		close(s->folder);
	free(s);
}

static struct archived *find(const struct archive *s, const char *id)
{
	struct archived *e = s->first;

	while (e && strcmp(e->h.recording, id))
		e = e->next;
	return e;
}

const struct archived *archive_find(const struct archive *s, const char *id)
{
	return find(s, id);
}

const struct archived *archive_after(const struct archive *s, const char *after)
{
	const struct archived *e = s->first;

	while (e && strcmp(e->h.recording, after) <= 0)
		e = e->next;
	return e;
}

int archive_folder(const struct archive *s)
{
	return s->folder;
}

uint64_t archive_used(const struct archive *s)
{
	return s->used;
}

int archive_create(struct archive *s, const struct seal_header *h)
{
	char name[NAME_MAX];
	struct archived *e;
	int fd;

	name_of(h->recording, name);
	fd = openat(s->folder, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	e = insert(s, h);
	if (!e) {
		close(fd);
		unlinkat(s->folder, name, 0);
		return -ENOMEM;
	}
	e->open = true;
	return fd;
}

void archive_grow(struct archive *s, const char *id, uint64_t n)
{
	struct archived *e = find(s, id);

	if (!e)
		return;
	e->size += n;
	s->used += n;
}

void archive_done(struct archive *s, const char *id)
{
	struct archived *e = find(s, id);
	char name[NAME_MAX];
	struct stat st;

	if (!e)
		return;
	e->open = false;
	/* A full disk took less than it was given. */
	name_of(id, name);
	if (!fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW)) {
		s->used += (uint64_t)st.st_size - e->size;
		e->size = (uint64_t)st.st_size;
	}
}

int archive_read(const struct archive *s, const char *id)
{
	char name[NAME_MAX];
	int fd;

	if (!find(s, id))
		return -ENOENT;
	name_of(id, name);
	fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static void forget(struct archive *s, struct archived *e)
{
	struct archived **at = &s->first;
	char path[PATH_MAX + NAME_MAX], name[NAME_MAX];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	s->used -= e->size < s->used ? e->size : s->used;
	name_of(e->h.recording, name);
	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	writer_unlink(s->writer, path);
	free(e);
}

int archive_delete(struct archive *s, const char *id)
{
	struct archived *e = find(s, id);

	if (!e)
		return ENOENT;
	if (e->open)
		return EBUSY;
	forget(s, e);
	return 0;
}

static struct archived *oldest(const struct archive *s)
{
	struct archived *best = NULL;

	for (struct archived *e = s->first; e; e = e->next)
		if (!e->open && (!best || e->h.started < best->h.started))
			best = e;
	return best;
}

static void expire(struct archive *s, struct archived *e, const char *reason)
{
	s->h.deleted(e, reason, s->h.arg);
	forget(s, e);
}

static void warn_once(struct archive *s, bool *warned, bool now, uint64_t used,
		      uint64_t of, const char *message)
{
	if (now && !*warned)
		s->h.warning(used, of, message, s->h.arg);
	*warned = now;
}

/* Of each once, and of many together. */
static void warn_of_age(struct archive *s, uint64_t now)
{
	uint64_t youngest = s->warned_age, soon = s->limits.retention / 2;
	char message[160];
	unsigned n = 0;

	if (!s->limits.retention ||
	    (s->warned_at && now - s->warned_at < HOUR_MS))
		return;
	if (soon > DAY_MS)
		soon = DAY_MS;
	for (const struct archived *e = s->first; e; e = e->next) {
		if (e->open || e->h.started <= s->warned_age ||
		    e->h.started + s->limits.retention > now + soon)
			continue;
		n++;
		if (e->h.started > youngest)
			youngest = e->h.started;
	}
	if (!n)
		return;
	s->warned_age = youngest;
	s->warned_at = now;
	snprintf(message, sizeof(message),
		 "%u recording%s so old that within a day %s will go", n,
		 n == 1 ? " is" : "s are", n == 1 ? "it" : "they");
	s->h.warning(s->used, s->limits.quota, message, s->h.arg);
}

void archive_tidy(struct archive *s, uint64_t now)
{
	const struct archive_limits *l = &s->limits;
	struct statvfs v;
	struct archived *e;

	while (l->retention && (e = oldest(s)) &&
	       e->h.started + l->retention < now)
		expire(s, e, "retention");
	warn_of_age(s, now);
	warn_once(s, &s->warned_quota, s->used * 100 >= l->quota * WARN_OF,
		  s->used, l->quota,
		  "Recordings take 90 % of their quota; the oldest will go");
	while (s->used > l->quota && (e = oldest(s)))
		expire(s, e, "quota");
	if (!fstatvfs(s->folder, &v) && v.f_blocks)
		warn_once(s, &s->warned_disk,
			  v.f_bavail * 100 < v.f_blocks * (100 - WARN_OF),
			  (v.f_blocks - v.f_bavail) * v.f_frsize,
			  v.f_blocks * v.f_frsize,
			  "The disk of the recordings is 90 % full");
}
