/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/branch.c - one phone that rings: its INVITE, and what it says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/sip/forward.h"
#include "control/sip/pstn.h"

static void branch_failed(struct branch *br, uint16_t status,
			  const char *reason, const struct sip_msg *m);
static int send_invite(struct branch *br);

static void branch_destructor(void *arg)
{
	struct branch *br = arg;

	list_unlink(&br->le);
	relays_end(br, 481);
	reinvite_end(br);
	ctxn_drop(br->invite);
	mem_deref(br->s[LEG_A]);
	mem_deref(br->s[LEG_B]);
	if (br != br->b->up)
		path_free(br->path); /* else the call's */
	free(br->early_sdp);
	if (br->offer)
		explicit_bzero(br->offer, strlen(br->offer));
	free(br->offer);
	mem_deref(br->lines);
	mem_deref(br->refusal);
}

struct branch *branch_alloc(struct bridge *b)
{
	struct branch *br = mem_zalloc(sizeof(*br), branch_destructor);

	if (!br)
		return NULL;
	br->b = b;
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		br->s[l] = session_alloc(br, l);
		if (!br->s[l])
			return mem_deref(br);
	}
	list_append(&b->branches, &br->le, br);
	return br;
}

/* Leg A, where an INVITE began the call. */
static int caller_session(struct branch *br)
{
	struct stxn *st = br->b->st;
	struct session *s = br->s[LEG_A];

	if (!st)
		return 0;
	hop_of(&s->hop, stxn_listener(st), stxn_request(st));
	s->line = mem_ref(br->b->line);
	s->methods = methods_of(stxn_request(st));
	return dialog_uas(&s->dlg, stxn_request(st), rand_u64());
}

/* Its media. A leg that comes from another call brings what it is along. */
static int branch_path(struct branch *br, const struct media_profile profile[2])
{
	struct bridge *b = br->b;
	struct media_leg_addr addr[2] = {0};
	struct session *heir[2] = {NULL, NULL};

	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		const struct hop *h = &br->s[l]->hop;

		if (!br->s[l]->dlg.callid) {
			heir[l] = b->join ? join_leg(b->join, l) : NULL;
			continue;
		}
		addr[l].local = sip_addr_media(listener_addr(h->via));
		addr[l].peer = sip_addr_media(&h->peer);
		door_add_session(b->d, br->s[l]);
	}
	br->path = path_new(b->call, addr, profile);
	if (!br->path)
		return ENOMEM;
	if (b->alone)
		return path_solo(br->path, LEG_B);
	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (heir[l] &&
		    path_heir(br->path, l, heir[l]->br->path, heir[l]->side))
			return ENOMEM;
	return 0;
}

struct branch *branch_new(struct bridge *b, const struct media_profile *caller,
			  const struct target *to)
{
	struct branch *br = branch_alloc(b);
	struct media_profile profile[2] = {*caller, to->profile};

	if (!br)
		return NULL;
	br->s[LEG_B]->hop = to->hop;
	br->s[LEG_B]->line = mem_ref(to->line);
	if (to->lines[0] && str_dup(&br->lines, to->lines))
		return mem_deref(br);
	if (caller_session(br) ||
	    dialog_uac(&br->s[LEG_B]->dlg, to->from, to->to, to->uri) ||
	    dialog_routes(&br->s[LEG_B]->dlg, to->routes) ||
	    branch_path(br, profile))
		return mem_deref(br);
	return br;
}

struct branch *branch_between(struct bridge *b,
			      const struct media_profile *caller)
{
	struct branch *br = branch_alloc(b);
	struct media_profile profile[2] = {*caller};

	if (br && (caller_session(br) || branch_path(br, profile)))
		return mem_deref(br);
	return br;
}

int branch_accept_sdp(struct branch *br, enum leg from, bool offered,
		      const struct sip_msg *m, char **sdp,
		      struct media_why *why)
{
	struct pl body = message_body(m);
	bool has = message_has_sdp(m);
	struct path *p = br->path;

