/* SPDX-License-Identifier: Apache-2.0 */
/* The listeners: a UNIX socket, and TLS where the configuration says so.
 * libmicrohttpd without a thread of its own: its epoll descriptor is watched by
 * libre's loop, which lets it run when it has something to do, or when a
 * connection's time is up. */
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
#include "control/certificate.h"
#include "control/config.h"
#include "control/http/server.h"
#include "control/sip/addr.h"

#define CONNECTIONS_MAX 64 /* of one listener */
#define PER_ADDRESS_MAX 24
#define IDLE_SECONDS	30
#define BACKLOG		16
#define LEAVE_MS	10000 /* to answer what is under way */
#define LEAVE_LOOK_MS	200
#define MEMORY_LIMIT	(32 * 1024) /* octets of one connection's headers */

/* GnuTLS: 1.2 and 1.3, nothing without forward secrecy. */
#define TLS_PRIORITIES \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

/* ------------------------------------------------------------ event loop */

static void timer_run(void *arg);

void http_listener_run(struct listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(l->mhd);
	if (MHD_get_timeout(l->mhd, &ms) == MHD_YES)
		tmr_start(&l->tmr, ms, timer_run, l);
	else
		tmr_cancel(&l->tmr);
}

static void timer_run(void *arg)
{
	http_listener_run(arg);
}

static void readable(int flags, void *arg)
{
	(void)flags;
	http_listener_run(arg);
}

static int watch(struct listener *l)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	int err;

	if (!info || info->epoll_fd < 0)
		return EIO;
	err = fd_listen(info->epoll_fd, FD_READ, readable, l);
	if (!err)
		l->epoll = info->epoll_fd;
	return err;
}

static struct listener *listener_new(struct http *h, int fd, bool local)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->http = h;
	l->fd = fd;
	l->epoll = -1;
	l->local = local;
	tmr_init(&l->tmr);
	tmr_init(&l->gone);
	l->next = h->listeners;
	h->listeners = l;
	return l;
}

static void listener_stop(struct listener *l)
{
	tmr_cancel(&l->tmr);
	tmr_cancel(&l->gone);
	if (l->epoll >= 0)
		fd_close(l->epoll);
	l->epoll = -1;
	if (l->mhd)
		MHD_stop_daemon(l->mhd); /* closes fd */
	else if (l->fd >= 0)
		close(l->fd);
	l->mhd = NULL;
	l->fd = -1;
}

/* --------------------------------------------------------- the UNIX socket */

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

static int unix_open(const char *path, int *out)
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
	struct http *h = calloc(1, sizeof(*h));
	struct listener *l;
	int err = ENOMEM, fd = -1;

	if (!h)
		return ENOMEM;
	h->ctx = *ctx;
	h->path = strdup(socket_path);
	if (!h->path || http_server_start(h) != 0)
		goto fail;
	err = unix_open(socket_path, &fd);
	if (err)
		goto fail;
	h->bound = true;
	err = ENOMEM;
	l = listener_new(h, fd, true);
	if (!l) {
		close(fd);
		goto fail;
	}
	err = EIO;
	l->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		http_server_request, l, MHD_OPTION_LISTEN_SOCKET, l->fd,
		MHD_OPTION_NOTIFY_COMPLETED, http_server_completed, l,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_END);
	if (l->mhd)
		err = watch(l);
	if (err)
		goto fail;
	*hp = h;
	return 0;

fail:
	http_free(h);
	return err;
}

/* ------------------------------------------------------------------- TLS */

