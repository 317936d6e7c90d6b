/* SPDX-License-Identifier: Apache-2.0 */
/* What needs somebody's attention. */
#include "control/alarms/alarms.h"
#include "control/http/impl.h"

void api_alarms(const struct request *rq, struct reply *rp)
{
	reply_ok(rp,
		 rq->ctx->alarms ? alarms_json(rq->ctx->alarms) : json_array());
}
