/* SPDX-License-Identifier: Apache-2.0 */
/* Where a user's calls go: always, busy, no answer, and who rings beside. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/sip/forward.h"

#define AFTER_MAX 600 /* seconds */

static json_t *forward_json(const char *user, const struct store_forward *f)
{
	json_t *also = json_array();

	for (unsigned i = 0; i < FORWARD_ALSO_MAX && f->also[i][0]; i++)
		json_array_append_new(also, json_string(f->also[i]));
	return json_pack("{s:s, s:s*, s:s*, s:s*, s:i, s:o}", "user", user,
			 "always", f->always[0] ? f->always : NULL, "busy",
			 f->busy[0] ? f->busy : NULL, "no_answer",
			 f->no_answer[0] ? f->no_answer : NULL, "after",
			 (int)f->after, "also", also);
}

static bool bad(struct reply *rp, const char *what)
{
	reply_error(rp, 400, "bad-address",
		    "%s is an address (sip:carol@...), a number, or voicemail",
		    what);
	return false;
}

/* Left out, or null: not forwarded. */
static bool address(const json_t *body, const char *key,
		    char out[FORWARD_TO_MAX], struct reply *rp)
{
	const json_t *v = json_object_get(body, key);
	const char *text = json_string_value(v);

	if (!v || json_is_null(v))
		return true;
	if (!text || !forward_address_ok(text))
		return bad(rp, key);
	snprintf(out, FORWARD_TO_MAX, "%s", text);
	return true;
}

static bool also_read(const json_t *list, struct store_forward *f,
		      struct reply *rp)
{
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > FORWARD_ALSO_MAX) {
		reply_error(rp, 400, "bad-list",
			    "also is a list of up to %d addresses",
			    FORWARD_ALSO_MAX);
		return false;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !forward_address_ok(text) ||
		    !strcmp(text, "voicemail"))
			return bad(rp, "each of also");
		snprintf(f->also[i], FORWARD_TO_MAX, "%s", text);
	}
	return true;
}

static bool forward_read(const json_t *body, struct store_forward *f,
			 struct reply *rp)
{
	static const char *const known[] = {"always", "busy", "no_answer",
					    "after", "also"};
	const json_t *after = json_object_get(body, "after");
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)body, key, v) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) &&
		       strcmp(key, known[i]))
			i++;
		if (i == sizeof(known) / sizeof(known[0])) {
			reply_error(rp, 400, "unknown-member",
				    "A forward has no %s", key);
			return false;
		}
	}
	f->after = FORWARD_AFTER_DEFAULT;
	if (after &&
	    (!json_is_integer(after) || json_integer_value(after) < 1 ||
	     json_integer_value(after) > AFTER_MAX)) {
		reply_error(rp, 400, "bad-after", "after is 1 to %d seconds",
			    AFTER_MAX);
		return false;
	}
	if (after)
		f->after = (unsigned)json_integer_value(after);
	return address(body, "always", f->always, rp) &&
	       address(body, "busy", f->busy, rp) &&
	       address(body, "no_answer", f->no_answer, rp) &&
	       also_read(json_object_get(body, "also"), f, rp);
}

void api_forward(const struct request *rq, struct reply *rp)
{
	struct store_forward f;

	if (!user_there(rq, rq->arg, rp))
		return;
	if (store_forward_get(rq->ctx->store, rq->arg, &f) == EIO)
		reply_error(rp, 500, "database", "It can't be read");
	else
		reply_ok(rp, forward_json(rq->arg, &f));
}

void api_forward_set(const struct request *rq, struct reply *rp)
{
	struct store_forward f = {.after = 0};
	int err;

	if (!forward_read(rq->body, &f, rp))
		return;
	err = store_forward_set(rq->ctx->store, rq->arg, &f);
	if (err == ENOENT)
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "It can't be stored");
	else {
		reply_ok(rp, forward_json(rq->arg, &f));
		change_recorded(rq, "user-forward", forward_json(rq->arg, &f));
	}
}
