/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel, on a clock of the test's own: libre's clock and its one
 * timer that drives the wheel are the test's (ld --wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "control/timer.h"

static struct {
	uint64_t now, due;
	tmr_h *h; /* NULL: the wheel sleeps */
	unsigned wakes;
} clock_ = {.now = 1000003};

uint64_t __wrap_tmr_jiffies(void);
void __wrap_tmr_start(struct tmr *t, uint64_t delay, tmr_h *h, void *arg);

uint64_t __wrap_tmr_jiffies(void)
{
	return clock_.now;
}

void __wrap_tmr_start(struct tmr *t, uint64_t delay, tmr_h *h, void *arg)
{
	(void)t;
	(void)arg;
	clock_.due = clock_.now + delay;
	clock_.h = h;
}

/* Let ms pass, in steps as the event loop would wake; late: by how much. */
static void pass(uint64_t ms, uint64_t late)
{
	uint64_t end = clock_.now + ms;

	while (clock_.h && clock_.due <= end) {
		tmr_h *h = clock_.h;

		if (clock_.now < clock_.due + late)
			clock_.now = clock_.due + late;
		clock_.h = NULL;
		clock_.wakes++;
		h(NULL);
	}
	if (clock_.now < end)
		clock_.now = end;
}

struct alarm {
	struct timer t;
	uint64_t want, fired; /* 0: not */
	unsigned times;
};

static void ring(void *arg)
{
	struct alarm *a = arg;

	a->fired = clock_.now;
	a->times++;
}

static void set(struct alarm *a, uint64_t ms)
{
	a->want = clock_.now + ms;
	a->fired = 0;
	timer_start(&a->t, ms, ring, a);
}

static void never_early_hardly_late(void **state)
{
	enum { N = 3000 };
	struct alarm *a = calloc(N, sizeof(*a));

	(void)state;
	srand(7);
	for (unsigned i = 0; i < N; i++)
		set(&a[i], (uint64_t)(i % 3 ? rand() % 5000 : rand() % 400000));
	for (unsigned i = 0; i < N; i += 10)
		timer_cancel(&a[i].t);
	pass(401000, 0);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(a[i].times, i % 10 != 0);
		if (i % 10)
			assert_true(a[i].fired >= a[i].want &&
				    a[i].fired <= a[i].want + 16);
		assert_false(timer_running(&a[i].t));
	}
	assert_null(clock_.h); /* it sleeps */
	free(a);
}

static void restarted(void **state)
{
	struct alarm a = {.times = 0};

	(void)state;
	set(&a, 1000);
	pass(500, 0);
	assert_true(timer_running(&a.t));
	assert_int_equal(timer_left(&a.t), 500);
	set(&a, 1000);
	pass(600, 0);
	assert_int_equal(a.times, 0);
	pass(420, 0);
	assert_int_equal(a.times, 1);
	timer_cancel(&a.t); /* has none to cancel */
	set(&a, 0);
	pass(16, 0);
	assert_int_equal(a.times, 2);
}

/* From handlers: a timer that starts itself, and cancels the one that is due
 * with it. */
static struct alarm twin;

static void again(void *arg)
{
	struct alarm *a = arg;

	timer_cancel(&twin.t);
	if (++a->times < 50)
		timer_start(&a->t, a->times % 2 ? 0 : 100, again, a);
}

static void from_within(void **state)
{
	struct alarm a = {.times = 0};

	(void)state;
	memset(&twin, 0, sizeof(twin));
	timer_start(&a.t, 200, again, &a);
	set(&twin, 200);
	pass(10000, 0);
	assert_int_equal(a.times, 50);
	assert_int_equal(twin.times, 0);
	assert_null(clock_.h);
}

/* The loop was held up for longer than a turn of the wheel. */
static void held_up(void **state)
{
	struct alarm a = {.times = 0}, b = {.times = 0}, c = {.times = 0};

	(void)state;
	set(&a, 100);
	set(&b, 70000);
	set(&c, 500000);
	clock_.now += 200000;
	pass(1000, 0);
	assert_int_equal(a.times, 1);
	assert_int_equal(b.times, 1);
	assert_int_equal(c.times, 0);
	pass(300000, 3);
	assert_int_equal(c.times, 1);
}

/* One far away costs a wake-up for each turn, not for each tick. */
static void sleeps(void **state)
{
	struct alarm a = {.times = 0};

	(void)state;
	clock_.wakes = 0;
	set(&a, 600000);
	pass(600100, 0);
	assert_int_equal(a.times, 1);
	assert_true(clock_.wakes <= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_early_hardly_late),
		cmocka_unit_test(restarted),
		cmocka_unit_test(from_within),
		cmocka_unit_test(held_up),
		cmocka_unit_test(sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
