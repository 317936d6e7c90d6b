/* SPDX-License-Identifier: Apache-2.0 */
/* delete: of a call, of what one tag has in it, or of one branch. */
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"

#define DELAY_MAX 3600 /* seconds */

/* Is this one meant? from-tag alone: all that this party has. */
static bool meant(const struct ng_session *s, const struct ng_flags *f,
		  bool by_branch)
{
	if (f->from_tag.l && ng_session_leg(s, f->from_tag) < 0)
		return false;
	if (f->to_tag.l && s->tag[LEG_B] && ng_session_leg(s, f->to_tag) < 0)
		return false;
	return !by_branch || ng_session_text_is(s->branch, f->via_branch);
}

/* The branch of a BYE is one that no offer had: it then names nothing. */
static bool has_branch(struct ng *ng, const struct ng_flags *f)
{
	struct ng_session *s = NULL;

	while ((s = ng_session_next(ng, f->call_id, s)))
		if (ng_session_text_is(s->branch, f->via_branch))
			return true;
	return false;
}

static void end(struct ng_session *s, const struct ng_flags *f)
{
	enum call_by by = CALL_BY_GATEWAY;
	int leg = ng_session_leg(s, f->from_tag);

	if (f->from_tag.l && leg >= 0)
		by = leg == LEG_A ? CALL_BY_CALLER : CALL_BY_CALLEE;
	if (s->up)
		ng_session_end(s, by, 200, NULL);
	else
		ng_session_end(s, by, 487, "never answered");
}

static void end_later(struct ng_session *s, int seconds)
{
	s->delete_at = tmr_jiffies() + (uint64_t)seconds * 1000;
	if (!s->waiting.list)
		list_append(&s->ng->waiting, &s->waiting, s);
}

const char *ng_delete(struct ng_request *rq)
{
	const struct ng_flags *f = &rq->f;
	struct ng_session *s, *next;
	int delay = f->delete_delay > DELAY_MAX ? DELAY_MAX : f->delete_delay;
	bool by_branch;
	unsigned n = 0;

	rq->ng->counts.deletes++;
	if (!f->call_id.l)
		return ng_fail(rq, "No call-id in message");
	by_branch = has_branch(rq->ng, f);
	for (s = ng_session_next(rq->ng, f->call_id, NULL); s; s = next) {
		next = ng_session_next(rq->ng, f->call_id, s);
		if (!meant(s, f, by_branch))
			continue;
		ng_query_session(rq, s);
		n++;
		if (delay > 0)
			end_later(s, delay);
		else
			end(s, f);
	}
	if (n)
		return "ok";
	/* nothing is left of it, which is what was asked for */
	if (f->fatal)
		return ng_fail(rq, "Call-ID not found or tags didn't match");
	json_object_set_new(
		rq->reply, "warning",
		json_string("Call-ID not found or tags didn't match"));
	return "ok";
}
