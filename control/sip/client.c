/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/client.c - client transactions. RFC 3261 section 17.1, 9.1 (when
 * a CANCEL may be sent), RFC 6026. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/stack_impl.h"

#define GIVE_UP_MS (64 * SIP_T1)
#define BRANCH_MAX 40

struct ctxn {
	struct le he;
	struct ctxn **self; /* the caller's pointer; NULL: dropped, or over */
	struct hop hop;
	struct conn_user conn; /* told when it goes */
	char *method, *uri;
	char branch[BRANCH_MAX];
	struct mbuf *mb;   /* header lines and body, as the caller gave them */
	struct mbuf *sent; /* the whole request */
	struct mbuf *ack;  /* of a refused INVITE, for when it is repeated */
	struct timer over, repeat;
	unsigned interval; /* ms */
	ctxn_h *h;
	void *arg;
	bool invite, heard, canceled, completed;
};

static void ctxn_destructor(void *arg)
{
	struct ctxn *c = arg;

	if (c->self)
		*c->self = NULL;
	timer_cancel(&c->over);
	timer_cancel(&c->repeat);
	list_unlink(&c->conn.le);
	hash_unlink(&c->he);
	mem_deref(c->method);
	mem_deref(c->uri);
	mem_deref(c->mb);
	mem_deref(c->sent);
	mem_deref(c->ack);
}

static void over(void *arg)
{
	mem_deref(arg);
}

/* Texts */

static struct mbuf *request_text(const struct hop *hop, const char *method,
				 const char *uri, const char *branch,
				 const struct mbuf *rest)
{
	struct mbuf *mb = mbuf_alloc(rest->end + 256);
	int err;

	if (!mb)
		return NULL;
	err = mbuf_printf(mb,
			  "%s %s SIP/2.0\r\n"
			  "Via: SIP/2.0/%s %J;branch=%s;rport\r\n",
			  method, uri, sip_tp_via(hop->tp),
			  listener_addr(hop->via), branch);
	err |= mbuf_write_mem(mb, rest->buf, rest->end);
	mb->pos = 0;
	return err ? mem_deref(mb) : mb;
}

/* A header line of our own request, which begins with `name`; p: where to
 * look on. */
static struct pl own_line(const struct mbuf *mb, const char *name, size_t *pos)
{
	const char *p = (const char *)mb->buf;
	size_t n = strlen(name);

	while (*pos < mb->end) {
		const char *line = p + *pos;
		const char *nl = memchr(line, '\n', mb->end - *pos);
		struct pl out = {line,
				 nl ? (size_t)(nl + 1 - line) : mb->end - *pos};

		*pos += out.l;
		if (out.l <= 2) /* the empty line */
			break;
		if (out.l > n && !strncmp(line, name, n))
			return out;
	}
	*pos = mb->end;
	return pl_null;
}

static int copy_own(struct mbuf *out, const struct mbuf *mb, const char *name)
{
	struct pl line;
	size_t pos = 0;
	int err = 0;

	while (line = own_line(mb, name, &pos), line.l)
		err |= mbuf_write_pl(out, &line);
	return err;
}

/* ACK of a refusal (section 17.1.1.3), or CANCEL (9.1): on the same way, with
 * the same branch. m: the refusal, NULL: CANCEL. */
static struct mbuf *follow_up(const struct ctxn *c, const char *method,
			      const struct sip_msg *m)
{
	struct mbuf *rest = mbuf_alloc(512), *mb = NULL;
	struct pl seq;
	size_t pos = 0;
	int err;

	if (!rest)
		return NULL;
	err = mbuf_write_str(rest, "Max-Forwards: 70\r\n");
	err |= copy_own(rest, c->mb, "Route:");
	err |= copy_own(rest, c->mb, "From:");
	err |= m ? mbuf_printf(rest, "To: %r\r\n", &m->to.val)
		 : copy_own(rest, c->mb, "To:");
	err |= copy_own(rest, c->mb, "Call-ID:");
	seq = own_line(c->mb, "CSeq: ", &pos);
	if (seq.l > 6)
		err |= mbuf_printf(rest, "CSeq: %lu %s\r\n",
				   strtoul(seq.p + 6, NULL, 10), method);
	err |= mbuf_write_str(rest, "Content-Length: 0\r\n\r\n");
	if (!err)
		mb = request_text(&c->hop, method, c->uri, c->branch, rest);
	mem_deref(rest);
	return mb;
}

