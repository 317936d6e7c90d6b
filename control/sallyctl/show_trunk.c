/* SPDX-License-Identifier: Apache-2.0 */
/* Trunks and routes as people read them. */
#include <stdio.h>
#include <string.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define COLUMNS(c) (sizeof(c) / sizeof((c)[0]))

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static bool is(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* "3 of 30", "3" */
static void calls(struct grid *g, const json_t *t)
{
	if (number(t, "calls"))
		grid_printf(g, "%d of %d", (int)number(t, "calls_now"),
			    (int)number(t, "calls"));
	else
		grid_printf(g, "%d", (int)number(t, "calls_now"));
}

static const char *or_dash(const char *text)
{
	return text && *text ? text : NULL;
}

void show_trunks(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"TRUNK", 0}, {"ADDRESS", 0},	 {"BY", 0},  {"STATE", 0},
		{"CALLS", 1}, {"REGISTERED", 0}, {"WHY", 0},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *t;
	size_t i;

	(void)in;
	json_array_foreach (j, i, t) {
		grid_text(g, show_text(t, "name"));
		grid_text(g, show_text(t, "address"));
		grid_text(g, show_text(t, "transport"));
		grid_text(g, show_text(t, "state"));
		calls(g, t);
		if (is(t, "registered"))
			grid_printf(g, "%d s",
				    (int)number(t, "registered_for"));
		else
			grid_text(g, is(t, "register") ? "no" : NULL);
		grid_text(g, or_dash(show_text(t, "why")));
	}
	grid_print(g, "There are no trunks; \"sallyctl trunk add\" makes one.");
}

void show_trunk(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {{"", 0}, {"", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	const char *key;
	json_t *v;

	(void)in;
	json_object_foreach ((json_t *)j, key, v) {
		grid_text(g, key);
		if (json_is_string(v))
			grid_text(g, or_dash(json_string_value(v)));
		else if (json_is_boolean(v))
			grid_text(g, json_is_true(v) ? "yes" : "no");
		else
			grid_printf(g, "%lld",
				    (long long)json_integer_value(v));
	}
	grid_print(g, "");
}

void show_trunk_gone(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("Trunk %s is gone.\n", show_text(j, "removed"));
}

/* ----------------------------------------------------------------- routes */

void show_routes(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"PREFIX", 0}, {"PRIORITY", 1}, {"TRUNK", 0}, {"KIND", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *r;
	size_t i;

	(void)in;
	json_array_foreach (j, i, r) {
		grid_text(g, show_text(r, "prefix"));
		grid_printf(g, "%d", (int)number(r, "priority"));
		grid_text(g, or_dash(show_text(r, "trunk")));
		grid_text(g, show_text(r, "kind"));
	}
	grid_print(g, "There are no routes: no number outside can be called.");
}

void show_route(const json_t *j, const struct invocation *in)
{
	(void)in;
	if (*show_text(j, "trunk"))
		printf("%s goes to %s (priority %d, %s).\n",
		       show_text(j, "prefix"), show_text(j, "trunk"),
		       (int)number(j, "priority"), show_text(j, "kind"));
	else
		printf("%s is blocked.\n", show_text(j, "prefix"));
}

void show_route_gone(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("The route for %s%s%s is gone.\n", show_text(j, "removed"),
	       *show_text(j, "trunk") ? " to " : "", show_text(j, "trunk"));
}

static void step(size_t i, const json_t *t)
{
	json_t *line;
	size_t n;

	printf("%zu. %s: %s%s%s, %d", i + 1, show_text(t, "trunk"),
	       show_text(t, "state"), *show_text(t, "why") ? ", " : "",
	       show_text(t, "why"), (int)number(t, "calls_now"));
	if (number(t, "calls"))
		printf(" of %d", (int)number(t, "calls"));
	printf(" calls%s\n", is(t, "full") ? ", full: passed over" : "");
	printf("   INVITE %s\n   From: %s\n", show_text(t, "uri"),
	       show_text(t, "from"));
	json_array_foreach (json_object_get(t, "lines"), n, line)
		printf("   %s\n", json_string_value(line));
}

void show_route_test(const json_t *j, const struct invocation *in)
{
	const json_t *steps = json_object_get(j, "trunks");
	const char *prefix = show_text(j, "prefix");
	const char *why = show_text(j, "why");
	json_t *t;
	size_t i;

	(void)in;
	printf("%s is %s (%s).\n", show_text(j, "dialled"),
	       show_text(j, "number"),
	       is(j, "emergency") ? "an emergency number"
				  : show_text(j, "kind"));
	if (*show_text(j, "rings_user"))
		printf("It is ours: user %s rings.\n",
		       show_text(j, "rings_user"));
	if (*show_text(j, "rings_group"))
		printf("It is ours: group %s rings.\n",
		       show_text(j, "rings_group"));
	if (*prefix)
		printf("Prefix %s decides.\n", prefix);
	if (json_object_get(j, "allowed"))
		printf("%s may dial: %s; this number: %s%s%s\n",
		       show_text(j, "user"), show_text(j, "dial"),
		       is(j, "allowed") ? "yes" : "no",
		       *show_text(j, "reason") ? ". " : "",
		       show_text(j, "reason"));
	if (is(j, "blocked"))
		puts("It is blocked: no trunk is tried.");
	else if (!json_array_size(steps))
		printf("No trunk is tried%s%s.\n", *why ? ". " : "", why);
	json_array_foreach (steps, i, t)
		step(i, t);
}

/* ---------------------------------------------------------------- numbers */

void show_numbers(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"NUMBER", 0}, {"USER", 0}, {"GROUP", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *n;
	size_t i;

	(void)in;
	json_array_foreach (j, i, n) {
		grid_text(g, show_text(n, "number"));
		grid_text(g, or_dash(show_text(n, "user")));
		grid_text(g, or_dash(show_text(n, "group")));
	}
	grid_print(g, "There are no numbers: nobody can be called from "
		      "outside.");
}

void show_number(const json_t *j, const struct invocation *in)
{
	const char *user = show_text(j, "user");

	(void)in;
	printf("%s is %s %s's.\n", show_text(j, "number"),
	       *user ? "user" : "group", *user ? user : show_text(j, "group"));
}

void show_number_gone(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s is nobody's now.\n", show_text(j, "removed"));
}

void show_dial(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s may dial: %s.\n", show_text(j, "user"),
	       show_text(j, "dial"));
}
