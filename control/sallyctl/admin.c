/* SPDX-License-Identifier: Apache-2.0 */
/* Who may administer, the certificate they see, and what happens meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define PASSWORD_MAX 256
#define PEM_MAX	     65536
#define COLUMNS(c)   (sizeof(c) / sizeof((c)[0]))

static void when(struct grid *g, const json_t *j, const char *key,
		 const char *never)
{
	time_t t = (time_t)json_integer_value(json_object_get(j, key));
	char text[32];
	struct tm tm;

	if (!t) {
		grid_text(g, never);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&t, &tm));
	grid_text(g, text);
}

/* -------------------------------------------------------- administrators */

static const struct column admin_columns[] = {{"NAME", 0}, {"ROLE", 0}};

static void show_admins(const json_t *j, const struct invocation *in)
{
	struct grid *g = grid_new(admin_columns, COLUMNS(admin_columns));
	json_t *a;
	size_t i;

	(void)in;
	json_array_foreach (j, i, a) {
		grid_text(g, show_text(a, "name"));
		grid_text(g, show_text(a, "role"));
	}
	grid_print(g, "No administrators: only the socket on the appliance is "
		      "open, \"sallyctl admins add\" makes one.");
}

static void show_admin(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%s may %s.\n", show_text(j, "name"), show_text(j, "role"));
}

enum exit_status admins_list(const struct invocation *in)
{
	return ask(in, "GET", "/admins", NULL, show_admins);
}

/* @return false: none was given; *wrong: it should have been. */
static bool password_take(const struct invocation *in, char *password,
			  size_t size)
{
	if (in->option[OPTION_PASSWORD]) {
		snprintf(password, size, "%s", in->option[OPTION_PASSWORD]);
		return true;
	}
	return password_read(password, size);
}

enum exit_status admins_add(const struct invocation *in)
{
	const char *role = in->option[OPTION_ROLE];
	char password[PASSWORD_MAX + 2] = "";
	enum exit_status end;
	json_t *body;

	if (!password_take(in, password, sizeof(password))) {
		fprintf(stderr, "sallyctl: an administrator needs a password; "
				"it is read from standard input.\n");
		return EXIT_USAGE;
	}
	body = json_pack("{s:s, s:s, s:s}", "name", in->arg[0], "role",
			 role ? role : "read", "password", password);
	explicit_bzero(password, sizeof(password));
	if (!body) {
		fprintf(stderr, "sallyctl: name and password must be UTF-8.\n");
		return EXIT_USAGE;
	}
	end = ask(in, "POST", "/admins", body, show_admin);
	json_decref(body);
	return end;
}

enum exit_status admins_set(const struct invocation *in)
{
	bool fresh = in->option[OPTION_PASSWORD] ||
		     in->option[OPTION_PASSWORD_STDIN];
	char password[PASSWORD_MAX + 2] = "";
	json_t *body = json_object();
	enum exit_status end;

	if (!fresh && !in->option[OPTION_ROLE]) {
		fprintf(stderr, "sallyctl: --role, --password-stdin or both "
				"say what to change.\n");
		json_decref(body);
		return EXIT_USAGE;
	}
	if (in->option[OPTION_ROLE])
		json_object_set_new(body, "role",
				    json_string(in->option[OPTION_ROLE]));
	if (fresh && password_take(in, password, sizeof(password)))
		json_object_set_new(body, "password", json_string(password));
	explicit_bzero(password, sizeof(password));
	end = ask_at(in, "PATCH", "/admins/%s", 1, in->arg, body, show_admin);
	json_decref(body);
	return end;
}

enum exit_status admins_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/admins/%s", 1, in->arg, NULL,
		      show_removed);
}

/* ---------------------------------------------------------------- tokens */

static const struct column token_columns[] = {
	{"NAME", 0}, {"ROLE", 0}, {"MADE", 0}, {"UNTIL", 0}};

static void show_tokens(const json_t *j, const struct invocation *in)
{
	struct grid *g = grid_new(token_columns, COLUMNS(token_columns));
	json_t *t;
	size_t i;

	(void)in;
	json_array_foreach (j, i, t) {
		grid_text(g, show_text(t, "name"));
		grid_text(g, show_text(t, "role"));
		when(g, t, "created", NULL);
		when(g, t, "expires", "never ends");
	}
	grid_print(g, "No tokens.");
}

static void show_token(const json_t *j, const struct invocation *in)
{
	(void)in;
	puts(show_text(j, "token"));
}

enum exit_status tokens_list(const struct invocation *in)
{
	return ask(in, "GET", "/tokens", NULL, show_tokens);
}