static int transmit(struct ctxn *c, struct mbuf *mb)
{
	return stack_transmit(c->hop.via, c->hop.tp, &c->hop.peer, c->hop.name,
			      NULL, mb, &c->conn);
}

/* The end, as far as the caller is concerned. */
static void finish(struct ctxn *c, int err, const struct sip_msg *m)
{
	ctxn_h *h = c->h;
	void *arg = c->arg;

	if (c->self)
		*c->self = NULL;
	c->self = NULL;
	c->h = NULL;
	timer_cancel(&c->repeat);
	timer_cancel(&c->over);
	list_unlink(&c->conn.le);
	mem_ref(c);
	if (h)
		h(err, m, arg);
	if (!c->completed)
		mem_deref(c); /* the table's */
	mem_deref(c);
}

static int start(struct ctxn *c);

static bool try_other(struct ctxn *c)
{
	if (c->heard || c->canceled || !sa_isset(&c->hop.other, SA_ALL))
		return false;
	c->hop.peer = c->hop.other;
	sa_init(&c->hop.other, AF_UNSPEC);
	return !start(c);
}

static void timed_out(void *arg)
{
	finish(arg, ETIMEDOUT, NULL);
}

/* The connection is gone, or never came about. A phone that rings already may
 * come back over another one. */
static void conn_lost(int err, void *arg)
{
	struct ctxn *c = arg;

	if (c->heard || c->completed)
		return;
	if (err == ECONNABORTED || !try_other(c))
		finish(c, err ? err : ECONNRESET, NULL);
}

static void repeat(void *arg)
{
	struct ctxn *c = arg;
	unsigned next = c->interval * 2;

	transmit(c, c->sent);
	c->interval = c->invite || next < SIP_T2 ? next : SIP_T2;
	timer_start(&c->repeat, c->interval, repeat, c);
}

