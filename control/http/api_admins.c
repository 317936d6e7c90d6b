/* SPDX-License-Identifier: Apache-2.0 */
/* Administrators, and tokens for programs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/http/password.h"

#define TOKEN_DAYS_MAX 3650

static json_t *admin_json(const struct store_admin *a)
{
	return json_pack("{s:s, s:s}", "name", a->name, "role",
			 role_names[a->role]);
}

static void admin_item(const struct store_admin *a, void *arg)
{
	json_array_append_new(arg, admin_json(a));
}

void api_admins(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_admin_list(rq->ctx->store, admin_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The administrators can't be read");
}

static bool name_fit(const char *name, struct reply *rp)
{
	size_t n = name ? strlen(name) : 0;

	if (n >= 1 && n < ACCESS_NAME_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n)
		return true;
	reply_error(rp, 400, "bad-name", "name is 1 to %d of a-z, 0-9 and ._-",
		    ACCESS_NAME_MAX - 1);
	return false;
}

static bool role_fit(const json_t *body, enum role *out, struct reply *rp)
{
	*out = role_find(json_string_value(json_object_get(body, "role")));
	if (*out != ROLE_NOBODY)
		return true;
	reply_error(rp, 400, "bad-role", "role is read, operate or administer");
	return false;
}

static void added(struct password_job *j, const struct request *rq,
		  struct reply *rp)
{
	int err;

	if (!j->hash[0]) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	memcpy(j->admin.hash, j->hash, sizeof(j->admin.hash));
	err = store_admin_add(rq->ctx->store, &j->admin);
	if (err) {
		if (err == EEXIST)
			reply_error(rp, 409, "administrator-exists",
				    "There is an administrator %s already",
				    j->admin.name);
		else
			reply_error(rp, 500, "database", "It can't be stored");
		return;
	}
	change_recorded(rq, "administrator-added",
			json_pack("{s:s, s:s}", "administrator", j->admin.name,
				  "role", role_names[j->admin.role]));
	reply_ok(rp, admin_json(&j->admin));
	rp->status = 201;
}

void api_admin_add(const struct request *rq, struct reply *rp)
{
	const char *name, *password;
	struct password_job *j;
	enum role role;

	name = json_string_value(json_object_get(rq->body, "name"));
	password = json_string_value(json_object_get(rq->body, "password"));
	if (!name_fit(name, rp) || !role_fit(rq->body, &role, rp) ||
	    !password_fit(password, rp))
		return;
	j = password_job(rp);
	if (!j)
		return;
	snprintf(j->admin.name, sizeof(j->admin.name), "%s", name);
	snprintf(j->password, sizeof(j->password), "%s", password);
	j->admin.role = role;
	j->then = added;
	password_start(rq, j, rp);
}

static void admin_count(const struct store_admin *a, void *arg)
{
	*(unsigned *)arg += a->role == ROLE_ADMINISTER;
}

/* Would that leave nobody who may add another? Whoever is root on the
 * appliance always can; those from afar couldn't. */
static bool is_last(const struct request *rq, const struct store_admin *a)
{
	unsigned n = 0;

	return a->role == ROLE_ADMINISTER && rq->who.name[0] &&
	       store_admin_list(rq->ctx->store, admin_count, &n) == 0 && n < 2;
}

static bool admin_there(const struct request *rq, struct store_admin *a,
			struct reply *rp)
{
	int err = store_admin_get(rq->ctx->store, rq->arg, a);

	if (err == ENOENT)
		reply_error(rp, 404, "no-such-administrator",
			    "There is no administrator %s", rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "It can't be read");
	return !err;
}

static void last_refused(struct reply *rp)
{
	reply_error(rp, 409, "last-administrator",
		    "This is the last one who may administer");
}

static void admin_store(const struct request *rq, const struct store_admin *a,
			bool password, struct reply *rp)
{
	if (store_admin_set(rq->ctx->store, a) != 0) {
		reply_error(rp, 500, "database", "It can't be stored");
		return;
	}
	access_end_all(rq->access, a->role, a->name, rq->who.session);
	change_recorded(rq, "administrator-changed",
			json_pack("{s:s, s:s, s:b}", "administrator", a->name,
				  "role", role_names[a->role], "password",
				  password));
	reply_ok(rp, admin_json(a));
}

