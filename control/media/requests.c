/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/requests.c - one table of requests, and those about ports,
 * rooms and the whole. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/media/media.h"
#include "version.h"

#define SEQ_MAX ((1ull << 53) - 1)

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static const struct {
	const char *name, *message;
} engine_errors[] = {
	[ENGINE_LIMIT] = {"limit", "There are as many as there may be"},
	[ENGINE_CODEC] = {"codec", "This build has no such encoder"},
	[ENGINE_NOT_FOUND] = {"not-found", "There is none of that name"},
	[ENGINE_BUSY] = {"busy", "It is in use"},
	[ENGINE_MEMORY] = {"internal", "No memory"},
};

void reply_engine_error(struct reader *r, enum engine_error e,
			const char *field)
{
	if (e)
		reader_fail(r, engine_errors[e].name, field, "%s",
			    engine_errors[e].message);
}

static json_t *codecs_json(void)
{
	json_t *list = json_array();
	const struct codec *c;

	for (unsigned i = 0; (c = codec_at(i)); i++)
		if (c->kind == CODEC_AUDIO)
			json_array_append_new(
				list,
				json_pack("{s:s, s:i, s:i, s:b, s:b}", "codec",
					  c->name, "clock", (int)c->clock,
					  "channels", (int)c->channels,
					  "decode", codec_decodes(c), "encode",
					  codec_encodes(c)));
	return list;
}

static void do_hello(struct media *m, struct reader *r, json_t *reply)
{
	const struct engine_limits *l = &m->engine->limits;
	uint64_t version = read_number(r, "version", 0, 1000000, true, 0);

	if (!reader_done(r))
		return;
	if (version != MP_VERSION) {
		reader_fail(r, "version", "version",
			    "This side speaks version %d", MP_VERSION);
		return;
	}
	m->greeted = true;
	json_object_update_new(
		reply,
		json_pack(
			"{s:i, s:s, s:s, s:o, s:{s:i, s:i, s:i, s:i}, s:o, s:b}",
			"version", MP_VERSION, "program", SP_VERSION,
			"instance", m->instance, "codecs", codecs_json(),
			"limits", "ports", (int)l->ports, "rooms",
			(int)l->rooms, "transcodings", (int)l->transcodings,
			"recordings", RECORDINGS_MAX, "recording",
			recording_info(m), "dataplane", link_up(&m->link)));
}

static void do_port_set(struct media *m, struct reader *r, json_t *reply)
{
	struct port_want w;
	const char *field = "port";
	enum engine_error e;

	(void)reply;
	if (!read_port(r, &m->engine->player, &w))
		return;
	e = port_set(m->engine, &w, &field);
	if (e == ENGINE_LIMIT)
		engine_event(m->engine, "limit", "{s:s, s:i}", "what",
			     strcmp(field, "port") ? "transcodings" : "ports",
			     "max",
			     (int)(strcmp(field, "port")
					   ? m->engine->limits.transcodings
					   : m->engine->limits.ports));
	reply_engine_error(r, e, field);
}

static void do_port_remove(struct media *m, struct reader *r, json_t *reply)
{
	uint64_t id = read_stream(r, "port");

	(void)reply;
	if (reader_done(r))
		reply_engine_error(r, port_remove(m->engine, id), "port");
}

static void do_port_digits(struct media *m, struct reader *r, json_t *reply)
{
	uint64_t id = read_stream(r, "port");
	const char *digits = read_text(r, "digits", MP_DIGITS_MAX, true);
	uint64_t ms = read_number(r, "duration", 40, 2000, false, 100);
	struct port *p;

	(void)reply;
	for (const char *d = digits; *d; d++)
		if (digit_code(*d) < 0)
			reader_fail(r, "bad-message", "digits",
				    "A digit is one of 0-9*#A-D");
	if (!reader_done(r))
		return;
	p = port_find(m->engine, id);
	if (!p || !p->out || p->out->f.event_pt == NO_PT) {
		reader_fail(r, "not-found", "port",
			    "There is no such port that sends digits");
		return;
	}
	if (DIGIT_QUEUE - p->out->digits.count < strlen(digits)) {
		reader_fail(r, "busy", "digits",
			    "The digits before are still being sent");
		return;
	}
	for (const char *d = digits; *d; d++)
		digit_tx_begin(&p->out->digits, (uint8_t)digit_code(*d),
			       (uint32_t)ms);
}

static void do_port_notice(struct media *m, struct reader *r, json_t *reply)
{
	uint64_t id = read_stream(r, "port");
	unsigned hz =
		(unsigned)read_number(r, "tone", 20, 3400, false, MP_NOTICE_HZ);
	unsigned ms = (unsigned)read_number(r, "duration", 40, 5000, false,
					    MP_NOTICE_MS);
	struct port *p;

	(void)reply;
	if (!reader_done(r))
		return;
	p = port_find(m->engine, id);
	if (!p || !port_notice(p, hz, ms))
		reader_fail(r, "not-found", "port",
			    "There is no such port that sends anything");
}

