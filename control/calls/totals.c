/* SPDX-License-Identifier: Apache-2.0 */
#include "control/calls/totals.h"
#include "control/calls/impl.h"

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_ANSWERED] = "answered",     [OUTCOME_CANCELLED] = "cancelled",
	[OUTCOME_UNANSWERED] = "unanswered", [OUTCOME_BUSY] = "busy",
	[OUTCOME_REFUSED] = "refused",	     [OUTCOME_FAILED] = "failed",
};

/* First match; the last takes all that is left. */
static const struct {
	int from, to;
	enum outcome outcome;
} outcomes[] = {
	{487, 487, OUTCOME_CANCELLED},	{408, 408, OUTCOME_UNANSWERED},
	{480, 480, OUTCOME_UNANSWERED}, {486, 486, OUTCOME_BUSY},
	{600, 600, OUTCOME_BUSY},	{603, 603, OUTCOME_BUSY},
	{500, 599, OUTCOME_FAILED},	{0, 999, OUTCOME_REFUSED},
};

void totals_ended(struct call *c, int status)
{
	struct calls_totals *t = &c->all->totals;
	size_t i = 0;

	if (c->answered) {
		t->ended[OUTCOME_ANSWERED]++;
		t->e2ee += call_kind(c) == CALL_E2EE;
		t->seconds += (uint64_t)(call_now() - c->answered);
		return;
	}
	while (status < outcomes[i].from || status > outcomes[i].to)
		i++;
	t->ended[outcomes[i].outcome]++;
}

static void count(struct call *c, void *arg)
{
	struct calls_totals *t = arg;

	if (c->state == CALL_UP) {
		t->up++;
		t->up_e2ee += call_kind(c) == CALL_E2EE;
	} else {
		t->ringing++;
	}
}

void calls_totals(struct calls *cs, struct calls_totals *out)
{
	*out = cs->totals;
	calls_each(cs, count, out);
}
