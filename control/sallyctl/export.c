/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that was said to an appliance, as one file; and import of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/sallyctl/exchange.h"
#include "version.h"

static enum exit_status get(const struct invocation *in, const char *path,
			    json_t **out)
{
	return client_request(in->option[OPTION_SOCKET], "GET", path, NULL,
			      out);
}

/* What there is at a path below a name. */
static enum exit_status get_of(const struct invocation *in, const char *fmt,
			       const char *name, json_t **out)
{
	char *word = client_escape(name), path[512];

	snprintf(path, sizeof(path), fmt, word ? word : "");
	free(word);
	return get(in, path, out);
}

/* Members of a policy's answer and the like, one each. */
static const struct {
	const char *path, *member, *as;
	bool secret;
} of_users[] = {
	{"/users/%s/policy", "e2ee", "e2ee", false},
	{"/users/%s/policy", "compliance", "compliance", false},
	{"/users/%s/dial", "dial", "dial", false},
	{"/users/%s/ha1", "ha1", "ha1", true},
};

static enum exit_status read_users(const struct invocation *in, bool secrets,
				   json_t *out)
{
	enum exit_status end;
	json_t *users = NULL, *list = json_array(), *u;
	size_t i;

	json_object_set_new(out, "users", list);
	end = get(in, "/users", &users);
	json_array_foreach (users, i, u) {
		const char *name =
			json_string_value(json_object_get(u, "name"));
		json_t *mine =
			json_pack("{s:O, s:O, s:O}", "name",
				  json_object_get(u, "name"), "display",
				  json_object_get(u, "display"), "profile",
				  json_object_get(u, "profile"));

		json_array_append_new(list, mine);
		for (size_t k = 0;
		     k < sizeof(of_users) / sizeof(of_users[0]) && !end; k++) {
			json_t *j = NULL;

			if (of_users[k].secret && !secrets)
				continue;
			end = get_of(in, of_users[k].path, name, &j);
			json_object_set(mine, of_users[k].as,
					json_object_get(j, of_users[k].member));
			json_decref(j);
		}
	}
	json_decref(users);
	return end;
}

static enum exit_status read_groups(const struct invocation *in, json_t *out)
{
	enum exit_status end;
	json_t *groups = NULL, *list = json_array(), *g;
	size_t i;

	json_object_set_new(out, "groups", list);
	end = get(in, "/groups", &groups);
	json_array_foreach (groups, i, g) {
		json_t *name = json_object_get(g, "name"), *members = NULL;

		if (!end)
			end = get_of(in, "/groups/%s/members",
				     json_string_value(name), &members);
		json_array_append_new(list,
				      json_pack("{s:O, s:o*}", "name", name,
						"members", members));
	}
	json_decref(groups);
	return end;
}

/* What it is told, without how it is. */
static void trunks_still(json_t *trunks)
{
	static const char *const state[] = {"state",	     "why",
					    "since",	     "calls_now",
					    "password_set",  "registered",
					    "registered_for"};
	json_t *t;
	size_t i;

	json_array_foreach (trunks, i, t)
		for (size_t k = 0; k < sizeof(state) / sizeof(state[0]); k++)
			json_object_del(t, state[k]);
}

enum exit_status exchange_read(const struct invocation *in, bool secrets,
			       json_t **out)
{
	static const char *const lists[] = {"policies", "grants", "trunks",
					    "routes", "numbers"};
	json_t *all = json_pack("{s:i, s:s, s:I}", "sallyport", EXCHANGE_FORMAT,
				"version", SP_VERSION, "exported",
				(json_int_t)time(NULL));
	enum exit_status end;
	json_t *j = NULL;

	end = get(in, "/config", &j);
	json_object_set(all, "config", json_object_get(j, "text"));
	json_decref(j);
	if (!end)
		end = read_users(in, secrets, all);
	if (!end)
		end = read_groups(in, all);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !end; i++) {
		char path[32];

		j = NULL;
		snprintf(path, sizeof(path), "/%s", lists[i]);
		end = get(in, path, &j);
		if (j)
			json_object_set_new(all, lists[i], j);
	}
	trunks_still(json_object_get(all, "trunks"));
	if (end) {
		json_decref(all);
		all = NULL;
	}
	*out = all;
	return end;
}

enum exit_status export_all(const struct invocation *in)
{
	json_t *all = NULL;
	enum exit_status end =
		exchange_read(in, in->option[OPTION_SECRETS] != NULL, &all);

	if (end)
		return end;
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
	return EXIT_DONE;
}

/* ----------------------------------------------------------------- import */

static json_t *wanted_read(const char *path)
{
	json_error_t e;
	json_t *j = strcmp(path, "-") ? json_load_file(path, 0, &e)
				      : json_loadf(stdin, 0, &e);

	if (!j)
		fprintf(stderr, "sallyctl: %s, line %d: %s\n", path, e.line,
			e.text);
	else if (json_integer_value(json_object_get(j, "sallyport")) ==
		 EXCHANGE_FORMAT)
		return j;
	else
		fprintf(stderr, "sallyctl: %s is no export of this form.\n",
			path);
	json_decref(j);
	return NULL;
}

static void list_print(const json_t *plan, const json_t *notes)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)plan, i, v)
		puts(show_text(v, "what"));
	if (!json_array_size(plan))
		puts("All of it is there already.");
	json_array_foreach ((json_t *)notes, i, v)
		printf("Note: %s\n", json_string_value(v));
}

/* What stands in a plan for people: bodies may have secrets. */
static void plan_print(const json_t *plan, const json_t *notes)
{
	json_t *out = json_pack("{s:[], s:O}", "steps", "notes", notes), *v;
	json_t *steps = json_object_get(out, "steps");
	size_t i;

	json_array_foreach ((json_t *)plan, i, v)
		json_array_append(steps, json_object_get(v, "what"));
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static enum exit_status carry_out(const struct invocation *in,
				  const json_t *plan)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)plan, i, v) {
		json_t *answer = NULL;
		enum exit_status end =
			client_request(in->option[OPTION_SOCKET],
				       show_text(v, "method"),
				       show_text(v, "path"),
				       json_object_get(v, "body"), &answer);

		json_decref(answer);
		if (end) {
			fprintf(stderr,
				"sallyctl: that was: %s. %zu of %zu changes "
				"are made.\n",
				show_text(v, "what"), i, json_array_size(plan));
			return end;
		}
	}
	return EXIT_DONE;
}

enum exit_status import_all(const struct invocation *in)
{
	json_t *wanted = wanted_read(in->arg[0]), *is = NULL, *plan;
	json_t *notes = json_array();
	enum exit_status end = EXIT_USAGE;

	if (!wanted)
		goto out;
	end = exchange_read(in, false, &is);
	if (end)
		goto out;
	plan = exchange_plan(is, wanted, notes);
	if (!in->option[OPTION_DRY_RUN])
		end = carry_out(in, plan);
	if (!end && in->option[OPTION_JSON])
		plan_print(plan, notes);
	else if (!end)
		list_print(plan, notes);
	json_decref(plan);
out:
	json_decref(is);
	json_decref(wanted);
	json_decref(notes);
	return end;
}
