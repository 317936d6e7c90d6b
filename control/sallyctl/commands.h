/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/commands.h - the commands, in one table (commands.c), and
 * what they need from the command line. */
#pragma once
#include <stdbool.h>
#include "control/sallyctl/client.h"

enum option {
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_HELP,
	OPTION_MAX,
	OPTION_ALL,
	OPTION_MEDIA,
	OPTION_SUITES,
	OPTION_DISPLAY,
	OPTION_PASSWORD,
	OPTION_PASSWORD_STDIN,
	OPTION_COUNT
};

#define WITH(o) (1u << OPTION_##o)

struct option_info {
	const char *name, *alias; /* with their dashes; alias may be NULL */
	const char *value;	  /* what it takes, or NULL */
	const char *help;
};

struct invocation {
	const char *arg[2];		  /* what follows the command's words */
	const char *option[OPTION_COUNT]; /* value, "" where it takes none */
};

struct command {
	const char *words; /* "calls hangup" */
	const char *args;  /* "ID", or "" */
	unsigned n_args;
	unsigned options;  /* WITH() those beside the general ones */
	const char *brief; /* one line */
	const char *help;  /* what one has to know */
	enum exit_status (*run)(const struct invocation *in);
};

extern const struct command commands[];
extern const unsigned n_commands;
extern const struct option_info options[OPTION_COUNT];

/* show.c: an answer as a table. */
typedef void show_f(const json_t *j, const struct invocation *in);
show_f show_version, show_calls, show_call, show_records, show_flows,
	show_ports, show_stats, show_users, show_registrations, show_ended,
	show_added, show_removed;
