/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/stack.c - listeners, and what goes where; see stack.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control/log.h"
#include "control/hep/hep.h"
#include "control/sip/stack_impl.h"

#define TABLE_SIZE 4096 /* buckets, a power of two */

static const enum sip_transp libre_tp[SIP_TPS] = {
	[SIP_UDP] = SIP_TRANSP_UDP, [SIP_TCP] = SIP_TRANSP_TCP,
	[SIP_TLS] = SIP_TRANSP_TLS, [SIP_WS] = SIP_TRANSP_WS,
	[SIP_WSS] = SIP_TRANSP_WSS,
};

enum sip_tp message_tp(const struct sip_msg *m)
{
	for (unsigned i = 0; i < SIP_TPS; i++)
		if (libre_tp[i] == m->tp)
			return (enum sip_tp)i;
	return SIP_UDP;
}

/* Listening */

static void listener_destructor(void *arg)
{
	struct listener *l = arg;

	list_unlink(&l->le);
	mem_deref(l->udp);
	for (unsigned i = 0; i < SIP_TPS; i++)
		mem_deref(l->stream[i]);
}

static void stack_destructor(void *arg)
{
	struct stack *s = arg;

	s->cfg.losth = NULL;
	s->cfg.banh = NULL;
	if (s->clients)
		client_flush(s);
	if (s->servers)
		server_flush(s);
	if (s->conns)
		conns_close(s);
	list_flush(&s->listeners);
	mem_deref(s->clients);
	mem_deref(s->servers);
	mem_deref(s->conns);
	mem_deref(s->guard);
	mem_deref(s->tls);
}

static struct guard_config limits(const struct config_guard *g)
{
	return (struct guard_config){
		.rate = g->requests,
		.failures = g->failures,
		.connections = g->connections,
		.half_open = g->half_open,
		.ban = g->ban,
		.allow = g->allow,
		.allow_count = g->allow_count,
	};
}

void stack_limits(struct stack *s)
{
	const struct guard_config g = limits(&s->cfg.sip->guard);

	guard_limits(s->guard, &g);
}

int stack_alloc(struct stack **sp, const struct stack_config *cfg)
{
	const struct guard_config g = limits(&cfg->sip->guard);
	struct stack *s = mem_zalloc(sizeof(*s), stack_destructor);
	int err;

	if (!s)
		return ENOMEM;
	s->cfg = *cfg;
	err = hash_alloc(&s->conns, TABLE_SIZE);
	err = err ? err : hash_alloc(&s->servers, TABLE_SIZE);
	err = err ? err : hash_alloc(&s->clients, TABLE_SIZE);
	err = err ? err : guard_alloc(&s->guard, &g, cfg->banh, cfg->arg);
	if (err)
		mem_deref(s);
	else
		*sp = s;
	return err;
}

struct guard *stack_guard(struct stack *s)
{
	return s->guard;
}

uint64_t stack_overflow(const struct stack *s)
{
	return s->dropped;
}

static struct listener *listener_at(const struct stack *s,
				    const struct sa *addr)
{
	struct le *le;

	LIST_FOREACH (&s->listeners, le) {
		struct listener *l = le->data;

		if (sa_cmp(&l->addr, addr, SA_ALL))
			return l;
	}
	return NULL;
}

static struct listener *listener_new(struct stack *s, const struct sa *addr)
{
	struct listener *l = mem_zalloc(sizeof(*l), listener_destructor);

	if (!l)
		return NULL;
	l->stack = s;
	l->addr = *addr;
	list_append(&s->listeners, &l->le, l);
	return l;
}

int stack_listen(struct stack *s, const struct sip_listen *where, char *err,
		 size_t errlen)
{
	struct listener *l = listener_at(s, &where->addr);
	enum sip_tp tp = where->tp;
	int e = 0;

	*err = '\0';
	if (!l)
		l = listener_new(s, &where->addr);
	if (!l)
		return ENOMEM;
	if (l->has[tp])
		return EEXIST;
	if (tp_is_secure(tp) && !s->tls)
		e = tls_identity_alloc(&s->tls, s->cfg.sip, s->cfg.domain,
				       s->cfg.folder, err, errlen);
	if (!e)
		e = tp_is_stream(tp) ? conn_listen(&l->stream[tp], l, tp)
				     : udp_open(&l->udp, l);
	l->has[tp] = !e;
	if (e && !*err)
		snprintf(err, errlen,
			 "%s; is the address on this machine and the port "
			 "free?",
			 strerror(e));
	return e;
}

struct listener *stack_find(const struct stack *s, const struct sa *local,
			    enum sip_tp tp)
{
	struct listener *l = listener_at(s, local);

	return l && l->has[tp] ? l : NULL;
}

struct listener *stack_towards(const struct stack *s, const struct sa *local,
			       enum sip_tp tp)
{
	struct le *le;

	LIST_FOREACH (&s->listeners, le) {
		struct listener *l = le->data;

		if (l->has[tp] && sa_cmp(&l->addr, local, SA_ADDR))
			return l;
	}
	return NULL;
}

