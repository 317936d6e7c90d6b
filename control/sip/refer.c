/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/refer.c - REFER in a call: transfer. RFC 3515, 3892, 4488, 5589.
 *
 * The gateway follows the REFER itself: the other phone of the call keeps its
 * dialog and is joined (join.h) with whoever the Refer-To names. Who asked for
 * it is told by NOTIFY, and its call ends when that has worked; until then, and
 * where it hasn't, nothing has changed for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/sip/dial.h"

struct refer {
	struct session *from; /* who asked */
};

/* Refer-To, taken apart. */
struct refer_to {
	struct sip_addr addr;
	char replaces[MESSAGE_URI_MAX]; /* "": none */
};

static void progress(struct join *j, uint16_t status, const char *reason,
		     void *arg)
{
	struct refer *r = arg;

	struct bridge *b = join_bridge(j);
	char lines[STORE_AOR_MAX + 16];

	(void)reason;
	if (r->from && status == 200 && park_orbit(b)) {
		/* where it is, for who has parked it */
		re_snprintf(lines, sizeof(lines), "Contact: <%s>\r\n",
			    call_party(b->call, LEG_B));
		subscription_tell(r->from, status, NULL, lines);
	} else if (r->from) {
		subscription_tell(r->from, status, NULL, NULL);
	}
	if (status >= 200)
		mem_deref(r);
}

static void refer_destructor(void *arg)
{
	struct refer *r = arg;

	if (r->from)
		r->from->refer = NULL;
}

void refer_forget(struct session *s)
{
	if (s->refer)
		s->refer->from = NULL;
	s->refer = NULL;
}

/* It can't even be begun. */
static void refuse(struct refer *r, uint16_t status, const char *why)
{
	log_info(call_id(r->from->br->b->call), "not put through: %u, %s",
		 status, why);
	subscription_tell(r->from, status, NULL, NULL);
	mem_deref(r);
}

static bool header_get(const struct uri *u, const char *name, char *out,
		       size_t size)
{
	struct pl key, val;

	pl_set_str(&key, name);
	return !uri_header_get(&u->headers, &key, &val) &&
	       re_snprintf(out, size, "%H", uri_header_unescape, &val) >= 0;
}

/* Exactly one, with a URI that an INVITE can go to. */
static bool refer_to(const struct sip_msg *m, struct refer_to *to)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_REFER_TO);
	struct pl method;

	if (!hdr || sip_msg_hdr_count(m, SIP_HDR_REFER_TO) != 1 ||
	    hdr->val.l >= MESSAGE_URI_MAX ||
	    sip_addr_decode(&to->addr, &hdr->val))
		return false;
	if (!msg_param_decode(&to->addr.uri.params, "method", &method) &&
	    pl_strcasecmp(&method, "INVITE"))
		return false;
	to->replaces[0] = '\0';
	header_get(&to->addr.uri, "Replaces", to->replaces,
		   sizeof(to->replaces));
	return true;
}

static void aor_of(const struct door *d, const struct uri *uri,
		   char to[STORE_AOR_MAX])
{
	char user[DIGEST_USER_MAX + 1];

	if (is_our_uri(d, uri) && message_uri_user(uri, user, sizeof(user)))
		snprintf(to, STORE_AOR_MAX, "sip:%s@%s", user, d->cfg.domain);
	else
		re_snprintf(to, STORE_AOR_MAX, "%H", uri_encode, uri);
}

/* A new call with x in it, and y, or whoever is rung for it. Whatever goes
 * wrong from here on ends that call, and progress() hears of it. */
static struct bridge *begin(struct refer *r, struct session *x,
			    struct session *y, const char *to)
{
	struct session *leg[2] = {x, y};
	struct door *d = x->br->b->d;
	char reason[STORE_AOR_MAX + 32];
	struct bridge *b = bridge_originate(d, session_aor(x), to);

	snprintf(reason, sizeof(reason), "transferred to %s", to);
	if (b && bridge_caller_session(b, x, session_aor(x)) &&
	    !str_dup(&b->referred_by, session_aor(r->from)) &&
	    join_new(b, leg, reason, progress, r))
		return b;
	if (b)
		bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory", NULL);
	refuse(r, 500, "out of memory");
	return NULL;
}

static void blind(struct refer *r, struct session *x,
		  const struct sip_addr *addr)
{
	const struct uri *uri = &addr->uri;
	char to[STORE_AOR_MAX];
	struct bridge *b;

	aor_of(x->br->b->d, uri, to);
	b = begin(r, x, NULL, to);
	if (b)
		dial_uri(b, uri, &addr->auri, "REFER to a number");
}

/* To whoever is at the other end of the dialog that Replaces names: one that
 * who asks has with us as well. */
