/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/rotate.c - a file that has grown to its limit is put aside, and
 * the chain goes on in another. The thread's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "control/audit/files.h"
#include "control/audit/impl.h"
#include "control/log.h"

/* The next file has its lock before it gets its name, so that there is no moment
 * in which another program could take the log for its own. */
static int next_open(const char *path)
{
	int fd;

	unlink(path); /* of a crash in the middle of this */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void audit_rotate(struct audit *a, off_t file_max)
{
	char next[PATH_MAX], aside[PATH_MAX];
	int fd;

	if (!file_max || a->size < file_max)
		return;
	audit_path(a, ".next", next);
	audit_file_name(a->path, a->seq, aside);
	fd = next_open(next);
	if (fd < 0)
		goto fail;
	if (rename(a->path, aside) < 0)
		goto fail;
	if (rename(next, a->path) < 0) {
		int e = errno;

		if (rename(aside, a->path) < 0)
			log_error(0, "audit: %s: %s", aside, strerror(errno));
		errno = e;
		goto fail;
	}
	audit_folder_sync(a->path);
	close(a->fd);
	a->fd = fd;
	a->size = 0;
	return;
fail: /* it goes on in the file that there is, and tries again */
	log_error(0, "audit: %s: no next file: %s", a->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(next);
}
