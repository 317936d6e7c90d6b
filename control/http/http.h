/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/http.h - the control API: JSON over HTTP/1.1 under /api/v1, and
 * the console's files, on a UNIX socket and, where so configured, over TLS
 * (libmicrohttpd, polled from control's event loop). Routes stand in one table
 * (routes.c). Control's thread. */
#pragma once
#include <stddef.h>

struct http;
struct alarms;
struct audit;
struct calls;
struct config_https;
struct door;
struct dp;
struct duties;
struct events;
struct firmware;
struct settings;
struct store;
struct trunks;

struct http_context { /* what routes may use; outlives the server */
	struct calls *calls;
	struct dp *dp;
	struct store *store;
	struct audit *audit;
	struct duties *duties; /* NULL: there is no sallyport-media */
	struct door *sip;
	struct trunks *trunks;
	const char *realm; /* SIP domain, for HA1 */
	struct events *events;
	const struct config_https *https;
	const char *state;	   /* the folder of what is kept */
	struct alarms *alarms;	   /* NULL: nobody looks */
	struct firmware *firmware; /* of updates */
	struct settings *settings; /* NULL: of the configuration, nothing */
};

/** The API on its socket, mode 0660; a stale one is removed.
 * @return 0 or errno. */
int http_alloc(struct http **hp, const char *socket_path,
	       const struct http_context *ctx);
/** The TLS listeners of the configuration, with its certificate or one that is
 * made now. err gets a sentence. @return 0 or errno. */
int http_secure(struct http *h, char *err, size_t errlen);
/** The configuration's session_idle has changed. */
void http_sessions(struct http *h);
/** The TLS listeners of the configuration have changed: they start anew in a
 * moment. */
void http_listeners(struct http *h);
void http_free(struct http *h);