static int tcp_open(const struct sa *at, int *out)
{
	int one = 1, err, fd;

	fd = socket(sa_af(at), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (sa_af(at) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &at->u.sa, at->len) < 0 || listen(fd, BACKLOG) < 0) {
		err = errno;
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

static int secure_one(struct http *h, const char *where, const char *cert,
		      const char *key)
{
	struct listener *l;
	int err, fd = -1;
	struct sa at;

	if (!sip_addr_parse(&at, where))
		return EINVAL;
	err = tcp_open(&at, &fd);
	if (err)
		return err;
	l = listener_new(h, fd, false);
	if (!l) {
		close(fd);
		return ENOMEM;
	}
	l->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
		NULL, http_server_request, l, MHD_OPTION_LISTEN_SOCKET, l->fd,
		MHD_OPTION_NOTIFY_COMPLETED, http_server_completed, l,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
		MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
		MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_END);
	return l->mhd ? watch(l) : EIO;
}

/* What a browser may have typed to get here. */
static int certificate_first(const struct http *h, char *err, size_t errlen)
{
	const struct config_https *c = h->ctx.https;
	const char *names[2 + HTTPS_LISTEN_MAX];
	char host[HTTPS_LISTEN_MAX][64];
	char self[256] = "";
	unsigned n = 0;

	if (gethostname(self, sizeof(self) - 1) == 0 && self[0])
		names[n++] = self;
	names[n++] = h->ctx.realm;
	for (unsigned i = 0; i < c->listen_count && i < HTTPS_LISTEN_MAX; i++) {
		struct sa at;

		if (sip_addr_parse(&at, c->listen[i]) &&
		    re_snprintf(host[i], sizeof(host[i]), "%j", &at) > 0)
			names[n++] = host[i];
	}
	return certificate_make(h->cert_path, h->key_path, names, n, err,
				errlen);
}

/* The pair of files, made where there is none. @return 0 or errno. */
static int pair_load(struct http *h, char **cert, char **key, char *err,
		     size_t errlen)
{
	int e = 0;

	if (access(h->cert_path, F_OK) != 0 && errno == ENOENT &&
	    access(h->key_path, F_OK) != 0 && errno == ENOENT)
		e = certificate_first(h, err, errlen);
	if (e)
		return e;
	*cert = certificate_file(h->cert_path);
	if (*cert)
		*key = certificate_file(h->key_path);
	if (!*cert || !*key) {
		e = errno;
		snprintf(err, errlen, "%s: %s",
			 *cert ? h->key_path : h->cert_path, strerror(e));
		return e;
	}
	if (certificate_check(*cert, *key, NULL, err, errlen) != 0)
		return EINVAL;
	return 0;
}

static bool idle(const struct listener *l)
{
	const union MHD_DaemonInfo *info =
		l->mhd ? MHD_get_daemon_info(
				 l->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		       : NULL;

	return !info || !info->num_connections;
}

static void leave(void *arg)
{
	struct listener *l = arg, **at = &l->http->listeners;

	/* While a worker is busy some connection may be suspended, which none
	 * may be that is stopped. */
	if (!idle(l) &&
	    (tmr_jiffies() < l->until || http_server_busy(l->http))) {
		tmr_start(&l->gone, LEAVE_LOOK_MS, leave, l);
		return;
	}
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	listener_stop(l);
	free(l);
}

/* Its place is free at once; who is connected already has an answer still. */
static void secure_stop(struct http *h)
{
	for (struct listener *l = h->listeners; l; l = l->next) {
		if (l->local || l->leaving)
			continue;
		l->leaving = true; /* before it runs: no stream may begin */
		http_server_leave(l);
		if (l->mhd) {
			http_listener_run(l); /* take who waits to be taken */
			MHD_quiesce_daemon(l->mhd);
		}
		close(l->fd);
		l->fd = -1;
		l->until = tmr_jiffies() + LEAVE_MS;
		tmr_start(&l->gone, l->mhd ? LEAVE_LOOK_MS : 0, leave, l);
	}
}

int http_secure(struct http *h, char *err, size_t errlen)
{
	const struct config_https *c = h->ctx.https;
	char *cert = NULL, *key = NULL;
	int e;

	if (!c || !c->listen_count) {
		secure_stop(h);
		return 0;
	}
	if (snprintf(h->cert_path, sizeof(h->cert_path), "%s",
		     c->certificate ? c->certificate : "") == 0)
		snprintf(h->cert_path, sizeof(h->cert_path), "%s/https.crt",
			 h->ctx.state);
	if (snprintf(h->key_path, sizeof(h->key_path), "%s",
		     c->key ? c->key : "") == 0)
		snprintf(h->key_path, sizeof(h->key_path), "%s/https.key",
			 h->ctx.state);
	e = pair_load(h, &cert, &key, err, errlen);
	if (!e)
		secure_stop(h);
	for (unsigned i = 0; !e && i < c->listen_count; i++) {
		e = secure_one(h, c->listen[i], cert, key);
		if (e)
			snprintf(err, errlen, "https on %s: %s", c->listen[i],
				 strerror(e));
	}
	if (key)
		sodium_memzero(key, strlen(key));
	free(key);
	free(cert);
	return e;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	http_server_stop(h); /* nothing is suspended after this */
	while (h->listeners) {
		struct listener *l = h->listeners;

		h->listeners = l->next;
		listener_stop(l);
		free(l);
	}
	if (h->bound)
		unlink(h->path);
	files_free(h->files);
	access_free(h->access);
	free(h->path);
	free(h);
}
