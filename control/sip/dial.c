/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/dial.c - whom a call rings, see dial.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/policy/policy.h"
#include "control/sip/dial.h"
#include "control/sip/forward.h"
#include "control/sip/join.h"
#include "control/sip/pstn.h"
#include "control/store/policy.h"

static struct caller *caller_new(struct bridge *b)
{
	mem_deref(b->caller);
	b->caller = mem_zalloc(sizeof(*b->caller), NULL);
	return b->caller;
}

bool bridge_caller(struct bridge *b, const struct store_user *u,
		   const struct hop *at)
{
	struct caller *c = caller_new(b);

	if (!c || !user_name_addr(c->name, b->d, u))
		return false;
	snprintf(c->user, sizeof(c->user), "%s", u->name);
	c->profile = u->profile;
	c->profile.browser = at->tp == SIP_WS || at->tp == SIP_WSS;
	c->profile.tls = at->tp == SIP_TLS;
	c->at = at->peer;
	return true;
}

/* "sip:alice@our.domain": alice. */
static bool user_of_aor(const struct door *d, const char *aor,
			char user[DIGEST_USER_MAX + 1])
{
	struct pl pl;
	struct uri u;

	pl_set_str(&pl, aor);
	return !uri_decode(&u, &pl) && is_our_uri(d, &u) &&
	       message_uri_user(&u, user, DIGEST_USER_MAX + 1);
}

bool bridge_caller_session(struct bridge *b, const struct session *s,
			   const char *aor)
{
	char name[DIGEST_USER_MAX + 1];
	struct store_user u;
	struct caller *c;

	if (user_of_aor(b->d, aor, name) &&
	    !store_user_get(b->d->cfg.store, name, &u))
		return bridge_caller(b, &u, &s->hop);
	c = caller_new(b);
	if (!c || strlen(s->dlg.remote) >= sizeof(c->name))
		return false;
	snprintf(c->name, sizeof(c->name), "%s", s->dlg.remote);
	c->at = s->hop.peer;
	return true;
}

bool bridge_caller_trunk(struct bridge *b, const char *name,
			 const struct media_profile *profile)
{
	struct caller *c = caller_new(b);

	if (!c)
		return false;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->profile = *profile;
	return true;
}

bool bridge_caller_name(struct bridge *b, const char *uri, const char *by)
{
	struct caller *c = caller_new(b);

	if (!c)
		return false;
	snprintf(c->name, sizeof(c->name), "<%s>", uri);
	if (!user_of_aor(b->d, by, c->user))
		c->user[0] = '\0';
	return true;
}

struct fork {
	struct bridge *b;
	const struct store_user *callee;
	int64_t now;
	unsigned n;
};

#define BINDINGS_MAX 16 /* more than one user may have */

/* A device with several flows rings by one: the latest that is there. */
struct flows {
	const struct store_binding *b[BINDINGS_MAX];
	unsigned n;
};

static void collect(const struct store_binding *b, void *arg)
{
	struct flows *f = arg;
	unsigned i = f->n;

	if (f->n == BINDINGS_MAX)
		return;
	/* flows by their age, the latest first; all others as they come */
	while (i && b->reg_id && f->b[i - 1]->reg_id &&
	       f->b[i - 1]->expires < b->expires) {
		f->b[i] = f->b[i - 1];
		i--;
	}
	f->b[i] = b;
	f->n++;
}

static bool same_device(const struct store_binding *a,
			const struct store_binding *b)
{
	return a->reg_id && b->reg_id && !strcmp(a->instance, b->instance);
}

static bool add_branch(const struct store_binding *to, struct fork *f)
{
	const struct caller *c = f->b->caller;
	struct target t;
	struct sa at;

	if (f->n == FORK_MAX || to->expires <= f->now)
		return false;
	/* who calls their own number doesn't ring themselves; all that is
	 * behind one proxy has the proxy's address */
	if (!to->path[0] && sip_addr_parse(&at, to->source) &&
	    sa_cmp(&at, &c->at, SA_ALL))
		return false;
	if (!target_phone(&t, f->b->d, to, c->name, f->callee) ||
	    !branch_new(f->b, &c->profile, &t))
		return false;
	f->n++;
	return true;
}

static void add_branches(struct fork *f)
{
	struct store *store = f->b->d->cfg.store;
	const struct store_binding *rung[BINDINGS_MAX];
	struct flows flows = {.n = 0};
	unsigned n = 0;

	/* pointers into the store: nothing here changes it */
	store_binding_list(store, f->callee->name, collect, &flows);
	for (unsigned i = 0; i < flows.n; i++) {
		bool rings = false;

		for (unsigned j = 0; j < n; j++)
			rings |= same_device(flows.b[i], rung[j]);
		if (!rings && add_branch(flows.b[i], f))
			rung[n++] = flows.b[i];
	}
}

