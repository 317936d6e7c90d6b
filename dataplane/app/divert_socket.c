/* SPDX-License-Identifier: Apache-2.0 */
/* See divert_socket.h. */
#define _GNU_SOURCE
#include "dataplane/app/divert_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_cycles.h>
#include "dataplane/app/listener.h"
#include "dataplane/app/log.h"
#include "dataplane/stage/divert.h"

/* Visits whose memory a sleeping worker might still hold. A worker's turn is
 * short, so nobody reaches this but who connects over and over. */
enum { GONE_MAX = 4 };

/* One connection of sallyport-media, and all that is made for it. */
struct visit {
	struct visit *next; /* of those that have gone */
	uint64_t token;	    /* QSBR: when no worker holds it any more */
	int conn, memory, event;
	uint8_t *base; /* the memory, mapped */
	size_t size;
	uint64_t seen;	       /* packets handed over when last looked */
	struct divert *worker; /* [workers] */
};

struct divert_socket {
	struct divert_socket_config cfg;
	struct worker *w;
	unsigned workers;
	struct rte_rcu_qsbr *qsbr;
	int epoll, listener;
	struct visit *now; /* NULL: nobody is there */
	struct visit *gone;
	unsigned n_gone;
};

static void visit_free(struct visit *v)
{
	if (!v)
		return;
	if (v->base)
		munmap(v->base, v->size);
	if (v->conn >= 0)
		close(v->conn);
	if (v->memory >= 0)
		close(v->memory);
	if (v->event >= 0)
		close(v->event);
	free(v->worker);
	free(v);
}

static struct divert_greeting greeting(const struct divert_socket *s)
{
	return (struct divert_greeting){
		.magic = DIVERT_MAGIC,
		.version = DIVERT_VERSION,
		.workers = s->workers,
		.slots = s->cfg.slots,
		.slot = DIVERT_SLOT,
		.size = divert_size(s->workers, s->cfg.slots),
	};
}

/* All of it present now, so that no worker waits for a page. */
static int memory_new(struct visit *v)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	v->memory = memfd_create("sallyport-divert",
				 MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (v->memory < 0 || ftruncate(v->memory, (off_t)v->size) != 0 ||
	    fcntl(v->memory, F_ADD_SEALS, seals) != 0)
		return -1;
	v->base = mmap(NULL, v->size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, v->memory, 0);
	if (v->base == MAP_FAILED) {
		v->base = NULL;
		return -1;
	}
	return 0;
}

/* @return NULL: errno says why. conn stays the caller's then. */
static struct visit *visit_new(const struct divert_socket *s, int conn)
{
	const struct divert_greeting g = greeting(s);
	struct visit *v = calloc(1, sizeof(*v));
	int error;

	if (!v)
		return NULL;
	v->conn = v->memory = v->event = -1;
	v->size = g.size;
	v->worker = aligned_alloc(_Alignof(struct divert),
				  s->workers * sizeof(*v->worker));
	v->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!v->worker || v->event < 0 || memory_new(v) != 0) {
		error = errno;
		visit_free(v);
		errno = error;
		return NULL;
	}
	memcpy(v->base, &g, sizeof(g));
	for (unsigned i = 0; i < s->workers; i++)
		v->worker[i] = (struct divert){
			.out = divert_end(v->base, g.slots, i, DIVERT_OUT),
			.back = divert_end(v->base, g.slots, i, DIVERT_BACK),
			.ns = (uint64_t)(((unsigned __int128)1000000000 << 32) /
					 rte_get_tsc_hz()),
		};
	v->conn = conn;
	return v;
}

/* The one message, with the two descriptors. */
static int greet(const struct divert_socket *s, const struct visit *v)
{
	struct divert_greeting g = greeting(s);
	struct iovec io = {&g, sizeof(g)};
	const int fd[2] = {v->memory, v->event};
	union {
		char octet[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr m = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), fd, sizeof(fd));
	return sendmsg(v->conn, &m, MSG_DONTWAIT | MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(g)
		       ? 0
		       : -1;
}

/* Workers take these rings from their next turn on. */
static void publish(struct divert_socket *s, struct visit *v)
{
	s->now = v;
	for (unsigned i = 0; i < s->workers; i++)
		__atomic_store_n(&s->w[i].media, v ? &v->worker[i] : NULL,
				 __ATOMIC_RELEASE);
}

static void leave(struct divert_socket *s)
{
	struct visit *v = s->now;

	if (!v)
		return;
	publish(s, NULL);
	close(v->conn); /* which takes it out of epoll, too */
	v->conn = -1;
	v->token = rte_rcu_qsbr_start(s->qsbr);
	v->next = s->gone;
	s->gone = v;
	s->n_gone++;
}

static void collect(struct divert_socket *s)
{
	for (struct visit **p = &s->gone; *p;) {
		struct visit *v = *p;

		if (rte_rcu_qsbr_check(s->qsbr, v->token, false) != 1) {
			p = &v->next;
			continue;
		}
		*p = v->next;
		s->n_gone--;
		visit_free(v);
	}
}

static int peer_pid(int conn)
{
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &who, &n);
	return who.pid;
}

