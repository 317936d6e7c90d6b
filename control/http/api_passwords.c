/* SPDX-License-Identifier: Apache-2.0 */
/* Users' passwords. One is turned into HA1 (RFC 2617 section 3.2.2.2) at once and
 * never kept; HA1 is as good as the password itself under this realm, and leaves
 * for root at the socket only. */
#include <errno.h>
#include <re_types.h>
#include <re_md5.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/store/store.h"

#define PASSWORD_MAX 256
#define HA1_LEN	     32

void ha1_make(char ha1[33], const char *name, const char *realm,
	      const char *password)
{
	char text[65 + 256 + PASSWORD_MAX + 3];
	uint8_t md[MD5_SIZE];
	int n = snprintf(text, sizeof(text), "%s:%s:%s", name, realm, password);

	md5((uint8_t *)text, (size_t)n, md);
	sodium_bin2hex(ha1, 33, md, sizeof(md));
	sodium_memzero(text, sizeof(text));
	sodium_memzero(md, sizeof(md));
}

bool ha1_take(const json_t *body, const char *name, const char *realm,
	      char ha1[33], struct reply *rp)
{
	const json_t *given = json_object_get(body, "ha1");
	const json_t *p = json_object_get(body, "password");
	const char *password = json_string_value(p);
	const char *text = json_string_value(given);

	if (!given && password && password[0] &&
	    strlen(password) <= PASSWORD_MAX) {
		ha1_make(ha1, name, realm, password);
		return true;
	}
	if (!p && text && strlen(text) == HA1_LEN &&
	    strspn(text, "0123456789abcdef") == HA1_LEN) {
		memcpy(ha1, text, HA1_LEN + 1);
		return true;
	}
	reply_error(rp, 400, "bad-password",
		    "password is a string of 1 to %d octets; or ha1 has %d hex "
		    "digits in its place",
		    PASSWORD_MAX, HA1_LEN);
	return false;
}

void api_user_password(const struct request *rq, struct reply *rp)
{
	char ha1[HA1_LEN + 1];
	int err;

	if (json_object_size(rq->body) != 1) {
		reply_error(rp, 400, "unknown-member",
			    "A password is password or ha1, and nothing else");
		return;
	}
	if (!ha1_take(rq->body, rq->arg, rq->ctx->realm, ha1, rp))
		return;
	err = store_user_ha1_set(rq->ctx->store, rq->arg, ha1);
	sodium_memzero(ha1, sizeof(ha1));
	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    rq->arg);
	} else if (err) {
		reply_error(rp, 500, "database",
			    "The password can't be stored");
	} else {
		reply_ok(rp, json_pack("{s:s}", "user", rq->arg));
		change_recorded(rq, "user-password",
				json_pack("{s:s}", "user", rq->arg));
	}
}

void api_user_ha1(const struct request *rq, struct reply *rp)
{
	struct store_user u;
	int err;

	if (strcmp(rq->by, "uid 0") != 0) {
		reply_error(rp, 403, "root-needed",
			    "This is for root on the appliance only");
		return;
	}
	err = store_user_get(rq->ctx->store, rq->arg, &u);
	if (err == ENOENT) {
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    rq->arg);
	} else if (err) {
		reply_error(rp, 500, "database", "The user can't be read");
	} else {
		reply_ok(rp, json_pack("{s:s, s:s}", "user", rq->arg, "ha1",
				       u.ha1));
		change_recorded(rq, "user-secret-read",
				json_pack("{s:s}", "user", rq->arg));
	}
	sodium_memzero(&u, sizeof(u));
}
