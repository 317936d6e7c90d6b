/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: taken in whole, told who asks, answered. */
#define _GNU_SOURCE /* struct ucred */
#include "control/http/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/config.h"
#include "control/http/upload.h"
#include "control/log.h"

#define DROPPED_MAX (1u << 20) /* octets read and dropped for a 413 */
#define COOKIE	    "sallyport"

/* What keeps a browser from being used against the console: RFC 6797, CSP 3. */
static const struct {
	const char *name, *value;
} headers[] = {
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; "
	 "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
	 "manifest-src 'self'; base-uri 'none'; form-action 'self'; "
	 "frame-ancestors 'none'"},
};

static struct MHD_Response *json_response(struct reply *rp)
{
	char *text = rp->body ? json_dumps(rp->body, JSON_COMPACT) : NULL;
	struct MHD_Response *r;

	if (!text) {
		rp->status = 500;
		text = strdup("{\"error\":\"no-memory\","
			      "\"message\":\"Out of memory\"}");
	}
	r = text ? MHD_create_response_from_buffer(strlen(text), text,
						   MHD_RESPMEM_MUST_FREE)
		 : NULL;
	if (!r)
		free(text);
	return r;
}

/* fd becomes the response's. */
static struct MHD_Response *file_response(int fd)
{
	struct MHD_Response *r = NULL;
	struct stat st;

	if (fstat(fd, &st) == 0)
		r = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
	if (!r)
		close(fd);
	return r;
}

static struct MHD_Response *response_of(const struct incoming *in,
					struct reply *rp)
{
	if (rp->stream)
		return events_stream_new(in->l->http, in->l, in->c, rp->since);
	if (rp->pages)
		return pages_response(rp->pages);
	if (!rp->type)
		return json_response(rp);
	if (rp->text) {
		struct MHD_Response *r = MHD_create_response_from_buffer(
			strlen(rp->text), rp->text, MHD_RESPMEM_MUST_FREE);

		if (!r)
			free(rp->text);
		return r;
	}
	if (rp->data)
		return MHD_create_response_from_buffer(
			rp->data_len, (void *)rp->data, MHD_RESPMEM_PERSISTENT);
	return file_response(rp->fd);
}

static enum MHD_Result answer(const struct incoming *in, struct reply *rp)
{
	struct MHD_Response *r = response_of(in, rp);
	enum MHD_Result done;
	char retry[16];

	json_decref(rp->body);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type",
				rp->stream ? "text/event-stream"
				: rp->type ? rp->type
					   : "application/json");
	MHD_add_response_header(r, "Cache-Control",
				rp->etag ? "no-cache" : "no-store");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(r, headers[i].name, headers[i].value);
	if (!in->l->local)
		MHD_add_response_header(r, "Strict-Transport-Security",
					"max-age=31536000");
	if (in->l->leaving) /* the next request is for who follows it */
		MHD_add_response_header(r, "Connection", "close");
	if (rp->etag)
		MHD_add_response_header(r, "ETag", rp->etag);
	if (rp->allow)
		MHD_add_response_header(r, "Allow", rp->allow);
	if (rp->cookie[0])
		MHD_add_response_header(r, "Set-Cookie", rp->cookie);
	if (rp->retry) {
		snprintf(retry, sizeof(retry), "%u", rp->retry);
		MHD_add_response_header(r, "Retry-After", retry);
	}
	if (rp->status == 401)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
	done = MHD_queue_response(in->c, (unsigned)rp->status, r);
	MHD_destroy_response(r);
	return done;
}

/* @return false: no end in sight, cut it off. */
static bool body_append(struct incoming *in, const char *data, size_t n)
{
	if (!in->body && !in->no_memory)
		in->body = malloc(HTTP_BODY_MAX);
	if (!in->body) {
		in->no_memory = true;
		return true;
	}
	if (in->dropped || n > HTTP_BODY_MAX - in->len) {
		in->dropped += n;
		return in->dropped < DROPPED_MAX;
	}
	memcpy(in->body + in->len, data, n);
	in->len += n;
	return true;
}

/* ------------------------------------------------------------ who asks */

const char *request_query(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->in->c, MHD_GET_ARGUMENT_KIND,
					   name);
}

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->in->c, MHD_HEADER_KIND, name);
}

