/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/media/fake_dp.h"

struct fake_dp {
	char dir[64], path[96];
	int listener, conn, wake[2];
	bool away, mute, hang_up, stop;
	struct sp_greeting greeting;
	struct sp_transport t[FAKE_MAX];
	struct sp_stream s[FAKE_MAX];
	struct sp_stats stats[FAKE_MAX];
	unsigned n_t, n_s, n_stats;
	unsigned count[256];
	uint16_t refuse_type;
	uint32_t refuse_status;
	struct sp_datagram injected;
	pthread_mutex_t lock;
	pthread_t thread;
};

static void say(struct fake_dp *f, uint16_t type, uint32_t seq,
		const void *body)
{
	struct sp_msg m;
	int size = sp_body_size(type);

	memset(&m, 0, sizeof(m));
	m.hdr = (struct sp_hdr){SP_ABI_MAGIC, SP_ABI_VERSION, type, seq,
				(uint32_t)size};
	memcpy(&m.body, body, (size_t)size);
	if (f->conn >= 0)
		(void)!send(f->conn, &m, sizeof(m.hdr) + (size_t)size,
			    MSG_NOSIGNAL);
}

static struct sp_transport *transport(struct fake_dp *f, uint64_t id)
{
	for (unsigned i = 0; i < f->n_t; i++)
		if (f->t[i].id == id)
			return &f->t[i];
	return NULL;
}

static struct sp_stream *stream(struct fake_dp *f, uint64_t id)
{
	for (unsigned i = 0; i < f->n_s; i++)
		if (f->s[i].id == id)
			return &f->s[i];
	return NULL;
}

static unsigned owner(const struct fake_dp *f, uint16_t port)
{
	return (port >> 1) % f->greeting.n_workers;
}

static bool port_taken(struct fake_dp *f, const struct sp_transport *x)
{
	for (unsigned i = 0; i < f->n_t; i++)
		if (f->t[i].media_addr == x->media_addr &&
		    f->t[i].rtp_port == x->rtp_port && f->t[i].id != x->id)
			return true;
	return false;
}

static bool key_missing(const struct sp_key *k, const struct sp_key *had)
{
	static const uint8_t zero[SP_KEY_MAX];

	return k->suite != SP_SUITE_PLAIN && !(had && had->id == k->id) &&
	       memcmp(k->key, zero, sizeof(zero)) == 0;
}

static uint32_t transport_put(struct fake_dp *f, const struct sp_transport *x,
			      bool add)
{
	struct sp_transport *t = transport(f, x->id);
	const struct sp_media_addr *m = &f->greeting.media[x->media_addr];

	if (x->id == 0 || x->media_addr >= f->greeting.n_media ||
	    x->rtp_port % 2 || x->rtp_port < m->udp_first ||
	    x->rtp_port > m->udp_last ||
	    key_missing(&x->rx, t ? &t->rx : NULL) ||
	    key_missing(&x->tx, t ? &t->tx : NULL))
		return SP_EINVAL;
	if (add ? t != NULL : t == NULL)
		return add ? SP_EEXIST : SP_ENOENT;
	if (port_taken(f, x))
		return SP_EEXIST;
	if (add && f->n_t == FAKE_MAX)
		return SP_ENOSPC;
	if (add)
		t = &f->t[f->n_t++];
	*t = *x;
	return SP_OK;
}

static uint32_t stream_put(struct fake_dp *f, const struct sp_stream *x,
			   bool add)
{
	struct sp_stream *s = stream(f, x->id);
	struct sp_transport *from = transport(f, x->from);
	struct sp_transport *to = transport(f, x->to);

	if (x->id == 0 || !x->match)
		return SP_EINVAL;
	if (add ? s != NULL : s == NULL)
		return add ? SP_EEXIST : SP_ENOENT;
	if (!from || !to)
		return SP_ENOENT;
	if (owner(f, from->rtp_port) != owner(f, to->rtp_port))
		return SP_EOWNER;
	if (add)
		s = &f->s[f->n_s++];
	*s = *x;
	return SP_OK;
}

static uint32_t transport_drop(struct fake_dp *f, uint64_t id)
{
	struct sp_transport *t = transport(f, id);

	if (!t)
		return SP_ENOENT;
	for (unsigned i = 0; i < f->n_s; i++)
		if (f->s[i].from == id || f->s[i].to == id)
			return SP_EBUSY;
	*t = f->t[--f->n_t];
	return SP_OK;
}

static uint32_t stream_drop(struct fake_dp *f, uint64_t id)
{
	struct sp_stream *s = stream(f, id);

	if (!s)
		return SP_ENOENT;
	*s = f->s[--f->n_s];
	return SP_OK;
}

static uint32_t stats_say(struct fake_dp *f, uint32_t seq, uint64_t id)
{
	struct sp_stats st = {.id = id, .silent_ms = UINT32_MAX};

	if (!stream(f, id))
		return SP_ENOENT;
	for (unsigned i = 0; i < f->n_stats; i++)
		if (f->stats[i].id == id)
			st = f->stats[i];
	say(f, SP_STATS_ITEM, seq, &st);
	return SP_OK;
}

