/* SPDX-License-Identifier: Apache-2.0 */
/* Log-in and log-out: administrators by a password of their own, users by that
 * of their phone. A name that there is none of costs and says the same as a
 * wrong password. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/http/password.h"
#include "control/libre.h"
#include "control/log.h"
#include "control/store/store.h"

static uint64_t seconds(void)
{
	return tmr_jiffies() / 1000;
}

static void describe(const struct principal *who, struct reply *rp)
{
	reply_ok(rp,
		 json_pack("{s:s, s:s, s:s*}", "role", role_names[who->role],
			   "name", who->name, "csrf",
			   who->session ? session_csrf(who->session) : NULL));
}

void api_session(const struct request *rq, struct reply *rp)
{
	describe(&rq->who, rp);
}

static void refuse(const struct request *rq, const char *source,
		   const char *name, struct reply *rp)
{
	access_failed(rq->access, source, name, seconds());
	log_warn(0, "log-in of %s from %s: wrong", name, source);
	reply_error(rp, 403, "wrong-password",
		    "There is nobody of this name and password");
}

static void enter(const struct request *rq, const struct principal *who,
		  const char *source, struct reply *rp)
{
	char secret[ACCESS_SECRET];
	struct principal in = *who;

	access_right(rq->access, source, who->name);
	in.session = access_begin(rq->access, who, seconds(), secret);
	request_cookie(rq, secret, rp);
	sodium_memzero(secret, sizeof(secret));
	describe(&in, rp);
	log_info(0, "log-in of %s from %s as %s", who->name, source,
		 role_names[who->role]);
}

static void admin_checked(struct password_job *j, const struct request *rq,
			  struct reply *rp)
{
	struct principal who = {.role = j->admin.role};
	struct store_admin now;

	/* the row once more: it may have gone while the hash was made */
	if (!j->right || !j->admin.name[0] ||
	    store_admin_get(rq->ctx->store, j->name, &now) != 0) {
		refuse(rq, j->source, j->name, rp);
		return;
	}
	who.role = now.role;
	memcpy(who.name, now.name, sizeof(who.name));
	enter(rq, &who, j->source, rp);
}

static void admin_login(const struct request *rq, const char *source,
			const char *name, const char *password,
			struct reply *rp)
{
	struct password_job *j = password_job(rp);

	if (!j)
		return;
	snprintf(j->name, sizeof(j->name), "%s", name);
	snprintf(j->source, sizeof(j->source), "%s", source);
	snprintf(j->password, sizeof(j->password), "%s", password);
	j->then = admin_checked;
	if (store_admin_get(rq->ctx->store, name, &j->admin) == 0)
		memcpy(j->hash, j->admin.hash, sizeof(j->hash));
	else
		password_nobody(j->hash);
	password_start(rq, j, rp);
}

static void user_login(const struct request *rq, const char *source,
		       const char *name, const char *password, struct reply *rp)
{
	struct principal who = {.role = ROLE_USER};
	struct store_user u = {0};
	char ha1[33];
	bool there = store_user_get(rq->ctx->store, name, &u) == 0;

	ha1_make(ha1, name, rq->ctx->realm, password);
	there &= sodium_memcmp(ha1, u.ha1, sizeof(ha1) - 1) == 0;
	sodium_memzero(ha1, sizeof(ha1));
	sodium_memzero(&u, sizeof(u));
	if (!there) {
		refuse(rq, source, name, rp);
		return;
	}
	snprintf(who.name, sizeof(who.name), "%s", name);
	enter(rq, &who, source, rp);
}

void api_login(const struct request *rq, struct reply *rp)
{
	const char *admin, *user, *password;
	const char *name;
	char source[64];
	unsigned wait;

	admin = json_string_value(json_object_get(rq->body, "name"));
	user = json_string_value(json_object_get(rq->body, "user"));
	password = json_string_value(json_object_get(rq->body, "password"));
	name = admin ? admin : user;
	if (!name || !password || (admin && user) ||
	    json_object_size(rq->body) != 2 ||
	    strlen(name) >= ACCESS_NAME_MAX ||
	    strlen(password) > PASSWORD_MAX) {
		reply_error(rp, 400, "bad-login",
			    "A log-in is {name, password} of an administrator, "
			    "or {user, password} of a user");
		return;
	}
	request_source(rq, source);
	wait = access_guess(rq->access, source, name, seconds());
	if (wait) {
		rp->retry = wait;
		reply_error(rp, 429, "too-many-guesses",
			    "Too many wrong passwords; try again in %u s",
			    wait);
		return;
	}
	if (admin)
		admin_login(rq, source, name, password, rp);
	else
		user_login(rq, source, name, password, rp);
}

void api_logout(const struct request *rq, struct reply *rp)
{
	if (rq->who.session)
		access_end(rq->access, rq->who.session);
	request_cookie(rq, NULL, rp);
	reply_ok(rp, json_pack("{s:s}", "ended", rq->who.name));
}

/* ------------------------------------------------- one's own password */

static void own_changed(struct password_job *j, const struct request *rq,
			struct reply *rp)
{
	struct store_admin now;

	if (!j->right) {
		refuse(rq, j->source, j->name, rp);
		return;
	}
	if (!j->hash[0] ||
	    store_admin_get(rq->ctx->store, j->name, &now) != 0) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	memcpy(now.hash, j->hash, sizeof(now.hash));
	if (store_admin_set(rq->ctx->store, &now) != 0) {
		reply_error(rp, 500, "database", "It can't be stored");
		return;
	}
	access_end_all(rq->access, now.role, now.name, rq->who.session);
	change_recorded(rq, "administrator-password",
			json_pack("{s:s}", "administrator", now.name));
	reply_ok(rp, json_pack("{s:s}", "changed", now.name));
}

void api_password(const struct request *rq, struct reply *rp)
{
	const char *old, *fresh;
	struct password_job *j;

	old = json_string_value(json_object_get(rq->body, "old"));
	fresh = json_string_value(json_object_get(rq->body, "new"));
	if (!rq->who.session) {
		reply_error(rp, 403, "session-needed",
			    "Only who has logged in has a password to change");
		return;
	}
	if (!old || strlen(old) > PASSWORD_MAX) {
		reply_error(rp, 400, "bad-password", "old is a string");
		return;
	}
	if (!password_fit(fresh, rp))
		return;
	j = password_job(rp);
	if (!j)
		return;
	if (store_admin_get(rq->ctx->store, rq->who.name, &j->admin) == 0)
		memcpy(j->hash, j->admin.hash, sizeof(j->hash));
	else
		password_nobody(j->hash);
	snprintf(j->name, sizeof(j->name), "%s", rq->who.name);
	request_source(rq, j->source);
	snprintf(j->password, sizeof(j->password), "%s", old);
	snprintf(j->again, sizeof(j->again), "%s", fresh);
	j->then = own_changed;
	password_start(rq, j, rp);
}
