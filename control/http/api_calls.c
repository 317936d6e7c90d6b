/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, version. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/call.h"
#include "control/dataplane/dp.h"
#include "control/http/impl.h"
#include "version.h"

void api_version(const struct request *rq, struct reply *rp)
{
	const struct sp_greeting *g = dp_greeting(rq->ctx->dp);

	reply_ok(rp, json_pack("{s:s, s:s, s:i, s:b, s:o}", "version",
			       SP_VERSION, "api", "v1", "abi", SP_ABI_VERSION,
			       "dataplane_connected", dp_connected(rq->ctx->dp),
			       "dataplane_started",
			       g ? json_integer(g->started) : json_null()));
}

void api_calls(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, calls_json(rq->ctx->calls));
}

/* A call's id from the path; what is no number is no call either. */
static void no_such_call(const struct request *rq, struct reply *rp)
{
	reply_error(rp, 404, "no-such-call", "No call has the id %s", rq->arg);
}

bool call_id_read(const struct request *rq, uint64_t *id, struct reply *rp)
{
	char *end;

	*id = strtoull(rq->arg, &end, 10);
	if (rq->arg[0] >= '0' && rq->arg[0] <= '9' && *end == '\0')
		return true;
	no_such_call(rq, rp);
	return false;
}

void api_call(const struct request *rq, struct reply *rp)
{
	uint64_t id;
	json_t *j;

	if (!call_id_read(rq, &id, rp))
		return;
	j = call_json(rq->ctx->calls, id);
	if (!j)
		no_such_call(rq, rp);
	else
		reply_ok(rp, j);
}

void api_call_hangup(const struct request *rq, struct reply *rp)
{
	uint64_t id;

	if (!call_id_read(rq, &id, rp))
		return;
	if (calls_hangup(rq->ctx->calls, id, "ended by the operator") != 0) {
		no_such_call(rq, rp);
		return;
	}
	change_recorded(rq, "call-hung-up",
			json_pack("{s:I}", "call", (json_int_t)id));
	reply_ok(rp, json_pack("{s:I}", "ended", (json_int_t)id));
}

static void record(const struct request *rq, bool on, struct reply *rp)
{
	struct duty_why why;
	uint64_t id;

	if (!call_id_read(rq, &id, rp))
		return;
	switch (calls_record(rq->ctx->calls, id, on, rq->by, &why)) {
	case 0:
		reply_ok(rp, json_pack("{s:I, s:b}", "call", (json_int_t)id,
				       "recording", on));
		break;
	case ENOENT:
		no_such_call(rq, rp);
		break;
	default:
		reply_error(rp, why.status, why.name, "%s", why.text);
	}
}

void api_call_record(const struct request *rq, struct reply *rp)
{
	record(rq, true, rp);
}

void api_call_record_end(const struct request *rq, struct reply *rp)
{
	record(rq, false, rp);
}
