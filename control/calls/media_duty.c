/* SPDX-License-Identifier: Apache-2.0 */
/* What sallyport-media has to do with each stream: nothing, to hear it (copied,
 * for a recording), or to take it and send on what it has made of it. Its ports
 * have the ids of the streams. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

bool media_may_play(const struct media *m, const struct mline *l)
{
	return m->music[0] && !m->solo && m->duties && l->two_way &&
	       strcmp(l->kind, "audio") == 0 && m->e2ee.state == E2EE_OFF &&
	       l->leg[LEG_A].keying != KEYING_RELAY;
}

bool media_on_hold(const struct media *m, const struct mline *l, enum leg from)
{
	const struct mleg *f = &l->leg[from], *t = &l->leg[OTHER_LEG(from)];

	return media_may_play(m, l) && (!SDP_DIR_RECV(f->dir) || f->no_recv) &&
	       SDP_DIR_RECV(t->dir) && !t->no_recv;
}

uint8_t media_divert(const struct media *m, const struct mline *l,
		     enum leg from)
{
	if (m->solo || media_on_hold(m, l, from) || media_inserted(m, l, from))
		return SP_DIVERT_TAKE;
	if (m->e2ee.state == E2EE_ON ||
	    l->leg[LEG_A].keying == KEYING_RELAY) /* sealed by the peers */
		return SP_DIVERT_NONE;
	if (l->transcoded)
		return SP_DIVERT_TAKE;
	return m->copy ? SP_DIVERT_COPY : SP_DIVERT_NONE;
}

static json_t *format_json(const struct codec *c)
{
	json_t *j = json_pack("{s:i, s:s, s:I, s:i}", "pt", c->pt, "codec",
			      c->name, "clock", (json_int_t)c->clock,
			      "channels", (int)c->channels);

	if (j && c->fmtp[0])
		json_object_set_new(j, "fmtp", json_string(c->fmtp));
	return j;
}

static json_t *formats_json(const struct tongue *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < t->n; i++)
		if (t->spoken[i].name[0])
			json_array_append_new(list, format_json(&t->spoken[i]));
	return list;
}

/* What it sends to a leg. reports_on: what that leg sends comes by it. */
static json_t *out_json(const struct tongue *t, uint64_t reports_on)
{
	json_t *j = format_json(&t->codec);
	char id[DUTY_ID_MAX];

	if (!j)
		return NULL;
	json_object_set_new(j, "ptime", json_integer(t->ptime));
	json_object_set_new(j, "reports_on",
			    json_string(duty_port_id(reports_on, id)));
	if (t->event_pt != NO_PT)
		json_object_set_new(j, "telephone_event",
				    json_integer(t->event_pt));
	return j;
}

/* To the only leg, or to one on hold. Who has put a conference on hold isn't
 * heard there, whatever its phone plays. */
static json_t *played(const struct media *m, const struct mline *l)
{
	char id[DUTY_ID_MAX];

	if (m->solo && l->flow->source)
		return json_pack("{s:s}", "port",
				 duty_port_id(l->flow->source, id));
	if (!m->solo)
		return json_pack("{s:s}", "file", m->music);
	switch (m->play) {
	case PLAY_FILE:
		return json_pack("{s:s}", "file", m->play_name);
	case PLAY_ROOM:
		return json_pack("{s:s, s:b}", "room", m->play_name, "speak",
				 SDP_DIR_RECV(l->leg[m->real].dir));
	default:
		return json_pack("{s:b}", "silence", true);
	}
}

json_t *media_port_json(const struct media *m, const struct mline *l,
			enum leg from)
{
	const struct sp_greeting *g = dp_greeting(m->dp);
	const struct transport *tp = l->leg[from].tp;
	const struct flow *f = l->flow;
	char id[DUTY_ID_MAX];
	json_t *j = json_pack("{s:I, s:o, s:i}", "generation",
			      (json_int_t)f->generation, "in",
			      formats_json(&l->tongue[from]), "worker",
			      g ? (tp->port >> 1) % g->n_workers : 0);
	enum leg to = m->solo ? from : OTHER_LEG(from);
	bool held = m->solo || media_on_hold(m, l, from);

