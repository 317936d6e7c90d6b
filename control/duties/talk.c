/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the connection: connect, hello, requests and their replies in
 * order, events. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "control/duties/impl.h"
#include "control/duties/link.h"
#include "control/log.h"

#define RECONNECT_MS 500
#define ANSWER_MS    5000 /* beyond, it hangs */
#define WATCH_MS     1000
#define TURN_MAX     256  /* messages read in one go */
#define HEARD_MAX    4096 /* that wait to be handed on */

static void connect_again(void *arg);

/* ------------------------------------------------------------- handlers */

static void heard_destructor(void *arg)
{
	struct heard *h = arg;

	list_unlink(&h->le);
	json_decref(h->event);
}

static void hand_on(const struct duties *d, const struct heard *h)
{
	const struct duties_handlers *to = &d->h;

	switch (h->what) {
	case HEARD_EVENT:
		if (to->event)
			to->event(json_text(h->event, "event", MP_NAME_MAX),
				  h->event, d->arg);
		break;
	case HEARD_FAILED:
		if (to->failed)
			to->failed(h->kind, h->id, h->call, h->error,
				   h->message, d->arg);
		break;
	case HEARD_UP:
	case HEARD_DOWN:
		if (to->up)
			to->up(h->what == HEARD_UP, d->arg);
		break;
	}
}

static void hand_on_all(void *arg)
{
	struct duties *d = arg;
	struct le *le;

	while ((le = list_head(&d->heard))) {
		struct heard *h = le->data;

		list_unlink(&h->le);
		hand_on(d, h);
		mem_deref(h);
	}
}

struct heard *talk_heard(struct duties *d)
{
	struct heard *h;

	if (list_count(&d->heard) >= HEARD_MAX)
		return NULL;
	h = mem_zalloc(sizeof(*h), heard_destructor);
	if (!h)
		return NULL;
	list_append(&d->heard, &h->le, h);
	tmr_start(&d->later, 0, hand_on_all, d);
	return h;
}

static void say_up(struct duties *d, bool up)
{
	struct heard *h = talk_heard(d);

	if (h)
		h->what = up ? HEARD_UP : HEARD_DOWN;
}

/* ------------------------------------------------------------- requests */

static void ask_destructor(void *arg)
{
	struct ask *a = arg;

	list_unlink(&a->le);
	json_decref(a->message);
}

struct ask *talk_ask(struct duties *d, json_t *message,
		     void (*done)(struct duties *d, struct ask *a,
				  const json_t *reply, int *fd))
{
	struct ask *a = message ? mem_zalloc(sizeof(*a), ask_destructor) : NULL;

	if (!a) {
		json_decref(message);
		return NULL;
	}
	a->message = message;
	a->done = done;
	a->seq = ++d->seq;
	json_object_set_new(message, "seq", json_integer(a->seq));
	list_append(&d->to_send, &a->le, a);
	return a;
}

/* To whoever waits for it; fd is closed unless somebody takes it. */
static void answered(struct duties *d, struct ask *a, const json_t *reply,
		     int fd)
{
	list_unlink(&a->le);
	if (a->done)
		a->done(d, a, reply, &fd);
	if (fd >= 0)
		close(fd);
	mem_deref(a);
}

static void nobody_answers(struct duties *d, struct list *l)
{
	struct le *le;

	while ((le = list_head(l)))
		answered(d, le->data, NULL, -1);
}

void talk_down(struct duties *d, const char *why)
{
	bool was_up = d->state == LINK_UP;

	if (d->fd >= 0) {
		fd_close(d->fd);
		close(d->fd);
	}
	d->fd = -1;
	d->state = LINK_DOWN;
	if (was_up || !d->said_down)
		log_warn(0,
			 "sallyport-media is away (%s); what it does for "
			 "calls waits for it",
			 why);
	d->said_down = true;
	if (was_up)
		say_up(d, false);
	nobody_answers(d, &d->sent);
	nobody_answers(d, &d->to_send);
	tmr_start(&d->tmr, RECONNECT_MS, connect_again, d);
}

/* ------------------------------------------------------------- messages */

static void on_event(struct duties *d, json_t *m)
{
	const char *name = json_text(m, "event", MP_NAME_MAX);
	struct heard *h = name ? talk_heard(d) : NULL;

	if (!h)
		return;
	log_debug(0, "sallyport-media: %s", name);
	h->what = HEARD_EVENT;
	h->event = json_incref(m);
}

