/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/record.c - call detail records: one for every call, also for
 * those that never came about. */
#include <stdlib.h>
#include "control/calls/impl.h"

static const char *const ended_by[] = {
	[CALL_BY_CALLER] = "caller",
	[CALL_BY_CALLEE] = "callee",
	[CALL_BY_GATEWAY] = "gateway",
};

const char *record_by(enum call_by by)
{
	return ended_by[by];
}

void record_write(struct call *c, enum call_by by, int status,
		  const char *reason)
{
	int64_t now = call_now();
	json_t *j = call_describe(c);
	char *text = NULL;

	if (j) {
		json_object_set_new(j, "ended", json_integer(now));
		json_object_set_new(j, "seconds",
				    json_integer(c->answered ? now - c->answered
							     : 0));
		json_object_set_new(j, "ended_by", json_string(ended_by[by]));
		json_object_set_new(j, "status", json_integer(status));
		json_object_set_new(j, "reason",
				    reason ? json_string(reason) : json_null());
		text = json_dumps(j, JSON_COMPACT);
	}
	if (j && c->all->cfg.ended)
		c->all->cfg.ended(j, c->all->cfg.arg);
	if (text)
		store_cdr_add(c->all->cfg.store, c->id, c->started, text);
	free(text);
	json_decref(j);
}
