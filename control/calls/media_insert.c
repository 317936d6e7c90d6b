/* SPDX-License-Identifier: Apache-2.0 */
/* What a leg hears in the place of what the other sends: a file, silence, or the
 * same sound by way of sallyport-media, which then can add digits to it or leave
 * them out. */
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

enum media_insert media_inserted(const struct media *m, const struct mline *l,
				 enum leg from)
{
	const struct side *s = &m->side[from];
	const struct mleg *t = &l->leg[OTHER_LEG(from)];
	bool to_be_heard = SDP_DIR_RECV(t->dir) && !t->no_recv;
	enum media_insert notice;

	if (m->solo || !m->duties || m->e2ee.state == E2EE_ON ||
	    strcmp(l->kind, "audio") != 0 || !l->flow ||
	    l->leg[LEG_A].keying == KEYING_RELAY || !to_be_heard)
		return INSERT_NOTHING;
	notice = l->flow->notice[from];
	if (notice == INSERT_FILE)
		return INSERT_FILE;
	if (s->insert == INSERT_FILE || s->insert == INSERT_SILENCE)
		return s->insert;
	/* its own sound, where there is any */
	if (!media_flows(l, from) || s->blocked)
		return INSERT_NOTHING;
	if (s->insert || s->no_digits)
		return s->insert ? s->insert : INSERT_ITSELF;
	return l->transcoded ? INSERT_NOTHING : notice;
}

json_t *media_insert_source(const struct media *m, const struct mline *l,
			    enum leg from)
{
	const struct side *s = &m->side[from];
	char id[DUTY_ID_MAX];

	switch (media_inserted(m, l, from)) {
	case INSERT_FILE:
		if (l->flow->notice[from] == INSERT_FILE)
			return json_pack("{s:s, s:b}", "file", m->notice,
					 "loop", false);
		return json_pack("{s:s, s:b}", "file", s->insert_file, "loop",
				 s->insert_loop);
	case INSERT_PASS:
		return json_pack("{s:b}", "pass", true);
	case INSERT_SILENCE:
		return json_pack("{s:b}", "silence", true);
	default:
		return json_pack("{s:s}", "port",
				 duty_port_id(l->flow->stream[from], id));
	}
}

int media_may_insert(struct media *m, struct mline *l, enum leg from,
		     struct media_why *why)
{
	const char *codec = l->tongue[OTHER_LEG(from)].codec.name;
	struct duty_why no = {.status = 503};
	char id[DUTY_ID_MAX];
	json_t *ask, *reply;
	const char *said;
	bool ok;

	if (!duties_up(m->duties, &no))
		return media_no(why, no.status, "%s", no.text);
	if (!duties_codec(m->duties, codec))
		return media_no(why, 488, "Nothing can be played in %s",
				codec[0] ? codec : "this codec");
	ask = media_port_json(m, l, from);
	if (!ask)
		return media_no(why, 500, "Out of memory");
	json_object_set_new(ask, "do", json_string("port.set"));
	json_object_set_new(
		ask, "port",
		json_string(duty_port_id(l->flow->stream[from], id)));
	reply = duty_ask(m->duties, ask, NULL, &no);
	ok = json_is_true(json_object_get(reply, "ok"));
	said = json_string_value(json_object_get(reply, "message"));
	if (!ok)
		media_no(why, reply ? 404 : 503, "%s",
			 said ? said
			      : (reply ? "It can't be played" : no.text));
	json_decref(reply);
	return ok ? 0 : -1;
}

static int try_all(struct media *m, enum leg from, struct media_why *why)
{
	bool any = false;

	for (unsigned i = 0; i < m->cur->n; i++) {
		struct mline *l = &m->cur->line[i];

		if (!l->flow || !l->flow->programmed ||
		    media_inserted(m, l, from) == INSERT_NOTHING)
			continue;
		any = true;
		if (media_may_insert(m, l, from, why) != 0)
			return -1;
	}
	return any ? 0
		   : media_no(why, 409, "There is no audio to be heard there");
}

int media_insert(struct media *m, enum leg to, enum media_insert what,
		 const char *file, bool loop, struct media_why *why)
{
	struct side *s = &m->side[OTHER_LEG(to)], before = *s;

	if (m->e2ee.state == E2EE_ON || m->e2ee.state == E2EE_OFFERED)
		return media_no(why, 403,
				"An end-to-end encrypted call can't be played "
				"to");
	if (!m->duties)
		return media_no(why, 503, "No sallyport-media is configured");
	s->insert = what;
	s->insert_loop = loop;
	snprintf(s->insert_file, sizeof(s->insert_file), "%s",
		 file ? file : "");
	if ((what == INSERT_NOTHING || try_all(m, OTHER_LEG(to), why) == 0) &&
	    media_streams_program(m, why) == 0)
		return 0;
	*s = before;
	media_streams_program(m, &(struct media_why){0});
	return -1;
}

enum media_insert media_insert_at(const struct media *m, enum leg to)
{
	return m->side[OTHER_LEG(to)].insert;
}

int media_no_digits(struct media *m, enum leg from, bool none,
		    struct media_why *why)
{
	struct side *s = &m->side[from];
	bool before = s->no_digits;

	if (!m->duties)
		return media_no(why, 503, "No sallyport-media is configured");
	s->no_digits = none;
	if ((!none || try_all(m, from, why) == 0) &&
	    media_streams_program(m, why) == 0)
		return 0;
	s->no_digits = before;
	media_streams_program(m, &(struct media_why){0});
	return -1;
}

int media_digits(struct media *m, enum leg to, const char *digits, unsigned ms,
		 struct media_why *why)
{
	enum leg from = OTHER_LEG(to);
	struct duty_why no = {.status = 503};
	char id[DUTY_ID_MAX];
	bool sent = false;

	for (unsigned i = 0; !sent && i < m->cur->n; i++) {
		struct mline *l = &m->cur->line[i];
		json_t *reply;

		if (media_inserted(m, l, from) == INSERT_NOTHING)
			continue;
		if (l->tongue[to].event_pt == NO_PT)
			return media_no(
				why, 488,
				"That party takes no digits (RFC 4733)");
		reply = duty_ask(
			m->duties,
			json_pack("{s:s, s:s, s:s, s:i}", "do", "port.digits",
				  "port",
				  duty_port_id(l->flow->stream[from], id),
				  "digits", digits, "duration", (int)ms),
			NULL, &no);
		sent = json_is_true(json_object_get(reply, "ok"));
		json_decref(reply);
	}
	return sent ? 0 : media_no(why, no.status, "The digits can't be sent");
}

bool media_insert_ended(struct media *m, uint64_t stream)
{
	for (unsigned i = 0; i < m->cur->n; i++) {
		const struct flow *f = m->cur->line[i].flow;

		for (int x = LEG_A; f && x <= LEG_B; x++) {
			if (f->stream[x] != stream ||
			    m->side[x].insert != INSERT_FILE)
				continue;
			m->side[x].insert = INSERT_NOTHING;
			media_streams_program(m, &(struct media_why){0});
			return true;
		}
	}
	return false;
}