static void do_room_set(struct media *m, struct reader *r, json_t *reply)
{
	const char *id = read_id(r, "room", true);
	unsigned rate =
		(unsigned)read_number(r, "rate", 16000, 48000, false, 16000);

	(void)reply;
	if (rate != 16000 && rate != 48000)
		reader_fail(r, "bad-message", "rate", "rate is 16000 or 48000");
	if (reader_done(r))
		reply_engine_error(r, room_set(m->engine, id, rate), "room");
}

static void do_room_remove(struct media *m, struct reader *r, json_t *reply)
{
	const char *id = read_id(r, "room", true);

	(void)reply;
	if (reader_done(r))
		reply_engine_error(r, room_remove(m->engine, id), "room");
}

/* --- looking --- */

static json_t *reported(const struct port *p, const char *what)
{
	const struct rtcp_tx *t = p->out ? &p->out->rtcp : NULL;

	if (!t || !t->reported)
		return json_null();
	if (!strcmp(what, "fraction_lost"))
		return json_real(t->fraction_lost / 256.0);
	return json_integer(t->round_trip / 1000);
}

static json_t *stats_json(const struct port *p, uint64_t now)
{
	const struct input *in = &p->in;
	const struct jitter *jb = &in->jitter;
	unsigned clock = jb->clock / 1000;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:I, "
		"s:I, s:I, s:o, s:o}",
		"received", (json_int_t)in->stats.received, "lost",
		(json_int_t)rtcp_lost(&in->rtcp), "late", (json_int_t)jb->late,
		"concealed", (json_int_t)in->stats.concealed, "dropped",
		(json_int_t)(jb->twice + jb->overflow + in->stats.malformed),
		"unexpected", (json_int_t)in->stats.unexpected, "errors",
		(json_int_t)in->stats.errors, "sent",
		(json_int_t)(p->out ? p->out->rtcp.packets : 0), "sent_octets",
		(json_int_t)(p->out ? p->out->rtcp.octets : 0), "jitter_ms",
		(int)((in->rtcp.jitter >> 4) / clock), "delay_ms",
		(int)(input_delay(in) / 1000), "silent_ms",
		(json_int_t)(p->heard ? (now - in->last) / 1000 : 0), "ssrc_in",
		(json_int_t)in->ssrc, "ssrc_out",
		(json_int_t)(p->out ? p->out->rtcp.ssrc : 0), "fraction_lost",
		reported(p, "fraction_lost"), "round_trip_ms",
		reported(p, "round_trip_ms"));
}

static int by_id(const void *a, const void *b)
{
	const struct port *p = *(struct port *const *)a;
	const struct port *q = *(struct port *const *)b;

	return p->want.id < q->want.id ? -1 : p->want.id > q->want.id;
}

/* As many as are sure to fit: a port may have MP_FORMATS_MAX formats, each with
 * a long fmtp, so the page is cut by its length, too. */
#define PAGE_OCTETS (MP_MESSAGE_MAX / 2)

static void list_ports(const struct media *m, const char *after, json_t *reply)
{
	const struct engine *e = m->engine;
	struct port **all = calloc(e->n_ports + 1, sizeof(*all));
	json_t *items = json_array();
	size_t octets = 0;
	unsigned n = 0, i;

	for (struct port *p = e->ports; all && p; p = p->next)
		if (!*after || p->want.id > strtoull(after, NULL, 10))
			all[n++] = p;
	if (all)
		qsort(all, n, sizeof(*all), by_id);
	for (i = 0; i < n && i < MP_LIST_MAX && octets < PAGE_OCTETS; i++) {
		json_t *j = port_json(&all[i]->want);

		json_object_set_new(j, "stats", stats_json(all[i], now_us()));
		octets += json_dumpb(j, NULL, 0, JSON_COMPACT);
		json_array_append_new(items, j);
	}
	json_object_set_new(reply, "items", items);
	json_object_set_new(reply, "more", json_boolean(i < n));
	free(all);
}

static json_t *room_json(const struct media *m, const struct room *r)
{
	json_t *ports = json_array();
	char text[STREAM_TEXT];

	for (const struct port *p = m->engine->ports; p; p = p->next)
		if (p->room == r)
			json_array_append_new(
				ports,
				json_string(stream_text(p->want.id, text)));
	return json_pack("{s:s, s:i, s:o}", "room", r->id, "rate", (int)r->rate,
			 "ports", ports);
}

/* The next room behind `after` by name. */
static const struct room *room_after(const struct engine *e, const char *after)
{
	const struct room *best = NULL;

	for (const struct room *r = e->rooms; r; r = r->next)
		if (strcmp(r->id, after) > 0 &&
		    (!best || strcmp(r->id, best->id) < 0))
			best = r;
	return best;
}

