/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/stack.c - the thin layer over libre, see stack.h. */
#include "control/sip/stack.h"
#include <errno.h>
#include <string.h>
#include "control/log.h"

#define TABLE_SIZE 1024 /* buckets of libre's transaction tables */

struct listener {
	struct le le;
	struct stack *stack;
	struct sip *sip;
	struct sa addr;
	bool has[SIP_TCP + 1];
};

struct stack {
	struct list listeners;
	const char *software;
	stack_request_h *reqh;
	stack_stray_h *strayh;
	void *arg;
};

struct stxn {
	struct listener *l;
	const struct sip_msg *msg;
	struct sip_strans *st; /* libre's, NULL once answered finally */
	struct mbuf *last;     /* the latest answer, as sent */
	void (*cancelh)(void *arg);
	void *arg;
	bool answered;
};

struct ctxn {
	struct ctxn **self; /* the caller's pointer; NULL: dropped */
	struct sip_request *req;
	struct hop hop;
	char *method, *uri;
	struct mbuf *mb;
	ctxn_h *h;
	void *arg;
	bool answered, canceled;
};

static const enum sip_transp libre_tp[] = {
	[SIP_UDP] = SIP_TRANSP_UDP,
	[SIP_TCP] = SIP_TRANSP_TCP,
};

enum sip_tp message_tp(const struct sip_msg *m)
{
	return m->tp == SIP_TRANSP_UDP ? SIP_UDP : SIP_TCP;
}

/* Listening */

static bool request_handler(const struct sip_msg *m, void *arg)
{
	struct listener *l = arg;

	l->stack->reqh(l, m, l->stack->arg);
	return true;
}

static bool response_handler(const struct sip_msg *m, void *arg)
{
	struct listener *l = arg;

	l->stack->strayh(l, m, l->stack->arg);
	return true;
}

static void listener_destructor(void *arg)
{
	struct listener *l = arg;

	list_unlink(&l->le);
	if (l->sip)
		sip_close(l->sip, true);
	mem_deref(l->sip);
}

static void stack_destructor(void *arg)
{
	struct stack *s = arg;

	list_flush(&s->listeners);
}

