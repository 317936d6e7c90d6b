/* SPDX-License-Identifier: Apache-2.0 */
/* See link.h. */
#include "control/duties/link.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/media/protocol.h"

int media_link_open(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int media_link_send(int fd, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	ssize_t n;

	if (len == 0 || len > MP_MESSAGE_MAX) {
		free(text);
		return -1;
	}
	do {
		n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	free(text);
	if (n >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS ? 0 : -1;
}

/* The first descriptor; any more are closed. */
static int descriptor(struct msghdr *m)
{
	int found = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			       sizeof(int));
			if (found < 0)
				found = fd;
			else
				close(fd);
		}
	}
	return found;
}

int media_link_receive(int fd, json_t **message, int *passed)
{
	static char text[MP_MESSAGE_MAX];
	struct iovec io = {text, sizeof(text)};
	union {
		char octet[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;

	*message = NULL;
	*passed = -1;
	do {
		n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	*passed = descriptor(&m);
	if (!(m.msg_flags & MSG_TRUNC))
		*message = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES,
				      NULL);
	if (json_is_object(*message))
		return 1;
	if (*passed >= 0)
		close(*passed);
	json_decref(*message);
	*message = NULL;
	*passed = -1;
	return -1;
}

const char *json_text(const json_t *object, const char *key, size_t max)
{
	const json_t *j = json_object_get(object, key);

	if (!json_is_string(j) || json_string_length(j) > max)
		return NULL;
	return json_string_value(j);
}
