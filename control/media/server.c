/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4 */
/* control/media/server.c - control's socket: protocol.h's messages, in and
 * out. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/log.h"
#include "control/media/media.h"

#define SEND_BUFFER (1 << 20) /* octets of events that control may be behind */

static int give_to_group(const char *path, const char *name)
{
	const struct group *g = name ? getgrnam(name) : NULL;

	if (name && !g)
		return ENOENT;
	return g && chown(path, (uid_t)-1, g->gr_gid) ? errno : 0;
}

int server_open(struct media *m)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = m->config->socket;
	int e;

	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	m->listen = socket(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listen < 0)
		return errno;
	unlink(path);
	if (bind(m->listen, (struct sockaddr *)&at, sizeof(at)) ||
	    chmod(path, 0660))
		return errno;
	e = give_to_group(path, m->config->group);
	if (e)
		return e;
	return listen(m->listen, 4) ? errno : 0;
}

static void drop_peer(struct media *m)
{
	if (m->peer >= 0)
		close(m->peer);
	m->peer = -1;
	m->greeted = false;
}

void server_close(struct media *m)
{
	drop_peer(m);
	if (m->listen < 0)
		return;
	close(m->listen);
	unlink(m->config->socket);
	m->listen = -1;
}

void server_accept(struct media *m)
{
	const int size = SEND_BUFFER;
	int fd = accept4(m->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (m->peer >= 0)
		log_info(0, "another control has connected; the older one is "
			    "let go");
	drop_peer(m);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	m->peer = fd;
}

static bool send_text(int fd, const char *text, size_t n, int pass)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)text, n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pass >= 0) {
		struct cmsghdr *c;

		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

/* A peer that doesn't read is let go: it will ask for everything when it comes
 * back, which is better than having missed something. Takes the reference. */
static void say(struct media *m, json_t *j, int pass)
{
	char *text = json_dumps(j, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;

	json_decref(j);
	if (text && m->peer >= 0 &&
	    (n > MP_MESSAGE_MAX || !send_text(m->peer, text, n, pass))) {
		log_warn(0, "control takes no more messages (%s); it is let go",
			 n > MP_MESSAGE_MAX ? "too long" : strerror(errno));
		drop_peer(m);
	}
	free(text);
}

void server_event(json_t *event, void *arg)
{
	struct media *m = arg;

	if (m->peer < 0 || !m->greeted) {
		json_decref(event);
		return;
	}
	say(m, event, -1);
}

void server_read(struct media *m)
{
	static char text[MP_MESSAGE_MAX + 1];

	for (unsigned i = 0; i < 64 && m->peer >= 0; i++) {
		ssize_t n = recv(m->peer, text, sizeof(text), MSG_DONTWAIT);
		json_t *reply;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			drop_peer(m);
			return;
		}
		m->pass = -1;
		reply = request_answer(m, text, (size_t)n);
		if (reply)
			say(m, reply, m->pass);
		if (m->pass >= 0)
			close(m->pass);
		m->pass = -1;
	}
}
