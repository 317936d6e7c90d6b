/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/ui.h - the interface: events out, commands in.
 *
 * Two front ends over one set of events and commands: lines for people
 * (tui.c), and one JSON object for each (json.c). The security code is in the
 * "shield" event alone and goes nowhere but to standard output; nothing is
 * logged. Main thread. */
#pragma once
#include <stdbool.h>

struct json_t; /* jansson's; its header and libre's exclude each other */

/* arg: the rest of the line, "" where there is none. */
typedef void ui_command_h(const char *name, const char *arg, void *data);

/** Reads standard input from now on; the end of it is the command "quit". */
int ui_start(bool json, ui_command_h *h, void *data);
void ui_stop(void);
/** An event: its name, then what json_pack takes for its members, "{...}". */
void ui_event(const char *name, const char *fmt, ...);

/* A front end. */
struct ui_front {
	/* event: an object with "event". */
	void (*show)(const struct json_t *event);
	/* Split a line into command and argument, in place. @return false: it
	 * is none, and the user was told. */
	bool (*parse)(char *line, const char **name, const char **arg);
};

extern const struct ui_front ui_tui, ui_json;
