/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/bridge.c - a call as SIP sees it: from INVITE to the last BYE. */
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/sip/forward.h"
#include "control/sip/pstn.h"

static void hangup(void *arg, int status, const char *reason)
{
	bridge_end(arg, CALL_BY_GATEWAY, (uint16_t)status, reason, NULL);
}

/* By Call-ID a call is found in traces of either side. */
static void describe(void *arg, json_t *call)
{
	const struct bridge *b = arg;

	pstn_describe(arg, call);
	if (b->up)
		json_object_set_new(call, "call_ids",
				    json_pack("[s?, s?]",
					      b->up->s[LEG_A]->dlg.callid,
					      b->up->s[LEG_B]->dlg.callid));
}

/* A trunk that is down, or a page whose WebSocket has been closed: one that was
 * only cut off goes on sending, and opens another. */
static bool side_gone(void *arg, enum leg l)
{
	const struct bridge *b = arg;
	const struct session *s = b->up ? b->up->s[l] : NULL;

	return pstn_gone(arg, l) || (s && !hop_reachable(&s->hop));
}

const struct call_door sip_call_door = {
	.name = "sip",
	.hangup = hangup,
	.save = bridge_save,
	.load = bridge_load,
	.describe = describe,
	.gone = side_gone,
};

static void bridge_destructor(void *arg)
{
	struct bridge *b = arg;

	list_unlink(&b->le);
	timer_cancel(&b->ring);
	list_unlink(&b->untidy);
	mem_deref(b->join);
	list_flush(&b->branches);
	mem_deref(b->st);
	mem_deref(b->hunt);
	mem_deref(b->line);
	mem_deref(b->forward);
	mem_deref(b->caller);
	mem_deref(b->referred_by);
}

static void caller_cancelled(void *arg)
{
	struct bridge *b = arg;

	bridge_end(b, CALL_BY_CALLER, 487, "cancelled by the caller", NULL);
}

static void rang_out(void *arg)
{
	struct bridge *b = arg;

	bridge_end(b, CALL_BY_GATEWAY, 480, "nobody answered", NULL);
}

struct bridge *bridge_alloc(struct door *d)
{
	struct bridge *b = mem_zalloc(sizeof(*b), bridge_destructor);

	if (!b)
		return NULL;
	b->d = d;
	list_append(&d->bridges, &b->le, b);
	return b;
}

struct bridge *bridge_new(struct door *d, struct listener *l,
			  const struct sip_msg *m, const char *from,
			  const char *to)
{
	struct answer trying = {.status = 100};
	struct bridge *b = bridge_alloc(d);

	if (!b)
		return NULL;
	b->delayed = !message_has_sdp(m);
	b->st = stxn_new(l, m, caller_cancelled, b);
	if (b->st)
		b->call = call_new(d->cfg.calls, &sip_call_door, b, from, to);
	if (!b->call)
		return mem_deref(b);
	stxn_answer(b->st, &trying);
	timer_start(&b->ring, d->cfg.sip->ring_timeout * 1000, rang_out, b);
	return b;
}

struct bridge *bridge_originate(struct door *d, const char *from,
				const char *to)
{
	struct bridge *b = bridge_alloc(d);

	if (!b)
		return NULL;
	b->delayed = true;
	b->call = call_new(d->cfg.calls, &sip_call_door, b, from, to);
	if (!b->call)
		return mem_deref(b);
	timer_start(&b->ring, d->cfg.sip->ring_timeout * 1000, rang_out, b);
	return b;
}

void bridge_up(struct bridge *b, struct branch *br, const char *sdp)
{
	struct le *le;

	timer_cancel(&b->ring);
	hunt_stop(b->hunt);
	forward_stop(b);
	b->up = br;
	if (b->st)
		session_confirm(br->s[LEG_A], b->st, sdp);
	LIST_FOREACH (&b->branches, le) {
		struct branch *other = le->data;

		if (other != br)
			branch_cancel(other);
	}
	call_up(b->call, br->path);
	if (b->focus)
		focus_entered(b);
}

/* RFC 3261 section 16.7 step 6: 6xx before all, else the lowest class; within
 * 4xx what says more than "not now". */
