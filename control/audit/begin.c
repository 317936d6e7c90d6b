/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/begin.c - where the last run left off: key, log, head. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/audit/files.h"
#include "control/audit/impl.h"

#define SEED_HEX (2 * crypto_sign_SEEDBYTES)

void audit_path(const struct audit *a, const char *suffix, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", a->path, suffix);
}

/* The name of a file is durable once its folder is. */
int audit_folder_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd, err = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fsync(fd) < 0)
		err = errno;
	close(fd);
	return err;
}

int audit_replace(const char *path, unsigned mode, const void *p, size_t n)
{
	char fresh[PATH_MAX + 8];
	int fd, err = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  mode);
	if (fd < 0)
		return errno;
	if (fchmod(fd, mode) < 0 || write(fd, p, n) != (ssize_t)n ||
	    fsync(fd) < 0)
		err = errno ? errno : EIO;
	close(fd);
	if (!err && rename(fresh, path) < 0)
		err = errno;
	if (err)
		unlink(fresh);
	return err ? err : audit_folder_sync(path);
}

/* -------------------------------------------------------------------- key */

static int key_derive(struct audit *a, const uint8_t *seed)
{
	return crypto_sign_seed_keypair(a->public_key, a->secret, seed) ? EIO
									: 0;
}

static int public_write(const struct audit *a)
{
	char path[PATH_MAX], hex[2 * CHAIN_PUBLIC + 2];

	audit_path(a, AUDIT_PUBLIC, path);
	sodium_bin2hex(hex, sizeof(hex), a->public_key, CHAIN_PUBLIC);
	strcat(hex, "\n");
	return audit_replace(path, 0644, hex, strlen(hex));
}

static int key_make(struct audit *a, const char *path)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char hex[SEED_HEX + 2];
	int err;

	randombytes_buf(seed, sizeof(seed));
	sodium_bin2hex(hex, sizeof(hex), seed, sizeof(seed));
	strcat(hex, "\n");
	err = key_derive(a, seed);
	if (!err)
		err = audit_replace(path, 0600, hex, strlen(hex));
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(hex, sizeof(hex));
	return err ? err : public_write(a);
}

static int key_load(struct audit *a, const char *path, char *err, size_t errlen)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char hex[SEED_HEX + 1] = "";
	struct stat st;
	size_t got = 0;
	int e = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0) {
		e = errno;
	} else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(err, errlen, "%s: others may read it; chmod 600 it",
			 path);
		e = EACCES;
	} else if (read(fd, hex, SEED_HEX) != SEED_HEX ||
		   sodium_hex2bin(seed, sizeof(seed), hex, SEED_HEX, NULL, &got,
				  NULL) ||
		   got != sizeof(seed)) {
		snprintf(err, errlen, "%s isn't an audit key", path);
		e = EINVAL;
	}
	close(fd);
	if (!e)
		e = key_derive(a, seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(hex, sizeof(hex));
	return e;
}

/* A log that is there goes on with its own key, or not at all. */
static int key_begin(struct audit *a, char *err, size_t errlen)
{
	uint8_t seen[CHAIN_PUBLIC];
	char path[PATH_MAX], text[160];
	int e;

	audit_path(a, AUDIT_SECRET, path);
	e = key_load(a, path, err, errlen);
	if (e == ENOENT && a->size == 0) {
		e = key_make(a, path);
	} else if (e == ENOENT) {
		snprintf(err, errlen,
			 "%s is missing, so %s can't go on; move the log and "
			 "its head away to begin another",
			 path, a->path);
	} else if (!e) {
		audit_path(a, AUDIT_PUBLIC, path);
		if (!audit_key_read(path, seen, text, sizeof(text)) ||
		    memcmp(seen, a->public_key, sizeof(seen)) != 0)
			e = public_write(a);
	}
	return e;
}

/* -------------------------------------------------------------------- log */

/* The last whole line, and how many octets stand behind it without an end. */
struct tail {
	char line[CHAIN_LINE_MAX];
	size_t len; /* without newline; 0: there is none */
	size_t torn;
};

