/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* F_GET_SEALS */
#include "control/media/link.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/log.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define ROUND 1024 /* packets of a ring in a row, so that none starves */

void link_init(struct link *l, const char *path)
{
	memset(l, 0, sizeof(*l));
	l->path = path;
	l->fd = l->wake = -1;
}

void link_close(struct link *l)
{
	if (l->memory)
		munmap(l->memory, l->size);
	if (l->fd >= 0)
		close(l->fd);
	if (l->wake >= 0)
		close(l->wake);
	l->memory = NULL;
	l->fd = l->wake = -1;
	l->workers = 0;
}

bool link_up(const struct link *l)
{
	return l->memory;
}

/* The greeting with its two descriptors; one that isn't whole is emptied, and so
 * isn't valid. @return whether there is any yet. */
static bool receive(int fd, struct divert_greeting *g, int got[2])
{
	char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec iov = {g, sizeof(*g)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	size_t fds = 0;

	got[0] = got[1] = -1;
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(got, CMSG_DATA(c), (fds > 2 ? 2 : fds) * sizeof(int));
	}
	if (n != sizeof(*g) || fds != 2 ||
	    (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		memset(g, 0, sizeof(*g));
	return n > 0;
}

static bool map(struct link *l, const struct divert_greeting *g, int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (!divert_valid(g) || (seals & SEALS) != SEALS || fstat(fd, &st) ||
	    (uint64_t)st.st_size != g->size)
		return false;
	l->size = g->size;
	l->memory =
		mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (l->memory == MAP_FAILED) {
		l->memory = NULL;
		return false;
	}
	l->workers = g->workers;
	for (unsigned w = 0; w < l->workers; w++) {
		l->out[w] = divert_end(l->memory, g->slots, w, DIVERT_OUT);
		l->back[w] = divert_end(l->memory, g->slots, w, DIVERT_BACK);
	}
	return true;
}

static bool join(struct link *l)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_usec = 500000};
	struct divert_greeting g = {0};
	int got[2];

	strncpy(to.sun_path, l->path, sizeof(to.sun_path) - 1);
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    connect(l->fd, (struct sockaddr *)&to, sizeof(to)))
		return false;
	if (!receive(l->fd, &g, got))
		return false; /* it begins, or ends */
	if (map(l, &g, got[0])) {
		close(got[0]);
		l->wake = got[1];
		return true;
	}
	log_error(0, "%s: what the dataplane sent isn't what divert.h says",
		  l->path);
	for (int i = 0; i < 2; i++)
		if (got[i] >= 0)
			close(got[i]);
	return false;
}

bool link_try(struct link *l, uint64_t now)
{
	if (l->memory || (l->tried && now - l->tried < LINK_RETRY_US))
		return false;
	l->tried = now;
	if (!join(l)) {
		link_close(l);
		return false;
	}
	log_info(0, "the dataplane's rings are there: %u workers", l->workers);
	return true;
}

bool link_ended(struct link *l)
{
	char c;
	ssize_t n = recv(l->fd, &c, 1, MSG_DONTWAIT);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return false;
	log_warn(0, "the dataplane has gone; its rings with it");
	link_close(l);
	return true;
}

bool link_read(struct link *l, link_h *h, void *arg)
{
	static uint8_t data[DIVERT_DATA];
	struct divert_item item;

	for (unsigned w = 0; w < l->workers; w++) {
		for (unsigned i = 0; i < ROUND; i++) {
			enum divert_got got = divert_get(&l->out[w], &item,
							 data, sizeof(data));

			if (got == DIVERT_NONE)
				break;
			if (got == DIVERT_BAD) {
				l->bad++;
				continue;
			}
			if (got == DIVERT_BROKEN) {
				log_error(0, "a ring of the dataplane is "
					     "broken; connecting anew");
				link_close(l);
				return false;
			}
			h(&item, w, data, arg);
		}
	}
	return true;
}

bool link_send(struct link *l, unsigned worker, uint64_t stream,
	       uint32_t generation, bool rtcp, const uint8_t *p, size_t n)
{
	const struct divert_item item = {
		.stream = stream,
		.generation = generation,
		.len = (uint16_t)n,
		.kind = rtcp ? DIVERT_RTCP : DIVERT_RTP,
	};

	if (worker >= l->workers || n > DIVERT_DATA)
		return false;
	if (divert_put(&l->back[worker], &item, p))
		return true;
	l->full++;
	return false;
}
