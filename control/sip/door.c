/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/door.c - the SIP front door: which request goes where. */
#include "control/sip/door.h"
#include "control/siprec/siprec.h"
#include "control/trunk/trunk.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/log.h"

#define EXPIRE_MS   5000
#define RETRY_AFTER 5 /* seconds, with every 503 */

/* The verbs. In a dialog: needs one to be known by its tags; without: stands
 * by itself. What isn't in the table is answered 501. */
static const struct {
	const char *method;
	verb_h *in_dialog, *alone; /* NULL: 481 */
} verbs[] = {
	{"INVITE", verb_reinvite, verb_invite},
	{"ACK", verb_ack, verb_ack},
	{"BYE", verb_bye, NULL},
	{"CANCEL", verb_cancel, verb_cancel},
	{"PRACK", verb_prack, NULL},
	{"UPDATE", verb_update, NULL},
	{"INFO", verb_info, NULL},
	{"OPTIONS", verb_options, verb_options},
	{"REGISTER", verb_not_allowed, verb_register},
	{"REFER", verb_refer, verb_refer},
	{"MESSAGE", verb_not_allowed, verb_not_allowed},
	{"NOTIFY", verb_not_allowed, verb_event},
	{"SUBSCRIBE", verb_not_allowed, verb_event},
	{"PUBLISH", verb_not_allowed, verb_event},
};

const char *const supported[] = {"100rel", "norefersub", "join",  "outbound",
				 "path",   "replaces",	 "timer", NULL};

static const struct {
	const char *name;
	unsigned bit; /* 0: always allowed */
} methods[] = {
	{"INVITE", 0},
	{"ACK", 0},
	{"BYE", 0},
	{"CANCEL", 0},
	{"OPTIONS", 0},
	{"REFER", 0},
	{"PRACK", METHOD_PRACK},
	{"UPDATE", METHOD_UPDATE},
	{"INFO", METHOD_INFO},
};

unsigned methods_of(const struct sip_msg *m)
{
	unsigned bits = 0;

	if (!sip_msg_hdr(m, SIP_HDR_ALLOW))
		return METHOD_INFO; /* RFC 2976 is older than Allow's use */
	for (unsigned i = 0; i < ARRAY_SIZE(methods); i++)
		if (message_lists(m, SIP_HDR_ALLOW, methods[i].name))
			bits |= methods[i].bit;
	return bits;
}

int allow_print(struct mbuf *mb, unsigned bits)
{
	int err = mbuf_write_str(mb, "Allow: ");
	bool first = true;

	for (unsigned i = 0; i < ARRAY_SIZE(methods); i++) {
		if (methods[i].bit && !(methods[i].bit & bits))
			continue;
		err |= mbuf_printf(mb, "%s%s", first ? "" : ", ",
				   methods[i].name);
		first = false;
	}
	return err | mbuf_write_str(mb, "\r\n");
}

/* RFC 3326; error, the stable name, is an extension of its grammar. */
static int reason_headers(struct mbuf *mb, const struct listener *l,
			  uint16_t status, const char *text, const char *error)
{
	int err = 0;

	if (status == 503)
		err |= mbuf_printf(mb, "Retry-After: %u\r\n", RETRY_AFTER);
	if (!text)
		return err;
	err |= mbuf_printf(mb, "Reason: SIP;cause=%u;text=", status);
	err |= message_quote(mb, text);
	if (error)
		err |= mbuf_printf(mb, ";error=%s", error);
	err |= mbuf_printf(mb, "\r\nWarning: 399 %J ", listener_addr(l));
	err |= message_quote(mb, text);
	return err | mbuf_write_str(mb, "\r\n");
}

int refusal_headers(struct mbuf *mb, const struct listener *l, uint16_t status,
		    const char *text)
{
	return reason_headers(mb, l, status, text, NULL);
}

static struct list *bucket_of(struct door *d, const struct pl *callid)
{
	return &d->sessions[hash_joaat_pl(callid) & (DOOR_BUCKETS - 1)];
}

