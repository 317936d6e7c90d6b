/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that aren't asked often enough to be kept prepared. */
#include <errno.h>
#include <stdarg.h>
#include "control/store/impl.h"

static sqlite3_stmt *query(sqlite3 *db, const char *sql, const char *kinds,
			   va_list ap)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return NULL;
	for (int i = 1; *kinds; kinds++, i++) {
		if (*kinds == 's')
			sqlite3_bind_text(st, i, va_arg(ap, const char *), -1,
					  SQLITE_TRANSIENT);
		else if (*kinds == 'l')
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		else
			sqlite3_bind_int(st, i, va_arg(ap, int));
	}
	return st;
}

int sql_run(sqlite3 *db, const char *sql, const char *kinds, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc;

	va_start(ap, kinds);
	st = query(db, sql, kinds, ap);
	va_end(ap);
	if (!st)
		return EIO;
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return sqlite3_changes(db) ? 0 : ENOENT;
	return (rc & 0xff) == SQLITE_CONSTRAINT ? EEXIST : EIO;
}

int sql_number(sqlite3 *db, const char *sql, const char *kinds, ...)
{
	sqlite3_stmt *st;
	int n = -1;
	va_list ap;

	va_start(ap, kinds);
	st = query(db, sql, kinds, ap);
	va_end(ap);
	if (st && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

int sql_each(sqlite3 *db, void (*row)(sqlite3_stmt *st, void *arg), void *arg,
	     const char *sql, const char *kinds, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc = SQLITE_ERROR;

	va_start(ap, kinds);
	st = query(db, sql, kinds, ap);
	va_end(ap);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW)
		row(st, arg);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : EIO;
}
