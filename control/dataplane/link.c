/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dataplane/link.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MS 1000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait until `deadline` for the socket. @return true: ready. */
static bool wait_for(int fd, short what, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = what};
		int64_t left = deadline - now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

static int link_send(struct link *l, uint16_t type, const void *body)
{
	int size = sp_body_size(type);
	int64_t deadline = now_ms() + REPLY_MS;
	struct sp_msg m;
	ssize_t n;

	m.hdr = (struct sp_hdr){.magic = SP_ABI_MAGIC,
				.version = SP_ABI_VERSION,
				.type = type,
				.seq = ++l->seq ? l->seq : ++l->seq,
				.size = (uint32_t)size};
	if (size > 0)
		memcpy(&m.body, body, (size_t)size);
	do {
		n = send(l->fd, &m, sizeof(m.hdr) + (size_t)size,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 &&
		 (errno == EINTR ||
		  (errno == EAGAIN && wait_for(l->fd, POLLOUT, deadline))));
	sodium_memzero(&m, sizeof(m)); /* it may hold keys */
	return n < 0 ? -1 : 0;
}

int link_open(struct link *l, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sp_hello hello = {.name = "sallyport-control"};
	int err;

	if (strlen(path) >= sizeof(un.sun_path))
		return ENAMETOOLONG;
	strcpy(un.sun_path, path);
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (l->fd < 0)
		return errno;
	if (connect(l->fd, (void *)&un, sizeof(un)) == 0 &&
	    link_send(l, SP_HELLO, &hello) == 0)
		return 0;
	err = errno ? errno : EIO;
	link_close(l);
	return err;
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

#define ENDS(array) ((array)[sizeof(array) - 1] == '\0')

/* Names that people will read must end within their fields. */
static bool strings_ok(const struct sp_msg *m)
{
	const union sp_body *b = &m->body;

	switch (m->hdr.type) {
	case SP_GREETING:
		for (unsigned i = 0; i < SP_MEDIA_ADDR_MAX; i++)
			if (!ENDS(b->greeting.media[i].port) ||
			    !ENDS(b->greeting.media[i].role))
				return false;
		return true;
	case SP_DONE:
		return ENDS(b->done.text);
	case SP_PORT_ITEM:
		return ENDS(b->port.name) && ENDS(b->port.role) &&
		       ENDS(b->port.driver);
	case SP_VERDICT_ITEM:
		return ENDS(b->verdict.name) && ENDS(b->verdict.unit) &&
		       ENDS(b->verdict.meaning);
	default:
		return true;
	}
}

/* Is what came a message of the abi, whole and of its type's size? */
static bool message_ok(const struct sp_msg *m, ssize_t n)
{
	return n >= (ssize_t)sizeof(m->hdr) && m->hdr.magic == SP_ABI_MAGIC &&
	       m->hdr.version == SP_ABI_VERSION && m->hdr.type >= SP_GREETING &&
	       sp_body_size(m->hdr.type) == (int)m->hdr.size &&
	       (size_t)n == sizeof(m->hdr) + m->hdr.size && strings_ok(m);
}

int link_receive(struct link *l, struct sp_msg *m)
{
	ssize_t n;

	do {
		n = recv(l->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n > (ssize_t)sizeof(*m) || !message_ok(m, n) ? -1 : 1;
}

bool link_unasked(struct link *l, const struct sp_msg *m)
{
	if (m->hdr.seq != 0)
		return false;
	if (m->hdr.type == SP_EVENT)
		l->event(&m->body.event, l->arg);
	else if (m->hdr.type == SP_PUNTED &&
		 m->body.datagram.len <= SP_DATAGRAM_MAX)
		l->punted(&m->body.datagram, l->arg);
	else
		return false;
	return true;
}

int link_request(struct link *l, uint16_t type, const void *body,
		 uint16_t item_type,
		 void (*item)(const union sp_body *b, void *arg), void *arg,
		 char text[SP_TEXT_MAX])
{
	int64_t deadline = now_ms() + REPLY_MS;
	struct sp_msg m;

	if (l->fd < 0 || link_send(l, type, body) < 0)
		return -1;
	for (;;) {
		int n = link_receive(l, &m);

		if (n < 0)
			return -1;
		if (n == 0) {
			if (!wait_for(l->fd, POLLIN, deadline))
				return -1;
			continue;
		}
		if (link_unasked(l, &m)) {
			continue;
		} else if (m.hdr.seq != l->seq) {
			return -1;
		} else if (m.hdr.type == SP_DONE) {
			if (text)
				memcpy(text, m.body.done.text, SP_TEXT_MAX);
			return m.body.done.status <= SP_EVERSION
				       ? (int)m.body.done.status
				       : SP_EINVAL;
		} else if (m.hdr.type != item_type || !item) {
			return -1;
		} else {
			item(&m.body, arg);
			deadline = now_ms() + REPLY_MS; /* it's talking */
		}
	}
}
