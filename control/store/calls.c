/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/calls.c - calls in progress.
 *
 * Reading waits for what is queued, so that a list shows what was just written;
 * it happens at start. */
#include <errno.h>
#include "control/store/impl.h"

int store_call_put(struct store *s, uint64_t id, const char *json)
{
	return store_queue(s, CALL_PUT, "is", (int64_t)id, json);
}

int store_call_remove(struct store *s, uint64_t id)
{
	return store_queue(s, CALL_REMOVE, "i", (int64_t)id);
}

int store_call_list(struct store *s,
		    void (*f)(uint64_t id, const char *json, void *arg),
		    void *arg)
{
	int rc;

	store_flush(s);
	while ((rc = sqlite3_step(s->call_list)) == SQLITE_ROW)
		f((uint64_t)sqlite3_column_int64(s->call_list, 0),
		  (const char *)sqlite3_column_text(s->call_list, 1), arg);
	sqlite3_reset(s->call_list);
	return rc == SQLITE_DONE ? 0 : EIO;
}
