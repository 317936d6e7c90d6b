/* SPDX-License-Identifier: Apache-2.0 */
/* Recording of a call in progress: on, off. */
#include <stdio.h>
#include <string.h>
#include "control/sallyctl/commands.h"

static void show_recording(const json_t *j, const struct invocation *in)
{
	printf("Call %s is %s.\n", in->arg[0],
	       json_is_true(json_object_get(j, "recording"))
		       ? "being recorded"
		       : "not recorded any more");
}

enum exit_status calls_record(const struct invocation *in)
{
	bool on = strcmp(in->arg[1], "on") == 0;

	if (!on && strcmp(in->arg[1], "off") != 0) {
		fprintf(stderr, "sallyctl: calls record ID on|off\n");
		return EXIT_USAGE;
	}
	return ask_at(in, on ? "POST" : "DELETE", "/calls/%s/recording", 1,
		      in->arg, NULL, show_recording);
}
