/* SPDX-License-Identifier: Apache-2.0 */
/* Policies for end-to-end encryption, their grants, users' switches, and what
 * comes of them. control/policy/README.md is for those who use it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "control/http/impl.h"
#include "control/store/policy.h"

static void database(struct reply *rp)
{
	reply_error(rp, 500, "database",
		    "The policies can't be read or written");
}

static bool policy_there(const struct request *rq, const char *identity,
			 struct store_policy *p, struct reply *rp)
{
	int err = store_policy_get(rq->ctx->store, identity, p);

	if (err == ENOENT)
		reply_error(rp, 404, "no-such-policy", "There is no policy %s",
			    identity);
	else if (err)
		database(rp);
	return !err;
}

/* Every member that a body may have; anything else is a slip of the pen. */
static bool only(const json_t *body, const char *const known[],
		 struct reply *rp)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)body, key, v) {
		unsigned i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i]) {
			reply_error(rp, 400, "unknown-member",
				    "There is no member %s here", key);
			return false;
		}
	}
	return true;
}

/* --------------------------------------------------------------- policies */

static json_t *policy_json(const struct store_policy *p)
{
	return json_pack("{s:s, s:s, s:s}", "identity", p->identity,
			 "description", p->description, "calling",
			 policy_calling_name(p->calling));
}

static void policy_item(const struct store_policy *p, void *arg)
{
	json_array_append_new(arg, policy_json(p));
}

void api_policies(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_policy_list(rq->ctx->store, policy_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	database(rp);
}

void api_policy(const struct request *rq, struct reply *rp)
{
	struct store_policy p;

	if (policy_there(rq, rq->arg, &p, rp))
		reply_ok(rp, policy_json(&p));
}

/* description and calling, where they are given. */
static bool settings_take(const json_t *body, struct store_policy *p,
			  struct reply *rp)
{
	const json_t *description = json_object_get(body, "description");
	const json_t *calling = json_object_get(body, "calling");
	const char *text;

	if (description) {
		text = json_string_value(description);
		if (!text || strlen(text) >= sizeof(p->description)) {
			reply_error(rp, 400, "bad-description",
				    "description is a string of %zu octets at "
				    "most",
				    sizeof(p->description) - 1);
			return false;
		}
		snprintf(p->description, sizeof(p->description), "%s", text);
	}
	if (calling) {
		text = json_string_value(calling);
		p->calling =
			text ? policy_calling_find(text) : POLICY_CALLING_COUNT;
		if (p->calling == POLICY_CALLING_COUNT) {
			reply_error(rp, 400, "bad-calling",
				    "calling is Disabled or "
				    "DisabledUserOverride");
			return false;
		}
	}
	return true;
}

void api_policy_new(const struct request *rq, struct reply *rp)
{
	static const char *const known[] = {"identity", "description",
					    "calling", NULL};
	const char *identity =
		json_string_value(json_object_get(rq->body, "identity"));
	struct store_policy p = {.calling = POLICY_DISABLED};
	int err;

	if (!only(rq->body, known, rp))
		return;
	if (!identity || !policy_name_valid(identity)) {
		reply_error(rp, 400, "bad-identity",
			    "identity is 1 to %d letters, digits and ._+-",
			    POLICY_NAME_MAX);
		return;
	}
	if (!settings_take(rq->body, &p, rp))
		return;
	snprintf(p.identity, sizeof(p.identity), "%s", identity);
	err = store_policy_new(rq->ctx->store, &p);
	if (err == EEXIST) {
		reply_error(rp, 409, "policy-exists",
			    "There is a policy %s already", identity);
	} else if (err) {
		database(rp);
	} else {
		reply_ok(rp, policy_json(&p));
		rp->status = 201;
		change_recorded(rq, "policy-new", policy_json(&p));
	}
}

void api_policy_set(const struct request *rq, struct reply *rp)
{
	static const char *const known[] = {"description", "calling", NULL};
	struct store_policy p, before;

	if (!policy_there(rq, rq->arg, &p, rp) || !only(rq->body, known, rp))
		return;
	before = p;
	if (!settings_take(rq->body, &p, rp))
		return;
	if (store_policy_set(rq->ctx->store, &p) != 0) {
		database(rp);
		return;
	}
	reply_ok(rp, policy_json(&p));
	change_recorded(rq, "policy-set",
			json_pack("{s:o, s:o}", "before", policy_json(&before),
				  "after", policy_json(&p)));
}

void api_policy_remove(const struct request *rq, struct reply *rp)
{
	struct store_policy p;
	bool reset;
	int err;

	if (!policy_there(rq, rq->arg, &p, rp))
		return;
	reset = strcmp(p.identity, POLICY_GLOBAL) == 0;
	err = store_policy_remove(rq->ctx->store, p.identity);
	if (err == EBUSY) {
		reply_error(rp, 409, "policy-granted",
			    "Policy %s is granted to somebody; revoke its "
			    "grants first",
			    p.identity);
	} else if (err) {
		database(rp);
	} else {
		reply_ok(rp,
			 json_pack("{s:s, s:b}", reset ? "reset" : "removed",
				   p.identity, "there", reset));
		change_recorded(rq, reset ? "policy-reset" : "policy-removed",
				json_pack("{s:o}", "before", policy_json(&p)));
	}
}

/* ----------------------------------------------------------------- grants */

static void grant_item(const struct store_grant *g, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:s, s:o}", "to",
			       policy_grant_name(g->to), "name", g->name,
			       "policy", g->policy, "rank",
			       g->to == POLICY_BY_GROUP ? json_integer(g->rank)
							: json_null()));
}

