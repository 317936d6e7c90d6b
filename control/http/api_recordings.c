/* SPDX-License-Identifier: Apache-2.0 */
/* What sallyport-media has stored: listed, handed out as it is (sealed: only an
 * administrator's private key opens it, which no appliance has), deleted. Every
 * file that leaves or goes is on record. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/duties/duties.h"
#include "control/http/impl.h"

/* sallyport-media's errors as HTTP's. */
static const struct {
	const char *error;
	int status;
} statuses[] = {
	{"not-found", 404},
	{"busy", 409},
	{"bad-message", 400},
	{"recording", 503},
};

/* @return the reply of sallyport-media, the caller's; NULL: what it said, or
 * that it says nothing, has been answered. */
static json_t *ask(const struct request *rq, json_t *request, int *fd,
		   struct reply *rp)
{
	struct duty_why why;
	json_t *j = NULL;
	int status = 500;

	if (rq->ctx->duties) {
		j = duty_ask(rq->ctx->duties, request, fd, &why);
	} else {
		json_decref(request);
		strcpy(why.text, "No sallyport-media is configured");
	}
	if (!j) {
		reply_error(rp, 503, "media-away", "%s", why.text);
		return NULL;
	}
	if (json_is_true(json_object_get(j, "ok")))
		return j;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcmp(statuses[i].error,
			    json_string_value(json_object_get(j, "error"))
				    ?: ""))
			status = statuses[i].status;
	reply_error(rp, status, status == 404 ? "no-such-recording" : "media",
		    "%s",
		    json_string_value(json_object_get(j, "message"))
			    ?: "sallyport-media refuses");
	json_decref(j);
	return NULL;
}

/* Without what is only the protocol's. */
static void answer(struct reply *rp, json_t *j)
{
	json_object_del(j, "seq");
	json_object_del(j, "ok");
	reply_ok(rp, j);
}

void api_recordings(const struct request *rq, struct reply *rp)
{
	const char *after = request_query(rq, "after");
	json_t *j = ask(rq,
			json_pack("{s:s, s:s*}", "do", "store.list", "after",
				  after),
			NULL, rp);

	if (j)
		answer(rp, j);
}

void api_recording(const struct request *rq, struct reply *rp)
{
	json_t *j = ask(rq,
			json_pack("{s:s, s:s}", "do", "store.list", "recording",
				  rq->arg),
			NULL, rp);
	json_t *one = json_array_get(json_object_get(j, "recordings"), 0);

	if (j && one)
		reply_ok(rp, json_incref(one));
	else if (j)
		reply_error(rp, 404, "no-such-recording",
			    "There is no such recording");
	json_decref(j);
}

static void on_record(const struct request *rq, const char *event)
{
	change_recorded(rq, event, json_pack("{s:s}", "recording", rq->arg));
}

void api_recording_sealed(const struct request *rq, struct reply *rp)
{
	int fd = -1;
	json_t *j = ask(rq,
			json_pack("{s:s, s:s}", "do", "store.fetch",
				  "recording", rq->arg),
			&fd, rp);

	if (!j)
		return;
	json_decref(j);
	if (fd < 0) {
		reply_error(rp, 500, "media", "No file came with the answer");
		return;
	}
	on_record(rq, "recording-fetched");
	rp->status = 200;
	rp->type = "application/octet-stream";
	rp->fd = fd;
}

void api_recording_remove(const struct request *rq, struct reply *rp)
{
	json_t *j = ask(rq,
			json_pack("{s:s, s:s}", "do", "store.delete",
				  "recording", rq->arg),
			NULL, rp);

	if (!j)
		return;
	json_decref(j);
	on_record(rq, "recording-deleted");
	reply_ok(rp, json_pack("{s:s}", "deleted", rq->arg));
}
