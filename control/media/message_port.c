/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/message_port.c - port.set, and a port as JSON. */
#include <string.h>
#include "control/media/engine.h"
#include "control/media/message.h"

/* The errors of an object inside become those of the one around. */
static void inside(struct reader *r, struct reader *inner)
{
	if (!reader_done(inner) && !r->error) {
		r->error = inner->error;
		r->field = inner->field;
		memcpy(r->message, inner->message, sizeof(r->message));
	}
}

/* The fields that in and out have in common; the rest is left to the caller. */
static void read_common(struct reader *r, struct format *f)
{
	const char *name = read_text(r, "codec", 32, true);

	f->pt = (uint8_t)read_number(r, "pt", 0, 127, true, 0);
	f->clock = (uint32_t)read_number(r, "clock", 8000, 192000, true, 8000);
	f->channels = (uint8_t)read_number(r, "channels", 1, 2, false, 1);
	strcpy(f->fmtp, read_text(r, "fmtp", MP_FMTP_MAX, false));
	f->codec = codec_find(name, f->clock);
	if (!r->error && !f->codec)
		reader_fail(r, "codec", "codec",
			    "No codec of that name and clock is known");
	if (!r->error && f->codec->kind == CODEC_AUDIO &&
	    !codec_decodes(f->codec))
		reader_fail(r, "codec", "codec", "This build can't decode it");
	if (!r->error && f->clock % 1000)
		reader_fail(r, "bad-message", "clock",
			    "clock is a multiple of 1000");
}

static void read_in(struct reader *r, struct port_want *w)
{
	const json_t *list = read_any(r, "in"), *j;
	size_t i;

	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > MP_FORMATS_MAX) {
		reader_fail(r, "bad-message", "in",
			    "in is a list of 1 to %d formats", MP_FORMATS_MAX);
		return;
	}
	json_array_foreach (list, i, j) {
		struct reader inner;

		reader_init(&inner, j);
		if (!json_is_object(j))
			reader_fail(&inner, "bad-message", "in",
				    "A format is an object");
		else
			read_common(&inner, &w->in[w->formats++]);
		inside(r, &inner);
	}
}

static int16_t read_pt(struct reader *r, const char *field)
{
	if (!read_has(r, field)) {
		read_any(r, field);
		return NO_PT;
	}
	return (int16_t)read_number(r, field, 0, 127, true, 0);
}

static void read_out(struct reader *r, struct port_want *w)
{
	const json_t *j = read_any(r, "out");
	struct output_format *o = &w->out;
	struct format f = {0};
	struct reader in;

	if (!j)
		return;
	reader_init(&in, j);
	if (!json_is_object(j)) {
		reader_fail(r, "bad-message", "out", "out is an object");
		return;
	}
	w->has_out = true;
	read_common(&in, &f);
	o->codec = f.codec;
	o->pt = f.pt;
	o->channels = f.channels;
	memcpy(o->fmtp, f.fmtp, sizeof(o->fmtp));
	o->ptime = (unsigned)read_number(&in, "ptime", 10, 60, false, 20);
	o->event_pt = read_pt(&in, "telephone_event");
	o->noise_pt = read_pt(&in, "cn");
	o->has_ssrc = read_has(&in, "ssrc");
	o->ssrc = (uint32_t)read_number(&in, "ssrc", 0, UINT32_MAX, false, 0);
	strcpy(o->cname, read_text(&in, "cname", MP_CNAME_MAX, false));
	w->has_reports = read_has(&in, "reports_on");
	if (w->has_reports)
		w->reports = read_stream(&in, "reports_on");
	if (!in.error &&
	    (o->codec->kind != CODEC_AUDIO || !codec_encodes(o->codec)))
		reader_fail(&in, "codec", "codec",
			    "This build can't encode it");
	if (o->ptime != 10 && o->ptime != 20 && o->ptime != 40 &&
	    o->ptime != 60)
		reader_fail(&in, "bad-message", "ptime",
			    "ptime is 10, 20, 40 or 60");
	inside(r, &in);
}

static void source_port(struct reader *in, const struct player *player,
			struct source *s)
{
	(void)player;
	s->kind = SOURCE_PORT;
	s->port = read_stream(in, "port");
}

static void source_room(struct reader *in, const struct player *player,
			struct source *s)
{
	(void)player;
	s->kind = SOURCE_ROOM;
	strcpy(s->room, read_id(in, "room", true));
	s->speak = read_bool(in, "speak", true);
	s->hear = read_bool(in, "hear", true);
}

static void source_file(struct reader *in, const struct player *player,
			struct source *s)
{
	s->kind = SOURCE_FILE;
	s->file = player_find(player, read_text(in, "file", MP_FILE_MAX, true));
	s->loop = read_bool(in, "loop", true);
	if (!in->error && !s->file)
		reader_fail(in, "file", "file",
			    "The music folder had no such file at the start");
}

static void source_tone(struct reader *in, const struct player *player,
			struct source *s)
{
	const json_t *list = read_any(in, "tone"), *j;
	size_t i;

	(void)player;
	s->kind = SOURCE_TONE;
	s->tone.on_ms = (unsigned)read_number(in, "on", 10, 60000, false, 1000);
	s->tone.off_ms = (unsigned)read_number(in, "off", 0, 60000, false, 0);
	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > TONE_PARTS) {
		reader_fail(in, "bad-message", "tone",
			    "tone is a list of 1 to %d frequencies",
			    TONE_PARTS);
		return;
	}
	json_array_foreach (list, i, j) {
		json_int_t hz = json_integer_value(j);

		if (hz < 20 || hz > 3400)
			reader_fail(in, "bad-message", "tone",
				    "A frequency is from 20 to 3400");
		s->tone.hz[s->tone.parts++] = (unsigned)hz;
	}
}