int stack_alloc(struct stack **sp, const char *software, stack_request_h *reqh,
		stack_stray_h *strayh, void *arg)
{
	struct stack *s = mem_zalloc(sizeof(*s), stack_destructor);

	if (!s)
		return ENOMEM;
	s->software = software;
	s->reqh = reqh;
	s->strayh = strayh;
	s->arg = arg;
	*sp = s;
	return 0;
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

static int listener_new(struct listener **lp, struct stack *s,
			const struct sa *addr)
{
	struct listener *l = mem_zalloc(sizeof(*l), listener_destructor);
	int err;

	if (!l)
		return ENOMEM;
	l->stack = s;
	l->addr = *addr;
	err = sip_alloc(&l->sip, NULL, TABLE_SIZE, TABLE_SIZE, TABLE_SIZE,
			s->software, NULL, NULL);
	if (!err)
		err = sip_listen(NULL, l->sip, true, request_handler, l);
	if (!err)
		err = sip_listen(NULL, l->sip, false, response_handler, l);
	if (err) {
		mem_deref(l);
		return err;
	}
	list_append(&s->listeners, &l->le, l);
	*lp = l;
	return 0;
}

int stack_listen(struct stack *s, const struct sip_listen *where)
{
	struct listener *l = listener_at(s, &where->addr);
	int err = 0;

	if (!l)
		err = listener_new(&l, s, &where->addr);
	if (err)
		return err;
	if (l->has[where->tp])
		return EEXIST;
	err = sip_transp_add(l->sip, libre_tp[where->tp], &where->addr);
	if (!err)
		l->has[where->tp] = true;
	return err;
}

struct listener *stack_find(const struct stack *s, const struct sa *local,
			    enum sip_tp tp)
{
	struct listener *l = listener_at(s, local);

	return l && l->has[tp] ? l : NULL;
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

bool listener_has(const struct listener *l, enum sip_tp tp)
{
	return l->has[tp];
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
	if (h->tp == SIP_TCP)
		h->other = contact;
	else if (sa_cmp(&contact, &m->src, SA_ADDR) &&
		 msg_param_exists(&m->via.params, "rport", &rport))
		h->peer = contact;
}

/* Server transactions */

static int answer_text(struct mbuf **mbp, const struct answer *a)
{
	struct mbuf *mb = mbuf_alloc(512 + a->len);
	int err = 0;

	if (!mb)
		return ENOMEM;
	if (a->headers)
		err |= mbuf_write_mem(mb, a->headers->buf, a->headers->end);
	if (a->type)
		err |= mbuf_printf(mb, "Content-Type: %s\r\n", a->type);
	err |= mbuf_printf(mb, "Content-Length: %zu\r\n\r\n",
			   a->type ? a->len : (size_t)0);
	if (a->type && a->len)
		err |= mbuf_write_mem(mb, (const uint8_t *)a->body, a->len);
	if (err)
		mem_deref(mb);
	else
		*mbp = mb;
	return err;
}

static const char *phrase_of(const struct answer *a)
{
	return a->phrase ? a->phrase : sip_phrase(a->status);
}

int stack_reply(struct listener *l, const struct sip_msg *m,
		const struct answer *a)
{
	struct mbuf *mb;
	int err = answer_text(&mb, a);

	if (err)
		return err;
	err = sip_replyf(l->sip, m, a->status, phrase_of(a), "%b", mb->buf,
			 mb->end);
	mem_deref(mb);
	return err;
}

static void stxn_cancelled(void *arg)
{
	struct stxn *t = arg;

	if (t->cancelh && !t->answered)
		t->cancelh(t->arg);
}

static void stxn_destructor(void *arg)
{
	struct stxn *t = arg;

	mem_deref(t->st);
	mem_deref(t->last);
	mem_deref((void *)t->msg);
}

struct stxn *stxn_new(struct listener *l, const struct sip_msg *m,
		      void (*cancelh)(void *arg), void *arg)
{
	struct stxn *t = mem_zalloc(sizeof(*t), stxn_destructor);

	if (!t)
		return NULL;
	t->l = l;
	t->msg = mem_ref((void *)m);
	t->cancelh = cancelh;
	t->arg = arg;
	if (sip_strans_alloc(&t->st, l->sip, m, stxn_cancelled, t))
		return mem_deref(t);
	return t;
}

const struct sip_msg *stxn_request(const struct stxn *t)
{
	return t->msg;
}

struct listener *stxn_listener(const struct stxn *t)
{
	return t->l;
}

bool stxn_answered(const struct stxn *t)
{
	return t->answered;
}

int stxn_answer(struct stxn *t, const struct answer *a)
{
	struct mbuf *mb, *sent = NULL;
	int err;

	if (t->answered)
		return EALREADY;
	err = answer_text(&mb, a);
	if (err)
		return err;
	if (a->tag)
		((struct sip_msg *)t->msg)->tag = a->tag;
	t->answered = a->status >= 200;
	/* Record-Route belongs into what makes a dialog, section 12.1.1. */
	err = sip_treplyf(&t->st, &sent, t->l->sip, t->msg,
			  a->status > 100 && a->status < 300, a->status,
			  phrase_of(a), "%b", mb->buf, mb->end);
	mem_deref(mb);
	if (err) {
		log_warn(0, "an answer %u wasn't sent: %s", a->status,
			 strerror(err));
		return err;
	}
	mem_deref(t->last);
	t->last = sent;
	return 0;
}

int stxn_resend(struct stxn *t)
{
	struct pl rport;
	struct sa dst;

	if (!t->last)
		return ENOENT;
	sip_reply_addr(&dst, t->msg,
		       !msg_param_exists(&t->msg->via.params, "rport", &rport));
	t->last->pos = 0;
	return sip_send(t->l->sip, t->msg->sock, t->msg->tp, &dst, t->last);
}

/* Client transactions */

static void ctxn_destructor(void *arg)
{
	struct ctxn *c = arg;

	mem_deref(c->method);
	mem_deref(c->uri);
	mem_deref(c->mb);
}

/* libre wants a URI to route by, and finds address and transport in it. */
static int send_to(struct sip_request **reqp, const struct hop *hop,
		   bool stateful, const char *method, const char *uri,
		   struct mbuf *mb, sip_resp_h *resph, void *arg)
{
	struct uri route;
	char host[64], params[16];

	memset(&route, 0, sizeof(route));
	if (sa_ntop(&hop->peer, host, sizeof(host)))
		return EINVAL;
	re_snprintf(params, sizeof(params), ";transport=%s",
		    sip_tp_name(hop->tp));
	pl_set_str(&route.scheme, "sip");
	pl_set_str(&route.host, host);
	pl_set_str(&route.params, params);
	route.port = sa_port(&hop->peer);
	mb->pos = 0;
	return sip_request(reqp, hop->via->sip, stateful, method, -1, uri, -1,
			   &route, mb, 0, NULL, resph, arg);
}

static void response_to(int err, const struct sip_msg *m, void *arg);

static bool try_other(struct ctxn *c)
{
	if (c->answered || c->canceled || !sa_isset(&c->hop.other, SA_ALL))
		return false;
	c->hop.peer = c->hop.other;
	sa_init(&c->hop.other, AF_UNSPEC);
	return !send_to(&c->req, &c->hop, true, c->method, c->uri, c->mb,
			response_to, c);
}

static void response_to(int err, const struct sip_msg *m, void *arg)
{
	struct ctxn *c = arg;
	ctxn_h *h = c->h;
	bool final;

	if (!err && !message_check_response(m)) {
		if (m->scode < 200)
			return;
		m = NULL;
		err = EBADMSG;
	}
	final = err || m->scode >= 200;
	if (!err)
		c->answered = true;
	else if (err != ETIMEDOUT && err != ECONNABORTED && try_other(c))
		return;

	if (final && c->self)
		*c->self = NULL;
	if (h)
		h(err, m, c->arg);
	if (final)
		mem_deref(c);
}

int ctxn_send(struct ctxn **cp, const struct hop *hop, const char *method,
	      const char *uri, struct mbuf *mb, ctxn_h *h, void *arg)
{
	struct ctxn *c = mem_zalloc(sizeof(*c), ctxn_destructor);
	int err;

	if (!c)
		return ENOMEM;
	c->hop = *hop;
	c->h = h;
	c->arg = arg;
	c->mb = mem_ref(mb);
	err = str_dup(&c->method, method);
	if (!err)
		err = str_dup(&c->uri, uri);
	if (!err)
		err = send_to(&c->req, hop, true, method, uri, mb, response_to,
			      c);
	if (err && c->method && c->uri && try_other(c))
		err = 0;
	if (err) {
		mem_deref(c);
		return err;
	}
	c->self = cp;
	*cp = c;
	return 0;
}

void ctxn_cancel(struct ctxn *c)
{
	c->canceled = true;
	sip_request_cancel(c->req);
}

void ctxn_drop(struct ctxn *c)
{
	if (!c)
		return;
	if (c->self)
		*c->self = NULL;
	c->self = NULL;
	c->h = NULL;
}

int stack_send_ack(const struct hop *hop, const char *uri, struct mbuf *mb)
{
	return send_to(NULL, hop, false, "ACK", uri, mb, NULL, NULL);
}
