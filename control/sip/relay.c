/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/relay.c - requests in a dialog that the other side answers.
 *
 * The request waits here, unanswered, until its twin on the other side is: so
 * the answer is the far end's, not ours. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/alone.h"

struct relay {
	struct le le;
	struct session *from, *to;
	struct stxn *st;
	struct ctxn *ct;
	bool offered; /* it carries an offer of the path */
};

static void relay_destructor(void *arg)
{
	struct relay *r = arg;

	list_unlink(&r->le);
	ctxn_drop(r->ct);
	mem_deref(r->st);
}

void relays_end(struct branch *br, uint16_t status)
{
	struct le *le = list_head(&br->relays);

	while (le) {
		struct relay *r = le->data;

		le = le->next;
		answer_refuse(r->st, status, 0, NULL);
		mem_deref(r);
	}
}

bool relay_may(struct session *s, struct listener *l, const struct sip_msg *m)
{
	struct branch *br = s->br;
	struct door *d = br->b->d;

	if (!br->b->call || !br->path ||
	    (!br->s[OTHER_LEG(s->side)]->dlg.remote_tag && !session_alone(s))) {
		door_refuse(d, l, m, 481, NULL);
		return false;
	}
	if (!dialog_sequence(&s->dlg, m)) {
		door_refuse(d, l, m, 500, "CSeq is older than the last");
		return false;
	}
	if (!message_max_forwards(m)) {
		door_refuse(d, l, m, 483, NULL);
		return false;
	}
	if (!door_extensions(d, l, m))
		return false;
	if (list_count(&br->relays) >= RELAYS_MAX) {
		door_refuse(d, l, m, 503, "too many requests at once");
		return false;
	}
	session_moved(s, l, m);
	return true;
}

/* The answer to an offer that was relayed. @return the body for the offerer in
 * *sdp; or the status that it gets instead. */
static uint16_t finish_offer(struct relay *r, const struct sip_msg *m,
			     char **sdp, struct media_why *why)
{
	struct path *p = r->from->br->path;
	struct pl body;

	if (!m || m->scode >= 300) {
		path_decline(p);
		return 0;
	}
	body = message_body(m);
	why->status = 488;
	strcpy(why->text, "the offer was accepted without an answer");
	if (message_has_sdp(m) &&
	    !path_answer(p, r->to->side, body.p, body.l, true, sdp, why))
		return 0;
	path_decline(p);
	return (uint16_t)why->status;
}

static void answer_back(struct relay *r, const struct sip_msg *m,
			uint16_t status, const char *sdp)
{
	const struct sip_msg *req = stxn_request(r->st);
	struct answer a = {.status = status};
	struct pl body = message_body(m);
	struct mbuf *mb = mbuf_alloc(256);
	char type[128];
	int err = mb ? 0 : ENOMEM;

	if (!err && status < 300)
		err = session_contact(r->from, mb);
	if (!err && status < 300 && message_is(req, "UPDATE"))
		err = refresh_answer(r->from, req, mb);
	if (!err)
		err = pass_headers(mb, m, PASS_ANSWER);
	a.headers = err ? NULL : mb;
	if (sdp) {
		a.type = "application/sdp";
		a.body = sdp;
		a.len = strlen(sdp);
	} else if (body.l && !message_has_sdp(m) &&
		   message_type(m, type, sizeof(type))) {
		a.type = type;
		a.body = body.p;
		a.len = body.l;
	}
	stxn_answer(r->st, &a);
	mem_deref(mb);
}

static void relay_response(int err, const struct sip_msg *m, void *arg)
{
	struct relay *r = arg;
	struct branch *br = r->from->br;
	struct bridge *b = br->b;
	struct media_why why = {0};
	char *sdp = NULL;
	uint16_t status = 0;

	if (m && m->scode < 200)
		return;
	if (m)
		session_heard(r->to, m);
	if (r->offered)
		status = finish_offer(r, m, &sdp, &why);
	if (m && m->scode < 300 && message_is(stxn_request(r->st), "UPDATE"))
		refresh_agreed(r->to, m);
	if (status)
		answer_refuse(r->st, status, 0, why.text);
	else if (m)
		answer_back(r, m, m->scode, sdp);
	else
		answer_refuse(r->st, err == ETIMEDOUT ? 408 : 480, 0,
			      "the other side can't be reached");
	free(sdp);
	mem_deref(r);

	/* RFC 3261 section 12.2.1.2: a peer that doesn't know the dialog, or
	 * doesn't answer, has none. */
	if (b->up == br && (!m || m->scode == 481 || m->scode == 408))
		bridge_end(b, CALL_BY_GATEWAY, m ? m->scode : 408,
			   "one side has lost the call", NULL);
	else if (b->call && b->up == br)
		call_save(b->call);
}

void relay_start(struct session *from, struct listener *l,
		 const struct sip_msg *m, const char *lines, const char *sdp,
		 bool offered, bool pass)
{
	struct session *to = from->br->s[OTHER_LEG(from->side)];
	struct relay *r = mem_zalloc(sizeof(*r), relay_destructor);
	struct pl body = pass ? message_body(m) : pl_null;
	struct mbuf *mb = NULL;
	char method[16], type[128] = "application/sdp";
	int err = ENOMEM;

	if (sdp)
		pl_set_str(&body, sdp);
	else if (body.l &&
		 re_snprintf(type, sizeof(type), "%r/%r%r", &m->ctyp.type,
			     &m->ctyp.subtype, &m->ctyp.params) < 0)
		body.l = 0;
	pl_strcpy(&m->met, method, sizeof(method));
	if (r) {
		r->from = from;
		r->to = to;
		r->offered = offered;
		list_append(&from->br->relays, &r->le, r);
		r->st = stxn_new(l, m, NULL, NULL);
		mb = session_headers(to, method, dialog_next(&to->dlg),
				     message_max_forwards(m) - 1);
	}
	if (mb && r->st)
		err = pass_headers(mb, m, PASS_REQUEST);
	if (!err && !strcmp(method, "UPDATE"))
		err = refresh_offer(to, mb);
	if (!err && lines)
		err = mbuf_write_str(mb, lines);
	if (!err)
		err = session_body(mb, body.l ? type : NULL, body.p, body.l);
	if (!err)
		err = session_send(to, &r->ct, method, mb, relay_response, r);
	mem_deref(mb);
	if (!err)
		return;
	if (offered)
		path_decline(from->br->path);
	if (r && r->st)
		answer_refuse(r->st, 480, 0, "the other side can't be reached");
	else
		door_refuse(from->br->b->d, l, m, 503, "out of memory");
	mem_deref(r);
}
