/* SPDX-License-Identifier: Apache-2.0 */
/* Routes to the PSTN, the numbers that users and groups have, and what users
 * may dial. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/store/policy.h"
#include "control/store/trunks.h"
#include "control/trunk/trunk.h"

static void database(struct reply *rp)
{
	reply_error(rp, 500, "database", "The routes can't be read or written");
}

/* ----------------------------------------------------------------- routes */

static json_t *route_json(const struct route *r)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "prefix", r->prefix, "trunk",
			 r->trunk, "priority", (int)r->priority, "kind",
			 route_kind_name(r->kind));
}

static void route_item(const struct route *r, void *arg)
{
	json_array_append_new(arg, route_json(r));
}

void api_routes(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_route_list(rq->ctx->store, route_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	database(rp);
}

/* @return false: a member is malformed. */
static bool route_read(const json_t *body, struct route *r)
{
	const char *prefix = NULL, *trunk = "", *kind = "prefix";
	json_int_t priority = 10;
	unsigned k = 0;

	memset(r, 0, sizeof(*r));
	if (json_unpack((json_t *)body, "{s:s, s?s, s?I, s?s !}", "prefix",
			&prefix, "trunk", &trunk, "priority", &priority, "kind",
			&kind))
		return false;
	while (k < ROUTE_KINDS && strcmp(route_kind_name(k), kind))
		k++;
	if (k == ROUTE_KINDS || strlen(prefix) >= sizeof(r->prefix) ||
	    strlen(trunk) >= sizeof(r->trunk) || priority < 0 ||
	    priority > ROUTE_PRIORITY_MAX)
		return false;
	strcpy(r->prefix, prefix);
	strcpy(r->trunk, trunk);
	r->priority = (unsigned)priority;
	r->kind = (enum route_kind)k;
	return true;
}

void api_route_add(const struct request *rq, struct reply *rp)
{
	const char *wrong;
	struct route r;
	int err;

	if (!route_read(rq->body, &r)) {
		reply_error(rp, 400, "bad-route",
			    "A route has a prefix, a trunk, a priority from 0 "
			    "to %d, and a kind (prefix, emergency, block)",
			    ROUTE_PRIORITY_MAX);
		return;
	}
	wrong = route_check(&r);
	if (wrong) {
		reply_error(rp, 400, "bad-route", "%s: %s", r.prefix, wrong);
		return;
	}
	if (r.trunk[0] && !trunks_find(rq->ctx->trunks, r.trunk)) {
		reply_error(rp, 404, "no-such-trunk", "There is no trunk %s",
			    r.trunk);
		return;
	}
	err = store_route_add(rq->ctx->store, &r);
	if (err == EEXIST) {
		reply_error(rp, 409, "route-exists",
			    "There is such a route already");
		return;
	}
	if (err) {
		database(rp);
		return;
	}
	trunks_routes_changed(rq->ctx->trunks);
	reply_ok(rp, route_json(&r));
	rp->status = 201;
	change_recorded(rq, "route-added", route_json(&r));
}

static void route_remove(const struct request *rq, const char *trunk,
			 struct reply *rp)
{
	int err = store_route_remove(rq->ctx->store, rq->arg, trunk);

	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-route",
			    "There is no such route for %s", rq->arg);
		return;
	}
	if (err) {
		database(rp);
		return;
	}
	trunks_routes_changed(rq->ctx->trunks);
	reply_ok(rp,
		 json_pack("{s:s, s:s}", "removed", rq->arg, "trunk", trunk));
	change_recorded(rq, "route-removed",
			json_pack("{s:s, s:s}", "prefix", rq->arg, "trunk",
				  trunk));
}

void api_route_remove(const struct request *rq, struct reply *rp)
{
	route_remove(rq, "", rp);
}

void api_route_remove_one(const struct request *rq, struct reply *rp)
{
	route_remove(rq, rq->arg2, rp);
}

/* ?number=+4930... and, for what a user may and is shown with, &user= */
void api_route_test(const struct request *rq, struct reply *rp)
{
	const char *number = request_query(rq, "number");
	const char *user = request_query(rq, "user");

	if (!number || !*number || strlen(number) > 128) {
		reply_error(rp, 400, "bad-query",
			    "number is what is dialled, of 128 octets at most");
		return;
	}
	if (user && !user_there(rq, user, rp))
		return;
	reply_ok(rp, trunks_test(rq->ctx->trunks, number, user));
}

/* ---------------------------------------------------------------- numbers */

static json_t *did_json(const struct store_did *d)
{
	return json_pack("{s:s, s:s, s:s}", "number", d->number, "user",
			 d->user, "group", d->group);
}

static void did_item(const struct store_did *d, void *arg)
{
	json_array_append_new(arg, did_json(d));
}

void api_numbers(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_did_list(rq->ctx->store, did_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	database(rp);
}

void api_number_add(const struct request *rq, struct reply *rp)
{
	const char *number = NULL, *user = "", *group = "";
	struct store_did d = {.number = ""};
	int err;

	if (json_unpack((json_t *)rq->body, "{s:s, s?s, s?s !}", "number",
			&number, "user", &user, "group", &group) ||
	    !number_is_e164(number) || !*user == !*group) {
		reply_error(rp, 400, "bad-number",
			    "A number begins with + and a country's code, and "
			    "is a user's or a group's");
		return;
	}
	if (*user ? !user_there(rq, user, rp) : !group_there(rq, group, rp))
		return;
	snprintf(d.number, sizeof(d.number), "%s", number);
	snprintf(d.user, sizeof(d.user), "%s", user);
	snprintf(d.group, sizeof(d.group), "%s", group);
	err = store_did_add(rq->ctx->store, &d);
	if (err == EEXIST) {
		reply_error(rp, 409, "number-taken", "%s is somebody's already",
			    number);
	} else if (err) {
		database(rp);
	} else {
		reply_ok(rp, did_json(&d));
		rp->status = 201;
		change_recorded(rq, "number-added", did_json(&d));
	}
}

void api_number_remove(const struct request *rq, struct reply *rp)
{
	int err = store_did_remove(rq->ctx->store, rq->arg);

	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-number", "%s is nobody's",
			    rq->arg);
	} else if (err) {
		database(rp);
	} else {
		reply_ok(rp, json_pack("{s:s}", "removed", rq->arg));
		change_recorded(rq, "number-removed",
				json_pack("{s:s}", "number", rq->arg));
	}
}

/* ------------------------------------------------------ what may be dialled */

static json_t *dial_json(const struct request *rq)
{
	return json_pack(
		"{s:s, s:s}", "user", rq->arg, "dial",
		policy_dial_name(store_dial_get(rq->ctx->store, rq->arg)));
}

void api_dial(const struct request *rq, struct reply *rp)
{
	if (user_there(rq, rq->arg, rp))
		reply_ok(rp, dial_json(rq));
}

void api_dial_set(const struct request *rq, struct reply *rp)
{
	const char *name = json_string_value(json_object_get(rq->body, "dial"));
	enum policy_dial d = name ? policy_dial_find(name) : POLICY_DIALS;

	if (!user_there(rq, rq->arg, rp))
		return;
	if (d == POLICY_DIALS || json_object_size(rq->body) != 1) {
		reply_error(rp, 400, "bad-dial",
			    "dial is internal, national or international");
		return;
	}
	if (store_dial_set(rq->ctx->store, rq->arg, d)) {
		database(rp);
		return;
	}
	reply_ok(rp, dial_json(rq));
	change_recorded(rq, "dial-changed", dial_json(rq));
}