void door_add_session(struct door *d, struct session *s)
{
	struct pl callid;

	pl_set_str(&callid, s->dlg.callid);
	list_unlink(&s->le);
	list_append(bucket_of(d, &callid), &s->le, s);
}

struct session *door_session(struct door *d, const struct sip_msg *m,
			     bool response)
{
	struct le *le;

	LIST_FOREACH (bucket_of(d, &m->callid), le) {
		struct session *s = le->data;

		if (response ? dialog_has_response(&s->dlg, m)
			     : dialog_has_request(&s->dlg, m))
			return s;
	}
	return NULL;
}

struct session *door_dialog(struct door *d, const struct pl *callid,
			    const struct pl *local_tag,
			    const struct pl *remote_tag)
{
	struct le *le;

	LIST_FOREACH (bucket_of(d, callid), le) {
		struct session *s = le->data;

		if (!pl_strcmp(callid, s->dlg.callid) &&
		    !pl_strcmp(local_tag, s->dlg.local_tag) &&
		    s->dlg.remote_tag &&
		    !pl_strcmp(remote_tag, s->dlg.remote_tag))
			return s;
	}
	return NULL;
}

/* Strangers' requests leave nothing behind. In a dialog a repeated request must
 * not look like a new one with an old CSeq, so there the answer is kept. */
void door_reply(struct door *d, struct listener *l, const struct sip_msg *m,
		const struct answer *a)
{
	struct stxn *st = NULL;

	if (pl_isset(&m->to.tag) && door_session(d, m, false))
		st = stxn_new(l, m, NULL, NULL);
	if (st)
		stxn_answer(st, a);
	else
		stack_reply(l, m, a);
	mem_deref(st);
}

void door_refuse(struct door *d, struct listener *l, const struct sip_msg *m,
		 uint16_t status, const char *text)
{
	struct answer a = {.status = status};
	struct mbuf *mb = mbuf_alloc(256);

	if (mb && !refusal_headers(mb, l, status, text))
		a.headers = mb;
	door_reply(d, l, m, &a);
	mem_deref(mb);
}

void answer_refuse(struct stxn *st, uint16_t status, uint64_t tag,
		   const char *text)
{
	struct answer a = {.status = status, .tag = tag};
	struct mbuf *mb = mbuf_alloc(256);

	if (mb && !refusal_headers(mb, stxn_listener(st), status, text))
		a.headers = mb;
	stxn_answer(st, &a);
	mem_deref(mb);
}

bool door_extensions(struct door *d, struct listener *l,
		     const struct sip_msg *m)
{
	char tags[128];
	struct answer a = {.status = 420};

	if (!message_unsupported(m, supported, tags, sizeof(tags)))
		return true;
	a.headers = mbuf_alloc(128);
	if (a.headers &&
	    !mbuf_printf((struct mbuf *)a.headers, "Unsupported: %s\r\n", tags))
		door_reply(d, l, m, &a);
	mem_deref((void *)a.headers);
	return false;
}

void door_refuse_feature(struct door *d, struct listener *l,
			 const struct sip_msg *m,
			 const struct feature_answer *f)
{
	struct answer a = {.status = (uint16_t)f->status};
	struct mbuf *mb = mbuf_alloc(256);

	if (mb && !reason_headers(mb, l, a.status, f->reason, f->error))
		a.headers = mb;
	door_reply(d, l, m, &a);
	mem_deref(mb);
}

void answer_refuse_feature(struct stxn *st, const struct feature_answer *f)
{
	struct answer a = {.status = (uint16_t)f->status};
	struct mbuf *mb = mbuf_alloc(256);

	if (mb && !reason_headers(mb, stxn_listener(st), a.status, f->reason,
				  f->error))
		a.headers = mb;
	stxn_answer(st, &a);
	mem_deref(mb);
}

/* Of a Request-URI; section 8.2.2.1. */
static bool known_scheme(const struct uri *u)
{
	return message_is_sip_uri(u) || !pl_strcasecmp(&u->scheme, "tel");
}