static void key_hide(struct sp_key *k)
{
	memset(k->key, 0, sizeof(k->key));
	memset(k->salt, 0, sizeof(k->salt));
}

static uint32_t list(struct fake_dp *f, uint16_t type, uint32_t seq)
{
	struct sp_port port = {.name = "access0",
			       .role = "access",
			       .driver = "net_tap",
			       .link_up = 1,
			       .mtu = 1500,
			       .rx_packets = 12};
	struct sp_verdict_count v = {.name = "bad-tag",
				     .unit = "packets",
				     .meaning = "the tag didn't verify",
				     .severity = 2,
				     .count = 3};

	for (unsigned i = 0; type == SP_TRANSPORT_LIST && i < f->n_t; i++) {
		struct sp_transport t = f->t[i];

		key_hide(&t.rx);
		key_hide(&t.tx);
		say(f, SP_TRANSPORT_ITEM, seq, &t);
	}
	for (unsigned i = 0; type == SP_STREAM_LIST && i < f->n_s; i++)
		say(f, SP_STREAM_ITEM, seq, &f->s[i]);
	if (type == SP_PORT_LIST)
		say(f, SP_PORT_ITEM, seq, &port);
	if (type == SP_VERDICT_LIST)
		say(f, SP_VERDICT_ITEM, seq, &v);
	return SP_OK;
}

static uint32_t act(struct fake_dp *f, const struct sp_msg *m)
{
	switch (m->hdr.type) {
	case SP_TRANSPORT_ADD:
	case SP_TRANSPORT_CHANGE:
		return transport_put(f, &m->body.transport,
				     m->hdr.type == SP_TRANSPORT_ADD);
	case SP_STREAM_ADD:
	case SP_STREAM_CHANGE:
		return stream_put(f, &m->body.stream,
				  m->hdr.type == SP_STREAM_ADD);
	case SP_TRANSPORT_REMOVE:
		return transport_drop(f, m->body.id.id);
	case SP_STREAM_REMOVE:
		return stream_drop(f, m->body.id.id);
	case SP_INJECT:
		f->injected = m->body.datagram;
		return SP_OK;
	case SP_STREAM_STATS:
		return stats_say(f, m->hdr.seq, m->body.id.id);
	default:
		return list(f, m->hdr.type, m->hdr.seq);
	}
}

static void answer(struct fake_dp *f, const struct sp_msg *m)
{
	struct sp_done done = {0};

	f->count[m->hdr.type & 255]++;
	if (f->mute)
		return;
	if (m->hdr.type == SP_HELLO) {
		say(f, SP_GREETING, m->hdr.seq, &f->greeting);
		return;
	}
	if (f->refuse_type == m->hdr.type) {
		done.status = f->refuse_status;
		snprintf(done.text, sizeof(done.text), "as the test wants it");
		f->refuse_type = 0;
	} else {
		done.status = act(f, m);
	}
	say(f, SP_DONE, m->hdr.seq, &done);
}

static void drop_conn(struct fake_dp *f)
{
	if (f->conn >= 0)
		close(f->conn);
	f->conn = -1;
}

static void *serve(void *arg)
{
	struct fake_dp *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		struct pollfd p[3] = {
			{.fd = f->wake[0], .events = POLLIN},
			{.fd = f->away ? -1 : f->listener, .events = POLLIN},
			{.fd = f->conn, .events = POLLIN},
		};
		struct sp_msg m;
		char c;

		pthread_mutex_unlock(&f->lock);
		poll(p, 3, -1);
		pthread_mutex_lock(&f->lock);
		if (p[0].revents)
			(void)!read(f->wake[0], &c, 1);
		if (f->hang_up || f->away) {
			drop_conn(f);
			f->hang_up = false;
			continue;
		}
		if (p[1].revents) {
			drop_conn(f); /* a second control takes the place */
			f->conn = accept(f->listener, NULL, NULL);
		} else if (p[2].revents && f->conn == p[2].fd) {
			ssize_t n = recv(f->conn, &m, sizeof(m), MSG_DONTWAIT);

			if (n >= (ssize_t)sizeof(m.hdr))
				answer(f, &m);
			else if (n == 0 || errno != EAGAIN)
				drop_conn(f);
		}
	}
	drop_conn(f);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void listen_again(struct fake_dp *f)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(f->listener, (void *)&un, sizeof(un)) < 0 ||
	    listen(f->listener, 8) < 0)
		abort();
}

static void media_set(struct sp_media_addr *m, const char *role, uint8_t family,
		      uint8_t prefix, const void *addr,
		      const struct fake_options *o)
{
	snprintf(m->port, sizeof(m->port), "%s0", role);
	snprintf(m->role, sizeof(m->role), "%s", role);
	m->addr.family = family;
	m->addr.prefix = prefix;
	memcpy(m->addr.addr, addr, family == 6 ? 16 : 4);
	m->udp_first = o && o->udp_first ? o->udp_first : 20000;
	m->udp_last = o && o->udp_last ? o->udp_last : 29999;
	m->mtu = 1500;
}

