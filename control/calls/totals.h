/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/totals.h - how calls have gone since the start, for metrics. */
#pragma once
#include <stdint.h>
#include "control/calls/call.h"

/* What became of a call, by SIP's status. */
enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_CANCELLED,  /* 487 */
	OUTCOME_UNANSWERED, /* 408, 480 */
	OUTCOME_BUSY,	    /* 486, 600, 603 */
	OUTCOME_REFUSED,    /* other 4xx, 6xx */
	OUTCOME_FAILED,	    /* 5xx */
	OUTCOME_COUNT
};

extern const char *const outcome_names[OUTCOME_COUNT];

struct calls_totals {
	uint64_t begun;
	uint64_t ended[OUTCOME_COUNT];
	uint64_t e2ee;	  /* of those answered, end-to-end encrypted */
	uint64_t seconds; /* of conversation, of those that have ended */
	uint64_t refused; /* features, asked of end-to-end encrypted calls */
	unsigned up, up_e2ee; /* now */
	unsigned ringing;     /* now; new ones too */
};

void calls_totals(struct calls *cs, struct calls_totals *out);
/** A call has ended: count it. */
void totals_ended(struct call *c, int status);
