/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, groups, features and the audit log as tables for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define COLUMNS(c) (sizeof(c) / sizeof((c)[0]))

static bool is(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* --------------------------------------------------------------- policies */

static const struct column policy_columns[] = {
	{"IDENTITY", 0}, {"CALLING", 0}, {"DESCRIPTION", 0}};

static void policy_row(struct grid *g, const json_t *p)
{
	grid_text(g, show_text(p, "identity"));
	grid_text(g, show_text(p, "calling"));
	grid_text(g, show_text(p, "description"));
}

void show_policies(const json_t *j, const struct invocation *in)
{
	struct grid *g = grid_new(policy_columns, COLUMNS(policy_columns));
	json_t *p;
	size_t i;

	(void)in;
	json_array_foreach (j, i, p)
		policy_row(g, p);
	grid_print(g, "");
}

void show_policy(const json_t *j, const struct invocation *in)
{
	struct grid *g = grid_new(policy_columns, COLUMNS(policy_columns));

	(void)in;
	policy_row(g, j);
	grid_print(g, "");
}

void show_policy_gone(const json_t *j, const struct invocation *in)
{
	(void)in;
	if (show_text(j, "reset"))
		printf("%s is as it was at first: Disabled.\n",
		       show_text(j, "reset"));
	else
		printf("%s is gone.\n", show_text(j, "removed"));
}

static const struct column grant_columns[] = {
	{"TO", 0}, {"NAME", 0}, {"RANK", 1}, {"POLICY", 0}};

static void grant_row(struct grid *grid, const json_t *g)
{
	const json_t *rank = json_object_get(g, "rank");

	grid_text(grid, show_text(g, "to"));
	grid_text(grid, show_text(g, "name"));
	if (json_is_integer(rank))
		grid_printf(grid, "%d", (int)json_integer_value(rank));
	else
		grid_text(grid, NULL);
	grid_text(grid, show_text(g, "policy"));
}

void show_grants(const json_t *j, const struct invocation *in)
{
	struct grid *grid = grid_new(grant_columns, COLUMNS(grant_columns));
	json_t *g;
	size_t i;

	(void)in;
	json_array_foreach (j, i, g)
		grant_row(grid, g);
	grid_print(grid, "Nothing is granted: Global is everybody's policy.");
}

void show_grant(const json_t *j, const struct invocation *in)
{
	struct grid *grid = grid_new(grant_columns, COLUMNS(grant_columns));

	(void)in;
	grant_row(grid, j);
	grid_print(grid, "");
}

void show_revoked(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("No policy is granted to %s %s any more.\n", show_text(j, "to"),
	       show_text(j, "name"));
}

/* ---------------------------------------------------- what comes of them */

static void subject(const json_t *s)
{
	const char *by = show_text(s, "granted_by");

	printf("%s\n  policy      %s (%s", show_text(s, "user"),
	       show_text(s, "policy"), show_text(s, "calling"));
	if (by && strcmp(by, "group") == 0)
		printf("), by group %s at rank %d\n", show_text(s, "group"),
		       (int)number(s, "rank"));
	else if (by && strcmp(by, "user") == 0)
		printf("), granted directly\n");
	else
		printf("), as everybody's default\n");
	printf("  own switch  %s\n  compliance recording %s\n",
	       is(s, "e2ee") ? "on" : "off",
	       is(s, "compliance") ? "applies" : "doesn't apply");
}

void show_effective(const json_t *j, const struct invocation *in)
{
	const json_t *caller = json_object_get(j, "caller");

	(void)in;
	subject(caller ? caller : j);
	if (caller)
		subject(json_object_get(j, "callee"));
	if (is(j, "available"))
		printf("End-to-end encryption is available%s.\n",
		       caller ? " to this call"
			      : ", with others to whom it is");
	else
		printf("End-to-end encryption isn't available: %s.\n",
		       show_text(j, "reason") ? show_text(j, "reason")
					      : show_text(j, "rule"));
}

/* ----------------------------------------------------------------- groups */

void show_groups(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {{"GROUP", 0}, {"MEMBERS", 1}};
	struct grid *grid = grid_new(columns, COLUMNS(columns));
	json_t *g;
	size_t i;

	(void)in;
	json_array_foreach (j, i, g) {
		grid_text(grid, show_text(g, "name"));
		grid_count(grid, number(g, "members"));
	}
	grid_print(grid, "There are no groups; \"sallyctl group add GROUP\" "
			 "makes one.");
}

void show_group_added(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("Group %s is there.\n", show_text(j, "name"));
}

void show_members(const json_t *j, const struct invocation *in)
{
	json_t *user;
	size_t i;

	(void)in;
	json_array_foreach (j, i, user)
		printf("%s\n", json_string_value(user));
	if (!json_array_size(j))
		printf("It has no members.\n");
}

void show_member(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("Group %s: %s.\n", show_text(j, "group"), show_text(j, "user"));
}

/* --------------------------------------------------------------- features */

static void answer(struct grid *g, const json_t *a)
{
	if (number(a, "status") == 200)
		grid_text(g, "yes");
	else
		grid_printf(g, "%d %s", (int)number(a, "status"),
			    show_text(a, "error"));
}

void show_features(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {{"FEATURE", 0},
						{"ORDINARY CALL", 0},
						{"END-TO-END ENCRYPTED", 0},
						{"ASKED FOR BY", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *f;
	size_t i;

	(void)in;
	json_array_foreach (j, i, f) {
		grid_text(g, show_text(f, "name"));
		answer(g, json_object_get(f, "ordinary"));
		answer(g, json_object_get(f, "e2ee"));
		grid_text(g, show_text(f, "asked"));
	}
	grid_print(g, "");
}

/* -------------------------------------------------------------- audit log */

/* What is left beside the columns, as it stands in the log. */
static void details(struct grid *g, const json_t *r)
{
	static const char *const shown[] = {"seq", "at", "event", "by"};
	json_t *rest = json_copy((json_t *)r);
	char *text;

	for (size_t i = 0; i < COLUMNS(shown); i++)
		json_object_del(rest, shown[i]);
	text = json_dumps(rest, JSON_COMPACT);
	grid_text(g, text);
	free(text);
	json_decref(rest);
}

void show_audit(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"RECORD", 1}, {"WHEN", 0}, {"WHAT", 0}, {"BY", 0}, {"", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *r;
	size_t i;

	(void)in;
	json_array_foreach (j, i, r) {
		grid_count(g, number(r, "seq"));
		grid_text(g, show_text(r, "at"));
		grid_text(g, show_text(r, "event"));
		grid_text(g, show_text(r, "by"));
		details(g, r);
	}
	grid_print(g, "The audit log is empty.");
}

/* As it stands in its file, so that it can be kept in another. */
void show_head(const json_t *j, const struct invocation *in)
{
	(void)in;
	fputs(show_text(j, "head"), stdout);
}