static void list_rooms(const struct media *m, const char *after, json_t *reply)
{
	json_t *items = json_array();
	const struct room *r = room_after(m->engine, after);

	for (unsigned i = 0; r && i < MP_LIST_MAX; i++) {
		json_array_append_new(items, room_json(m, r));
		r = room_after(m->engine, r->id);
	}
	json_object_set_new(reply, "items", items);
	json_object_set_new(reply, "more", json_boolean(r != NULL));
}

static const struct {
	const char *what;
	void (*list)(const struct media *m, const char *after, json_t *reply);
} lists[] = {
	{"ports", list_ports},
	{"rooms", list_rooms},
	{"recordings", list_recordings},
};

static void do_list(struct media *m, struct reader *r, json_t *reply)
{
	const char *what = read_text(r, "what", 32, true);
	const char *after = read_id(r, "after", false);

	if (!reader_done(r))
		return;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!strcmp(lists[i].what, what)) {
			lists[i].list(m, after, reply);
			return;
		}
	reader_fail(r, "bad-message", "what",
		    "what is ports, rooms or recordings");
}

static json_t *counters_json(const struct media *m)
{
	struct engine_counters c = m->engine->counters;

	for (const struct port *p = m->engine->ports; p; p = p->next) {
		c.lost += rtcp_lost(&p->in.rtcp);
		c.concealed += p->in.stats.concealed;
		c.unexpected += p->in.stats.unexpected;
		c.errors += p->in.stats.errors;
		c.malformed += p->in.stats.malformed;
	}
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"packets_in", (json_int_t)c.packets_in, "packets_out",
		(json_int_t)c.packets_out, "unknown_port",
		(json_int_t)c.unknown_port, "stale", (json_int_t)c.stale,
		"late_ticks", (json_int_t)c.late_ticks, "lost",
		(json_int_t)c.lost, "concealed", (json_int_t)c.concealed,
		"unexpected", (json_int_t)c.unexpected, "errors",
		(json_int_t)c.errors, "malformed", (json_int_t)c.malformed,
		"ring_bad", (json_int_t)m->link.bad, "ring_full",
		(json_int_t)m->link.full);
}

static void do_status(struct media *m, struct reader *r, json_t *reply)
{
	const struct engine *e = m->engine;
	uint64_t up = now_us() - m->started;

	if (!reader_done(r))
		return;
	json_object_update_new(
		reply,
		json_pack("{s:I, s:i, s:i, s:i, s:i, s:b, s:o, s:f}", "uptime",
			  (json_int_t)(up / 1000000), "ports", (int)e->n_ports,
			  "rooms", (int)e->n_rooms, "recordings",
			  (int)recordings_count(m->recordings), "transcodings",
			  (int)e->n_transcodings, "dataplane",
			  link_up(&m->link), "counters", counters_json(m),
			  "load",
			  up ? 100.0 * (double)m->worked / (double)up : 0.0));
}

static const struct {
	const char *name;
	request_h *handler;
} requests[] = {
	{"hello", do_hello},
	{"port.set", do_port_set},
	{"port.remove", do_port_remove},
	{"port.digits", do_port_digits},
	{"port.notice", do_port_notice},
	{"room.set", do_room_set},
	{"room.remove", do_room_remove},
	{"record.start", do_record_start},
	{"record.pause", do_record_pause},
	{"record.resume", do_record_resume},
	{"record.stop", do_record_stop},
	{"store.list", do_store_list},
	{"store.fetch", do_store_fetch},
	{"store.delete", do_store_delete},
	{"list", do_list},
	{"status", do_status},
};

static request_h *find(struct media *m, struct reader *r)
{
	const char *name = read_text(r, "do", 32, true);

	if (r->error)
		return NULL;
	if (!m->greeted && strcmp(name, "hello")) {
		reader_fail(r, "hello-first", "do", "hello comes first");
		return NULL;
	}
	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!strcmp(requests[i].name, name))
			return requests[i].handler;
	reader_fail(r, "bad-message", "do", "There is no such request");
	return NULL;
}

json_t *request_answer(struct media *m, const char *p, size_t n)
{
	json_t *j = n <= MP_MESSAGE_MAX
			    ? json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL)
			    : NULL;
	json_t *reply = json_object();
	request_h *h;
	struct reader r;

	reader_init(&r, j);
	if (!json_is_object(j)) {
		reader_fail(&r, "bad-message", NULL,
			    "A message is one JSON object of at most %d octets",
			    MP_MESSAGE_MAX);
	} else {
		uint64_t seq = read_number(&r, "seq", 0, SEQ_MAX, true, 0);

		if (!r.error)
			json_object_set_new(reply, "seq",
					    json_integer((json_int_t)seq));
		h = find(m, &r);
		if (h && !r.error)
			h(m, &r, reply);
	}
	json_object_set_new(reply, "ok", json_boolean(!r.error));
	if (r.error) {
		json_object_set_new(reply, "error", json_string(r.error));
		json_object_set_new(reply, "message", json_string(r.message));
		if (r.field)
			json_object_set_new(reply, "field",
					    json_string(r.field));
	}
	json_decref(j);
	return reply;
}
