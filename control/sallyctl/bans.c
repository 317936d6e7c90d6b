/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that SIP doesn't listen to. */
#include <stdio.h>
#include <stdlib.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

static void show_bans(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"SOURCE", 0},
		{"SECONDS LEFT", 1},
		{"REASON", 0},
	};
	struct grid *g = grid_new(columns, 3);
	const char *name;
	json_t *b;
	size_t i;

	(void)in;
	json_array_foreach (json_object_get(j, "bans"), i, b) {
		grid_text(g, show_text(b, "source"));
		grid_count(g,
			   json_integer_value(json_object_get(b, "seconds")));
		grid_text(g, show_text(b, "reason"));
	}
	grid_print(g, "Nobody is banned.");
	json_object_foreach (json_object_get(j, "counters"), name, b)
		printf("%s %lld  ", name, (long long)json_integer_value(b));
	putchar('\n');
}

static void show_ban(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s is banned.\n", show_text(j, "banned"));
}

static void show_unban(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s is not banned any more.\n", show_text(j, "removed"));
}

enum exit_status bans_list(const struct invocation *in)
{
	return ask(in, "GET", "/bans", NULL, show_bans);
}

enum exit_status bans_add(const struct invocation *in)
{
	const char *seconds = in->option[OPTION_SECONDS];
	json_t *body = json_pack("{s:s}", "source", in->arg[0]);
	enum exit_status end;
	char *rest = NULL;

	if (seconds)
		json_object_set_new(body, "seconds",
				    json_integer(strtoll(seconds, &rest, 10)));
	if (in->option[OPTION_DESCRIPTION])
		json_object_set_new(
			body, "reason",
			json_string(in->option[OPTION_DESCRIPTION]));
	if (!body || (rest && (*rest || rest == seconds))) {
		fprintf(stderr, "sallyctl: --seconds takes a number.\n");
		json_decref(body);
		return EXIT_USAGE;
	}
	end = ask(in, "POST", "/bans", body, show_ban);
	json_decref(body);
	return end;
}

enum exit_status bans_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/bans/%s", 1, in->arg, NULL, show_unban);
}