static int tail_read(int fd, off_t size, struct tail *t)
{
	static const size_t room = 2 * CHAIN_LINE_MAX;
	size_t n = size < (off_t)room ? (size_t)size : room, end, start;
	char *p = malloc(room);
	int err = 0;

	memset(t, 0, sizeof(*t));
	if (!p)
		return ENOMEM;
	if (pread(fd, p, n, size - (off_t)n) != (ssize_t)n) {
		err = errno ? errno : EIO;
		goto out;
	}
	for (end = n; end > 0 && p[end - 1] != '\n'; end--)
		;
	t->torn = n - end;
	if (end == 0)
		goto out;
	for (start = end - 1; start > 0 && p[start - 1] != '\n'; start--)
		;
	t->len = end - 1 - start;
	if (t->len >= sizeof(t->line))
		t->len = 0;
	memcpy(t->line, p + start, t->len);
out:
	free(p);
	return err;
}

/* Of the file before, where this one has just been begun. */
static int tail_before(const struct audit *a, struct tail *t)
{
	struct audit_file *files;
	int n = audit_files(a->path, &files), fd, err = 0;
	struct stat st;

	if (n < 0)
		return errno;
	if (n > 0) {
		fd = open(files[n - 1].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			err = errno;
		else
			err = tail_read(fd, st.st_size, t);
		if (fd >= 0)
			close(fd);
		t->torn = 0; /* none is put aside with such a line */
	}
	free(files);
	return err;
}

static bool head_load(const struct audit *a, char line[CHAIN_LINE_MAX],
		      struct chain_line *out)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	audit_path(a, AUDIT_HEAD, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, CHAIN_LINE_MAX);
	close(fd);
	return n > 1 && chain_read_head(line, (size_t)n - 1, out) &&
	       chain_head_signed(out, a->public_key);
}

/* Go on behind the last record; behind the head, where the log falls short of
 * it, so that the gap shows for ever. */
static int go_on(struct audit *a, const struct tail *t, json_t **note,
		 char *err, size_t errlen)
{
	char line[CHAIN_LINE_MAX];
	struct chain_line last, head;
	bool has_last = t->len && chain_read(t->line, t->len, &last) &&
			chain_signed(&last, a->public_key);
	bool has_head = head_load(a, line, &head);

	if (has_head && (!has_last || last.seq < head.seq)) {
		a->seq = head.seq;
		memcpy(a->hash, head.hash, CHAIN_HASH);
		*note = json_pack("{s:s, s:I, s:I}", "damage",
				  "records that the head knows are missing",
				  "head", (json_int_t)head.seq, "last",
				  (json_int_t)(has_last ? last.seq : 0));
		return 0;
	}
	if (has_last) {
		a->seq = last.seq;
		memcpy(a->hash, last.hash, CHAIN_HASH);
		return 0;
	}
	if (a->size) {
		snprintf(err, errlen,
			 "%s: neither its last record nor its head is of this "
			 "appliance; move both away to begin another log",
			 a->path);
		return EINVAL;
	}
	chain_start(a->public_key, a->hash);
	return 0;
}

int audit_begin(struct audit *a, json_t **note, char *err, size_t errlen)
{
	struct tail t = {.len = 0};
	struct stat st;
	int e;

	*note = NULL;
	a->fd = open(a->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return errno;
	if (flock(a->fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(err, errlen, "%s: another program writes it", a->path);
		return errno;
	}
	a->size = st.st_size;
	e = key_begin(a, err, errlen);
	if (!e)
		e = tail_read(a->fd, a->size, &t);
	if (!e && a->size == (off_t)t.torn && !t.len) {
		size_t torn = t.torn;

		e = tail_before(a, &t);
		t.torn = torn;
	}
	if (!e && t.torn) {
		a->size -= (off_t)t.torn;
		if (ftruncate(a->fd, a->size) < 0)
			e = errno;
	}
	if (!e)
		e = go_on(a, &t, note, err, errlen);
	if (!e && t.torn && !*note)
		*note = json_pack("{s:s, s:i}", "damage",
				  "a line that a crash left unfinished was cut "
				  "off",
				  "octets", (int)t.torn);
	return e ? e : audit_folder_sync(a->path);
}
