/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/recording.c - recording of a call: by an operator, a phone's
 * INFO, or policy (compliance).
 *
 * Both directions of each m-line are copied to sallyport-media, which writes
 * them. A recording's tracks are fixed: where the call's media come to be
 * others, another recording of the same call begins. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

#define PORTS_MAX 32

static int no(struct duty_why *why, int status, const char *name,
	      const char *text)
{
	why->status = status;
	why->name = name;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

/* To people and evidence. reason: NULL: none. */
static void tell(const struct call *c, const char *kind, const char *by,
		 const char *how, const char *reason)
{
	json_t *j = json_pack("{s:I, s:s, s:s?, s:s?, s:s?, s:s, s:s}", "call",
			      (json_int_t)c->id, "recording", c->recording,
			      "by", by, "how", how, "reason", reason, "from",
			      c->from, "to", c->to);

	log_info(c->id, "%s: %s%s%s", kind, c->recording, reason ? ", " : "",
		 reason ? reason : "");
	events_publish(c->all->cfg.events, kind, json_incref(j));
	audit_add(c->all->cfg.audit, kind, j);
}

/* The same tracks, the same sum. */
static uint64_t sum_of(const struct media_port p[], unsigned n)
{
	uint64_t sum = n;

	for (unsigned i = 0; i < n; i++)
		sum += p[i].stream;
	return sum;
}

static json_t *tracks_json(const struct call *c, const struct media_port p[],
			   unsigned n)
{
	json_t *tracks = json_array();
	char id[DUTY_ID_MAX], name[CALL_AOR_MAX + 24];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s %s", call_party(c, p[i].from),
			 p[i].kind);
		name[MP_NAME_MAX] = '\0';
		json_array_append_new(tracks,
				      json_pack("{s:s, s:s, s:s}", "port",
						duty_port_id(p[i].stream, id),
						"of", "in", "name", name));
	}
	return tracks;
}

/* Tell it to keep nothing for now, or everything again. */
static int pause_it(struct call *c, bool paused, struct duty_why *why)
{
	json_t *reply =
		duty_ask(c->all->cfg.duties,
			 json_pack("{s:s, s:s}", "do",
				   paused ? "record.pause" : "record.resume",
				   "recording", c->recording),
			 NULL, why);
	bool ok = json_is_true(json_object_get(reply, "ok"));

	if (reply && !ok)
		no(why, 500, "recording",
		   "The recording can't be paused or resumed");
	json_decref(reply);
	return ok ? 0 : -1;
}

/* Begin to write what is being copied. kept: it has been begun before. */
static int write_it(struct call *c, bool kept, struct duty_why *why)
{
	struct media_port p[PORTS_MAX];
	unsigned n = media_ports(c->path->media, p, PORTS_MAX);
	char call[24];
	int err;

	if (n == 0)
		return no(why, 409, "no-media", "The call has no media");
	snprintf(call, sizeof(call), "%" PRIu64, c->id);
	c->tracks = sum_of(p, n);
	err = duty_set(c->all->cfg.duties, DUTY_RECORDING, c->recording, c->id,
		       kept,
		       json_pack("{s:s, s:o, s:{s:s, s:s, s:I, s:I}}", "call",
				 call, "tracks", tracks_json(c, p, n), "meta",
				 "from", c->from, "to", c->to, "started",
				 (json_int_t)c->started, "answered",
				 (json_int_t)c->answered),
		       why);
	/* a file after another goes on as that one was */
	if (!err && c->paused)
		pause_it(c, true, why);
	return err;
}

int call_copy(struct call *c, struct media_why *why)
{
	return media_copy(c->path->media,
			  c->recording[0] || c->forked ||
				  !list_isempty(&c->subscriptions),
			  why);
}

static void name_it(struct call *c)
{
	snprintf(c->recording, sizeof(c->recording), "%" PRIu64 "-%u", c->id,
		 ++c->recordings);
}

static int begin(struct call *c, struct duty_why *why)
{
	struct media_why media;

	if (!duties_can_record(c->all->cfg.duties, why))
		return -1;
	name_it(c);
	if (call_copy(c, &media) != 0) {
		c->recording[0] = '\0';
		return no(why, media.status, "media", media.text);
	}
	if (write_it(c, false, why) == 0)
		return 0;
	c->recording[0] = '\0';
	call_copy(c, &media);
	return -1;
}

static void end(struct call *c)
{
	struct media_why media;

	duty_remove(c->all->cfg.duties, DUTY_RECORDING, c->recording);
	c->recording[0] = '\0';
	c->paused = false;
	if (c->state != CALL_UP || !c->path)
		return;
	call_copy(c, &media);
	notice_look(c);
}

int call_record(struct call *c, bool on, const char *by, const char *how,
		struct duty_why *why)
{
	struct feature_answer may;