struct fake_dp *fake_start(const struct fake_options *o)
{
	struct fake_dp *f = calloc(1, sizeof(*f));
	struct sp_greeting *g = &f->greeting;

	strcpy(f->dir, "/tmp/fake-dp-XXXXXX");
	if (!mkdtemp(f->dir) || pipe(f->wake) < 0)
		abort();
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	g->instance = 1000;
	g->n_workers = o && o->workers ? o->workers : 2;
	g->n_media = 3;
	g->transports_max = g->streams_max = FAKE_MAX;
	media_set(&g->media[0], "access", 4, 24, "\x0a\x01\x00\x01", o);
	media_set(&g->media[1], "trunk", 4, 24, "\x0a\x02\x00\x01", o);
	media_set(&g->media[2], "access", 6, 64,
		  "\x20\x01\x0d\xb8\x00\x01\0\0\0\0\0\0\0\0\0\x01", o);
	f->conn = -1;
	pthread_mutex_init(&f->lock, NULL);
	listen_again(f);
	pthread_create(&f->thread, NULL, serve, f);
	return f;
}

static void wake(struct fake_dp *f)
{
	(void)!write(f->wake[1], "x", 1);
}

void fake_stop(struct fake_dp *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	wake(f);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	close(f->listener);
	close(f->wake[0]);
	close(f->wake[1]);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
}

const char *fake_path(const struct fake_dp *f)
{
	return f->path;
}

#define LOCKED(f, body)                           \
	do {                                      \
		pthread_mutex_lock(&(f)->lock);   \
		body;                             \
		wake(f);                          \
		pthread_mutex_unlock(&(f)->lock); \
	} while (0)

void fake_restart(struct fake_dp *f)
{
	LOCKED(f, {
		f->n_t = f->n_s = f->n_stats = 0;
		f->greeting.instance++;
		f->hang_up = true;
	});
}

void fake_hang_up(struct fake_dp *f)
{
	LOCKED(f, f->hang_up = true);
}

void fake_away(struct fake_dp *f, bool away)
{
	LOCKED(f, {
		if (away && !f->away) {
			close(f->listener);
			unlink(f->path);
		} else if (!away && f->away) {
			listen_again(f);
		}
		f->away = away;
	});
}

void fake_mute(struct fake_dp *f, bool mute)
{
	LOCKED(f, f->mute = mute);
}

void fake_refuse(struct fake_dp *f, uint16_t type, uint32_t status)
{
	LOCKED(f, {
		f->refuse_type = type;
		f->refuse_status = status;
	});
}

void fake_event(struct fake_dp *f, const struct sp_event *e)
{
	LOCKED(f, say(f, SP_EVENT, 0, e));
}

void fake_punt(struct fake_dp *f, const struct sp_datagram *d)
{
	LOCKED(f, say(f, SP_PUNTED, 0, d));
}

struct sp_datagram fake_injected(struct fake_dp *f)
{
	struct sp_datagram d;

	LOCKED(f, d = f->injected);
	return d;
}

void fake_stats(struct fake_dp *f, const struct sp_stats *s)
{
	LOCKED(f, f->stats[f->n_stats++] = *s);
}

unsigned fake_transports(struct fake_dp *f, struct sp_transport t[FAKE_MAX])
{
	unsigned n;

	LOCKED(f, {
		n = f->n_t;
		memcpy(t, f->t, n * sizeof(*t));
	});
	return n;
}

unsigned fake_streams(struct fake_dp *f, struct sp_stream s[FAKE_MAX])
{
	unsigned n;

	LOCKED(f, {
		n = f->n_s;
		memcpy(s, f->s, n * sizeof(*s));
	});
	return n;
}

bool fake_transport(struct fake_dp *f, uint64_t id, struct sp_transport *t)
{
	struct sp_transport *x;

	LOCKED(f, {
		x = transport(f, id);
		if (x)
			*t = *x;
	});
	return x;
}

bool fake_stream(struct fake_dp *f, uint64_t id, struct sp_stream *s)
{
	struct sp_stream *x;

	LOCKED(f, {
		x = stream(f, id);
		if (x)
			*s = *x;
	});
	return x;
}

void fake_plant(struct fake_dp *f, const struct sp_transport *t)
{
	LOCKED(f, f->t[f->n_t++] = *t);
}

void fake_plant_stream(struct fake_dp *f, const struct sp_stream *s)
{
	LOCKED(f, f->s[f->n_s++] = *s);
}

unsigned fake_count(struct fake_dp *f, uint16_t type)
{
	unsigned n;

	LOCKED(f, {
		n = f->count[type & 255];
		f->count[type & 255] = 0;
	});
	return n;
}
