/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: its table, and asking it for one call. */
#include "control/calls/call.h"
#include "control/http/impl.h"

void api_features(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	(void)rq;
	for (int f = 0; f < FEATURE_COUNT; f++) {
		const struct feature_info *i = feature_info(f);
		struct feature_answer ordinary = features_may(CALL_ORDINARY, f);
		struct feature_answer e2ee = features_may(CALL_E2EE, f);

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:b, s:b, s:{s:i, s:s?}, "
				  "s:{s:i, s:s?, s:s?}}",
				  "name", i->name, "title", i->title, "asked",
				  i->asked, "needs_plain", i->needs_plain,
				  "built", i->built, "ordinary", "status",
				  ordinary.status, "error", ordinary.error,
				  "e2ee", "status", e2ee.status, "error",
				  e2ee.error, "reason", e2ee.reason));
	}
	reply_ok(rp, list);
}

void api_call_feature(const struct request *rq, struct reply *rp)
{
	enum feature f = feature_find(rq->arg2);
	struct feature_answer a;
	uint64_t id;

	if (!call_id_read(rq, &id, rp))
		return;
	if (f == FEATURE_COUNT)
		reply_error(rp, 404, "no-such-feature",
			    "There is no feature %s; GET /features lists them",
			    rq->arg2);
	else if (calls_feature(rq->ctx->calls, id, f, rq->by, &a) != 0)
		reply_error(rp, 404, "no-such-call", "No call has the id %s",
			    rq->arg);
	else if (!a.allowed)
		reply_error(rp, a.status, a.error, "%s", a.reason);
	else if (f == FEATURE_RECORDING)
		api_call_record(rq, rp);
	else /* it is the phones' own: nothing for the gateway to do */
		reply_error(rp, 501, "by-phone",
			    "%s is asked for by a phone, not here", a.name);
}
