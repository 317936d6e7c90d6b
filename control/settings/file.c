/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the file, and putting another in its place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/settings/impl.h"
#include "dataplane/abi/yaml.h"

char *file_read(const char *path, size_t *len)
{
	char *text = malloc(CONF_FILE_MAX + 1);
	FILE *f = text ? fopen(path, "re") : NULL;
	int e;

	if (!f) {
		free(text);
		return NULL;
	}
	*len = fread(text, 1, CONF_FILE_MAX, f);
	e = ferror(f) ? EIO : 0;
	fclose(f);
	if (e) {
		free(text);
		errno = e;
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? errno : 0;
}

/* The name in the folder is what has to be on the disk as well. */
static void folder_sync(const char *path)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(strrchr(path, '/') - path + 1), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int file_replace(const char *path, const char *text, size_t len)
{
	char fresh[PATH_MAX];
	int fd, e;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return errno;
	e = write_all(fd, text, len);
	/* as every program reads it, and none has a secret in it */
	if (!e && fchmod(fd, 0644))
		e = errno;
	close(fd);
	if (!e && rename(fresh, path))
		e = errno;
	if (e)
		unlink(fresh);
	else
		folder_sync(path);
	return e;
}
