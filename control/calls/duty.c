/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/duty.c - what sallyport-media says, and what becomes of the
 * calls that it concerns. */
#include <stdlib.h>
#include <string.h>
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

static void look(struct call *c, void *arg)
{
	if (*(const bool *)arg)
		notice_look(c);
	else
		notice_lost(c);
}

static void on_up(bool up, void *arg)
{
	struct calls *cs = arg;

	calls_each(cs, look, &up);

	events_publish(cs->cfg.events, up ? "media-up" : "media-down", NULL);
}

/* Is it a port of the call's own media, not of who hears it beside? */
static bool own_port(const struct call *c, const char *id)
{
	struct media_port p[2 * CALL_MEDIA_MAX];
	unsigned n = media_ports(c->path->media, p, 2 * CALL_MEDIA_MAX);
	char own[DUTY_ID_MAX];

	for (unsigned i = 0; i < n; i++)
		if (strcmp(duty_port_id(p[i].stream, own), id) == 0)
			return true;
	return false;
}

static void on_failed(enum duty kind, const char *id, uint64_t call,
		      const char *error, const char *message, void *arg)
{
	struct calls *cs = arg;
	struct call *c = calls_find(cs, call);

	if (!c || c->state != CALL_UP)
		return;
	if (kind == DUTY_RECORDING)
		recording_failed(c, id, error, message);
	else if (kind == DUTY_PORT && media_transcoded(c->path->media) &&
		 own_port(c, id))
		c->door->hangup(c->arg, 500,
				"the call can't be transcoded any more");
	else if (kind == DUTY_PORT && own_port(c, id))
		notice_failed(c);
}

/* A recording that ended by itself. */
static void recording_ended(struct calls *cs, const json_t *e)
{
	const char *id = json_string_value(json_object_get(e, "recording"));
	const char *call = json_string_value(json_object_get(e, "call"));
	const char *reason = json_string_value(json_object_get(e, "reason"));
	struct call *c = call ? calls_find(cs, strtoull(call, NULL, 10)) : NULL;

	if (c && id && c->state == CALL_UP)
		recording_failed(c, id, reason ? reason : "internal",
				 reason ? reason : "no reason given");
}

/* A file that was played to somebody: he hears the other again. */
static void file_ended(struct call *c, void *arg)
{
	if (!notice_ended(c, *(const uint64_t *)arg) && c->state == CALL_UP &&
	    c->path &&
	    media_insert_ended(c->path->media, *(const uint64_t *)arg))
		call_save(c);
}

/* The stream of the port that an event is about. */
static uint64_t stream_of(const json_t *event)
{
	const char *port = json_string_value(json_object_get(event, "port"));

	return port ? strtoull(port, NULL, 10) : 0;
}

static void tone_ended(struct call *c, void *arg)
{
	notice_ended(c, *(const uint64_t *)arg);
}

static void on_event(const char *name, const json_t *event, void *arg)
{
	/* What people want to hear of; events_publish keeps no names. */
	static const char *const told[] = {"recording-closed", "store-warning",
					   "store-deleted",    "limit",
					   "payload-type",     "codec-error"};
	uint64_t stream = stream_of(event);
	struct calls *cs = arg;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(name, told[i]) == 0)
			events_publish(cs->cfg.events, told[i],
				       json_deep_copy(event));
	if (strcmp(name, "recording-failed") == 0)
		recording_ended(cs, event);
	if (strcmp(name, "file-ended") == 0)
		calls_each(cs, file_ended, &stream);
	if (strcmp(name, "notice-ended") == 0)
		calls_each(cs, tone_ended, &stream);
}

void duty_listen(struct calls *cs)
{
	static const struct duties_handlers h = {on_up, on_failed, on_event};

	if (cs->cfg.duties)
		duties_handlers(cs->cfg.duties, &h, cs);
}