static unsigned rank(uint16_t status)
{
	static const uint16_t telling[] = {486, 488, 415, 420, 484, 403};

	if (status >= 600)
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(telling); i++)
		if (telling[i] == status)
			return 100 + i;
	return status == 408 ? 499 : status;
}

bool bridge_rings(const struct bridge *b)
{
	struct le *le;

	LIST_FOREACH (&b->branches, le) {
		const struct branch *br = le->data;

		if (!br->given_up && !br->status && br->path)
			return true;
	}
	return false;
}

void bridge_refuse(struct bridge *b)
{
	struct branch *best = NULL;
	struct answer a = {0};
	bool ringing = false;
	struct le *le;

	LIST_FOREACH (&b->branches, le) {
		struct branch *br = le->data;

		if (br->given_up)
			continue;
		ringing |= !br->status;
		if (br->status &&
		    (!best || rank(br->status) < rank(best->status)))
			best = br;
	}
	if (ringing && !(best && best->status >= 600))
		return;
	if (!best) {
		bridge_end(b, CALL_BY_GATEWAY, 480, "no phone to ring", NULL);
		return;
	}
	if (forward_refused(b, best->status))
		return;
	a.status = best->status;
	a.headers = best->refusal;
	if (b->st && !stxn_answered(b->st))
		stxn_answer(b->st, &a);
	bridge_end(b, CALL_BY_CALLEE, best->status,
		   best->reason[0] ? best->reason : NULL, NULL);
}

static void end_branch(struct branch *br, const char *reason,
		       const struct session *knows)
{
	relays_end(br, 481);
	reinvite_end(br);
	if (br != br->b->up) {
		branch_cancel(br);
		return;
	}
	br->path = NULL; /* the call's, which frees it */
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		struct session *s = br->s[l];

		trunk_line_over(s->line);
		join_lost(s, reason ? reason : "hung up");
		if (s->owes_ack) /* the answer it waited for never comes */
			session_ack(s, s->ack_seq, NULL);
		if (s != knows)
			session_bye(s, reason);
	}
}

void bridge_end(struct bridge *b, enum call_by by, uint16_t status,
		const char *reason, const struct session *knows)
{
	struct call *call = b->call;
	char text[PSTN_REASON_MAX];
	struct le *le;

	if (!call)
		return;
	if (by == CALL_BY_GATEWAY)
		reason = pstn_reason(b, reason, text);
	b->call = NULL;
	timer_cancel(&b->ring);
	hunt_stop(b->hunt);
	forward_stop(b);
	trunk_line_over(b->line);
	if (b->join)
		join_failed(b->join, status, reason);
	park_left(b);
	if (b->st && !stxn_answered(b->st))
		answer_refuse(b->st, status, 0, reason);
	LIST_FOREACH (&b->branches, le)
		end_branch(le->data, reason, knows);
	call_end(call, by, status, reason);
	focus_left(b);
	bridge_tidy(b);
}

static bool branch_over(const struct branch *br)
{
	return !br->invite && !session_busy(br->s[LEG_A]) &&
	       !session_busy(br->s[LEG_B]);
}

static void tidy(struct bridge *b)
{
	struct le *le = list_head(&b->branches);

	while (le) {
		struct branch *br = le->data;

		le = le->next;
		if (b->call && (br == b->up || !b->up))
			continue;
		if (branch_over(br))
			mem_deref(br);
	}
	if (!b->call && list_isempty(&b->branches))
		mem_deref(b);
}

void bridges_tidy(int id, void *data, void *door)
{
	struct door *d = door;
	struct le *le;

	(void)id;
	(void)data;
	while ((le = list_head(&d->untidy))) {
		list_unlink(le);
		tidy(le->data);
	}
}

void bridge_tidy(struct bridge *b)
{
	struct door *d = b->d;

	if (b->untidy.list)
		return;
	/* Not from within: whoever called is still at work on it. By a message
	 * to ourselves, since libre's timers are a list to be searched. */
	if (list_isempty(&d->untidy))
		mqueue_push(d->later, 0, NULL);
	list_append(&d->untidy, &b->untidy, b);
}
