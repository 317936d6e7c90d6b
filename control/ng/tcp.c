/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: requests one after another, each self-delimiting, and answers in the
 * same order. */
#include <errno.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"
#include <re_tcp.h> /* after the types of libre.h */

#define CONNECTIONS_MAX 256
#define IDLE_MS		(10 * 60 * 1000)
#define UNSENT_MAX	(1u << 20) /* octets that a peer doesn't read */

struct tcp_door {
	struct le le;
	struct ng *ng;
	struct tcp_sock *ts;
	struct list connections;
	unsigned n;
};

struct connection {
	struct le le;
	struct tcp_door *door;
	struct tcp_conn *tc;
	struct sa peer;
	struct mbuf *in; /* what is there of the next request */
	struct tmr idle;
};

static void connection_destructor(void *arg)
{
	struct connection *c = arg;

	if (c->le.list)
		c->door->n--;
	list_unlink(&c->le);
	tmr_cancel(&c->idle);
	mem_deref(c->tc);
	mem_deref(c->in);
}

static void door_destructor(void *arg)
{
	struct tcp_door *d = arg;

	list_unlink(&d->le);
	list_flush(&d->connections);
	mem_deref(d->ts);
}

static void closed(int err, void *arg)
{
	(void)err;
	mem_deref(arg);
}

static void idled(void *arg)
{
	mem_deref(arg);
}

/* @return false: the connection can't go on. */
static bool answered(struct connection *c, const struct wire_message *m)
{
	const char *answer;
	struct mbuf out = {0};
	size_t len;

	answer = ng_serve(c->door->ng, &c->peer, m, &len);
	if (!answer)
		return true;
	out.buf = (uint8_t *)answer; /* tcp_send copies what it can't send */
	out.size = out.end = len;
	return tcp_send(c->tc, &out) == 0;
}

/* All whole requests that are there. @return false: nonsense. */
static bool serve(struct connection *c)
{
	struct mbuf *in = c->in;
	struct wire_message m;
	enum wire_result r;
	bool ok = true;

	while (ok && mbuf_get_left(in)) {
		/* what may stand between requests */
		if (strchr("\r\n", *mbuf_buf(in)) && *mbuf_buf(in)) {
			mbuf_advance(in, 1);
			continue;
		}
		r = wire_read((const char *)mbuf_buf(in), mbuf_get_left(in),
			      true, true, &m);
		if (r == WIRE_SHORT)
			break;
		/* where the next request begins can't be known any more */
		ok = r == WIRE_OK;
		if (r != WIRE_JUNK)
			ok &= answered(c, &m);
		json_decref(m.dict);
		mbuf_advance(in, (ssize_t)m.used);
	}
	return ok;
}

static void received(struct mbuf *mb, void *arg)
{
	struct connection *c = arg;
	struct mbuf *in = c->in;
	size_t left;

	tmr_start(&c->idle, IDLE_MS, idled, c);
	in->pos = in->end;
	if (mbuf_write_mem(in, mbuf_buf(mb), mbuf_get_left(mb)) != 0) {
		mem_deref(c);
		return;
	}
	in->pos = 0;
	if (!serve(c)) {
		c->door->ng->counts.junk++;
		mem_deref(c);
		return;
	}
	left = mbuf_get_left(in);
	if (left > WIRE_SIZE_MAX) {
		mem_deref(c);
		return;
	}
	memmove(in->buf, mbuf_buf(in), left);
	in->pos = 0;
	in->end = left;
}

static void connecting(const struct sa *peer, void *arg)
{
	struct tcp_door *d = arg;
	struct connection *c;

	if (!ng_allowed(d->ng, peer) || d->n >= CONNECTIONS_MAX) {
		tcp_reject(d->ts);
		return;
	}
	c = mem_zalloc(sizeof(*c), connection_destructor);
	if (c)
		c->in = mbuf_alloc(1024);
	if (!c || !c->in ||
	    tcp_accept(&c->tc, d->ts, NULL, received, closed, c) != 0) {
		mem_deref(c);
		tcp_reject(d->ts);
		return;
	}
	c->door = d;
	c->peer = *peer;
	tcp_conn_txqsz_set(c->tc, UNSENT_MAX);
	tmr_start(&c->idle, IDLE_MS, idled, c);
	list_append(&d->connections, &c->le, c);
	d->n++;
}

int ng_tcp_listen(struct ng *ng, const struct sa *addr)
{
	struct tcp_door *d = mem_zalloc(sizeof(*d), door_destructor);
	int err;

	if (!d)
		return ENOMEM;
	d->ng = ng;
	err = tcp_listen(&d->ts, addr, connecting, d);
	if (err) {
		mem_deref(d);
		return err;
	}
	list_append(&ng->listeners, &d->le, d);
	return 0;
}