	if (!j || media_divert(m, l, from) != SP_DIVERT_TAKE)
		return j;
	if (!held && media_inserted(m, l, from) == INSERT_PASS) {
		json_object_set_new(j, "source",
				    media_insert_source(m, l, from));
		return j;
	}
	json_object_set_new(j, "out", out_json(&l->tongue[to], f->stream[to]));
	if (held) {
		json_object_set_new(j, "source", played(m, l));
		return j;
	}
	if (m->side[from].no_digits)
		json_object_del(json_object_get(j, "out"), "telephone_event");
	if (media_inserted(m, l, from)) {
		json_object_set_new(j, "source",
				    media_insert_source(m, l, from));
		return j;
	}
	/* on hold nobody is sent anything */
	json_object_set_new(
		j, "source",
		m->side[from].blocked || !media_flows(l, from)
			? json_null()
			: json_pack("{s:s}", "port",
				    duty_port_id(f->stream[from], id)));
	return j;
}

static void place(struct flow *f, bool transcoding)
{
	if (f->duties && f->transcoding != transcoding)
		duties_transcoding(f->duties, transcoding);
	f->transcoding = transcoding;
}

static void port_drop(struct flow *f, enum leg from)
{
	char id[DUTY_ID_MAX];

	if (f->port[from])
		duty_remove(f->duties, DUTY_PORT,
			    duty_port_id(f->stream[from], id));
	f->port[from] = f->sent[from] = false;
}

void media_duty_set(const struct media *m, struct mline *l, enum leg from)
{
	uint8_t divert = media_divert(m, l, from);
	struct flow *f = l->flow;
	char id[DUTY_ID_MAX];
	json_t *port;

	/* what has sent is kept: another would have an SSRC of its own, and hop
	 * keys are good for a few only */
	if (!m->duties || (divert == SP_DIVERT_NONE && !f->sent[from])) {
		port_drop(f, from);
		place(f, false);
		return;
	}
	f->duties = m->duties;
	place(f, l->transcoded);
	port = media_port_json(m, l, from);
	f->sent[from] |= json_object_get(port, "out") != NULL;
	/* wanted from now on, also if it is away just now */
	f->port[from] = duty_set(m->duties, DUTY_PORT,
				 duty_port_id(f->stream[from], id), m->call,
				 true, port, NULL) == 0;
}

void media_duty_drop(struct flow *f)
{
	for (int x = LEG_A; x <= LEG_B; x++)
		port_drop(f, x);
	place(f, false);
}

void media_duties(struct media *m, struct duties *d)
{
	m->duties = d;
	/* a call from the store: what was wanted is so still */
	for (unsigned i = 0; d && i < m->cur->n; i++)
		for (int x = LEG_A; m->cur->line[i].flow && x <= LEG_B; x++)
			if (media_has(m, x))
				media_duty_set(m, &m->cur->line[i], x);
}

void media_restored(struct media *m)
{
	struct media_why why;

	/* the dataplane's client was told before it was known who inserts */
	if (m->duties)
		media_streams_program(m, &why);
}

void media_play(struct media *m, enum play what, const char *name)
{
	m->play = what;
	snprintf(m->play_name, sizeof(m->play_name), "%s", name);
	for (unsigned i = 0; m->solo && i < m->cur->n; i++)
		if (m->cur->line[i].flow && m->cur->line[i].flow->programmed)
			media_duty_set(m, &m->cur->line[i], m->real);
}

void media_source(struct media *m, unsigned i, uint64_t stream)
{
	struct state *st = m->offer ? m->offer : m->cur;

	if (i >= st->n || !st->line[i].flow)
		return;
	st->line[i].flow->source = stream;
	if (st == m->cur && st->line[i].flow->programmed)
		media_duty_set(m, &st->line[i], m->real);
}

void media_music(struct media *m, const char *file)
{
	snprintf(m->music, sizeof(m->music), "%s", file ? file : "");
}

bool media_transcoded(const struct media *m)
{
	for (unsigned i = 0; i < m->cur->n; i++)
		if (m->cur->line[i].flow && m->cur->line[i].transcoded)
			return true;
	return false;
}

unsigned media_ports(const struct media *m, struct media_port out[], unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < m->cur->n; i++) {
		const struct mline *l = &m->cur->line[i];

		if (!l->flow)
			continue;
		for (int x = LEG_A; k < n && x <= LEG_B; x++)
			if (media_has(m, x) &&
			    media_divert(m, l, x) != SP_DIVERT_NONE)
				out[k++] = (struct media_port){
					l->flow->stream[x], x, l->kind,
					l->tongue[x].codec.name,
					media_flows(l, x) &&
						!m->side[x].blocked};
	}
	return k;
}
