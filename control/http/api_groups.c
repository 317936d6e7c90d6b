/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of users, which policies can be granted to. */
#include <errno.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/store/policy.h"

bool user_there(const struct request *rq, const char *name, struct reply *rp)
{
	struct store_user u;
	int err = store_user_get(rq->ctx->store, name, &u);

	explicit_bzero(&u, sizeof(u));
	if (err == ENOENT)
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    name);
	else if (err)
		reply_error(rp, 500, "database", "The users can't be read");
	return !err;
}

bool group_there(const struct request *rq, const char *name, struct reply *rp)
{
	if (store_group_there(rq->ctx->store, name))
		return true;
	reply_error(rp, 404, "no-such-group", "There is no group %s", name);
	return false;
}

static void group_item(const char *group, unsigned members, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s, s:i}", "name", group,
					     "members", (int)members));
}

void api_groups(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_group_list(rq->ctx->store, group_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The groups can't be read");
}

void api_group_add(const struct request *rq, struct reply *rp)
{
	const char *name = json_string_value(json_object_get(rq->body, "name"));
	int err;

	if (!name || json_object_size(rq->body) != 1 ||
	    !policy_name_valid(name)) {
		reply_error(rp, 400, "bad-name",
			    "A group has a name, of 1 to %d letters, digits "
			    "and ._+-, and nothing else",
			    POLICY_NAME_MAX);
		return;
	}
	err = store_group_add(rq->ctx->store, name);
	if (err == EEXIST) {
		reply_error(rp, 409, "group-exists",
			    "There is a group %s already", name);
	} else if (err) {
		reply_error(rp, 500, "database", "The group can't be stored");
	} else {
		reply_ok(rp,
			 json_pack("{s:s, s:i}", "name", name, "members", 0));
		rp->status = 201;
		change_recorded(rq, "group-added",
				json_pack("{s:s}", "group", name));
	}
}

void api_group_remove(const struct request *rq, struct reply *rp)
{
	if (!group_there(rq, rq->arg, rp))
		return;
	if (store_group_remove(rq->ctx->store, rq->arg) != 0) {
		reply_error(rp, 500, "database", "The group can't be removed");
		return;
	}
	reply_ok(rp, json_pack("{s:s}", "removed", rq->arg));
	change_recorded(rq, "group-removed",
			json_pack("{s:s}", "group", rq->arg));
}

static void member_item(const char *user, void *arg)
{
	json_array_append_new(arg, json_string(user));
}

void api_members(const struct request *rq, struct reply *rp)
{
	json_t *list;

	if (!group_there(rq, rq->arg, rp))
		return;
	list = json_array();
	if (store_member_list(rq->ctx->store, rq->arg, member_item, list) ==
	    0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The members can't be read");
}

static void member_changed(const struct request *rq, const char *event,
			   struct reply *rp)
{
	reply_ok(rp,
		 json_pack("{s:s, s:s}", "group", rq->arg, "user", rq->arg2));
	change_recorded(rq, event,
			json_pack("{s:s, s:s}", "group", rq->arg, "user",
				  rq->arg2));
}

void api_member_add(const struct request *rq, struct reply *rp)
{
	int err;

	if (!group_there(rq, rq->arg, rp) || !user_there(rq, rq->arg2, rp))
		return;
	err = store_member_add(rq->ctx->store, rq->arg, rq->arg2);
	if (err == EEXIST)
		reply_error(rp, 409, "member-already",
			    "%s is a member of %s already", rq->arg2, rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "The member can't be stored");
	else
		member_changed(rq, "group-member-added", rp);
}

void api_member_remove(const struct request *rq, struct reply *rp)
{
	int err;

	if (!group_there(rq, rq->arg, rp))
		return;
	err = store_member_remove(rq->ctx->store, rq->arg, rq->arg2);
	if (err == ENOENT)
		reply_error(rp, 404, "no-such-member", "%s isn't in %s",
			    rq->arg2, rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "The member can't be removed");
	else
		member_changed(rq, "group-member-removed", rp);
}
