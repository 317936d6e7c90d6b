/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/target.c - what a branch rings, see door.h. */
#include <stdio.h>
#include <string.h>
#include "control/sip/door.h"

/* Where a connection is made to, should the one it registered by be gone: its
 * own address, or that of the proxy in between. */
static bool other_of(const struct store_binding *to, struct sa *out)
{
	struct sip_addr addr;
	struct pl pl;
	struct uri u;

	if (to->path[0]) {
		pl.p = to->path;
		pl.l = strcspn(to->path, "\n");
		if (sip_addr_decode(&addr, &pl))
			return false;
		u = addr.uri;
	} else {
		pl_set_str(&pl, to->contact);
		if (uri_decode(&u, &pl))
			return false;
	}
	return !sa_set(out, &u.host, u.port ? u.port : SIP_PORT);
}

/* A browser's Contact says so (RFC 7118 section 5); the transport here may be
 * that of a proxy in between. */
static bool is_browser(const struct store_binding *b)
{
	struct pl uri;
	struct uri u;

	if (!strcmp(b->transport, "ws") || !strcmp(b->transport, "wss"))
		return true;
	pl_set_str(&uri, b->contact);
	if (!b->path[0] || uri_decode(&u, &uri) ||
	    msg_param_decode(&u.params, "transport", &uri))
		return false;
	return !pl_strcasecmp(&uri, "ws") || !pl_strcasecmp(&uri, "wss");
}

/* The phone is where it registered from. */
static bool hop_to(struct hop *h, const struct door *d,
		   const struct store_binding *to)
{
	struct sa local;

	memset(h, 0, sizeof(*h));
	if (!sip_tp_parse(&h->tp, to->transport) ||
	    !sip_addr_parse(&local, to->local) ||
	    !sip_addr_parse(&h->peer, to->source))
		return false;
	h->via = stack_find(d->stack, &local, h->tp);
	if ((h->tp == SIP_TCP || h->tp == SIP_TLS) && !other_of(to, &h->other))
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
	snprintf(t->routes, sizeof(t->routes), "%s", to->path);
	snprintf(t->from, sizeof(t->from), "%s", from);
	snprintf(t->to, sizeof(t->to), "<sip:%s@%s>", callee->name,
		 d->cfg.domain);
	t->profile = callee->profile;
	t->profile.browser = is_browser(to);
	t->profile.tls = strcmp(to->transport, "tls") == 0;
	return true;
}
