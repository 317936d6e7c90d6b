/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/client.h - the control API as its client sees it: one
 * request at a time over the UNIX socket. */
#pragma once
#include <jansson.h>

/* What a run of sallyctl ends with. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the API said no, and why */
	EXIT_USAGE = 2,	      /* the command line is wrong */
	EXIT_UNREACHABLE = 3, /* nobody answers on the socket */
};

/** method and path ("/users"), below /api/v1. body: sent as JSON, or NULL; the
 * caller's. *out: what was answered, the caller's, on EXIT_DONE. Anything else
 * has been said on stderr. */
enum exit_status client_request(const char *socket, const char *method,
				const char *path, const json_t *body,
				json_t **out);
/** As a part of a path. @return malloc'd. */
char *client_escape(const char *text);
