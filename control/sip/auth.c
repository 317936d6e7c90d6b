/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/auth.c - who sent a request. RFC 3261 section 22.
 *
 * A wrong password and an unknown user look the same from outside: the same
 * work, the same answer. */
#include <string.h>
#include <time.h>
#include <sodium.h>
#include "control/log.h"
#include "control/sip/door.h"
#include "control/trunk/challenge.h"
#include "control/trunk/trunk.h"

bool is_our_uri(const struct door *d, const struct uri *u)
{
	struct sa addr;

	if (!message_is_sip_uri(u))
		return false;
	if (!pl_strcasecmp(&u->host, d->cfg.domain))
		return true;
	return !sa_set(&addr, &u->host, u->port) &&
	       stack_is_local(d->stack, &addr);
}

static void challenge(struct door *d, struct listener *l,
		      const struct sip_msg *m, bool stale)
{
	bool registrar = message_is(m, "REGISTER");
	struct answer a = {.status = registrar ? 401 : 407};
	struct mbuf *mb = mbuf_alloc(256);
	int err;

	if (!mb)
		return;
	err = mbuf_write_str(mb, registrar ? "WWW-Authenticate: "
					   : "Proxy-Authenticate: ");
	err |= digest_challenge(d->digest, mb, (int64_t)time(NULL), stale,
				&m->src);
	err |= mbuf_write_str(mb, "\r\n");
	a.headers = mb;
	if (!err)
		stack_reply(l, m, &a);
	mem_deref(mb);
}

struct search {
	const struct digest *digest;
	struct digest_response r;
};

static bool ours(const struct sip_hdr *hdr, const struct sip_msg *m, void *arg)
{
	struct search *s = arg;

	(void)m;
	return digest_parse(&s->r, &hdr->val) &&
	       digest_is_ours(s->digest, &s->r);
}

/* Credentials given for one user's URI are not good for another's. Phones
 * differ in the parameters they repeat, and some name the domain only; that a
 * response is good for one request is what its count sees to. */
static bool same_target(const struct door *d, const struct pl *uri,
			const struct sip_msg *m)
{
	struct uri u;

	if (!pl_cmp(uri, &m->ruri)) /* tel: as well */
		return true;
	return !uri_decode(&u, uri) && is_our_uri(d, &u) &&
	       (!u.user.l || !pl_cmp(&u.user, &m->uri.user));
}

bool auth_check(struct door *d, struct listener *l, const struct sip_msg *m,
		struct store_user *u)
{
	enum sip_hdrid id = message_is(m, "REGISTER")
				    ? SIP_HDR_AUTHORIZATION
				    : SIP_HDR_PROXY_AUTHORIZATION;
	struct search s = {.digest = d->digest};
	enum digest_verdict verdict;
	char name[DIGEST_USER_MAX + 1];
	bool known;

	if (!sip_msg_hdr_apply(m, true, id, ours, &s)) {
		challenge(d, l, m, false);
		return false;
	}
	memset(u, 0, sizeof(*u));
	known = digest_username(&s.r, name) &&
		!store_user_get(d->cfg.store, name, u);
	verdict = digest_check(d->digest, &s.r, &m->met, known ? u->ha1 : NULL,
			       (int64_t)time(NULL));
	sodium_memzero(u->ha1, sizeof(u->ha1));
	if (verdict == DIGEST_OK && same_target(d, &s.r.uri, m)) {
		guard_authenticated(stack_guard(d->stack), &m->src,
				    tmr_jiffies());
		return true;
	}
	if (verdict == DIGEST_STALE) {
		challenge(d, l, m, true);
	} else {
		char from[SIP_ADDR_TEXT];

		sip_addr_print(from, &m->src);
		log_warn(0, "%.*s from %s as \"%.*s\": wrong user or password",
			 (int)m->met.l, m->met.p, from, (int)s.r.username.l,
			 s.r.username.p);
		if (digest_given_to(d->digest, &s.r, &m->src))
			guard_wrong_password(stack_guard(d->stack), &m->src,
					     tmr_jiffies());
		door_refuse(d, l, m, 403, "wrong user name or password");
	}
	return false;
}

bool auth_trunk(struct door *d, struct listener *l, const struct sip_msg *m,
		const struct trunk *t)
{
	const struct trunk_settings *set = trunk_set(t);
	const char *user = set->auth_user[0] ? set->auth_user : set->user;
	struct search s = {.digest = d->digest};
	char name[DIGEST_USER_MAX + 1], ha1[CHALLENGE_HASH_MAX + 1];
	enum digest_verdict verdict;

	if (!sip_msg_hdr_apply(m, true, SIP_HDR_PROXY_AUTHORIZATION, ours,
			       &s)) {
		challenge(d, l, m, false);
		return false;
	}
	if (!digest_username(&s.r, name) || strcmp(name, user) ||
	    !trunk_password(t)[0] ||
	    !challenge_ha1(ha1, CHALLENGE_MD5, user, d->cfg.domain,
			   trunk_password(t)))
		verdict = digest_check(d->digest, &s.r, &m->met, NULL,
				       (int64_t)time(NULL));
	else
		verdict = digest_check(d->digest, &s.r, &m->met, ha1,
				       (int64_t)time(NULL));
	sodium_memzero(ha1, sizeof(ha1));
	if (verdict == DIGEST_OK && !pl_cmp(&s.r.uri, &m->ruri))
		return true;
	if (verdict == DIGEST_STALE) {
		challenge(d, l, m, true);
		return false;
	}
	log_warn(0, "an INVITE in the name of trunk %s: wrong user or password",
		 trunk_name(t));
	door_refuse(d, l, m, 403, "wrong user name or password");
	return false;
}
