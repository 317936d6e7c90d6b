/* SPDX-License-Identifier: Apache-2.0 */
/* See listener.h. */
#define _GNU_SOURCE
#include "dataplane/app/listener.h"
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "dataplane/app/log.h"

static int give_to_group(const char *what, const char *path, const char *group)
{
	struct group *g = group ? getgrnam(group) : NULL;

	if (group && !g) {
		log_line(LOG_ERR, "%s %s: there is no group %s", what, path,
			 group);
		return -1;
	}
	if ((g && chown(path, (uid_t)-1, g->gr_gid) != 0) ||
	    chmod(path, 0660) != 0) {
		log_line(LOG_ERR, "%s %s: giving it to %s: %s", what, path,
			 group ? group : "its owner", strerror(errno));
		return -1;
	}
	return 0;
}

/* A socket file that nobody listens on any more is in the way. */
static int remove_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a));
	close(fd);
	if (r == 0) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(a->sun_path);
}

int listener_open(const char *what, const char *path, const char *group)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd = -1, r;

	if (strlen(path) >= sizeof(a.sun_path)) {
		log_line(LOG_ERR, "%s %s: longer than %zu", what, path,
			 sizeof(a.sun_path) - 1);
		return -1;
	}
	strcpy(a.sun_path, path);
	if (remove_stale(&a) != 0)
		goto fail;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto fail;
	mask = umask(0117); /* nobody else in between bind and chmod */
	r = bind(fd, (const struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (r != 0)
		goto fail;
	if (give_to_group(what, path, group) != 0)
		goto undo;
	if (listen(fd, 4) == 0)
		return fd;
	log_line(LOG_ERR, "%s %s: %s", what, path, strerror(errno));
undo:
	unlink(path);
	close(fd);
	return -1;
fail:
	log_line(LOG_ERR, "%s %s: %s", what, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
