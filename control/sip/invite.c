/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/invite.c - INVITE outside of a dialog: a new call. RFC 3261
 * sections 13.3, 16.3. */
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/sip/dial.h"
#include "control/sip/pstn.h"

/* The parties, as far as they are known. */
struct parties {
	struct store_user caller, callee;
	char called[DIGEST_USER_MAX + 1]; /* as dialled */
	char from[STORE_AOR_MAX], to[STORE_AOR_MAX];
};

/* What can be said before anybody is known. */
static bool acceptable(struct door *d, struct listener *l,
		       const struct sip_msg *m)
{
	struct message_contact contact;
	struct pl body = message_body(m);

	if (d->stopping) {
		door_refuse(d, l, m, 503, "the gateway is being stopped");
		return false;
	}
	if (!message_max_forwards(m)) {
		door_refuse(d, l, m, 483, NULL);
		return false;
	}
	if (!message_contact(m, &contact)) {
		door_refuse(d, l, m, 400, "no Contact with a sip: URI");
		return false;
	}
	if (body.l &&
	    (!message_has_sdp(m) || sip_msg_hdr(m, SIP_HDR_CONTENT_ENCODING))) {
		struct answer a = {.status = 415, .headers = mbuf_alloc(64)};

		if (a.headers)
			mbuf_write_str((struct mbuf *)a.headers,
				       "Accept: application/sdp\r\n"
				       "Accept-Encoding: identity\r\n");
		stack_reply(l, m, &a);
		mem_deref((void *)a.headers);
		return false;
	}
	return door_extensions(d, l, m) && !refresh_refuse(d, l, m);
}

/* Nobody calls in another's name. */
static bool caller_is(struct door *d, struct listener *l,
		      const struct sip_msg *m, struct parties *p)
{
	char name[DIGEST_USER_MAX + 1];

	if (!auth_check(d, l, m, &p->caller))
		return false;
	if (!is_our_uri(d, &m->from.uri) ||
	    !message_uri_user(&m->from.uri, name, sizeof(name)) ||
	    strcmp(name, p->caller.name)) {
		door_refuse(d, l, m, 403, "From is another user's address");
		return false;
	}
	return true;
}

static void name_parties(const struct door *d, const struct sip_msg *m,
			 struct parties *p)
{
	snprintf(p->from, sizeof(p->from), "sip:%s@%s", p->caller.name,
		 d->cfg.domain);
	if (!is_our_uri(d, &m->uri) ||
	    !message_uri_user(&m->uri, p->called, sizeof(p->called))) {
		p->called[0] = '\0';
		snprintf(p->to, sizeof(p->to), "%.*s",
			 (int)(m->ruri.l < 200 ? m->ruri.l : 200), m->ruri.p);
		return;
	}
	snprintf(p->to, sizeof(p->to), "sip:%s@%s", p->called, d->cfg.domain);
}

/* E2EE.md, "AOR": who dials an end-to-end encrypted call knows afterwards that
 * it is that AOR, so it has to be dialled. Reached by one of our addresses, or
 * spelt otherwise, it is an alias: say whom it means, and let the endpoint show
 * whom it now calls. Ordinary phones dial as they like. */
static bool redirect_alias(struct bridge *b, const struct parties *p)
{
	struct answer a = {.status = 302, .headers = mbuf_alloc(128)};
	const struct sip_msg *m = stxn_request(b->st);
	struct pl body = message_body(m);
	bool aor = !pl_strcasecmp(&m->uri.host, b->d->cfg.domain) &&
		   !pl_strcmp(&m->uri.user, p->callee.name);

	if (aor || !message_has_sdp(m) || !a.headers ||
	    !call_offers_e2ee(body.p, body.l)) {
		mem_deref((void *)a.headers);
		return false;
	}
	mbuf_printf((struct mbuf *)a.headers, "Contact: <%s>\r\n", p->to);
	stxn_answer(b->st, &a);
	mem_deref((void *)a.headers);
	bridge_end(b, CALL_BY_GATEWAY, 302, "an alias was dialled", NULL);
	return true;
}

/* Numbers that are the gateway's own: orbits and conferences. */
static bool service(struct bridge *b, const char *called)
{
	struct media_why why;
	struct focus *f;
	struct pl user;

	pl_set_str(&user, called);
	if (park_is_orbit(b->d, &user)) {
		park_retrieve(b, called);
		return true;
	}
	f = focus_dialled(b->d, called, &why);
	if (f)
		focus_invited(f, b);
	else if (why.status)
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)why.status, why.text,
			   NULL);
	return f || why.status;
}

/* The machine is to be started again: nothing new, but who is parked may be taken
 * up, since that call is there already. */
static bool drained(struct bridge *b, const char *called)
{
	struct pl user;

	pl_set_str(&user, called);
	if (!calls_draining(b->d->cfg.calls) || park_is_orbit(b->d, &user))
		return false;
	bridge_end(b, CALL_BY_GATEWAY, 503, CALLS_DRAINING, NULL);
	return true;
}

/* Whom to ring, or why nobody. From here on there is a call, and a record. */
static void route(struct bridge *b, struct parties *p)
{
	const struct sip_msg *m = stxn_request(b->st);
	struct number n;
	bool emergency;
	struct hop at;

	hop_of(&at, stxn_listener(b->st), m);
	if (!bridge_caller(b, &p->caller, &at)) {
		bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory", NULL);
		return;
	}
	/* No user's name stands in the way of an emergency call, no service. */
	pstn_number(b->d, &m->uri, &m->ruri, &n);
	emergency = trunks_is_emergency(b->d->trunks, &n);
	if (emergency)
		call_emergency(b->call);
	else if (drained(b, p->called))
		return;
	if (!emergency && p->called[0] && service(b, p->called))
		return;
	if (!emergency && p->called[0] &&
	    !store_user_get(b->d->cfg.store, p->called, &p->callee) &&
	    redirect_alias(b, p))
		return;
	dial_uri(b, &m->uri, &m->ruri, "INVITE to a number");
}

void verb_invite(struct door *d, struct listener *l, struct session *s,
		 const struct sip_msg *m)
{
	struct parties p;
	struct bridge *b;
	struct asked ask;

	(void)s;
	memset(&p, 0, sizeof(p));
	if (!acceptable(d, l, m) || carrier_invite(d, l, m) ||
	    !caller_is(d, l, m, &p))
		return;
	name_parties(d, m, &p);
	if (feature_asked(d, NULL, m, p.from, &ask)) {
		if (feature_refused(d, l, m, &ask))
			return;
		if (sip_msg_hdr(m, SIP_HDR_REPLACES))
			invite_replaces(d, l, m, &p.caller, &ask);
		else if (sip_msg_hdr(m, SIP_HDR_JOIN))
			invite_join(d, l, m, &p.caller, &ask);
		else
			door_refuse(d, l, m, 501, "it isn't served");
		return;
	}
	b = bridge_new(d, l, m, p.from, p.to);
	if (b)
		route(b, &p);
	else
		door_refuse(d, l, m, 503, "out of memory");
}