static json_t *grants_json(const struct request *rq)
{
	json_t *list = json_array();

	if (store_grant_list(rq->ctx->store, grant_item, list) == 0)
		return list;
	json_decref(list);
	return NULL;
}

void api_grants(const struct request *rq, struct reply *rp)
{
	json_t *list = grants_json(rq);

	if (list)
		reply_ok(rp, list);
	else
		database(rp);
}

/* The grant of that kind and name as it is now. */
static json_t *grant_now(const struct request *rq, const char *to,
			 const char *name)
{
	json_t *list = grants_json(rq), *g, *found = NULL;
	size_t i;

	json_array_foreach (list, i, g) {
		if (strcmp(json_string_value(json_object_get(g, "to")), to) ==
			    0 &&
		    strcasecmp(json_string_value(json_object_get(g, "name")),
			       name) == 0)
			found = json_incref(g);
	}
	json_decref(list);
	return found ? found : json_pack("{s:s, s:s}", "to", to, "name", name);
}

static void granted(const struct request *rq, int err, const char *to,
		    const char *name, struct reply *rp)
{
	if (err) {
		database(rp);
		return;
	}
	reply_ok(rp, grant_now(rq, to, name));
	change_recorded(rq, "policy-granted", json_deep_copy(rp->body));
}

/* As the default of everybody: Global takes over what the policy says. */
static void grant_global(const struct request *rq, const struct store_policy *p,
			 struct reply *rp)
{
	struct store_policy global = *p;

	snprintf(global.identity, sizeof(global.identity), POLICY_GLOBAL);
	if (store_policy_set(rq->ctx->store, &global) != 0) {
		database(rp);
		return;
	}
	reply_ok(rp, json_pack("{s:s, s:s, s:s, s:s}", "to", "global", "name",
			       POLICY_GLOBAL, "policy", p->identity, "calling",
			       policy_calling_name(p->calling)));
	change_recorded(rq, "policy-granted", json_deep_copy(rp->body));
}

static bool rank_read(const json_t *body, unsigned *rank, struct reply *rp)
{
	const json_t *v = json_object_get(body, "rank");
	json_int_t n = json_integer_value(v);

	*rank = 0;
	if (!v)
		return true;
	if (json_is_integer(v) && n >= 1 && n <= 1000000) {
		*rank = (unsigned)n;
		return true;
	}
	reply_error(rp, 400, "bad-rank", "rank is a number from 1 on");
	return false;
}

void api_policy_grant(const struct request *rq, struct reply *rp)
{
	static const char *const known[] = {"user", "group", "rank", "global",
					    NULL};
	const char *user = json_string_value(json_object_get(rq->body, "user"));
	const char *group =
		json_string_value(json_object_get(rq->body, "group"));
	bool global = json_is_true(json_object_get(rq->body, "global"));
	bool ranked = json_object_get(rq->body, "rank") != NULL;
	struct store_policy p;
	unsigned rank;

	if (!policy_there(rq, rq->arg, &p, rp) || !only(rq->body, known, rp) ||
	    !rank_read(rq->body, &rank, rp))
		return;
	if (!!user + !!group + global != 1 || (ranked && !group))
		reply_error(rp, 400, "bad-grant",
			    "A policy is granted to a user, or to a group "
			    "(with a rank, if you like), or as global");
	else if (global)
		grant_global(rq, &p, rp);
	else if (user && user_there(rq, user, rp))
		granted(rq, store_grant_user(rq->ctx->store, user, p.identity),
			"user", user, rp);
	else if (group && group_there(rq, group, rp))
		granted(rq,
			store_grant_group(rq->ctx->store, group, p.identity,
					  rank),
			"group", group, rp);
}

