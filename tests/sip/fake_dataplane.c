/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/fake_dataplane.c - answers control as the dataplane does, without
 * packets, for tests of signalling.
 *
 *   fake-dataplane SOCKET ADDRESS[,ROLE] ...
 *
 * Keeps what it is told to (control asks for the lists after a restart) and
 * refuses what a stream or transport may not be. SIGUSR1: from now on all media
 * are silent. SIGUSR2: writes "transports N streams N" to stdout. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "dataplane/abi/abi.h"

#define ITEMS_MAX 4096

static struct sp_transport transports[ITEMS_MAX];
static struct sp_stream streams[ITEMS_MAX];
static struct sp_greeting greeting;
static volatile sig_atomic_t silent, told, say;

static void on_silent(int sig)
{
	(void)sig;
	silent = 1;
}

static void on_say(int sig)
{
	(void)sig;
	say = 1;
}

static void send_msg(int fd, uint16_t type, uint32_t seq, const void *body)
{
	struct sp_msg m;
	size_t size = (size_t)sp_body_size(type);

	memset(&m, 0, sizeof(m));
	m.hdr = (struct sp_hdr){SP_ABI_MAGIC, SP_ABI_VERSION, type, seq,
				(uint32_t)size};
	if (body)
		memcpy(&m.body, body, size);
	if (send(fd, &m, sizeof(m.hdr) + size, MSG_NOSIGNAL) < 0)
		perror("send");
}

static void done(int fd, uint32_t seq, enum sp_status status, uint32_t count)
{
	struct sp_done d = {.status = status, .count = count};

	snprintf(d.text, sizeof(d.text), "%s", status ? "refused" : "");
	send_msg(fd, SP_DONE, seq, &d);
}

/* Both tables start with the id, which is 0 where there is nothing. */
static void *find(void *table, size_t size, uint64_t id)
{
	char *p = table;

	for (unsigned i = 0; i < ITEMS_MAX; i++, p += size)
		if (*(uint64_t *)p == id)
			return p;
	return NULL;
}

static enum sp_status put(void *table, size_t size, const void *item,
			  bool change)
{
	uint64_t id = *(const uint64_t *)item;
	void *slot = find(table, size, id);

	if (!id)
		return SP_EINVAL;
	if (change != !!slot)
		return change ? SP_ENOENT : SP_EEXIST;
	if (!slot)
		slot = find(table, size, 0);
	if (!slot)
		return SP_ENOSPC;
	memcpy(slot, item, size);
	return SP_OK;
}

static enum sp_status put_transport(const struct sp_transport *t, bool change)
{
	for (unsigned i = 0; !change && i < ITEMS_MAX; i++)
		if (transports[i].id &&
		    transports[i].media_addr == t->media_addr &&
		    transports[i].rtp_port == t->rtp_port)
			return SP_EEXIST;
	return put(transports, sizeof(*t), t, change);
}

static enum sp_status put_stream(const struct sp_stream *s, bool change)
{
	if (!find(transports, sizeof(*transports), s->from) ||
	    !find(transports, sizeof(*transports), s->to))
		return SP_ENOENT;
	return put(streams, sizeof(*s), s, change);
}

static enum sp_status remove_transport(uint64_t id)
{
	struct sp_transport *t = find(transports, sizeof(*t), id);

	for (unsigned i = 0; i < ITEMS_MAX; i++)
		if (streams[i].id &&
		    (streams[i].from == id || streams[i].to == id))
			return SP_EBUSY;
	if (!t || !id)
		return SP_ENOENT;
	memset(t, 0, sizeof(*t));
	return SP_OK;
}

static enum sp_status remove_stream(uint64_t id)
{
	struct sp_stream *s = find(streams, sizeof(*s), id);

	if (!s || !id)
		return SP_ENOENT;
	memset(s, 0, sizeof(*s));
	return SP_OK;
}

static void list(int fd, uint32_t seq, uint16_t type, const void *table,
		 size_t size)
{
	const char *p = table;
	uint32_t n = 0;

	for (unsigned i = 0; i < ITEMS_MAX; i++, p += size) {
		if (!*(const uint64_t *)p)
			continue;
		send_msg(fd, type, seq, p);
		n++;
	}
	done(fd, seq, SP_OK, n);
}

static void stats(int fd, uint32_t seq, uint64_t id)
{
	struct sp_stats s = {.id = id,
			     .packets_in = 50,
			     .octets_in = 8000,
			     .packets_out = 50,
			     .octets_out = 8000,
			     .jitter_us = 125,
			     .silent_ms = silent ? 3600000 : 20};

	if (!find(streams, sizeof(*streams), id)) {
		done(fd, seq, SP_ENOENT, 0);
		return;
	}
	send_msg(fd, SP_STATS_ITEM, seq, &s);
	done(fd, seq, SP_OK, 1);
}

