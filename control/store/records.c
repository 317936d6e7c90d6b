/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/records.c - call detail records: kept, and searched. */
#include <errno.h>
#include "control/store/impl.h"

int store_cdr_add(struct store *s, uint64_t id, int64_t start, const char *json)
{
	int err = store_queue(s, CDR_ADD, "iis", (int64_t)id, start, json);

	return err ? err
		   : store_queue(s, CDR_TRIM, "i", (int64_t)STORE_CDR_KEEP);
}

/* The whole table is read, and JSON only of what the cheaper conditions leave:
 * a second or so for as many as are kept, of a thread that nothing waits for. */
#define FIT                                                              \
	" FROM cdr WHERE seq < ?1 AND start >= ?2 AND start < ?3"        \
	" AND CASE ?4 WHEN 1 THEN json->>'answered' > 0"                 \
	" WHEN 2 THEN json->>'answered' = 0 WHEN 3 THEN json->>'e2ee'"   \
	" WHEN 4 THEN json->>'recordings' > 0 ELSE 1 END"                \
	" AND (?5 = '' OR instr(lower(json->>'from' || char(10) ||"      \
	" (json->>'to') || char(10) || coalesce(json->>'reason', '') ||" \
	" char(10) || coalesce(json->>'trunk', '') || char(10) || id),"  \
	" lower(?5)))"

static sqlite3 *reader(struct store *s)
{
	sqlite3 *db = NULL;

	store_flush(s);
	if (sqlite3_open_v2(s->path, &db,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, 5000);
		return db;
	}
	sqlite3_close(db);
	return NULL;
}

struct found {
	void (*f)(int64_t seq, const char *json, void *arg);
	void *arg;
};

static void one(sqlite3_stmt *st, void *arg)
{
	const struct found *to = arg;

	to->f(sqlite3_column_int64(st, 0),
	      (const char *)sqlite3_column_text(st, 1), to->arg);
}

int store_cdr_find(struct store *s, const struct store_cdr_query *q,
		   void (*f)(int64_t seq, const char *json, void *arg),
		   void *arg)
{
	struct found to = {f, arg};
	sqlite3 *db = reader(s);
	int err = EIO;

	if (db)
		err = sql_each(db, one, &to,
			       "SELECT seq, json" FIT " ORDER BY seq DESC"
			       " LIMIT ?6",
			       "lllisl", q->before, q->from, q->until,
			       (int)q->kind, q->text, (int64_t)q->max);
	sqlite3_close(db);
	return err;
}

static void number(sqlite3_stmt *st, void *n)
{
	*(int64_t *)n = sqlite3_column_int64(st, 0);
}

int store_cdr_count(struct store *s, const struct store_cdr_query *q,
		    int64_t *found, int64_t *kept)
{
	sqlite3 *db = reader(s);
	int err = EIO;

	if (db)
		err = sql_each(db, number, found, "SELECT count(*)" FIT,
			       "lllis", INT64_MAX, q->from, q->until,
			       (int)q->kind, q->text);
	if (!err)
		err = sql_each(db, number, kept, "SELECT count(*) FROM cdr",
			       "");
	sqlite3_close(db);
	return err;
}