static void dispatch(struct door *d, struct listener *l,
		     const struct sip_msg *m)
{
	struct session *s = NULL;
	verb_h *verb = NULL;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (message_is(m, verbs[i].method))
			break;
	if (i == ARRAY_SIZE(verbs)) {
		door_refuse(d, l, m, 501, "unknown method");
		return;
	}
	if (pl_isset(&m->to.tag)) {
		s = door_session(d, m, false);
		if (!s && siprec_request(d->siprec, l, m))
			return;
		verb = s || message_is(m, "ACK") || message_is(m, "CANCEL")
			       ? verbs[i].in_dialog
			       : NULL;
	} else if (!known_scheme(&m->uri)) {
		door_refuse(d, l, m, 416, NULL);
		return;
	} else {
		verb = verbs[i].alone;
	}
	if (verb)
		verb(d, l, s, m);
	else
		door_refuse(d, l, m, 481, NULL);
}

static void on_request(struct listener *l, const struct sip_msg *m, void *arg)
{
	struct message_why why;
	struct door *d = arg;

	if (door_is_scanner(d, m))
		return;
	if (message_check(m, &why)) {
		dispatch(d, l, m);
		return;
	}
	log_debug(0, "bad %.*s: %s", (int)m->met.l, m->met.p, why.text);
	if (why.status && !message_is(m, "ACK"))
		door_refuse(d, l, m, why.status, why.text);
}

/* A 2xx to INVITE from a dialog that came about behind a proxy which forked,
 * after another has won: taken, and ended (RFC 3261 section 13.2.2.4). */
static void refuse_fork(struct session *of, const struct sip_msg *m)
{
	struct session s = {.side = of->side, .br = of->br, .hop = of->hop};

	if (!dialog_copy(&s.dlg, &of->dlg) && !dialog_learn(&s.dlg, m)) {
		session_ack(&s, m->cseq.num, NULL);
		session_bye(&s, "answered elsewhere");
		ctxn_drop(s.bye);
	}
	session_reset(&s);
}

static void on_stray(struct listener *l, const struct sip_msg *m, void *arg)
{
	struct door *d = arg;
	struct session *s;
	struct le *le;

	(void)l;
	if (!message_check_response(m) || m->scode < 200 || m->scode >= 300 ||
	    pl_strcmp(&m->cseq.met, "INVITE"))
		return;
	s = door_session(d, m, true);
	if (s) {
		/* Ours got lost. One that waits for the other side's comes
		 * when that does. */
		if (s->acked && s->ack_seq == m->cseq.num)
			session_ack(s, s->ack_seq, s->ack_sdp);
		else if (!s->owes_ack)
			session_ack(s, m->cseq.num, NULL);
		return;
	}
	if (siprec_stray(d->siprec, m))
		return;
	LIST_FOREACH (bucket_of(d, &m->callid), le) {
		s = le->data;
		if (s->dlg.remote_tag && pl_isset(&m->to.tag) &&
		    !pl_strcmp(&m->callid, s->dlg.callid) &&
		    !pl_strcmp(&m->from.tag, s->dlg.local_tag)) {
			refuse_fork(s, m);
			return;
		}
	}
}

/* A connection that somebody registered over has gone. */
static void flow_lost(struct listener *l, enum sip_tp tp, const struct sa *peer,
		      const char *user, void *arg)
{
	char source[SIP_ADDR_TEXT];
	struct door *d = arg;

	(void)l;
	sip_addr_print(source, peer);
	log_info(0, "%s: the connection from %s/%s has gone", user, source,
		 sip_tp_name(tp));
	store_binding_lost(d->cfg.store, user, source, sip_tp_name(tp));
}

static void expire(void *arg)
{
	struct door *d = arg;

	store_binding_expire(d->cfg.store, (int64_t)time(NULL));
	tmr_start(&d->expire, EXPIRE_MS, expire, d);
}

