/* SPDX-License-Identifier: Apache-2.0 */
/* Transcription and captions of a call in progress: on, off. */
#include <stdio.h>
#include <string.h>
#include "control/sallyctl/commands.h"

static void show_fork(const json_t *j, const struct invocation *in)
{
	bool on = json_is_true(json_object_get(j, "transcription")) ||
		  json_is_true(json_object_get(j, "captions"));

	printf("Call %s: its audio is %s.\n", in->arg[0],
	       on ? "forked to the recorder" : "not forked for that any more");
}

static enum exit_status fork_it(const struct invocation *in, const char *verb,
				const char *path)
{
	bool on = strcmp(in->arg[1], "on") == 0;

	if (!on && strcmp(in->arg[1], "off") != 0) {
		fprintf(stderr, "sallyctl: calls %s ID on|off\n", verb);
		return EXIT_USAGE;
	}
	return ask_at(in, on ? "POST" : "DELETE", path, 1, in->arg, NULL,
		      show_fork);
}

enum exit_status calls_transcribe(const struct invocation *in)
{
	return fork_it(in, "transcribe", "/calls/%s/transcription");
}

enum exit_status calls_captions(const struct invocation *in)
{
	return fork_it(in, "captions", "/calls/%s/captions");
}
