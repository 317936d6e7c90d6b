/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/register.c - the registrar. RFC 3261 section 10.3.
 *
 * A binding keeps, beside the Contact, where the request came from: requests
 * to the phone go there, so that phones behind address translation ring.
 *
 * RFC 5626 (outbound) as the edge proxy and registrar in one: with
 * +sip.instance and reg-id, a binding is a flow of a device, and is replaced by
 * that device's next registration under the same reg-id, whatever its Contact
 * and address have become. The flow is the connection, or over UDP the address,
 * that the registration came by.
 *
 * RFC 3327 (Path): a proxy in between says how the phone is reached through it.
 * That is kept with the binding, and is the route of what goes to the phone. */
#include <string.h>
#include <time.h>
#include "control/log.h"
#include "control/sip/door.h"

#define BINDINGS_MAX 10 /* of one user */

struct registration {
	struct door *d;
	const struct sip_msg *m;
	struct store_user user;
	struct store_binding known[BINDINGS_MAX];
	unsigned n_known;
	struct message_contacts contacts;
	char source[SIP_ADDR_TEXT], local[SIP_ADDR_TEXT];
	enum sip_tp tp;
	uint32_t cseq;
	char callid[MESSAGE_CALLID_MAX + 1];
	int64_t now;
	bool outbound;		   /* the phone knows of it */
	char path[STORE_PATH_MAX]; /* as in store.h */
	size_t path_len;
	unsigned paths;
	bool path_bad;
	bool edge_keeps; /* the proxy next to the phone keeps its flow */
};

static void collect(const struct store_binding *b, void *arg)
{
	struct registration *r = arg;

	if (r->n_known < BINDINGS_MAX)
		r->known[r->n_known++] = *b;
}

/* One Path value. The last is that of the proxy next to the phone. */
static bool take_path(const struct pl *val, void *arg)
{
	struct registration *r = arg;
	struct sip_addr addr;
	struct pl none;

	for (size_t i = 0; i < val->l; i++)
		r->path_bad |= val->p[i] < ' ' || val->p[i] >= 0x7f;
	r->path_bad |= sip_addr_decode(&addr, val) ||
		       !message_is_sip_uri(&addr.uri) ||
		       r->path_len + val->l + 2 > sizeof(r->path);
	if (r->path_bad || ++r->paths > DIALOG_ROUTES_MAX)
		return true;
	r->edge_keeps = !msg_param_exists(&addr.uri.params, "ob", &none);
	if (r->path_len)
		r->path[r->path_len++] = '\n';
	memcpy(r->path + r->path_len, val->p, val->l);
	r->path_len += val->l;
	return false;
}

static struct store_binding *find(struct registration *r, const struct pl *uri)
{
	for (unsigned i = 0; i < r->n_known; i++)
		if (!pl_strcmp(uri, r->known[i].contact))
			return &r->known[i];
	return NULL;
}

/* A WebSocket that was closed, as by a page that was loaded anew: nobody can be
 * called there any more. */
static bool is_gone(const struct store_binding *b)
{
	return b->lost && (!strcmp(b->transport, sip_tp_name(SIP_WS)) ||
			   !strcmp(b->transport, sip_tp_name(SIP_WSS)));
}

static unsigned count_kept(const struct registration *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_known; i++)
		n += !is_gone(&r->known[i]);
	return n;
}

/* Is it a flow of a device, rather than a Contact? */
static bool is_flow(const struct registration *r,
		    const struct message_contact *c)
{
	return r->outbound && c->reg_id && c->instance.l &&
	       c->instance.l < sizeof(((struct store_binding *)0)->instance);
}

/* A request of the same Call-ID that is older than what it would change. */
static bool out_of_order(const struct registration *r,
			 const struct store_binding *b)
{
	return !strcmp(b->callid, r->callid) && r->cseq <= b->cseq;
}

/* Seconds for one contact: its own parameter, else the header, else ours. */
static uint32_t expires_of(const struct registration *r,
			   const struct message_contact *c)
{
	const struct config_sip *sip = r->d->cfg.sip;
	uint32_t n = c->expires;

	if (n == MESSAGE_NO_EXPIRES)
		n = message_expires(r->m);
	if (n == MESSAGE_NO_EXPIRES)
		n = sip->default_expires;
	return n > sip->max_expires ? sip->max_expires : n;
}

/* All is checked before anything is changed (section 10.3, step 7).
 * @return the status to refuse with, or 0. */
