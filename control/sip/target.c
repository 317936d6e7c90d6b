/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/target.c - what a branch rings, see door.h. */
#include <stdio.h>
#include <string.h>
#include "control/sip/door.h"

/* The phone is where it registered from. */
static bool hop_to(struct hop *h, const struct door *d,
		   const struct store_binding *to)
{
	struct pl uri;
	struct uri u;
	struct sa local;

	memset(h, 0, sizeof(*h));
	if (!sip_tp_parse(&h->tp, to->transport) ||
	    !sip_addr_parse(&local, to->local) ||
	    !sip_addr_parse(&h->peer, to->source))
		return false;
	h->via = stack_find(d->stack, &local, h->tp);
	pl_set_str(&uri, to->contact);
	if ((h->tp == SIP_TCP || h->tp == SIP_TLS) && !uri_decode(&u, &uri) &&
	    sa_set(&h->other, &u.host, u.port ? u.port : SIP_PORT))
		sa_init(&h->other, AF_UNSPEC);
	return h->via && !stack_is_local(d->stack, &h->peer) &&
	       hop_reachable(h);
}

bool user_name_addr(char out[TARGET_NAME_MAX], const struct door *d,
		    const struct store_user *u)
{
	struct mbuf *mb = mbuf_alloc(TARGET_NAME_MAX);
	bool ok = mb;

	if (ok && u->display[0])
		ok = !message_quote(mb, u->display) && !mbuf_write_u8(mb, ' ');
	ok = ok && !mbuf_printf(mb, "<sip:%s@%s>", u->name, d->cfg.domain) &&
	     mb->end < TARGET_NAME_MAX;
	if (ok) {
		memcpy(out, mb->buf, mb->end);
		out[mb->end] = '\0';
	}
	mem_deref(mb);
	return ok;
}

bool target_phone(struct target *t, const struct door *d,
		  const struct store_binding *to, const char *from,
		  const struct store_user *callee)
{
	memset(t, 0, sizeof(*t));
	/* Only by its flow (RFC 5626 section 5.3), which it will make anew. */
	if ((to->lost && to->reg_id) || !hop_to(&t->hop, d, to))
		return false;
	snprintf(t->uri, sizeof(t->uri), "%s", to->contact);
	snprintf(t->from, sizeof(t->from), "%s", from);
	snprintf(t->to, sizeof(t->to), "<sip:%s@%s>", callee->name,
		 d->cfg.domain);
	t->profile = callee->profile;
	t->profile.browser = strcmp(to->transport, "ws") == 0 ||
			     strcmp(to->transport, "wss") == 0;
	t->profile.tls = strcmp(to->transport, "tls") == 0;
	return true;
}
