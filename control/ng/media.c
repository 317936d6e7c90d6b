/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the media of a call that is up. What needs media that can be
 * read, or a third party, asks the gate first: an end-to-end encrypted call
 * refuses here in the same words as through SIP. */
#include "control/ng/impl.h"

/* The call that it is about, if it is up. */
static struct ng_session *wanted(struct ng_request *rq, enum leg *leg)
{
	struct ng_session *s = ng_session_wanted(rq, leg);

	if (s && !s->up) {
		ng_fail(rq, "The call hasn't been answered yet");
		return NULL;
	}
	return s;
}

/* What is done about recordings: the gate has been asked by whoever does it. */
static const char *recorded(struct ng_request *rq, int err,
			    const struct duty_why *why)
{
	if (!err)
		return "ok";
	json_object_set_new(rq->reply, "feature", json_string("recording"));
	json_object_set_new(rq->reply, "error", json_string(why->name));
	json_object_set_new(rq->reply, "status", json_integer(why->status));
	return ng_fail(rq, "%s: %s", why->name, why->text);
}

/* What a feature of the gate's table answers. */
static const char *asked(struct ng_request *rq, enum feature f, const char *how)
{
	struct feature_answer may;
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	may = call_may(s->call, f, rq->by, how);
	if (!may.allowed)
		return ng_fail_feature(rq, &may);
	return ng_fail(rq, "%s can't be had through ng", may.name);
}

/* ------------------------------------------------------------ block media */

static const char *block(struct ng_request *rq, bool blocked)
{
	struct media_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	/* without a tag, or with `all`, both directions */
	for (int x = LEG_A; x <= LEG_B; x++) {
		if (rq->f.from_tag.l && !rq->f.all && x != (int)leg)
			continue;
		if (path_block(s->path, (enum leg)x, blocked, &why) != 0)
			return ng_fail_media(rq, &why);
	}
	call_save(s->call);
	return "ok";
}

const char *ng_block_media(struct ng_request *rq)
{
	return block(rq, true);
}

const char *ng_unblock_media(struct ng_request *rq)
{
	return block(rq, false);
}

/* To those who listen, nothing is as good as silence; a packet for each 20 ms
 * of it would need the media to be made here. */
const char *ng_silence_media(struct ng_request *rq)
{
	return block(rq, true);
}

const char *ng_unsilence_media(struct ng_request *rq)
{
	return block(rq, false);
}

/* ------------------------------------------------------- behind the gate */

const char *ng_recording_start(struct ng_request *rq)
{
	struct duty_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	if (call_record_paused(s->call))
		return recorded(rq,
				call_record_pause(s->call, false, rq->by,
						  "start recording", &why),
				&why);
	return recorded(
		rq, call_record(s->call, true, rq->by, "start recording", &why),
		&why);
}

const char *ng_recording_stop(struct ng_request *rq)
{
	struct duty_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	return recorded(
		rq, call_record(s->call, false, rq->by, "stop recording", &why),
		&why);
}

const char *ng_recording_pause(struct ng_request *rq)
{
	struct duty_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	return recorded(rq,
			call_record_pause(s->call, true, rq->by,
					  "pause recording", &why),
			&why);
}

const char *ng_block_dtmf(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "block DTMF");
}

const char *ng_unblock_dtmf(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "unblock DTMF");
}

const char *ng_forwarding_start(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "start forwarding");
}

const char *ng_forwarding_stop(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "stop forwarding");
}

const char *ng_play_media(struct ng_request *rq)
{
	return asked(rq, FEATURE_MUSIC, "play media");
}

const char *ng_stop_media(struct ng_request *rq)
{
	return asked(rq, FEATURE_MUSIC, "stop media");
}

const char *ng_play_dtmf(struct ng_request *rq)
{
	return asked(rq, FEATURE_MUSIC, "play DTMF");
}

const char *ng_subscribe_request(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "subscribe request");
}

const char *ng_subscribe_answer(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "subscribe answer");
}

const char *ng_unsubscribe(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "unsubscribe");
}
