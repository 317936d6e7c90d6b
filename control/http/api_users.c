/* SPDX-License-Identifier: Apache-2.0 */
/* Users, their devices' media profile, their registrations. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/http/impl.h"
#include "control/store/store.h"

/* What a user gets who names none: both that every device of this age has. */
static const uint16_t suites_default[] = {
	SP_SUITE_AEAD_AES_128_GCM,
	SP_SUITE_AES_CM_128_HMAC_SHA1_80,
};

#define SUITES_MAX 8

json_t *suites_json(const struct media_profile *p)
{
	json_t *list = json_array();

	for (int i = 0; i < SUITES_MAX && p->suites[i]; i++) {
		const struct sp_suite_info *s = sp_suite_info(p->suites[i]);

		if (s)
			json_array_append_new(list, json_string(s->name));
	}
	return list;
}

static json_t *user_json(const struct store_user *u)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", u->name,
			 "display", u->display, "media",
			 media_security_names[u->profile.security], "suites",
			 suites_json(&u->profile), "profile",
			 profile_json(&u->profile));
}

static void user_item(const struct store_user *u, void *arg)
{
	json_array_append_new(arg, user_json(u));
}

void api_users(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (store_user_list(rq->ctx->store, user_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The users can't be read");
}

/* ------------------------------------------------------------- POST /users */

/* The user part of an AOR: [a-z0-9._+-]{1,64}. */
static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._+-") == n;
}

static bool security_read(const char *name, enum media_security *out)
{
	int found =
		media_name_find(media_security_names, MEDIA_SECURITIES, name);

	if (found >= 0)
		*out = (enum media_security)found;
	return found >= 0;
}

static uint16_t suite_read(const char *name)
{
	const struct sp_suite_info *suite =
		name ? sp_suite_named(name, strlen(name)) : NULL;

	return suite ? suite->id : 0;
}

/* A list of names, best first. @return false, with rp filled in. */
bool suites_take(const json_t *list, struct media_profile *p, struct reply *rp)
{
	size_t n = json_array_size(list);

	if (!list) {
		memcpy(p->suites, suites_default, sizeof(suites_default));
		return true;
	}
	if (!json_is_array(list) || n == 0 || n > SUITES_MAX) {
		reply_error(rp, 400, "bad-suites",
			    "suites is a list of 1 to %d names, best first",
			    SUITES_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		p->suites[i] = suite_read(name);
		if (!p->suites[i]) {
			reply_error(rp, 400, "bad-suites",
				    "There is no suite %s",
				    name ? name : "that isn't a string");
			return false;
		}
		for (size_t j = 0; j < i; j++) {
			if (p->suites[i] == p->suites[j]) {
				reply_error(rp, 400, "bad-suites",
					    "%s is named twice", name);
				return false;
			}
		}
	}
	return true;
}

static const char *text_of(const json_t *body, const char *key,
			   const char *otherwise)
{
	const json_t *v = json_object_get(body, key);

	return v ? json_string_value(v) : otherwise;
}

/* Every member that there may be; anything else is a slip of the pen. */
static bool members_known(const json_t *body, struct reply *rp)
{
	static const char *const known[] = {"name",  "password", "display",
					    "media", "suites",	 "ha1"};
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)body, key, v) {
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || strcmp(key, known[i]) == 0;
		if (!found) {
			reply_error(rp, 400, "unknown-member",
				    "A user has no %s", key);
			return false;
		}
	}
	return true;
}

static bool user_read(const json_t *body, const char *realm,
		      struct store_user *u, struct reply *rp)
{
	const char *name = text_of(body, "name", NULL);
	const char *display = text_of(body, "display", "");
	const char *media = text_of(body, "media", "auto");

	if (!members_known(body, rp))
		return false;
	if (!name || !name_ok(name)) {
		reply_error(rp, 400, "bad-name",
			    "name is 1 to 64 of a-z, 0-9 and ._+-");
		return false;
	}
	if (!ha1_take(body, name, realm, u->ha1, rp))
		return false;
	if (!display || strlen(display) >= sizeof(u->display)) {
		reply_error(rp, 400, "bad-display",
			    "display is a string of %zu octets at most",
			    sizeof(u->display) - 1);
		return false;
	}
	if (!media || !security_read(media, &u->profile.security)) {
		reply_error(rp, 400, "bad-media",
			    "media is plain, sdes, either, dtls, auto or "
			    "passthrough");
		return false;
	}
	if (!suites_take(json_object_get(body, "suites"), &u->profile, rp))
		return false;
	snprintf(u->name, sizeof(u->name), "%s", name);
	snprintf(u->display, sizeof(u->display), "%s", display);
	return true;
}

void api_user_add(const struct request *rq, struct reply *rp)
{
	struct store_user u = {0};
	int err;

	if (!user_read(rq->body, rq->ctx->realm, &u, rp))
		return;
	err = store_user_add(rq->ctx->store, &u);
	if (err == EEXIST)
		reply_error(rp, 409, "user-exists",
			    "There is a user %s already", u.name);
	else if (err)
		reply_error(rp, 500, "database", "The user can't be stored");
	else {
		reply_ok(rp, user_json(&u));
		rp->status = 201;
		change_recorded(rq, "user-added",
				json_pack("{s:s}", "user", u.name));
	}
	sodium_memzero(&u, sizeof(u));
}

void api_user_remove(const struct request *rq, struct reply *rp)
{
	int err = store_user_remove(rq->ctx->store, rq->arg);

	if (err == ENOENT)
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "The user can't be removed");
	else {
		reply_ok(rp, json_pack("{s:s}", "removed", rq->arg));
		change_recorded(rq, "user-removed",
				json_pack("{s:s}", "user", rq->arg));
	}
}

/* ------------------------------------------------------- GET /registrations */

static void binding_item(const struct store_binding *b, void *arg)
{
	int64_t left = b->expires - (int64_t)time(NULL);

	if (left > 0)
		json_array_append_new(
			arg,
			json_pack(
				"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:b}",
				"user", b->user, "contact", b->contact,
				"source", b->source, "transport", b->transport,
				"user_agent", b->user_agent, "expires",
				(json_int_t)b->expires, "expires_in",
				(json_int_t)left, "instance", b->instance,
				"reg_id", (json_int_t)b->reg_id, "path",
				b->path, "lost", b->lost));
}

static void bindings_reply(const struct request *rq, const char *user,
			   struct reply *rp)
{
	json_t *list = json_array();

	if (store_binding_list(rq->ctx->store, user, binding_item, list) == 0) {
		reply_ok(rp, list);
		return;
	}
	json_decref(list);
	reply_error(rp, 500, "database", "The registrations can't be read");
}

void api_registrations(const struct request *rq, struct reply *rp)
{
	bindings_reply(rq, NULL, rp);
}

void api_user_devices(const struct request *rq, struct reply *rp)
{
	if (user_there(rq, rq->arg, rp))
		bindings_reply(rq, rq->arg, rp);
}
