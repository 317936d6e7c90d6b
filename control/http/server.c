/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on a UNIX socket: libmicrohttpd without a thread of its own. Its epoll
 * descriptor is watched by libre's loop, which lets it run when it has
 * something to do, or when a connection's time is up. */
#define _GNU_SOURCE /* struct ucred */
#include <errno.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/http/impl.h"
#include "control/libre.h"

#define CONNECTIONS_MAX 64
#define IDLE_SECONDS	30
#define BACKLOG		16
#define DROPPED_MAX	(1u << 20) /* octets read and dropped for a 413 */

struct http {
	struct http_context ctx;
	struct MHD_Daemon *mhd;
	int listener, epoll;
	char *path;
	struct tmr tmr;
};

/* One request while it arrives. */
struct incoming {
	char *body; /* HTTP_BODY_MAX octets, once there is any */
	size_t len;
	size_t dropped; /* octets beyond */
	bool no_memory;
};

static enum MHD_Result answer(struct MHD_Connection *c, struct reply *rp)
{
	char *text = rp->body ? json_dumps(rp->body, JSON_COMPACT) : NULL;
	struct MHD_Response *r;
	enum MHD_Result done;

	json_decref(rp->body);
	if (!text) {
		rp->status = 500;
		text = strdup("{\"error\":\"no-memory\","
			      "\"message\":\"Out of memory\"}");
	}
	r = text ? MHD_create_response_from_buffer(strlen(text), text,
						   MHD_RESPMEM_MUST_FREE)
		 : NULL;
	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", "application/json");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (rp->allow)
		MHD_add_response_header(r, "Allow", rp->allow);
	done = MHD_queue_response(c, (unsigned)rp->status, r);
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

/* Who is at the other end of the socket: its rights decided that they may be
 * there at all, this says for the record who they are. */
static void peer_name(struct MHD_Connection *c, char out[24])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (info &&
	    !getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		snprintf(out, 24, "uid %u", cred.uid);
	else
		snprintf(out, 24, "unknown");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *n, void **con_cls)
{
	struct incoming *in = *con_cls;
	struct reply rp = {0};
	struct http *h = arg;
	char by[24];

	(void)version;
	if (!in) { /* the headers are there; the body follows */
		*con_cls = in = calloc(1, sizeof(*in));
		return in ? MHD_YES : MHD_NO;
	}
	if (*n) {
		if (!body_append(in, data, *n))
			return MHD_NO;
		*n = 0;
		return MHD_YES;
	}
	if (in->dropped)
		reply_error(&rp, 413, "too-large",
			    "A body may have %d octets at most", HTTP_BODY_MAX);
	else if (in->no_memory)
		reply_error(&rp, 500, "no-memory", "Out of memory");
	else {
		peer_name(c, by);
		routes_serve(&h->ctx, by, method, url,
			     MHD_lookup_connection_value(
				     c, MHD_GET_ARGUMENT_KIND, "max"),
			     in->body, in->len, &rp);
	}
	return answer(c, &rp);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct incoming *in = *con_cls;

	(void)arg;
	(void)c;
	(void)why;
	if (!in)
		return;
	if (in->body)
		sodium_memzero(in->body, in->len); /* perhaps a password */
	free(in->body);
	free(in);
	*con_cls = NULL;
}

/* ------------------------------------------------------------- event loop */

static void timer_run(void *arg);

static void run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &ms) == MHD_YES)
		tmr_start(&h->tmr, ms, timer_run, h);
	else
		tmr_cancel(&h->tmr);
}

static void timer_run(void *arg)
{
	run(arg);
}

static void readable(int flags, void *arg)
{
	(void)flags;
	run(arg);
}

/* A socket file that nobody listens on may go; one in use may not. */
static int stale_remove(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const void *)un, sizeof(*un)) == 0 || errno == EAGAIN)
		err = EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(un->sun_path) < 0)
		err = errno;
	close(fd);
	return err;
}

static int listener_open(const char *path, int *out)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	mode_t old;
	int fd, err;

	if (strlen(path) >= sizeof(un.sun_path))
		return ENAMETOOLONG;
	strcpy(un.sun_path, path);
	err = stale_remove(&un);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	old = umask(0117); /* 0660 from the first moment on */
	err = bind(fd, (void *)&un, sizeof(un)) < 0 ? errno : 0;
	umask(old);
	if (!err && listen(fd, BACKLOG) < 0)
		err = errno;
	if (err)
		close(fd);
	else
		*out = fd;
	return err;
}

int http_alloc(struct http **hp, const char *socket_path,
	       const struct http_context *ctx)
{
	const union MHD_DaemonInfo *info;
	struct http *h = calloc(1, sizeof(*h));
	int err = ENOMEM;

	if (!h)
		return ENOMEM;
	h->ctx = *ctx;
	h->listener = h->epoll = -1;
	h->path = strdup(socket_path);
	if (!h->path)
		goto fail;
	err = listener_open(socket_path, &h->listener);
	if (err)
		goto fail;
	err = EIO;
	h->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
				  MHD_OPTION_LISTEN_SOCKET, h->listener,
				  MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				  MHD_OPTION_CONNECTION_LIMIT,
				  (unsigned)CONNECTIONS_MAX,
				  MHD_OPTION_CONNECTION_TIMEOUT,
				  (unsigned)IDLE_SECONDS, MHD_OPTION_END);
	if (!h->mhd)
		goto fail;
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		goto fail;
	h->epoll = info->epoll_fd;
	err = fd_listen(h->epoll, FD_READ, readable, h);
	if (err)
		goto fail;
	*hp = h;
	return 0;

fail:
	http_free(h);
	return err;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	tmr_cancel(&h->tmr);
	if (h->epoll >= 0)
		fd_close(h->epoll);
	if (h->mhd)
		MHD_stop_daemon(h->mhd); /* closes the listener */
	else if (h->listener >= 0)
		close(h->listener);
	if (h->listener >= 0)
		unlink(h->path);
	free(h->path);
	free(h);
}
