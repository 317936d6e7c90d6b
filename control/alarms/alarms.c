/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alarms/alarms.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/alarms/impl.h"
#include "control/events.h"
#include "control/log.h"

#define LOOK_MS 2000

static const struct {
	const char *name; /* stable: the API's, and the metrics' */
	const char *severity;
	alarm_look *look;
} kinds[ALARM_KINDS] = {
	[ALARM_DATAPLANE] = {"dataplane-away", "wrong", look_dataplane},
	[ALARM_MEDIA] = {"media-away", "wrong", look_media},
	[ALARM_PORT] = {"port-down", "wrong", look_ports},
	[ALARM_TRUNK] = {"trunk-down", "wrong", look_trunks},
	[ALARM_CERTIFICATE] = {"certificate-ending", "notice",
			       look_certificates},
	[ALARM_DISK] = {"disk-low", "wrong", look_disk},
	[ALARM_KEY] = {"key-ending", "notice", look_keys},
	[ALARM_DROPS] = {"drops-wrong", "wrong", look_drops},
	[ALARM_FIRMWARE] = {"firmware", "notice", look_firmware},
};

const char *alarm_name(enum alarm kind)
{
	return kinds[kind].name;
}

unsigned alarms_count(const struct alarms *a, enum alarm kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		n += a->raised[i].kind == kind;
	return n;
}

static json_t *describe(const struct raised *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "name",
			 kinds[r->kind].name, "severity",
			 kinds[r->kind].severity, "about", r->about, "message",
			 r->text, "since", (json_int_t)r->since);
}

json_t *alarms_json(const struct alarms *a)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->n; i++)
		json_array_append_new(list, describe(&a->raised[i]));
	return list;
}

static struct raised *find(struct alarms *a, enum alarm kind, const char *about)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->raised[i].kind == kind &&
		    !strcmp(a->raised[i].about, about))
			return &a->raised[i];
	return NULL;
}

void alarm_seen(struct alarms *a, enum alarm kind, const char *about,
		const char *fmt, ...)
{
	struct raised *r;
	bool fresh;
	va_list ap;
	char key[ALARM_ABOUT_MAX];

	snprintf(key, sizeof(key), "%s", about);
	r = find(a, kind, key);
	fresh = !r;
	if (fresh && a->n == ALARMS_MAX)
		return;
	if (fresh) {
		r = &a->raised[a->n++];
		*r = (struct raised){.kind = kind, .since = time(NULL)};
		memcpy(r->about, key, sizeof(key));
	}
	r->still = true;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	if (!fresh)
		return;
	log_event(LEVEL_WARN, 0, "alarm-raised", "alarm %s: %s",
		  kinds[kind].name, r->text);
	events_publish(a->cfg.events, "alarm-raised", describe(r));
}

static void clear_others(struct alarms *a)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < a->n; i++) {
		struct raised *r = &a->raised[i];

		if (r->still) {
			a->raised[kept++] = *r;
			continue;
		}
		log_event(LEVEL_INFO, 0, "alarm-cleared",
			  "alarm %s is over: %s", kinds[r->kind].name, r->text);
		events_publish(a->cfg.events, "alarm-cleared", describe(r));
	}
	a->n = kept;
}

static void look(void *arg)
{
	struct alarms *a = arg;

	for (unsigned i = 0; i < a->n; i++)
		a->raised[i].still = false;
	for (unsigned k = 0; k < ALARM_KINDS; k++)
		kinds[k].look(a);
	clear_others(a);
	tmr_start(&a->tmr, LOOK_MS, look, a);
}

int alarms_alloc(struct alarms **ap, const struct alarms_config *cfg)
{
	struct alarms *a = calloc(1, sizeof(*a));

	if (!a)
		return ENOMEM;
	a->cfg = *cfg;
	tmr_init(&a->tmr);
	/* not at once: dataplane and media are still being connected to */
	tmr_start(&a->tmr, LOOK_MS, look, a);
	*ap = a;
	return 0;
}

void alarms_free(struct alarms *a)
{
	if (a)
		tmr_cancel(&a->tmr);
	free(a);
}
