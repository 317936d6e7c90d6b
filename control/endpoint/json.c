/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/ui.h"

static void show(const json_t *event)
{
	char *text = json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (!text)
		return;
	puts(text);
	sodium_memzero(text, strlen(text)); /* the code may be in it */
	free(text);
}

/* {"command": NAME, "arg": TEXT} */
static bool parse(char *line, const char **name, const char **arg)
{
	json_error_t error;
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	const char *n = json_string_value(json_object_get(o, "command"));
	const char *a = json_string_value(json_object_get(o, "arg"));
	size_t room = strlen(line);
	bool ok = n && strlen(n) + strlen(a ? a : "") + 2 <= room;

	if (ok) {
		/* Both are shorter than the line that they came in. */
		memmove(line, n, strlen(n) + 1);
		*name = line;
		*arg = line + strlen(n) + 1;
		strcpy(line + strlen(n) + 1, a ? a : "");
	} else {
		ui_event("error", "{s:s}", "text",
			 "a command is {\"command\": NAME, \"arg\": TEXT} in "
			 "one line");
	}
	json_decref(o);
	return ok;
}

const struct ui_front ui_json = {show, parse};
