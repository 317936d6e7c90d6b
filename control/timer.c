/* SPDX-License-Identifier: Apache-2.0 */
#include "control/timer.h"

#define SLOT_MS 8
#define SLOTS	8192 /* 65 seconds a turn; what is later stays for more turns */
#define WORDS	(SLOTS / 64)

static struct {
	struct list slot[SLOTS];
	uint64_t used[WORDS]; /* a bit for each slot that may hold some */
	uint64_t done;	      /* the latest tick that has been gone through */
	struct tmr driver;
	uint64_t due; /* tick that the driver wakes at; 0: it sleeps */
	bool turning; /* in turn(): it arms the driver itself */
} wheel;

static void turn(void *arg);

static void drive(uint64_t tick)
{
	uint64_t now = tmr_jiffies(), at = tick * SLOT_MS;

	wheel.due = tick;
	tmr_start(&wheel.driver, at > now ? at - now : 0, turn, NULL);
}

/* The next tick whose slot is in use; 0: none is. */
static uint64_t next_used(void)
{
	uint64_t from = wheel.done + 1;

	for (uint64_t i = 0; i <= WORDS; i++) {
		uint64_t first = i ? ((from / 64) + i) * 64 : from;
		uint64_t bits =
			wheel.used[(first / 64) % WORDS] >> (first % 64);

		if (bits)
			return first + (unsigned)__builtin_ctzll(bits);
	}
	return 0;
}

/* What is due in a slot goes to a list of its own: handlers start and cancel
 * others as they like. */
static void take_due(struct list *due, unsigned slot, uint64_t now)
{
	struct le *le = list_head(&wheel.slot[slot]);

	while (le) {
		struct timer *t = le->data;

		le = le->next;
		if (t->at > now)
			continue;
		list_unlink(&t->le);
		list_append(due, &t->le, t);
	}
	if (list_isempty(&wheel.slot[slot]))
		wheel.used[slot / 64] &= ~(1ull << (slot % 64));
}

static void turn(void *arg)
{
	uint64_t now = tmr_jiffies(), tick = now / SLOT_MS;
	struct list due = LIST_INIT;
	struct le *le;

	(void)arg;
	if (tick - wheel.done > SLOTS)
		wheel.done = tick - SLOTS;
	wheel.turning = true;
	while (wheel.done < tick) {
		wheel.done++;
		take_due(&due, (unsigned)(wheel.done % SLOTS), now);
	}
	while ((le = list_head(&due))) {
		struct timer *t = le->data;

		list_unlink(&t->le);
		t->h(t->arg);
	}
	wheel.turning = false;
	wheel.due = 0;
	tick = next_used();
	if (tick)
		drive(tick);
}

void timer_start(struct timer *t, uint64_t ms, timer_h *h, void *arg)
{
	uint64_t now = tmr_jiffies(), tick;
	unsigned slot;

	list_unlink(&t->le);
	t->at = now + ms;
	t->h = h;
	t->arg = arg;
	if (!wheel.due && !wheel.turning)
		wheel.done = now / SLOT_MS;
	/* The first tick that begins when it is due, or after. */
	tick = (t->at + SLOT_MS - 1) / SLOT_MS;
	if (tick <= wheel.done)
		tick = wheel.done + 1;
	slot = (unsigned)(tick % SLOTS);
	list_append(&wheel.slot[slot], &t->le, t);
	wheel.used[slot / 64] |= 1ull << (slot % 64);
	if (!wheel.turning && (!wheel.due || tick < wheel.due))
		drive(tick);
}

void timer_cancel(struct timer *t)
{
	list_unlink(&t->le);
}

bool timer_running(const struct timer *t)
{
	return t->le.list != NULL;
}

uint64_t timer_left(const struct timer *t)
{
	uint64_t now = tmr_jiffies();

	return timer_running(t) && t->at > now ? t->at - now : 0;
}