static void arrived(struct divert_socket *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP};
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct visit *v = NULL;

	if (fd < 0)
		return;
	collect(s);
	errno = EBUSY;
	if (s->n_gone < GONE_MAX)
		v = visit_new(s, fd);
	e.data.fd = fd;
	if (!v || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0 ||
	    greet(s, v) != 0) {
		log_line(LOG_WARNING, "sallyport-media (%d) wants to join: %s",
			 peer_pid(fd), strerror(errno));
		if (v)
			v->conn = -1;
		visit_free(v);
		close(fd);
		return;
	}
	if (s->now)
		log_line(LOG_NOTICE,
			 "sallyport-media: another takes the place of the one "
			 "that is there");
	leave(s);
	publish(s, v);
	log_line(LOG_INFO,
		 "sallyport-media (%d) has joined: %u times 2 rings of %u "
		 "slots",
		 peer_pid(fd), s->workers, s->cfg.slots);
}

void divert_socket_read(struct divert_socket *s)
{
	struct epoll_event e[2];
	int n = epoll_wait(s->epoll, e, 2, 0);
	bool gone = false;

	/* It has nothing to say, so that it has gone, or is no sallyport-media.
	 */
	for (int i = 0; i < n; i++)
		gone |= s->now && e[i].data.fd == s->now->conn;
	if (gone) {
		log_line(LOG_NOTICE, "sallyport-media has gone; what it takes "
				     "is silent until it is back");
		leave(s);
	}
	for (int i = 0; i < n; i++)
		if (e[i].data.fd == s->listener)
			arrived(s);
}

/* @return false: one of its indices was nonsense. */
static bool wake(const struct divert_socket *s, struct visit *v)
{
	const uint64_t one = 1;
	uint64_t handed = 0;
	bool broken = false;

	for (unsigned i = 0; i < s->workers; i++) {
		handed +=
			__atomic_load_n(&v->worker[i].handed, __ATOMIC_RELAXED);
		broken |=
			__atomic_load_n(&v->worker[i].broken, __ATOMIC_RELAXED);
	}
	/* Where that is refused, it has been woken often enough. */
	if (handed != v->seen &&
	    write(v->event, &one, sizeof(one)) == (ssize_t)sizeof(one))
		v->seen = handed;
	return !broken;
}

void divert_socket_turn(struct divert_socket *s)
{
	if (s->now && !wake(s, s->now)) {
		log_line(LOG_ERR,
			 "sallyport-media wrote nonsense into its rings: "
			 "connection closed");
		leave(s);
	}
	if (s->gone)
		collect(s);
}

int divert_socket_fd(const struct divert_socket *s)
{
	return s->epoll;
}

struct divert_socket *divert_socket_new(const struct divert_socket_config *c,
					struct worker w[], unsigned workers,
					struct rte_rcu_qsbr *qsbr)
{
	struct divert_socket *s = calloc(1, sizeof(*s));
	struct epoll_event e = {.events = EPOLLIN};

	if (!s) {
		log_line(LOG_ERR, "divert socket %s: no memory", c->path);
		return NULL;
	}
	s->cfg = *c;
	s->w = w;
	s->workers = workers;
	s->qsbr = qsbr;
	s->epoll = -1;
	s->listener = listener_open("divert socket", c->path, c->group);
	if (s->listener < 0)
		goto fail;
	e.data.fd = s->listener;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll >= 0 &&
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e) == 0)
		return s;
	log_line(LOG_ERR, "divert socket %s: %s", c->path, strerror(errno));
fail:
	divert_socket_free(s);
	return NULL;
}

void divert_socket_free(struct divert_socket *s)
{
	if (!s)
		return;
	leave(s);
	while (s->gone) { /* workers have stopped: nobody holds it */
		struct visit *v = s->gone;

		s->gone = v->next;
		visit_free(v);
	}
	if (s->listener >= 0) {
		close(s->listener);
		unlink(s->cfg.path);
	}
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}
