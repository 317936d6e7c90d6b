/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: its latest records, and its signed head. */
#include "control/audit/audit.h"
#include "control/events.h"
#include "control/http/impl.h"

void change_recorded(const struct request *rq, const char *event, json_t *more)
{
	if (more)
		json_object_set_new(more, "by", json_string(rq->by));
	events_publish(rq->ctx->events, "change",
		       json_pack("{s:s, s:s, s:O*}", "event", event, "by",
				 rq->by, "more", more));
	audit_add(rq->ctx->audit, event, more);
}

void api_audit(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, audit_list(rq->ctx->audit, rq->max));
}

void api_audit_head(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, audit_describe(rq->ctx->audit));
}
