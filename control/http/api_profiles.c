/* SPDX-License-Identifier: Apache-2.0 */
/* The media profile of a user's devices: control/calls/media_profile.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/store/store.h"

/* Members that are a word of a list; what a profile keeps of each is a number
 * of the size of an enum. */
static const struct {
	const char *name;
	size_t offset;
	const char *const *words;
	unsigned n;
	const char *expects;
} members[] = {
	{"security", offsetof(struct media_profile, security),
	 media_security_names, MEDIA_SECURITIES,
	 "plain, sdes, either, dtls, auto or passthrough"},
	{"ice", offsetof(struct media_profile, ice), media_switch_names,
	 SWITCHES, "auto, off or on"},
	{"avpf", offsetof(struct media_profile, avpf), media_switch_names,
	 SWITCHES, "auto, off or on"},
	{"mux", offsetof(struct media_profile, mux), media_switch_names,
	 SWITCHES, "auto, off or on"},
	{"bundle", offsetof(struct media_profile, bundle), media_switch_names,
	 SWITCHES, "auto, off or on"},
	{"setup", offsetof(struct media_profile, setup), media_setup_names,
	 SETUPS, "auto, active or passive"},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int *member(struct media_profile *p, size_t i)
{
	return (int *)((char *)p + members[i].offset);
}

static json_t *codecs_json(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t n = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ' ');
	}
	return list;
}

json_t *profile_json(const struct media_profile *p)
{
	struct media_profile copy = *p;
	json_t *j = json_object();

	for (size_t i = 0; i < N_MEMBERS; i++)
		json_object_set_new(
			j, members[i].name,
			json_string(members[i].words[*member(&copy, i)]));
	json_object_set_new(j, "suites", suites_json(p));
	json_object_set_new(j, "codecs", codecs_json(p->codecs));
	return j;
}

static bool codec_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("-_./", name[i]))
			return false;
	return n > 0 && n <= 32;
}

static bool codecs_take(const json_t *list, struct media_profile *p,
			struct reply *rp)
{
	size_t len = 0, i;
	json_t *v;

	if (!list)
		return true;
	p->codecs[0] = '\0';
	json_array_foreach (list, i, v) {
		const char *name = json_string_value(v);

		if (!codec_ok(name) ||
		    len + strlen(name) + 2 > sizeof(p->codecs)) {
			reply_error(rp, 400, "bad-codecs",
				    "codecs is a list of names as in SDP "
				    "(\"PCMA\", \"opus\"), %zu octets in all",
				    sizeof(p->codecs) - 1);
			return false;
		}
		len += (size_t)snprintf(p->codecs + len,
					sizeof(p->codecs) - len, "%s%s",
					len ? " " : "", name);
	}
	if (json_is_array(list))
		return true;
	reply_error(rp, 400, "bad-codecs", "codecs is a list of names");
	return false;
}

static bool word_take(const char *key, const json_t *v, struct media_profile *p,
		      struct reply *rp)
{
	const char *text = json_string_value(v);

	for (size_t i = 0; i < N_MEMBERS; i++) {
		int found;

		if (strcmp(members[i].name, key) != 0)
			continue;
		found = text ? media_name_find(members[i].words, members[i].n,
					       text)
			     : -1;
		if (found < 0) {
			reply_error(rp, 400, "bad-profile", "%s is %s", key,
				    members[i].expects);
			return false;
		}
		*member(p, i) = found;
		return true;
	}
	if (strcmp(key, "suites") == 0 || strcmp(key, "codecs") == 0)
		return true;
	reply_error(rp, 400, "unknown-member", "A media profile has no %s",
		    key);
	return false;
}

static bool user_get(const struct request *rq, struct store_user *u,
		     struct reply *rp)
{
	int err = store_user_get(rq->ctx->store, rq->arg, u);

	if (err == ENOENT)
		reply_error(rp, 404, "no-such-user", "There is no user %s",
			    rq->arg);
	else if (err)
		reply_error(rp, 500, "database", "The user can't be read");
	return err == 0;
}

void api_profile(const struct request *rq, struct reply *rp)
{
	struct store_user u;

	if (user_get(rq, &u, rp))
		reply_ok(rp, profile_json(&u.profile));
	explicit_bzero(&u, sizeof(u));
}

/* What isn't named stays. Calls in progress go on as they are. */
void api_profile_set(const struct request *rq, struct reply *rp)
{
	const json_t *suites = json_object_get(rq->body, "suites");
	struct media_profile p;
	struct store_user u;
	const char *key;
	json_t *v;

	if (!user_get(rq, &u, rp))
		return;
	p = u.profile;
	explicit_bzero(&u, sizeof(u));
	json_object_foreach ((json_t *)rq->body, key, v)
		if (!word_take(key, v, &p, rp))
			return;
	if (!codecs_take(json_object_get(rq->body, "codecs"), &p, rp))
		return;
	if (suites) {
		memset(p.suites, 0, sizeof(p.suites));
		if (!suites_take(suites, &p, rp))
			return;
	}
	if (store_profile_set(rq->ctx->store, rq->arg, &p) != 0) {
		reply_error(rp, 500, "database", "The profile can't be stored");
		return;
	}
	reply_ok(rp, profile_json(&p));
	change_recorded(rq, "user-profile",
			json_pack("{s:s, s:o}", "user", rq->arg, "profile",
				  profile_json(&p)));
}
