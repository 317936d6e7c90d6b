/* SPDX-License-Identifier: Apache-2.0 */
/* Trunks: what they are told (control/trunk/settings.c has the members), and
 * how they are. Passwords go in, and never come out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/store/trunks.h"
#include "control/trunk/trunk.h"

/* What a body may have beside the settings. */
static const char *const others[] = {"name", "password", NULL};

static void database(struct reply *rp)
{
	reply_error(rp, 500, "database", "The trunks can't be read or written");
}

static void not_there(const struct request *rq, struct reply *rp)
{
	reply_error(rp, 404, "no-such-trunk", "There is no trunk %s", rq->arg);
}

void api_trunks(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, trunks_json(rq->ctx->trunks));
}

void api_trunk(const struct request *rq, struct reply *rp)
{
	const struct trunk *t = trunks_find(rq->ctx->trunks, rq->arg);

	if (t)
		reply_ok(rp, trunk_json(t));
	else
		not_there(rq, rp);
}

static bool password_take(const json_t *body, struct store_trunk *t,
			  struct reply *rp)
{
	const json_t *v = json_object_get(body, "password");
	const char *text = json_string_value(v);

	if (!v)
		return true;
	if (!text || strlen(text) >= sizeof(t->password)) {
		reply_error(rp, 400, "bad-password",
			    "password is a string of %zu octets at most",
			    sizeof(t->password) - 1);
		return false;
	}
	snprintf(t->password, sizeof(t->password), "%s", text);
	return true;
}

static bool settings_take(const json_t *body, struct store_trunk *t,
			  struct reply *rp)
{
	char err[200];

	if (trunk_settings_take(&t->set, body, others, err, sizeof(err)) &&
	    trunk_settings_check(&t->set, err, sizeof(err)))
		return password_take(body, t, rp);
	reply_error(rp, 400, "bad-trunk", "%s", err);
	return false;
}

/* It is in the store: let it begin, and tell of it. */
static void changed(const struct request *rq, const char *name,
		    const char *event, int status, struct reply *rp)
{
	const struct trunk *t;

	trunks_changed(rq->ctx->trunks, name);
	t = trunks_find(rq->ctx->trunks, name);
	reply_ok(rp, t ? trunk_json(t) : json_pack("{s:s}", "removed", name));
	rp->status = status;
	change_recorded(rq, event, json_pack("{s:s}", "trunk", name));
}

void api_trunk_add(const struct request *rq, struct reply *rp)
{
	const char *name = json_string_value(json_object_get(rq->body, "name"));
	struct store_trunk t = {.password = ""};
	int err;

	if (!name || !trunk_name_valid(name)) {
		reply_error(rp, 400, "bad-name",
			    "name is 1 to %d of a-z, 0-9 and ._-",
			    TRUNK_NAME_MAX - 1);
		return;
	}
	trunk_settings_default(&t.set, name);
	if (settings_take(rq->body, &t, rp)) {
		err = store_trunk_add(rq->ctx->store, &t);
		if (err == EEXIST)
			reply_error(rp, 409, "trunk-exists",
				    "There is a trunk %s already", name);
		else if (err)
			database(rp);
		else
			changed(rq, name, "trunk-added", 201, rp);
	}
	explicit_bzero(&t, sizeof(t));
}

void api_trunk_set(const struct request *rq, struct reply *rp)
{
	struct store_trunk t;
	int err = store_trunk_get(rq->ctx->store, rq->arg, &t);

	if (err == ENOENT) {
		not_there(rq, rp);
		return;
	}
	if (err)
		database(rp);
	else if (json_object_get(rq->body, "name"))
		reply_error(rp, 400, "bad-trunk",
			    "A trunk's name can't be changed");
	else if (settings_take(rq->body, &t, rp)) {
		if (store_trunk_set(rq->ctx->store, &t))
			database(rp);
		else
			changed(rq, rq->arg, "trunk-changed", 200, rp);
	}
	explicit_bzero(&t, sizeof(t));
}

void api_trunk_remove(const struct request *rq, struct reply *rp)
{
	int err = store_trunk_remove(rq->ctx->store, rq->arg);

	if (err == ENOENT)
		not_there(rq, rp);
	else if (err == EBUSY)
		reply_error(rp, 409, "trunk-in-use", "Routes lead to trunk %s",
			    rq->arg);
	else if (err)
		database(rp);
	else
		changed(rq, rq->arg, "trunk-removed", 200, rp);
}
