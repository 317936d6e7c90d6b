/* SPDX-License-Identifier: Apache-2.0 */
/* control/events.h - what happens, told to whoever listens: calls, phones,
 * alarms, changes by administrators.
 *
 * The latest EVENTS_KEEP are kept, so that one who was away for a moment can
 * catch up by the number of the last that it saw. For people and dashboards;
 * evidence is audit's. Control's thread only. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#define EVENTS_KEEP 1024

struct events;

struct event {
	uint64_t number;  /* grows by one; starts anew with the program */
	int64_t at;	  /* UNIX milliseconds */
	const char *kind; /* static: lower case, hyphens, "call-up" */
	char *text;	  /* one line of JSON */
};

typedef void events_h(void *arg);

struct events *events_new(void); /* NULL: no memory */
void events_free(struct events *e);
/** data: an object whose reference is taken; NULL: nothing more to say. e may
 * be NULL: nobody keeps events (tests). kind is static. */
void events_publish(struct events *e, const char *kind, json_t *data);
/** Call h after each; one listener (http). */
void events_listen(struct events *e, events_h *h, void *arg);
/** The oldest kept that is newer than number. @return NULL: none yet. */
const struct event *events_after(const struct events *e, uint64_t number);
/** The number of the latest; 0: none yet. */
uint64_t events_latest(const struct events *e);
