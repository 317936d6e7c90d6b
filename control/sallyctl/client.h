/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/client.h - the control API as its client sees it: one
 * request at a time, over the UNIX socket or, from afar, over TLS. */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include <stdbool.h>

/* What a run of sallyctl ends with. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the API said no, and why */
	EXIT_USAGE = 2,	      /* the command line is wrong */
	EXIT_UNREACHABLE = 3, /* nobody answers there */
};

#define CLIENT_TOKEN_MAX 128 /* octets, with the NUL */

/** From now on: the appliance at url ("https://10.1.0.1:8443") in the place of
 * a socket. token_file: what "tokens add" printed, or NULL: none, where
 * SALLYPORT_TOKEN holds it or nobody needs one. ca: PEM file of whom to trust,
 * the appliance's own certificate will do; NULL: the system's.
 * @return false, having said why. */
bool client_remote(const char *url, const char *token_file, const char *ca);
/** Say nothing on stderr from now on (or again): who asks says it. */
void client_quiet(bool quiet);
/** Each line that the API says at this path, as it comes, until it ends or f
 * says false. */
enum exit_status client_follow(const char *socket, const char *path,
			       bool (*f)(const char *line, void *arg),
			       void *arg);

/** method and path ("/users"), below /api/v1. body: sent as JSON, or NULL; the
 * caller's. *out: what was answered, the caller's, on EXIT_DONE. Anything else
 * has been said on stderr. */
enum exit_status client_request(const char *socket, const char *method,
				const char *path, const json_t *body,
				json_t **out);
/** What a GET answers, into a file; nothing is, but on EXIT_DONE. */
enum exit_status client_fetch(const char *socket, const char *path, FILE *to);
/** A whole file by PUT. part: how far it is, in percent; false: no further. As
 * client_request otherwise. */
enum exit_status client_upload(const char *socket, const char *path, FILE *from,
			       bool (*part)(unsigned percent, void *arg),
			       void *arg);
/** As a part of a path. @return malloc'd. */
char *client_escape(const char *text);
