/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: POST /ng with cookie and dictionary, as in a datagram, or POST
 * /ng-plain with the dictionary alone. libmicrohttpd, watched by libre's loop. */
#include <errno.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control/ng/impl.h"

#define CONNECTIONS_MAX 128
#define IDLE_SECONDS	60
#define CONTENT_TYPE	"application/x-rtpengine-ng"

struct http_door {
	struct le le;
	struct ng *ng;
	struct MHD_Daemon *mhd;
	int fd, epoll;
	struct tmr tmr;
};

/* One request while it arrives. */
struct incoming {
	char *body;
	size_t len;
	bool too_long;
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status,
			     const char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", CONTENT_TYPE);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (status == 405)
		MHD_add_response_header(r, "Allow", "POST");
	done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status)
{
	return reply(c, status, "", 0);
}

static bool peer_of(struct MHD_Connection *c, struct sa *sa)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && info->client_addr &&
	       sa_set_sa(sa, info->client_addr) == 0;
}

static enum MHD_Result serve(struct http_door *h, struct MHD_Connection *c,
			     const struct incoming *in, bool cookie)
{
	struct wire_message m;
	enum wire_result r;
	const char *answer;
	struct sa from;
	size_t len;

	if (!peer_of(c, &from))
		return MHD_NO;
	r = wire_read(in->body, in->len, cookie, false, &m);
	if (r == WIRE_JUNK) {
		h->ng->counts.junk++;
		return refuse(c, 400);
	}
	answer = ng_serve(h->ng, &from, &m, &len);
	json_decref(m.dict);
	return answer ? reply(c, 200, answer, len) : refuse(c, 500);
}

static bool append(struct incoming *in, const char *data, size_t n)
{
	if (!in->body)
		in->body = malloc(WIRE_SIZE_MAX);
	if (!in->body)
		return false;
	if (n > WIRE_SIZE_MAX - in->len) {
		in->too_long = true;
		return false;
	}
	memcpy(in->body + in->len, data, n);
	in->len += n;
	return true;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *n, void **con_cls)
{
	struct incoming *in = *con_cls;

	(void)version;
	if (!in) { /* the headers are there; the body follows */
		*con_cls = in = calloc(1, sizeof(*in));
		return in ? MHD_YES : MHD_NO;
	}
	if (*n) {
		if (!append(in, data, *n))
			return MHD_NO; /* no end in sight */
		*n = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/ng") && strcmp(url, "/ng-plain"))
		return refuse(c, 404);
	if (strcmp(method, "POST"))
		return refuse(c, 405);
	if (!in->len)
		return refuse(c, 400);
	return serve(arg, c, in, !strcmp(url, "/ng"));
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
		sodium_memzero(in->body, in->len);
	free(in->body);
	free(in);
	*con_cls = NULL;
}

static enum MHD_Result may_connect(void *arg, const struct sockaddr *addr,
				   socklen_t len)
{
	const struct http_door *h = arg;
	struct sa from;

	(void)len;
	return sa_set_sa(&from, addr) == 0 && ng_allowed(h->ng, &from) ? MHD_YES
								       : MHD_NO;
}

/* -------------------------------------------------------------- event loop */

static void timed(void *arg);

static void run(struct http_door *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &ms) == MHD_YES)
		tmr_start(&h->tmr, ms, timed, h);
	else
		tmr_cancel(&h->tmr);
}

static void timed(void *arg)
{
	run(arg);
}

static void readable(int flags, void *arg)
{
	(void)flags;
	run(arg);
}

static int socket_open(const struct sa *addr, int *out)
{
	const int on = 1;
	int fd = socket(sa_af(addr), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &addr->u.sa, addr->len) < 0 || listen(fd, 64) < 0) {
		int err = errno;

		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

static void http_destructor(void *arg)
{
	struct http_door *h = arg;

	list_unlink(&h->le);
	tmr_cancel(&h->tmr);
	if (h->epoll >= 0)
		fd_close(h->epoll);
	if (h->mhd)
		MHD_stop_daemon(h->mhd); /* closes the socket */
	else if (h->fd >= 0)
		close(h->fd);
}

int ng_http_listen(struct ng *ng, const struct sa *addr)
{
	struct http_door *h = mem_zalloc(sizeof(*h), http_destructor);
	const union MHD_DaemonInfo *info;
	int err;

	if (!h)
		return ENOMEM;
	h->ng = ng;
	h->fd = h->epoll = -1;
	tmr_init(&h->tmr);
	err = socket_open(addr, &h->fd);
	if (err)
		goto fail;
	err = EIO;
	h->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, may_connect, h, on_request,
				  h, MHD_OPTION_LISTEN_SOCKET, h->fd,
				  MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				  MHD_OPTION_CONNECTION_LIMIT,
				  (unsigned)CONNECTIONS_MAX,
				  MHD_OPTION_CONNECTION_TIMEOUT,
				  (unsigned)IDLE_SECONDS, MHD_OPTION_END);
	info = h->mhd ? MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD)
		      : NULL;
	if (!info || info->epoll_fd < 0)
		goto fail;
	h->epoll = info->epoll_fd;
	err = fd_listen(h->epoll, FD_READ, readable, h);
	if (err)
		goto fail;
	list_append(&ng->listeners, &h->le, h);
	return 0;

fail:
	mem_deref(h);
	return err;
}
