/* SPDX-License-Identifier: Apache-2.0 */
/* Updates of the appliance's image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define LOOK_SECONDS 1

static const char *const phases[][2] = {
	{"download", "fetching it"},
	{"check", "checking it"},
	{"write", "writing it to the other slot"},
};

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* "": it is null, or isn't there. */
static const char *text(const json_t *j, const char *key)
{
	const char *found = show_text(j, key);

	return found ? found : "";
}

static bool is(const json_t *j, const char *key, const char *want)
{
	return !strcmp(text(j, key), want);
}

static bool yes(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* ------------------------------------------------------------------ status */

static void show_slots(const json_t *slots)
{
	static const struct column columns[] = {{"SLOT", 0},
						{"VERSION", 0},
						{"STATE", 0},
						{"TRIES", 0},
						{"NOTE", 0}};
	struct grid *g = grid_new(columns, 5);
	json_t *s;
	size_t i;

	json_array_foreach ((json_t *)slots, i, s) {
		char tries[32];
		const char *version = text(s, "version");

		snprintf(tries, sizeof(tries), "%lld of %lld",
			 (long long)number(s, "tries"),
			 (long long)number(s, "tries_max"));
		grid_text(g, text(s, "slot"));
		grid_text(g, version[0] ? version : "-");
		grid_text(g, text(s, "state"));
		grid_text(g, tries);
		grid_text(g, yes(s, "booted") && yes(s, "next")
				     ? "runs, and starts next"
			     : yes(s, "booted") ? "runs"
			     : yes(s, "next")	? "starts next"
						: "");
	}
	grid_print(g, "The slots aren't known.");
}

/* What is under way, or has ended last. */
static void show_progress(const json_t *j)
{
	json_t *job = json_object_get(j, "job");
	json_t *drain = json_object_get(j, "drain");

	if (json_is_object(drain))
		printf("The machine is started again%s when all calls (%lld) "
		       "have ended, in %lld s at the latest.\n",
		       yes(drain, "reset") ? ", with nothing on it," : "",
		       (long long)number(drain, "calls"),
		       (long long)number(drain, "left"));
	else if (is(j, "stage", "bye") || is(j, "stage", "restart"))
		puts("The machine is being started again.");
	else if (yes(j, "unfinished"))
		printf("Under way: %s, %s, %lld %%.\n", text(job, "kind"),
		       text(job, "phase"), (long long)number(job, "percent"));
	else if (job && is(job, "phase", "failed"))
		printf("The last %s came to nothing: %s.\n", text(job, "kind"),
		       text(job, "message"));
}

static void show_status(const json_t *j, const struct invocation *in)
{
	(void)in;
	if (text(j, "version")[0]) {
		printf("Version %s for %s.\n", text(j, "version"),
		       text(j, "compatible"));
		show_slots(json_object_get(j, "slots"));
		show_progress(j);
	}
	if (text(j, "trouble")[0])
		printf("%s.\n", text(j, "trouble"));
}

enum exit_status firmware_status(const struct invocation *in)
{
	return ask(in, "GET", "/firmware", NULL, show_status);
}

/* ----------------------------------------------------------------- followed */

struct watch {
	char said[160]; /* the latest line */
	bool line;	/* it is on the terminal, without its end */
};

/* On a terminal what changes stays in its place; elsewhere each phase is a
 * line. */
static void say(struct watch *w, const char *what, json_int_t percent)
{
	bool same = !strcmp(w->said, what);

	if (isatty(STDERR_FILENO)) {
		if (w->line && !same)
			fputc('\n', stderr);
		fprintf(stderr, "\r%s", what);
		if (percent >= 0)
			fprintf(stderr, ": %lld %%", (long long)percent);
		fputs("\033[K", stderr);
		w->line = true;
	} else if (!same) {
		fprintf(stderr, "%s\n", what);
	}
	snprintf(w->said, sizeof(w->said), "%s", what);
}

static void say_end(struct watch *w)
{
	if (w->line)
		fputc('\n', stderr);
	w->line = false;
}

static void say_work(struct watch *w, const json_t *job)
{
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (is(job, "phase", phases[i][0]))
			say(w, phases[i][1], number(job, "percent"));
}

static void say_drain(struct watch *w, const json_t *drain)
{
	char line[96];

	snprintf(line, sizeof(line),
		 "waiting for the end of %lld call%s%s, %lld s at most",
		 (long long)number(drain, "calls"),
		 number(drain, "calls") == 1 ? "" : "s",
		 yes(drain, "emergency") ? " (an emergency call among them)"
					 : "",
		 (long long)number(drain, "left"));
	if (isatty(STDERR_FILENO) || !w->said[0] ||
	    strncmp(w->said, "waiting", 7) != 0)
		say(w, line, -1);
}

/* How it ended. */
static enum exit_status ended(const json_t *j, const struct invocation *in)
{
	json_t *job = json_object_get(j, "job");

	if (text(j, "trouble")[0]) {
		fprintf(stderr, "sallyctl: %s.\n", text(j, "trouble"));
		return EXIT_REFUSED;
	}
	if (job && is(job, "phase", "failed")) {
		fprintf(stderr, "sallyctl: %s.\n", text(job, "message"));
		return EXIT_REFUSED;
	}
	if (in->option[OPTION_JSON]) {
		json_dumpf(j, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (in->option[OPTION_STAY]) {
		printf("The next start is with version %s.\n",
		       text(job, "version"));
	} else {
		puts("There is no restart: somebody has cancelled it.");
	}
	return EXIT_DONE;
}

static enum exit_status restarts(const struct invocation *in)
{
	if (!in->option[OPTION_JSON])
		puts("The machine is being started again.");
	return EXIT_DONE;
}

/* Until it is done, refused, or the machine is started again. To stop looking
 * (Ctrl-C) changes nothing. */
static enum exit_status follow(const struct invocation *in)
{
	struct watch w = {.said = ""};
	enum exit_status end;
	bool bye = false;

	for (;;) {
		json_t *j = NULL;

		client_quiet(bye);
		end = client_request(in->option[OPTION_SOCKET], "GET",
				     "/firmware", NULL, &j);
		if (end != EXIT_DONE) {
			say_end(&w);
			return bye ? restarts(in) : end;
		}
		if (is(j, "stage", "work"))
			say_work(&w, json_object_get(j, "job"));
		else if (is(j, "stage", "drain"))
			say_drain(&w, json_object_get(j, "drain"));
		bye = is(j, "stage", "restart");
		if (is(j, "stage", "idle") || bye) {
			say_end(&w);
			end = bye ? restarts(in) : ended(j, in);
			json_decref(j);
			return end;
		}
		json_decref(j);
		sleep(LOOK_SECONDS);
	}
}

/* ------------------------------------------------------------------- asked */

/* --wait N, --now, --stay. @return false: it has been said why. */
static bool manner(const struct invocation *in, json_t *body)
{
	const char *wait = in->option[OPTION_WAIT];
	char *rest = NULL;

	if (in->option[OPTION_NOW])
		json_object_set_new(body, "wait", json_integer(0));
	else if (wait)
		json_object_set_new(body, "wait",
				    json_integer(strtoll(wait, &rest, 10)));
	if (wait && (in->option[OPTION_NOW] || rest == wait || *rest)) {
		fprintf(stderr,
			"sallyctl: --wait takes seconds, and no --now.\n");
		return false;
	}
	if (in->option[OPTION_STAY])
		json_object_set_new(body, "restart", json_false());
	return true;
}

static enum exit_status begin(const struct invocation *in, const char *path,
			      json_t *body)
{
	enum exit_status end = EXIT_USAGE;
	json_t *j = NULL;

	if (manner(in, body))
		end = client_request(in->option[OPTION_SOCKET], "POST", path,
				     body, &j);
	json_decref(body);
	json_decref(j);
	return end == EXIT_DONE ? follow(in) : end;
}

static bool uploaded_part(unsigned percent, void *arg)
{
	say(arg, "uploading it", percent);
	return true;
}

static enum exit_status upload(const struct invocation *in, const char *path)
{
	struct watch w = {.said = ""};
	FILE *f = fopen(path, "rbe");
	enum exit_status end;

	if (!f) {
		perror(path);
		return EXIT_USAGE;
	}
	end = client_upload(in->option[OPTION_SOCKET], "/firmware/bundle", f,
			    uploaded_part, &w);
	say_end(&w);
	fclose(f);
	return end;
}

enum exit_status firmware_install(const struct invocation *in)
{
	const char *from = in->arg[0];
	bool url = strstr(from, "://") != NULL;
	enum exit_status end = url ? EXIT_DONE : upload(in, from);

	if (end != EXIT_DONE)
		return end;
	return begin(in, "/firmware/install",
		     json_pack("{s:s}", "source", url ? from : "upload"));
}

enum exit_status firmware_rollback(const struct invocation *in)
{
	return begin(in, "/firmware/rollback", json_object());
}

enum exit_status firmware_restart(const struct invocation *in)
{
	return begin(in, "/firmware/restart", json_object());
}

/* A word that nobody types by accident. */
static bool sure(void)
{
	char line[32] = "";

	if (!isatty(STDIN_FILENO))
		return false;
	fputs("Users, keys, certificates, recordings, call records and the "
	      "configuration\nare erased for good. Type \"everything\": ",
	      stderr);
	return fgets(line, sizeof(line), stdin) &&
	       !strcmp(line, "everything\n");
}

enum exit_status firmware_reset(const struct invocation *in)
{
	if (!in->option[OPTION_YES] && !sure()) {
		fputs("sallyctl: nothing was erased; --yes says that it is "
		      "meant.\n",
		      stderr);
		return EXIT_USAGE;
	}
	return begin(in, "/firmware/reset",
		     json_pack("{s:s}", "erase", "everything"));
}

static void show_cancelled(const json_t *j, const struct invocation *in)
{
	(void)j;
	(void)in;
	puts("There is no restart; calls are taken again.");
}

enum exit_status firmware_cancel(const struct invocation *in)
{
	return ask(in, "DELETE", "/firmware/restart", NULL, show_cancelled);
}
