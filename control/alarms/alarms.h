/* SPDX-License-Identifier: Apache-2.0 */
/* control/alarms/alarms.h - what needs somebody's attention: conditions that are
 * looked at every two seconds, raised when they begin and cleared when they end.
 *
 * One table (alarms.c) has every kind with its severity. An alarm is a kind and
 * what it is about (a trunk's name, a file); each is an event ("alarm-raised",
 * "alarm-cleared"), a line in the log, and a number in the metrics. Nothing is
 * kept across a restart: what is still so is found again at once. Control's
 * thread. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#define ALARM_ABOUT_MAX 128 /* octets, with the NUL */

enum alarm {
	ALARM_DATAPLANE, /* away: no new call, nothing can be changed */
	ALARM_MEDIA,	 /* sallyport-media is away, and configured */
	ALARM_PORT,	 /* a port has no link */
	ALARM_TRUNK,	 /* a trunk is down, or off though it is enabled */
	ALARM_CERTIFICATE,
	ALARM_DISK,
	ALARM_KEY,	/* a hop key is near its end, and is still in use */
	ALARM_DROPS,	/* packets are dropped that shouldn't be */
	ALARM_FIRMWARE, /* an update waits, or came to nothing */
	ALARM_KINDS
};

struct alarms;
struct config;
struct dp;
struct duties;
struct events;
struct firmware;
struct sp_event;
struct trunks;

struct alarms_config {
	struct dp *dp;
	struct duties *duties;
	struct trunks *trunks;
	struct firmware *firmware; /* NULL: none */
	struct events *events;
	const struct config *config; /* that runs */
	const char *state;	     /* the folder of what is kept */
};

/** @return 0 or errno. */
int alarms_alloc(struct alarms **ap, const struct alarms_config *cfg);
void alarms_free(struct alarms *a); /* also NULL */
/** What the dataplane says by itself. a may be NULL: not yet. */
void alarms_dataplane(struct alarms *a, const struct sp_event *e);
/** [{"name", "severity", "about", "message", "since"}], oldest first; the
 * caller's. */
json_t *alarms_json(const struct alarms *a);
const char *alarm_name(enum alarm kind);
/** How many of a kind there are. */
unsigned alarms_count(const struct alarms *a, enum alarm kind);
