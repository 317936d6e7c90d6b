/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/server.c - server transactions. RFC 3261 section 17.2, RFC 6026.
 *
 * Two objects: what the request's owner holds (struct stxn), gone when the
 * owner lets go; and the machine behind it, in the stack's table until its
 * timers are through. */
#include <errno.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/stack_impl.h"

enum state {
	TRYING,	    /* nothing answered yet */
	PROCEEDING, /* provisionally */
	ACCEPTED,   /* INVITE, 2xx: repeats are swallowed, its ACKs pass */
	COMPLETED,  /* another final one: repeats are answered with it */
	CONFIRMED,  /* its ACK has come */
};

struct server {
	struct le he;
	struct listener *l;
	struct stxn *owner; /* NULL: has let go */
	struct sip_msg *msg;
	struct mbuf *last;
	struct timer over, repeat;
	enum state state;
	unsigned repeats;
	bool invite;
};

struct stxn {
	struct server *sv; /* NULL once that is over */
	struct listener *l;
	const struct sip_msg *msg;
	struct mbuf *last;
	void (*cancelh)(void *arg);
	void *arg;
	bool answered;
};

static void server_destructor(void *arg)
{
	struct server *sv = arg;

	timer_cancel(&sv->over);
	timer_cancel(&sv->repeat);
	hash_unlink(&sv->he);
	if (sv->owner)
		sv->owner->sv = NULL;
	mem_deref(sv->msg);
	mem_deref(sv->last);
}

static void over(void *arg)
{
	mem_deref(arg);
}

/* Which transaction is it? (section 17.2.3) */

static bool has_cookie(const struct sip_msg *m)
{
	return m->via.branch.l > 7 && !strncmp(m->via.branch.p, "z9hG4bK", 7);
}

static uint32_t hash_msg(const struct sip_msg *m)
{
	return hash_joaat_pl(has_cookie(m) ? &m->via.branch : &m->callid);
}

static bool same(const struct sip_msg *a, const struct sip_msg *b)
{
	if (has_cookie(a) != has_cookie(b))
		return false;
	if (has_cookie(a))
		return !pl_cmp(&a->via.branch, &b->via.branch) &&
		       !pl_cmp(&a->via.sentby, &b->via.sentby);
	/* RFC 2543's way, for those who don't know branches */
	return !pl_cmp(&a->callid, &b->callid) &&
	       !pl_cmp(&a->from.tag, &b->from.tag) &&
	       a->cseq.num == b->cseq.num && !pl_cmp(&a->ruri, &b->ruri) &&
	       !pl_cmp(&a->via.val, &b->via.val);
}

enum match { SAME_METHOD, INVITE_OF_ACK, ANY_TO_CANCEL };

static struct server *find(const struct stack *s, const struct sip_msg *m,
			   enum match how)
{
	struct le *le = list_head(hash_list(s->servers, hash_msg(m)));

	for (; le; le = le->next) {
		struct server *sv = le->data;
		bool fits = how == SAME_METHOD
				    ? !pl_cmp(&sv->msg->cseq.met, &m->cseq.met)
			    : how == INVITE_OF_ACK
				    ? sv->invite
				    : pl_strcmp(&sv->msg->cseq.met, "CANCEL");

		if (fits && same(sv->msg, m))
			return sv;
	}
	return NULL;
}

static void send_last(struct server *sv)
{
	stack_respond(sv->l, sv->msg, sv->last);
}

static void repeat(void *arg)
{
	struct server *sv = arg;
	uint64_t ms = (uint64_t)SIP_T1 << ++sv->repeats;

	send_last(sv);
	timer_start(&sv->repeat, ms < SIP_T2 ? ms : SIP_T2, repeat, sv);
}

static bool acknowledged(struct stack *s, const struct sip_msg *m)
{
	struct server *sv = find(s, m, INVITE_OF_ACK);

	if (!sv || sv->state == ACCEPTED)
		return false;
	if (sv->state != COMPLETED)
		return true;
	timer_cancel(&sv->repeat);
	sv->state = CONFIRMED;
	if (m->tp == SIP_TRANSP_UDP)
		timer_start(&sv->over, SIP_T4, over, sv);
	else
		mem_deref(sv);
	return true;
}

