/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/pstn.c - a number is dialled: may it be, and by which trunk. */
#include "control/sip/pstn.h"
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/dial.h"
#include "control/sip/forward.h"

struct hunt {
	struct bridge *b;
	struct number number;
	struct trunk_caller caller;
	struct media_profile profile;
	struct trunks_way way; /* a reference to each trunk */
	unsigned next;
	struct branch *now; /* the branch that rings */
	struct timer silence;
	char said[200]; /* by those that couldn't */
};

static void hunt_destructor(void *arg)
{
	struct hunt *h = arg;

	timer_cancel(&h->silence);
	for (unsigned i = 0; i < h->way.n; i++)
		mem_deref(h->way.trunk[i]);
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

bool pstn_number(const struct door *d, const struct uri *u,
		 const struct pl *uri, struct number *n)
{
	number_of_uri(n, trunks_plan(d->trunks), d->cfg.domain, uri->p, uri->l);
	return is_phone_uri(u) || (is_our_uri(d, u) && n->kind != NUMBER_NONE);
}

/* ---------------------------------------------------------------- hunting */

static void note(struct hunt *h, const struct trunk *t, const char *why)
{
	size_t n = strlen(h->said);

	snprintf(h->said + n, sizeof(h->said) - n, "%s%s: %s", n ? "; " : "",
		 trunk_name(t), why);
	log_info(call_id(h->b->call), "trunk %s: %s", trunk_name(t), why);
}

static bool target_trunk(struct target *out, const struct hunt *h,
			 const struct trunk *t)
{
	struct trunk_invite in = {.uri = ""};

	memset(out, 0, sizeof(*out));
	if (!trunk_hop(t, &out->hop))
		return false;
	trunk_invite(&in, t, &h->number, &h->caller, h->way.emergency);
	strcpy(out->uri, in.uri);
	snprintf(out->from, sizeof(out->from), "%s", in.from);
	snprintf(out->to, sizeof(out->to), "%s", in.to);
	snprintf(out->lines, sizeof(out->lines), "%s", in.lines);
	out->profile = trunk_profile(t);
	return true;
}

static void silent(void *arg);

/* @return NULL: rung; else why not. */
static const char *ring_trunk(struct hunt *h, struct trunk *t)
{
	struct trunk_line *line;
	static char text[160]; /* control's thread only; read at once */
	struct media_why why;
	struct target to;

	if (trunk_full(t, h->way.emergency))
		return "its limit of calls is reached";
	if (!target_trunk(&to, h, t))
		return "no listener of ours reaches it";
	line = trunk_line_new(t, h->way.emergency);
	to.line = line;
	h->now = line ? branch_new(h->b, &h->profile, &to) : NULL;
	mem_deref(line);
	if (!h->now)
		return "out of memory";
	if (branch_invite(h->now, &why)) {
		snprintf(text, sizeof(text), "%s", why.text);
		branch_refused(h->now, (uint16_t)why.status, why.text, NULL);
		h->now = NULL;
		return text;
	}
	log_info(call_id(h->b->call), "%s goes to trunk %s", h->number.text,
		 trunk_name(t));
	timer_start(&h->silence, trunk_set(t)->timeout * 1000, silent, h);
	return NULL;
}

static void hunt_on(struct hunt *h)
{
	char reason[240];

	timer_cancel(&h->silence);
	h->now = NULL;
	while (h->next < h->way.n) {
		struct trunk *t = h->way.trunk[h->next++];
		const char *why = ring_trunk(h, t);

		if (!why)
			return;
		note(h, t, why);
	}
	if (bridge_rings(h->b)) /* phones, beside it */
		return;
	snprintf(reason, sizeof(reason), "no trunk could take the call%s%s",
		 h->said[0] ? ": " : "", h->said);
	bridge_end(h->b, CALL_BY_GATEWAY, 503, reason, NULL);
}

/* The trunk has said nothing, or nothing but that it is at work. */
static void silent(void *arg)
{
	struct hunt *h = arg;
	struct branch *br = h->now;
	struct trunk *t = h->way.trunk[h->next - 1];

	if (!br || !h->b->call || h->b->up)
		return;
	trunk_suspect(t);
	note(h, t, "it said nothing in time");
	h->now = NULL;
	branch_refused(br, 408, "the trunk said nothing in time", NULL);
	branch_cancel(br);
	hunt_on(h);
}

void hunt_progress(struct hunt *h, const struct branch *br, uint16_t status)
{
	if (!h || br != h->now)
		return;
	if (status == 100)
		timer_start(&h->silence,
			    trunk_set(h->way.trunk[h->next - 1])->progress *
				    1000,
			    silent, h);
	else
		timer_cancel(&h->silence);
}

bool hunt_failed(struct hunt *h, struct branch *br, uint16_t status,
		 const char *reason)
{
	char why[96];

	if (!h || !h->b->call || h->b->up)
		return false;
	if (br != h->now) /* given up before, or a phone beside it */
		return br->s[LEG_B]->line;
	timer_cancel(&h->silence);
	if (!route_falls_back(status))
		return false;
	snprintf(why, sizeof(why), "%u%s%s", status, reason ? " " : "",
		 reason ? reason : "");
	note(h, h->way.trunk[h->next - 1], why);
	hunt_on(h);
	return true;
}

void hunt_stop(struct hunt *h)
{
	if (h)
		timer_cancel(&h->silence);
}

/* -------------------------------------------------------------- who calls */

/* Who answers for the call: the user who puts somebody through, else who calls.
 * @return false: nobody of ours. */
static bool responsible(const struct bridge *b, struct store_user *u)
{
	char name[DIGEST_USER_MAX + 1];
	struct pl by;
	struct uri uri;

	snprintf(name, sizeof(name), "%s",
		 forward_by(b) ? forward_by(b) : b->caller->user);
	if (b->referred_by && !forward_by(b)) {
		pl_set_str(&by, b->referred_by);
		if (uri_decode(&uri, &by) || !is_our_uri(b->d, &uri) ||
		    !message_uri_user(&uri, name, sizeof(name)))
			return false;
	}
	return name[0] && !store_user_get(b->d->cfg.store, name, u);
}

/* The number that the user wants to be seen with, where it is the user's
 * (RFC 3325 section 9.2); else the user's first. */
static void caller_of(struct trunk_caller *out, const struct bridge *b,
		      const struct store_user *u)
{
	const struct sip_msg *m = b->st ? stxn_request(b->st) : NULL;
	const struct sip_hdr *ppi =
		m ? sip_msg_hdr(m, SIP_HDR_P_PREFERRED_IDENTITY) : NULL;
	struct store *store = b->d->cfg.store;
	struct sip_addr addr;
	struct number n;

	memset(out, 0, sizeof(*out));
	out->anonymous = m && trunk_privacy(m);
	if (ppi && !sip_addr_decode(&addr, &ppi->val) &&
	    number_of_uri(&n, trunks_plan(b->d->trunks), b->d->cfg.domain,
			  addr.auri.p, addr.auri.l) > NUMBER_INTERNAL &&
	    !store_did_of(store, u->name, n.text, out->number))
		return;
	store_did_of(store, u->name, "", out->number);
}

/* ---------------------------------------------------------------- dialling */

static void refuse(struct bridge *b, const struct feature_answer *a)
{
	if (b->beside) {
		log_info(call_id(b->call), "doesn't ring beside: %s",
			 a->reason);
		return;
	}
	if (b->st && !stxn_answered(b->st))
		answer_refuse_feature(b->st, a);
	bridge_end(b, CALL_BY_GATEWAY, (uint16_t)a->status, a->reason, NULL);
}

static void refuse_with(struct bridge *b, int status, const char *error,
			const char *reason)
{
	struct feature_answer a = {
		.status = status, .error = error, .reason = reason};

	refuse(b, &a);
}

/* The gate: what the caller has offered says what the call would become. */
static bool gate(struct bridge *b, const char *how)
{
	struct feature_answer a;
	struct pl body = b->st ? message_body(stxn_request(b->st)) : pl_null;

	if (b->st && message_has_sdp(stxn_request(b->st)))
		call_heard_offer(b->call, body.p, body.l);
	a = call_may(b->call, FEATURE_PSTN, call_party(b->call, LEG_A), how);
	if (!a.allowed)
		refuse(b, &a);
	return a.allowed;
}

/* A number of ours doesn't leave the house. */
static bool on_net(struct bridge *b, const struct number *n)
{
	struct store_did did;

	if (store_did_get(b->d->cfg.store, n->text, &did))
		return false;
	dial_did(b, &did);
	return true;
}

static bool permitted(struct bridge *b, const struct store_user *u,
		      const struct number *n, bool emergency)
{
	enum policy_dial needs = n->kind == NUMBER_NATIONAL
					 ? POLICY_DIAL_NATIONAL
					 : POLICY_DIAL_INTERNATIONAL;
	struct policy_answer a = policy_pstn(
		store_dial_get(b->d->cfg.store, u->name), needs, emergency);

	if (!a.allowed)
		refuse_with(b, a.status, a.error, a.reason);
	return a.allowed;
}

static void hunt(struct bridge *b, const struct store_user *u,
		 const struct number *n, const struct trunks_way *way)
{
	struct hunt *h = mem_zalloc(sizeof(*h), hunt_destructor);

	if (!h) {
		refuse_with(b, 503, "no-memory", "out of memory");
		return;
	}
	h->b = b;
	h->number = *n;
	h->way = *way;
	h->profile = b->caller->profile;
	for (unsigned i = 0; i < way->n; i++)
		mem_ref(way->trunk[i]);
	caller_of(&h->caller, b, u);
	mem_deref(b->hunt);
	b->hunt = h;
	hunt_on(h);
}

/* Where a number outside leads, or why nowhere. */
static void go_out(struct bridge *b, const struct number *n,
		   const struct trunks_way *way)
{
	struct store_user u;

	if (!responsible(b, &u))
		refuse_with(b, 403, "dial-not-permitted",
			    "only users of this gateway may dial outside");
	else if (!permitted(b, &u, n, way->emergency))
		return;
	else if (way->blocked)
		refuse_with(b, 403, "number-blocked",
			    "calls to numbers that begin so are blocked");
	else if (!way->prefix[0])
		refuse_with(b, 404, "no-route",
			    "no route leads to this number");
	else if (!way->n)
		refuse_with(b, 503, "no-trunk",
			    "no trunk for this number is in use");
	else
		hunt(b, &u, n, way);
}

void pstn_dial(struct bridge *b, const struct number *n, const char *how)
{
	struct trunks_way way;

	if (!gate(b, how))
		return;
	trunks_way(b->d->trunks, n, &way);
	if (way.emergency) {
		log_warn(call_id(b->call), "an emergency call to %s",
			 n->dialled);
		go_out(b, n, &way);
	} else if (n->kind == NUMBER_INTERNAL) {
		if (!b->beside)
			bridge_end(b, CALL_BY_GATEWAY, 404, "no such user here",
				   NULL);
	} else if (n->kind < NUMBER_INTERNAL) {
		refuse_with(b, 484, "number-incomplete",
			    "this isn't a whole telephone number");
	} else if (!on_net(b, n)) {
		go_out(b, n, &way);
	}
}

/* ------------------------------------------------------ calls that are up */

static struct trunk *trunk_of(const struct bridge *b, enum leg l)
{
	const struct session *s = b->up ? b->up->s[l] : NULL;

	return s && s->line ? trunk_line_trunk(s->line) : NULL;
}

bool pstn_gone(void *bridge, enum leg l)
{
	const struct trunk *t = trunk_of(bridge, l);

	return t && trunk_state(t) == TRUNK_DOWN;
}

void pstn_describe(void *bridge, json_t *call)
{
	const struct bridge *b = bridge;

	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		const struct trunk *t = trunk_of(b, l);

		if (t)
			json_object_set_new(call, "trunk",
					    json_string(trunk_name(t)));
	}
}

const char *pstn_reason(const struct bridge *b, const char *reason,
			char text[PSTN_REASON_MAX])
{
	for (enum leg l = LEG_A; l <= LEG_B; l++) {
		const struct trunk *t = trunk_of(b, l);

		if (!t || trunk_state(t) != TRUNK_DOWN)
			continue;
		snprintf(text, PSTN_REASON_MAX, "%s%strunk %s is down: %s",
			 reason ? reason : "", reason ? "; " : "",
			 trunk_name(t), trunk_why(t));
		return text;
	}
	return reason;
}