static uint16_t check_contacts(struct registration *r, const char **text)
{
	const struct message_contacts *cs = &r->contacts;

	*text = NULL;
	if (cs->star) {
		*text = "Contact: * goes with Expires: 0 and alone";
		if (cs->n || message_expires(r->m) != 0)
			return 400;
		for (unsigned i = 0; i < r->n_known; i++)
			if (out_of_order(r, &r->known[i]))
				return 500;
		*text = NULL;
		return 0;
	}
	for (unsigned i = 0; i < cs->n; i++) {
		const struct message_contact *c = &cs->c[i];
		const struct store_binding *b = find(r, &c->uri);
		uint32_t expires = expires_of(r, c);
		struct sa addr;

		*text = "only sip: contacts can be reached here";
		if (!message_is_sip_uri(&c->parsed))
			return 400;
		*text = "that contact is the gateway itself";
		if (!sa_set(&addr, &c->parsed.host,
			    c->parsed.port ? c->parsed.port : SIP_PORT) &&
		    stack_is_local(r->d->stack, &addr))
			return 403;
		*text = NULL;
		if (expires && expires < r->d->cfg.sip->min_expires)
			return 423;
		*text = "an older request of this registration came late";
		if (b && out_of_order(r, b))
			return 500;
		*text = "too many contacts for one user";
		if (!b && expires && count_kept(r) + i >= BINDINGS_MAX)
			return 403;
		*text = NULL;
	}
	return 0;
}

/* A phone that was started anew registers another Contact or Call-ID from the
 * address it had, a page over another connection: what they left behind would
 * ring nowhere. */
static void drop_left_behind(struct registration *r)
{
	for (unsigned i = 0; i < r->n_known; i++) {
		const struct store_binding *b = &r->known[i];

		/* behind a proxy many have its address */
		if (is_gone(b) || (!b->reg_id && !b->path[0] &&
				   !strcmp(b->source, r->source) &&
				   !strcmp(b->transport, sip_tp_name(r->tp)) &&
				   strcmp(b->callid, r->callid)))
			store_binding_remove(r->d->cfg.store, b->user,
					     b->contact);
	}
}

/* The device has moved: what the same flow of it left elsewhere goes. So do
 * earlier Contacts of a device that names itself and registers but one. */
static void drop_moved(struct registration *r, const struct message_contact *c)
{
	uint32_t reg_id = is_flow(r, c) ? c->reg_id : 0;

	for (unsigned i = 0; i < r->n_known; i++) {
		const struct store_binding *b = &r->known[i];

		if (c->instance.l && !pl_strcmp(&c->instance, b->instance) &&
		    pl_strcmp(&c->uri, b->contact) && b->reg_id == reg_id &&
		    (reg_id || r->contacts.n == 1))
			store_binding_remove(r->d->cfg.store, b->user,
					     b->contact);
	}
}

static void put(struct registration *r, const struct message_contact *c,
		uint32_t expires)
{
	struct store_binding b = {.cseq = r->cseq, .expires = r->now + expires};
	const struct sip_hdr *ua = sip_msg_hdr(r->m, SIP_HDR_USER_AGENT);

	pl_strcpy(&c->uri, b.contact, sizeof(b.contact));
	drop_moved(r, c);
	if (!expires) {
		store_binding_remove(r->d->cfg.store, r->user.name, b.contact);
		return;
	}
	re_snprintf(b.user, sizeof(b.user), "%s", r->user.name);
	re_snprintf(b.source, sizeof(b.source), "%s", r->source);
	re_snprintf(b.local, sizeof(b.local), "%s", r->local);
	re_snprintf(b.transport, sizeof(b.transport), "%s", sip_tp_name(r->tp));
	re_snprintf(b.callid, sizeof(b.callid), "%s", r->callid);
	if (c->instance.l < sizeof(b.instance))
		pl_strcpy(&c->instance, b.instance, sizeof(b.instance));
	if (is_flow(r, c))
		b.reg_id = c->reg_id;
	memcpy(b.path, r->path, sizeof(b.path));
	if (ua && ua->val.l < sizeof(b.user_agent))
		pl_strcpy(&ua->val, b.user_agent, sizeof(b.user_agent));
	store_binding_put(r->d->cfg.store, &b);
}

static void change(struct registration *r)
{
	if (r->contacts.star)
		store_binding_remove(r->d->cfg.store, r->user.name, NULL);
	if (r->contacts.n)
		drop_left_behind(r);
	for (unsigned i = 0; i < r->contacts.n; i++)
		put(r, &r->contacts.c[i], expires_of(r, &r->contacts.c[i]));
	if (r->contacts.n)
		stack_flow_user(r->m, r->user.name);
	if (r->contacts.star || r->contacts.n)
		log_info(0, "%s registered from %s/%s", r->user.name, r->source,
			 sip_tp_name(r->tp));
}

