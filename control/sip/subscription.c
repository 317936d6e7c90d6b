/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/subscription.c - how a REFER fares, told by NOTIFY. RFC 3515
 * section 2.4, RFC 6665; see join.h.
 *
 * One NOTIFY at a time: what changes meanwhile is told when it has been
 * answered, and a BYE waits for the last one. */
#include <errno.h>
#include "control/sip/join.h"

#define EXPIRES	  180  /* seconds that an unfinished one is said to last */
#define GUARD_MS  4000 /* a phone that never answers a NOTIFY holds up no BYE */
#define LINES_MAX 300

struct subscription {
	struct session *s;
	uint32_t id;
	struct ctxn *ct;
	struct timer guard;
	bool waiting; /* there is something newer to tell: */
	bool final;   /* what was told, or is about to be, is the last */
	uint16_t status;
	const char *phrase; /* static */
	char lines[LINES_MAX];
};

static void subscription_destructor(void *arg)
{
	struct subscription *u = arg;

	timer_cancel(&u->guard);
	ctxn_drop(u->ct);
}

int subscription_new(struct session *s, uint32_t id)
{
	if (s->sub)
		return EBUSY;
	s->sub = mem_zalloc(sizeof(*s->sub), subscription_destructor);
	if (!s->sub)
		return ENOMEM;
	s->sub->s = s;
	s->sub->id = id;
	return 0;
}

void subscription_end(struct session *s)
{
	s->sub = mem_deref(s->sub);
}

bool subscription_busy(const struct session *s)
{
	return s->sub && (s->sub->ct || s->sub->waiting);
}

static void over(struct session *s)
{
	subscription_end(s);
	session_bye_due(s);
	bridge_tidy(s->br->b);
}

static void unanswered(void *arg)
{
	struct subscription *u = arg;

	over(u->s);
}

static void tell(struct subscription *u);

static void response(int err, const struct sip_msg *m, void *arg)
{
	struct subscription *u = arg;

	(void)err;
	if (m && m->scode < 200)
		return;
	timer_cancel(&u->guard);
	if (!m || m->scode >= 300) /* it doesn't want to know any more */
		over(u->s);
	else if (u->waiting)
		tell(u);
	else if (u->final)
		over(u->s);
}

static void tell(struct subscription *u)
{
	struct session *s = u->s;
	struct mbuf *mb =
		session_headers(s, "NOTIFY", dialog_next(&s->dlg), 70);
	char body[LINES_MAX + 100];
	int n, err = mb ? 0 : ENOMEM;

	u->waiting = false;
	n = re_snprintf(body, sizeof(body), "SIP/2.0 %u %s\r\n%s", u->status,
			u->phrase, u->lines);
	if (!err)
		err = mbuf_printf(mb, "Event: refer;id=%u\r\n", u->id);
	if (!err && u->final)
		err = mbuf_write_str(mb, "Subscription-State: terminated;"
					 "reason=noresource\r\n");
	else if (!err)
		err = mbuf_printf(mb,
				  "Subscription-State: active;expires=%u\r\n",
				  EXPIRES);
	if (!err)
		err = session_body(mb, "message/sipfrag;version=2.0", body,
				   n > 0 ? (size_t)n : 0);
	if (!err)
		err = session_send(s, &u->ct, "NOTIFY", mb, response, u);
	mem_deref(mb);
	if (err)
		over(s);
	else
		timer_start(&u->guard, GUARD_MS, unanswered, u);
}

void subscription_tell(struct session *s, uint16_t status, const char *phrase,
		       const char *lines)
{
	struct subscription *u = s->sub;

	if (!u || u->final)
		return;
	if (!phrase)
		phrase = sip_phrase(status);
	if (u->status == status && !lines)
		return; /* two phones ring */
	u->status = status;
	u->phrase = phrase;
	u->final = status >= 200;
	re_snprintf(u->lines, sizeof(u->lines), "%s", lines ? lines : "");
	u->waiting = true;
	if (!u->ct)
		tell(u);
}
