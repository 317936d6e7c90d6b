/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/conn.c - SIP over connections: TCP, TLS, WebSocket. RFC 3261
 * section 18, RFC 5626 section 4, RFC 7118.
 *
 * libre's TCP and TLS below; what comes is cut into messages here, or taken out
 * of frames. A connection is found by its peer's address and used for whatever
 * goes there. The stack's table owns it; messages that came over it hold it,
 * closed, until they are answered. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "control/log.h"
#include "control/sip/stack_impl.h"
#include "control/sip/stream.h"
#include "control/sip/ws.h"

#define SETUP_MS   10000 /* to be connected, and to be through with TLS */
#define FIRST_MS   32000 /* then, until the first message */
#define IDLE_S	   900	 /* without one, at least; longer than a registration */
#define WS_PING_MS 30000
#define WS_DEAF_MS 75000
#define PENDING	   64 /* messages that wait for a connection to come up */
#define BACKLOG	   512

struct acceptor {
	struct listener *l;
	enum sip_tp tp;
	struct tcp_sock *ts;
};

struct pending {
	struct le le;
	struct mbuf *mb;
};

struct conn {
	struct le he;
	struct listener *l;
	enum sip_tp tp;
	struct sa peer;
	char name[STACK_NAME_MAX]; /* that we connected to; incoming: "" */
	char *user;		   /* who registered over it */
	struct tcp_conn *tc;	   /* NULL: closed */
	struct tls_conn *sc;
	struct timer timer;
	struct mbuf *rx;
	struct mbuf *fragments; /* of a WebSocket message */
	struct list pending, users;
	uint64_t heard; /* ms */
	bool incoming, up, settled, upgraded;
};

static void conn_destructor(void *arg)
{
	struct conn *c = arg;

	timer_cancel(&c->timer);
	hash_unlink(&c->he);
	list_flush(&c->pending);
	mem_deref(c->sc);
	mem_deref(c->tc);
	mem_deref(c->rx);
	mem_deref(c->fragments);
	mem_deref(c->user);
}

static void pending_destructor(void *arg)
{
	struct pending *p = arg;

	list_unlink(&p->le);
	mem_deref(p->mb);
}

bool conn_alive(const struct conn *c)
{
	return c && c->tc;
}

void conn_belongs(struct conn *c, const char *user)
{
	if (c->user && !strcmp(c->user, user))
		return;
	c->user = mem_deref(c->user);
	str_dup(&c->user, user);
}

static void conn_close(struct conn *c, int err)
{
	struct stack *s = c->l->stack;
	struct le *le;

	if (!c->tc)
		return;
	timer_cancel(&c->timer);
	hash_unlink(&c->he);
	c->sc = mem_deref(c->sc);
	c->tc = mem_deref(c->tc);
	if (c->incoming)
		guard_closed(s->guard, &c->peer, c->settled);
	list_flush(&c->pending);
	while ((le = list_head(&c->users))) {
		struct conn_user *u = le->data;

		list_unlink(le);
		u->lost(err, u->arg);
	}
	if (c->user && s->cfg.losth)
		s->cfg.losth(c->l, c->tp, &c->peer, c->user, s->cfg.arg);
	mem_deref(c); /* the table's */
}

static int conn_write(struct conn *c, struct mbuf *mb)
{
	struct mbuf *frame;
	size_t pos = mb->pos;
	int err;

	if (!tp_is_ws(c->tp)) {
		err = tcp_send(c->tc, mb);
		mb->pos = pos;
		return err;
	}
	frame = mbuf_alloc(mbuf_get_left(mb) + 8);
	if (!frame)
		return ENOMEM;
	err = ws_write(frame, ws_opcode_for(mbuf_buf(mb), mbuf_get_left(mb)),
		       mbuf_buf(mb), mbuf_get_left(mb));
	frame->pos = 0;
	if (!err)
		err = tcp_send(c->tc, frame);
	mem_deref(frame);
	return err;
}

static void ws_send(struct conn *c, enum ws_opcode opcode, const uint8_t *data,
		    size_t len)
{
	struct mbuf *mb = mbuf_alloc(len + 8);

	if (mb && !ws_write(mb, opcode, data, len)) {
		mb->pos = 0;
		tcp_send(c->tc, mb);
	}
	mem_deref(mb);
}

