/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/http.h - the control API: JSON over HTTP/1.1 under /api/v1, on
 * a UNIX socket (libmicrohttpd, polled from control's event loop). Routes stand
 * in one table (routes.c). */
#pragma once
struct http;
struct audit;
struct calls;
struct dp;
struct store;

struct http_context { /* what routes may use; outlives the server */
	struct calls *calls;
	struct dp *dp;
	struct store *store;
	struct audit *audit;
	const char *realm; /* SIP domain, for HA1 */
};

/** @return 0 or errno. Removes a stale socket file; mode 0660. */
int http_alloc(struct http **hp, const char *socket_path,
	       const struct http_context *ctx);
void http_free(struct http *h);
