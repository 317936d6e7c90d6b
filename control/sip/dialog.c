/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/dialog.c - dialogs, see dialog.h. */
#include "control/sip/dialog.h"
#include <errno.h>
#include <string.h>

/* A crash may lose the last moments before it: go on well above what was
 * saved, so no sequence number is used twice. */
#define SEQ_SKIP 64

void dialog_reset(struct dialog *d)
{
	mem_deref(d->callid);
	mem_deref(d->local);
	mem_deref(d->remote);
	mem_deref(d->local_tag);
	mem_deref(d->remote_tag);
	mem_deref(d->target);
	for (unsigned i = 0; i < d->routes; i++)
		mem_deref(d->route[i]);
	memset(d, 0, sizeof(*d));
}

static int replace(char **dst, const struct pl *src)
{
	char *copy;
	int err = pl_strdup(&copy, src);

	if (err)
		return err;
	mem_deref(*dst);
	*dst = copy;
	return 0;
}

static int replace_str(char **dst, const char *src)
{
	struct pl pl;

	pl_set_str(&pl, src);
	return replace(dst, &pl);
}

int dialog_set_local_tag(struct dialog *d, uint64_t tag)
{
	char text[20];

	re_snprintf(text, sizeof(text), "%016llx", (unsigned long long)tag);
	return replace_str(&d->local_tag, text);
}

/* A name-addr of ours from what the peer wrote: the display name and the URI,
 * without parameters, which are the tag and what doesn't concern a dialog. */
static int name_addr(char **dst, const struct sip_taddr *a)
{
	json_t *utf8 = json_stringn(a->dname.p ? a->dname.p : "", a->dname.l);
	bool fit = utf8 && a->dname.l;

	json_decref(utf8); /* what isn't UTF-8 can't be saved */
	for (size_t i = 0; i < a->dname.l; i++)
		fit = fit && (unsigned char)a->dname.p[i] >= ' ';
	if (!fit)
		return re_sdprintf(dst, "<%r>", &a->auri);
	return re_sdprintf(dst, "\"%r\" <%r>", &a->dname, &a->auri);
}

struct routes {
	char **route;
	unsigned n;
	int err;
};

static bool add_route(const struct pl *val, void *arg)
{
	struct routes *r = arg;

	if (r->n == DIALOG_ROUTES_MAX || val->l >= MESSAGE_URI_MAX)
		r->err = EBADMSG;
	for (size_t i = 0; i < val->l; i++)
		if (val->p[i] < ' ' || val->p[i] >= 0x7f)
			r->err = EBADMSG;
	if (r->err)
		return true;
	r->err = pl_strdup(&r->route[r->n], val);
	if (!r->err)
		r->n++;
	return r->err != 0;
}

/* The route set: as UAS in the order of Record-Route, as UAC reversed
 * (sections 12.1.1, 12.1.2). */
static int learn_routes(struct dialog *d, const struct sip_msg *m, bool fwd)
{
	struct routes r = {d->route, 0, 0};

	for (unsigned i = 0; i < d->routes; i++)
		mem_deref(d->route[i]);
	d->routes = 0;
	message_values(m, SIP_HDR_RECORD_ROUTE, add_route, &r);
	for (unsigned i = 0; !fwd && i < r.n / 2; i++) {
		char *route = d->route[i];

		d->route[i] = d->route[r.n - 1 - i];
		d->route[r.n - 1 - i] = route;
	}
	d->routes = r.n;
	return r.err;
}

int dialog_routes(struct dialog *d, const char *lines)
{
	while (*lines) {
		struct pl line = {lines, strcspn(lines, "\n")};

		if (d->routes == DIALOG_ROUTES_MAX)
			return EBADMSG;
		if (pl_strdup(&d->route[d->routes], &line))
			return ENOMEM;
		d->routes++;
		lines += line.l + (lines[line.l] == '\n');
	}
	return 0;
}

