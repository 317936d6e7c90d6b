/* SPDX-License-Identifier: Apache-2.0 */
/* sallyctl: the operator's command line over the control API. Here: the command
 * line taken apart, and help. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/commands.h"
#include "version.h"

#define SOCKET_DEFAULT "/run/sallyport/control.sock"
#define WORDS_MAX      40
#define GENERAL                                               \
	(WITH(JSON) | WITH(SOCKET) | WITH(HELP) | WITH(URL) | \
	 WITH(TOKEN_FILE) | WITH(CA))

static void options_print(FILE *f, uint64_t which)
{
	for (int o = 0; o < OPTION_COUNT; o++) {
		char left[48];

		if (!(which & 1ull << o))
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s%s", options[o].name,
			 options[o].alias ? ", " : "",
			 options[o].alias ? options[o].alias : "",
			 options[o].value ? " " : "",
			 options[o].value ? options[o].value : "");
		fprintf(f, "  %-26s %s\n", left, options[o].help);
	}
}

static void usage(FILE *f)
{
	fprintf(f, "sallyctl: look after a Sallyport gateway\n\n"
		   "  sallyctl COMMAND [ARGUMENT] [OPTION]...\n\n");
	for (unsigned i = 0; i < n_commands; i++) {
		char left[48];

		snprintf(left, sizeof(left), "%s %s", commands[i].words,
			 commands[i].args);
		fprintf(f, "  %-28s %s\n", left, commands[i].brief);
	}
	fprintf(f, "\nOptions of every command, and without one:\n");
	options_print(f, GENERAL | WITH(VERSION));
	fprintf(f,
		"\n\"sallyctl COMMAND --help\" says more. The socket is %s\n"
		"unless --socket or SALLYPORT_SOCKET names another; --url or\n"
		"SALLYPORT_URL, an appliance from afar.\n"
		"Exit status: 0 done, 1 refused, 2 wrong usage, 3 control "
		"can't be reached.\n",
		SOCKET_DEFAULT);
}

static void command_help(const struct command *c)
{
	printf("sallyctl %s%s%s: %s\n\n%s\n\nOptions:\n", c->words,
	       c->args[0] ? " " : "", c->args, c->brief, c->help);
	options_print(stdout, c->options | GENERAL);
}

/* Does a command's name stand at the beginning of the words? @return how many
 * of them it takes; 0: no. */
static unsigned words_fit(const char *name, const char *const *word, unsigned n)
{
	unsigned used = 0;

	while (*name) {
		size_t len = strcspn(name, " ");

		if (used == n || strlen(word[used]) != len ||
		    memcmp(word[used], name, len) != 0)
			return 0;
		used++;
		name += len + (name[len] == ' ');
	}
	return used;
}

/* The command with the longest name that fits. */
static const struct command *command_find(const char *const *word, unsigned n,
					  unsigned *used)
{
	const struct command *found = NULL;

	*used = 0;
	for (unsigned i = 0; i < n_commands; i++) {
		unsigned fit = words_fit(commands[i].words, word, n);

		if (fit > *used) {
			*used = fit;
			found = &commands[i];
		}
	}
	return found;
}

/* "--name", "--name=value" or its alias. @return OPTION_COUNT: none. */
static int option_find(const char *arg, const char **value)
{
	size_t n = strcspn(arg, "=");

	*value = arg[n] ? arg + n + 1 : NULL;
	for (int o = 0; o < OPTION_COUNT; o++) {
		const char *names[2] = {options[o].name, options[o].alias};

		for (int i = 0; i < 2 && names[i]; i++)
			if (strlen(names[i]) == n &&
			    memcmp(names[i], arg, n) == 0)
				return o;
	}
	return OPTION_COUNT;
}

static bool complain(const char *what, const char *about)
{
	fprintf(stderr,
		"sallyctl: %s%s\nsallyctl --help shows what there is.\n", what,
		about);
	return false;
}

/* Options into in, the other words into word[]. */
static bool take_apart(int argc, char *argv[], struct invocation *in,
		       const char *word[WORDS_MAX], unsigned *n)
{
	*n = 0;
	for (int i = 1; i < argc; i++) {
		const char *value;
		int o;

		if (argv[i][0] != '-' || !argv[i][1]) {
			if (*n == WORDS_MAX)
				return complain("too many words: ", argv[i]);
			word[(*n)++] = argv[i];
			continue;
		}
		o = option_find(argv[i], &value);
		if (o == OPTION_COUNT)
			return complain("no such option: ", argv[i]);
		if (options[o].value && !value) {
			if (i + 1 == argc)
				return complain("no value for ", argv[i]);
			value = argv[++i];
		} else if (!options[o].value && value) {
			return complain("takes no value: ", options[o].name);
		}
		in->option[o] = value ? value : "";
	}
	return true;
}

/* Words in brackets may be left out. */
static unsigned args_needed(const struct command *c)
{
	unsigned n = c->n_args;

	for (const char *p = c->args; (p = strchr(p, '[')); p++)
		/* what may go on has no place of its own */
		n -= strncmp(strchr(p, ']') + 1, "...", 3) != 0;
	return n;
}

static bool fits_command(const struct command *c, struct invocation *in,
			 const char *const *rest, unsigned n)
{
	for (int o = 0; o < OPTION_COUNT; o++)
		if (in->option[o] && !((c->options | GENERAL) & 1ull << o))
			return complain("not an option of this command: ",
					options[o].name);
	if (n < args_needed(c))
		return complain("missing: ", c->args);
	if (n > c->n_args && !strstr(c->args, "..."))
		return complain("one word too many: ", rest[c->n_args]);
	if (n > c->n_args) {
		in->more = rest + c->n_args;
		in->n_more = n - c->n_args;
		n = c->n_args;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!rest[i][0])
			return complain("empty: ", c->args);
		in->arg[i] = rest[i];
	}
	return true;
}

int main(int argc, char *argv[])
{
	const char *word[WORDS_MAX], *env = getenv("SALLYPORT_SOCKET");
	struct invocation in = {0};
	const struct command *c;
	enum exit_status end;
	unsigned n, used;

	if (!take_apart(argc, argv, &in, word, &n))
		return EXIT_USAGE;
	c = command_find(word, n, &used);
	if (!c && ((in.option[OPTION_HELP] && n == 0) ||
		   (n == 1 && !strcmp(word[0], "help")))) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (!c && in.option[OPTION_VERSION] && n == 0) {
		puts("sallyctl " SP_VERSION);
		return EXIT_DONE;
	}
	if (!c && n == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!c) {
		complain("no such command: ", word[0]);
		return EXIT_USAGE;
	}
	if (in.option[OPTION_HELP]) {
		command_help(c);
		return EXIT_DONE;
	}
	if (!fits_command(c, &in, word + used, n - used))
		return EXIT_USAGE;
	if (!in.option[OPTION_SOCKET])
		in.option[OPTION_SOCKET] = env && env[0] ? env : SOCKET_DEFAULT;
	if (!in.option[OPTION_URL])
		in.option[OPTION_URL] = getenv("SALLYPORT_URL");
	if (in.option[OPTION_URL] &&
	    !client_remote(in.option[OPTION_URL], in.option[OPTION_TOKEN_FILE],
			   in.option[OPTION_CA]))
		return EXIT_USAGE;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	end = c->run(&in);
	curl_global_cleanup();
	return end;
}