void request_source(const struct request *rq, char text[64])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		rq->in->c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info ? info->client_addr : NULL;

	snprintf(text, 64, "local");
	if (!sa || rq->in->l->local)
		return;
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr,
			  text, 64);
	} else if (sa->sa_family == AF_INET6) {
		struct in6_addr net =
			((const struct sockaddr_in6 *)sa)->sin6_addr;

		/* one subscriber has a /64, RFC 6177 */
		memset(net.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &net, text, 64);
	}
}

/* The socket's rights decided that they may be there at all; this says for the
 * record who they are. */
static void local_principal(struct request *rq)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		rq->in->c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	rq->who.role = ROLE_ADMINISTER;
	if (info &&
	    !getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		snprintf(rq->by, sizeof(rq->by), "uid %u", cred.uid);
	else
		snprintf(rq->by, sizeof(rq->by), "unknown");
}

static void remote_principal(struct request *rq)
{
	const char *bearer = request_header(rq, "Authorization");
	const char *cookie =
		MHD_lookup_connection_value(rq->in->c, MHD_COOKIE_KIND, COOKIE);
	const char *kind = "nobody";

	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0) {
		if (access_token(rq->access, bearer + 7, &rq->who))
			kind = "token";
	} else if (cookie && access_session(rq->access, cookie,
					    tmr_jiffies() / 1000, &rq->who)) {
		kind = rq->who.role == ROLE_USER ? "user" : "administrator";
	}
	snprintf(rq->by, sizeof(rq->by), "%s%s%s", kind,
		 rq->who.name[0] ? " " : "", rq->who.name);
}

static void request_of(struct incoming *in, struct request *rq)
{
	*rq = (struct request){
		.ctx = &in->l->http->ctx,
		.access = in->l->http->access,
		.in = in,
	};
	if (in->l->local)
		local_principal(rq);
	else
		remote_principal(rq);
}

void request_cookie(const struct request *rq, const char *secret,
		    struct reply *rp)
{
	(void)rq;
	snprintf(rp->cookie, sizeof(rp->cookie),
		 COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
		 secret ? secret : "", secret ? "" : "; Max-Age=0");
}

/* ------------------------------------------------------------- requests */

static void serve(struct incoming *in, const char *method, const char *url,
		  struct reply *rp)
{
	struct http *h = in->l->http;
	struct request rq;

	request_of(in, &rq);
	if (strncmp(url, "/api/", 5) != 0 && strcmp(url, "/metrics") != 0 &&
	    strcmp(method, "GET") == 0 && h->files && !in->len &&
	    files_serve(h->files, url, request_header(&rq, "If-None-Match"),
			rp))
		return;
	routes_serve(&rq, method, url, in->body, in->len, rp);
	if (rp->later) {
		in->rq = rq;
		in->rq.body = NULL;
	}
}

/* The headers are there; the body follows. One that is to go to a file is refused
 * before it comes where the client waits for that (RFC 9110, section 10.1.1);
 * another client would see nothing but the end of the connection, so it hears of
 * it in the end. */
static enum MHD_Result begin(struct incoming *in, const char *method,
			     const char *url)
{
	struct reply rp = {.fd = -1};
	const char *path, *octets;
	struct request rq;

	if (!routes_takes_file(method, url))
		return MHD_YES;
	request_of(in, &rq);
	octets = request_header(&rq, "Content-Length");
	path = routes_file(&rq, method, url, &rp);
	if (path && upload_begin(in, path,
				 octets ? strtoull(octets, NULL, 10) : 0, &rp))
		return MHD_YES;
	if (request_header(&rq, "Expect"))
		return answer(in, &rp);
	json_decref(rp.body);
	return MHD_YES;
}

/* @return true: what there is has been done for now. */
static bool upload_on(struct incoming *in, const char *data, size_t *n)
{
	if (in->later && !in->later->done)
		return true;
	in->later = NULL;
	return upload_more(in, data, n) || *n;
}

