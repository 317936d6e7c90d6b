/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/impl.h - shared by the files of http/, by nobody else.
 *
 * server.c speaks HTTP (libmicrohttpd on control's event loop), routes.c finds
 * the handler, api_*.c answer. A handler gets a request that is whole, and
 * fills in a reply; it never blocks for longer than the dataplane's client
 * does. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/http/http.h"

#define HTTP_BODY_MAX 65536 /* octets of a request's body */
#define HTTP_ARG_MAX  128   /* of a {part} of a path, with the NUL */

struct request {
	const struct http_context *ctx;
	char arg[HTTP_ARG_MAX]; /* what stood for {id} or {name} */
	const json_t *body;	/* an object; NULL where the route takes none */
	unsigned max;		/* ?max=N, or the default */
};

struct reply {
	int status;
	json_t *body;	   /* the server's to free; NULL is an error 500 */
	const char *allow; /* the Allow header of a 405 */
};

typedef void http_handler(const struct request *rq, struct reply *rp);

/** {"error": name, "message": sentence}. name is stable: lower case, hyphens. */
__attribute__((format(printf, 4, 5))) void reply_error(struct reply *rp,
						       int status,
						       const char *name,
						       const char *fmt, ...);
void reply_ok(struct reply *rp, json_t *body);

/** Find the route and let it answer. body: NULL if there was none. query_max:
 * the value of ?max=, or NULL. */
void routes_serve(const struct http_context *ctx, const char *method,
		  const char *path, const char *query_max, const char *body,
		  size_t len, struct reply *rp);
/** Wipe every string in a parsed body: it may hold a password. */
void json_wipe(json_t *j);

/* api_calls.c */
http_handler api_version, api_calls, api_call, api_call_hangup, api_records;
/* api_flows.c */
http_handler api_flows, api_ports, api_stats;
/* api_users.c */
http_handler api_users, api_user_add, api_user_remove, api_registrations;
