/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the media of a call that is up. What needs media that can be
 * read, or a third party, asks the gate first: an end-to-end encrypted call
 * refuses here in the same words as through SIP. */
#include <string.h>
#include "control/media/protocol.h"
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

/* ------------------------------------------------------------- play media */

/* May the gateway put something into what is heard? @return NULL: it has been
 * answered. */
static struct ng_session *gated(struct ng_request *rq, enum feature f,
				const char *how, enum leg *leg)
{
	struct ng_session *s = wanted(rq, leg);
	struct feature_answer may;

	if (!s)
		return NULL;
	may = call_may(s->call, f, rq->by, how);
	if (may.allowed)
		return s;
	ng_fail_feature(rq, &may);
	return NULL;
}

/* Is this leg meant? Without a tag, or with `all`, both are. */
static bool meant(const struct ng_request *rq, enum leg named, enum leg x)
{
	return !rq->f.from_tag.l || rq->f.all || x == named;
}

static const char *play(struct ng_request *rq, struct ng_session *s,
			enum leg named, enum media_insert what,
			const char *file)
{
	struct media_why why = {0};

	for (int x = LEG_A; x <= LEG_B; x++)
		if (meant(rq, named, (enum leg)x) &&
		    path_insert(s->path, (enum leg)x, what, file,
				rq->f.repeat_times > 1, &why) != 0)
			return ng_fail_media(rq, &why);
	call_save(s->call);
	return "ok";
}

/* A name in the music folder; proxies write whole paths. */
static bool file_name(struct pl path, char out[DUTY_ID_MAX])
{
	for (size_t i = path.l; i > 0; i--) {
		if (path.p[i - 1] != '/')
			continue;
		path.p += i;
		path.l -= i;
		break;
	}
	return path.l && pl_strcpy(&path, out, DUTY_ID_MAX) == 0;
}

const char *ng_play_media(struct ng_request *rq)
{
	char file[DUTY_ID_MAX];
	struct ng_session *s;
	enum leg leg;

	s = gated(rq, FEATURE_MUSIC, "play media", &leg);
	if (!s)
		return NULL;
	if (!file_name(rq->f.file, file))
		return ng_fail(rq, "play media needs a `file` of the music "
				   "folder");
	return play(rq, s, leg, INSERT_FILE, file);
}

const char *ng_stop_media(struct ng_request *rq)
{
	struct ng_session *s;
	enum leg leg;

	s = gated(rq, FEATURE_MUSIC, "stop media", &leg);
	return s ? play(rq, s, leg, INSERT_NOTHING, NULL) : NULL;
}

/* Packets of silence, where the gateway can make them; else no packets. */
static const char *silence(struct ng_request *rq, bool silent)
{
	struct media_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	for (int x = LEG_A; x <= LEG_B; x++) {
		enum leg to = OTHER_LEG((enum leg)x);

		if (!meant(rq, leg, (enum leg)x))
			continue;
		if (silent && call_kind(s->call) != CALL_E2EE &&
		    path_insert(s->path, to, INSERT_SILENCE, NULL, false,
				&why) == 0)
			continue;
		if (!silent && path_insert_at(s->path, to) == INSERT_SILENCE)
			path_insert(s->path, to, INSERT_NOTHING, NULL, false,
				    &why);
		if (path_block(s->path, (enum leg)x, silent, &why) != 0)
			return ng_fail_media(rq, &why);
	}
	call_save(s->call);
	return "ok";
}

const char *ng_silence_media(struct ng_request *rq)
{
	return silence(rq, true);
}

const char *ng_unsilence_media(struct ng_request *rq)
{
	return silence(rq, false);
}

/* ------------------------------------------------------------------- digits */

#define DIGIT_MS  100 /* of each, unless said */
#define DIGIT_GAP 100
#define AFTER_MS  1000

static bool digits_ok(struct pl code, char out[MP_DIGITS_MAX + 1])
{
	if (!code.l || pl_strcpy(&code, out, MP_DIGITS_MAX + 1) != 0)
		return false;
	return out[strspn(out, "0123456789*#ABCDabcd")] == '\0';
}

/* from-tag says who presses the keys; the other hears it. */
const char *ng_play_dtmf(struct ng_request *rq)
{
	unsigned ms = rq->f.duration >= 40 && rq->f.duration <= 2000
			      ? (unsigned)rq->f.duration
			      : DIGIT_MS;
	char digits[MP_DIGITS_MAX + 1];
	struct media_why why = {0};
	struct ng_session *s;
	enum leg leg, to;

	s = gated(rq, FEATURE_MUSIC, "play DTMF", &leg);
	if (!s)
		return NULL;
	if (!digits_ok(rq->f.code, digits))
		return ng_fail(rq, "play DTMF needs `code`: digits, *, #, A to "
				   "D");
	to = OTHER_LEG(leg);
	if (path_insert_at(s->path, to) == INSERT_NOTHING &&
	    path_insert(s->path, to, INSERT_ITSELF, NULL, false, &why) != 0)
		return ng_fail_media(rq, &why);
	s->dialled[to] =
		tmr_jiffies() + AFTER_MS + strlen(digits) * (ms + DIGIT_GAP);
	if (!s->dialling.list)
		list_append(&rq->ng->dialling, &s->dialling, s);
	if (path_digits(s->path, to, digits, ms, &why) != 0)
		return ng_fail_media(rq, &why);
	return "ok";
}

void ng_dialled(struct ng *ng, uint64_t now)
{
	struct le *le = list_head(&ng->dialling);

	while (le) {
		struct ng_session *s = le->data;
		struct media_why why;

		le = le->next;
		for (int x = LEG_A; x <= LEG_B; x++) {
			if (!s->dialled[x] || now < s->dialled[x])
				continue;
			s->dialled[x] = 0;
			if (path_insert_at(s->path, (enum leg)x) ==
			    INSERT_ITSELF)
				path_insert(s->path, (enum leg)x,
					    INSERT_NOTHING, NULL, false, &why);
		}
		if (!s->dialled[LEG_A] && !s->dialled[LEG_B])
			list_unlink(&s->dialling);
	}
}

/* Digits are left out of what is made anew, which is what transcoding is. */
static const char *no_digits(struct ng_request *rq, bool none, const char *how)
{
	struct media_why why = {0};
	struct ng_session *s;
	enum leg leg;

	s = gated(rq, FEATURE_TRANSCODING, how, &leg);
	if (!s)
		return NULL;
	for (int x = LEG_A; x <= LEG_B; x++)
		if (meant(rq, leg, (enum leg)x) &&
		    path_no_digits(s->path, (enum leg)x, none, &why) != 0)
			return ng_fail_media(rq, &why);
	call_save(s->call);
	return "ok";
}

const char *ng_block_dtmf(struct ng_request *rq)
{
	return no_digits(rq, true, "block DTMF");
}

const char *ng_unblock_dtmf(struct ng_request *rq)
{
	return no_digits(rq, false, "unblock DTMF");
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

const char *ng_forwarding_start(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "start forwarding");
}

const char *ng_forwarding_stop(struct ng_request *rq)
{
	return asked(rq, FEATURE_MONITORING, "stop forwarding");
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
