/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/request.h"
#include <string.h>
#include "control/endpoint/ua_int.h"

#define TRIES 3 /* with credentials */

struct request {
	struct le le;
	struct request **reqp;
	struct ua *ua;
	struct sip_dialog *dlg;
	struct sip_auth *auth;
	struct sip_request *req;
	char method[16];
	char *headers;
	char *type;
	struct mbuf *body;
	request_h *h;
	void *arg;
	unsigned tries;
};

static int send_it(struct request *r);

static void destroy(void *arg)
{
	struct request *r = arg;

	if (r->reqp)
		*r->reqp = NULL;
	list_unlink(&r->le);
	mem_deref(r->req);
	mem_deref(r->dlg);
	mem_deref(r->auth);
	mem_deref(r->headers);
	mem_deref(r->type);
	mem_deref(r->body);
}

void request_forget(struct ua *ua, const void *arg)
{
	struct le *le;

	LIST_FOREACH (&ua->requests_out, le) {
		struct request *r = le->data;

		if (r->arg != arg)
			continue;
		if (r->reqp)
			*r->reqp = NULL;
		r->reqp = NULL;
		r->h = NULL;
	}
}

static void answered(int err, const struct sip_msg *msg, void *arg)
{
	struct request *r = arg;
	request_h *h;
	void *harg;

	if (msg && msg->scode < 200)
		return;
	if (msg && (msg->scode == 401 || msg->scode == 407) &&
	    r->tries++ < TRIES && !sip_auth_authenticate(r->auth, msg) &&
	    !send_it(r))
		return;
	h = r->h;
	harg = r->arg;
	mem_deref(r);
	if (h)
		h(err, msg, harg);
}

static int contact(enum sip_transp tp, const struct sa *src,
		   const struct sa *dst, struct mbuf *mb, void *arg)
{
	struct request *r = arg;

	return ua_contact(tp, src, dst, mb, r->ua);
}

static int send_it(struct request *r)
{
	size_t len = r->body ? r->body->end : 0;

	return sip_drequestf(&r->req, r->ua->sip, true, r->method, r->dlg, 0,
			     r->auth, contact, answered, r,
			     "%s"
			     "%s%s%s"
			     "Content-Length: %zu\r\n"
			     "\r\n"
			     "%b",
			     r->headers ? r->headers : "",
			     len ? "Content-Type: " : "", len ? r->type : "",
			     len ? "\r\n" : "", len, len ? r->body->buf : NULL,
			     len);
}

/* Contact is for requests that refresh the target only, but no harm elsewhere:
 * RFC 3261 table 3 forbids it in BYE alone, where it is ignored. */
int request_send(struct request **reqp, struct ua *ua, struct sip_dialog *dlg,
		 struct sip_auth *auth, const struct request_what *what,
		 request_h *h, void *arg)
{
	struct request *r = mem_zalloc(sizeof(*r), destroy);
	int err = ENOMEM;

	if (!r)
		return ENOMEM;
	r->ua = ua;
	r->dlg = mem_ref(dlg);
	r->auth = mem_ref(auth);
	str_ncpy(r->method, what->method, sizeof(r->method));
	if (what->headers && str_dup(&r->headers, what->headers))
		goto fail;
	if (what->len) {
		r->body = mbuf_alloc(what->len);
		if (!r->body || str_dup(&r->type, what->type) ||
		    mbuf_write_mem(r->body, what->body, what->len))
			goto fail;
	}
	r->h = h;
	r->arg = arg;
	list_append(&ua->requests_out, &r->le, r);
	err = send_it(r);
	if (err)
		goto fail;
	r->reqp = reqp;
	if (reqp)
		*reqp = r;
	return 0;
fail:
	mem_deref(r);
	return err;
}
