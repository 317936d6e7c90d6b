/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/engine.c - the tick. Ports and rooms are in port.c. */
#include "control/media/engine.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/media/mix.h"

struct engine *engine_new(const struct engine_limits *l,
			  const struct engine_handlers *h)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->limits = *l;
	e->h = *h;
	for (e->hash_size = 64; e->hash_size < l->ports;)
		e->hash_size *= 2;
	e->hash = calloc(e->hash_size, sizeof(*e->hash));
	if (!e->hash) {
		free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	while (e->ports)
		port_remove(e, e->ports->want.id);
	while (e->rooms)
		room_remove(e, e->rooms->id);
	player_free(&e->player);
	free(e->hash);
	free(e);
}

const char *stream_text(uint64_t id, char text[STREAM_TEXT])
{
	snprintf(text, STREAM_TEXT, "%llu", (unsigned long long)id);
	return text;
}

void engine_event(struct engine *e, const char *name, const char *pack, ...)
{
	struct timespec t;
	json_t *j, *more;
	va_list ap;

	clock_gettime(CLOCK_REALTIME, &t);
	j = json_pack("{s:s, s:I}", "event", name, "at",
		      (json_int_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	va_start(ap, pack);
	more = json_vpack_ex(NULL, 0, pack, ap);
	va_end(ap);
	if (j && more)
		json_object_update(j, more);
	json_decref(more);
	if (j)
		e->h.event(j, e->h.arg);
}

void engine_tap(struct engine *e, struct tap *t)
{
	t->next = e->taps;
	e->taps = t;
}

void engine_untap(struct engine *e, struct tap *t)
{
	struct tap **at = &e->taps;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

/* The last of a notice has left. */
static void notice_over(struct port *p)
{
	char text[STREAM_TEXT];

	engine_event(p->engine, "notice-ended", "{s:s}", "port",
		     stream_text(p->want.id, text));
}

static void pass_on(struct port *p, bool rtcp, const uint8_t *data, size_t n)
{
	struct engine *e = p->engine;
	bool notices = pass_busy(&p->pass);
	uint8_t out[PASS_MAX];

	if (rtcp) {
		e->h.send(p, true, data, n, e->h.arg);
		return;
	}
	n = pass_rtp(&p->pass, &p->in, data, n, out);
	if (!n)
		return;
	e->counters.packets_out++;
	e->h.send(p, false, out, n, e->h.arg);
	if (notices && !pass_busy(&p->pass))
		notice_over(p);
}

void engine_packet(struct engine *e, uint64_t port, uint32_t generation,
		   uint16_t worker, unsigned flags, const uint8_t *p, size_t n,
		   uint64_t now)
{
	bool rtcp = flags & PACKET_RTCP || rtp_is_rtcp(p, n);
	struct port *to = port_find(e, port);
	char text[STREAM_TEXT];

	e->now = now;
	e->counters.packets_in++;
	if (!to) {
		e->counters.unknown_port++;
		return;
	}
	if (to->want.generation != generation) {
		e->counters.stale++;
		return;
	}
	to->want.worker = worker;
	if (to->want.source.kind == SOURCE_PASS && !(flags & PACKET_COPIED))
		pass_on(to, rtcp, p, n);
	if (rtcp) {
		port_rtcp(to, p, n, now);
		return;
	}
	input_rtp(&to->in, p, n, now);
	if (to->in.last == now && (!to->heard || to->silent)) {
		to->heard = true;
		to->silent = false;
		engine_event(e, "port-heard", "{s:s}", "port",
			     stream_text(port, text));
	}
}

static void send_rtp(const uint8_t *p, size_t n, void *arg)
{
	struct port *port = arg;

	port->engine->counters.packets_out++;
	port->engine->h.send(port, false, p, n, port->engine->h.arg);
}

/* Who hears what, for this tick: ports come and go between two. */
static void find_feeds(struct engine *e)
{
	struct port *p;

	for (p = e->ports; p; p = p->next)
		p->listeners = 0;
	for (const struct tap *t = e->taps; t; t = t->next)
		t->listen(t->arg);
	for (p = e->ports; p; p = p->next) {
		p->feed = NULL;
		if (p->want.source.kind == SOURCE_PORT && p->out) {
			p->feed = port_find(e, p->want.source.port);
			if (p->feed)
				p->feed->listeners++;
		} else if (p->room && p->want.source.speak) {
			p->listeners++;
		}
	}
}

static void mix_rooms(struct engine *e)
{
	for (struct room *r = e->rooms; r; r = r->next)
		memset(r->sum, 0, sizeof(r->sum));
	for (struct port *p = e->ports; p; p = p->next) {
		const struct frame *f = &p->in.frame;
		unsigned n;
		int got;

		p->speaks = false;
		if (!p->room || !p->want.source.speak || !f->rate ||
		    !resample_set(&p->to_room, f->rate, p->room->rate))
			continue;
		n = frame_samples(p->room->rate);
		got = resample_put(p->to_room, f->pcm, frame_samples(f->rate),
				   p->room_pcm, n);
		if (got < 0)
			continue;
		/* The filter's first few samples are still in it. */
		if ((unsigned)got < n)
			memset(p->room_pcm + got, 0,
			       (n - (unsigned)got) * sizeof(p->room_pcm[0]));
		p->speaks = true;
		mix_add(p->room->sum, p->room_pcm, n);
	}
}

static void from_room(const struct port *p, struct frame *f)
{
	f->rate = p->room->rate;
	f->quiet = false;
	if (p->want.source.hear)
		mix_minus(f->pcm, p->room->sum, p->speaks ? p->room_pcm : NULL,
			  frame_samples(f->rate));
	else
		memset(f->pcm, 0, sizeof(f->pcm));
}

static void from_file(struct port *p, struct frame *f)
{
	const struct source *s = &p->want.source;
	char text[STREAM_TEXT];

	if (player_next(s->file, &p->file_at, s->loop, f) || p->file_ended)
		return;
	p->file_ended = true;
	engine_event(p->engine, "file-ended", "{s:s, s:s}", "port",
		     stream_text(p->want.id, text), "file", s->file->name);
}

static void push(struct port *p)
{
	struct frame own = {.rate = 0};
	const struct frame *f = &own;
	bool notices = output_notices(p->out);

	switch (p->want.source.kind) {
	case SOURCE_NONE:
		output_skip(p->out);
		return;
	case SOURCE_PORT:
		if (p->feed)
			f = &p->feed->in.frame;
		break;
	case SOURCE_ROOM:
		from_room(p, &own);
		break;
	case SOURCE_FILE:
		from_file(p, &own);
		break;
	case SOURCE_TONE:
		tone_next(&p->want.source.tone, &own);
		break;
	case SOURCE_SILENCE:
	case SOURCE_PASS: /* not by the clock */
		break;
	}
	output_push(p->out, f, send_rtp, p);
	if (notices && !output_notices(p->out))
		notice_over(p);
}

/* Between half and one and a half of the interval, so that reports of many
 * ports don't come together; the first in half of that (RFC 3550 section 6.2).
 */
static void report_when_due(struct port *p, uint64_t now)
{
	uint64_t spread = (p->want.id * 2654435761u + p->rtcp_at / 1000) % 1000;
	uint64_t wait = RTCP_INTERVAL / 2 + RTCP_INTERVAL / 1000 * spread;

	if (!p->out || now < p->rtcp_at ||
	    (!p->out->rtcp.packets && p->want.source.kind == SOURCE_NONE))
		return;
	if (p->rtcp_at)
		port_report(p, false, now);
	p->rtcp_at = now + (p->rtcp_at ? wait : wait / 2);
}

static void watch_silence(struct port *p, uint64_t now)
{
	char text[STREAM_TEXT];

	if (!p->heard || p->silent ||
	    now - p->in.last < (uint64_t)MP_SILENT_MS * 1000)
		return;
	p->silent = true;
	engine_event(p->engine, "port-silent", "{s:s, s:i}", "port",
		     stream_text(p->want.id, text), "ms", MP_SILENT_MS);
}

void engine_tick(struct engine *e, uint64_t now)
{
	struct port *p;
	struct tap *t, *next;

	e->now = now;
	find_feeds(e);
	for (p = e->ports; p; p = p->next)
		input_pull(&p->in, p->listeners > 0, now);
	mix_rooms(e);
	for (p = e->ports; p; p = p->next) {
		if (p->out)
			push(p);
		report_when_due(p, now);
		watch_silence(p, now);
	}
	for (t = e->taps; t; t = next) {
		next = t->next;
		t->tick(now, t->arg);
	}
}
