/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with calls in progress: parked, merged, added to, put through;
 * and what that has made, orbits and conferences. */
#include <stdlib.h>
#include <string.h>
#include "control/http/impl.h"
#include "control/sip/sip.h"

#define TEXT_MAX 272

/* A member that is a string, or left out (then NULL). @return false: it is
 * something else, which has been answered. */
static bool text(const struct request *rq, const char *key, bool needed,
		 const char **out, struct reply *rp)
{
	const json_t *v = json_object_get(rq->body, key);

	*out = json_string_value(v);
	if (v ? *out && strlen(*out) < TEXT_MAX : !needed)
		return true;
	reply_error(rp, 400, "bad-member", "%s is a string of up to %d octets",
		    key, TEXT_MAX - 1);
	return false;
}

/* Nothing but these. */
static bool only(const struct request *rq, const char *a, const char *b,
		 struct reply *rp)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)rq->body, key, v) {
		if (!strcmp(key, a) || (b && !strcmp(key, b)))
			continue;
		reply_error(rp, 400, "unknown-member", "There is no %s here",
			    key);
		return false;
	}
	return true;
}

static void refused(const struct door_why *why, struct reply *rp)
{
	reply_error(rp, why->status, why->error, "%s", why->text);
}

static void done(const struct request *rq, uint64_t id, const char *event,
		 const char *key, const char *value, struct reply *rp)
{
	reply_ok(rp,
		 json_pack("{s:I, s:s}", "call", (json_int_t)id, key, value));
	rp->status = 202;
	change_recorded(rq, event,
			json_pack("{s:I, s:s}", "call", (json_int_t)id, key,
				  value));
}

void api_call_park(const struct request *rq, struct reply *rp)
{
	const char *who, *orbit;
	char at[TEXT_MAX];
	struct door_why why;
	uint64_t id;

	if (!call_id_read(rq, &id, rp) || !only(rq, "who", "orbit", rp) ||
	    !text(rq, "who", false, &who, rp) ||
	    !text(rq, "orbit", false, &orbit, rp))
		return;
	if (door_park(rq->ctx->sip, id, who, orbit ? orbit : "", rq->by, at,
		      sizeof(at), &why))
		refused(&why, rp);
	else
		done(rq, id, "call-parked", "orbit", at, rp);
}

void api_call_merge(const struct request *rq, struct reply *rp)
{
	const json_t *with = json_object_get(rq->body, "with");
	char conference[TEXT_MAX];
	struct door_why why;
	uint64_t id;

	if (!call_id_read(rq, &id, rp) || !only(rq, "with", NULL, rp))
		return;
	if (!json_is_integer(with))
		reply_error(rp, 400, "bad-member", "with is another call's id");
	else if (door_merge(rq->ctx->sip, id,
			    (uint64_t)json_integer_value(with), rq->by,
			    conference, sizeof(conference), &why))
		refused(&why, rp);
	else
		done(rq, id, "calls-merged", "conference", conference, rp);
}

void api_call_add(const struct request *rq, struct reply *rp)
{
	char conference[TEXT_MAX];
	struct door_why why;
	const char *to;
	uint64_t id;

	if (!call_id_read(rq, &id, rp) || !only(rq, "to", NULL, rp) ||
	    !text(rq, "to", true, &to, rp))
		return;
	if (door_add(rq->ctx->sip, id, to, rq->by, conference,
		     sizeof(conference), &why))
		refused(&why, rp);
	else
		done(rq, id, "participant-added", "conference", conference, rp);
}

void api_call_transfer(const struct request *rq, struct reply *rp)
{
	const char *who, *to;
	struct door_why why;
	uint64_t id;

	if (!call_id_read(rq, &id, rp) || !only(rq, "who", "to", rp) ||
	    !text(rq, "who", false, &who, rp) || !text(rq, "to", true, &to, rp))
		return;
	if (door_transfer(rq->ctx->sip, id, who, to, rq->by, &why))
		refused(&why, rp);
	else
		done(rq, id, "call-transferred", "to", to, rp);
}

void api_parked(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, door_parked(rq->ctx->sip));
}

void api_conferences(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, door_conferences(rq->ctx->sip));
}
