/* SPDX-License-Identifier: Apache-2.0 */
/* A leg is told that the call is recorded: a tone put into what it hears, or a
 * file in its place. A stream that is otherwise only copied is taken by
 * sallyport-media meanwhile. */
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/media/protocol.h"

/* Would leg `to` hear it just now? There has to be something for a tone to be put
 * into; and a file can't take the place of music. */
static bool may_hear(const struct media *m, const struct mline *l, enum leg to,
		     bool tone)
{
	enum leg from = OTHER_LEG(to);
	const struct mleg *leg = &l->leg[to];
	bool sound = m->solo || media_on_hold(m, l, from) ||
		     media_inserted(m, l, from) ||
		     (media_flows(l, from) && !m->side[from].blocked);

	return l->flow && l->flow->programmed &&
	       strcmp(l->kind, "audio") == 0 &&
	       l->leg[LEG_A].keying != KEYING_RELAY && SDP_DIR_RECV(leg->dir) &&
	       !leg->no_recv && (tone ? sound : !media_on_hold(m, l, from));
}

static int play_tone(const struct media *m, const struct mline *l,
		     enum leg from, struct media_why *why)
{
	struct duty_why no = {.status = 503};
	char id[DUTY_ID_MAX];
	json_t *reply =
		duty_ask(m->duties,
			 json_pack("{s:s, s:s}", "do", "port.notice", "port",
				   duty_port_id(l->flow->stream[from], id)),
			 NULL, &no);
	bool ok = json_is_true(json_object_get(reply, "ok"));

	json_decref(reply);
	return ok ? 0 : media_no(why, no.status, "No tone can be played");
}

/* Of a path with one leg everything comes from sallyport-media already. */
static int play(struct media *m, struct mline *l, enum leg from, bool tone,
		struct media_why *why)
{
	struct flow *f = l->flow;

	f->notice[from] = tone ? INSERT_PASS : INSERT_FILE;
	if ((m->solo || (media_may_insert(m, l, from, why) == 0 &&
			 media_streams_program(m, why) == 0)) &&
	    (!tone || play_tone(m, l, from, why) == 0))
		return 0;
	f->notice[from] = INSERT_NOTHING;
	media_streams_program(m, &(struct media_why){0});
	return -1;
}

/* Of the stream that leg `from` sends on each m-line. @return were there any? */
static bool end(struct media *m, unsigned from)
{
	bool any = false;

	for (unsigned i = 0; i < m->cur->n; i++) {
		struct flow *f = m->cur->line[i].flow;

		if (!f || f->notice[from] == INSERT_NOTHING)
			continue;
		f->notice[from] = INSERT_NOTHING;
		any = true;
	}
	if (any)
		media_streams_program(m, &(struct media_why){0});
	return any;
}

int media_notice(struct media *m, enum leg to, const char *file,
		 struct media_why *why)
{
	enum leg from = m->solo ? to : OTHER_LEG(to);
	bool tone = !file || m->solo;
	int lines = 0;

	if (!m->duties || m->e2ee.state == E2EE_ON || !media_has(m, to))
		return 0;
	snprintf(m->notice, sizeof(m->notice), "%s", file ? file : "");
	for (unsigned i = 0; i < m->cur->n; i++) {
		struct mline *l = &m->cur->line[i];

		if (!may_hear(m, l, to, tone))
			continue;
		if (play(m, l, from, tone, why) != 0) {
			end(m, from); /* those before it too */
			return -1;
		}
		lines++;
	}
	return lines;
}

int media_notice_ended(struct media *m, uint64_t stream)
{
	for (unsigned i = 0; i < 2 * m->cur->n; i++) {
		const struct flow *f = m->cur->line[i / 2].flow;
		enum leg from = i % 2;

		if (f && f->stream[from] == stream && end(m, from))
			return m->solo ? from : OTHER_LEG(from);
	}
	return -1;
}

void media_notice_end(struct media *m)
{
	end(m, LEG_A);
	end(m, LEG_B);
}
