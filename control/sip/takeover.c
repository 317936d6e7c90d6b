/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/takeover.c - an INVITE that is about another call: with Replaces
 * (RFC 3891) it takes a phone out of it, with Join (RFC 3911) it makes a
 * conference of it.
 *
 * Who may is who is an authenticated user, may call the phone, and knows the
 * dialog: Call-ID and tags, 64 random bits of which are ours. */
#include <stdio.h>
#include "control/policy/policy.h"
#include "control/sip/alone.h"
#include "control/sip/dial.h"

void takeover(struct bridge *b, struct session *y, const char *reason)
{
	struct session *leg[2] = {NULL, y};

	call_reaches(b->call, session_aor(y));
	if (join_new(b, leg, reason, NULL, NULL) &&
	    branch_between(b, &b->caller->profile))
		join_start(b->join);
	else
		bridge_end(b, CALL_BY_GATEWAY, 503, "out of memory", NULL);
}

static bool early_only(const struct sip_msg *m)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_REPLACES);
	struct pl val;

	return !msg_param_exists(&hdr->val, "early-only", &val);
}

void invite_replaces(struct door *d, struct listener *l,
		     const struct sip_msg *m, const struct store_user *u,
		     const struct asked *a)
{
	struct session *s = a->named, *y;
	struct bridge *b;
	struct hop at;

	if (!s || !s->br->b->call || s->br->b->up != s->br) {
		door_refuse(d, l, m, 481, "there is no such call to replace");
		return;
	}
	y = s->br->s[OTHER_LEG(s->side)];
	if (early_only(m)) {
		door_refuse(d, l, m, 486, "that call has been answered");
		return;
	}
	if (y->join || s->join || !y->dlg.remote_tag) {
		door_refuse(d, l, m, 491, "the call is being put through");
		return;
	}
	b = bridge_new(d, l, m, a->by, session_aor(y));
	if (!b) {
		door_refuse(d, l, m, 503, "out of memory");
		return;
	}
	hop_of(&at, l, m);
	if (bridge_caller(b, u, &at))
		takeover(b, y, "replaced");
	else
		bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory", NULL);
}

void invite_join(struct door *d, struct listener *l, const struct sip_msg *m,
		 const struct store_user *u, const struct asked *a)
{
	struct bridge *named = a->named ? a->named->br->b : NULL, *b;
	struct media_why why;
	struct focus *f;
	struct hop at;

	if (!named || !named->call || named->up != a->named->br ||
	    named->park) {
		door_refuse(d, l, m, 481, "there is no such call to join");
		return;
	}
	f = focus_of(named, NULL, &why);
	if (!f) {
		door_refuse(d, l, m, (uint16_t)why.status, why.text);
		return;
	}
	b = bridge_new(d, l, m, a->by, focus_uri(f));
	if (!b) {
		door_refuse(d, l, m, 503, "out of memory");
		return;
	}
	hop_of(&at, l, m);
	if (bridge_caller(b, u, &at))
		focus_invited(f, b);
	else
		bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory", NULL);
}
