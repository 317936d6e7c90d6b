/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/in.c - a call that comes in from a trunk: for whom, from whom. */
#include <string.h>
#include "control/trunk/impl.h"

/* The number in a URI, as this trunk writes numbers; text: as it stands. */
static bool number_in(struct number *n, const struct trunks *ts,
		      const struct trunk *t, const struct uri *u,
		      const struct pl *text)
{
	const struct number_plan *plan = &ts->cfg.plan;
	char user[96];

	if (!pl_strcasecmp(&u->scheme, "tel"))
		return number_of_uri(n, plan, NULL, text->p, text->l) >
		       NUMBER_INTERNAL;
	if (!message_uri_user(u, user, sizeof(user)))
		return false;
	return number_from_trunk(n, plan, (enum number_format)t->set.format,
				 user, strcspn(user, ";")) > NUMBER_INTERNAL;
}

bool trunk_called(const struct trunks *ts, const struct trunk *t,
		  const struct sip_msg *m, struct store_did *did)
{
	const struct uri *const in[] = {&m->uri, &m->to.uri};
	const struct pl *const text[] = {&m->ruri, &m->to.auri};
	struct number n;

	memset(did, 0, sizeof(*did));
	for (unsigned i = 0; i < ARRAY_SIZE(in); i++) {
		if (!number_in(&n, ts, t, in[i], text[i]))
			continue;
		if (!store_did_get(ts->cfg.store, n.text, did))
			return true;
		if (!did->number[0])
			strcpy(did->number, n.text);
	}
	return false;
}

bool trunk_privacy(const struct sip_msg *m)
{
	static const char *const hides[] = {"id", "user", "header"};
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_PRIVACY);
	struct pl rest = hdr ? hdr->val : pl_null, one;

	while (rest.l) {
		size_t n = 0;

		while (n < rest.l && !strchr("; ,\t", rest.p[n]))
			n++;
		one.p = rest.p;
		one.l = n;
		pl_advance(&rest, (ssize_t)(n < rest.l ? n + 1 : n));
		for (unsigned i = 0; i < ARRAY_SIZE(hides); i++)
			if (!pl_strcasecmp(&one, hides[i]))
				return true;
	}
	return false;
}

void trunk_calling(const struct trunks *ts, const struct trunk *t,
		   const struct sip_msg *m, struct trunk_caller *out)
{
	const struct sip_hdr *pai = sip_msg_hdr(m, SIP_HDR_P_ASSERTED_IDENTITY);
	struct sip_addr asserted;
	struct number n;
	bool known;

	memset(out, 0, sizeof(*out));
	known = pai && !sip_addr_decode(&asserted, &pai->val) &&
		number_in(&n, ts, t, &asserted.uri, &asserted.auri);
	if (!known)
		known = number_in(&n, ts, t, &m->from.uri, &m->from.auri);
	out->anonymous = trunk_privacy(m) || !known;
	if (!out->anonymous)
		strcpy(out->number, n.text);
}