int conn_transmit(struct conn *c, struct mbuf *mb, struct conn_user *user)
{
	struct pending *p;
	int err;

	if (!c->tc)
		return ENOTCONN;
	if (c->up) {
		err = conn_write(c, mb);
		if (err)
			return err;
	} else {
		if (list_count(&c->pending) >= PENDING)
			return ENOBUFS;
		p = mem_zalloc(sizeof(*p), pending_destructor);
		if (!p)
			return ENOMEM;
		p->mb = mem_ref(mb);
		list_append(&c->pending, &p->le, p);
	}
	if (user) {
		list_unlink(&user->le);
		list_append(&c->users, &user->le, user);
	}
	return 0;
}

/* Its time is over: never came up, said nothing, or has gone silent. */
static void timed_out(void *arg)
{
	struct conn *c = arg;

	if (c->upgraded && tmr_jiffies() - c->heard < WS_DEAF_MS) {
		ws_send(c, WS_PING, NULL, 0);
		timer_start(&c->timer, WS_PING_MS, timed_out, c);
		return;
	}
	conn_close(c, ETIMEDOUT);
}

static uint64_t idle_ms(const struct conn *c)
{
	uint64_t longest = c->l->stack->cfg.idle;

	return 1000 * (longest > IDLE_S ? longest : IDLE_S);
}

/* Something that makes sense has come. */
static void conn_lives(struct conn *c)
{
	if (c->incoming && !c->settled)
		guard_settled(c->l->stack->guard, &c->peer);
	c->settled = true;
	if (!c->upgraded)
		timer_start(&c->timer, idle_ms(c), timed_out, c);
}

static void established(void *arg)
{
	struct conn *c = arg;
	struct le *le;

	c->up = true;
	if (c->incoming)
		timer_start(&c->timer, FIRST_MS, timed_out, c);
	else
		timer_start(&c->timer, idle_ms(c), timed_out, c);
	mem_ref(c);
	while (c->tc && (le = list_head(&c->pending))) {
		struct pending *p = le->data;
		int err = conn_write(c, p->mb);

		mem_deref(p);
		if (err)
			conn_close(c, err);
	}
	mem_deref(c);
}

/* Messages */

static int whole_message(struct conn *c, const uint8_t *p, size_t n)
{
	struct stack *s = c->l->stack;
	int err;

	if (!guard_packet(s->guard, &c->peer, tmr_jiffies()))
		return 0;
	err = stack_received(c->l, c->tp, &c->peer, c, p, n);
	if (!err && c->tc)
		conn_lives(c);
	return err;
}

static int pong(struct conn *c)
{
	uint8_t crlf[] = "\r\n";
	struct mbuf mb = {.buf = crlf, .size = 2, .end = 2};

	return conn_write(c, &mb);
}

/* @return octets used, 0: more are needed, or a negative errno. */
static ssize_t from_stream(struct conn *c, uint8_t *p, size_t len)
{
	enum stream_what what;
	size_t n;
	int err = 0;

	what = stream_next(p, len, &n);
	if (what == STREAM_MORE)
		return 0;
	if (what == STREAM_MESSAGE)
		err = whole_message(c, p, n);
	else if (what == STREAM_PING)
		err = pong(c);
	else if (what == STREAM_BAD) {
		if (n)
			stack_unreadable(c->l, c->tp, &c->peer, c, p, n);
		err = EBADMSG;
	}
	return err ? -err : (ssize_t)n;
}

static ssize_t handshake(struct conn *c, uint8_t *p, size_t len)
{
	struct mbuf *answer = mbuf_alloc(256);
	ssize_t n;

	if (!answer)
		return -ENOMEM;
	n = ws_accept(p, len, (const char *const *)c->l->stack->cfg.origins,
		      answer);
	answer->pos = 0;
	if (answer->end)
		tcp_send(c->tc, answer);
	mem_deref(answer);
	if (n > 0) {
		c->upgraded = true;
		timer_start(&c->timer, WS_PING_MS, timed_out, c);
	}
	return n;
}

