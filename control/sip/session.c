/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/session.c - one side of a call: what a dialog sends by itself.
 *
 * 2xx to INVITE are repeated from here until their ACK, ACKs from here when a
 * 2xx comes again (RFC 3261 sections 13.2.2.4, 13.3.1.4): libre's transactions
 * end with the 2xx, as RFC 6026 wants it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/join.h"
#include "control/trunk/trunk.h"

#define GIVE_UP_MS (64 * SIP_T1)

int session_contact(const struct session *s, struct mbuf *mb)
{
	struct sip_addr local;
	struct pl pl;
	int err;

	/* The other party's user part: phones show it, and redial it. */
	pl_set_str(&pl, s->dlg.local);
	err = mbuf_write_str(mb, "Contact: <sip:");
	if (!sip_addr_decode(&local, &pl) && local.uri.user.l)
		err |= mbuf_printf(mb, "%r@", &local.uri.user);
	return err | mbuf_printf(mb, "%J%s>%s\r\n", listener_addr(s->hop.via),
				 sip_tp_param(s->hop.tp),
				 s->br->b->focus ? ";isfocus" : "");
}

struct mbuf *session_headers(struct session *s, const char *method,
			     uint32_t seq, unsigned max_forwards)
{
	struct mbuf *mb = mbuf_alloc(1024);
	int err;

	if (!mb)
		return NULL;
	err = mbuf_printf(mb, "Max-Forwards: %u\r\n", max_forwards);
	err |= dialog_headers(&s->dlg, mb, method, seq);
	err |= mbuf_write_str(mb, "User-Agent: Sallyport\r\n");
	if (strcmp(method, "ACK") && strcmp(method, "BYE"))
		err |= session_contact(s, mb);
	return err ? mem_deref(mb) : mb;
}

int session_body(struct mbuf *mb, const char *type, const char *body,
		 size_t len)
{
	int err = 0;

	if (type && len)
		err |= mbuf_printf(mb, "Content-Type: %s\r\n", type);
	err |= mbuf_printf(mb, "Content-Length: %zu\r\n\r\n",
			   type ? len : (size_t)0);
	if (type && len)
		err |= mbuf_write_mem(mb, (const uint8_t *)body, len);
	return err;
}

void session_moved(struct session *s, struct listener *l,
		   const struct sip_msg *m)
{
	struct message_contact contact;

	if (message_contact(m, &contact)) {
		dialog_refresh(&s->dlg, m);
		hop_of(&s->hop, l, m);
	} else if (message_tp(m) == s->hop.tp && s->hop.tp != SIP_UDP) {
		s->hop.via = l; /* perhaps a new connection */
		s->hop.peer = m->src;
	}
}

void session_heard(struct session *s, const struct sip_msg *m)
{
	if (s->hop.tp != SIP_UDP && message_tp(m) == s->hop.tp)
		s->hop.peer = m->src; /* the connection in use */
}

void session_unconfirm(struct session *s)
{
	timer_cancel(&s->repeat);
	s->confirm = mem_deref(s->confirm);
}

void session_bye_due(struct session *s)
{
	char *reason = s->bye_after;

	s->bye_after = NULL;
	if (reason)
		session_bye(s, reason);
	mem_deref(reason);
}

static void repeat_2xx(void *arg)
{
	struct session *s = arg;

	s->waited += s->interval;
	if (s->waited >= GIVE_UP_MS) {
		session_unconfirm(s);
		session_bye_due(s);
		bridge_end(s->br->b, CALL_BY_GATEWAY, 408,
			   "the answer was never acknowledged", NULL);
		bridge_tidy(s->br->b);
		return;
	}
	stxn_resend(s->confirm);
	s->interval = s->interval * 2 < SIP_T2 ? s->interval * 2 : SIP_T2;
	timer_start(&s->repeat, s->interval, repeat_2xx, s);
}

const char *session_aor(const struct session *s)
{
	return call_party(s->br->b->call, s->side);
}

uint64_t session_tag(const struct session *s)
{
	return strtoull(s->dlg.local_tag, NULL, 16);
}

int session_confirm(struct session *s, struct stxn *st, const char *sdp)
{
	struct answer a = {.status = 200, .tag = session_tag(s)};
	struct mbuf *mb = mbuf_alloc(256);
	int err;

	if (!mb)
		return ENOMEM;
	err = session_contact(s, mb);
	err |= allow_print(mb, s->br->s[OTHER_LEG(s->side)]->methods);
	err |= refresh_answer(s, stxn_request(st), mb);
	session_said(s, sdp);
	a.headers = mb;
	if (sdp) {
		a.type = "application/sdp";
		a.body = sdp;
		a.len = strlen(sdp);
	}
	if (!err)
		err = stxn_answer(st, &a);
	mem_deref(mb);

	/* Where it couldn't be sent the peer asks again, or gives up: either
	 * way the timer below sees to it. */
	session_unconfirm(s);
	s->confirm = mem_ref(st);
	s->interval = SIP_T1;
	s->waited = 0;
	timer_start(&s->repeat, s->interval, repeat_2xx, s);
	return err;
}