	*sdp = NULL;
	if (path_awaits_answer_to(p, OTHER_LEG(from))) {
		if (has)
			return path_answer(p, from, body.p, body.l, true, sdp,
					   why);
		if (path_settle(p))
			return 0;
	} else if (!offered) {
		return 0; /* a reliable 18x has settled it */
	} else if (has) {
		return path_offer(p, from, body.p, body.l, sdp, why);
	}
	why->status = 488;
	snprintf(why->text, sizeof(why->text),
		 "the phone that answered sent no session description");
	return -1;
}

static void success(struct branch *br, const struct sip_msg *m)
{
	struct session *phone = br->s[LEG_B];
	struct bridge *b = br->b;
	struct media_why why;
	char *sdp = NULL;

	if (dialog_learn(&phone->dlg, m)) {
		branch_failed(br, 502, "the phone's answer has no tag", NULL);
		return;
	}
	phone->methods = methods_of(m);
	refresh_agreed(phone, m);
	session_said(phone, br->offer);
	if (!b->call || b->up || !br->path ||
	    (b->join && join_decided(b->join))) { /* crossed with our CANCEL */
		session_ack(phone, br->invite_seq, NULL);
		session_bye(phone, "answered elsewhere");
		bridge_tidy(b);
		return;
	}
	if (b->alone) {
		alone_rung(br, m);
		return;
	}
	if (branch_accept_sdp(br, LEG_B,
			      b->delayed && !path_negotiated(br->path), m, &sdp,
			      &why)) {
		session_ack(phone, br->invite_seq, NULL);
		session_bye(phone, why.text);
		branch_failed(br, (uint16_t)why.status, why.text, NULL);
		return;
	}
	/* Before bridge_up, which saves the call. */
	if (path_awaits_answer_to(br->path, LEG_B))
		session_owes_ack(phone, br->invite_seq);
	else
		session_ack(phone, br->invite_seq, NULL);
	if (b->join)
		join_answered(b->join, br, m, sdp);
	else
		bridge_up(b, br, sdp ? sdp : br->early_sdp);
	free(sdp);
}

/* A preview of the answer, or an offer that a PRACK will answer. What is wrong
 * with it is left out where that is possible; the 2xx will show.
 * @return -1: it has to be refused. */
static int progress_sdp(struct branch *br, const struct sip_msg *m,
			bool reliable, char **sdp, struct media_why *why)
{
	struct pl body = message_body(m);
	int err = 0;

	*sdp = NULL;
	if (!message_has_sdp(m))
		return 0;
	if (path_awaits_answer_to(br->path, LEG_A)) {
		if (reliable) /* the answer, before an M2 may stand in it */
			path_e2ee_drop(br->path);
		err = path_answer(br->path, LEG_B, body.p, body.l, reliable,
				  sdp, why);
	} else if (br->b->delayed && reliable && !path_negotiated(br->path) &&
		   !path_may_offer(br->path, LEG_B))
		err = path_offer(br->path, LEG_B, body.p, body.l, sdp, why);
	if (!err || reliable)
		return err;
	log_info(call_id(br->b->call), "early media left out: %s", why->text);
	return 0;
}