/* @return false: this is no answer to what was asked. */
static bool on_reply(struct duties *d, const json_t *m, int fd)
{
	const json_t *seq = json_object_get(m, "seq");
	struct ask *a = list_ledata(list_head(&d->sent));

	if (!a || !json_is_integer(seq) || json_integer_value(seq) != a->seq ||
	    !json_is_boolean(json_object_get(m, "ok"))) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	answered(d, a, m, fd);
	return true;
}

/* @return false: down. */
static bool read_all(struct duties *d)
{
	for (unsigned i = 0; i < TURN_MAX && d->fd >= 0; i++) {
		json_t *m;
		int fd, n = media_link_receive(d->fd, &m, &fd);
		bool ok = true;

		if (n == 0)
			return true;
		if (n < 0) {
			talk_down(d, "it has gone, or made no sense");
			return false;
		}
		if (json_object_get(m, "event")) {
			on_event(d, m);
			if (fd >= 0)
				close(fd);
		} else {
			ok = on_reply(d, m, fd);
		}
		json_decref(m);
		if (!ok) {
			talk_down(d, "an answer to nothing that was asked");
			return false;
		}
	}
	return d->fd >= 0;
}

static void on_socket(int flags, void *arg)
{
	(void)flags;
	talk_turn(arg);
}

/* @return false: down. */
static bool send_all(struct duties *d)
{
	struct le *le;

	while ((le = list_head(&d->to_send))) {
		struct ask *a = le->data;
		int n = media_link_send(d->fd, a->message);

		if (n < 0) {
			talk_down(d, "it takes no requests");
			return false;
		}
		if (n == 0)
			break;
		a->deadline = tmr_jiffies() + ANSWER_MS;
		list_unlink(&a->le);
		list_append(&d->sent, &a->le, a);
	}
	fd_listen(d->fd, FD_READ | (le ? FD_WRITE : 0), on_socket, d);
	return true;
}

void talk_turn(struct duties *d)
{
	if (d->fd >= 0 && read_all(d))
		send_all(d);
}

static void on_alive(struct duties *d, struct ask *a, const json_t *reply,
		     int *fd)
{
	(void)d;
	(void)a;
	(void)reply;
	(void)fd;
}

/* Where nothing else is to be said, it is asked how it is: a hang would go
 * unnoticed otherwise. */
static void watch(void *arg)
{
	struct duties *d = arg;
	const struct ask *a = list_ledata(list_head(&d->sent));

	tmr_start(&d->watch, WATCH_MS, watch, d);
	if (a && tmr_jiffies() > a->deadline)
		talk_down(d, "it doesn't answer");
	else if (!a && d->state == LINK_UP && list_isempty(&d->to_send) &&
		 talk_ask(d, json_pack("{s:s}", "do", "status"), on_alive))
		talk_turn(d);
}

/* ---------------------------------------------------------------- hello */

static bool hello_ok(const json_t *m)
{
	return m && json_is_true(json_object_get(m, "ok")) &&
	       json_integer_value(json_object_get(m, "version")) ==
		       MP_VERSION &&
	       json_text(m, "instance", MP_ID_MAX) &&
	       json_is_array(json_object_get(m, "codecs")) &&
	       json_is_object(json_object_get(m, "recording"));
}

static void on_hello(struct duties *d, struct ask *a, const json_t *reply,
		     int *fd)
{
	(void)a;
	(void)fd;
	if (!reply)
		return;
	if (!hello_ok(reply)) {
		talk_down(d, "it speaks another version");
		return;
	}
	json_decref(d->hello);
	d->hello = json_deep_copy(reply);
	d->state = LINK_UP;
	d->since = time(NULL);
	d->said_down = false;
	log_info(0, "sallyport-media is there");
	reconcile(d);
	say_up(d, true);
}

static void connect_again(void *arg)
{
	struct duties *d = arg;

	if (!d->ready) {
		tmr_start(&d->tmr, RECONNECT_MS, connect_again, d);
		return;
	}
	d->fd = media_link_open(d->cfg.socket);
	if (d->fd < 0) {
		talk_down(d, strerror(errno));
		return;
	}
	if (fd_listen(d->fd, FD_READ, on_socket, d) != 0 ||
	    !talk_ask(d,
		      json_pack("{s:s, s:i}", "do", "hello", "version",
				MP_VERSION),
		      on_hello)) {
		talk_down(d, "no memory");
		return;
	}
	d->state = LINK_HELLO;
	talk_turn(d);
}

void talk_start(struct duties *d)
{
	tmr_start(&d->tmr, 0, connect_again, d);
	tmr_start(&d->watch, WATCH_MS, watch, d);
}
