/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/carrier.c - a call that comes in from a trunk.
 *
 * It may reach the numbers that users and groups have, and nothing else: no
 * name, no other trunk, whatever its headers say. */
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/dial.h"
#include "control/sip/pstn.h"

/* How phones see who calls: a number that they can dial back. */
static void name_caller(char out[TARGET_NAME_MAX], const struct door *d,
			const struct trunk_caller *c)
{
	if (c->number[0])
		snprintf(out, TARGET_NAME_MAX, "<sip:%s@%s;user=phone>",
			 c->number, d->cfg.domain);
	else
		snprintf(out, TARGET_NAME_MAX,
			 "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
}

static void take(struct bridge *b, struct trunk *t, const struct store_did *did,
		 const struct trunk_caller *caller)
{
	struct media_profile profile = trunk_profile(t);
	const struct sip_msg *m = stxn_request(b->st);
	struct pl body = message_body(m);
	char from[TARGET_NAME_MAX], by[TRUNK_NAME_MAX + 8];
	struct feature_answer a;

	snprintf(by, sizeof(by), "trunk %s", trunk_name(t));
	if (message_has_sdp(m))
		call_heard_offer(b->call, body.p, body.l);
	a = call_may(b->call, FEATURE_PSTN, by, "INVITE from a trunk");
	if (!a.allowed) {
		answer_refuse_feature(b->st, &a);
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)a.status, a.reason,
			   NULL);
		return;
	}
	b->line = trunk_line_new(t, false);
	if (!b->line) {
		bridge_end(b, CALL_BY_GATEWAY, 486,
			   "the trunk's limit of calls is reached", NULL);
		return;
	}
	name_caller(from, b->d, caller);
	if (bridge_caller_trunk(b, from, &profile))
		dial_did(b, did);
	else
		bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory", NULL);
}

bool carrier_invite(struct door *d, struct listener *l, const struct sip_msg *m)
{
	struct trunk *t = trunks_source(d->trunks, m);
	char from[STORE_AOR_MAX], to[STORE_AOR_MAX];
	struct trunk_caller caller;
	struct store_did did;
	struct bridge *b;
	bool known;

	if (!t)
		return false;
	if (trunk_set(t)->inbound == INBOUND_DIGEST && !auth_trunk(d, l, m, t))
		return true;
	trunk_heard(t);
	known = trunk_called(d->trunks, t, m, &did);
	trunk_calling(d->trunks, t, m, &caller);
	snprintf(from, sizeof(from), "sip:%s@%s",
		 caller.number[0] ? caller.number : "anonymous", d->cfg.domain);
	snprintf(to, sizeof(to), "sip:%s@%s",
		 did.number[0] ? did.number : "unknown", d->cfg.domain);
	b = bridge_new(d, l, m, from, to);
	if (!b) {
		door_refuse(d, l, m, 503, "out of memory");
		return true;
	}
	log_info(call_id(b->call), "from trunk %s", trunk_name(t));
	if (calls_draining(d->cfg.calls))
		bridge_end(b, CALL_BY_GATEWAY, 503, CALLS_DRAINING, NULL);
	else if (known)
		take(b, t, &did, &caller);
	else
		bridge_end(b, CALL_BY_GATEWAY, 404,
			   "this number is nobody's here", NULL);
	return true;
}