static void source_silence(struct reader *in, const struct player *player,
			   struct source *s)
{
	(void)player;
	s->kind = SOURCE_SILENCE;
	if (!read_bool(in, "silence", false))
		reader_fail(in, "bad-message", "silence",
			    "silence is true, or isn't there");
}

static void source_pass(struct reader *in, const struct player *player,
			struct source *s)
{
	(void)player;
	s->kind = SOURCE_PASS;
	if (!read_bool(in, "pass", false))
		reader_fail(in, "bad-message", "pass",
			    "pass is true, or isn't there");
}

static const struct {
	const char *field;
	void (*read)(struct reader *in, const struct player *player,
		     struct source *s);
} sources[] = {
	{"port", source_port},	     {"room", source_room},
	{"file", source_file},	     {"tone", source_tone},
	{"silence", source_silence}, {"pass", source_pass},
};

static void read_source(struct reader *r, const struct player *player,
			struct source *s)
{
	const json_t *j = read_any(r, "source");
	struct reader in;

	if (!j)
		return;
	reader_init(&in, j);
	for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (!s->kind && json_is_object(j) &&
		    read_has(&in, sources[i].field))
			sources[i].read(&in, player, s);
	if (!s->kind) {
		reader_fail(r, "bad-message", "source",
			    "source has a port, room, file, tone, silence or "
			    "pass");
		return;
	}
	inside(r, &in);
}

bool read_port(struct reader *r, const struct player *player,
	       struct port_want *w)
{
	memset(w, 0, sizeof(*w));
	w->id = read_stream(r, "port");
	w->generation =
		(uint32_t)read_number(r, "generation", 0, UINT32_MAX, true, 0);
	w->worker = (uint16_t)read_number(r, "worker", 0, 63, false, 0);
	read_in(r, w);
	read_out(r, w);
	read_source(r, player, &w->source);
	if (!r->error && w->source.kind && !w->has_out &&
	    w->source.kind != SOURCE_ROOM && w->source.kind != SOURCE_PASS)
		reader_fail(r, "bad-message", "source",
			    "A source without out has nowhere to go");
	if (!r->error && w->source.kind == SOURCE_PASS && w->has_out)
		reader_fail(r, "bad-message", "source",
			    "What passes has no out");
	return reader_done(r);
}

/* --- and the other way --- */

static json_t *format_json(const struct format *f)
{
	return json_pack("{s:i, s:s, s:i, s:i, s:s}", "pt", (int)f->pt, "codec",
			 f->codec->name, "clock", (int)f->clock, "channels",
			 (int)f->channels, "fmtp", f->fmtp);
}

static json_t *pt_json(int16_t pt)
{
	return pt == NO_PT ? json_null() : json_integer(pt);
}

static json_t *out_json(const struct port_want *w)
{
	const struct output_format *o = &w->out;
	char text[STREAM_TEXT];
	json_t *j = json_pack("{s:i, s:s, s:i, s:i, s:s, s:i, s:o, s:o}", "pt",
			      (int)o->pt, "codec", o->codec->name, "clock",
			      (int)o->codec->clock, "channels",
			      (int)o->channels, "fmtp", o->fmtp, "ptime",
			      (int)o->ptime, "telephone_event",
			      pt_json(o->event_pt), "cn", pt_json(o->noise_pt));

	if (o->has_ssrc)
		json_object_set_new(j, "ssrc", json_integer(o->ssrc));
	if (o->cname[0])
		json_object_set_new(j, "cname", json_string(o->cname));
	if (w->has_reports)
		json_object_set_new(j, "reports_on",
				    json_string(stream_text(w->reports, text)));
	return j;
}

static json_t *source_json(const struct source *s)
{
	char text[STREAM_TEXT];
	json_t *hz;

	switch (s->kind) {
	case SOURCE_NONE:
		break;
	case SOURCE_PORT:
		return json_pack("{s:s}", "port", stream_text(s->port, text));
	case SOURCE_ROOM:
		return json_pack("{s:s, s:b, s:b}", "room", s->room, "speak",
				 s->speak, "hear", s->hear);
	case SOURCE_FILE:
		return json_pack("{s:s, s:b}", "file", s->file->name, "loop",
				 s->loop);
	case SOURCE_TONE:
		hz = json_array();
		for (unsigned i = 0; i < s->tone.parts; i++)
			json_array_append_new(hz, json_integer(s->tone.hz[i]));
		return json_pack("{s:o, s:i, s:i}", "tone", hz, "on",
				 (int)s->tone.on_ms, "off",
				 (int)s->tone.off_ms);
	case SOURCE_SILENCE:
		return json_pack("{s:b}", "silence", 1);
	case SOURCE_PASS:
		return json_pack("{s:b}", "pass", 1);
	}
	return json_null();
}

json_t *port_json(const struct port_want *w)
{
	char text[STREAM_TEXT];
	json_t *in = json_array();

	for (unsigned i = 0; i < w->formats; i++)
		json_array_append_new(in, format_json(&w->in[i]));
	return json_pack("{s:s, s:I, s:i, s:o, s:o, s:o}", "port",
			 stream_text(w->id, text), "generation",
			 (json_int_t)w->generation, "worker", (int)w->worker,
			 "in", in, "out",
			 w->has_out ? out_json(w) : json_null(), "source",
			 source_json(&w->source));
}
