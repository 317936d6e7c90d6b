/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/port.c - ports and rooms: made, changed, removed; and what
 * their inputs have to tell. See engine.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/media/engine.h"

#define ERROR_EVERY_US 1000000
#define NTP_1970       2208988800u

static struct port **bucket(const struct engine *e, uint64_t id)
{
	return &e->hash[(id * 0x9e3779b97f4a7c15u >> 32) & (e->hash_size - 1)];
}

struct port *port_find(const struct engine *e, uint64_t id)
{
	struct port *p = *bucket(e, id);

	while (p && p->want.id != id)
		p = p->chain;
	return p;
}

/* --- what inputs tell --- */

/* Digits go where the sound goes, and to control. */
static void on_digit(uint8_t code, uint32_t ms, void *arg)
{
	struct port *p = arg;
	struct engine *e = p->engine;
	char text[STREAM_TEXT], name[2] = {digit_char(code), '\0'};

	for (struct port *to = e->ports; to; to = to->next) {
		if (!to->out || to->want.source.kind != SOURCE_PORT ||
		    to->want.source.port != p->want.id ||
		    to->out->f.event_pt == NO_PT)
			continue;
		if (!ms)
			digit_tx_begin(&to->out->digits, code, 0);
		else
			digit_tx_end(&to->out->digits, ms);
	}
	if (ms)
		engine_event(e, "digit", "{s:s, s:s, s:I}", "port",
			     stream_text(p->want.id, text), "digit", name, "ms",
			     (json_int_t)ms);
}

static void on_unexpected(uint8_t pt, void *arg)
{
	struct port *p = arg;
	char text[STREAM_TEXT];

	engine_event(p->engine, "payload-type", "{s:s, s:i}", "port",
		     stream_text(p->want.id, text), "pt", (int)pt);
}

static void on_error(const char *codec, void *arg)
{
	struct port *p = arg;
	char text[STREAM_TEXT];

	if (p->error_at && p->engine->now - p->error_at < ERROR_EVERY_US)
		return;
	p->error_at = p->engine->now;
	engine_event(p->engine, "codec-error", "{s:s, s:s, s:s}", "port",
		     stream_text(p->want.id, text), "codec", codec, "message",
		     "A payload can't be decoded");
}

static void on_video(const struct format *f, const struct rtp *r, void *arg)
{
	struct port *p = arg;

	for (const struct tap *t = p->engine->taps; t; t = t->next)
		t->video(p, f, r, t->arg);
}

/* --- RTCP --- */

static uint64_t ntp_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec + NTP_1970) << 32 |
	       ((uint64_t)t.tv_nsec << 32) / 1000000000;
}

/* The input whose sender is also who hears this output. */
static struct port *reports_on(struct port *p)
{
	const struct port_want *w = &p->want;

	if (w->has_reports)
		return port_find(p->engine, w->reports);
	/* A stream that goes on leads away from who sends it. */
	if (w->source.kind == SOURCE_PORT && w->source.port == w->id)
		return NULL;
	return p;
}

void port_report(struct port *p, bool bye, uint64_t now)
{
	struct port *on = reports_on(p);
	uint8_t packet[RTCP_MAX];
	size_t n = rtcp_write(packet, &p->out->rtcp, on ? &on->in.rtcp : NULL,
			      p->out->f.cname, bye, ntp_now(), now);

	p->engine->h.send(p, true, packet, n, p->engine->h.arg);
}

static void rtcp_item(const struct rtcp_item *i, void *arg)
{
	struct port *p = arg;
	char text[STREAM_TEXT];

	if (i->kind == RTCP_BYE && p->in.heard && i->ssrc == p->in.ssrc)
		engine_event(p->engine, "stream-ended", "{s:s}", "port",
			     stream_text(p->want.id, text));
	if (i->kind == RTCP_SR)
		rtcp_rx_item(&p->in.rtcp, i, p->engine->now);
	if (i->kind != RTCP_REPORT)
		return;
	for (struct port *to = p->engine->ports; to; to = to->next)
		if (to->out && to->out->rtcp.ssrc == i->about &&
		    reports_on(to) == p)
			rtcp_tx_item(&to->out->rtcp, i, ntp_now());
}

