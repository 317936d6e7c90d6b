/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/notice.c - the parties of a call that is recorded, forked or
 * subscribed to are told so, where the configuration wants it: when it begins,
 * and then every so many seconds. Who hears nothing at that time (on hold) is
 * told once that is over. */
#include <stdio.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

/* The first second of a call is for phones and people to get ready: what is
 * played then may not be heard, and some phones take it badly that the sender
 * changes among the first packets. */
#define SETTLE_MS 1000
#define LATE_MS \
	3000 /* a tone that hasn't ended by then has no sound to go into */
#define RETRY_MS    5000
#define FILE_MAX_MS 60000
#define BOTH	    (1u << LEG_A | 1u << LEG_B)

static bool wanted(const struct call *c)
{
	return c->all->cfg.notice && c->state == CALL_UP && c->path &&
	       ((c->recording[0] && !c->paused) || c->forked ||
		subscriptions_heard(c));
}

/* NULL: a tone. */
static const char *file_of(const struct call *c)
{
	const char *what = c->all->cfg.notice;

	return strcmp(what, NOTICE_TONE) == 0 ? NULL : what;
}

/* To people and evidence; legs: who. */
static void tell(const struct call *c, const char *kind, unsigned legs,
		 const char *reason)
{
	json_t *who = json_array(), *j;

	for (int l = LEG_A; l <= LEG_B; l++)
		if (legs & (1u << l))
			json_array_append_new(who,
					      json_string(call_party(c, l)));
	j = json_pack("{s:I, s:o, s:s?, s:s, s:s}", "call", (json_int_t)c->id,
		      "parties", who, "reason", reason, "from", c->from, "to",
		      c->to);
	log_info(c->id, "%s%s%s", kind, reason ? ": " : "",
		 reason ? reason : "");
	events_publish(c->all->cfg.events, kind, json_incref(j));
	audit_add(c->all->cfg.audit, kind, j);
}

static void next(struct call *c, uint64_t ms);

void notice_failed(struct call *c)
{
	if (!c->telling)
		return;
	notice_lost(c);
	next(c, RETRY_MS);
}

/* The far end was silent, say: nothing came that a tone could be put into. A file
 * needs nothing to come, and so much of it is enough. */
static void too_late(void *arg)
{
	struct call *c = arg;
	unsigned legs = c->telling;

	if (!file_of(c)) {
		notice_failed(c);
		return;
	}
	notice_lost(c);
	c->told |= legs;
	tell(c, "notice-given", legs, "cut short after a minute");
	call_save(c);
}

/* @return 0, or -1 with why: somebody can't be told. */
static int give(struct call *c, unsigned legs, struct duty_why *why)
{
	const char *file = file_of(c);
	struct media_why no = {.status = 0};
	int lines = 0;

	legs &= ~c->telling;
	for (int l = LEG_A; lines >= 0 && l <= LEG_B; l++) {
		if (!(legs & (1u << l)))
			continue;
		lines = media_notice(c->path->media, l, file, &no);
		if (lines > 0)
			c->telling |= 1u << l;
	}
	if (c->telling)
		tmr_start(&c->notice_end,
			  file ? FILE_MAX_MS : MP_NOTICE_MS + LATE_MS, too_late,
			  c);
	if (lines >= 0)
		return 0;
	why->status = no.status;
	why->name = "notice";
	snprintf(why->text, sizeof(why->text),
		 "The parties can't be told: %.120s", no.text);
	return -1;
}

static void again(void *arg)
{
	struct call *c = arg;
	unsigned every = c->all->cfg.notice_every,
		 legs = every ? BOTH : BOTH & ~c->told;
	struct duty_why why;

	/* what fails here has succeeded once, or been reported */
	if (wanted(c) && legs)
		give(c, legs, &why);
	if (wanted(c) && every)
		next(c, every * 1000ull);
}

static void next(struct call *c, uint64_t ms)
{
	if (!tmr_isrunning(&c->notice_next))
		tmr_start(&c->notice_next, ms, again, c);
}

static void stop(struct call *c)
{
	tmr_cancel(&c->notice_next);
	notice_lost(c);
	c->told = 0;
}

int notice_give(struct call *c, struct duty_why *why)
{
	struct duty_why away;

	if (!wanted(c)) {
		if (c->told || c->telling)
			stop(c);
		return 0;
	}
	/* while sallyport-media is away nothing is recorded either */
	if (c->told == BOTH || !duties_up(c->all->cfg.duties, &away))
		return 0;
	return give(c, BOTH & ~c->told, why);
}

void notice_look(struct call *c)
{
	struct duty_why why;

	if (!c->told && tmr_isrunning(&c->notice_next))
		return; /* settling */
	if (notice_give(c, &why) != 0)
		tell(c, "notice-failed", BOTH & ~c->told, why.text);
}

static void settled(void *arg)
{
	notice_look(arg);
}

void notice_up(struct call *c)
{
	if (c->all->cfg.notice)
		tmr_start(&c->notice_next, SETTLE_MS, settled, c);
}

bool notice_ended(struct call *c, uint64_t stream)
{
	unsigned every = c->all->cfg.notice_every, leg;
	int l = c->telling ? media_notice_ended(c->path->media, stream) : -1;

	if (l < 0)
		return false;
	leg = 1u << l;
	c->telling &= ~leg;
	if (!c->telling)
		tmr_cancel(&c->notice_end);
	if (every) /* from now on, whatever was waited for */
		tmr_start(&c->notice_next, every * 1000ull, again, c);
	if (c->told & leg)
		return true;
	c->told |= leg;
	tell(c, "notice-given", leg, NULL);
	call_save(c);
	return true;
}

void notice_lost(struct call *c)
{
	tmr_cancel(&c->notice_end);
	if (c->telling)
		media_notice_end(c->path->media);
	c->telling = 0;
}

void notice_end(struct call *c)
{
	tmr_cancel(&c->notice_next);
	notice_lost(c);
}

void notice_save(const struct call *c, json_t *j)
{
	if (c->told)
		json_object_set_new(j, "told", json_integer(c->told));
}

void notice_load(struct call *c, const json_t *j)
{
	c->told =
		(unsigned)json_integer_value(json_object_get(j, "told")) & BOTH;
	if (c->told && c->all->cfg.notice_every && wanted(c))
		tmr_start(&c->notice_next, c->all->cfg.notice_every * 1000ull,
			  again, c);
}
