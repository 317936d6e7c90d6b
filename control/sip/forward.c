/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/forward.c - calls that go elsewhere, see forward.h. */
#include "control/sip/forward.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/dial.h"

#define HOPS_MAX  5  /* of one call here */
#define HEARD_MAX 10 /* that it had before it came here */
#define VOICEMAIL "voicemail"

/* Why: as RFC 7044's cause (of RFC 4458) and RFC 5806's reason have it. */
enum why { WHY_ALWAYS, WHY_BUSY, WHY_NO_ANSWER, WHY_DEFLECTED };
static const struct {
	unsigned cause;
	const char *reason;
} whys[] = {
	[WHY_ALWAYS] = {302, "unconditional"},
	[WHY_BUSY] = {486, "user-busy"},
	[WHY_NO_ANSWER] = {408, "no-answer"},
	[WHY_DEFLECTED] = {480, "deflection"},
};

struct hop_by {
	char user[DIGEST_USER_MAX + 1]; /* whose rule it was */
	enum why why;
};

struct forward {
	struct bridge *b;
	char user[DIGEST_USER_MAX + 1]; /* whose rules are in force */
	struct store_forward rules;
	struct timer unanswered;
	struct hop_by by[HOPS_MAX];
	unsigned n;
	bool counted; /* a busy or missing user's rule has been used */
};

static void forward_destructor(void *arg)
{
	struct forward *f = arg;

	timer_cancel(&f->unanswered);
}

void forward_stop(struct bridge *b)
{
	if (b->forward)
		timer_cancel(&b->forward->unanswered);
}

bool forward_address_ok(const char *text)
{
	size_t n = strlen(text);
	struct uri uri;
	struct pl pl;

	if (n == 0 || n >= FORWARD_TO_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f ||
		    strchr("<>\"\\", text[i]))
			return false;
	if (!strchr(text, ':')) /* a number, or "voicemail" */
		return strspn(text, "+0123456789*#") == n ||
		       !strcmp(text, VOICEMAIL);
	pl_set_str(&pl, text);
	return !strncmp(text, "tel:", 4) ||
	       (!strncmp(text, "sip:", 4) && !uri_decode(&uri, &pl) &&
		uri.user.l);
}

/* The address as a URI. @return false: there is none. */
static bool uri_of(const struct door *d, const char *to,
		   char out[FORWARD_TO_MAX + 200])
{
	if (!strcmp(to, VOICEMAIL))
		to = d->cfg.sip_calls->voicemail;
	if (!to)
		return false;
	if (strchr(to, ':'))
		snprintf(out, FORWARD_TO_MAX + 200, "%s", to);
	else
		snprintf(out, FORWARD_TO_MAX + 200, "sip:%s@%s", to,
			 d->cfg.domain);
	return true;
}

/* How often others have sent it on before. */
static unsigned heard(const struct bridge *b)
{
	static const char *const names[] = {"History-Info", "Diversion"};
	const struct sip_msg *m = b->st ? stxn_request(b->st) : NULL;
	unsigned most = 0;

	for (unsigned i = 0; m && i < ARRAY_SIZE(names); i++) {
		unsigned n = sip_msg_xhdr_count(m, names[i]);

		most = n > most ? n : most;
	}
	return most;
}

/* Is the next hop one too many, or one that has been? */
static const char *loops(const struct forward *f)
{
	if (f->n == HOPS_MAX || heard(f->b) + f->n >= HEARD_MAX)
		return "it has been forwarded too often";
	for (unsigned i = 0; i < f->n; i++)
		if (!strcmp(f->by[i].user, f->user))
			return "it is forwarded in a circle";
	return NULL;
}

/* The gate, on what the call would become. */
static struct feature_answer may(struct bridge *b, enum feature feature,
				 const char *user, const char *how)
{
	const struct sip_msg *m = b->st ? stxn_request(b->st) : NULL;
	char by[STORE_AOR_MAX];
	struct pl body;

	if (m && message_has_sdp(m)) {
		body = message_body(m);
		call_heard_offer(b->call, body.p, body.l);
	}
	snprintf(by, sizeof(by), "sip:%s@%s", user, b->d->cfg.domain);
	return call_may(b->call, feature, by, how);
}

static void tell_caller(struct bridge *b)
{
	struct answer a = {.status = 181};

	if (b->st && !stxn_answered(b->st))
		stxn_answer(b->st, &a);
}

/* Whoever rings has had the chance. */
static void give_up(struct bridge *b)
{
	struct le *le;

	LIST_FOREACH (&b->branches, le) {
		struct branch *br = le->data;

		if (!br->given_up && !br->status)
			branch_cancel(br);
		br->given_up = true;
	}
}

/* @return true: the call goes there, or has ended. */
static bool send_on(struct bridge *b, const char *to, enum why why)
{
	struct forward *f = b->forward;
	enum feature feature =
		strcmp(to, VOICEMAIL) ? FEATURE_FORWARD : FEATURE_VOICEMAIL;
	char text[FORWARD_TO_MAX + 200];
	struct feature_answer a;
	const char *loop = loops(f);
	struct uri uri;
	struct pl pl;

	a = may(b, feature, f->user, whys[why].reason);
	if (!a.allowed && why == WHY_ALWAYS) {
		if (b->st && !stxn_answered(b->st))
			answer_refuse_feature(b->st, &a);
		bridge_end(b, CALL_BY_GATEWAY, (uint16_t)a.status, a.reason,
			   NULL);
		return true;
	}
	if (!a.allowed)
		return false;
	pl_set_str(&pl, text);
	if (loop || !uri_of(b->d, to, text)) {
		bridge_end(b, CALL_BY_GATEWAY, loop ? 482 : 480,
			   loop ? loop : "there is no voicemail here", NULL);
		return true;
	}
	pl_set_str(&pl, text);
	if (uri_decode(&uri, &pl) && strncmp(text, "tel:", 4))
		return false;
	forward_stop(b);
	snprintf(f->by[f->n].user, sizeof(f->by[0].user), "%s", f->user);
	f->by[f->n++].why = why;
	log_info(call_id(b->call), "%s forwards to %s (%s)", f->user, text,
		 whys[why].reason);
	tell_caller(b);
	give_up(b);
	call_reaches(b->call, text);
	f->rules = (struct store_forward){.after = 0};
	f->user[0] = '\0';
	dial_uri(b, &uri, &pl, "forward");
	return true;
}

