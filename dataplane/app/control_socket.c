/* SPDX-License-Identifier: Apache-2.0 */
/* The abi's server. See control_socket.h and abi.h.
 *
 * Every reply is a run of messages: items, one at a time, then the end of it.
 * The next request is read when the last message of the reply before has gone,
 * so a slow reader holds up nobody but itself and replies keep their order; one
 * message waits in `out` while the peer's buffer is full. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "dataplane/app/control_request.h"
#include "dataplane/app/listener.h"
#include "dataplane/app/log.h"

enum { TURN_MAX = 256 }; /* messages in one go: media's companions wait */

/* Connection ------------------------------------------------------------- */

static void disconnect(struct control_socket *s)
{
	if (s->conn < 0)
		return;
	close(s->conn); /* which takes it out of epoll, too */
	s->conn = -1;
	s->hello = s->want_out = false;
	s->reply.busy = false;
	s->out_len = 0;
	s->events = 0;
	s->overrun = false;
}

static void watch(struct control_socket *s, bool want_out)
{
	/* While a reply is stuck, requests wait in the socket's buffer. */
	struct epoll_event e = {
		.events = want_out ? EPOLLOUT : EPOLLIN,
		.data.fd = s->conn,
	};

	if (want_out == s->want_out)
		return;
	s->want_out = want_out;
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->conn, &e);
}

static void connected(struct control_socket *s)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	e.data.fd = fd;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		log_line(LOG_WARNING, "control connects: %s", strerror(errno));
		close(fd);
		return;
	}
	if (s->conn >= 0)
		log_line(LOG_NOTICE, "control: another takes the place of %s",
			 s->hello ? s->name : "one that said nothing");
	disconnect(s);
	s->conn = fd;
}

/* Sending ---------------------------------------------------------------- */

/* Fill in the header. The body is there, and what it leaves unused is zero. */
static void message(struct control_socket *s, uint16_t type, uint32_t seq)
{
	s->out.hdr = (struct sp_hdr){
		.magic = SP_ABI_MAGIC,
		.version = SP_ABI_VERSION,
		.type = type,
		.seq = seq,
		.size = (uint32_t)sp_body_size(type),
	};
	s->out_len = sizeof(s->out.hdr) + s->out.hdr.size;
}

/* @return true: `out` is free for the next. */
static bool flush(struct control_socket *s)
{
	ssize_t n;

	if (s->out_len == 0)
		return true;
	n = send(s->conn, &s->out, s->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0) {
		s->out_len = 0;
		return true;
	}
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		disconnect(s);
	return false;
}

static void reply_next(struct control_socket *s)
{
	struct reply *r = &s->reply;

	memset(&s->out.body, 0, sizeof(s->out.body));
	if (r->item && r->item(s, &s->out)) {
		message(s, r->type, r->seq);
		r->count++;
		return;
	}
	r->busy = false;
	if (r->end == SP_DONE) {
		s->out.body.done = r->done;
		s->out.body.done.count = r->count;
		message(s, SP_DONE, r->seq);
	}
}

static void event_next(struct control_socket *s)
{
	memset(&s->out.body, 0, sizeof(s->out.body));
	if (s->overrun) {
		s->out.body.event.kind = SP_EVENT_OVERRUN;
		s->overrun = false;
	} else {
		s->out.body.event = s->event[s->event_at];
		s->event_at = (s->event_at + 1) % EVENTS_MAX;
		s->events--;
	}
	message(s, SP_EVENT, 0);
}

static bool pending(const struct control_socket *s)
{
	return s->out_len > 0 || s->reply.busy ||
	       (s->hello && (s->overrun || s->events > 0));
}

/* Send what there is, as far as the peer takes it. @return false: stuck, gone,
 * or enough for one turn. */
static bool pump(struct control_socket *s, unsigned *budget)
{
	while (s->conn >= 0 && flush(s)) {
		if (!pending(s))
			return true;
		if (*budget == 0)
			return false;
		--*budget;
		if (s->reply.busy)
			reply_next(s);
		else
			event_next(s);
	}
	return false;
}

/* Events ----------------------------------------------------------------- */

