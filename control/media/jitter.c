/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/jitter.h"
#include <stdlib.h>
#include <string.h>

#define JUMP	    1000     /* packets: a greater step is a new start */
#define LEAP_S	    10	     /* seconds of timestamps: likewise */
#define BASE_AGE_US 10000000 /* the fastest transit is forgotten after that */
#define DECAY	    64	     /* of the target, a packet: 1/64 of the way */
#define DRY_MS	    60	     /* without a packet; then it fills up anew */
#define HOLE_MS	    200	     /* a longer one isn't waited through */
#define FULL	    (JITTER_SLOTS - 4)

void jitter_init(struct jitter *j, unsigned clock)
{
	memset(j, 0, sizeof(*j));
	j->clock = clock;
	j->target = JITTER_MIN_US * 2;
	j->step = clock / 50;
	j->filling = true;
}

static void drop_all(struct jitter *j)
{
	for (unsigned i = 0; i < JITTER_SLOTS; i++) {
		free(j->slot[i]);
		j->slot[i] = NULL;
	}
	j->count = 0;
}

void jitter_reset(struct jitter *j)
{
	drop_all(j);
	j->started = false;
	j->filling = true;
}

static uint32_t to_us(const struct jitter *j, uint64_t units)
{
	uint64_t us = units * 1000000 / j->clock;

	return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* How much later than the fastest of late this one came, and what follows for
 * how long to hold. */
static void learn(struct jitter *j, uint64_t time, uint64_t now)
{
	int64_t transit = (int64_t)now - (int64_t)(time * 1000000 / j->clock);
	int64_t late, want;

	if (transit < j->base || now - j->base_age > BASE_AGE_US) {
		j->base = transit;
		j->base_age = now;
	}
	late = transit - j->base;
	want = late + to_us(j, j->step) / 2 + JITTER_MIN_US / 2;
	if (want > JITTER_MAX_US)
		want = JITTER_MAX_US;
	if (want > j->target)
		j->target = (uint32_t)want;
	else
		j->target -= (uint32_t)((j->target - want) / DECAY);
	if (j->target < JITTER_MIN_US)
		j->target = JITTER_MIN_US;
}

static void start(struct jitter *j, const struct rtp *r, uint64_t now)
{
	drop_all(j);
	/* Far from zero: what comes before it in order has room below. */
	j->highest = j->next = ((uint64_t)1 << 32) + r->seq;
	j->newest = j->time = ((uint64_t)1 << 40) + r->ts;
	j->base = (int64_t)now - (int64_t)(j->newest * 1000000 / j->clock);
	j->base_age = now;
	j->started = j->filling = true;
}

/* Room in time beyond what fits: the oldest go. */
static void make_room(struct jitter *j, uint64_t order)
{
	while (order - j->next >= FULL) {
		struct jitter_packet **s = &j->slot[j->next % JITTER_SLOTS];

		if (*s && !(*s)->skip) {
			j->overflow++;
			j->count--;
			j->time = (*s)->time + j->step;
		}
		free(*s);
		*s = NULL;
		j->next++;
	}
}

static void measure_step(struct jitter *j, uint64_t order, uint64_t time)
{
	uint64_t step;

	if (order != j->highest + 1 || time <= j->newest)
		return;
	step = time - j->newest;
	if (step <= j->clock / 8)
		j->step = (uint32_t)step;
}

bool jitter_put(struct jitter *j, const struct rtp *r, bool skip, uint64_t now)
{
	struct jitter_packet *p;
	uint64_t order, time;
	int16_t ahead;
	int64_t leap;

	if (r->len > RTP_PAYLOAD_MAX)
		return false;
	if (!j->started)
		start(j, r, now);
	ahead = (int16_t)(r->seq - (uint16_t)j->highest);
	leap = (int32_t)(r->ts - (uint32_t)j->newest);
	if (abs(ahead) > JUMP || llabs(leap) > (int64_t)j->clock * LEAP_S) {
		/* A stray packet doesn't make a new start; two in order do
		 * (RFC 3550, appendix A.1). */
		if (!j->jumped || r->seq != j->jumped_seq) {
			j->jumped = true;
			j->jumped_seq = (uint16_t)(r->seq + 1);
			return false;
		}
		j->resets++;
		start(j, r, now);
		ahead = 0;
		leap = 0;
	}
	j->jumped = false;
	order = j->highest + (uint64_t)(int64_t)ahead;
	time = j->newest + (uint64_t)leap;
	if (!skip)
		learn(j, time, now);
	/* Filling, and then a hole: what is held from before it is too old to go
	 * on from, and would only delay what comes. */
	if (j->filling && order > j->highest &&
	    leap > (int64_t)(j->clock / 1000 * DRY_MS)) {
		drop_all(j);
		j->next = order;
		j->time = time;
	}
	/* Before the first was read, the order may still begin earlier. */
	if (order < j->next && j->filling && j->highest - order < FULL) {
		j->next = order;
		j->time = time;
	}
	if (order < j->next) {
		j->late++;
		return false;
	}
	if (j->slot[order % JITTER_SLOTS] && order <= j->highest &&
	    j->slot[order % JITTER_SLOTS]->order == order) {
		j->twice++;
		return false;
	}
	make_room(j, order);
	p = malloc(sizeof(*p));
	if (!p)
		return false;
	p->rtp = *r;
	p->rtp.payload = p->data;
	p->order = order;
	p->time = time;
	p->skip = skip;
	memcpy(p->data, r->payload, r->len);
	j->slot[order % JITTER_SLOTS] = p;
	j->count += !skip;
	measure_step(j, order, time);
	if (order > j->highest) {
		j->highest = order;
		j->newest = time;
	}
	return true;
}

uint32_t jitter_depth(const struct jitter *j)
{
	uint64_t end = j->newest + j->step;

	if (!j->count || end <= j->time)
		return 0;
	return to_us(j, end - j->time);
}

static void drop_skips(struct jitter *j)
{
	struct jitter_packet **s;

	while (*(s = &j->slot[j->next % JITTER_SLOTS]) && (*s)->skip) {
		free(*s);
		*s = NULL;
		j->next++;
	}
}

/* The first with sound, of which there is one, and how many before it are not
 * there (yet). */
static struct jitter_packet *first(const struct jitter *j, unsigned *missing)
{
	const struct jitter_packet *p;
	uint64_t at = j->next;

	*missing = 0;
	while (!(p = j->slot[at % JITTER_SLOTS]) || p->skip) {
		*missing += !p;
		at++;
	}
	return j->slot[at % JITTER_SLOTS];
}

/* Up to p, and p itself: what is still missing before it is lost. */
static struct jitter_packet *take(struct jitter *j, struct jitter_packet *p,
				  unsigned missing)
{
	while (j->next < p->order) {
		free(j->slot[j->next % JITTER_SLOTS]);
		j->slot[j->next++ % JITTER_SLOTS] = NULL;
	}
	j->slot[j->next++ % JITTER_SLOTS] = NULL;
	j->count--;
	j->lost += missing;
	j->time = p->time;
	return p;
}

enum jitter_kind jitter_get(struct jitter *j, struct jitter_packet **out)
{
	struct jitter_packet *p;
	unsigned missing;

	*out = NULL;
	drop_skips(j);
	j->empty = !j->count;
	if (j->empty) {
		if (j->dry >= j->clock / 1000 * DRY_MS)
			j->filling = true;
		return j->filling ? JITTER_WAIT : JITTER_EMPTY;
	}
	j->dry = 0;
	p = first(j, &missing);
	/* What comes behind it is here already: it is time that has stood still,
	 * ours or the way's. */
	if (missing && p->time > j->time + j->clock / 1000 * HOLE_MS)
		j->filling = true;
	if (j->filling) {
		/* Where the order begins is where time does. */
		j->time = p->time;
		if (jitter_depth(j) < j->target + to_us(j, j->step) / 2)
			return JITTER_WAIT;
		j->filling = false;
	} else if (missing && p->time > j->time) {
		return JITTER_LOST; /* jitter_passed moves on */
	} else if (p->time > j->time + j->step / 2) {
		return JITTER_PAUSE;
	}
	*out = take(j, p, missing);
	return JITTER_PACKET;
}

void jitter_catch_up(struct jitter *j)
{
	unsigned missing;

	while (j->count > 1 && jitter_depth(j) > j->target) {
		free(take(j, first(j, &missing), 0));
		j->overflow++;
		j->time += j->step;
	}
}

void jitter_passed(struct jitter *j, uint32_t units)
{
	j->time += units;
	if (j->empty)
		j->dry += units;
}

void jitter_free(struct jitter_packet *p)
{
	free(p);
}
