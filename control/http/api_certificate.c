/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of the API's TLS listeners: seen, replaced. */
#include <string.h>
#include <stdlib.h>
#include "control/certificate.h"
#include "control/http/impl.h"

static void show(const struct certificate_info *i, struct reply *rp)
{
	reply_ok(rp, json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "subject",
			       i->subject, "names", i->names, "fingerprint",
			       i->fingerprint, "since", (json_int_t)i->since,
			       "until", (json_int_t)i->until, "self_signed",
			       i->self_signed));
}

void api_certificate(const struct request *rq, struct reply *rp)
{
	const char *cp = request_certificate_path(rq, false);
	const char *kp = request_certificate_path(rq, true);
	struct certificate_info info;
	char *cert = cp[0] ? certificate_file(cp) : NULL;
	char *key = cert ? certificate_file(kp) : NULL;
	char err[160] = "";

	if (!key)
		reply_error(rp, 404, "no-certificate",
			    "No TLS listener is configured, so there is no "
			    "certificate");
	else if (certificate_check(cert, key, &info, err, sizeof(err)) != 0)
		reply_error(rp, 500, "bad-certificate", "%s", err);
	else
		show(&info, rp);
	if (key)
		explicit_bzero(key, strlen(key));
	free(key);
	free(cert);
}

void api_certificate_set(const struct request *rq, struct reply *rp)
{
	const char *cp = request_certificate_path(rq, false);
	const char *cert =
		json_string_value(json_object_get(rq->body, "certificate"));
	const char *key = json_string_value(json_object_get(rq->body, "key"));
	struct certificate_info info;
	char err[160] = "";
	int e;

	if (!cp[0]) {
		reply_error(rp, 409, "no-certificate",
			    "No TLS listener is configured to use it");
		return;
	}
	if (!cert || !key) {
		reply_error(rp, 400, "bad-certificate",
			    "certificate and key are PEM texts");
		return;
	}
	if (certificate_check(cert, key, &info, err, sizeof(err)) != 0) {
		reply_error(rp, 400, "bad-certificate", "%s", err);
		return;
	}
	/* the key first: a stop between the two leaves a pair that doesn't
	 * fit, which is said at start, and never a key in the wrong place */
	e = certificate_write(request_certificate_path(rq, true), key, 0600);
	if (!e)
		e = certificate_write(cp, cert, 0644);
	if (e) {
		reply_error(rp, 500, "not-written", "%s: %s", cp, strerror(e));
		return;
	}
	request_certificate_changed(rq);
	change_recorded(rq, "certificate-replaced",
			json_pack("{s:s, s:s}", "subject", info.subject,
				  "fingerprint", info.fingerprint));
	show(&info, rp);
}
