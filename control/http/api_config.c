/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: seen, checked, compared, applied. The checks start
 * other programs, so they are work for the thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/settings/settings.h"

struct check {
	struct later later;
	struct settings_candidate c;
	struct settings *settings;
	bool apply, worked;
	unsigned confirm;
	char hash[SETTINGS_HASH]; /* of the file that it is made for; "": any */
};

static struct settings *settings_of(const struct request *rq, struct reply *rp)
{
	if (!rq->ctx->settings)
		reply_error(rp, 503, "no-configuration",
			    "There is no configuration file here");
	return rq->ctx->settings;
}

static json_t *left_json(const struct settings *s)
{
	unsigned left = settings_left(s);

	return left ? json_integer(left) : json_null();
}

void api_config(const struct request *rq, struct reply *rp)
{
	struct settings *s = settings_of(rq, rp);
	char hash[SETTINGS_HASH], *text;
	json_t *changes;
	size_t len = 0;

	if (!s)
		return;
	text = settings_text(s, &len);
	if (!text) {
		reply_error(rp, 500, "not-read", "%s: %s", settings_path(s),
			    strerror(errno));
		return;
	}
	settings_hash(hash, text, len);
	changes = settings_changes(s, NULL);
	reply_ok(rp, json_pack("{s:s, s:s%, s:s, s:o, s:o, s:o}", "path",
			       settings_path(s), "text", text, len, "hash",
			       hash, "pending", changes, "restart",
			       settings_restarts(changes), "revert_in",
			       left_json(s)));
	if (!rp->body)
		reply_error(rp, 500, "not-read", "%s isn't UTF-8",
			    settings_path(s));
	free(text);
}

/* --------------------------------------------------------- checked, applied */

static void work(struct later *l)
{
	struct check *k = (struct check *)l;

	k->worked = settings_check(&k->c);
}

static void check_answer(struct check *k, struct reply *rp)
{
	json_t *changes = k->c.options
				  ? settings_changes(k->settings, k->c.options)
				  : json_array();

	reply_ok(rp, json_pack("{s:b, s:O, s:o, s:o}", "good",
			       json_array_size(k->c.errors) == 0, "errors",
			       k->c.errors, "changes", changes, "restart",
			       settings_restarts(changes)));
}

static void bad(const struct check *k, struct reply *rp)
{
	const json_t *e = json_array_get(k->c.errors, 0);
	json_int_t line = json_integer_value(json_object_get(e, "line"));
	const char *said = json_string_value(json_object_get(e, "message"));

	if (line)
		reply_error(rp, 400, "bad-config", "Line %lld: %s",
			    (long long)line, said);
	else
		reply_error(rp, 400, "bad-config", "%s", said);
}

/* Somebody else may have changed it since it was read. */
static bool still_the_same(const struct check *k, struct reply *rp)
{
	char hash[SETTINGS_HASH] = "", *text;
	size_t len = 0;

	if (!k->hash[0])
		return true;
	text = settings_text(k->settings, &len);
	if (text)
		settings_hash(hash, text, len);
	free(text);
	if (!strcmp(hash, k->hash))
		return true;
	reply_error(rp, 409, "config-changed",
		    "The file has been changed since you read it");
	return false;
}

static void apply_answer(struct check *k, const struct request *rq,
			 struct reply *rp)
{
	json_t *changes, *restart;
	int e;

	if (!still_the_same(k, rp))
		return;
	changes = settings_changes(k->settings, k->c.options);
	restart = settings_restarts(changes);
	e = settings_apply(k->settings, &k->c, k->confirm);
	if (e) {
		json_decref(changes);
		json_decref(restart);
		reply_error(rp, 500, "not-written",
			    "%s: %s; control has to be its owner, and its "
			    "folder writable (tmpfiles.d)",
			    settings_path(k->settings), strerror(e));
		return;
	}
	reply_ok(rp, json_pack("{s:O, s:o, s:o}", "changes", changes, "restart",
			       restart, "revert_in", left_json(k->settings)));
	change_recorded(rq, "config-applied",
			json_pack("{s:o, s:i}", "changes", changes, "confirm",
				  (int)k->confirm));
}

static void finish(struct later *l, const struct request *rq, struct reply *rp)
{
	struct check *k = (struct check *)l;

	if (rq) {
		if (!k->worked)
			reply_error(rp, 500, "no-memory",
				    "The check couldn't be run");
		else if (!k->apply)
			check_answer(k, rp);
		else if (json_array_size(k->c.errors))
			bad(k, rp);
		else
			apply_answer(k, rq, rp);
	}
	settings_candidate_clear(&k->c);
	free(k);
}

static void begin(const struct request *rq, bool apply, struct reply *rp)
{
	struct settings *s = settings_of(rq, rp);
	const char *text = NULL, *hash = "";
	struct check *k;
	json_int_t confirm = 0;
	size_t len = 0;

	if (!s)
		return;
	if (json_unpack((json_t *)rq->body,
			apply ? "{s:s%, s?s, s?I !}" : "{s:s% !}", "text",
			&text, &len, "hash", &hash, "confirm", &confirm) ||
	    len == 0 || len > SETTINGS_TEXT_MAX ||
	    strlen(hash) >= SETTINGS_HASH ||
	    (confirm && (confirm < CONFIRM_MIN || confirm > CONFIRM_MAX))) {
		reply_error(rp, 400, "bad-member",
			    "text is the file, of %d octets at most; hash that "
			    "of the former one; confirm seconds from %d to %d",
			    SETTINGS_TEXT_MAX, CONFIRM_MIN, CONFIRM_MAX);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (k)
		k->c.text = malloc(len + 1);
	if (!k || !k->c.text) {
		free(k);
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	memcpy(k->c.text, text, len);
	k->c.text[len] = '\0';
	k->c.len = len;
	k->settings = s;
	k->apply = apply;
	k->confirm = (unsigned)confirm;
	memcpy(k->hash, hash, strlen(hash) + 1);
	k->later.work = work;
	k->later.finish = finish;
	if (!http_later(rq, LATER_CONFIG, &k->later, rp)) {
		settings_candidate_clear(&k->c);
		free(k);
	}
}

void api_config_check(const struct request *rq, struct reply *rp)
{
	begin(rq, false, rp);
}

void api_config_apply(const struct request *rq, struct reply *rp)
{
	begin(rq, true, rp);
}

/* ----------------------------------------------------- confirmed, taken back */

static void nothing_waits(struct reply *rp)
{
	reply_error(rp, 409, "nothing-waits",
		    "No configuration waits to be confirmed");
}

void api_config_confirm(const struct request *rq, struct reply *rp)
{
	struct settings *s = settings_of(rq, rp);

	if (!s)
		return;
	if (!settings_confirm(s)) {
		nothing_waits(rp);
		return;
	}
	reply_ok(rp, json_pack("{s:b}", "confirmed", 1));
	change_recorded(rq, "config-confirmed", NULL);
}

void api_config_revert(const struct request *rq, struct reply *rp)
{
	struct settings *s = settings_of(rq, rp);
	int e = s ? settings_revert(s, rq->by) : 0;

	if (!s)
		return;
	if (e == ENOENT)
		nothing_waits(rp);
	else if (e)
		reply_error(rp, 500, "not-written", "%s: %s", settings_path(s),
			    strerror(e));
	else
		reply_ok(rp, json_pack("{s:b}", "reverted", 1));
}