static void progress(struct branch *br, const struct sip_msg *m)
{
	bool reliable = message_lists(m, SIP_HDR_REQUIRE, "100rel");
	struct bridge *b = br->b;
	struct answer a = {.status = m->scode};
	struct media_why why;
	struct mbuf *mb;
	uint32_t rseq = 0;
	char *sdp;
	int err;

	if (!b->call || b->up || !br->path || (b->st && stxn_answered(b->st)) ||
	    dialog_learn(&br->s[LEG_B]->dlg, m))
		return;
	if (!b->st) {
		br->s[LEG_B]->methods = methods_of(m);
		call_ringing(b->call);
		if (b->join)
			join_progress(b->join, m->scode);
		return;
	}
	if (reliable && (!message_rseq(m, &rseq) || rseq < br->rseq))
		return;
	if (reliable && rseq == br->rseq) { /* its PRACK is still under way */
		stxn_resend(b->st);
		return;
	}
	if (progress_sdp(br, m, reliable, &sdp, &why)) {
		branch_cancel(br);
		branch_failed(br, (uint16_t)why.status, why.text, NULL);
		return;
	}
	call_ringing(b->call);
	br->s[LEG_B]->methods = methods_of(m);
	a.tag = session_tag(br->s[LEG_A]);
	mb = mbuf_alloc(256);
	err = mb ? session_contact(br->s[LEG_A], mb) : ENOMEM;
	if (!err)
		err = allow_print(mb, br->s[LEG_B]->methods);
	if (!err && reliable)
		err = mbuf_printf(mb, "Require: 100rel\r\nRSeq: %u\r\n", rseq);
	if (!err)
		err = pass_headers(mb, m, PASS_INVITE_ANSWER);
	a.headers = mb;
	if (sdp) {
		a.type = "application/sdp";
		a.body = sdp;
		a.len = strlen(sdp);
	}
	if (!err)
		stxn_answer(b->st, &a);
	br->rseq = reliable ? rseq : br->rseq;
	if (sdp && !reliable) {
		free(br->early_sdp);
		br->early_sdp = sdp;
		sdp = NULL;
	}
	free(sdp);
	mem_deref(mb);
}

/* What a phone says of itself isn't always what the caller should hear: a
 * challenge or a redirection would be taken for the gateway's. */
static uint16_t status_for_caller(uint16_t status)
{
	if (status < 400 || status == 401 || status == 407 || status == 481 ||
	    status == 482 || status == 483 || status == 503)
		return 480;
	return status;
}

/* A phone that sends its caller elsewhere. A trunk isn't followed: it would dial
 * at our cost. */
static void redirected(struct branch *br, const struct sip_msg *m)
{
	struct call *call = br->b->call;
	struct feature_answer a;

	if (!call || call_kind(call) != CALL_E2EE) {
		if (call && !br->b->up && !br->given_up && br->path &&
		    !br->s[LEG_B]->line && forward_deflected(br->b, m)) {
			branch_refused(br, 480, NULL, m);
			bridge_tidy(br->b);
			return;
		}
		branch_failed(br, status_for_caller(m->scode), NULL, m);
		return;
	}
	a = call_may(call, FEATURE_FORWARD, call_party(call, LEG_B), "3xx");
	branch_failed(br, (uint16_t)a.status, a.reason, NULL);
}

static void invite_response(int err, const struct sip_msg *m, void *arg)
{
	struct branch *br = arg;

	if (!m) {
		bool trunk = br->s[LEG_B]->line;

		branch_failed(br, err == ETIMEDOUT || trunk ? 408 : 480,
			      trunk ? err == EPROTO
					      ? "the trunk's TLS or its "
						"certificate isn't accepted"
					      : "the trunk can't be reached"
				    : "the phone can't be reached",
			      NULL);
		return;
	}
	session_heard(br->s[LEG_B], m);
	br->invite_seq = m->cseq.num; /* a challenge may have been answered */
	hunt_progress(br->b->hunt, br, m->scode);
	if (m->scode == 100)
		return;
	if (refresh_too_short(br->s[LEG_B], m) && br->b->call && !br->b->up &&
	    !br->status && br->path && !send_invite(br))
		return;
	if (m->scode < 200)
		progress(br, m);
	else if (m->scode < 300)
		success(br, m);
	else if (m->scode < 400)
		redirected(br, m);
	else
		branch_failed(br, status_for_caller(m->scode), NULL, m);
}

void branch_refused(struct branch *br, uint16_t status, const char *reason,
		    const struct sip_msg *m)
{
	struct mbuf *mb;

	trunk_line_over(br->s[LEG_B]->line);
	if (br->status) /* the first says why; a 487 follows our CANCEL */
		return;
	br->status = status;
	if (reason)
		snprintf(br->reason, sizeof(br->reason), "%s", reason);
	else if (m)
		snprintf(br->reason, sizeof(br->reason), "%u %.*s", m->scode,
			 (int)(m->reason.l < 64 ? m->reason.l : 64),
			 m->reason.p);
	mb = mbuf_alloc(256);
	if (mb && m)
		pass_headers(mb, m, PASS_INVITE_ANSWER);
	else if (mb && br->s[LEG_A]->hop.via)
		refusal_headers(mb, br->s[LEG_A]->hop.via, status, reason);
	br->refusal = mb;
}