static void door_destructor(void *arg)
{
	struct door *d = arg;

	tmr_cancel(&d->expire);
	list_flush(&d->bridges);
	siprec_free(d->siprec);
	trunks_free(d->trunks);
	mem_deref(d->later);
	mem_deref(d->stack);
	mem_deref(d->digest);
}

static int listen_all(struct door *d, char *err, size_t errlen)
{
	for (unsigned i = 0; i < d->cfg.sip->listen_count; i++) {
		const char *text = d->cfg.sip->listen[i];
		struct sip_listen where;
		int e = sip_listen_parse(&where, text) ? 0 : EINVAL;
		char why[256] = "";

		if (!e)
			e = stack_listen(d->stack, &where, why, sizeof(why));
		if (e) {
			snprintf(err, errlen, "listening on %s: %s", text,
				 *why ? why : strerror(e));
			return e;
		}
		log_info(0, "SIP on %s", text);
	}
	return 0;
}

/* After the listeners: each trunk is spoken to from one of them. */
static int trunks_start(struct door *d)
{
	const struct config_pstn *p = d->cfg.pstn;
	struct trunks_config cfg = {
		.stack = d->stack,
		.store = d->cfg.store,
		.audit = d->cfg.audit,
		.events = d->cfg.events,
		.domain = d->cfg.domain,
		.location = p->location,
		.plan = {p->country ? p->country : "", p->area ? p->area : "",
			 p->international ? p->international : "00",
			 !p->national		     ? "0"
			 : !strcmp(p->national, "-") ? ""
						     : p->national,
			 p->internal_digits},
	};

	return trunks_alloc(&d->trunks, &cfg);
}

struct trunks *door_trunks(const struct door *d)
{
	return d->trunks;
}

int door_alloc(struct door **dp, const struct door_config *cfg, char *err,
	       size_t errlen)
{
	struct door *d = mem_zalloc(sizeof(*d), door_destructor);
	int e;

	if (!d)
		return ENOMEM;
	d->cfg = *cfg;
	for (unsigned i = 0; i < cfg->sip->origins_count; i++)
		d->origins[i] = cfg->sip->origins[i];
	tmr_init(&d->expire);
	snprintf(err, errlen, "starting SIP: out of memory");
	e = digest_alloc(&d->digest, cfg->domain, cfg->sip->nonce_lifetime);
	if (!e)
		e = mqueue_alloc(&d->later, bridges_tidy, d);
	if (!e)
		e = stack_alloc(&d->stack,
				&(struct stack_config){
					.software = "Sallyport",
					.domain = cfg->domain,
					.folder = cfg->folder,
					.sip = cfg->sip,
					.origins = d->origins,
					.idle = cfg->sip->max_expires + 60,
					.reqh = on_request,
					.strayh = on_stray,
					.losth = flow_lost,
					.banh = door_ban_changed,
					.hep = cfg->hep,
					.arg = d,
				});
	if (!e)
		e = listen_all(d, err, errlen);
	if (!e)
		e = trunks_start(d);
	if (!e)
		e = siprec_alloc(&d->siprec,
				 &(struct siprec_config){d->stack, cfg->calls,
							 cfg->domain,
							 cfg->siprec},
				 err, errlen);
	if (!e)
		e = calls_add_door(cfg->calls, &sip_call_door, d);
	if (e) {
		mem_deref(d);
		return e;
	}
	expire(d);
	*dp = d;
	return 0;
}

void door_limits(struct door *d)
{
	stack_limits(d->stack);
}

void door_stop(struct door *d)
{
	struct le *le = list_head(&d->bridges);

	d->stopping = true;
	siprec_stop(d->siprec);
	while (le) {
		struct bridge *b = le->data;

		le = le->next;
		if (b->call && !b->up)
			bridge_end(b, CALL_BY_GATEWAY, 503,
				   "the gateway is being stopped", NULL);
	}
}

void door_free(struct door *d)
{
	mem_deref(d);
}