static void revoked(const struct request *rq, int err, const char *to,
		    struct reply *rp)
{
	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-grant",
			    "No policy is granted to %s %s", to, rq->arg);
	} else if (err) {
		database(rp);
	} else {
		reply_ok(rp,
			 json_pack("{s:s, s:s}", "to", to, "name", rq->arg));
		change_recorded(rq, "policy-revoked", json_deep_copy(rp->body));
	}
}

void api_revoke_user(const struct request *rq, struct reply *rp)
{
	revoked(rq, store_revoke_user(rq->ctx->store, rq->arg), "user", rp);
}

void api_revoke_group(const struct request *rq, struct reply *rp)
{
	revoked(rq, store_revoke_group(rq->ctx->store, rq->arg), "group", rp);
}

/* ---------------------------------------------------- switches, what comes */

static json_t *answer_json(const struct policy_answer *a)
{
	return json_pack("{s:b, s:s?, s:s?}", "available", a->allowed, "rule",
			 a->error, "reason", a->reason);
}

static json_t *subject_json(const char *user, const struct policy_subject *s)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "user", user,
			      "policy", s->policy, "calling",
			      policy_calling_name(s->calling), "granted_by",
			      policy_grant_name(s->by), "e2ee", s->on,
			      "compliance", s->compliance);

	if (j && s->by == POLICY_BY_GROUP) {
		json_object_set_new(j, "group", json_string(s->group));
		json_object_set_new(j, "rank", json_integer(s->rank));
	}
	return j;
}

static bool subject_read(const struct request *rq, const char *user,
			 struct policy_subject *s, struct reply *rp)
{
	if (!user_there(rq, user, rp))
		return false;
	if (store_policy_subject(rq->ctx->store, user, s) == 0)
		return true;
	database(rp);
	return false;
}

void api_effective(const struct request *rq, struct reply *rp)
{
	struct policy_subject s;
	struct policy_answer a;
	json_t *j;

	if (!subject_read(rq, rq->arg, &s, rp))
		return;
	a = policy_e2ee(&s, &s);
	j = subject_json(rq->arg, &s);
	json_object_update_new(j, answer_json(&a));
	json_object_del(j, "reason"); /* it speaks of two */
	reply_ok(rp, j);
}

void api_effective_pair(const struct request *rq, struct reply *rp)
{
	struct policy_subject s[2];
	struct policy_answer a;
	json_t *j;

	if (!subject_read(rq, rq->arg, &s[0], rp) ||
	    !subject_read(rq, rq->arg2, &s[1], rp))
		return;
	a = policy_e2ee(&s[0], &s[1]);
	j = answer_json(&a);
	json_object_set_new(j, "caller", subject_json(rq->arg, &s[0]));
	json_object_set_new(j, "callee", subject_json(rq->arg2, &s[1]));
	reply_ok(rp, j);
}

static void switch_set(const struct request *rq, enum store_switch w,
		       const char *event, struct reply *rp)
{
	const json_t *on = json_object_get(rq->body, "on");

	if (!json_is_boolean(on) || json_object_size(rq->body) != 1) {
		reply_error(rp, 400, "bad-switch", "on is true or false");
		return;
	}
	if (!user_there(rq, rq->arg, rp))
		return;
	if (store_switch_set(rq->ctx->store, rq->arg, w, json_is_true(on)) !=
	    0) {
		database(rp);
		return;
	}
	change_recorded(rq, event,
			json_pack("{s:s, s:b}", "user", rq->arg, "on",
				  json_is_true(on)));
	api_effective(rq, rp);
}

void api_user_e2ee(const struct request *rq, struct reply *rp)
{
	switch_set(rq, SWITCH_E2EE, "user-e2ee", rp);
}

void api_user_compliance(const struct request *rq, struct reply *rp)
{
	switch_set(rq, SWITCH_COMPLIANCE, "user-compliance", rp);
}
