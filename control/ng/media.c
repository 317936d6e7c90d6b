/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the media of a call that is up. What needs media that can be
 * read, or a third party, asks the gate first: an end-to-end encrypted call
 * refuses here in the same words as through SIP. */
#include <string.h>
#include "control/calls/fork.h"
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

/* What has been done about a feature: the gate has been asked by whoever did it. */
static const char *done(struct ng_request *rq, enum feature f, int err,
			const struct duty_why *why)
{
	return err ? ng_fail_duty(rq, f, why) : "ok";
}

/* The session, if the gate lets it have this. */
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

/* What is done to one leg: the other hears it. */
struct deed {
	int (*act)(struct ng_session *s, enum leg x, const struct deed *d,
		   struct media_why *why);
	bool on;
	enum media_insert what;
	const char *file;
	bool loop;
};

/* To each leg that is meant. s NULL: it has been answered already. */
static const char *each(struct ng_request *rq, struct ng_session *s,
			enum leg named, const struct deed *d)
{
	struct media_why why = {0};

	if (!s)
		return NULL;
	for (int x = LEG_A; x <= LEG_B; x++)
		if (meant(rq, named, (enum leg)x) &&
		    d->act(s, (enum leg)x, d, &why) != 0)
			return ng_fail_media(rq, &why);
	call_save(s->call);
	return "ok";
}

/* ----------------------------------------------- block and silence media */

static int block(struct ng_session *s, enum leg x, const struct deed *d,
		 struct media_why *why)
{
	return path_block(s->path, x, d->on, why);
}

/* Packets of silence, where the gateway can make them; else no packets. */
static int silence(struct ng_session *s, enum leg x, const struct deed *d,
		   struct media_why *why)
{
	enum leg to = OTHER_LEG(x);

	if (d->on && call_kind(s->call) != CALL_E2EE &&
	    path_insert(s->path, to, INSERT_SILENCE, NULL, false, why) == 0)
		return 0;
	if (!d->on && path_insert_at(s->path, to) == INSERT_SILENCE)
		path_insert(s->path, to, INSERT_NOTHING, NULL, false, why);
	return path_block(s->path, x, d->on, why);
}

static const char *mute(struct ng_request *rq, const struct deed *d)
{
	enum leg leg = LEG_A;
	struct ng_session *s = wanted(rq, &leg);

	return each(rq, s, leg, d);
}

const char *ng_block_media(struct ng_request *rq)
{
	return mute(rq, &(struct deed){.act = block, .on = true});
}

const char *ng_unblock_media(struct ng_request *rq)
{
	return mute(rq, &(struct deed){.act = block});
}

const char *ng_silence_media(struct ng_request *rq)
{
	return mute(rq, &(struct deed){.act = silence, .on = true});
}

const char *ng_unsilence_media(struct ng_request *rq)
{
	return mute(rq, &(struct deed){.act = silence});
}

/* ------------------------------------------------------------- play media */

/* To this leg. */
static int play(struct ng_session *s, enum leg x, const struct deed *d,
		struct media_why *why)
{
	return path_insert(s->path, x, d->what, d->file, d->loop, why);
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
	struct deed d = {.act = play,
			 .what = INSERT_FILE,
			 .loop = rq->f.repeat_times > 1};
	char file[DUTY_ID_MAX];
	struct ng_session *s;
	enum leg leg = LEG_A;

	s = gated(rq, FEATURE_MUSIC, "play media", &leg);
	if (s && !file_name(rq->f.file, file))
		return ng_fail(rq, "play media needs a `file` of the music "
				   "folder");
	d.file = file;
	return each(rq, s, leg, &d);
}

const char *ng_stop_media(struct ng_request *rq)
{
	static const struct deed stop = {.act = play};
	enum leg leg = LEG_A;
	struct ng_session *s = gated(rq, FEATURE_MUSIC, "stop media", &leg);

	return each(rq, s, leg, &stop);
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
static int no_digits(struct ng_session *s, enum leg x, const struct deed *d,
		     struct media_why *why)
{
	return path_no_digits(s->path, x, d->on, why);
}

const char *ng_block_dtmf(struct ng_request *rq)
{
	static const struct deed d = {.act = no_digits, .on = true};
	enum leg leg = LEG_A;
	struct ng_session *s =
		gated(rq, FEATURE_TRANSCODING, "block DTMF", &leg);

	return each(rq, s, leg, &d);
}

const char *ng_unblock_dtmf(struct ng_request *rq)
{
	static const struct deed d = {.act = no_digits};
	enum leg leg = LEG_A;
	struct ng_session *s =
		gated(rq, FEATURE_TRANSCODING, "unblock DTMF", &leg);

	return each(rq, s, leg, &d);
}

/* --------------------------------------------- recording and forwarding */

static const char *record(struct ng_request *rq, bool on, const char *how)
{
	struct duty_why why = {0};
	struct ng_session *s;
	enum leg leg;
	int err;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	if (on && call_record_paused(s->call))
		err = call_record_pause(s->call, false, rq->by, how, &why);
	else
		err = call_record(s->call, on, rq->by, how, &why);
	return done(rq, FEATURE_RECORDING, err, &why);
}

const char *ng_recording_start(struct ng_request *rq)
{
	return record(rq, true, "start recording");
}

const char *ng_recording_stop(struct ng_request *rq)
{
	return record(rq, false, "stop recording");
}

const char *ng_recording_pause(struct ng_request *rq)
{
	struct duty_why why = {0};
	struct ng_session *s;
	enum leg leg;
	int err;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	err = call_record_pause(s->call, true, rq->by, "pause recording", &why);
	return done(rq, FEATURE_RECORDING, err, &why);
}

/* To the recorder of the configuration. */
static const char *forward(struct ng_request *rq, bool on, const char *how)
{
	struct duty_why why = {0};
	struct ng_session *s;
	unsigned legs = 0;
	enum leg leg;
	int err;

	s = wanted(rq, &leg);
	if (!s)
		return NULL;
	for (int x = LEG_A; x <= LEG_B; x++)
		if (meant(rq, leg, (enum leg)x))
			legs |= 1u << x;
	err = call_forward(s->call, legs, on, rq->by, how, &why);
	return done(rq, FEATURE_MONITORING, err, &why);
}

const char *ng_forwarding_start(struct ng_request *rq)
{
	return forward(rq, true, "start forwarding");
}

const char *ng_forwarding_stop(struct ng_request *rq)
{
	return forward(rq, false, "stop forwarding");
}
