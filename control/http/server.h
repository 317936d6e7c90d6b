/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/server.h - the server's inside: listeners, requests, and answers
 * that take their time. Control's thread, but for later's work. */
#pragma once
#include <limits.h>
#include <microhttpd.h>
#include "control/http/impl.h"
#include "control/libre.h"

struct worker; /* later.c: a thread */

struct listener {
	struct listener *next;
	struct http *http;
	struct MHD_Daemon *mhd;
	int fd, epoll;
	bool local; /* the UNIX socket */
	struct tmr tmr;
	bool leaving;	/* listens no more, and answers what is under way */
	uint64_t until; /* ms: no longer than that */
	struct tmr gone;
};

struct http {
	struct http_context ctx;
	struct listener *listeners;
	char *path;
	bool bound; /* path is ours to remove */
	char cert_path[PATH_MAX], key_path[PATH_MAX];
	struct access *access;
	struct files *files; /* NULL: no console */
	bool uploading;	     /* upload.h: somebody is */
	struct worker *workers[LATER_KINDS];
	struct list streams; /* struct stream */
	struct tmr beat;     /* of the streams */
	struct tmr news;     /* events for them */
	struct tmr again;    /* TLS with a new certificate */
};

/* One request while it arrives, and while it waits. */
struct incoming {
	struct listener *l;
	struct MHD_Connection *c;
	char *body; /* HTTP_BODY_MAX octets, once there is any */
	size_t len;
	size_t dropped; /* octets beyond */
	bool no_memory;
	struct later *later;   /* NULL: waits for nothing */
	struct upload *upload; /* NULL: the body is none */
	struct request rq;     /* while it waits; its body has gone */
};

/* listen.c */
/** Let libmicrohttpd do what there is to do. */
void http_listener_run(struct listener *l);

/* server.c */
int http_server_start(struct http *h); /* 0 or errno */
/** No connection is suspended after this, and none will be. */
void http_server_stop(struct http *h);
void http_server_leave(struct listener *l); /* its streams */
/** May a connection be suspended? */
bool http_server_busy(const struct http *h);
enum MHD_Result http_server_request(void *listener, struct MHD_Connection *c,
				    const char *url, const char *method,
				    const char *version, const char *data,
				    size_t *n, void **con_cls);
void http_server_completed(void *listener, struct MHD_Connection *c,
			   void **con_cls, enum MHD_RequestTerminationCode why);

/* later.c: a thread, and the work for it. */
struct worker *worker_new(struct http *h); /* NULL: no memory, no thread */
/** Waits for what is being worked at. */
void worker_free(struct worker *w);
/** @return false: too much is waiting; not where it is the rest of an answer that
 * has begun. */
bool worker_add(struct worker *w, struct later *l, bool rest);
bool worker_busy(const struct worker *w);

/* pages.c: answers in pieces. */
/** p is the response's. @return NULL: no memory, and p is freed. */
struct MHD_Response *pages_response(struct pages *p);

/* stream.c: server-sent events. */
struct MHD_Response *events_stream_new(struct http *h, struct listener *l,
				       struct MHD_Connection *c,
				       uint64_t since);
void events_streams_start(struct http *h);
/** End those of one listener, NULL: all. */
void events_streams_stop(struct http *h, const struct listener *l);
