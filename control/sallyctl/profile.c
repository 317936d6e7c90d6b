/* SPDX-License-Identifier: Apache-2.0 */
/* users profile: what a user's devices speak on their leg. */
#include <stdio.h>
#include <string.h>
#include "control/sallyctl/commands.h"

static const struct {
	enum option option;
	const char *member;
	bool list; /* with commas between */
} members[] = {
	{OPTION_SECURITY, "security", false}, {OPTION_ICE, "ice", false},
	{OPTION_AVPF, "avpf", false},	      {OPTION_MUX, "mux", false},
	{OPTION_BUNDLE, "bundle", false},     {OPTION_SETUP, "setup", false},
	{OPTION_SUITES, "suites", true},      {OPTION_CODECS, "codecs", true},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void show_profile(const json_t *j, const struct invocation *in)
{
	printf("Media profile of %s:\n", in->arg[0]);
	for (size_t i = 0; i < N_MEMBERS; i++) {
		const json_t *v = json_object_get(j, members[i].member);
		const char *sep = " ";
		json_t *name;
		size_t k;

		printf("  %-8s", members[i].member);
		if (json_is_string(v))
			printf(" %s", json_string_value(v));
		json_array_foreach (v, k, name) {
			printf("%s%s", sep, json_string_value(name));
			sep = ", ";
		}
		putchar('\n');
	}
}

enum exit_status users_profile(const struct invocation *in)
{
	json_t *body = json_object();
	enum exit_status end;

	for (size_t i = 0; i < N_MEMBERS; i++) {
		const char *text = in->option[members[i].option];

		if (text)
			json_object_set_new(body, members[i].member,
					    members[i].list
						    ? names_json(text)
						    : json_string(text));
	}
	end = ask_at(in, json_object_size(body) ? "PUT" : "GET",
		     "/users/%s/profile", 1, in->arg,
		     json_object_size(body) ? body : NULL, show_profile);
	json_decref(body);
	return end;
}