/* Every WebSocket message is one of SIP, or line ends (RFC 7118 section 5). */
static int ws_message(struct conn *c, const uint8_t *p, size_t n)
{
	if (n == 4 && !memcmp(p, "\r\n\r\n", 4))
		return pong(c);
	return n > 4 ? whole_message(c, p, n) : 0;
}

static int ws_data(struct conn *c, const struct ws_frame *f)
{
	struct mbuf *all = c->fragments;
	int err;

	if ((f->opcode == WS_CONTINUE) != (all != NULL))
		return EPROTO;
	if (!all && f->fin)
		return ws_message(c, f->data, f->len);
	if (!all)
		all = c->fragments = mbuf_alloc(f->len + 512);
	if (!all)
		return ENOMEM;
	if (all->end + f->len > WS_MESSAGE_MAX)
		return EMSGSIZE;
	err = f->len ? mbuf_write_mem(all, f->data, f->len) : 0;
	if (err || !f->fin)
		return err;
	c->fragments = NULL;
	err = ws_message(c, all->buf, all->end);
	mem_deref(all);
	return err;
}

static ssize_t from_frames(struct conn *c, uint8_t *p, size_t len)
{
	struct ws_frame f;
	ssize_t n = ws_read(p, len, &f);
	int err = 0;

	if (n <= 0)
		return n;
	if (f.opcode == WS_PING) {
		ws_send(c, WS_PONG, f.data, f.len);
	} else if (f.opcode == WS_CLOSE) {
		ws_send(c, WS_CLOSE, f.data, f.len < 2 ? 0 : 2);
		err = ECONNRESET;
	} else if (f.opcode != WS_PONG) {
		err = ws_data(c, &f);
	}
	return err ? -err : n;
}

static ssize_t take_one(struct conn *c, uint8_t *p, size_t len)
{
	if (!tp_is_ws(c->tp))
		return from_stream(c, p, len);
	return c->upgraded ? from_frames(c, p, len) : handshake(c, p, len);
}

/* What was there and what has come, as one piece. */
static int append(struct conn *c, struct mbuf *mb)
{
	if (!c->rx)
		c->rx = mbuf_alloc(mbuf_get_left(mb) + 512);
	if (!c->rx)
		return ENOMEM;
	c->rx->pos = c->rx->end;
	return mbuf_write_mem(c->rx, mbuf_buf(mb), mbuf_get_left(mb));
}

