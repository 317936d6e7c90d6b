/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/message.c - reading SIP messages, see message.h. */
#include "control/sip/message.h"
#include <stdio.h>
#include <errno.h>
#include <string.h>
#include "control/sip/multipart.h"

#define BODY_MAX 65535

bool message_number(const struct pl *pl, uint32_t *out)
{
	uint64_t n = 0;

	if (!pl->p || !pl->l || pl->l > 10)
		return false;
	for (size_t i = 0; i < pl->l; i++) {
		if (pl->p[i] < '0' || pl->p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(pl->p[i] - '0');
	}
	if (n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

bool message_is(const struct sip_msg *m, const char *method)
{
	return !pl_strcmp(&m->met, method);
}

static bool refuse(struct message_why *why, uint16_t status, const char *text)
{
	why->status = status;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

/* What a Content-Length means for the body: over UDP, octets beyond it are
 * not the message's (RFC 3261 section 18.3). */
static bool body_length(const struct sip_msg *m, size_t *len)
{
	size_t left = mbuf_get_left(m->mb);
	uint32_t n;

	if (!pl_isset(&m->clen)) {
		*len = left;
		return left <= BODY_MAX;
	}
	if (!message_number(&m->clen, &n) || n > left || n > BODY_MAX)
		return false;
	*len = n;
	return true;
}

/* The session description in a body of several parts. */
static bool sdp_part(const struct sip_msg *m, const struct pl *body,
		     struct pl *part)
{
	return !pl_strcasecmp(&m->ctyp.type, "multipart") &&
	       multipart_find(body, &m->ctyp.params, "application", "sdp",
			      part);
}

static struct pl whole_body(const struct sip_msg *m)
{
	struct pl body = PL_INIT;
	size_t len;

	if (body_length(m, &len) && len) {
		body.p = (const char *)mbuf_buf(m->mb);
		body.l = len;
	}
	return body;
}

struct pl message_body(const struct sip_msg *m)
{
	struct pl body = whole_body(m), part;

	return sdp_part(m, &body, &part) ? part : body;
}

bool message_has_sdp(const struct sip_msg *m)
{
	struct pl body = whole_body(m), part;

	return body.l && (msg_ctype_cmp(&m->ctyp, "application", "sdp") ||
			  sdp_part(m, &body, &part));
}

/* A header that may stand there once only, RFC 3261 section 7.3.1. libre keeps
 * the last of several: which one others took can't be known. */
static bool once_each(const struct sip_msg *m)
{
	static const enum sip_hdrid single[] = {
		SIP_HDR_FROM,	      SIP_HDR_TO,
		SIP_HDR_CALL_ID,      SIP_HDR_CSEQ,
		SIP_HDR_MAX_FORWARDS, SIP_HDR_CONTENT_TYPE,
		SIP_HDR_EXPIRES,      SIP_HDR_CONTENT_LENGTH,
	};

	for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (sip_msg_hdr_count(m, single[i]) > 1)
			return false;
	return true;
}

/* Without these nobody can be answered. */
static bool has_identity(const struct sip_msg *m)
{
	return pl_isset(&m->via.branch) && pl_isset(&m->callid) &&
	       pl_isset(&m->from.auri) && pl_isset(&m->to.auri) &&
	       pl_isset(&m->cseq.met);
}

/* Fit to be put into a line of ours, as it stands. */
static bool plain(const struct pl *pl)
{
	for (size_t i = 0; i < pl->l; i++)
		if (pl->p[i] <= ' ' || pl->p[i] >= 0x7f)
			return false;
	return true;
}

static bool bearable(const struct sip_msg *m)
{
	return m->callid.l <= MESSAGE_CALLID_MAX &&
	       m->from.tag.l <= MESSAGE_TAG_MAX &&
	       m->to.tag.l <= MESSAGE_TAG_MAX &&
	       m->from.auri.l < MESSAGE_URI_MAX &&
	       m->to.auri.l < MESSAGE_URI_MAX && m->ruri.l < MESSAGE_URI_MAX;
}

static void trim_taddr(struct sip_taddr *a)
{
	size_t n = a->auri.l;

	while (n && strchr(" \t\r\n", a->auri.p[n - 1]))
		n--;
	if (!n || n == a->auri.l)
		return;
	a->auri.l = n;
	uri_decode(&a->uri, &a->auri);
}

void message_trim(struct sip_msg *m)
{
	trim_taddr(&m->from);
	trim_taddr(&m->to);
}

bool message_check(const struct sip_msg *m, struct message_why *why)
{
	uint32_t n;
	size_t len;

	if (!has_identity(m))
		return refuse(why, 0, "a mandatory header is missing");
	if (!pl_isset(&m->from.tag))
		return refuse(why, 400, "From has no tag");
	if (pl_cmp(&m->cseq.met, &m->met))
		return refuse(why, 400, "CSeq names another method");
	if (m->cseq.num > INT32_MAX)
		return refuse(why, 400, "CSeq is 2^31 or more");
	if (!once_each(m))
		return refuse(why, 400, "a header stands there twice");
	if (!plain(&m->callid) || !plain(&m->from.tag) || !plain(&m->to.tag) ||
	    !plain(&m->from.auri) || !plain(&m->to.auri))
		return refuse(why, 400,
			      "a URI, tag or Call-ID isn't printable");
	if (!bearable(m))
		return refuse(why, 414, "a URI, tag or Call-ID is too long");
	if (pl_isset(&m->maxfwd) &&
	    (!message_number(&m->maxfwd, &n) || n > 255))
		return refuse(why, 400, "Max-Forwards is not a small number");
	if (!body_length(m, &len))
		return refuse(why, 400, "the body isn't as long as it says");
	if (len && !pl_isset(&m->ctyp.type))
		return refuse(why, 400, "the body has no Content-Type");
	return true;
}

bool message_check_response(const struct sip_msg *m)
{
	size_t len;

	return has_identity(m) && once_each(m) && bearable(m) &&
	       plain(&m->callid) && plain(&m->to.tag) && m->scode >= 100 &&
	       m->scode <= 699 && body_length(m, &len);
}

bool message_type(const struct sip_msg *m, char *type, size_t size)
{
	if (!m->ctyp.type.l ||
	    re_snprintf(type, size, "%r/%r%r", &m->ctyp.type, &m->ctyp.subtype,
			&m->ctyp.params) < 0)
		return false;
	for (; *type; type++)
		if (*type < ' ' || *type >= 0x7f)
			return false;
	return true;
}

static bool token_is(const struct sip_hdr *hdr, const struct sip_msg *m,
		     void *arg)
{
	(void)m;
	return !pl_strcasecmp(&hdr->val, arg);
}

bool message_lists(const struct sip_msg *m, enum sip_hdrid id,
		   const char *token)
{
	return sip_msg_hdr_apply(m, true, id, token_is, (void *)token);
}

struct unsupported {
	const char *const *ours;
	char *tags;
	size_t size, n;
};

static bool add_unsupported(const struct sip_hdr *hdr, const struct sip_msg *m,
			    void *arg)
{
	struct unsupported *u = arg;

	(void)m;
	for (unsigned i = 0; u->ours[i]; i++)
		if (!pl_strcasecmp(&hdr->val, u->ours[i]))
			return false;
	if (u->n + hdr->val.l + 3 < u->size)
		u->n += (size_t)snprintf(u->tags + u->n, u->size - u->n,
					 "%s%.*s", u->n ? ", " : "",
					 (int)hdr->val.l, hdr->val.p);
	return u->size - u->n < 3;
}

bool message_unsupported(const struct sip_msg *m, const char *const ours[],
			 char *tags, size_t size)
{
	struct unsupported u = {ours, tags, size, 0};

	tags[0] = '\0';
	sip_msg_hdr_apply(m, true, SIP_HDR_REQUIRE, add_unsupported, &u);
	return u.n > 0;
}

unsigned message_max_forwards(const struct sip_msg *m)
{
	uint32_t n;

	return message_number(&m->maxfwd, &n) ? n : 70;
}

uint32_t message_expires(const struct sip_msg *m)
{
	uint32_t n;

	return message_number(&m->expires, &n) && n != MESSAGE_NO_EXPIRES
		       ? n
		       : MESSAGE_NO_EXPIRES;
}

/* ----------------------------------------------------- lists of addresses */

struct values {
	message_value_h *h;
	void *arg;
	const char *start, *at; /* of this value; read so far. NULL: none yet */
	bool quoted, escaped, angle;
	bool enough;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void value_ends(struct values *v, const char *end)
{
	struct pl val = {v->start, (size_t)(end - v->start)};

	while (val.l && is_blank(val.p[val.l - 1]))
		val.l--;
	while (val.l && is_blank(*val.p))
		pl_advance(&val, 1);
	v->enough = v->enough || v->h(&val, v->arg);
}

static void values_read(struct values *v, const char *end)
{
	for (; v->at < end; v->at++) {
		char c = *v->at;

		if (v->escaped) {
			v->escaped = false;
		} else if (v->quoted) {
			v->escaped = c == '\\';
			v->quoted = c != '"';
		} else if (v->angle) {
			v->angle = c != '>';
		} else if (c == ',') {
			value_ends(v, v->at);
			v->start = v->at + 1;
		} else {
			v->quoted = c == '"';
			v->angle = c == '<';
		}
	}
}

/* Are they of one line, with nothing between them but what libre split at? */
static bool is_next(const struct values *v, const struct pl *piece)
{
	if (!v->start || piece->p < v->at)
		return false;
	for (const char *p = v->at; p < piece->p; p++)
		if (*p != ',' && !is_blank(*p))
			return false;
	return true;
}

static bool piece_read(const struct sip_hdr *hdr, const struct sip_msg *m,
		       void *arg)
{
	const struct pl *piece = &hdr->val;
	struct values *v = arg;

	(void)m;
	if (!is_next(v, piece)) {
		if (v->start)
			value_ends(v, v->at);
		v->start = v->at = piece->p;
		v->quoted = v->escaped = v->angle = false;
	}
	values_read(v, piece->p + piece->l);
	return v->enough;
}

void message_values(const struct sip_msg *m, enum sip_hdrid id,
		    message_value_h *h, void *arg)
{
	struct values v = {.h = h, .arg = arg};

	sip_msg_hdr_apply(m, true, id, piece_read, &v);
	if (v.start)
		value_ends(&v, v.at);
}

/* "<urn:uuid:...>"; some phones leave out the quotes, some the brackets. */
static void read_instance(struct pl *out, const struct pl *params)
{
	struct pl val;

	if (msg_param_decode(params, "+sip.instance", &val))
		return;
	while (val.l && strchr("\"< ", *val.p))
		pl_advance(&val, 1);
	while (val.l && strchr("\"> ", val.p[val.l - 1]))
		val.l--;
	if (plain(&val) && !memchr(val.p, '"', val.l))
		*out = val;
}

static bool contact_read(struct message_contact *c, const struct pl *val)
{
	struct sip_addr a;
	struct pl expires, reg_id;

	memset(c, 0, sizeof(*c));
	if (sip_addr_decode(&a, val) || !a.auri.l ||
	    a.auri.l >= MESSAGE_URI_MAX || !plain(&a.auri))
		return false;
	c->uri = a.auri;
	c->parsed = a.uri;
	c->params = a.params;
	c->expires = MESSAGE_NO_EXPIRES;
	if (!msg_param_decode(&a.params, "expires", &expires) &&
	    !message_number(&expires, &c->expires))
		c->expires = MESSAGE_NO_EXPIRES;
	read_instance(&c->instance, &a.params);
	if (msg_param_decode(&a.params, "reg-id", &reg_id) ||
	    !message_number(&reg_id, &c->reg_id))
		c->reg_id = 0;
	return true;
}

struct contacts {
	struct message_contacts *out;
	bool bad;
};

static bool add_contact(const struct pl *val, void *arg)
{
	struct contacts *c = arg;
	struct message_contacts *cs = c->out;

	if (!pl_strcmp(val, "*")) {
		cs->star = true;
		return false;
	}
	c->bad = cs->n == MESSAGE_CONTACTS_MAX ||
		 !contact_read(&cs->c[cs->n], val);
	cs->n += !c->bad;
	return c->bad;
}

bool message_contacts(const struct sip_msg *m, struct message_contacts *out)
{
	struct contacts c = {.out = out};

	out->n = 0;
	out->star = false;
	message_values(m, SIP_HDR_CONTACT, add_contact, &c);
	return !c.bad;
}

/* Phones that are set to TLS write sips: or sip:, as they please. */
bool message_is_sip_uri(const struct uri *u)
{
	return !pl_strcasecmp(&u->scheme, "sip") ||
	       !pl_strcasecmp(&u->scheme, "sips");
}

static bool first_value(const struct pl *val, void *arg)
{
	*(struct pl *)arg = *val;
	return true;
}

bool message_contact(const struct sip_msg *m, struct message_contact *out)
{
	struct pl val = {NULL, 0};

	message_values(m, SIP_HDR_CONTACT, first_value, &val);
	return val.p && contact_read(out, &val) &&
	       message_is_sip_uri(&out->parsed);
}

bool message_contact_addr(const struct sip_msg *m, struct sa *sa)
{
	struct message_contact c;

	if (!message_contact(m, &c))
		return false;
	return !sa_set(sa, &c.parsed.host,
		       c.parsed.port ? c.parsed.port : SIP_PORT);
}

bool message_rseq(const struct sip_msg *m, uint32_t *rseq)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_RSEQ);

	return hdr && message_number(&hdr->val, rseq) && *rseq;
}

bool message_rack(const struct sip_msg *m, uint32_t *rseq, uint32_t *cseq)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_RACK);
	struct pl r, c, method;

	if (!hdr ||
	    re_regex(hdr->val.p, hdr->val.l, "[0-9]+[ \t]+[0-9]+[ \t]+[A-Z]+",
		     &r, NULL, &c, NULL, &method))
		return false;
	return message_number(&r, rseq) && message_number(&c, cseq) &&
	       !pl_strcmp(&method, "INVITE");
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool message_uri_user(const struct uri *u, char *user, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < u->user.l; i++) {
		char c = u->user.p[i];

		if (c == '%') {
			int hi = i + 2 < u->user.l ? hex(u->user.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex(u->user.p[i + 2]) : -1;

			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (!c || n + 1 >= size)
			return false;
		user[n++] = c;
	}
	if (!size)
		return false;
	user[n] = '\0';
	return n > 0;
}

/* Folded lines come out as one; a lone CR or LF would be a line of its own to
 * some readers. */
int message_copy_line(struct mbuf *mb, const struct sip_hdr *hdr)
{
	int err = mbuf_printf(mb, "%r: ", &hdr->name);

	for (size_t i = 0; i < hdr->val.l; i++) {
		char c = hdr->val.p[i];

		err |= mbuf_write_u8(mb,
				     (unsigned char)c < ' ' ? ' ' : (uint8_t)c);
	}
	return err | mbuf_write_str(mb, "\r\n");
}

int message_quote(struct mbuf *mb, const char *text)
{
	int err = mbuf_write_u8(mb, '"');

	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			err |= mbuf_write_u8(mb, '\\');
		/* a line break would end the header */
		err |= mbuf_write_u8(
			mb, (unsigned char)*text < ' ' ? ' ' : (uint8_t)*text);
	}
	return err | mbuf_write_u8(mb, '"');
}
