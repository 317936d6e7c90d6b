/* SPDX-License-Identifier: Apache-2.0 */
/* Transcription and captions of a call in progress: its audio is forked to the
 * recorder or speech service of the configuration. */
#include <errno.h>
#include "control/calls/fork.h"
#include "control/http/impl.h"

static void answer(const struct request *rq, enum fork_use use, bool on,
		   struct reply *rp)
{
	struct duty_why why;
	uint64_t id;

	if (!call_id_read(rq, &id, rp))
		return;
	switch (calls_fork(rq->ctx->calls, id, use, on, rq->by, &why)) {
	case 0:
		reply_ok(rp, json_pack("{s:I, s:b}", "call", (json_int_t)id,
				       fork_use_names[use], on));
		break;
	case ENOENT:
		reply_error(rp, 404, "no-such-call", "No call has the id %s",
			    rq->arg);
		break;
	default:
		reply_error(rp, why.status, why.name, "%s", why.text);
	}
}

void api_call_transcribe(const struct request *rq, struct reply *rp)
{
	answer(rq, FORK_TRANSCRIPTION, true, rp);
}

void api_call_transcribe_end(const struct request *rq, struct reply *rp)
{
	answer(rq, FORK_TRANSCRIPTION, false, rp);
}

void api_call_caption(const struct request *rq, struct reply *rp)
{
	answer(rq, FORK_CAPTIONS, true, rp);
}

void api_call_caption_end(const struct request *rq, struct reply *rp)
{
	answer(rq, FORK_CAPTIONS, false, rp);
}
