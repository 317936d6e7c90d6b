/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, groups, users' switches, features: what is asked of the API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"

static enum exit_status misused(const char *sentence)
{
	fprintf(stderr, "sallyctl: %s\n", sentence);
	return EXIT_USAGE;
}

static enum exit_status with_body(const struct invocation *in,
				  const char *method, const char *fmt,
				  unsigned n, json_t *body, show_f *show)
{
	enum exit_status end;

	if (!body)
		return misused("names and texts must be UTF-8.");
	end = ask_at(in, method, fmt, n, in->arg, body, show);
	json_decref(body);
	return end;
}

/* --description and --calling, where they are given. */
static json_t *settings(const struct invocation *in, json_t *body)
{
	static const struct {
		enum option option;
		const char *member;
	} texts[] = {{OPTION_DESCRIPTION, "description"},
		     {OPTION_CALLING, "calling"}};

	for (size_t i = 0; body && i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = in->option[texts[i].option];
		json_t *value;

		if (!text)
			continue;
		value = json_string(text);
		if (!value) {
			json_decref(body);
			return NULL;
		}
		json_object_set_new(body, texts[i].member, value);
	}
	return body;
}

enum exit_status policy_new(const struct invocation *in)
{
	return with_body(in, "POST", "/policies", 0,
			 settings(in,
				  json_pack("{s:s}", "identity", in->arg[0])),
			 show_policy);
}

enum exit_status policy_set(const struct invocation *in)
{
	if (!in->option[OPTION_DESCRIPTION] && !in->option[OPTION_CALLING])
		return misused("nothing to change: --calling or "
			       "--description says what.");
	return with_body(in, "PATCH", "/policies/%s", 1,
			 settings(in, json_object()), show_policy);
}

enum exit_status policy_get(const struct invocation *in)
{
	if (!in->arg[0])
		return ask(in, "GET", "/policies", NULL, show_policies);
	return ask_at(in, "GET", "/policies/%s", 1, in->arg, NULL, show_policy);
}

enum exit_status policy_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/policies/%s", 1, in->arg, NULL,
		      show_policy_gone);
}

enum exit_status policy_grant(const struct invocation *in)
{
	const char *user = in->option[OPTION_USER];
	const char *group = in->option[OPTION_GROUP];
	const char *rank = in->option[OPTION_RANK];
	bool global = in->option[OPTION_GLOBAL];
	json_t *body;
	char *end;

	if (!!user + !!group + global != 1)
		return misused("to whom? One of --user, --group and "
			       "--global.");
	if (rank && !group)
		return misused("--rank is for --group.");
	body = user    ? json_pack("{s:s}", "user", user)
	       : group ? json_pack("{s:s}", "group", group)
		       : json_pack("{s:b}", "global", true);
	if (body && rank) {
		long n = strtol(rank, &end, 10);

		if (*end || end == rank || n < 1) {
			json_decref(body);
			return misused("--rank is a number from 1 on.");
		}
		json_object_set_new(body, "rank", json_integer(n));
	}
	return with_body(in, "POST", "/policies/%s/grants", 1, body,
			 show_grant);
}

enum exit_status policy_revoke(const struct invocation *in)
{
	const char *user = in->option[OPTION_USER];
	const char *group = in->option[OPTION_GROUP];

	if (!!user + !!group != 1)
		return misused("whose? One of --user and --group.");
	return ask_at(in, "DELETE",
		      user ? "/grants/users/%s" : "/grants/groups/%s", 1,
		      user ? &user : &group, NULL, show_revoked);
}

enum exit_status policy_grants(const struct invocation *in)
{
	return ask(in, "GET", "/grants", NULL, show_grants);
}

enum exit_status policy_effective(const struct invocation *in)
{
	return ask_at(in, "GET",
		      in->arg[1] ? "/users/%s/policy/%s" : "/users/%s/policy",
		      in->arg[1] ? 2 : 1, in->arg, NULL, show_effective);
}

/* ----------------------------------------------------------------- groups */

enum exit_status group_list(const struct invocation *in)
{
	return ask(in, "GET", "/groups", NULL, show_groups);
}

enum exit_status group_add(const struct invocation *in)
{
	return with_body(in, "POST", "/groups", 0,
			 json_pack("{s:s}", "name", in->arg[0]),
			 show_group_added);
}

enum exit_status group_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/groups/%s", 1, in->arg, NULL,
		      show_policy_gone);
}

enum exit_status group_members(const struct invocation *in)
{
	return ask_at(in, "GET", "/groups/%s/members", 1, in->arg, NULL,
		      show_members);
}

enum exit_status group_join(const struct invocation *in)
{
	return ask_at(in, "PUT", "/groups/%s/members/%s", 2, in->arg, NULL,
		      show_member);
}

enum exit_status group_leave(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/groups/%s/members/%s", 2, in->arg, NULL,
		      show_member);
}

/* --------------------------------------------------- switches and features */

static enum exit_status switch_set(const struct invocation *in, const char *fmt)
{
	bool on = strcmp(in->arg[0], "on") == 0;
	enum exit_status end;
	json_t *body;

	if (!on && strcmp(in->arg[0], "off") != 0)
		return misused("on or off comes before the name.");
	body = json_pack("{s:b}", "on", on);
	end = ask_at(in, "PUT", fmt, 1, &in->arg[1], body, show_effective);
	json_decref(body);
	return end;
}

enum exit_status user_e2ee(const struct invocation *in)
{
	return switch_set(in, "/users/%s/e2ee");
}

enum exit_status user_compliance(const struct invocation *in)
{
	return switch_set(in, "/users/%s/compliance");
}

enum exit_status features(const struct invocation *in)
{
	return ask(in, "GET", "/features", NULL, show_features);
}

static void show_nothing(const json_t *j, const struct invocation *in)
{
	(void)j;
	(void)in;
}

enum exit_status calls_feature(const struct invocation *in)
{
	return ask_at(in, "POST", "/calls/%s/features/%s", 2, in->arg, NULL,
		      show_nothing);
}
