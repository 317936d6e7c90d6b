/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the tables of commands and options beside the help: a page of
 * the manual (groff_man(7)), and bash's completion. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "control/sallyctl/commands.h"
#include "version.h"

#define GENERAL                                               \
	(WITH(JSON) | WITH(SOCKET) | WITH(HELP) | WITH(URL) | \
	 WITH(TOKEN_FILE) | WITH(CA))

/* A backslash and a leading dot or quote mean something to groff; a minus is to
 * be copied as one. */
static void roff(const char *text)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
		start = *text == '\n';
	}
}

static void roff_option(enum option o)
{
	printf(".TP\n.B ");
	roff(options[o].name);
	if (options[o].alias) {
		fputs(", ", stdout);
		roff(options[o].alias);
	}
	if (options[o].value)
		printf(" \\fI%s\\fP", options[o].value);
	putchar('\n');
	roff(options[o].help);
	putchar('\n');
}

/* Lines that begin with spaces are an example. */
static void roff_help(const char *text)
{
	bool example = false;

	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[256];

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		if ((line[0] == ' ') != example && n) {
			puts(example ? ".EE" : ".EX");
			example = !example;
		}
		roff(line);
		putchar('\n');
		text += n + (text[n] == '\n');
	}
	if (example)
		puts(".EE");
}

enum exit_status help_man(const struct invocation *in)
{
	(void)in;
	printf(".\\\" Made by \"sallyctl help man\" of its own tables.\n"
	       ".TH SALLYCTL 1 \"\" \"Sallyport %s\"\n.SH NAME\n"
	       "sallyctl \\- look after a Sallyport gateway\n.SH SYNOPSIS\n"
	       ".B sallyctl\n\\fICOMMAND\\fP [\\fIARGUMENT\\fP]... "
	       "[\\fIOPTION\\fP]...\n.SH DESCRIPTION\n"
	       "Asks the control API of a gateway, over its socket on the "
	       "appliance or, with\n.BR \\-\\-url ,\nover TLS from afar.\n"
	       ".SH COMMANDS\n",
	       SP_VERSION);
	for (unsigned i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		printf(".SS ");
		roff(c->words);
		if (c->args[0]) {
			putchar(' ');
			roff(c->args);
		}
		putchar('\n');
		roff(c->brief);
		puts(".\n.PP");
		roff_help(c->help);
		for (int o = 0; o < OPTION_COUNT; o++)
			if (c->options & 1ull << o)
				roff_option((enum option)o);
	}
	puts(".SH OPTIONS\nOf every command:");
	for (int o = 0; o < OPTION_COUNT; o++)
		if ((GENERAL | WITH(VERSION)) & 1ull << o)
			roff_option((enum option)o);
	puts(".SH ENVIRONMENT\n"
	     ".TP\n.B SALLYPORT_SOCKET\nThe socket, as \\-\\-socket.\n"
	     ".TP\n.B SALLYPORT_URL\nAs \\-\\-url.\n"
	     ".TP\n.B SALLYPORT_TOKEN\nThe token itself.\n"
	     ".SH EXIT STATUS\n0 done, 1 refused, 2 wrong usage, 3 control "
	     "can't be reached.");
	return EXIT_DONE;
}

/* ------------------------------------------------------------ completion */

/* The words that may follow what has been typed, one row of the table each:
 * the script finds those whose beginning fits. */
enum exit_status help_completion(const struct invocation *in)
{
	(void)in;
	puts("# bash completion for sallyctl, made of its own tables by\n"
	     "# \"sallyctl help completion\".\n"
	     "_sallyctl()\n{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} typed=\"\" rest word i\n"
	     "\tlocal commands=\"");
	for (unsigned i = 0; i < n_commands; i++)
		puts(commands[i].words);
	puts("\"\n\tlocal options=\"");
	for (int o = 0; o < OPTION_COUNT; o++)
		puts(options[o].name);
	puts("\"\n"
	     "\tif [[ $cur == -* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- "
	     "\"$cur\")\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\t[[ ${COMP_WORDS[i]} == -* ]] || typed+=\"${COMP_WORDS[i]} "
	     "\"\n"
	     "\tdone\n"
	     "\trest=$(while read -r word; do\n"
	     "\t\t[[ $word == \"$typed\"* ]] || continue\n"
	     "\t\tword=${word#\"$typed\"}\n"
	     "\t\techo \"${word%% *}\"\n"
	     "\tdone <<<\"$commands\" | sort -u)\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$rest\" -- \"$cur\")\n"
	     "\t[ ${#COMPREPLY[@]} -gt 0 ] ||\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	     "}\n"
	     "complete -F _sallyctl sallyctl");
	return EXIT_DONE;
}
