/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with calls: parked, merged, added to, transferred. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"

static enum exit_status post(const struct invocation *in, const char *fmt,
			     json_t *body, show_f *show)
{
	enum exit_status end = ask_at(in, "POST", fmt, 1, in->arg, body, show);

	json_decref(body);
	return end;
}

static void show_parked_at(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("parked at %s\n", show_text(j, "orbit"));
}

static void show_merged(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("conference %s\n", show_text(j, "conference"));
}

static void show_transferred(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s is rung\n", show_text(j, "to"));
}

enum exit_status calls_park(const struct invocation *in)
{
	json_t *body = json_object();

	if (in->arg[1])
		json_object_set_new(body, "orbit", json_string(in->arg[1]));
	if (in->option[OPTION_WHO])
		json_object_set_new(body, "who",
				    json_string(in->option[OPTION_WHO]));
	return post(in, "/calls/%s/park", body, show_parked_at);
}

enum exit_status calls_merge(const struct invocation *in)
{
	char *end;
	long long other = strtoll(in->arg[1], &end, 10);

	if (*end || other <= 0) {
		fprintf(stderr, "sallyctl: %s is no call's id\n", in->arg[1]);
		return EXIT_USAGE;
	}
	return post(in, "/calls/%s/merge",
		    json_pack("{s:I}", "with", (json_int_t)other), show_merged);
}

enum exit_status calls_add(const struct invocation *in)
{
	return post(in, "/calls/%s/add", json_pack("{s:s}", "to", in->arg[1]),
		    show_merged);
}

enum exit_status calls_transfer(const struct invocation *in)
{
	json_t *body = json_pack("{s:s}", "to", in->arg[1]);

	if (in->option[OPTION_WHO])
		json_object_set_new(body, "who",
				    json_string(in->option[OPTION_WHO]));
	return post(in, "/calls/%s/transfer", body, show_transferred);
}

static void show_parked(const json_t *j, const struct invocation *in)
{
	const json_t *p;
	size_t i;

	(void)in;
	if (!json_array_size(j))
		puts("nobody is parked");
	json_array_foreach ((json_t *)j, i, p) {
		printf("%-8s %s, parked by %s (call %lld)\n",
		       show_text(p, "orbit"), show_text(p, "parked"),
		       show_text(p, "by"),
		       (long long)json_integer_value(
			       json_object_get(p, "call")));
	}
}

static void show_conferences(const json_t *j, const struct invocation *in)
{
	const json_t *c, *p;
	size_t i, k;

	(void)in;
	if (!json_array_size(j))
		puts("there is no conference");
	json_array_foreach ((json_t *)j, i, c) {
		printf("%s\n", show_text(c, "uri"));
		json_array_foreach (json_object_get(c, "parties"), k, p) {
			printf("  %-40s call %lld\n", show_text(p, "aor"),
			       (long long)json_integer_value(
				       json_object_get(p, "call")));
		}
	}
}

enum exit_status parked_list(const struct invocation *in)
{
	return ask(in, "GET", "/parked", NULL, show_parked);
}

enum exit_status conferences_list(const struct invocation *in)
{
	return ask(in, "GET", "/conferences", NULL, show_conferences);
}

/* ---------------------------------------------------------------- forwards */

static void show_forward(const json_t *j, const struct invocation *in)
{
	static const struct {
		const char *key, *says;
	} rows[] = {{"always", "always"},
		    {"busy", "when busy"},
		    {"no_answer", "unanswered"}};
	const json_t *v;
	size_t i;

	(void)in;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_object_get(j, rows[i].key))
			printf("%-11s %s\n", rows[i].says,
			       show_text(j, rows[i].key));
	printf("%-11s %lld s\n", "after",
	       (long long)json_integer_value(json_object_get(j, "after")));
	json_array_foreach (json_object_get(j, "also"), i, v) {
		printf("%-11s %s\n", "also rings", json_string_value(v));
	}
}

enum exit_status forward_get(const struct invocation *in)
{
	return ask_at(in, "GET", "/users/%s/forward", 1, in->arg, NULL,
		      show_forward);
}

static void option_to(const struct invocation *in, enum option o,
		      const char *key, json_t *body)
{
	if (in->option[o])
		json_object_set_new(body, key, json_string(in->option[o]));
}

enum exit_status forward_set(const struct invocation *in)
{
	const char *also = in->option[OPTION_ALSO];
	json_t *body = json_object(), *list = json_array();
	enum exit_status end;

	option_to(in, OPTION_ALWAYS, "always", body);
	option_to(in, OPTION_BUSY, "busy", body);
	option_to(in, OPTION_NO_ANSWER, "no_answer", body);
	if (in->option[OPTION_AFTER])
		json_object_set_new(
			body, "after",
			json_integer(
				strtoll(in->option[OPTION_AFTER], NULL, 10)));
	while (also && *also) {
		size_t n = strcspn(also, ",");

		json_array_append_new(list, json_stringn(also, n));
		also += n + (also[n] == ',');
	}
	json_object_set_new(body, "also", list);
	end = ask_at(in, "PUT", "/users/%s/forward", 1, in->arg, body,
		     show_forward);
	json_decref(body);
	return end;
}
