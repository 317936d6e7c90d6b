/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* mkostemp */
#include "control/e2ee/store.h"
#include "control/e2ee/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEERS_FILE_MAX (8 * 1024 * 1024) /* octets; a full one has 4 MiB */

const char *store_error_text(enum store_error e)
{
	static const char *const text[STORE_ERRORS] = {
		[STORE_OK] = "Nothing is wrong",
		[STORE_NONE] = "There is no such file",
		[STORE_EXISTS] = "There is an identity already: move it away "
				 "first if it is really to be replaced",
		[STORE_IO] = "The file can't be read or written",
		[STORE_NOT_FILE] = "It isn't an ordinary file: put one there",
		[STORE_OWNER] = "The file belongs to another user: chown it",
		[STORE_MODE] = "Others may have read the file: chmod it to "
			       "0600, or make a new identity",
		[STORE_MEMORY] = "There isn't enough memory",
		[STORE_FORMAT] = "The file is damaged: restore a copy",
		[STORE_LOCKED] = "The identity needs its passphrase",
		[STORE_PASSPHRASE] = "The passphrase is wrong",
	};

	return (unsigned)e < STORE_ERRORS ? text[e] : "Unknown";
}

/* An open file of ours and its size; what isn't ours is refused. */
static int open_own(const char *path, size_t max, size_t *size,
		    enum store_error *why)
{
	/* O_NONBLOCK: don't wait for whoever might write into a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		*why = errno == ENOENT	? STORE_NONE
		       : errno == ELOOP ? STORE_NOT_FILE
					: STORE_IO;
		return -1;
	}
	*why = STORE_OK;
	if (fstat(fd, &st))
		*why = STORE_IO;
	else if (!S_ISREG(st.st_mode))
		*why = STORE_NOT_FILE;
	else if (st.st_uid != geteuid())
		*why = STORE_OWNER;
	else if ((st.st_mode & 07777) != 0600)
		*why = STORE_MODE;
	else if (st.st_size < 0 || (size_t)st.st_size > max)
		*why = STORE_FORMAT;
	if (*why) {
		close(fd);
		return -1;
	}
	*size = (size_t)st.st_size;
	return fd;
}

static bool read_all(int fd, char *p, size_t n)
{
	while (n) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

/* The rename isn't on the disk before its folder is. */
static bool sync_folder(const char *path)
{
	char copy[PATH_MAX];
	bool ok;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = !fsync(fd);
	close(fd);
	return ok;
}

/* A whole file or none. Without replace, link() is what doesn't overwrite. */
static enum store_error write_file(const char *path, const char *text, size_t n,
				   bool replace)
{
	enum store_error e = STORE_IO;
	char beside[PATH_MAX];
	int fd, len = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);

	if (len < 0 || (size_t)len >= sizeof(beside)) {
		errno = ENAMETOOLONG;
		return STORE_IO;
	}
	fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return STORE_IO;
	if (fchmod(fd, 0600) || !write_all(fd, text, n) || fsync(fd))
		goto out;
	if (replace ? rename(beside, path) : link(beside, path)) {
		e = !replace && errno == EEXIST ? STORE_EXISTS : STORE_IO;
		goto out;
	}
	e = STORE_OK;
out:
	close(fd);
	if (e || !replace)
		unlink(beside);
	if (!e && !sync_folder(path))
		e = STORE_IO;
	return e;
}

struct identity *store_identity_load(const char *path, const char *pass,
				     size_t pass_len, enum store_error *why)
{
	static const enum store_error of[] = {
		[IDENTITY_OK] = STORE_OK,
		[IDENTITY_MEMORY] = STORE_MEMORY,
		[IDENTITY_FORMAT] = STORE_FORMAT,
		[IDENTITY_LOCKED] = STORE_LOCKED,
		[IDENTITY_PASSPHRASE] = STORE_PASSPHRASE,
	};
	struct identity *id = NULL;
	enum identity_error e;
	char *text = NULL;
	size_t n;
	int fd = open_own(path, IDENTITY_TEXT_MAX, &n, why);

	if (fd < 0)
		return NULL;
	*why = STORE_MEMORY;
	text = secret_alloc(IDENTITY_TEXT_MAX);
	if (!text)
		goto out;
	*why = STORE_IO;
	if (!read_all(fd, text, n))
		goto out;
	id = identity_read(text, n, pass, pass_len, &e);
	*why = of[e];
out:
	secret_free(text);
	close(fd);
	return id;
}

enum store_error store_identity_save(const char *path,
				     const struct identity *id,
				     const char *pass, size_t pass_len,
				     bool replace)
{
	char *text = secret_alloc(IDENTITY_TEXT_MAX);
	enum store_error e = STORE_MEMORY;
	size_t n = text ? identity_write(id, pass, pass_len, text) : 0;

	if (n)
		e = write_file(path, text, n, replace);
	secret_free(text);
	return e;
}

struct peers *store_peers_load(const char *path, enum store_error *why,
			       unsigned *line)
{
	struct peers *ps = NULL;
	char *text = NULL;
	unsigned bad = 0;
	size_t n;
	int fd = open_own(path, PEERS_FILE_MAX, &n, why);

	if (line)
		*line = 0;
	if (fd < 0) {
		if (*why != STORE_NONE)
			return NULL;
		ps = peers_new();
		*why = ps ? STORE_OK : STORE_MEMORY;
		return ps;
	}
	*why = STORE_MEMORY;
	text = malloc(n + 1);
	if (!text)
		goto out;
	*why = STORE_IO;
	if (!read_all(fd, text, n))
		goto out;
	ps = peers_read(text, n, &bad);
	*why = ps ? STORE_OK : bad ? STORE_FORMAT : STORE_MEMORY;
	if (line)
		*line = bad;
out:
	free(text);
	close(fd);
	return ps;
}

enum store_error store_peers_save(const char *path, const struct peers *ps)
{
	size_t n;
	char *text = peers_write(ps, &n);
	enum store_error e;

	if (!text)
		return STORE_MEMORY;
	e = write_file(path, text, n, true);
	free(text);
	return e;
}