enum MHD_Result http_server_request(void *listener, struct MHD_Connection *c,
				    const char *url, const char *method,
				    const char *version, const char *data,
				    size_t *n, void **con_cls)
{
	struct incoming *in = *con_cls;
	struct reply rp = {.fd = -1};

	(void)version;
	if (!in) { /* the headers are there; the body follows */
		*con_cls = in = calloc(1, sizeof(*in));
		if (!in)
			return MHD_NO;
		in->l = listener;
		in->c = c;
		return begin(in, method, url);
	}
	if (in->upload) {
		bool body = *n;

		if (upload_on(in, data, n) || body)
			return MHD_YES;
	}
	if (*n) {
		if (!body_append(in, data, *n))
			return MHD_NO;
		*n = 0;
		return MHD_YES;
	}
	if (in->later && !in->later->done)
		return MHD_YES; /* woken for another reason */
	if (in->later) {
		struct later *l = in->later;

		in->later = NULL;
		l->finish(l, &in->rq, &rp);
	} else if (in->upload && upload_failed(in, &rp)) {
		;
	} else if (in->dropped && !routes_takes_file(method, url)) {
		reply_error(&rp, 413, "too-large",
			    "A body may have %d octets at most", HTTP_BODY_MAX);
	} else if (in->no_memory) {
		reply_error(&rp, 500, "no-memory", "Out of memory");
	} else {
		serve(in, method, url, &rp);
	}
	if (rp.later) {
		MHD_suspend_connection(c);
		return MHD_YES;
	}
	return answer(in, &rp);
}

void http_server_completed(void *listener, struct MHD_Connection *c,
			   void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct incoming *in = *con_cls;

	(void)listener;
	(void)c;
	(void)why;
	if (!in)
		return;
	if (in->later) { /* it is done, or the server stops */
		in->later->finish(in->later, NULL, NULL);
		in->later = NULL;
	}
	upload_end(in);
	if (in->body)
		sodium_memzero(in->body, in->len); /* perhaps a password */
	free(in->body);
	free(in);
	*con_cls = NULL;
}

bool http_later(const struct request *rq, enum later_kind kind, struct later *l,
		struct reply *rp)
{
	l->in = rq->in;
	l->done = false;
	if (!worker_add(rq->in->l->http->workers[kind], l, false)) {
		reply_error(rp, 503, "busy",
			    "Too much is waiting at once; try again");
		rp->retry = 1;
		return false;
	}
	rq->in->later = l;
	rp->later = true;
	return true;
}

/* ---------------------------------------------------------- certificate */

static void secure_again(void *arg)
{
	struct http *h = arg;
	char err[256];

	if (http_secure(h, err, sizeof(err)) != 0)
		log_error(0, "%s", err);
}

void http_listeners(struct http *h)
{
	/* not from within: a request may be on one of those listeners */
	tmr_start(&h->again, 100, secure_again, h);
}

void request_certificate_changed(const struct request *rq)
{
	http_listeners(rq->in->l->http);
}

void http_sessions(struct http *h)
{
	access_idle(h->access, h->ctx.https->session_idle);
}

const char *request_certificate_path(const struct request *rq, bool key)
{
	const struct http *h = rq->in->l->http;

	return key ? h->key_path : h->cert_path;
}

/* ------------------------------------------------------- start and stop */

int http_server_start(struct http *h)
{
	const struct config_https *c = h->ctx.https;

	tmr_init(&h->again);
	h->access = access_new(h->ctx.store, c ? c->session_idle : 1800);
	if (!h->access)
		return ENOMEM;
	for (unsigned i = 0; i < LATER_KINDS; i++) {
		h->workers[i] = worker_new(h);
		if (!h->workers[i])
			return ENOMEM;
	}
	if (c && c->console)
		h->files = files_load(c->console);
	events_streams_start(h);
	return 0;
}

void http_server_leave(struct listener *l)
{
	events_streams_stop(l->http, l);
}

bool http_server_busy(const struct http *h)
{
	for (unsigned i = 0; i < LATER_KINDS; i++)
		if (worker_busy(h->workers[i]))
			return true;
	return false;
}

void http_server_stop(struct http *h)
{
	tmr_cancel(&h->again);
	events_streams_stop(h, NULL);
	for (unsigned i = 0; i < LATER_KINDS; i++) {
		worker_free(h->workers[i]);
		h->workers[i] = NULL;
	}
}