static void ring(struct bridge *b)
{
	struct media_why why;
	struct le *le;

	LIST_FOREACH (&b->branches, le) {
		struct branch *br = le->data;

		if (!br->invite_seq && branch_invite(br, &why))
			branch_refused(br, (uint16_t)why.status, why.text,
				       NULL);
	}
	bridge_refuse(b);
}

/* @return how many phones. */
static unsigned ring_user(struct bridge *b, const struct store_user *callee,
			  unsigned rung)
{
	struct fork f = {b, callee, (int64_t)time(NULL), rung};

	add_branches(&f);
	return f.n;
}

/* Who else rings at once: other users' phones, whatever their own rules are;
 * and one number, which is for the caller to dial. @return how many phones. */
static unsigned ring_also(struct bridge *b, unsigned n,
			  char number[FORWARD_TO_MAX])
{
	struct store *store = b->d->cfg.store;
	const char *also;

	for (unsigned i = 0; (also = forward_also(b, i)); i++) {
		char name[DIGEST_USER_MAX + 1];
		struct store_user u;
		struct policy_answer policy;

		if (!user_of_aor(b->d, also, name) ||
		    store_user_get(store, name, &u)) {
			snprintf(number, FORWARD_TO_MAX, "%s", also);
			continue;
		}
		policy = policy_call_allowed(b->caller->user, u.name);
		if (policy.allowed)
			n = ring_user(b, &u, n);
	}
	return n;
}

static void dial_text(struct bridge *b, const char *to)
{
	char text[FORWARD_TO_MAX + 200];
	struct uri uri;
	struct pl pl;

	if (strchr(to, ':'))
		snprintf(text, sizeof(text), "%s", to);
	else
		snprintf(text, sizeof(text), "sip:%s@%s", to, b->d->cfg.domain);
	pl_set_str(&pl, text);
	memset(&uri, 0, sizeof(uri));
	if (!uri_decode(&uri, &pl) || !strncmp(text, "tel:", 4))
		dial_uri(b, &uri, &pl, "simultaneous ring");
}

void dial_user(struct bridge *b, const char *name)
{
	struct store *store = b->d->cfg.store;
	char number[FORWARD_TO_MAX] = "";
	struct policy_answer policy;
	struct store_user callee;
	unsigned n;

	if (store_user_get(store, name, &callee)) {
		bridge_end(b, CALL_BY_GATEWAY, 404, "no such user here", NULL);
		return;
	}
	policy = policy_call_allowed(b->caller->user, callee.name);
	if (!policy.allowed) {
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)policy.status,
			   policy.reason, NULL);
		return;
	}
	if (forward_always(b, name))
		return;
	n = ring_also(b, ring_user(b, &callee, 0), number);
	if (n) {
		forward_rings(b);
		ring(b);
	}
	if (number[0] && b->call && !b->up && !forward_by(b)) {
		b->beside = n;
		dial_text(b, number);
		b->beside = false;
	} else if (!n && !forward_refused(b, 480)) {
		bridge_end(b, CALL_BY_GATEWAY, 480,
			   "no phone of this user is registered", NULL);
	}
}

struct members {
	struct bridge *b;
	unsigned n;
};

static void ring_member(const char *user, void *arg)
{
	struct members *m = arg;
	struct store_user callee;

	if (!store_user_get(m->b->d->cfg.store, user, &callee))
		m->n = ring_user(m->b, &callee, m->n);
}

void dial_did(struct bridge *b, const struct store_did *did)
{
	struct members m = {b, 0};

	if (did->user[0]) {
		dial_user(b, did->user);
		return;
	}
	store_member_list(b->d->cfg.store, did->group, ring_member, &m);
	if (m.n)
		ring(b);
	else
		bridge_end(b, CALL_BY_GATEWAY, 480,
			   "no phone of this group is registered", NULL);
}

void dial_uri(struct bridge *b, const struct uri *uri, const struct pl *text,
	      const char *how)
{
	struct door *d = b->d;
	char name[DIGEST_USER_MAX + 1];
	struct store_user callee;
	struct number n;
	bool number = pstn_number(d, uri, text, &n);
	/* No user's name stands in the way of an emergency call. */
	bool user = !trunks_is_emergency(d->trunks, &n) && is_our_uri(d, uri) &&
		    message_uri_user(uri, name, sizeof(name)) &&
		    !store_user_get(d->cfg.store, name, &callee);

	if (user)
		dial_user(b, name);
	else if (number)
		pstn_dial(b, &n, how);
	else
		bridge_end(b, CALL_BY_GATEWAY, 404, "no such user here", NULL);
}
