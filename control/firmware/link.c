/* SPDX-License-Identifier: Apache-2.0 */
/* See link.h. */
#include "control/firmware/link.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/libre.h"
#include "control/log.h"

#define AGAIN_MS 2000
#define LINE_MAX 16384 /* octets of a message */

struct firmware_link {
	const char *path;
	firmware_link_h *h;
	void *arg;
	int fd; /* -1: not connected */
	struct tmr again;
	char line[LINE_MAX];
	size_t len;
};

static void try_again(void *arg);

static void lost(struct firmware_link *l, const char *why)
{
	log_warn(0, "firmware: the connection has ended: %s", why);
	fd_close(l->fd);
	close(l->fd);
	l->fd = -1;
	l->len = 0;
	tmr_start(&l->again, AGAIN_MS, try_again, l);
	l->h(NULL, l->arg);
}

/* All whole lines. @return false: one is no message. */
static bool lines_read(struct firmware_link *l)
{
	char *end;

	while ((end = memchr(l->line, '\n', l->len))) {
		size_t n = (size_t)(end - l->line);
		json_t *j =
			json_loadb(l->line, n, JSON_REJECT_DUPLICATES, NULL);

		l->len -= n + 1;
		memmove(l->line, end + 1, l->len);
		if (!json_is_object(j)) {
			json_decref(j);
			return false;
		}
		l->h(j, l->arg);
		json_decref(j);
	}
	return l->len < sizeof(l->line);
}

static void readable(int flags, void *arg)
{
	struct firmware_link *l = arg;
	ssize_t n = recv(l->fd, l->line + l->len, sizeof(l->line) - l->len,
			 MSG_DONTWAIT);

	(void)flags;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lost(l, n ? strerror(errno) : "sallyport-firmware has gone");
		return;
	}
	l->len += (size_t)n;
	if (!lines_read(l))
		lost(l, "what it says is no message");
}

static int link_open(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		return -1;
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void try_again(void *arg)
{
	struct firmware_link *l = arg;

	l->fd = link_open(l->path);
	if (l->fd >= 0 && fd_listen(l->fd, FD_READ, readable, l) == 0)
		return;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	tmr_start(&l->again, AGAIN_MS, try_again, l);
}

struct firmware_link *firmware_link_new(const char *path, firmware_link_h *h,
					void *arg)
{
	struct firmware_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->path = path;
	l->h = h;
	l->arg = arg;
	l->fd = -1;
	tmr_init(&l->again);
	try_again(l);
	return l;
}

void firmware_link_free(struct firmware_link *l)
{
	if (!l)
		return;
	tmr_cancel(&l->again);
	if (l->fd >= 0) {
		fd_close(l->fd);
		close(l->fd);
	}
	free(l);
}

bool firmware_link_there(const struct firmware_link *l)
{
	struct stat st;

	return stat(l->path, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool firmware_link_send(struct firmware_link *l, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	bool sent = false;

	if (len && l->fd >= 0) {
		text[len] = '\n'; /* in the place of the NUL */
		sent = send(l->fd, text, len + 1,
			    MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len + 1;
	}
	free(text);
	return sent;
}
