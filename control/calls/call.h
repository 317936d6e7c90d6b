/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/call.h - one call model for every front door.
 *
 * A call has two legs and their media. Front doors drive it by the verbs here;
 * it asks policy and features, and keeps itself in the store. Legal transitions
 * stand in one table (call.c). Control's thread only. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct calls;

/* For the control API: one object for each call in progress: id, state, from,
 * to, started (UNIX seconds), answered, media: [{kind, active, legs: [{codec,
 * suite_rx, suite_tx} x2], streams: [{from, packets_in, octets_in, lost,
 * jitter_ms, ...} x2]}]. The caller owns the result. */
json_t *calls_json(struct calls *cs);
json_t *call_json(struct calls *cs, uint64_t id); /* NULL: no such call */
/** End it from our side: BYE both ways, reason as RFC 3326 text. @return 0 or
 * ENOENT. */
int calls_hangup(struct calls *cs, uint64_t id, const char *reason);
/** Records, newest first. */
json_t *calls_records(struct calls *cs, unsigned max);
unsigned calls_count(const struct calls *cs);
