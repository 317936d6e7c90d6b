/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/request.h - a request in a dialog, with digest credentials.
 *
 * RFC 3261 section 12.2, 22. Lives until its final answer, whoever asked for it
 * being gone or not: a BYE outlives its call. Main thread only. */
#pragma once
#include <re.h>

struct ua;
struct request;

/* msg NULL: none came, err says why. */
typedef void request_h(int err, const struct sip_msg *msg, void *arg);

struct request_what {
	const char *method;
	const char *headers; /* lines with CRLF, or NULL */
	const char *type;    /* of the body */
	const void *body;
	size_t len;
};

/** dlg and auth are referenced. reqp may be NULL; it is set to NULL once the
 * handler was called. @return errno. */
int request_send(struct request **reqp, struct ua *ua, struct sip_dialog *dlg,
		 struct sip_auth *auth, const struct request_what *what,
		 request_h *h, void *arg);
/** No handler is called with arg any more; its requests go on. */
void request_forget(struct ua *ua, const void *arg);