static int start(struct ctxn *c)
{
	int err;

	re_snprintf(c->branch, sizeof(c->branch), "z9hG4bK%016llx",
		    (unsigned long long)rand_u64());
	mem_deref(c->sent);
	c->sent = request_text(&c->hop, c->method, c->uri, c->branch, c->mb);
	if (!c->sent)
		return ENOMEM;
	hash_unlink(&c->he);
	hash_append(c->hop.via->stack->clients, hash_joaat_str(c->branch),
		    &c->he, c);
	c->interval = SIP_T1;
	err = transmit(c, c->sent);
	if (err)
		return err;
	if (c->hop.tp == SIP_UDP)
		timer_start(&c->repeat, c->interval, repeat, c);
	timer_start(&c->over, GIVE_UP_MS, timed_out, c);
	return 0;
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
	c->conn.lost = conn_lost;
	c->conn.arg = c;
	c->invite = !strcmp(method, "INVITE");
	err = str_dup(&c->method, method);
	if (!err)
		err = str_dup(&c->uri, uri);
	if (!err)
		err = start(c);
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

/* CANCEL is a transaction of its own, with the INVITE's branch. Nobody waits
 * for its answer: what counts is the INVITE's. */
static void send_cancel(struct ctxn *of)
{
	struct ctxn *c = mem_zalloc(sizeof(*c), ctxn_destructor);

	if (!c)
		return;
	c->hop = of->hop;
	sa_init(&c->hop.other, AF_UNSPEC);
	c->conn.lost = conn_lost;
	c->conn.arg = c;
	memcpy(c->branch, of->branch, sizeof(c->branch));
	c->sent = follow_up(of, "CANCEL", NULL);
	if (!c->sent || str_dup(&c->method, "CANCEL")) {
		mem_deref(c);
		return;
	}
	hash_append(of->hop.via->stack->clients, hash_joaat_str(c->branch),
		    &c->he, c);
	c->interval = SIP_T1;
	if (transmit(c, c->sent)) {
		mem_deref(c);
		return;
	}
	if (c->hop.tp == SIP_UDP)
		timer_start(&c->repeat, c->interval, repeat, c);
	timer_start(&c->over, GIVE_UP_MS, timed_out, c);
}

void ctxn_cancel(struct ctxn *c)
{
	if (c->canceled)
		return;
	c->canceled = true;
	if (!c->heard) /* not before a provisional answer */
		return;
	send_cancel(c);
	timer_start(&c->over, GIVE_UP_MS, timed_out, c);
}

bool ctxn_cancelled(const struct ctxn *c)
{
	return c->canceled;
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

/* Responses */

static struct ctxn *find(const struct stack *s, const struct sip_msg *m)
{
	struct le *le =
		list_head(hash_list(s->clients, hash_joaat_pl(&m->via.branch)));

	for (; le; le = le->next) {
		struct ctxn *c = le->data;

		if (!pl_strcmp(&m->via.branch, c->branch) &&
		    !pl_strcmp(&m->cseq.met, c->method))
			return c;
	}
	return NULL;
}

static void provisional(struct ctxn *c, const struct sip_msg *m)
{
	bool first = !c->heard;

	c->heard = true;
	if (c->invite) {
		timer_cancel(&c->repeat);
		/* How long it may ring is the caller's to say. */
		if (!c->canceled)
			timer_cancel(&c->over);
	} else if (c->hop.tp == SIP_UDP) {
		c->interval = SIP_T2;
	}
	if (first && c->canceled && c->invite) {
		send_cancel(c);
		timer_start(&c->over, GIVE_UP_MS, timed_out, c);
	}
	if (c->h)
		c->h(0, m, c->arg);
}

/* A refused INVITE is acknowledged here, again each time that the refusal is
 * repeated. */
static void refused(struct ctxn *c, const struct sip_msg *m)
{
	c->ack = follow_up(c, "ACK", m);
	if (c->ack)
		stack_transmit(c->hop.via, c->hop.tp, &c->hop.peer, c->hop.name,
			       m->sock, c->ack, NULL);
	c->completed = c->hop.tp == SIP_UDP;
	finish(c, 0, m);
}

bool client_response(struct stack *s, const struct sip_msg *m)
{
	struct ctxn *c = find(s, m);

	if (!c)
		return false;
	if (c->completed) {
		if (c->ack && m->scode >= 300)
			stack_transmit(c->hop.via, c->hop.tp, &c->hop.peer,
				       c->hop.name, NULL, c->ack, NULL);
		return true;
	}
	mem_ref(c);
	if (!message_check_response(m)) {
		if (m->scode >= 200)
			finish(c, EBADMSG, NULL);
	} else if (m->scode < 200) {
		provisional(c, m);
	} else {
		c->heard = true;
		if (c->invite && m->scode >= 300)
			refused(c, m);
		else
			finish(c, 0, m);
	}
	if (c->completed && !timer_running(&c->over))
		timer_start(&c->over, GIVE_UP_MS, over, c);
	mem_deref(c);
	return true;
}

int stack_send_ack(const struct hop *hop, const char *uri, struct mbuf *mb)
{
	char branch[BRANCH_MAX];
	struct mbuf *text;
	int err;

	re_snprintf(branch, sizeof(branch), "z9hG4bK%016llx",
		    (unsigned long long)rand_u64());
	text = request_text(hop, "ACK", uri, branch, mb);
	if (!text)
		return ENOMEM;
	err = stack_transmit(hop->via, hop->tp, &hop->peer, hop->name, NULL,
			     text, NULL);
	mem_deref(text);
	return err;
}

static bool flush_one(struct le *le, void *arg)
{
	(void)arg;
	mem_deref(le->data);
	return false;
}

void client_flush(struct stack *s)
{
	hash_apply(s->clients, flush_one, NULL);
}