static void branch_failed(struct branch *br, uint16_t status,
			  const char *reason, const struct sip_msg *m)
{
	struct bridge *b = br->b;

	branch_refused(br, status, reason, m);
	if (b->call && !b->up &&
	    !hunt_failed(b->hunt, br, m ? m->scode : status, br->reason))
		bridge_refuse(b);
	bridge_tidy(b);
}

void branch_cancel(struct branch *br)
{
	relays_end(br, 481);
	path_free(br->path); /* nothing it says will be listened to */
	br->path = NULL;
	trunk_line_over(br->s[LEG_B]->line);
	if (br->invite)
		ctxn_cancel(br->invite);
	bridge_tidy(br->b);
}

/* What of the caller's INVITE goes on to the phone. */
static int callers_headers(const struct branch *br, struct mbuf *mb,
			   const struct sip_msg *m)
{
	int err = 0;

	/* A reliable 18x would hold the answer, which is to come with the M2 */
	if (message_lists(m, SIP_HDR_SUPPORTED, "100rel") &&
	    path_e2ee(br->path) != E2EE_OFFERED)
		err = mbuf_write_str(mb, "Supported: 100rel\r\n");
	if (!err && message_lists(m, SIP_HDR_REQUIRE, "100rel"))
		err = mbuf_write_str(mb, "Require: 100rel\r\n");
	return err ? err : pass_headers(mb, m, PASS_INVITE);
}

/* What the caller takes, wherever its session still is. */
static unsigned caller_methods(const struct branch *br)
{
	const struct join *j = br->b->join;
	const struct session *s = j ? join_leg(j, LEG_A) : NULL;

	return s ? s->methods : br->s[LEG_A]->methods;
}

/* Again with the same offer where the phone asks for a longer session. */
static int send_invite(struct branch *br)
{
	struct session *phone = br->s[LEG_B];
	const struct sip_msg *m = br->b->st ? stxn_request(br->b->st) : NULL;
	const char *sdp = br->offer;
	struct mbuf *mb;
	int err;

	br->invite_seq = dialog_next(&phone->dlg);
	mb = session_headers(phone, "INVITE", br->invite_seq,
			     (m ? message_max_forwards(m) : 70) - 1);
	err = mb ? allow_print(mb, caller_methods(br)) : ENOMEM;
	if (!err && m)
		err = callers_headers(br, mb, m);
	if (!err)
		err = forward_print(br->b, mb);
	if (!err && br->b->referred_by)
		err = mbuf_printf(mb, "Referred-By: <%s>\r\n",
				  br->b->referred_by);
	if (!err && br->lines)
		err = mbuf_write_str(mb, br->lines);
	if (!err)
		err = refresh_offer(phone, mb);
	if (!err)
		err = session_body(mb, "application/sdp", sdp,
				   sdp ? strlen(sdp) : 0);
	if (!err)
		err = session_send(phone, &br->invite, "INVITE", mb,
				   invite_response, br);
	mem_deref(mb);
	return err;
}

int branch_invite(struct branch *br, struct media_why *why)
{
	const struct sip_msg *m = br->b->st ? stxn_request(br->b->st) : NULL;
	struct pl body = m ? message_body(m) : pl_null;
	int err;

	if (!br->b->delayed &&
	    path_offer(br->path, LEG_A, body.p, body.l, &br->offer, why))
		return -1;
	err = send_invite(br);
	if (!err)
		return 0;
	why->status = 480;
	snprintf(why->text, sizeof(why->text), "the phone can't be reached: %s",
		 strerror(err));
	return -1;
}