static void received(struct mbuf *mb, void *arg)
{
	struct conn *c = mem_ref(arg);
	ssize_t n = -append(c, mb);
	struct mbuf *rx = c->rx;
	size_t at = 0;

	c->heard = tmr_jiffies();
	while (n >= 0 && c->tc && at < rx->end) {
		n = take_one(c, rx->buf + at, rx->end - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (n < 0) {
		log_debug(0, "SIP connection from %s: %s", c->name,
			  strerror((int)-n));
		conn_close(c, (int)-n);
	} else if (at >= rx->end) {
		c->rx = mem_deref(c->rx);
	} else {
		memmove(rx->buf, rx->buf + at, rx->end - at);
		rx->end -= at;
	}
	mem_deref(c);
}

static void closed(int err, void *arg)
{
	struct conn *c = arg;

	if (!c->incoming && !c->up) {
		char peer[SIP_ADDR_TEXT];

		sip_addr_print(peer, &c->peer);
		log_warn(0, "no SIP connection to %s/%s (%s): %s", peer,
			 sip_tp_name(c->tp), c->name,
			 err == EPROTO ? "TLS failed, perhaps its certificate "
					 "can't be verified"
				       : strerror(err));
	}
	conn_close(c, err ? err : ECONNRESET);
}

/* Making them */

static struct conn *conn_new(struct listener *l, enum sip_tp tp,
			     const struct sa *peer)
{
	struct conn *c = mem_zalloc(sizeof(*c), conn_destructor);

	if (!c)
		return NULL;
	c->l = l;
	c->tp = tp;
	c->peer = *peer;
	c->heard = tmr_jiffies();
	hash_append(l->stack->conns, sa_hash(peer, SA_ALL), &c->he, c);
	return c;
}

/* A peer that has gone without a word is found out in two minutes; nothing
 * waits for more to be sent. */
static void socket_options(struct conn *c)
{
	const int on = 1, idle = 60, interval = 20, count = 3;
	int fd = tcp_conn_fd(c->tc);

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void incoming(const struct sa *peer, void *arg)
{
	struct acceptor *a = arg;
	struct stack *s = a->l->stack;
	struct conn *c;
	int err;

	if (!guard_open(s->guard, peer, tmr_jiffies())) {
		tcp_reject(a->ts);
		return;
	}
	c = conn_new(a->l, a->tp, peer);
	if (!c) {
		guard_closed(s->guard, peer, false);
		tcp_reject(a->ts);
		return;
	}
	c->incoming = true;
	err = tcp_accept(&c->tc, a->ts, established, received, closed, c);
	if (!err && tp_is_secure(c->tp))
		err = tls_start_tcp(&c->sc, tls_server(s->tls), c->tc, 0);
	if (!err) {
		socket_options(c);
		timer_start(&c->timer, SETUP_MS, timed_out, c);
		return;
	}
	tcp_reject(a->ts);
	if (c->tc) {
		conn_close(c, err);
		return;
	}
	guard_closed(s->guard, peer, false);
	mem_deref(c);
}

int conn_open(struct conn **cp, struct listener *l, enum sip_tp tp,
	      const struct sa *peer, const char *name)
{
	struct conn *c = conn_new(l, tp, peer);
	struct tls *tls = NULL;
	struct sa from = l->addr, numeric;
	int err;

	if (!c)
		return ENOMEM;
	if (*name)
		re_snprintf(c->name, sizeof(c->name), "%s", name);
	else
		re_snprintf(c->name, sizeof(c->name), "%j", peer);
	sa_set_port(&from, 0);
	err = tcp_connect_bind(&c->tc, peer, established, received, closed,
			       &from, c);
	if (!err && tp_is_secure(tp))
		err = tls_client(&tls, l->stack->tls, c->name);
	if (!err && tls)
		err = tls_start_tcp(&c->sc, tls, c->tc, 0);
	if (!err && tls && sa_set_str(&numeric, c->name, 0))
		err = tls_set_servername(c->sc, c->name);
	mem_deref(tls);
	if (err) {
		mem_deref(c);
		return err;
	}
	socket_options(c);
	timer_start(&c->timer, SETUP_MS, timed_out, c);
	*cp = c;
	return 0;
}

struct conn *conn_find(struct listener *l, enum sip_tp tp,
		       const struct sa *peer, const char *name)
{
	struct le *le =
		list_head(hash_list(l->stack->conns, sa_hash(peer, SA_ALL)));

	for (; le; le = le->next) {
		struct conn *c = le->data;

		/* what was made to one name isn't good for another */
		if (c->l == l && c->tp == tp && c->tc &&
		    sa_cmp(&c->peer, peer, SA_ALL) &&
		    (c->incoming || !*name || !strcmp(name, c->name)))
			return c;
	}
	return NULL;
}

static void acceptor_destructor(void *arg)
{
	struct acceptor *a = arg;

	mem_deref(a->ts);
}

int conn_listen(struct acceptor **ap, struct listener *l, enum sip_tp tp)
{
	struct acceptor *a = mem_zalloc(sizeof(*a), acceptor_destructor);
	int err;

	if (!a)
		return ENOMEM;
	a->l = l;
	a->tp = tp;
	err = tcp_sock_alloc(&a->ts, &l->addr, incoming, a);
	if (!err)
		err = tcp_sock_bind(a->ts, &l->addr);
	if (!err)
		err = tcp_sock_listen(a->ts, BACKLOG);
	if (err)
		mem_deref(a);
	else
		*ap = a;
	return err;
}

static bool close_one(struct le *le, void *arg)
{
	struct conn *c = le->data;

	(void)arg;
	c->user = mem_deref(c->user); /* we go, not it */
	conn_close(c, ECONNABORTED);
	return false;
}

void conns_close(struct stack *s)
{
	hash_apply(s->conns, close_one, NULL);
}