void port_rtcp(struct port *p, const uint8_t *data, size_t n, uint64_t now)
{
	(void)now;
	if (!rtcp_read(data, n, rtcp_item, p))
		p->in.stats.malformed++;
}

/* --- made, changed, removed --- */

static bool same_formats(const struct port_want *a, const struct port_want *b)
{
	if (a->formats != b->formats || a->generation != b->generation)
		return false;
	for (unsigned i = 0; i < a->formats; i++) {
		const struct format *f = &a->in[i], *g = &b->in[i];

		if (f->codec != g->codec || f->pt != g->pt ||
		    f->clock != g->clock || strcmp(f->fmtp, g->fmtp))
			return false;
	}
	return true;
}

static bool is_transcoding(const struct port_want *w)
{
	return w->has_out && w->source.kind == SOURCE_PORT;
}

static bool same_source(const struct source *a, const struct source *b)
{
	return a->kind == b->kind && a->file == b->file && a->loop == b->loop &&
	       a->port == b->port && !strcmp(a->room, b->room) &&
	       a->tone.parts == b->tone.parts &&
	       !memcmp(a->tone.hz, b->tone.hz, sizeof(a->tone.hz)) &&
	       a->tone.on_ms == b->tone.on_ms &&
	       a->tone.off_ms == b->tone.off_ms;
}

/* Everything that can refuse, before anything changes. */
static enum engine_error may_set(const struct engine *e, const struct port *p,
				 const struct port_want *w, const char **field)
{
	const struct room *r = NULL;

	*field = "port";
	if (!p && e->n_ports >= e->limits.ports)
		return ENGINE_LIMIT;
	*field = "out";
	if (w->has_out &&
	    (w->out.codec->kind != CODEC_AUDIO || !codec_encodes(w->out.codec)))
		return ENGINE_CODEC;
	*field = "source";
	if (w->source.kind == SOURCE_ROOM) {
		r = room_find(e, w->source.room);
		if (!r)
			return ENGINE_NOT_FOUND;
		if (r->ports >= MP_ROOM_PORTS && !(p && p->room == r))
			return ENGINE_LIMIT;
	}
	if (is_transcoding(w) && !(p && is_transcoding(&p->want)) &&
	    e->n_transcodings >= e->limits.transcodings)
		return ENGINE_LIMIT;
	return ENGINE_OK;
}

/* A new output, or the old one changed. */
static bool set_output(struct port *p, const struct port_want *w)
{
	struct output *o;

	if (!w->has_out) {
		if (p->out) {
			output_rest(p->out, p->engine->now, &p->past);
			output_close(p->out);
			free(p->out);
			p->out = NULL;
		}
		return true;
	}
	if (p->out)
		return !memcmp(&p->want.out, &w->out, sizeof(w->out)) ||
		       output_change(p->out, &w->out);
	o = malloc(sizeof(*o));
	if (!o)
		return false;
	if (!output_init(o, &w->out)) {
		output_close(o);
		free(o);
		return false;
	}
	output_resume(o, &p->past, p->engine->now);
	p->out = o;
	return true;
}

static struct port *make(struct engine *e, const struct port_want *w)
{
	struct port *p = calloc(1, sizeof(*p)), **at = bucket(e, w->id);

	if (!p)
		return NULL;
	p->engine = e;
	p->want.id = w->id;
	p->chain = *at;
	*at = p;
	p->next = e->ports;
	e->ports = p;
	e->n_ports++;
	return p;
}

static void unlink_port(struct engine *e, struct port *p)
{
	struct port **at = bucket(e, p->want.id);

	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	for (at = &e->ports; *at != p;)
		at = &(*at)->next;
	*at = p->next;
	e->n_ports--;
}

static void set_input(struct port *p, const struct port_want *w)
{
	const struct input_handlers h = {
		.digit = on_digit,
		.unexpected = on_unexpected,
		.error = on_error,
		.video = on_video,
		.arg = p,
	};

	if (p->want.formats && same_formats(&p->want, w))
		return;
	input_close(&p->in);
	input_init(&p->in, w->in, w->formats, &h);
}

