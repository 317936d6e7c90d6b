/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/dial.c - whom a call rings, see dial.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/policy/policy.h"
#include "control/sip/dial.h"
#include "control/sip/join.h"

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

struct fork {
	struct bridge *b;
	const struct store_user *callee;
	int64_t now;
	unsigned n;
};

static void add_branch(const struct store_binding *to, void *arg)
{
	struct fork *f = arg;
	const struct caller *c = f->b->caller;
	struct target t;
	struct sa at;

	if (f->n == FORK_MAX || to->expires <= f->now)
		return;
	/* who calls their own number doesn't ring themselves */
	if (sip_addr_parse(&at, to->source) && sa_cmp(&at, &c->at, SA_ALL))
		return;
	if (target_phone(&t, f->b->d, to, c->name, f->callee) &&
	    branch_new(f->b, &c->profile, &t))
		f->n++;
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

void dial_user(struct bridge *b, const char *name)
{
	struct store *store = b->d->cfg.store;
	struct store_user callee;
	struct fork f = {.b = b, .callee = &callee, .now = time(NULL)};
	struct policy_answer policy;

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
	store_binding_list(store, callee.name, add_branch, &f);
	if (f.n)
		ring(b);
	else
		bridge_end(b, CALL_BY_GATEWAY, 480,
			   "no phone of this user is registered", NULL);
}

void dial_uri(struct bridge *b, const struct uri *uri)
{
	char name[DIGEST_USER_MAX + 1];

	if (is_our_uri(b->d, uri) && message_uri_user(uri, name, sizeof(name)))
		dial_user(b, name);
	else
		bridge_end(b, CALL_BY_GATEWAY, 404, "no such user here", NULL);
}
