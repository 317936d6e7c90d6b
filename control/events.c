/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events.h"
#include <stdlib.h>
#include <time.h>

struct events {
	struct event ring[EVENTS_KEEP]; /* number n is at n % EVENTS_KEEP */
	uint64_t latest;
	events_h *h;
	void *arg;
};

struct events *events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void events_free(struct events *e)
{
	for (unsigned i = 0; e && i < EVENTS_KEEP; i++)
		free(e->ring[i].text);
	free(e);
}

void events_publish(struct events *e, const char *kind, json_t *data)
{
	struct timespec now;
	struct event *ev;
	char *text;

	text = e ? json_dumps(data, JSON_COMPACT) : NULL;
	json_decref(data);
	if (!e)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ev = &e->ring[++e->latest % EVENTS_KEEP];
	free(ev->text);
	ev->number = e->latest;
	ev->at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	ev->kind = kind;
	ev->text = text; /* NULL where there is no data, or no memory */
	if (e->h)
		e->h(e->arg);
}

void events_listen(struct events *e, events_h *h, void *arg)
{
	e->h = h;
	e->arg = arg;
}

const struct event *events_after(const struct events *e, uint64_t number)
{
	uint64_t next = number + 1;

	if (number >= e->latest)
		return NULL;
	if (e->latest >= EVENTS_KEEP && next <= e->latest - EVENTS_KEEP)
		next = e->latest - EVENTS_KEEP + 1;
	return &e->ring[next % EVENTS_KEEP];
}

uint64_t events_latest(const struct events *e)
{
	return e->latest;
}