bool stack_is_local(const struct stack *s, const struct sa *addr)
{
	int what = sa_port(addr) ? SA_ALL : SA_ADDR;
	struct le *le;

	LIST_FOREACH (&s->listeners, le) {
		const struct listener *l = le->data;

		if (sa_cmp(&l->addr, addr, what))
			return true;
	}
	return false;
}

const struct sa *listener_addr(const struct listener *l)
{
	return &l->addr;
}

/* Where requests go */

void hop_of(struct hop *h, struct listener *l, const struct sip_msg *m)
{
	struct sa contact;
	struct pl rport;

	memset(h, 0, sizeof(*h));
	h->via = l;
	h->tp = message_tp(m);
	h->peer = m->src;
	if (!message_contact_addr(m, &contact) ||
	    sa_cmp(&contact, &m->src, SA_ALL))
		return;
	if (h->tp == SIP_TCP || h->tp == SIP_TLS)
		h->other = contact;
	else if (h->tp == SIP_UDP && sa_cmp(&contact, &m->src, SA_ADDR) &&
		 msg_param_exists(&m->via.params, "rport", &rport))
		h->peer = contact;
}

bool hop_reachable(const struct hop *h)
{
	return !tp_is_ws(h->tp) || conn_find(h->via, h->tp, &h->peer, "");
}

void stack_flow_user(const struct sip_msg *m, const char *user)
{
	if (m->tp != SIP_TRANSP_UDP && conn_alive(m->sock))
		conn_belongs(m->sock, user);
}

int stack_transmit(struct listener *l, enum sip_tp tp, const struct sa *dst,
		   const char *name, struct conn *conn, struct mbuf *mb,
		   struct conn_user *user)
{
	struct conn *c = conn;
	int err = 0;

	mb->pos = 0;
	if (!l->has[tp])
		return EPROTONOSUPPORT;
	hep_sip(l->stack->cfg.hep, tp == SIP_UDP, &l->addr, dst, mb->buf,
		mb->end);
	if (tp == SIP_UDP)
		return udp_transmit(l->udp, dst, mb);
	if (!conn_alive(c))
		c = conn_find(l, tp, dst, name);
	if (!c)
		err = tp_is_ws(tp) ? ENOTCONN : conn_open(&c, l, tp, dst, name);
	return err ? err : conn_transmit(c, mb, user);
}

/* Responses */

static const char *phrase_of(const struct answer *a)
{
	return a->phrase ? a->phrase : sip_phrase(a->status);
}

/* A parameter of a Via as it stands, but for those that we set ourselves. */
static bool is_ours(const char *p, size_t len)
{
	static const char *const names[] = {"rport", "received"};

	while (len && (*p == ' ' || *p == '\t'))
		p++, len--;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);

		if (len >= n && !strncasecmp(p, names[i], n) &&
		    (len == n || strchr("= \t", p[n])))
			return true;
	}
	return false;
}

/* The topmost Via, with where the request really came from (RFC 3261 section
 * 18.2.1, RFC 3581 section 4). */
static int print_via(struct mbuf *mb, const struct sip_msg *m,
		     const struct pl *val)
{
	const char *p = val->p, *end = val->p + val->l;
	bool rport = false, quoted = false;
	struct pl unused;
	int err = 0;

	while (p < end) {
		const char *from = p;

		while (++p < end && (quoted || *p != ';'))
			if (*p == '"')
				quoted = !quoted;
		if (*from != ';' || !is_ours(from + 1, (size_t)(p - from) - 1))
			err |= mbuf_write_mem(mb, (const uint8_t *)from,
					      (size_t)(p - from));
	}
	rport = !msg_param_exists(&m->via.params, "rport", &unused);
	if (rport)
		err |= mbuf_printf(mb, ";rport=%u", sa_port(&m->src));
	if (rport || !sa_cmp(&m->src, &m->via.addr, SA_ADDR))
		err |= mbuf_printf(mb, ";received=%j", &m->src);
	return err;
}

/* Folded lines come out as one. */
static int print_value(struct mbuf *mb, const struct pl *val)
{
	int err = 0;

	for (size_t i = 0; i < val->l; i++)
		err |= mbuf_write_u8(mb, (unsigned char)val->p[i] < ' '
						 ? ' '
						 : (uint8_t)val->p[i]);
	return err;
}

static int echo_header(struct mbuf *mb, const struct sip_msg *m,
		       const struct answer *a, const struct sip_hdr *hdr,
		       unsigned *vias)
{
	uint64_t tag = a->tag ? a->tag : m->tag;
	int err = mbuf_printf(mb, "%r: ", &hdr->name);

	if (hdr->id == SIP_HDR_VIA && !(*vias)++)
		err |= print_via(mb, m, &hdr->val);
	else
		err |= print_value(mb, &hdr->val);
	if (hdr->id == SIP_HDR_TO && !pl_isset(&m->to.tag) && a->status > 100)
		err |= mbuf_printf(mb, ";tag=%016llx", (unsigned long long)tag);
	return err | mbuf_write_str(mb, "\r\n");
}

static bool echo_route(const struct pl *val, void *arg)
{
	return mbuf_write_str(arg, "Record-Route: ") || print_value(arg, val) ||
	       mbuf_write_str(arg, "\r\n");
}