static void event_add(void *arg, const struct sp_event *e)
{
	struct control_socket *s = arg;

	if (s->conn < 0 || !s->hello)
		return; /* whoever connects lists what is there */
	if (s->events == EVENTS_MAX) {
		/* A gap anywhere makes the rest worthless: list instead. */
		s->events = 0;
		s->overrun = true;
		return;
	}
	s->event[(s->event_at + s->events++) % EVENTS_MAX] = *e;
}

/* Requests --------------------------------------------------------------- */

/* @return false: nothing came, or the peer is gone. */
static bool receive(struct control_socket *s)
{
	struct sp_msg m;
	ssize_t n = recv(s->conn, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		log_line(LOG_NOTICE, "control: %s has gone; media flows on",
			 s->hello ? s->name : "one that said nothing");
		disconnect(s);
		return false;
	}
	if ((size_t)n < sizeof(m.hdr) || m.hdr.magic != SP_ABI_MAGIC) {
		log_line(LOG_WARNING,
			 "control: %zd octets that are no message of ours; "
			 "connection closed",
			 n);
		disconnect(s);
	} else {
		control_request(s, &m, (size_t)n);
	}
	explicit_bzero(&m, sizeof(m));
	return s->conn >= 0;
}

/* The outside ------------------------------------------------------------ */

static void converse(struct control_socket *s)
{
	unsigned budget = TURN_MAX;

	while (pump(s, &budget))
		if (!receive(s))
			break;
	if (s->conn >= 0)
		watch(s, pending(s));
}

void control_socket_read(struct control_socket *s)
{
	struct epoll_event e[2];
	int n = epoll_wait(s->epoll, e, 2, 0);

	for (int i = 0; i < n; i++)
		if (e[i].data.fd == s->listener)
			connected(s);
	if (s->conn >= 0)
		converse(s);
}

void control_socket_turn(struct control_socket *s)
{
	if (s->conn < 0 || !s->hello) {
		punt_forget(&s->punt);
		return;
	}
	while (s->conn >= 0 && !pending(s) &&
	       punt_next(&s->punt, &s->out.body.datagram)) {
		message(s, SP_PUNTED, 0);
		flush(s);
	}
	if (s->conn >= 0)
		watch(s, pending(s));
}

void control_socket_tick(struct control_socket *s)
{
	table_sweep(s->table, event_add, s);
	if (s->conn >= 0)
		converse(s);
}

unsigned control_socket_fds(const struct control_socket *s, int fd[2])
{
	/* One that is readable when anything is to be done, so that whoever
	 * polls needn't know when we wait for room to write. */
	fd[0] = s->epoll;
	return 1;
}

static int listen_on(struct control_socket *s)
{
	struct epoll_event e = {.events = EPOLLIN};

	s->listener =
		listener_open("control socket", s->cfg.path, s->cfg.group);
	if (s->listener < 0)
		return -1;
	strcpy(s->path, s->cfg.path); /* fits, or it wouldn't listen */
	e.data.fd = s->listener;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll >= 0 &&
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e) == 0)
		return 0;
	log_line(LOG_ERR, "control socket %s: %s", s->cfg.path,
		 strerror(errno));
	return -1;
}

struct control_socket *control_socket_new(const struct control_socket_config *c,
					  struct table *t, struct ports *ps,
					  struct worker w[], unsigned workers)
{
	struct control_socket *s = calloc(1, sizeof(*s));

	if (!s) {
		log_line(LOG_ERR, "control socket %s: no memory", c->path);
		return NULL;
	}
	s->cfg = *c;
	s->table = t;
	s->ports = ps;
	s->workers = w;
	s->n_workers = workers;
	s->started = (uint32_t)time(NULL);
	punt_init(&s->punt, t, w, workers);
	s->epoll = s->listener = s->conn = -1;
	if (getrandom(&s->instance, sizeof(s->instance), 0) !=
	    (ssize_t)sizeof(s->instance)) {
		log_line(LOG_ERR, "drawing a random number: %s",
			 strerror(errno));
		goto fail;
	}
	if (listen_on(s) != 0)
		goto fail;
	return s;
fail:
	control_socket_free(s);
	return NULL;
}

void control_socket_free(struct control_socket *s)
{
	if (!s)
		return;
	disconnect(s);
	if (s->path[0])
		unlink(s->path);
	if (s->listener >= 0)
		close(s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}
