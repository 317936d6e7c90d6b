/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "control/endpoint/call_int.h"

#define HASH 64

static const char *const answers_plain[] = {"OPTIONS"};

int ua_credentials(char **user, char **password, const char *realm, void *arg)
{
	const struct ua *ua = arg;
	int err;

	(void)realm;
	if (!ua->c.user || !ua->c.password)
		return EACCES;
	err = str_dup(user, ua->c.user);
	return err ? err : str_dup(password, ua->c.password);
}

int ua_contact(enum sip_transp tp, const struct sa *src, const struct sa *dst,
	       struct mbuf *mb, void *arg)
{
	const struct ua *ua = arg;
	struct sip_contact contact;

	(void)dst;
	sip_contact_set(&contact, ua->user, src, tp);
	return mbuf_printf(mb, "%H", sip_contact_print, &contact);
}

bool ua_aor(char *out, size_t room, const struct uri *uri)
{
	int n = re_snprintf(out, room, "sip:%r@%r", &uri->user, &uri->host);

	return n > 0 && (size_t)n < room;
}

bool ua_is_loopback(const struct sa *sa)
{
	return sa_af(sa) == AF_INET ? sa_in(sa) >> 24 == 127
				    : sa_is_loopback(sa);
}

static bool request(const struct sip_msg *msg, void *arg)
{
	struct ua *ua = arg;

	if (ua->c.local_only && !ua_is_loopback(&msg->src)) {
		(void)sip_reply(ua->sip, msg, 403, "Forbidden");
		return true;
	}
	if (call_request(ua, msg))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(answers_plain); i++)
		if (!pl_strcmp(&msg->met, answers_plain[i])) {
			(void)sip_replyf(ua->sip, msg, 200, "OK",
					 "Allow: " ALLOW "\r\n"
					 "Accept: application/sdp\r\n"
					 "Content-Length: 0\r\n\r\n");
			return true;
		}
	/* A phone on this machine may want to register with `proxy`. */
	if (ua->c.local_only && !pl_strcmp(&msg->met, "REGISTER")) {
		const struct sip_hdr *h = sip_msg_hdr(msg, SIP_HDR_CONTACT);

		(void)sip_replyf(ua->sip, msg, 200, "OK",
				 "%s%r%s"
				 "Content-Length: 0\r\n\r\n",
				 h ? "Contact: " : "", h ? &h->val : &pl_null,
				 h ? ";expires=3600\r\n" : "");
		return true;
	}
	if (!pl_strcmp(&msg->met, "ACK"))
		return true;
	(void)sip_replyf(ua->sip, msg, 501, "Not Implemented",
			 "Allow: " ALLOW "\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static bool response(const struct sip_msg *msg, void *arg)
{
	return call_stray_2xx(arg, msg);
}

static void registered(int err, const struct sip_msg *msg, void *arg)
{
	struct ua *ua = arg;

	(void)err;
	ua->ops.registered(ua, msg ? msg->scode : 0, ua->ops.arg);
}

static int start_registration(struct ua *ua)
{
	const char *route[] = {ua->c.outbound};

	if (!ua->c.registrar)
		return 0;
	return sipreg_register(&ua->reg, ua->sip, ua->c.registrar, ua->c.aor,
			       NULL, ua->c.aor, ua->c.expires, ua->user, route,
			       ua->c.outbound ? 1 : 0, 0, ua_credentials, ua,
			       false, registered, ua, NULL, NULL);
}

static int start_dns(struct ua *ua)
{
	struct sa servers[4];
	uint32_t n = ARRAY_SIZE(servers);

	/* Without a resolver, addresses in URIs still work. */
	if (dns_srv_get(NULL, 0, servers, &n) || !n)
		return 0;
	return dnsc_alloc(&ua->dns, NULL, servers, n);
}

/* UDP and TCP on one address, and where it is any, on one port. */
static int start_transports(struct ua *ua)
{
	enum sip_transp tp[] = {ua->c.transp, ua->c.transp == SIP_TRANSP_UDP
						      ? SIP_TRANSP_TCP
						      : SIP_TRANSP_UDP};
	int err;

	ua->laddr = ua->c.laddr;
	err = sip_transp_add(ua->sip, tp[0], &ua->laddr);
	if (err)
		return err;
	err = sip_transp_laddr(ua->sip, &ua->laddr, tp[0], &ua->c.laddr);
	if (err)
		return err;
	return sip_transp_add(ua->sip, tp[1], &ua->laddr);
}

int ua_new(struct ua **up, const struct ua_config *c,
	   const struct call_ops *ops)
{
	struct ua *ua = mem_zalloc(sizeof(*ua), NULL);
	struct uri uri;
	struct pl pl;
	int err;

	if (!ua)
		return ENOMEM;
	ua->c = *c;
	ua->ops = *ops;
	pl_set_str(&pl, c->aor);
	err = uri_decode(&uri, &pl);
	if (err || pl_strcpy(&uri.user, ua->user, sizeof(ua->user))) {
		err = EINVAL;
		goto fail;
	}
	err = start_dns(ua);
	if (!err)
		err = sip_alloc(&ua->sip, ua->dns, HASH, HASH, HASH,
				"sallyport-endpoint", NULL, ua);
	if (!err)
		err = start_transports(ua);
	if (!err)
		err = sip_listen(&ua->requests, ua->sip, true, request, ua);
	if (!err)
		err = sip_listen(&ua->responses, ua->sip, false, response, ua);
	if (!err)
		err = start_registration(ua);
	if (err)
		goto fail;
	*up = ua;
	return 0;
fail:
	ua_free(ua);
	return err;
}

void ua_close(struct ua *ua)
{
	struct le *le;

	if (!ua || ua->closing)
		return;
	ua->closing = true;
	LIST_FOREACH (&ua->calls, le)
		call_hangup(le->data, 480, "Temporarily Unavailable");
	/* Takes the binding away, by itself. */
	ua->reg = mem_deref(ua->reg);
}

bool ua_idle(const struct ua *ua)
{
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		const struct call *c = le->data;

		if (c->state != CALL_CLOSED || c->invite || c->bye_due)
			return false;
	}
	return list_isempty(&ua->requests_out);
}

void ua_free(struct ua *ua)
{
	struct le *le;

	if (!ua)
		return;
	while ((le = list_head(&ua->calls)))
		call_free(le->data);
	list_flush(&ua->requests_out);
	mem_deref(ua->reg);
	mem_deref(ua->requests);
	mem_deref(ua->responses);
	if (ua->sip)
		sip_close(ua->sip, true);
	mem_deref(ua->sip);
	mem_deref(ua->dns);
	mem_deref(ua);
}

const struct ua_config *ua_config(const struct ua *ua)
{
	return &ua->c;
}

const struct sa *ua_laddr(const struct ua *ua)
{
	return &ua->laddr;
}

unsigned ua_calls(const struct ua *ua)
{
	unsigned n = 0;
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		const struct call *c = le->data;

		n += c->state != CALL_CLOSED && c->state != CALL_IDLE;
	}
	return n;
}

struct call *ua_call(const struct ua *ua, unsigned id)
{
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		struct call *c = le->data;

		if (c->id == id && c->state != CALL_CLOSED)
			return c;
	}
	return NULL;
}