/* A hundred turns more at each look, every fourth of them in vain. */
static void workers(int fd, uint32_t seq)
{
	static uint64_t looks;

	looks++;
	for (uint16_t i = 0; i < greeting.n_workers; i++)
		send_msg(fd, SP_WORKER_ITEM, seq,
			 &(struct sp_worker){.id = i,
					     .lcore = i + 1,
					     .turns = 100 * looks,
					     .idle_turns = 25 * looks});
	done(fd, seq, SP_OK, greeting.n_workers);
}

static void answer(int fd, const struct sp_msg *m)
{
	uint32_t seq = m->hdr.seq;

	switch (m->hdr.type) {
	case SP_HELLO:
		send_msg(fd, SP_GREETING, seq, &greeting);
		break;
	case SP_TRANSPORT_ADD:
	case SP_TRANSPORT_CHANGE:
		done(fd, seq,
		     put_transport(&m->body.transport,
				   m->hdr.type == SP_TRANSPORT_CHANGE),
		     0);
		break;
	case SP_STREAM_ADD:
	case SP_STREAM_CHANGE:
		done(fd, seq,
		     put_stream(&m->body.stream,
				m->hdr.type == SP_STREAM_CHANGE),
		     0);
		break;
	case SP_TRANSPORT_REMOVE:
		done(fd, seq, remove_transport(m->body.id.id), 0);
		break;
	case SP_STREAM_REMOVE:
		done(fd, seq, remove_stream(m->body.id.id), 0);
		break;
	case SP_TRANSPORT_LIST:
		list(fd, seq, SP_TRANSPORT_ITEM, transports,
		     sizeof(*transports));
		break;
	case SP_STREAM_LIST:
		list(fd, seq, SP_STREAM_ITEM, streams, sizeof(*streams));
		break;
	case SP_STREAM_STATS:
		stats(fd, seq, m->body.id.id);
		break;
	case SP_WORKER_LIST:
		workers(fd, seq);
		break;
	default:
		done(fd, seq, SP_OK, 0);
		break;
	}
}

static bool add_media(const char *text)
{
	struct sp_media_addr *m = &greeting.media[greeting.n_media];
	char addr[64];
	const char *comma = strchr(text, ',');
	size_t n = comma ? (size_t)(comma - text) : strlen(text);

	if (n >= sizeof(addr) || greeting.n_media == SP_MEDIA_ADDR_MAX)
		return false;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (inet_pton(AF_INET, addr, m->addr.addr) == 1) {
		m->addr.family = 4;
		m->addr.prefix = 32;
	} else if (inet_pton(AF_INET6, addr, m->addr.addr) == 1) {
		m->addr.family = 6;
		m->addr.prefix = 128;
	} else {
		return false;
	}
	snprintf(m->port, sizeof(m->port), "fake%u", greeting.n_media);
	snprintf(m->role, sizeof(m->role), "%s", comma ? comma + 1 : "access");
	m->udp_first = 20000;
	m->udp_last = 49999;
	m->mtu = 1500;
	greeting.n_media++;
	return true;
}

static void say_counts(void)
{
	unsigned t = 0, s = 0;

	say = 0; /* first: who has read the answer may ask again at once */
	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		t += transports[i].id != 0;
		s += streams[i].id != 0;
	}
	printf("transports %u streams %u\n", t, s);
	fflush(stdout);
}

/* As if every peer had just fallen silent. */
static void say_silent(int fd)
{
	struct sp_event e = {.kind = SP_EVENT_SILENT};

	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		e.id = transports[i].id;
		if (e.id)
			send_msg(fd, SP_EVENT, 0, &e);
	}
	told = 1;
}

/* One control at a time; a newer one takes its place. */
static void serve(int listener)
{
	struct pollfd p[2] = {{listener, POLLIN, 0}, {-1, POLLIN, 0}};
	struct sp_msg m;

	for (;;) {
		if (say)
			say_counts();
		if (silent && !told && p[1].fd >= 0)
			say_silent(p[1].fd);
		if (poll(p, 2, 50) < 0 && errno != EINTR)
			return;
		if (p[0].revents & POLLIN) {
			close(p[1].fd);
			p[1].fd = accept(listener, NULL, NULL);
		}
		if (p[1].fd < 0 || !(p[1].revents & (POLLIN | POLLHUP)))
			continue;
		p[1].revents = 0;
		if (recv(p[1].fd, &m, sizeof(m), 0) <= 0) {
			close(p[1].fd);
			p[1].fd = -1;
			continue;
		}
		answer(p[1].fd, &m);
	}
}

int main(int argc, char *argv[])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (argc < 3 || strlen(argv[1]) >= sizeof(at.sun_path))
		return 2;
	strcpy(at.sun_path, argv[1]);
	for (int i = 2; i < argc; i++)
		if (!add_media(argv[i]))
			return 2;
	greeting.instance = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	greeting.transports_max = greeting.streams_max = ITEMS_MAX;
	greeting.n_workers = 2;
	greeting.started = (uint32_t)time(NULL);
	signal(SIGUSR1, on_silent);
	signal(SIGUSR2, on_say);
	unlink(argv[1]);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(fd, 4)) {
		perror(argv[1]);
		return 1;
	}
	serve(fd);
	return 1;
}
