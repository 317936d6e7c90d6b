/* SPDX-License-Identifier: Apache-2.0 */
/* Events as they come, and the API's own description. */
#include <stdlib.h>
#include "control/events.h"
#include "control/http/impl.h"
#include "control/http/openapi.h"

/* After ?since=, or after what a browser's EventSource says it saw; else what
 * comes from now on. */
void api_events(const struct request *rq, struct reply *rp)
{
	const char *since = request_header(rq, "Last-Event-ID");
	char *end;

	if (!rq->ctx->events) {
		reply_error(rp, 503, "no-events", "No events are kept here");
		return;
	}
	if (!since)
		since = request_query(rq, "since");
	rp->since = since ? strtoull(since, &end, 10)
			  : events_latest(rq->ctx->events);
	if (since && (since[0] < '0' || since[0] > '9' || *end)) {
		reply_error(rp, 400, "bad-query",
			    "since is the number of an event");
		return;
	}
	rp->status = 200;
	rp->stream = true;
}

void api_openapi(const struct request *rq, struct reply *rp)
{
	(void)rq;
	rp->status = 200;
	rp->type = "application/json";
	rp->data = (const char *)openapi_json;
	rp->data_len = openapi_json_len;
}
