/* SPDX-License-Identifier: Apache-2.0 */
#include "control/logsinks.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "control/log.h"
#include "control/sip/addr.h"

#define IDENTIFIER    "sallyport-control"
#define FACILITY      16 /* local0 */
#define AGAIN_SECONDS 5	 /* between tries to connect */

/* ---------------------------------------------------------------- journal */

static int journal = -1;

static bool to_journal(const struct log_line *l)
{
	char text[LOG_LINE_MAX + 256];
	int n = snprintf(
		text, sizeof(text),
		"MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=" IDENTIFIER "\n",
		l->text, l->priority);

	if (l->call)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "CALL_ID=%" PRIu64 "\n", l->call);
	if (l->event)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "SALLYPORT_EVENT=%s\n", l->event);
	return send(journal, text, (size_t)n, MSG_NOSIGNAL) == n;
}

bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

int log_journal(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, e;

	if (strlen(path) >= sizeof(to.sun_path))
		return ENAMETOOLONG;
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		e = errno;
		close(fd);
		return e;
	}
	journal = fd;
	log_sink(to_journal);
	return 0;
}

/* ----------------------------------------------------------------- syslog */

static struct {
	pthread_mutex_t lock;
	struct sip_listen to;
	char host[128];
	int fd;
	time_t tried; /* to connect, CLOCK_MONOTONIC seconds */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static void server_connect(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (server.tried && now.tv_sec - server.tried < AGAIN_SECONDS)
		return;
	server.tried = now.tv_sec;
	server.fd =
		socket(sa_af(&server.to.addr),
		       (server.to.tp == SIP_UDP ? SOCK_DGRAM : SOCK_STREAM) |
			       SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (server.fd < 0)
		return;
	if (connect(server.fd, &server.to.addr.u.sa, server.to.addr.len) < 0 &&
	    errno != EINPROGRESS) {
		close(server.fd);
		server.fd = -1;
	}
}

/* UTC, microseconds, as RFC 3339 has it. */
static void stamp(char out[40])
{
	struct timeval now;
	struct tm tm;
	size_t n;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 40 - n, ".%06ldZ", (long)now.tv_usec);
}

static bool to_server(const struct log_line *l)
{
	char text[LOG_LINE_MAX + 384], count[16] = "", at[40], id[32] = "";
	struct iovec iov[2] = {{count, 0}, {text, 0}};
	const struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t sent;
	int n;

	stamp(at);
	if (l->call)
		snprintf(id, sizeof(id), "[call %" PRIu64 "] ", l->call);
	n = snprintf(text, sizeof(text),
		     "<%d>1 %s %s " IDENTIFIER " %d %s - %s%s",
		     FACILITY * 8 + l->priority, at, server.host, (int)getpid(),
		     l->event ? l->event : "-", id, l->text);
	iov[1].iov_len = (size_t)n;
	if (server.to.tp != SIP_UDP)
		iov[0].iov_len =
			(size_t)snprintf(count, sizeof(count), "%d ", n);
	pthread_mutex_lock(&server.lock);
	if (server.fd < 0)
		server_connect();
	sent = server.fd < 0 ? 0 : sendmsg(server.fd, &m, MSG_NOSIGNAL);
	/* a stream of which a part is missing can't be gone on with; one that is
	 * still being connected may be */
	if (server.fd >= 0 && server.to.tp != SIP_UDP &&
	    sent != (ssize_t)(iov[0].iov_len + iov[1].iov_len) &&
	    !(sent < 0 && errno == EAGAIN)) {
		close(server.fd);
		server.fd = -1;
	}
	pthread_mutex_unlock(&server.lock);
	return false; /* stderr has it as well */
}

int log_syslog(const char *where)
{
	if (!sip_listen_parse(&server.to, where) ||
	    (server.to.tp != SIP_UDP && server.to.tp != SIP_TCP))
		return EINVAL;
	if (gethostname(server.host, sizeof(server.host) - 1) != 0 ||
	    !server.host[0])
		strcpy(server.host, "-");
	server_connect();
	log_sink(to_server);
	return 0;
}