int dialog_uas(struct dialog *d, const struct sip_msg *req, uint64_t tag)
{
	struct message_contact contact;
	int err;

	if (!message_contact(req, &contact))
		return EBADMSG;
	err = replace(&d->callid, &req->callid);
	err = err ? err : name_addr(&d->remote, &req->from);
	err = err ? err : name_addr(&d->local, &req->to);
	err = err ? err : replace(&d->remote_tag, &req->from.tag);
	err = err ? err : dialog_set_local_tag(d, tag);
	err = err ? err : replace(&d->target, &contact.uri);
	err = err ? err : learn_routes(d, req, true);
	d->remote_seq = req->cseq.num;
	d->remote_seen = true;
	if (err)
		dialog_reset(d);
	return err;
}

int dialog_uac(struct dialog *d, const char *local, const char *remote,
	       const char *target)
{
	char callid[40];
	int err;

	re_snprintf(callid, sizeof(callid), "%016llx%016llx",
		    (unsigned long long)rand_u64(),
		    (unsigned long long)rand_u64());
	err = replace_str(&d->callid, callid);
	err = err ? err : replace_str(&d->local, local);
	err = err ? err : replace_str(&d->remote, remote);
	err = err ? err : replace_str(&d->target, target);
	err = err ? err : dialog_set_local_tag(d, rand_u64());
	d->ours = true;
	if (err)
		dialog_reset(d);
	return err;
}

int dialog_learn(struct dialog *d, const struct sip_msg *resp)
{
	struct message_contact contact;
	int err;

	if (!pl_isset(&resp->to.tag))
		return resp->scode < 200 ? 0 : EBADMSG;
	err = replace(&d->remote_tag, &resp->to.tag);
	err = err ? err : learn_routes(d, resp, false);
	if (err)
		return err;
	/* A 2xx must have a Contact; where it hasn't, what was called serves. */
	return message_contact(resp, &contact)
		       ? replace(&d->target, &contact.uri)
		       : 0;
}

int dialog_copy(struct dialog *d, const struct dialog *from)
{
	int err;

	err = replace_str(&d->callid, from->callid);
	err = err ? err : replace_str(&d->local, from->local);
	err = err ? err : replace_str(&d->remote, from->remote);
	err = err ? err : replace_str(&d->target, from->target);
	if (from->remote_tag)
		err = err ? err : replace_str(&d->remote_tag, from->remote_tag);
	for (unsigned i = 0; !err && i < from->routes; i++) {
		err = replace_str(&d->route[i], from->route[i]);
		d->routes += !err;
	}
	d->local_seq = from->local_seq;
	d->remote_seq = from->remote_seq;
	d->remote_seen = from->remote_seen;
	d->ours = from->ours;
	if (err)
		dialog_reset(d);
	return err;
}

static bool same(const struct dialog *d, const struct sip_msg *m,
		 const struct pl *local, const struct pl *remote)
{
	return d->remote_tag && !pl_strcmp(&m->callid, d->callid) &&
	       !pl_strcmp(local, d->local_tag) &&
	       !pl_strcmp(remote, d->remote_tag);
}

bool dialog_has_request(const struct dialog *d, const struct sip_msg *m)
{
	return same(d, m, &m->to.tag, &m->from.tag);
}

bool dialog_has_response(const struct dialog *d, const struct sip_msg *m)
{
	return same(d, m, &m->from.tag, &m->to.tag);
}

bool dialog_sequence(struct dialog *d, const struct sip_msg *req)
{
	if (d->remote_seen && req->cseq.num <= d->remote_seq)
		return false;
	d->remote_seq = req->cseq.num;
	d->remote_seen = true;
	return true;
}

int dialog_refresh(struct dialog *d, const struct sip_msg *m)
{
	struct message_contact contact;

	return message_contact(m, &contact) ? replace(&d->target, &contact.uri)
					    : 0;
}

uint32_t dialog_next(struct dialog *d)
{
	return ++d->local_seq;
}