static void rehashed(struct password_job *j, const struct request *rq,
		     struct reply *rp)
{
	if (!j->hash[0]) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	memcpy(j->admin.hash, j->hash, sizeof(j->admin.hash));
	admin_store(rq, &j->admin, true, rp);
}

void api_admin_set(const struct request *rq, struct reply *rp)
{
	const json_t *password = json_object_get(rq->body, "password");
	struct store_admin a, had;
	struct password_job *j;

	if (!admin_there(rq, &a, rp))
		return;
	had = a;
	if (json_object_get(rq->body, "role") &&
	    !role_fit(rq->body, &a.role, rp))
		return;
	if (a.role != ROLE_ADMINISTER && is_last(rq, &had)) {
		last_refused(rp);
		return;
	}
	if (!password) {
		admin_store(rq, &a, false, rp);
		return;
	}
	if (!password_fit(json_string_value(password), rp))
		return;
	j = password_job(rp);
	if (!j)
		return;
	j->admin = a;
	snprintf(j->password, sizeof(j->password), "%s",
		 json_string_value(password));
	j->then = rehashed;
	password_start(rq, j, rp);
}

void api_admin_remove(const struct request *rq, struct reply *rp)
{
	struct store_admin a;

	if (!admin_there(rq, &a, rp))
		return;
	if (is_last(rq, &a)) {
		last_refused(rp);
		return;
	}
	if (store_admin_remove(rq->ctx->store, a.name) != 0) {
		reply_error(rp, 500, "database", "It can't be removed");
		return;
	}
	access_end_all(rq->access, a.role, a.name, NULL);
	change_recorded(rq, "administrator-removed",
			json_pack("{s:s}", "administrator", a.name));
	reply_ok(rp, json_pack("{s:s}", "removed", a.name));
}

/* --------------------------------------------------------------- tokens */

static json_t *token_json(const struct store_token *t)
{
	return json_pack("{s:s, s:s, s:I, s:o}", "name", t->name, "role",
			 role_names[t->role], "created", (json_int_t)t->created,
			 "expires",
			 t->expires ? json_integer(t->expires) : json_null());
}

static void token_item(const struct store_token *t, void *arg)
{
	json_array_append_new(arg, token_json(t));
}

void api_tokens(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_token_list(rq->ctx->store, token_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The tokens can't be read");
}

static bool days_read(const json_t *body, int64_t now, int64_t *expires,
		      struct reply *rp)
{
	const json_t *days = json_object_get(body, "days");
	json_int_t n = json_integer_value(days);

	*expires = 0;
	if (!days)
		return true;
	if (!json_is_integer(days) || n < 1 || n > TOKEN_DAYS_MAX) {
		reply_error(rp, 400, "bad-days",
			    "days is a number from 1 to %d", TOKEN_DAYS_MAX);
		return false;
	}
	*expires = now + n * 86400;
	return true;
}

void api_token_add(const struct request *rq, struct reply *rp)
{
	const char *name = json_string_value(json_object_get(rq->body, "name"));
	struct store_token t = {.created = (int64_t)time(NULL)};
	char token[TOKEN_MAX];
	json_t *j;
	int err;

	if (!name_fit(name, rp) || !role_fit(rq->body, &t.role, rp) ||
	    !days_read(rq->body, t.created, &t.expires, rp))
		return;
	snprintf(t.name, sizeof(t.name), "%s", name);
	err = store_token_add(rq->ctx->store, &t, token);
	if (err == EEXIST) {
		reply_error(rp, 409, "token-exists",
			    "There is a token %s already", t.name);
	} else if (err) {
		reply_error(rp, 500, "database", "It can't be stored");
	} else {
		j = token_json(&t);
		json_object_set_new(j, "token", json_string(token));
		reply_ok(rp, j);
		rp->status = 201;
		change_recorded(rq, "token-added",
				json_pack("{s:s, s:s}", "token", t.name, "role",
					  role_names[t.role]));
	}
	explicit_bzero(token, sizeof(token));
}

void api_token_remove(const struct request *rq, struct reply *rp)
{
	int err = store_token_remove(rq->ctx->store, rq->arg);

	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-token", "There is no token %s",
			    rq->arg);
	} else if (err) {
		reply_error(rp, 500, "database", "It can't be removed");
	} else {
		change_recorded(rq, "token-removed",
				json_pack("{s:s}", "token", rq->arg));
		reply_ok(rp, json_pack("{s:s}", "removed", rq->arg));
	}
}