bool session_confirmed(struct session *s, const struct sip_msg *ack)
{
	if (!s->confirm || stxn_request(s->confirm)->cseq.num != ack->cseq.num)
		return false;
	session_unconfirm(s);
	session_bye_due(s);
	return true;
}

void session_owes_ack(struct session *s, uint32_t seq)
{
	s->owes_ack = true;
	s->acked = false;
	s->ack_seq = seq;
}

void session_ack(struct session *s, uint32_t seq, const char *sdp)
{
	struct mbuf *mb = session_headers(s, "ACK", seq, 70);
	char *copy = NULL;
	int err = ENOMEM;

	if (mb)
		err = session_body(mb, "application/sdp", sdp,
				   sdp ? strlen(sdp) : 0);
	if (!err)
		err = stack_send_ack(&s->hop, dialog_request_uri(&s->dlg), mb);
	if (err)
		log_warn(0, "an ACK wasn't sent: %s", strerror(err));
	mem_deref(mb);

	s->owes_ack = false;
	s->acked = true;
	s->ack_seq = seq;
	session_said(s, sdp);
	if (sdp)
		str_dup(&copy, sdp);
	mem_deref(s->ack_sdp);
	s->ack_sdp = copy;
}

int session_send(struct session *s, struct ctxn **cp, const char *method,
		 struct mbuf *mb, ctxn_h *h, void *arg)
{
	const char *uri = dialog_request_uri(&s->dlg);

	if (!s->line)
		return ctxn_send(cp, &s->hop, method, uri, mb, h, arg);
	return trunk_ask(trunk_line_trunk(s->line), &s->asks, cp, &s->hop,
			 method, uri, mb, &s->dlg.local_seq, h, arg);
}

static void bye_answered(int err, const struct sip_msg *m, void *arg)
{
	struct session *s = arg;

	(void)err;
	if (!m || m->scode >= 200)
		bridge_tidy(s->br->b);
}

void session_bye(struct session *s, const char *reason)
{
	struct mbuf *mb;
	int err;

	if (!s->dlg.remote_tag || s->bye)
		return;
	/* Not before the ACK (section 15), and not before the phone knows how
	 * the transfer ended that it has asked for. */
	if (s->confirm || subscription_busy(s)) {
		if (!s->bye_after)
			str_dup(&s->bye_after, reason ? reason : "");
		return;
	}
	mb = session_headers(s, "BYE", dialog_next(&s->dlg), 70);
	if (!mb)
		return;
	err = 0;
	if (reason && *reason) {
		err |= mbuf_write_str(mb, "Reason: SIP;cause=200;text=");
		err |= message_quote(mb, reason);
		err |= mbuf_write_str(mb, "\r\n");
	}
	err |= session_body(mb, NULL, NULL, 0);
	if (!err)
		session_send(s, &s->bye, "BYE", mb, bye_answered, s);
	mem_deref(mb);
}

static void session_destructor(void *arg)
{
	session_reset(arg);
}

struct session *session_alloc(struct branch *br, enum leg side)
{
	struct session *s = mem_zalloc(sizeof(*s), session_destructor);

	if (!s)
		return NULL;
	s->br = br;
	s->side = side;
	s->methods = METHOD_INFO;
	return s;
}

void session_swap(struct session *a, struct session *b)
{
	struct branch *br = a->br;
	enum leg side = a->side;

	a->br = b->br;
	a->side = b->side;
	b->br = br;
	b->side = side;
	a->br->s[a->side] = a;
	b->br->s[b->side] = b;
}

bool session_busy(const struct session *s)
{
	return s->bye || s->confirm || s->bye_after;
}

void session_reset(struct session *s)
{
	list_unlink(&s->le);
	session_unconfirm(s);
	refresh_stop(s);
	ctxn_drop(s->bye);
	s->reoffer = mem_deref(s->reoffer);
	refer_forget(s);
	subscription_end(s);
	list_flush(&s->asks); /* whose transactions are dropped by now */
	s->line = mem_deref(s->line);
	s->bye_after = mem_deref(s->bye_after);
	s->ack_sdp = mem_deref(s->ack_sdp);
	dialog_reset(&s->dlg);
}
