/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/call.c - a call's life, and the list of calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

/* From the row's state to the column's. A call that comes back from the store
 * is up at once; one that is refused ends without having rung. */
/* clang-format off */
static const bool legal[][CALL_ENDED + 1] = {
	/*                NEW    RINGING UP     ENDED */
	[CALL_NEW] =     {false, true,   true,  true},
	[CALL_RINGING] = {false, true,   true,  true},
	[CALL_UP] =      {false, false,  false, true},
	[CALL_ENDED] =   {false, false,  false, false},
};
/* clang-format on */

int64_t call_now(void)
{
	return (int64_t)time(NULL);
}

static void tell(const struct call *c)
{
	static const char *const kinds[] = {
		[CALL_NEW] = "call-new",
		[CALL_RINGING] = "call-ringing",
		[CALL_UP] = "call-up",
		[CALL_ENDED] = "call-ended",
	};

	events_publish(c->all->cfg.events, kinds[c->state],
		       json_pack("{s:I, s:s, s:s}", "id", (json_int_t)c->id,
				 "from", c->from, "to", c->to));
}

static bool enter(struct call *c, enum call_state to)
{
	if (!legal[c->state][to]) {
		log_error(c->id, "no way from state %d to %d", c->state, to);
		return false;
	}
	if (c->state != to) {
		c->state = to;
		tell(c);
	}
	return true;
}

static void call_destructor(void *arg)
{
	struct call *c = arg;

	if (c->le.list)
		c->all->count--;
	list_unlink(&c->le);
	tmr_cancel(&c->notice_end);
	tmr_cancel(&c->notice_next);
}

struct call *call_link(struct calls *cs, const struct call_door *door,
		       uint64_t id, const char *from, const char *to)
{
	struct call *c = mem_zalloc(sizeof(*c), call_destructor);

	if (!c)
		return NULL;
	tmr_init(&c->notice_end);
	tmr_init(&c->notice_next);
	c->all = cs;
	c->door = door;
	c->id = id;
	c->started = call_now();
	snprintf(c->from, sizeof(c->from), "%s", from);
	snprintf(c->to, sizeof(c->to), "%s", to);
	list_append(&cs->hash[id & (CALL_BUCKETS - 1)], &c->le, c);
	cs->count++;
	if (cs->last_id < id)
		cs->last_id = id;
	return c;
}

/* Seconds and a count: unique across restarts, in order of time, and small
 * enough for the numbers of every JSON reader. */
static uint64_t next_id(const struct calls *cs)
{
	uint64_t id = (uint64_t)call_now() << 20;

	return id > cs->last_id ? id : cs->last_id + 1;
}

struct call *call_new(struct calls *cs, const struct call_door *door, void *arg,
		      const char *from, const char *to)
{
	struct call *c = call_link(cs, door, next_id(cs), from, to);

	if (!c)
		return NULL;
	c->arg = arg;
	cs->totals.begun++;
	log_info(c->id, "%s calls %s", from, to);
	tell(c);
	return c;
}

uint64_t call_id(const struct call *c)
{
	return c->id;
}

void call_reaches(struct call *c, const char *aor)
{
	if (!strcmp(c->to, aor))
		return;
	log_info(c->id, "reaches %s", aor);
	snprintf(c->to, sizeof(c->to), "%s", aor);
}

void call_ringing(struct call *c)
{
	if (c->state == CALL_NEW)
		enter(c, CALL_RINGING);
}

void call_up(struct call *c, struct path *p)
{
	if (!enter(c, CALL_UP))
		return;
	c->answered = call_now();
	c->path = p;
	log_info(c->id, "answered%s",
		 call_kind(c) == CALL_E2EE ? ", end-to-end encrypted" : "");
	evidence_up(c);
	recording_up(c);
	fork_up(c);
	notice_up(c);
	call_save(c);
}

void call_end(struct call *c, enum call_by by, int status, const char *reason)
{
	bool saved = c->state == CALL_UP;

	if (!enter(c, CALL_ENDED))
		return;
	log_info(c->id, "ended: %d%s%s", status, reason ? ", " : "",
		 reason ? reason : "");
	totals_ended(c, status);
	record_write(c, by, status, reason);
	recording_end(c);
	fork_end(c);
	subscriptions_end(c, "call ended");
	notice_end(c);
	evidence_end(c, record_by(by), status, reason);
	if (saved)
		store_call_remove(c->all->cfg.store, c->id);
	path_free(c->path);
	c->path = NULL;
	mem_deref(c);
}

int calls_hangup(struct calls *cs, uint64_t id, const char *reason)
{
	struct call *c = calls_find(cs, id);

	if (!c)
		return ENOENT;
	c->door->hangup(c->arg, c->state == CALL_UP ? 200 : 480, reason);
	return 0;
}

struct call *calls_find(const struct calls *cs, uint64_t id)
{
	struct le *le;

	LIST_FOREACH (&cs->hash[id & (CALL_BUCKETS - 1)], le) {
		struct call *c = le->data;

		if (c->id == id)
			return c;
	}
	return NULL;
}

void calls_each(struct calls *cs, void (*f)(struct call *c, void *arg),
		void *arg)
{
	for (unsigned i = 0; i < CALL_BUCKETS; i++) {
		struct le *le = list_head(&cs->hash[i]);

		while (le) {
			struct call *c = le->data;

			le = le->next;
			f(c, arg);
		}
	}
}

unsigned calls_count(const struct calls *cs)
{
	return cs->count;
}

int calls_add_door(struct calls *cs, const struct call_door *door, void *arg)
{
	if (cs->n_doors == CALL_DOORS_MAX)
		return ENOSPC;
	cs->doors[cs->n_doors].door = door;
	cs->doors[cs->n_doors++].arg = arg;
	return 0;
}

int calls_alloc(struct calls **csp, const struct calls_config *cfg)
{
	struct calls *cs = mem_zalloc(sizeof(*cs), NULL);

	if (!cs)
		return ENOMEM;
	cs->cfg = *cfg;
	tmr_init(&cs->watch);
	duty_listen(cs);
	watch_start(cs);
	*csp = cs;
	return 0;
}

void calls_free(struct calls *cs)
{
	/* To free a call would be to end its media. The process is about to
	 * end; what is up belongs to the next. */
	if (cs)
		tmr_cancel(&cs->watch);
}
