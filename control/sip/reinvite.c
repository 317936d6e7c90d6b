/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/reinvite.c - INVITE in a dialog: hold, resume, other media,
 * another address. RFC 3261 section 14, RFC 6141.
 *
 * Relayed as one of our own on the other side; answered when that is. One at a
 * time for a call, whichever side it comes from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/alone.h"

struct reinvite {
	struct session *from, *to;
	struct stxn *st;
	struct ctxn *ct;
	uint32_t seq;
	char *sdp; /* that was sent on, or NULL; free() */
	bool delayed;
};

static void reinvite_destructor(void *arg)
{
	struct reinvite *re = arg;

	ctxn_drop(re->ct);
	mem_deref(re->st);
	if (re->sdp)
		explicit_bzero(re->sdp, strlen(re->sdp));
	free(re->sdp);
}

static void forget(struct branch *br)
{
	br->re = mem_deref(br->re);
}

void reinvite_end(struct branch *br)
{
	if (!br->re)
		return;
	answer_refuse(br->re->st, 487, 0, "the call has ended");
	forget(br);
}

/* May this side offer now? @return 0 or the status (section 14.2). */
static uint16_t glare(const struct session *s)
{
	const struct branch *br = s->br;
	const struct session *other = br->s[OTHER_LEG(s->side)];

	if (br->b->up != br || s->confirm)
		return 500; /* its last INVITE isn't finished */
	if (other->confirm || s->owes_ack)
		return 491;
	if (reoffer_out(s) || reoffer_out(other) || refresh_inviting(br))
		return 491;
	if (br->re)
		return br->re->from == s ? 500 : 491;
	return (uint16_t)path_may_offer(br->path, s->side);
}

static void refuse_glare(struct session *s, struct stxn *st, uint16_t status)
{
	struct answer a = {.status = status, .headers = mbuf_alloc(32)};

	(void)s;
	if (a.headers && status == 500) /* 0 to 10 s, at random */
		mbuf_printf((struct mbuf *)a.headers, "Retry-After: %u\r\n",
			    rand_u16() % 11);
	stxn_answer(st, &a);
	mem_deref((void *)a.headers);
}

static void accepted(struct branch *br, struct reinvite *re,
		     const struct sip_msg *m)
{
	struct bridge *b = br->b;
	struct media_why why = {0};
	char *sdp = NULL;

	dialog_refresh(&re->to->dlg, m);
	re->to->methods = methods_of(m);
	refresh_agreed(re->to, m);
	if (branch_accept_sdp(br, re->to->side, re->delayed, m, &sdp, &why)) {
		path_decline(br->path);
		session_ack(re->to, re->seq, NULL);
		answer_refuse(re->st, (uint16_t)why.status, 0, why.text);
		why.stays = why.stays && !re->delayed;
		forget(br);
		if (why.stays) { /* E2EE.md, "The course of a handshake", 5 */
			call_save(b->call);
			return;
		}
		/* One side has agreed to what the other can't have: only a
		 * new call brings them together again. */
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)why.status, why.text,
			   NULL);
		return;
	}
	if (path_awaits_answer_to(br->path, re->to->side))
		session_owes_ack(re->to, re->seq);
	else
		session_ack(re->to, re->seq, NULL);
	session_said(re->to, re->sdp);
	session_confirm(re->from, re->st, sdp);
	free(sdp);
	forget(br);
	call_save(b->call);
}

static void refused(struct branch *br, struct reinvite *re, int err,
		    const struct sip_msg *m)
{
	struct bridge *b = br->b;
	uint16_t status = m ? m->scode : err == ETIMEDOUT ? 408 : 480;
	bool lost = status == 481 || status == 408 || !m;

	path_decline(br->path);
	if (m && refresh_too_short(re->to, m))
		status = 491; /* the next one offers longer */
	if (status < 400 || status == 401 || status == 407)
		status = 488;
	answer_refuse(re->st, status, 0,
		      lost ? "the other side has lost the call" : NULL);
	forget(br);
	if (lost)
		bridge_end(b, CALL_BY_GATEWAY, status,
			   "one side has lost the call", NULL);
}

static void response(int err, const struct sip_msg *m, void *arg)
{
	struct reinvite *re = arg;
	struct branch *br = re->from->br;

	if (m) {
		session_heard(re->to, m);
		re->seq = m->cseq.num; /* a challenge may have been answered */
	}
	if (!m || m->scode >= 300)
		refused(br, re, err, m);
	else if (m->scode >= 200)
		accepted(br, re, m);
}

/* libre has answered the CANCEL; how the INVITE ends, the other side says. */
static void cancelled(void *arg)
{
	struct reinvite *re = arg;

	if (re->ct)
		ctxn_cancel(re->ct);
}

static int send_on(struct reinvite *re, const struct sip_msg *m)
{
	const char *sdp = re->sdp;
	struct mbuf *mb;
	int err;

	re->seq = dialog_next(&re->to->dlg);
	mb = session_headers(re->to, "INVITE", re->seq,
			     message_max_forwards(m) - 1);
	err = mb ? allow_print(mb, re->from->methods) : ENOMEM;
	if (!err)
		err = refresh_offer(re->to, mb);
	if (!err)
		err = pass_headers(mb, m, PASS_REINVITE);
	if (!err)
		err = session_body(mb, "application/sdp", sdp,
				   sdp ? strlen(sdp) : 0);
	if (!err)
		err = session_send(re->to, &re->ct, "INVITE", mb, response, re);
	mem_deref(mb);
	return err;
}

static struct reinvite *reinvite_new(struct session *s, struct listener *l,
				     const struct sip_msg *m)
{
	struct reinvite *re = mem_zalloc(sizeof(*re), reinvite_destructor);

	if (!re)
		return NULL;
	re->from = s;
	re->to = s->br->s[OTHER_LEG(s->side)];
	re->delayed = !message_has_sdp(m);
	re->st = stxn_new(l, m, cancelled, re);
	return re->st ? re : mem_deref(re);
}

void verb_reinvite(struct door *d, struct listener *l, struct session *s,
		   const struct sip_msg *m)
{
	struct answer trying = {.status = 100};
	struct branch *br = s->br;
	struct pl body = message_body(m);
	struct reinvite *re;
	struct media_why why;
	uint16_t status;

	if (body.l && !message_has_sdp(m)) {
		door_refuse(d, l, m, 415,
			    "re-INVITE with another body than SDP");
		return;
	}
	if (refresh_refuse(d, l, m) || refuse_feature(d, l, s, m, NULL) ||
	    !relay_may(s, l, m))
		return;
	if (session_alone(s)) {
		s->methods = methods_of(m);
		alone_reinvite(s, l, m);
		return;
	}
	re = reinvite_new(s, l, m);
	if (!re) {
		door_refuse(d, l, m, 503, "out of memory");
		return;
	}
	status = glare(s);
	if (status) {
		refuse_glare(s, re->st, status);
		mem_deref(re);
		return;
	}
	if (!re->delayed &&
	    path_offer(br->path, s->side, body.p, body.l, &re->sdp, &why)) {
		answer_refuse(re->st, (uint16_t)why.status, 0, why.text);
		mem_deref(re);
		return;
	}
	s->methods = methods_of(m);
	stxn_answer(re->st, &trying);
	br->re = re;
	if (send_on(re, m))
		refused(br, re, 0, NULL);
}
