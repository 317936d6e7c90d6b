/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/drain.c - no new calls, and the end of those in progress: before
 * the machine is started again. */
#include "control/calls/impl.h"

void calls_drain(struct calls *cs, bool on)
{
	cs->draining = on;
}

bool calls_draining(const struct calls *cs)
{
	return cs->draining;
}

void call_emergency(struct call *c)
{
	c->emergency = true;
}

static void look(struct call *c, void *arg)
{
	bool *found = arg;

	*found |= c->emergency;
}

bool calls_emergency(struct calls *cs)
{
	bool found = false;

	calls_each(cs, look, &found);
	return found;
}

static void hang_up(struct call *c, void *arg)
{
	const char *reason = arg;

	c->door->hangup(c->arg, c->state == CALL_UP ? 200 : 503, reason);
}

void calls_hangup_all(struct calls *cs, const char *reason)
{
	calls_each(cs, hang_up, (char *)reason);
}