static void consultative(struct refer *r, struct session *x,
			 const struct refer_to *to)
{
	struct bridge *other, *b = x->br->b;
	struct feature_answer may;
	struct session *named, *y;
	struct pl replaces;

	pl_set_str(&replaces, to->replaces);
	named = door_named(b->d, &replaces);
	other = named ? named->br->b : NULL;
	if (!other || !other->call || other == b ||
	    strcmp(session_aor(named), session_aor(r->from))) {
		refuse(r, 481, "who asks has no such call");
		return;
	}
	may = call_may(other->call, FEATURE_TRANSFER_CONSULTATIVE,
		       session_aor(r->from), "REFER with Replaces");
	y = named->br->s[OTHER_LEG(named->side)];
	if (!may.allowed) {
		refuse(r, (uint16_t)may.status, may.reason);
	} else if (other->up != named->br) {
		/* the target still rings, so it is rung for the other */
		bridge_end(other, CALL_BY_GATEWAY, 487,
			   "put through before it was answered", NULL);
		blind(r, x, &to->addr);
	} else if (y->join || !y->dlg.remote_tag) {
		refuse(r, 491, "the other call is being put through");
	} else {
		b = begin(r, x, y, session_aor(y));
		if (b && branch_between(b, &b->caller->profile))
			join_start(b->join);
		else if (b)
			bridge_end(b, CALL_BY_GATEWAY, 500, "out of memory",
				   NULL);
	}
}

static void park(struct refer *r, struct session *x, const struct uri *uri)
{
	char orbit[DIGEST_USER_MAX + 1];
	struct media_why why = {.status = 404, .text = "no such orbit"};

	if (!message_uri_user(uri, orbit, sizeof(orbit)) ||
	    !park_session(x, orbit, session_aor(r->from), progress, r, &why))
		refuse(r, (uint16_t)why.status, why.text);
}

/* RFC 4579 section 5.5: a party of a conference wants somebody in it. */
static void invite_to(struct refer *r, struct focus *f, const struct uri *uri)
{
	struct media_why why;
	char to[STORE_AOR_MAX];

	aor_of(r->from->br->b->d, uri, to);
	if (focus_call(f, uri, to, session_aor(r->from), progress, r, &why))
		refuse(r, (uint16_t)why.status, why.text);
}

/* May it be followed at all? Else it has been answered. */
static bool acceptable(struct session *s, struct listener *l,
		       const struct sip_msg *m, struct refer_to *to)
{
	struct door *d = s->br->b->d;
	struct session *x = s->br->s[OTHER_LEG(s->side)];

	if (!relay_may(s, l, m))
		return false;
	if (!refer_to(m, to)) {
		door_refuse(d, l, m, 400,
			    "not one Refer-To with a URI to call");
		return false;
	}
	if (s->br->b->up != s->br || x->join || s->join || s->sub) {
		door_refuse(d, l, m, 491, "the call is being put through");
		return false;
	}
	return true;
}

static bool wants_no_subscription(const struct sip_msg *m)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(m, "Refer-Sub");

	return hdr && hdr->val.l >= 5 && !strncasecmp(hdr->val.p, "false", 5);
}

void verb_refer(struct door *d, struct listener *l, struct session *s,
		const struct sip_msg *m)
{
	struct answer a = {.status = 202};
	struct mbuf *mb = mbuf_alloc(128);
	bool quiet = wants_no_subscription(m);
	struct refer *r = NULL;
	struct refer_to to;
	struct stxn *st = NULL;
	struct asked ask;
	int err;

	if (!s) {
		refuse_feature(d, l, s, m, NULL);
		goto out;
	}
	feature_asked(d, s, m, NULL, &ask);
	if (s->br->b->focus)
		ask.feature = FEATURE_ADD_PARTICIPANT;
	if (feature_refused(d, l, m, &ask) || !acceptable(s, l, m, &to))
		goto out;
	r = mem_zalloc(sizeof(*r), refer_destructor);
	st = stxn_new(l, m, NULL, NULL);
	err = r && st && mb ? session_contact(s, mb) : ENOMEM;
	if (!err && quiet) /* RFC 4488 section 4 */
		err = mbuf_write_str(mb, "Refer-Sub: false\r\n");
	if (!err && !quiet)
		err = subscription_new(s, m->cseq.num);
	if (err) {
		door_refuse(d, l, m, 503, "out of memory");
		mem_deref(r);
		goto out;
	}
	a.headers = mb;
	stxn_answer(st, &a);
	r->from = s;
	s->refer = r;
	subscription_tell(s, 100, NULL, NULL);
	if (s->br->b->focus)
		invite_to(r, s->br->b->focus, &to.addr.uri);
	else if (park_is_orbit(d, &to.addr.uri.user))
		park(r, s->br->s[OTHER_LEG(s->side)], &to.addr.uri);
	else if (to.replaces[0])
		consultative(r, s->br->s[OTHER_LEG(s->side)], &to);
	else
		blind(r, s->br->s[OTHER_LEG(s->side)], &to.addr);
out:
	mem_deref(st);
	mem_deref(mb);
}
