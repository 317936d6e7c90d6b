/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/alone.c - a phone that is alone in its call, see alone.h. Its
 * offers are answered here, since there is nobody on the other side. */
#include <stdlib.h>
#include <string.h>
#include "control/sip/alone.h"
#include "control/sip/dial.h"

bool session_alone(const struct session *s)
{
	return s->br->path && path_is_solo(s->br->path);
}

static bool no_memory(struct bridge *b)
{
	bridge_end(b, CALL_BY_GATEWAY, 503, "out of memory", NULL);
	return false;
}

bool alone_answer(struct bridge *b)
{
	struct pl body = message_body(stxn_request(b->st));
	struct branch *br = branch_between(b, &b->caller->profile);
	struct media_why why;
	char *sdp = NULL;
	int err;

	if (!br || path_solo(br->path, LEG_A))
		return no_memory(b);
	if (b->delayed) {
		err = path_offer_self(br->path, &sdp, &why);
	} else {
		char *heard;

		err = path_offer(br->path, LEG_A, body.p, body.l, &heard, &why);
		if (!err) {
			free(heard);
			err = path_answer_self(br->path, &sdp, &why);
		}
	}
	if (err)
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)why.status, why.text,
			   NULL);
	else
		bridge_up(b, br, sdp);
	free(sdp);
	return !err;
}

bool alone_move(struct bridge *b, struct session *s, const char *reason,
		join_h *h, void *arg)
{
	struct session *leg[2] = {s, NULL};
	struct branch *br = NULL;

	if (!bridge_caller_session(b, s, session_aor(s)))
		return no_memory(b);
	if (join_new(b, leg, reason, h, arg))
		br = branch_between(b, &b->caller->profile);
	if (!br || path_solo(br->path, LEG_A))
		return no_memory(b);
	join_start(b->join);
	return b->call;
}

void alone_rung(struct branch *br, const struct sip_msg *m)
{
	struct bridge *b = br->b;
	struct session *s = br->s[LEG_B];
	struct pl body = message_body(m);
	struct media_why why = {.status = 488,
				.text = "the phone made no offer"};
	char *heard, *sdp = NULL;
	int err = -1;

	if (message_has_sdp(m))
		err = path_offer(br->path, LEG_B, body.p, body.l, &heard, &why);
	if (!err) {
		free(heard);
		err = path_answer_self(br->path, &sdp, &why);
	}
	if (err)
		sdp = path_refusal(br->path, LEG_B, body.p, body.l);
	session_ack(s, br->invite_seq, sdp);
	free(sdp);
	if (!err) {
		join_alone(b->join, br);
		return;
	}
	session_bye(s, why.text);
	bridge_end(b, CALL_BY_GATEWAY, (uint16_t)why.status, why.text, s);
}

/* The answer to its offer, or an offer where it made none. @return 0, or -1
 * with why. */
static int answer(struct session *s, const struct sip_msg *m, char **sdp,
		  struct media_why *why)
{
	struct pl body = message_body(m);
	char *heard;

	if (!message_has_sdp(m))
		return path_offer_self(s->br->path, sdp, why);
	if (path_offer(s->br->path, s->side, body.p, body.l, &heard, why))
		return -1;
	free(heard);
	if (!path_answer_self(s->br->path, sdp, why))
		return 0;
	path_decline(s->br->path);
	return -1;
}

void alone_reinvite(struct session *s, struct listener *l,
		    const struct sip_msg *m)
{
	struct stxn *st = stxn_new(l, m, NULL, NULL);
	struct media_why why;
	char *sdp = NULL;

	if (!st)
		return;
	if (s->confirm || path_may_offer(s->br->path, s->side))
		answer_refuse(st, 500, 0, "its last INVITE isn't finished");
	else if (reoffer_out(s) || s->owes_ack)
		answer_refuse(st, 491, 0, NULL);
	else if (answer(s, m, &sdp, &why))
		answer_refuse(st, (uint16_t)why.status, 0, why.text);
	else
		session_confirm(s, st, sdp);
	free(sdp);
	mem_deref(st);
	call_save(s->br->b->call);
}

void alone_update(struct session *s, struct listener *l,
		  const struct sip_msg *m)
{
	struct answer a = {.status = 200, .type = "application/sdp"};
	struct stxn *st = stxn_new(l, m, NULL, NULL);
	struct mbuf *mb = mbuf_alloc(128);
	struct media_why why;
	char *sdp = NULL;

	if (!st || !mb || session_contact(s, mb))
		goto out;
	if (reoffer_out(s) || path_may_offer(s->br->path, s->side)) {
		answer_refuse(st, 491, 0, NULL);
	} else if (answer(s, m, &sdp, &why)) {
		answer_refuse(st, (uint16_t)why.status, 0, why.text);
	} else {
		a.headers = mb;
		a.body = sdp;
		a.len = strlen(sdp);
		stxn_answer(st, &a);
		call_save(s->br->b->call);
	}
out:
	free(sdp);
	mem_deref(mb);
	mem_deref(st);
}

/* Digits, mostly: taken, and of no use to anybody. */
void alone_info(struct session *s, struct listener *l, const struct sip_msg *m)
{
	struct answer a = {.status = 200};

	if (relay_may(s, l, m) && !refuse_feature(s->br->b->d, l, s, m, NULL))
		door_reply(s->br->b->d, l, m, &a);
}

void alone_ack(struct session *s, const struct sip_msg *m)
{
	struct pl body = message_body(m);
	struct path *p = s->br->path;
	struct media_why why = {.status = 488,
				.text = "the ACK had no answer to the offer"};
	char *heard = NULL;

	if (!path_awaits_answer_to(p, OTHER_LEG(s->side)))
		return;
	if (message_has_sdp(m) &&
	    !path_answer(p, s->side, body.p, body.l, true, &heard, &why))
		free(heard);
	else
		bridge_end(s->br->b, CALL_BY_GATEWAY, (uint16_t)why.status,
			   why.text, NULL);
}
