/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/bye.c - BYE: the call ends. RFC 3261 section 15. */
#include <stdio.h>
#include "control/sip/join.h"

/* The text of a Reason header, where it has one. */
static void reason_of(const struct sip_msg *m, char *text, size_t size)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_REASON);
	struct pl val;

	snprintf(text, size, "hung up");
	if (hdr && !re_regex(hdr->val.p, hdr->val.l, "text=\"[^\"]+\"", &val) &&
	    !tells_where(m, &val))
		snprintf(text, size, "hung up: %.*s",
			 (int)(val.l < 80 ? val.l : 80), val.p);
}

/* Who has put its partner through may go before that is done: the partner's
 * session stays, alone, until it is. */
static bool left_behind(struct session *s)
{
	struct bridge *b = s->br->b;
	struct session *other = s->br->s[OTHER_LEG(s->side)];

	if (!b->call || b->up != s->br || s->join || !other->join)
		return false;
	session_reset(s);
	call_save(b->call);
	return true;
}

void verb_bye(struct door *d, struct listener *l, struct session *s,
	      const struct sip_msg *m)
{
	static const enum call_by by[] = {CALL_BY_CALLER, CALL_BY_CALLEE};
	struct answer a = {.status = 200};
	struct bridge *b = s->br->b;
	struct stxn *st;
	char text[128];

	if (!dialog_sequence(&s->dlg, m)) {
		door_refuse(d, l, m, 500, "CSeq is older than the last");
		return;
	}
	st = stxn_new(l, m, NULL, NULL);
	if (st)
		stxn_answer(st, &a);
	mem_deref(st);

	/* Whoever says BYE needs no ACK any more, and sends none. */
	s->bye_after = mem_deref(s->bye_after);
	session_unconfirm(s);
	reason_of(m, text, sizeof(text));
	if (left_behind(s))
		return;
	if (b->up == s->br)
		bridge_end(b, by[s->side], 200, text, s);
	else if (b->call && s->side == LEG_A)
		/* An early dialog: its INVITE is still to be answered. */
		bridge_end(b, CALL_BY_CALLER, 487, text, s);
	else if (b->call && b->join && join_leg(b->join, LEG_B) == s)
		/* It was rung to be joined, has answered, and goes again. */
		bridge_end(b, CALL_BY_CALLEE, 487, text, s);
	bridge_tidy(b);
}