	if (!on) {
		if (!c->recording[0])
			return 0;
		if (c->complies && strcmp(by, CALL_POLICY) != 0)
			return no(why, 403, "compliance-recording",
				  "The call is recorded for compliance");
		tell(c, "recording-stopped", by, how, NULL);
		end(c);
		call_save(c);
		return 0;
	}
	may = call_may(c, FEATURE_RECORDING, by, how);
	if (!may.allowed)
		return no(why, may.status, may.error, may.reason);
	if (c->state != CALL_UP)
		return no(why, 409, "not-up", "The call isn't answered yet");
	if (c->recording[0])
		return 0;
	if (begin(c, why) != 0)
		return -1;
	/* for compliance it goes on all the same: notice_look() reports it */
	if (strcmp(by, CALL_POLICY) != 0 && notice_give(c, why) != 0) {
		end(c);
		return -1;
	}
	tell(c, "recording-started", by, how, NULL);
	call_save(c);
	return 0;
}

bool call_recorded(const struct call *c)
{
	return c->recording[0] != '\0';
}

int call_record_pause(struct call *c, bool paused, const char *by,
		      const char *how, struct duty_why *why)
{
	if (!c->recording[0])
		return no(why, 409, "not-recorded", "The call isn't recorded");
	if (c->complies)
		return no(why, 403, "compliance-recording",
			  "The call is recorded for compliance");
	if (c->paused == paused)
		return 0;
	if (pause_it(c, paused, why) != 0)
		return -1;
	c->paused = paused;
	notice_look(c);
	tell(c, paused ? "recording-paused" : "recording-resumed", by, how,
	     NULL);
	call_save(c);
	return 0;
}

bool call_record_paused(const struct call *c)
{
	return c->paused;
}

int calls_record(struct calls *cs, uint64_t id, bool on, const char *by,
		 struct duty_why *why)
{
	struct call *c = calls_find(cs, id);

	if (!c)
		return ENOENT;
	return call_record(c, on, by, "API", why) == 0 ? 0 : EPERM;
}

/* Where policy has it recorded and that can't be, the call goes on and the
 * failure is on record. */
static void comply(struct call *c)
{
	struct duty_why why;

	if (call_record(c, true, CALL_POLICY, "compliance recording", &why) !=
	    0)
		tell(c, "recording-failed", CALL_POLICY, "compliance recording",
		     why.text);
}

void recording_up(struct call *c)
{
	c->complies = call_kind(c) == CALL_ORDINARY && call_complies(c);
	if (c->complies)
		comply(c);
}

void recording_changed(struct call *c)
{
	struct media_port p[PORTS_MAX];
	unsigned n;
	struct duty_why why;

	if (!c->recording[0] || c->state != CALL_UP)
		return;
	n = media_ports(c->path->media, p, PORTS_MAX);
	if (n == 0 || sum_of(p, n) == c->tracks)
		return;
	duty_remove(c->all->cfg.duties, DUTY_RECORDING, c->recording);
	name_it(c);
	if (write_it(c, true, &why) == 0)
		tell(c, "recording-started", CALL_POLICY, "other media", NULL);
	else
		tell(c, "recording-failed", CALL_POLICY, "other media",
		     why.text);
}

void recording_end(struct call *c)
{
	if (!c->recording[0])
		return;
	tell(c, "recording-stopped", "the end of the call", "call ended", NULL);
	end(c);
}

void recording_failed(struct call *c, const char *id, const char *error,
		      const char *message)
{
	struct duty_why why;

	if (strcmp(c->recording, id) != 0)
		return; /* an earlier one */
	tell(c, "recording-failed", "sallyport-media", error, message);
	/* it has come back, and the call still goes on: so does the recording,
	 * in another file */
	if (strcmp(error, "gone") == 0) {
		name_it(c);
		if (write_it(c, true, &why) == 0) {
			tell(c, "recording-started", CALL_POLICY, "once more",
			     NULL);
			call_save(c);
			return;
		}
	}
	end(c);
	call_save(c);
}

void recording_save(const struct call *c, json_t *j)
{
	if (c->recording[0])
		json_object_set_new(j, "recording", json_string(c->recording));
	if (c->recordings)
		json_object_set_new(j, "recordings",
				    json_integer(c->recordings));
	if (c->complies)
		json_object_set_new(j, "complies", json_true());
	if (c->paused)
		json_object_set_new(j, "paused", json_true());
}

void recording_load(struct call *c, const json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "recording"));
	struct duty_why why;

	c->recordings =
		(unsigned)json_integer_value(json_object_get(j, "recordings"));
	c->complies = json_is_true(json_object_get(j, "complies"));
	c->paused = json_is_true(json_object_get(j, "paused"));
	if (!id)
		return;
	snprintf(c->recording, sizeof(c->recording), "%s", id);
	if (write_it(c, true, &why) != 0)
		c->recording[0] = '\0';
}
