/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/reoffer.c - an INVITE of our own within a dialog, see join.h. */
#include <errno.h>
#include <stdlib.h>
#include "control/sip/join.h"

#define QUIET_MS     50	   /* how often to look whether the dialog is free */
#define GIVE_UP_MS   32000 /* 64 * T1: no transaction lasts longer */
#define GLARES_MAX   5
#define OWNER_MS     2100 /* section 14.1: who made the Call-ID waits for 2.1 */
#define OWNER_SPAN   1900 /* to 4 s, */
#define ANSWERER_MAX 2000 /* the other for 0 to 2 s */

struct reoffer {
	struct session *s;
	struct ctxn *ct;
	struct timer wait;
	unsigned waited; /* ms, for a dialog that is free */
	unsigned glares;
	uint32_t seq;
	char *sdp;
	reoffer_h *h;
	void *arg;
};

static void attempt(void *arg);

static void reoffer_destructor(void *arg)
{
	struct reoffer *r = arg;

	timer_cancel(&r->wait);
	ctxn_drop(r->ct);
	mem_deref(r->sdp);
	if (r->s->reoffer == r)
		r->s->reoffer = NULL;
}

static void finish(struct reoffer *r, uint16_t status, const struct sip_msg *m)
{
	reoffer_h *h = r->h;
	void *arg = r->arg;

	mem_deref(r);
	if (h)
		h(status, m, arg);
}

/* Nobody waits for this any more, but the phone has agreed. */
static void agreed_in_vain(struct session *s, uint32_t seq, bool offers,
			   const struct sip_msg *m)
{
	struct pl body = message_body(m);
	char *sdp = NULL;

	if (offers && s->br->path)
		sdp = path_refusal(s->br->path, s->side, body.p, body.l);
	session_ack(s, seq, sdp);
	free(sdp);
	join_mend(s);
}

static void response(int err, const struct sip_msg *m, void *arg)
{
	struct reoffer *r = arg;
	struct session *s = r->s;

	if (m) {
		session_heard(s, m);
		r->seq = m->cseq.num; /* a challenge may have been answered */
	}
	if (m && m->scode < 200)
		return;
	if (m && (m->scode == 491 || refresh_too_short(s, m)) && r->h &&
	    ++r->glares <= GLARES_MAX) {
		timer_start(&r->wait,
			    s->dlg.ours ? OWNER_MS + rand_u32() % OWNER_SPAN
					: rand_u32() % ANSWERER_MAX,
			    attempt, r);
		return;
	}
	if (m && m->scode < 300) {
		dialog_refresh(&s->dlg, m);
		s->methods = methods_of(m);
		refresh_agreed(s, m);
		session_said(s, r->sdp);
		session_owes_ack(s, r->seq);
		if (r->h) {
			finish(r, 200, m);
			return;
		}
		s->reoffer = NULL;
		agreed_in_vain(s, r->seq, !r->sdp, m);
		mem_deref(r);
		return;
	}
	finish(r, m ? m->scode : err == ETIMEDOUT ? 408 : 480, m);
}

/* Nothing under way that an INVITE must not meet. */
static bool quiet(const struct session *s)
{
	const struct branch *br = s->br;

	/* an offer that is open on a path being joined is the join's own */
	return !s->confirm && !s->owes_ack && !br->re &&
	       !refresh_inviting(br) &&
	       !(br->path && !br->b->join && path_may_offer(br->path, s->side));
}

static int send_it(struct reoffer *r)
{
	struct session *s = r->s;
	struct mbuf *mb;
	int err;

	r->seq = dialog_next(&s->dlg);
	mb = session_headers(s, "INVITE", r->seq, 70);
	err = mb ? allow_print(mb, s->br->s[OTHER_LEG(s->side)]->methods)
		 : ENOMEM;
	if (!err)
		err = refresh_offer(s, mb);
	if (!err)
		err = session_body(mb, "application/sdp", r->sdp,
				   r->sdp ? str_len(r->sdp) : 0);
	if (!err)
		err = session_send(s, &r->ct, "INVITE", mb, response, r);
	mem_deref(mb);
	return err;
}

static void attempt(void *arg)
{
	struct reoffer *r = arg;

	if (quiet(r->s)) {
		if (send_it(r))
			finish(r, 480, NULL);
	} else if (r->waited < GIVE_UP_MS) {
		r->waited += QUIET_MS;
		timer_start(&r->wait, QUIET_MS, attempt, r);
	} else {
		finish(r, 491, NULL);
	}
}

int reoffer_start(struct session *s, const char *sdp, reoffer_h *h, void *arg)
{
	struct reoffer *r;

	if (s->reoffer)
		return EBUSY;
	r = mem_zalloc(sizeof(*r), reoffer_destructor);
	if (!r)
		return ENOMEM;
	r->s = s;
	r->h = h;
	r->arg = arg;
	if (sdp && str_dup(&r->sdp, sdp)) {
		mem_deref(r);
		return ENOMEM;
	}
	s->reoffer = r;
	/* not from within: who starts one isn't done with its own state */
	timer_start(&r->wait, 0, attempt, r);
	return 0;
}

void reoffer_drop(struct session *s)
{
	struct reoffer *r = s->reoffer;

	if (!r || !r->ct) {
		mem_deref(r);
		return;
	}
	r->h = NULL;
	ctxn_cancel(r->ct);
}

bool reoffer_out(const struct session *s)
{
	return s->reoffer && s->reoffer->ct;
}