static void set_room(struct port *p, const struct port_want *w)
{
	struct room *r = w->source.kind == SOURCE_ROOM
				 ? room_find(p->engine, w->source.room)
				 : NULL;

	if (p->room == r)
		return;
	if (p->room)
		p->room->ports--;
	if (r)
		r->ports++;
	p->room = r;
}

enum engine_error port_set(struct engine *e, const struct port_want *w,
			   const char **field)
{
	struct port *p = port_find(e, w->id);
	bool fresh = !p;
	enum engine_error err = may_set(e, p, w, field);
	uint16_t worker;

	if (err)
		return err;
	if (!p)
		p = make(e, w);
	if (!p)
		return ENGINE_MEMORY;
	if (!set_output(p, w)) {
		if (fresh) {
			unlink_port(e, p);
			free(p);
		}
		*field = "out";
		return ENGINE_CODEC;
	}
	set_input(p, w);
	set_room(p, w);
	if (w->source.kind != SOURCE_PASS)
		pass_close(&p->pass);
	e->n_transcodings += (unsigned)is_transcoding(w) -
			     (unsigned)(!fresh && is_transcoding(&p->want));
	worker = p->heard ? p->want.worker : w->worker;
	if (fresh || !same_source(&p->want.source, &w->source)) {
		p->file_at = 0;
		p->file_ended = false;
		p->want = *w;
	} else {
		struct tone tone = p->want.source.tone;

		p->want = *w;
		p->want.source.tone = tone;
	}
	p->want.worker = worker;
	return ENGINE_OK;
}

enum engine_error port_remove(struct engine *e, uint64_t id)
{
	struct port *p = port_find(e, id);
	struct port_want none = {.id = id};

	if (!p)
		return ENGINE_NOT_FOUND;
	if (p->out && p->out->rtcp.packets)
		port_report(p, true, e->now);
	set_output(p, &none);
	set_room(p, &none);
	e->n_transcodings -= (unsigned)is_transcoding(&p->want);
	e->counters.lost += rtcp_lost(&p->in.rtcp);
	e->counters.concealed += p->in.stats.concealed;
	e->counters.unexpected += p->in.stats.unexpected;
	e->counters.errors += p->in.stats.errors;
	e->counters.malformed += p->in.stats.malformed;
	unlink_port(e, p);
	input_close(&p->in);
	pass_close(&p->pass);
	resample_free(p->to_room);
	free(p);
	return ENGINE_OK;
}

bool port_notice(struct port *p, unsigned hz, unsigned ms)
{
	if (p->want.source.kind == SOURCE_PASS)
		pass_notice(&p->pass, hz, ms);
	else if (p->out && p->want.source.kind != SOURCE_NONE)
		output_notice(p->out, hz, ms);
	else
		return false;
	return true;
}

/* --- rooms --- */

struct room *room_find(const struct engine *e, const char *id)
{
	struct room *r = e->rooms;

	while (r && strcmp(r->id, id))
		r = r->next;
	return r;
}

enum engine_error room_set(struct engine *e, const char *id, unsigned rate)
{
	struct room *r = room_find(e, id);

	if (r)
		return r->rate == rate ? ENGINE_OK : ENGINE_BUSY;
	if (e->n_rooms >= e->limits.rooms)
		return ENGINE_LIMIT;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ENGINE_MEMORY;
	memcpy(r->id, id, strnlen(id, MP_ID_MAX));
	r->rate = rate;
	r->next = e->rooms;
	e->rooms = r;
	e->n_rooms++;
	return ENGINE_OK;
}

enum engine_error room_remove(struct engine *e, const char *id)
{
	struct room **at = &e->rooms, *r;

	while (*at && strcmp((*at)->id, id))
		at = &(*at)->next;
	r = *at;
	if (!r)
		return ENGINE_NOT_FOUND;
	if (r->ports)
		return ENGINE_BUSY;
	*at = r->next;
	e->n_rooms--;
	free(r);
	return ENGINE_OK;
}
