/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file of an appliance: seen, checked, compared, applied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define FILE_MAX (1 << 20)

/* @return {"text": ...}; NULL: it has been said why. "-": standard input. */
static json_t *file_body(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = f ? malloc(FILE_MAX) : NULL;
	json_t *body = NULL;
	size_t n;

	if (!text) {
		perror(path);
		if (f && f != stdin)
			fclose(f);
		return NULL;
	}
	n = fread(text, 1, FILE_MAX, f);
	if (n < FILE_MAX)
		body = json_pack("{s:s%}", "text", text, n);
	if (!body)
		fprintf(stderr, "sallyctl: %s is too large, or not UTF-8.\n",
			path);
	if (f != stdin)
		fclose(f);
	free(text);
	return body;
}

/* The file, or where none is named that of the appliance. */
static enum exit_status body_of(const struct invocation *in, json_t **body)
{
	enum exit_status end;
	json_t *now = NULL;

	if (in->arg[0]) {
		*body = file_body(in->arg[0]);
		return *body ? EXIT_DONE : EXIT_USAGE;
	}
	end = client_request(in->option[OPTION_SOCKET], "GET", "/config", NULL,
			     &now);
	if (end == EXIT_DONE)
		*body = json_pack("{s:O}", "text",
				  json_object_get(now, "text"));
	json_decref(now);
	return end;
}

static void show_errors(const json_t *j, const char *name)
{
	json_t *e;
	size_t i;

	json_array_foreach (json_object_get(j, "errors"), i, e) {
		json_int_t line =
			json_integer_value(json_object_get(e, "line"));

		printf("%s", name ? name : "the configuration");
		if (line)
			printf(", line %lld", (long long)line);
		printf(": %s (%s)\n", show_text(e, "message"),
		       show_text(e, "program"));
	}
}

static const char *value(const json_t *change, const char *key)
{
	const char *text = json_string_value(json_object_get(change, key));

	return text ? text : "-";
}

static void show_changes(const json_t *changes, const char *none)
{
	static const struct column columns[] = {
		{"OPTION", 0}, {"IS", 0}, {"WILL BE", 0}, {"TAKES", 0}};
	struct grid *g = grid_new(columns, 4);
	json_t *c;
	size_t i;

	json_array_foreach ((json_t *)changes, i, c) {
		const char *program = show_text(c, "program");
		char takes[64];

		snprintf(takes, sizeof(takes), "%s%s",
			 json_is_true(json_object_get(c, "live"))
				 ? "effect at once"
			 : program[0] ? "a restart of "
				      : "nothing: nobody reads it",
			 json_is_true(json_object_get(c, "live")) ? ""
								  : program);
		grid_text(g, show_text(c, "option"));
		grid_text(g, value(c, "from"));
		grid_text(g, value(c, "to"));
		grid_text(g, takes);
	}
	grid_print(g, none);
}

static void show_restarts(const json_t *j)
{
	json_t *program;
	size_t i;

	json_array_foreach (json_object_get(j, "restart"), i, program)
		printf("%s systemctl restart %s\n",
		       i ? "    " : "Then:", json_string_value(program));
}

static void show_config(const json_t *j, const struct invocation *in)
{
	(void)in;
	fputs(show_text(j, "text"), stdout);
}

enum exit_status config_show(const struct invocation *in)
{
	return ask(in, "GET", "/config", NULL, show_config);
}

static void show_check(const json_t *j, const struct invocation *in)
{
	if (json_is_true(json_object_get(j, "good")))
		puts("Every program here takes this configuration.");
	else
		show_errors(j, in->arg[0]);
}

static void show_diff(const json_t *j, const struct invocation *in)
{
	show_errors(j, in->arg[0]);
	show_changes(json_object_get(j, "changes"),
		     "It is what the programs run with.");
	show_restarts(j);
}

static enum exit_status check(const struct invocation *in, show_f *show)
{
	json_t *body = NULL, *j = NULL;
	enum exit_status end = body_of(in, &body);

	if (end == EXIT_DONE)
		end = client_request(in->option[OPTION_SOCKET], "POST",
				     "/config/check", body, &j);
	json_decref(body);
	if (end != EXIT_DONE)
		return end;
	answer_show(in, j, show);
	if (!json_is_true(json_object_get(j, "good")))
		end = EXIT_REFUSED;
	json_decref(j);
	return end;
}

enum exit_status config_check(const struct invocation *in)
{
	return check(in, show_check);
}

enum exit_status config_diff(const struct invocation *in)
{
	return check(in, show_diff);
}

static void show_applied(const json_t *j, const struct invocation *in)
{
	json_int_t left = json_integer_value(json_object_get(j, "revert_in"));

	(void)in;
	show_changes(json_object_get(j, "changes"),
		     "It is what the programs run with.");
	show_restarts(j);
	if (left)
		printf("In %lld s all is as it was, unless you say:\n"
		       "sallyctl config confirm\n",
		       (long long)left);
}

enum exit_status config_apply(const struct invocation *in)
{
	const char *confirm = in->option[OPTION_CONFIRM];
	json_t *body = file_body(in->arg[0]);
	enum exit_status end;
	char *rest = NULL;

	if (!body)
		return EXIT_USAGE;
	if (confirm) {
		json_object_set_new(body, "confirm",
				    json_integer(strtoll(confirm, &rest, 10)));
		if (rest == confirm || *rest) {
			fprintf(stderr, "sallyctl: --confirm takes seconds.\n");
			json_decref(body);
			return EXIT_USAGE;
		}
	}
	end = ask(in, "PUT", "/config", body, show_applied);
	json_decref(body);
	return end;
}

static void show_stays(const json_t *j, const struct invocation *in)
{
	(void)j;
	(void)in;
	puts("It stays.");
}

static void show_reverted(const json_t *j, const struct invocation *in)
{
	(void)j;
	(void)in;
	puts("The file is as it was; \"sallyctl config diff\" tells what takes "
	     "a restart.");
}

enum exit_status config_confirm(const struct invocation *in)
{
	return ask(in, "POST", "/config/confirm", NULL, show_stays);
}

enum exit_status config_revert(const struct invocation *in)
{
	return ask(in, "DELETE", "/config/confirm", NULL, show_reverted);
}
