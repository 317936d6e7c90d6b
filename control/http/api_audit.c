/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: its latest records, its signed head, and whether it is whole. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/audit/verify.h"
#include "control/events.h"
#include "control/http/impl.h"

void change_recorded(const struct request *rq, const char *event, json_t *more)
{
	if (!more)
		more = json_object();
	json_object_set_new(more, "by", json_string(rq->by));
	events_publish(rq->ctx->events, "change",
		       json_pack("{s:s, s:s, s:O*}", "event", event, "by",
				 rq->by, "more", more));
	audit_add(rq->ctx->audit, event, more);
}

/* Who asks after a change wants to see it, so what is on its way to the disk is
 * waited for; a disk that fails isn't. */
#define FLUSH_MS 1000

/* ------------------------------------------------------------- GET /audit */

struct listing {
	struct later later; /* first: it is what the thread is given */
	struct audit *audit;
	struct audit_query q;
	char text[HTTP_ARG_MAX];
	json_t *records;
};

static void list(struct later *l)
{
	struct listing *x = (struct listing *)l;

	audit_flush(x->audit, FLUSH_MS);
	x->records = audit_list(x->audit, &x->q);
}

static void listed(struct later *l, const struct request *rq, struct reply *rp)
{
	struct listing *x = (struct listing *)l;

	if (rq)
		reply_ok(rp, json_incref(x->records));
	json_decref(x->records);
	free(x);
}

void api_audit(const struct request *rq, struct reply *rp)
{
	struct listing *x = calloc(1, sizeof(*x));
	const char *text = request_query(rq, "text");
	int64_t before = 0;

	if (!x) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	if (!request_number(rq, "before", &before) ||
	    strlen(text ? text : "") >= sizeof(x->text)) {
		reply_error(rp, 400, "bad-query",
			    "before is a number, text has %zu octets at most",
			    sizeof(x->text) - 1);
		free(x);
		return;
	}
	strcpy(x->text, text ? text : "");
	x->q = (struct audit_query){rq->max, (uint64_t)before, x->text};
	x->later.work = list;
	x->later.finish = listed;
	x->audit = rq->ctx->audit;
	if (!http_later(rq, LATER_SEARCH, &x->later, rp))
		free(x);
}

void api_audit_head(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, audit_describe(rq->ctx->audit));
}

/* ----------------------------------------------------- GET /audit/verify */

struct verification {
	struct later later; /* first, as above */
	struct audit *audit;
	char log[PATH_MAX];
	int err;
	struct audit_verdict v;
};

static void verify(struct later *l)
{
	struct verification *x = (struct verification *)l;

	audit_flush(x->audit, FLUSH_MS);
	x->err = audit_verify(x->log, NULL, NULL, &x->v);
}

static void verified(struct later *l, const struct request *rq,
		     struct reply *rp)
{
	struct verification *x = (struct verification *)l;
	char key[2 * CHAIN_PUBLIC + 1];

	if (rq && x->err)
		reply_error(rp, 500, "audit", "%s", x->v.text);
	else if (rq)
		reply_ok(rp, json_pack("{s:b, s:I, s:I, s:s, s:s, s:s, s:s}",
				       "whole", x->v.whole, "records",
				       (json_int_t)x->v.records, "head",
				       (json_int_t)x->v.head, "first",
				       x->v.first, "last", x->v.last, "key",
				       sodium_bin2hex(key, sizeof(key),
						      x->v.key, CHAIN_PUBLIC),
				       "text", x->v.text));
	free(x);
}

void api_audit_verify(const struct request *rq, struct reply *rp)
{
	struct verification *x = calloc(1, sizeof(*x));
	json_t *about = audit_describe(rq->ctx->audit);
	const char *log = json_string_value(json_object_get(about, "log"));

	if (!x || !log) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		free(x);
	} else {
		snprintf(x->log, sizeof(x->log), "%s", log);
		x->later.work = verify;
		x->later.finish = verified;
		x->audit = rq->ctx->audit;
		if (!http_later(rq, LATER_AUDIT, &x->later, rp))
			free(x);
	}
	json_decref(about);
}