static bool cancelled(struct stack *s, struct listener *l,
		      const struct sip_msg *m)
{
	struct server *sv = find(s, m, ANY_TO_CANCEL);
	struct answer ok = {.status = 200};
	struct stxn *owner;

	if (!sv)
		return false;
	ok.tag = sv->msg->tag;
	stack_reply(l, m, &ok);
	owner = sv->owner;
	if (sv->invite && sv->state <= PROCEEDING && owner && owner->cancelh &&
	    !owner->answered)
		owner->cancelh(owner->arg);
	return true;
}

bool server_request(struct stack *s, struct listener *l,
		    const struct sip_msg *m)
{
	struct server *sv;

	if (!pl_strcmp(&m->met, "ACK"))
		return acknowledged(s, m);
	sv = find(s, m, SAME_METHOD);
	if (sv) {
		if (sv->last &&
		    (sv->state == PROCEEDING || sv->state == COMPLETED))
			send_last(sv);
		return true;
	}
	return !pl_strcmp(&m->met, "CANCEL") && cancelled(s, l, m);
}

/* The owner's side */

static void stxn_destructor(void *arg)
{
	struct stxn *t = arg;

	if (t->sv) {
		t->sv->owner = NULL;
		if (!t->answered) /* nobody is left to do it */
			mem_deref(t->sv);
	}
	mem_deref(t->last);
	mem_deref((void *)t->msg);
}

struct stxn *stxn_new(struct listener *l, const struct sip_msg *m,
		      void (*cancelh)(void *arg), void *arg)
{
	struct stxn *t = mem_zalloc(sizeof(*t), stxn_destructor);
	struct server *sv = mem_zalloc(sizeof(*sv), server_destructor);

	if (!t || !sv) {
		mem_deref(sv);
		return mem_deref(t);
	}
	t->l = sv->l = l;
	t->msg = mem_ref((void *)m);
	sv->msg = mem_ref((void *)m);
	t->cancelh = cancelh;
	t->arg = arg;
	t->sv = sv;
	sv->owner = t;
	sv->invite = !pl_strcmp(&m->met, "INVITE");
	hash_append(l->stack->servers, hash_msg(m), &sv->he, sv);
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

/* Where an answer of that status leaves the machine. It may be over. */
static void advance(struct server *sv, uint16_t status)
{
	bool reliable = sv->msg->tp != SIP_TRANSP_UDP;

	if (status < 200) {
		sv->state = PROCEEDING;
		return;
	}
	if (!sv->invite && reliable) {
		mem_deref(sv);
		return;
	}
	timer_start(&sv->over, 64 * SIP_T1, over, sv);
	sv->state = sv->invite && status < 300 ? ACCEPTED : COMPLETED;
	if (sv->invite && status >= 300 && !reliable)
		timer_start(&sv->repeat, SIP_T1, repeat, sv);
}

int stxn_answer(struct stxn *t, const struct answer *a)
{
	struct mbuf *mb;
	int err;

	if (t->answered)
		return EALREADY;
	if (a->tag)
		((struct sip_msg *)t->msg)->tag = a->tag;
	/* Record-Route belongs into what makes a dialog, section 12.1.1. */
	mb = stack_response(t->l->stack, t->msg, a,
			    a->status > 100 && a->status < 300);
	if (!mb)
		return ENOMEM;
	t->answered = a->status >= 200;
	err = stack_respond(t->l, t->msg, mb);
	if (err) {
		log_warn(0, "an answer %u wasn't sent: %s", a->status,
			 strerror(err));
		if (t->answered)
			mem_deref(t->sv);
		mem_deref(mb);
		return err;
	}
	mem_deref(t->last);
	t->last = mem_ref(mb);
	if (t->sv) {
		mem_deref(t->sv->last);
		t->sv->last = mem_ref(mb);
		advance(t->sv, a->status);
	}
	mem_deref(mb);
	return 0;
}

int stxn_resend(struct stxn *t)
{
	return t->last ? stack_respond(t->l, t->msg, t->last) : ENOENT;
}

static bool flush_one(struct le *le, void *arg)
{
	(void)arg;
	mem_deref(le->data);
	return false;
}

void server_flush(struct stack *s)
{
	hash_apply(s->servers, flush_one, NULL);
}