struct listing {
	struct mbuf *mb;
	int64_t now;
	int err;
};

static void list_binding(const struct store_binding *b, void *arg)
{
	struct listing *l = arg;

	if (b->expires <= l->now)
		return;
	l->err |= mbuf_printf(l->mb, "Contact: <%s>;expires=%u", b->contact,
			      (unsigned)(b->expires - l->now));
	if (b->instance[0])
		l->err |= mbuf_printf(l->mb, ";+sip.instance=\"<%s>\"",
				      b->instance);
	if (b->reg_id)
		l->err |= mbuf_printf(l->mb, ";reg-id=%u", b->reg_id);
	l->err |= mbuf_write_str(l->mb, "\r\n");
}

static bool any_flow(const struct registration *r)
{
	for (unsigned i = 0; i < r->contacts.n; i++)
		if (is_flow(r, &r->contacts.c[i]))
			return true;
	return false;
}

/* Section 5.3: what was learned, to whom knows of it. */
static int path_lines(struct mbuf *mb, const char *path)
{
	int err = 0;

	while (*path) {
		struct pl line = {path, strcspn(path, "\n")};

		err |= mbuf_printf(mb, "Path: %r\r\n", &line);
		path += line.l + (path[line.l] == '\n');
	}
	return err | mbuf_write_str(mb, "Supported: path\r\n");
}

static void answer(struct registration *r, struct listener *l, uint16_t status,
		   const char *text)
{
	struct listing list = {mbuf_alloc(512), r->now, 0};
	struct answer a = {.status = status, .headers = list.mb};
	struct stxn *st;

	if (!list.mb)
		return;
	if (status == 423)
		list.err |= mbuf_printf(list.mb, "Min-Expires: %u\r\n",
					r->d->cfg.sip->min_expires);
	if (status >= 300)
		list.err |= refusal_headers(list.mb, l, status, text);
	else
		store_binding_list(r->d->cfg.store, r->user.name, list_binding,
				   &list);
	if (status < 300 && any_flow(r))
		list.err |= mbuf_write_str(list.mb, "Require: outbound\r\n"
						    "Supported: outbound\r\n");
	if (status < 300 && r->path_len)
		list.err |= path_lines(list.mb, r->path);
	st = stxn_new(l, r->m, NULL, NULL);
	if (st && !list.err)
		stxn_answer(st, &a);
	mem_deref(st);
	mem_deref(list.mb);
}

void verb_register(struct door *d, struct listener *l, struct session *s,
		   const struct sip_msg *m)
{
	struct registration r = {.d = d, .m = m, .now = (int64_t)time(NULL)};
	char name[DIGEST_USER_MAX + 1];
	const char *text;
	uint16_t status;
	struct hop hop;

	(void)s;
	if (!is_our_uri(d, &m->uri) || !is_our_uri(d, &m->to.uri)) {
		door_refuse(d, l, m, 404, "not a domain of this registrar");
		return;
	}
	if (!door_extensions(d, l, m) || !auth_check(d, l, m, &r.user))
		return;
	if (!message_uri_user(&m->to.uri, name, sizeof(name)) ||
	    strcmp(name, r.user.name)) {
		door_refuse(d, l, m, 403, "that is another user's address");
		return;
	}
	hop_of(&hop, l, m);
	sip_addr_print(r.source, &hop.peer);
	sip_addr_print(r.local, listener_addr(l));
	r.tp = hop.tp;
	r.outbound = message_lists(m, SIP_HDR_SUPPORTED, "outbound");
	r.cseq = m->cseq.num;
	pl_strcpy(&m->callid, r.callid, sizeof(r.callid));
	store_binding_list(d->cfg.store, r.user.name, collect, &r);

	status = 400;
	text = "malformed Contact";
	if (message_contacts(m, &r.contacts))
		status = check_contacts(&r, &text);
	message_values(m, SIP_HDR_PATH, take_path, &r);
	if (!status && (r.path_bad || r.paths > DIALOG_ROUTES_MAX)) {
		status = 400;
		text = r.path_bad ? "a Path that is malformed, or too long"
				  : "more Paths than there may be Routes";
	}
	/* RFC 5626 section 6: what lies between must keep the flow. */
	if (!status && any_flow(&r) && !r.edge_keeps &&
	    sip_msg_hdr_count(m, SIP_HDR_VIA) > 1) {
		status = 439;
		text = "the proxy in between keeps no flows";
	}
	if (!status)
		change(&r);
	answer(&r, l, status ? status : 200, text);
}