/* The URI in a route, and whether its host routes loosely. */
static bool route_uri(const char *route, struct pl *auri, bool *loose)
{
	struct sip_addr a;
	struct pl pl, val;

	pl_set_str(&pl, route);
	if (sip_addr_decode(&a, &pl))
		return false;
	*auri = a.auri;
	*loose = !msg_param_exists(&a.uri.params, "lr", &val);
	return true;
}

/* Section 12.2.1.1, for a strict router: its URI is the Request-URI, and the
 * remote target goes to the end of the routes. */
static bool strict(const struct dialog *d)
{
	struct pl auri;
	bool loose;

	return d->routes && route_uri(d->route[0], &auri, &loose) && !loose;
}

const char *dialog_request_uri(const struct dialog *d)
{
	static char uri[MESSAGE_URI_MAX];
	struct pl auri;
	bool loose;

	if (d->routes && route_uri(d->route[0], &auri, &loose) && !loose &&
	    !pl_strcpy(&auri, uri, sizeof(uri)))
		return uri;
	return d->target;
}

int dialog_headers(const struct dialog *d, struct mbuf *mb, const char *method,
		   uint32_t seq)
{
	bool is_strict = strict(d);
	int err;

	err = mbuf_printf(mb, "From: %s;tag=%s\r\nTo: %s", d->local,
			  d->local_tag, d->remote);
	if (d->remote_tag)
		err |= mbuf_printf(mb, ";tag=%s", d->remote_tag);
	err |= mbuf_printf(mb, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", d->callid,
			   seq, method);
	for (unsigned i = is_strict; i < d->routes; i++)
		err |= mbuf_printf(mb, "Route: %s\r\n", d->route[i]);
	if (is_strict)
		err |= mbuf_printf(mb, "Route: <%s>\r\n", d->target);
	return err;
}

json_t *dialog_save(const struct dialog *d)
{
	json_t *routes = json_array();

	for (unsigned i = 0; i < d->routes; i++)
		json_array_append_new(routes, json_string(d->route[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:o, s:I, s:I, s:b,"
			 " s:b}",
			 "callid", d->callid, "local", d->local, "remote",
			 d->remote, "local_tag", d->local_tag, "remote_tag",
			 d->remote_tag, "target", d->target, "routes", routes,
			 "local_seq", (json_int_t)d->local_seq, "remote_seq",
			 (json_int_t)d->remote_seq, "remote_seen",
			 d->remote_seen, "ours", d->ours);
}

bool dialog_load(struct dialog *d, const json_t *saved)
{
	const char *callid, *local, *remote, *ltag, *rtag, *target;
	json_int_t lseq, rseq;
	json_t *routes, *route;
	size_t i;
	int seen, ours = 0, err;

	if (json_unpack((json_t *)saved,
			"{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:b,"
			" s?b}",
			"callid", &callid, "local", &local, "remote", &remote,
			"local_tag", &ltag, "remote_tag", &rtag, "target",
			&target, "routes", &routes, "local_seq", &lseq,
			"remote_seq", &rseq, "remote_seen", &seen, "ours",
			&ours))
		return false;
	err = replace_str(&d->callid, callid);
	err = err ? err : replace_str(&d->local, local);
	err = err ? err : replace_str(&d->remote, remote);
	err = err ? err : replace_str(&d->local_tag, ltag);
	err = err ? err : replace_str(&d->remote_tag, rtag);
	err = err ? err : replace_str(&d->target, target);
	json_array_foreach (routes, i, route) {
		if (err || i >= DIALOG_ROUTES_MAX || !json_is_string(route))
			break;
		err = replace_str(&d->route[i], json_string_value(route));
		d->routes += !err;
	}
	d->local_seq = (uint32_t)lseq + SEQ_SKIP;
	d->remote_seq = (uint32_t)rseq;
	d->remote_seen = seen;
	d->ours = ours;
	if (err)
		dialog_reset(d);
	return !err;
}
