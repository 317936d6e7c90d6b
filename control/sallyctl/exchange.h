/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/exchange.h - everything that was said to an appliance, as one
 * JSON document: what export writes and import reads.
 *
 *   {"sallyport": 1, "version", "exported": UNIX seconds, "config": the file's
 *    text, "users": [{"name", "display", "profile", "e2ee", "compliance",
 *    "dial", "ha1"}], "groups": [{"name", "members"}], "policies", "grants",
 *    "trunks", "routes", "numbers"}
 *
 * ha1 only where it was asked for; passwords of trunks, administrators, tokens and
 * keys never: those stay with their appliance. */
#pragma once
#include "control/sallyctl/commands.h"

#define EXCHANGE_FORMAT 1

/** All of it, asked for. secrets: with HA1, which only root gets. @return
 * EXIT_DONE, or it has been said why not. */
enum exit_status exchange_read(const struct invocation *in, bool secrets,
			       json_t **out);
/** The entry of a list whose members have these values. Borrowed, or NULL.
 * n <= 2 */
const json_t *exchange_find(const json_t *list, unsigned n,
			    const char *const key[], const json_t *like);
/** What has to be asked of the API so that what is comes to be what is wanted:
 * [{"what", "method", "path", "body"}], in order; notes: sentences, an array to
 * append to. Nothing is taken away. */
json_t *exchange_plan(const json_t *is, const json_t *wanted, json_t *notes);
