/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/test.c - what would become of a dialled number, for people. */
#include <string.h>
#include "control/trunk/impl.h"

static json_t *lines_json(const char *lines)
{
	json_t *list = json_array();

	while (*lines) {
		size_t n = strcspn(lines, "\r\n");

		json_array_append_new(list, json_stringn(lines, n));
		lines += n + strspn(lines + n, "\r\n");
	}
	return list;
}

static json_t *trunk_step(const struct trunk *t, const struct number *n,
			  const struct trunk_caller *from, bool emergency)
{
	static const char *const states[] = {"off", "trying", "up", "down"};
	struct trunk_invite in = {.uri = ""};

	trunk_invite(&in, t, n, from, emergency);
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:s, s:s, s:o}",
			 "trunk", t->set.name, "state", states[t->state], "why",
			 t->why, "calls_now", (int)t->calls, "calls",
			 (int)t->set.calls, "full",
			 (int)trunk_full(t, emergency), "uri", in.uri, "from",
			 in.from, "lines", lines_json(in.lines));
}

static enum policy_dial needs(const struct number *n)
{
	return n->kind == NUMBER_NATIONAL ? POLICY_DIAL_NATIONAL
					  : POLICY_DIAL_INTERNATIONAL;
}

/* By whom: may they? Nobody needs leave for what leads nowhere. */
static void add_user(json_t *j, const struct trunks *ts, const struct number *n,
		     bool emergency, const char *user,
		     struct trunk_caller *from)
{
	enum policy_dial has = store_dial_get(ts->cfg.store, user);
	struct policy_answer a = policy_pstn(has, needs(n), emergency);

	store_did_of(ts->cfg.store, user, "", from->number);
	json_object_update_new(j, json_pack("{s:s, s:s}", "user", user, "dial",
					    policy_dial_name(has)));
	if (emergency || n->kind > NUMBER_INTERNAL)
		json_object_update_new(j, json_pack("{s:b, s:s}", "allowed",
						    (int)a.allowed, "reason",
						    a.reason ? a.reason : ""));
}

/* Why no trunk is tried; "": one is, or that has been said already. */
static const char *nowhere(const struct trunks *ts, const struct number *n,
			   const struct trunks_way *way,
			   const struct store_did *did)
{
	if (way->n || way->blocked || did->number[0])
		return "";
	if (way->emergency)
		return "All trunks are off";
	if (n->kind == NUMBER_NONE)
		return "It isn't a telephone number";
	if (n->kind == NUMBER_INCOMPLETE)
		return number_lacks(n, &ts->cfg.plan);
	if (n->kind == NUMBER_INTERNAL)
		return "It is short enough for an internal number "
		       "(pstn.internal_digits)";
	return way->prefix[0] ? "The trunks of its route are off"
			      : "No route has a prefix of it";
}

json_t *trunks_test(const struct trunks *ts, const char *dialled,
		    const char *user)
{
	struct trunk_caller from = {.number = ""};
	struct store_did did = {.number = ""};
	json_t *j, *steps = json_array();
	struct trunks_way way;
	struct number n;

	if (number_of_uri(&n, &ts->cfg.plan, ts->cfg.domain, dialled,
			  strlen(dialled)) == NUMBER_NONE)
		number_read(&n, &ts->cfg.plan, dialled, strlen(dialled));
	trunks_way(ts, &n, &way);
	if (!way.emergency && n.kind > NUMBER_INTERNAL)
		store_did_get(ts->cfg.store, n.text, &did);
	j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "dialled",
		      dialled, "number", n.text, "kind",
		      number_kind_name(n.kind), "emergency", (int)way.emergency,
		      "blocked", (int)way.blocked, "prefix", way.prefix,
		      "rings_user", did.user, "rings_group", did.group);
	if (user)
		add_user(j, ts, &n, way.emergency, user, &from);
	for (unsigned i = 0; i < way.n && !did.number[0]; i++)
		json_array_append_new(steps, trunk_step(way.trunk[i], &n, &from,
							way.emergency));
	json_object_set_new(j, "trunks", steps);
	json_object_set_new(j, "why", json_string(nowhere(ts, &n, &way, &did)));
	return j;
}