enum exit_status tokens_add(const struct invocation *in)
{
	const char *role = in->option[OPTION_ROLE];
	const char *days = in->option[OPTION_DAYS];
	json_t *body = json_pack("{s:s, s:s}", "name", in->arg[0], "role",
				 role ? role : "read");
	enum exit_status end;
	char *rest;

	if (days) {
		long n = strtol(days, &rest, 10);

		json_object_set_new(body, "days",
				    *rest ? json_string(days)
					  : json_integer(n));
	}
	end = ask(in, "POST", "/tokens", body, show_token);
	json_decref(body);
	return end;
}

enum exit_status tokens_remove(const struct invocation *in)
{
	return ask_at(in, "DELETE", "/tokens/%s", 1, in->arg, NULL,
		      show_removed);
}

/* ----------------------------------------------------------- certificate */

static const struct column certificate_columns[] = {{"", 0}, {"", 0}};

static void show_certificate(const json_t *j, const struct invocation *in)
{
	static const char *const texts[] = {"subject", "names", "fingerprint"};
	struct grid *g =
		grid_new(certificate_columns, COLUMNS(certificate_columns));

	(void)in;
	for (size_t i = 0; i < COLUMNS(texts); i++) {
		grid_text(g, texts[i]);
		grid_text(g, show_text(j, texts[i]));
	}
	grid_text(g, "from");
	when(g, j, "since", NULL);
	grid_text(g, "until");
	when(g, j, "until", NULL);
	grid_text(g, "signed by");
	grid_text(g, json_is_true(json_object_get(j, "self_signed"))
			     ? "itself: browsers warn until it is replaced"
			     : "a certificate authority");
	grid_print(g, "");
}

enum exit_status certificate_show(const struct invocation *in)
{
	return ask(in, "GET", "/certificate", NULL, show_certificate);
}

/* A whole file as JSON. @return NULL, having said why. */
static json_t *file_json(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(PEM_MAX) : NULL;
	size_t n = text ? fread(text, 1, PEM_MAX, f) : 0;
	json_t *j = NULL;

	if (!f || (text && ferror(f)))
		perror(path);
	else if (n == PEM_MAX)
		fprintf(stderr, "sallyctl: %s: no PEM file is that long.\n",
			path);
	else if (text && !(j = json_stringn(text, n)))
		fprintf(stderr, "sallyctl: %s: not a PEM file.\n", path);
	if (f)
		fclose(f);
	if (text)
		explicit_bzero(text, n);
	free(text);
	return j;
}

enum exit_status certificate_install(const struct invocation *in)
{
	json_t *cert = file_json(in->arg[0]);
	json_t *key = cert ? file_json(in->arg[1]) : NULL;
	enum exit_status end = EXIT_USAGE;
	json_t *body;

	if (key) {
		body = json_pack("{s:O, s:O}", "certificate", cert, "key", key);
		end = ask(in, "PUT", "/certificate", body, show_certificate);
		json_decref(body);
		explicit_bzero((char *)json_string_value(key),
			       json_string_length(key));
	}
	json_decref(key);
	json_decref(cert);
	return end;
}

/* ---------------------------------------------------------------- events */

struct event_lines {
	const struct invocation *in;
	char kind[64];
};

/* The values of an object, on one line. */
static void print_values(const json_t *data)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)data, key, v) {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

		printf("  %s %s", key, text ? text : "?");
		free(text);
	}
	putchar('\n');
	fflush(stdout);
}

static bool event_line(const char *line, void *arg)
{
	struct event_lines *l = arg;
	char text[16];
	struct tm tm;
	json_t *j;
	time_t at;

	if (strncmp(line, "event: ", 7) == 0)
		snprintf(l->kind, sizeof(l->kind), "%s", line + 7);
	if (strncmp(line, "data: ", 6) != 0)
		return true;
	if (l->in->option[OPTION_JSON]) {
		printf("{\"event\":\"%s\",\"data\":%s}\n", l->kind, line + 6);
		return fflush(stdout) == 0;
	}
	j = json_loads(line + 6, 0, NULL);
	at = (time_t)(json_integer_value(json_object_get(j, "at")) / 1000);
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&at, &tm));
	printf("%s  %-14s", text, l->kind);
	print_values(json_object_get(j, "data"));
	json_decref(j);
	return true;
}

enum exit_status events_follow(const struct invocation *in)
{
	struct event_lines l = {.in = in};

	return client_follow(in->option[OPTION_SOCKET], "/events", event_line,
			     &l);
}