/* ------------------------------------------------------------ who is called */

bool forward_always(struct bridge *b, const char *user)
{
	struct store_forward rules;
	struct forward *f;

	if (store_forward_get(b->d->cfg.store, user, &rules) && !b->forward)
		return false;
	if (!b->forward) {
		b->forward = mem_zalloc(sizeof(*f), forward_destructor);
		if (!b->forward)
			return false;
		b->forward->b = b;
	}
	f = b->forward;
	snprintf(f->user, sizeof(f->user), "%s", user);
	f->rules = rules;
	return rules.always[0] && send_on(b, rules.always, WHY_ALWAYS);
}

const char *forward_also(struct bridge *b, unsigned i)
{
	struct forward *f = b->forward;

	if (!f || i >= FORWARD_ALSO_MAX || !f->rules.also[i][0])
		return NULL;
	if (i == 0 &&
	    !may(b, FEATURE_SIMULTANEOUS_RING, f->user, "simultaneous ring")
		     .allowed)
		f->rules.also[0][0] = '\0';
	return f->rules.also[i][0] ? f->rules.also[i] : NULL;
}

static void unanswered(void *arg)
{
	struct forward *f = arg;
	char to[FORWARD_TO_MAX];

	if (!f->b->call || f->b->up)
		return;
	snprintf(to, sizeof(to), "%s", f->rules.no_answer);
	send_on(f->b, to, WHY_NO_ANSWER);
}

void forward_rings(struct bridge *b)
{
	struct forward *f = b->forward;

	if (f && f->rules.no_answer[0])
		timer_start(&f->unanswered, (uint64_t)f->rules.after * 1000,
			    unanswered, f);
}

bool forward_refused(struct bridge *b, uint16_t status)
{
	struct forward *f = b->forward;
	bool busy = status == 486 || status == 600;
	bool absent = status == 480 || status == 408;
	char to[FORWARD_TO_MAX] = "";

	if (!f || !f->user[0])
		return false;
	if (busy)
		snprintf(to, sizeof(to), "%s", f->rules.busy);
	else if (absent)
		snprintf(to, sizeof(to), "%s", f->rules.no_answer);
	return to[0] && send_on(b, to, busy ? WHY_BUSY : WHY_NO_ANSWER);
}

bool forward_deflected(struct bridge *b, const struct sip_msg *m)
{
	struct message_contacts c;
	char to[FORWARD_TO_MAX], user[DIGEST_USER_MAX + 1];
	struct uri called;
	struct pl pl;

	if (!message_contacts(m, &c) || !c.n || c.star ||
	    c.c[0].uri.l >= sizeof(to))
		return false;
	pl_strcpy(&c.c[0].uri, to, sizeof(to));
	pl_set_str(&pl, call_party(b->call, LEG_B));
	if (!forward_address_ok(to) || uri_decode(&called, &pl) ||
	    !message_uri_user(&called, user, sizeof(user)))
		return false;
	/* nowhere else than where the caller could have called */
	if (!is_our_uri(b->d, &c.c[0].parsed) && strncmp(to, "tel:", 4))
		return false;
	if (!b->forward) {
		b->forward =
			mem_zalloc(sizeof(*b->forward), forward_destructor);
		if (!b->forward)
			return false;
		b->forward->b = b;
	}
	snprintf(b->forward->user, sizeof(b->forward->user), "%s", user);
	return send_on(b, to, WHY_DEFLECTED);
}

/* -------------------------------------------------------- what others learn */

const char *forward_by(const struct bridge *b)
{
	const struct forward *f = b->forward;

	return f && f->n ? f->by[f->n - 1].user : NULL;
}

int forward_print(const struct bridge *b, struct mbuf *mb)
{
	const struct forward *f = b->forward;
	const char *domain = b->d->cfg.domain;
	int err = 0;

	if (!f || !f->n)
		return 0;
	err |= mbuf_write_str(mb, "History-Info: ");
	for (unsigned i = 0; i < f->n; i++) {
		err |= mbuf_printf(
			mb, "<sip:%s@%s?Reason=SIP%%3Bcause%%3D%u>;index=1",
			f->by[i].user, domain, whys[f->by[i].why].cause);
		for (unsigned k = 0; k < i; k++)
			err |= mbuf_write_str(mb, ".1");
		err |= mbuf_write_str(mb, ", ");
	}
	err |= mbuf_printf(mb, "<%s;cause=%u>;index=1",
			   call_party(b->call, LEG_B),
			   whys[f->by[f->n - 1].why].cause);
	for (unsigned k = 0; k < f->n; k++)
		err |= mbuf_write_str(mb, ".1");
	err |= mbuf_write_str(mb, ";mp=1\r\n");
	/* the latest first */
	for (unsigned i = f->n; i-- > 0;)
		err |= mbuf_printf(mb, "Diversion: <sip:%s@%s>;reason=%s\r\n",
				   f->by[i].user, domain,
				   whys[f->by[i].why].reason);
	return err;
}
