/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/register.c - registration with a carrier. RFC 3261 section 10.2.
 *
 * One binding, refreshed in time; 423 is heeded, a refusal or silence is tried
 * again after a while that doubles, with some chance in it, so that many
 * gateways don't come back at once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/log.h"
#include "control/timer.h"
#include "control/trunk/impl.h"

#define RETRY_MIN   4	 /* seconds, after the first failure */
#define RETRY_MAX   300	 /* and at most */
#define WAIT_MAX    3600 /* of a Retry-After */
#define EXPIRES_MAX 86400

struct registration {
	struct trunk *t;
	struct timer next;
	struct ctxn *ct;
	struct list asks;
	char callid[33], tag[17], contact[TRUNK_TEXT_MAX + SIP_ADDR_TEXT];
	uint32_t seq;
	unsigned expires; /* what we ask for */
	unsigned failures;
	int64_t until; /* UNIX seconds: it is good for so long */
	bool ending;
};

static void send_register(void *arg);

static void registration_destructor(void *arg)
{
	struct registration *r = arg;

	timer_cancel(&r->next);
	ctxn_drop(r->ct);
	list_flush(&r->asks);
	if (r->ending)
		mem_deref(r->t);
}

unsigned registration_left(const struct trunk *t)
{
	int64_t now = (int64_t)time(NULL);

	return t->registration && t->registered && t->registration->until > now
		       ? (unsigned)(t->registration->until - now)
		       : 0;
}

/* Refreshed with half a minute to spare, or half of a short time. */
static unsigned refresh_after(unsigned left)
{
	return left > 60 ? left - 30 : left > 1 ? left / 2 : 1;
}

/* What the registrar says of our binding. */
static unsigned granted(const struct registration *r, const struct sip_msg *m)
{
	struct message_contacts cs;
	uint32_t n = message_expires(m);

	if (message_contacts(m, &cs))
		for (unsigned i = 0; i < cs.n; i++)
			if (!pl_strcasecmp(&cs.c[i].uri, r->contact) &&
			    cs.c[i].expires != MESSAGE_NO_EXPIRES)
				n = cs.c[i].expires;
	if (n == MESSAGE_NO_EXPIRES)
		n = r->expires;
	return n < EXPIRES_MAX ? n : EXPIRES_MAX;
}

static unsigned header_number(const struct sip_msg *m, enum sip_hdrid id)
{
	const struct sip_hdr *hdr = m ? sip_msg_hdr(m, id) : NULL;
	struct pl digits;

	if (!hdr || re_regex(hdr->val.p, hdr->val.l, "[0-9]+", &digits) ||
	    digits.l > 6)
		return 0;
	return pl_u32(&digits);
}

static void failed(struct registration *r, const char *why,
		   const struct sip_msg *m)
{
	unsigned wait = RETRY_MIN,
		 asked = header_number(m, SIP_HDR_RETRY_AFTER);

	for (unsigned i = 0; i < r->failures && wait < RETRY_MAX; i++)
		wait *= 2;
	if (wait > RETRY_MAX)
		wait = RETRY_MAX;
	if (asked > wait)
		wait = asked < WAIT_MAX ? asked : WAIT_MAX;
	r->failures++;
	/* Silence takes nothing away that was granted; a refusal does. */
	if (m || r->until <= (int64_t)time(NULL))
		r->t->registered = false;
	log_warn(0, "trunk %s: registering: %s; again in about %u s",
		 r->t->set.name, why, wait);
	if (!r->t->registered)
		trunk_judge(r->t, why);
	timer_start(&r->next, wait * 750 + rand_u32() % (wait * 500),
		    send_register, r);
}

static void on_answer(int err, const struct sip_msg *m, void *arg)
{
	struct registration *r = arg;
	struct trunk *t = r->t;
	char why[96];
	unsigned left;

	if (m && m->scode < 200)
		return;
	if (r->ending) {
		mem_deref(r);
		return;
	}
	if (m && m->scode < 300) {
		left = granted(r, m);
		if (!left) {
			failed(r, "the registrar keeps no binding of ours", m);
			return;
		}
		if (!t->registered)
			log_info(0, "trunk %s: registered for %u s",
				 t->set.name, left);
		t->registered = t->alive = true;
		t->silent = false;
		r->failures = 0;
		r->until = (int64_t)time(NULL) + left;
		trunk_judge(t, NULL);
		timer_start(&r->next, refresh_after(left) * 1000, send_register,
			    r);
		return;
	}
	left = m ? header_number(m, SIP_HDR_MIN_EXPIRES) : 0;
	if (m && m->scode == 423 && left > r->expires && left <= EXPIRES_MAX) {
		r->expires = left;
		timer_start(&r->next, 1, send_register, r);
		return;
	}
	if (m)
		snprintf(why, sizeof(why), "the registrar answers %u %.*s",
			 m->scode, (int)(m->reason.l < 40 ? m->reason.l : 40),
			 m->reason.p);
	else
		snprintf(why, sizeof(why), "the registrar can't be reached: %s",
			 trunk_unreached(r->t, err));
	failed(r, why, m);
}

static int ask_for(struct registration *r, unsigned expires)
{
	struct trunk *t = r->t;
	char uri[MESSAGE_URI_MAX];
	struct mbuf *mb;
	int err;

	snprintf(uri, sizeof(uri), "sip:%s", trunk_host(t));
	mb = trunk_headers(t, "REGISTER", uri, r->callid, r->tag, ++r->seq);
	if (!mb)
		return ENOMEM;
	err = mbuf_printf(mb,
			  "Contact: <%s>\r\nExpires: %u\r\n"
			  "Content-Length: 0\r\n\r\n",
			  r->contact, expires);
	if (!err)
		err = trunk_ask(t, &r->asks, &r->ct, &t->hop, "REGISTER", uri,
				mb, &r->seq, on_answer, r);
	mem_deref(mb);
	return err;
}

static void send_register(void *arg)
{
	struct registration *r = arg;
	char why[96];
	int err = ask_for(r, r->expires);

	if (!err)
		return;
	snprintf(why, sizeof(why), "the registrar can't be reached: %s",
		 trunk_unreached(r->t, err));
	failed(r, why, NULL);
}

int registration_start(struct trunk *t)
{
	struct registration *r =
		mem_zalloc(sizeof(*r), registration_destructor);

	if (!r)
		return ENOMEM;
	r->t = t;
	rand_str(r->callid, sizeof(r->callid));
	rand_str(r->tag, sizeof(r->tag));
	r->expires = t->set.expires;
	re_snprintf(r->contact, sizeof(r->contact), "sip:%s@%J%s", t->set.user,
		    listener_addr(t->hop.via), sip_tp_param(t->hop.tp));
	t->registration = r;
	timer_start(&r->next, 1, send_register, r);
	return 0;
}

void registration_end(struct trunk *t)
{
	struct registration *r = t->registration;

	if (!r || !t->registered || r->ct)
		return;
	timer_cancel(&r->next);
	t->registration = NULL;
	r->ending = true; /* it lives until the answer, and so does its trunk */
	mem_ref(t);
	if (ask_for(r, 0))
		mem_deref(r);
}
