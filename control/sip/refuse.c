/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/refuse.c - what this door knows, and doesn't do. */
#include <string.h>
#include "control/features/features.h"
#include "control/sip/alone.h"

void verb_not_allowed(struct door *d, struct listener *l, struct session *s,
		      const struct sip_msg *m)
{
	struct answer a = {.status = 405};
	struct mbuf *mb = mbuf_alloc(128);

	(void)s;
	if (mb && !allow_print(mb, ~0u)) {
		a.headers = mb;
		door_reply(d, l, m, &a);
	}
	mem_deref(mb);
}

/* <sip:carol@example?Replaces=...>, <sip:park@example> */
static bool refer(struct door *d, const struct sip_msg *m, struct asked *a)
{
	const struct sip_hdr *to = sip_msg_hdr(m, SIP_HDR_REFER_TO);
	struct sip_addr target;
	struct pl replaces;

	if (!message_is(m, "REFER"))
		return false;
	a->how = "REFER";
	a->feature = FEATURE_TRANSFER_BLIND;
	if (to && !re_regex(to->val.p, to->val.l, "Replaces=", &replaces)) {
		a->how = "REFER with Replaces";
		a->feature = FEATURE_TRANSFER_CONSULTATIVE;
	} else if (to && !sip_addr_decode(&target, &to->val) &&
		   (!pl_strcasecmp(&target.uri.user, "park") ||
		    park_is_orbit(d, &target.uri.user))) {
		a->feature = FEATURE_PARK;
	}
	return true;
}

struct session *door_named(struct door *d, const struct pl *val)
{
	struct pl callid = *val, params, local, remote;
	const char *end = pl_strchr(val, ';');

	if (!end)
		return NULL;
	callid.l = (size_t)(end - callid.p);
	params.p = end;
	params.l = val->l - callid.l;
	if (msg_param_decode(&params, "to-tag", &local) ||
	    msg_param_decode(&params, "from-tag", &remote))
		return NULL;
	return door_dialog(d, &callid, &local, &remote);
}

/* Is who asks a party of that call? */
static bool is_party(const struct asked *a)
{
	return a->call && a->by &&
	       (!strcmp(a->by, call_party(a->call, LEG_A)) ||
		!strcmp(a->by, call_party(a->call, LEG_B)));
}

static bool replaces(struct door *d, const struct sip_msg *m, struct asked *a)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_REPLACES);
	struct session *s = hdr ? door_named(d, &hdr->val) : NULL;

	if (!hdr)
		return false;
	a->how = "INVITE with Replaces";
	a->named = s;
	if (s && s->br->b->call)
		a->call = s->br->b->call;
	a->feature = s && s->br->b->up != s->br ? FEATURE_PICKUP
		     : is_party(a)		? FEATURE_TRANSFER_DEVICE
						: FEATURE_TRANSFER_CONSULTATIVE;
	return true;
}

static bool join(struct door *d, const struct sip_msg *m, struct asked *a)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_JOIN);
	struct session *s = hdr ? door_named(d, &hdr->val) : NULL;

	if (!hdr)
		return false;
	a->how = "INVITE with Join";
	a->named = s;
	if (s && s->br->b->call)
		a->call = s->br->b->call;
	a->feature = is_party(a) ? FEATURE_COMPANION : FEATURE_ADD_PARTICIPANT;
	return true;
}

static bool record(struct door *d, const struct sip_msg *m, struct asked *a)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(m, "Record");

	(void)d;
	if (!message_is(m, "INFO") || !hdr || pl_strcasecmp(&hdr->val, "on"))
		return false;
	a->how = "INFO with Record: on";
	a->feature = FEATURE_RECORDING;
	return true;
}

/* tel:, or a SIP URI that says it is a telephone number (RFC 3261 section
 * 19.1.1). */
static bool is_phone_uri(const struct uri *u)
{
	struct pl user;

	return !pl_strcasecmp(&u->scheme, "tel") ||
	       !pl_strcasecmp(&u->scheme, "tels") ||
	       (!msg_param_decode(&u->params, "user", &user) &&
		!pl_strcasecmp(&user, "phone"));
}

/* Within a call, a re-INVITE that leads it there. */
static bool to_pstn(struct door *d, const struct sip_msg *m, struct asked *a)
{
	(void)d;
	if (!message_is(m, "INVITE") || !pl_isset(&m->to.tag) ||
	    !is_phone_uri(&m->uri))
		return false;
	a->how = "re-INVITE to a number";
	a->feature = FEATURE_PSTN;
	return true;
}

/* The SIP shapes in which features are asked for; the first that fits. */
static bool (*const shapes[])(struct door *d, const struct sip_msg *m,
			      struct asked *a) = {refer, replaces, join, record,
						  to_pstn};

bool feature_asked(struct door *d, struct session *s, const struct sip_msg *m,
		   const char *by, struct asked *a)
{
	unsigned i = 0;

	*a = (struct asked){.by = by};
	if (s) {
		a->call = s->br->b->call;
		if (a->call)
			a->by = call_party(a->call, s->side);
	}
	while (i < ARRAY_SIZE(shapes) && !shapes[i](d, m, a))
		i++;
	return i < ARRAY_SIZE(shapes);
}

bool feature_refused(struct door *d, struct listener *l,
		     const struct sip_msg *m, const struct asked *a)
{
	struct feature_answer may;

	may = call_may(a->call, a->feature, a->by ? a->by : "somebody", a->how);
	if (may.allowed)
		return false;
	door_refuse_feature(d, l, m, &may);
	return true;
}

bool refuse_feature(struct door *d, struct listener *l, struct session *s,
		    const struct sip_msg *m, const char *by)
{
	struct asked a;

	if (!feature_asked(d, s, m, by, &a))
		return false;
	if (!feature_refused(d, l, m, &a))
		door_refuse(d, l, m, 501, "no SIP shape of it is served");
	return true;
}
