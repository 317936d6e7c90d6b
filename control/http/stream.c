/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* asprintf */
/* Server-sent events (WHATWG HTML, section 9.2), each as
 *   id: 17
 *   event: call-up
 *   data: {...}
 * A client that comes back says the last id that it saw; one that was away for
 * longer than what is kept hears "missed" first. One that reads too slowly has
 * its events wait in the ring, not in memory of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/events.h"
#include "control/http/server.h"

#define STREAMS_MAX 32
#define BEAT_MS	    15000 /* a comment: proxies and dead clients */
#define BLOCK	    4096  /* octets that are asked for at a time */

struct stream {
	struct le le;
	struct http *http;
	struct listener *l;
	struct MHD_Connection *c;
	uint64_t seen; /* number of the latest that was sent */
	bool suspended, beat, over;
	char *text; /* of the one being sent; malloc'd */
	size_t len, sent;
};

static bool text_set(struct stream *s, char *text)
{
	free(s->text);
	s->text = text;
	s->len = text ? strlen(text) : 0;
	s->sent = 0;
	return text != NULL;
}

/* The next thing to say, into text. @return false: nothing now. */
static bool next_text(struct stream *s)
{
	const struct events *events = s->http->ctx.events;
	const struct event *e = events_after(events, s->seen);
	char *text = NULL;

	if (e && e->number > s->seen + 1 && s->seen) {
		if (asprintf(&text,
			     "event: missed\ndata: {\"events\":%llu}\n\n",
			     (unsigned long long)(e->number - s->seen - 1)) < 0)
			text = NULL;
		s->seen = e->number - 1;
		return text_set(s, text);
	}
	if (e) {
		s->seen = e->number;
		if (asprintf(&text,
			     "id: %llu\nevent: %s\ndata: {\"at\":%lld,"
			     "\"data\":%s}\n\n",
			     (unsigned long long)e->number, e->kind,
			     (long long)e->at, e->text ? e->text : "null") < 0)
			text = NULL;
		return text_set(s, text);
	}
	if (!s->beat)
		return false;
	s->beat = false;
	return text_set(s, strdup(": still here\n\n"));
}

static ssize_t on_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = arg;
	size_t n;

	(void)pos;
	if (s->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->sent == s->len && !next_text(s)) {
		MHD_suspend_connection(s->c);
		s->suspended = true;
		return 0;
	}
	n = s->len - s->sent;
	if (n > max)
		n = max;
	memcpy(buf, s->text + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void on_free(void *arg)
{
	struct stream *s = arg;

	list_unlink(&s->le);
	free(s->text);
	free(s);
}

static void wake(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->c);
}

static void run_listeners(struct http *h)
{
	for (struct listener *l = h->listeners; l; l = l->next)
		if (l->mhd)
			http_listener_run(l);
}

/* Not from within an event: whoever publishes is still at work. */
static void wake_all(void *arg)
{
	struct http *h = arg;
	struct le *le;

	LIST_FOREACH (&h->streams, le)
		wake(le->data);
	run_listeners(h);
}

static void on_event(void *arg)
{
	struct http *h = arg;

	if (!list_isempty(&h->streams) && !tmr_isrunning(&h->news))
		tmr_start(&h->news, 0, wake_all, h);
}

static void on_beat(void *arg)
{
	struct http *h = arg;
	struct le *le;

	LIST_FOREACH (&h->streams, le)
		((struct stream *)le->data)->beat = true;
	wake_all(h);
	tmr_start(&h->beat, BEAT_MS, on_beat, h);
}

struct MHD_Response *events_stream_new(struct http *h, struct listener *l,
				       struct MHD_Connection *c, uint64_t since)
{
	struct stream *s;
	struct MHD_Response *r;

	if (list_count(&h->streams) >= STREAMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->http = h;
	s->l = l;
	s->c = c;
	s->over = l->leaving; /* it would be suspended when that one stops */
	/* numbers begin anew with the program: a number that isn't there yet
	 * is one of before */
	s->seen = since > events_latest(h->ctx.events) ? 0 : since;
	s->beat = true; /* the headers go out at once */
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read,
					      s, on_free);
	if (!r) {
		free(s);
		return NULL;
	}
	list_append(&h->streams, &s->le, s);
	/* a stream that only listens is not idle */
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 60u);
	return r;
}

void events_streams_start(struct http *h)
{
	tmr_init(&h->beat);
	tmr_init(&h->news);
	if (!h->ctx.events)
		return;
	events_listen(h->ctx.events, on_event, h);
	tmr_start(&h->beat, BEAT_MS, on_beat, h);
}

void events_streams_stop(struct http *h, const struct listener *l)
{
	struct le *le;

	LIST_FOREACH (&h->streams, le) {
		struct stream *s = le->data;

		if (l && s->l != l)
			continue;
		s->over = true;
		wake(s);
	}
	if (l)
		return;
	tmr_cancel(&h->beat);
	tmr_cancel(&h->news);
	if (h->ctx.events)
		events_listen(h->ctx.events, NULL, NULL);
}