struct mbuf *stack_response(const struct stack *s, const struct sip_msg *m,
			    const struct answer *a, bool record_route)
{
	struct mbuf *mb = mbuf_alloc(1024 + a->len);
	unsigned vias = 0;
	struct le *le;
	int err;

	if (!mb)
		return NULL;
	err = mbuf_printf(mb, "SIP/2.0 %u %s\r\n", a->status, phrase_of(a));
	LIST_FOREACH (&m->hdrl, le) {
		const struct sip_hdr *hdr = le->data;

		if (hdr->id == SIP_HDR_VIA || hdr->id == SIP_HDR_TO ||
		    hdr->id == SIP_HDR_FROM || hdr->id == SIP_HDR_CALL_ID ||
		    hdr->id == SIP_HDR_CSEQ)
			err |= echo_header(mb, m, a, hdr, &vias);
	}
	if (record_route)
		message_values(m, SIP_HDR_RECORD_ROUTE, echo_route, mb);
	err |= mbuf_printf(mb, "Server: %s\r\n", s->cfg.software);
	if (a->headers)
		err |= mbuf_write_mem(mb, a->headers->buf, a->headers->end);
	if (a->type)
		err |= mbuf_printf(mb, "Content-Type: %s\r\n", a->type);
	err |= mbuf_printf(mb, "Content-Length: %zu\r\n\r\n",
			   a->type ? a->len : (size_t)0);
	if (a->type && a->len)
		err |= mbuf_write_mem(mb, (const uint8_t *)a->body, a->len);
	mb->pos = 0;
	return err ? mem_deref(mb) : mb;
}

/* Section 18.2.2. maddr isn't heeded: it would have us send anywhere. */
int stack_respond(struct listener *l, const struct sip_msg *m, struct mbuf *mb)
{
	enum sip_tp tp = message_tp(m);
	uint16_t port = sa_port(&m->via.addr);
	struct sa dst = m->src;
	struct pl rport;

	/* rport: where it came from. A connection that is still there is used
	 * whatever the port. */
	if ((tp == SIP_UDP &&
	     msg_param_exists(&m->via.params, "rport", &rport)) ||
	    (tp != SIP_UDP && !conn_alive(m->sock)))
		sa_set_port(&dst, port		  ? port
				  : tp == SIP_TLS ? SIP_PORT_TLS
						  : SIP_PORT);
	return stack_transmit(l, tp, &dst, "", m->sock, mb, NULL);
}

int stack_reply(struct listener *l, const struct sip_msg *m,
		const struct answer *a)
{
	struct mbuf *mb;
	int err;

	if (message_is(m, "ACK"))
		return 0;
	mb = stack_response(l->stack, m, a, false);
	if (!mb)
		return ENOMEM;
	err = stack_respond(l, m, mb);
	mem_deref(mb);
	return err;
}

/* What comes */

static struct sip_msg *decode(struct listener *l, enum sip_tp tp,
			      const struct sa *src, struct conn *conn,
			      const uint8_t *p, size_t len)
{
	struct mbuf *mb = mbuf_alloc(len);
	struct sip_msg *m = NULL;

	if (mb && !mbuf_write_mem(mb, p, len)) {
		mb->pos = 0;
		if (sip_msg_decode(&m, mb))
			m = NULL;
	}
	mem_deref(mb);
	if (!m)
		return NULL;
	message_trim(m);
	m->sock = mem_ref(conn);
	m->src = *src;
	m->dst = l->addr;
	m->tp = libre_tp[tp];
	return m;
}

int stack_received(struct listener *l, enum sip_tp tp, const struct sa *src,
		   struct conn *conn, const uint8_t *p, size_t len)
{
	struct sip_msg *m = decode(l, tp, src, conn, p, len);
	struct stack *s = l->stack;

	if (!m)
		return EBADMSG;
	hep_sip(s->cfg.hep, tp == SIP_UDP, src, &l->addr, p, len);
	if (m->req) {
		if (!server_request(s, l, m))
			s->cfg.reqh(l, m, s->cfg.arg);
	} else if (!client_response(s, m)) {
		s->cfg.strayh(l, m, s->cfg.arg);
	}
	mem_deref(m);
	return 0;
}

void stack_unreadable(struct listener *l, enum sip_tp tp, const struct sa *src,
		      struct conn *conn, const uint8_t *p, size_t len)
{
	struct sip_msg *m = decode(l, tp, src, conn, p, len);
	struct answer a = {.status = 400};

	if (m && m->req && pl_isset(&m->via.val))
		stack_reply(l, m, &a);
	mem_deref(m);
}

bool stack_local_towards(struct sa *local, const struct sa *peer)
{
	int fd = socket(sa_af(peer), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	bool ok;

	if (fd < 0)
		return false;
	ok = !connect(fd, &peer->u.sa, peer->len) &&
	     !getsockname(fd, (struct sockaddr *)&ss, &len) &&
	     !sa_set_sa(local, (struct sockaddr *)&ss);
	close(fd);
	return ok;
}
