/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that SIP doesn't listen to. */
#include <errno.h>
#include "control/http/impl.h"
#include "control/sip/sip.h"

#define BAN_MAX 31536000 /* seconds */

void api_bans(const struct request *rq, struct reply *rp)
{
	reply_ok(rp, json_pack("{s:o, s:o}", "bans", door_bans(rq->ctx->sip),
			       "counters", door_guard_counters(rq->ctx->sip)));
}

static void no_address(struct reply *rp, const char *source)
{
	reply_error(rp, 400, "bad-source", "%s is no IPv4 or IPv6 address",
		    source);
}

void api_ban_add(const struct request *rq, struct reply *rp)
{
	const char *source, *reason = "by an operator";
	json_int_t seconds = 0;
	json_error_t e;
	int err;

	if (json_unpack_ex((json_t *)rq->body, &e, JSON_STRICT,
			   "{s:s, s?I, s?s}", "source", &source, "seconds",
			   &seconds, "reason", &reason)) {
		reply_error(rp, 400, "bad-member", "%s", e.text);
		return;
	}
	if (seconds < 0 || seconds > BAN_MAX) {
		reply_error(rp, 400, "bad-seconds",
			    "seconds is a number from 1 to %d, or 0 for as "
			    "long as usual",
			    BAN_MAX);
		return;
	}
	err = door_ban(rq->ctx->sip, source, (unsigned)seconds, reason);
	if (err == EINVAL)
		no_address(rp, source);
	else if (err == EPERM)
		reply_error(rp, 409, "allowed",
			    "%s is never banned: it is a trunk or in "
			    "sip.guard.allow",
			    source);
	else if (err)
		reply_error(rp, 500, "no-memory", "There are too many bans");
	else {
		reply_ok(rp, json_pack("{s:s}", "banned", source));
		rp->status = 201;
		change_recorded(rq, "ban-added",
				json_pack("{s:s}", "source", source));
	}
}

void api_ban_remove(const struct request *rq, struct reply *rp)
{
	int err = door_unban(rq->ctx->sip, rq->arg);

	if (err == EINVAL) {
		no_address(rp, rq->arg);
	} else if (err) {
		reply_error(rp, 404, "not-banned", "%s isn't banned", rq->arg);
	} else {
		reply_ok(rp, json_pack("{s:s}", "removed", rq->arg));
		change_recorded(rq, "ban-removed",
				json_pack("{s:s}", "source", rq->arg));
	}
}
