/* SPDX-License-Identifier: Apache-2.0 */
#include <re.h>
#include "tests/media/loop.h"

#define LOOK_MS 2

struct wait {
	bool (*holds)(void *arg);
	void *arg;
	uint64_t deadline;
	bool held;
	struct tmr tmr;
};

void loop_init(void)
{
	libre_init();
}

void loop_close(void)
{
	libre_close();
}

static void look(void *arg)
{
	struct wait *w = arg;

	w->held = w->holds && w->holds(w->arg);
	if (w->held || tmr_jiffies() >= w->deadline)
		re_cancel();
	else
		tmr_start(&w->tmr, LOOK_MS, look, w);
}

bool loop_until(bool (*holds)(void *arg), void *arg, unsigned ms)
{
	struct wait w = {
		.holds = holds,
		.arg = arg,
		.deadline = tmr_jiffies() + ms,
	};

	tmr_init(&w.tmr);
	tmr_start(&w.tmr, LOOK_MS, look, &w);
	re_main(NULL);
	tmr_cancel(&w.tmr);
	return w.held;
}

void loop_for(unsigned ms)
{
	loop_until(NULL, NULL, ms);
}
