/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/impl.h - shared by the files of store/, by nobody else.
 *
 * Two connections to one database: control's thread reads on one, the worker
 * writes on the other; records.c opens a third for each search. What is to be
 * written is a statement of the table in store.c with its values, queued in
 * order; the worker commits all that has come together as one transaction. */
#pragma once
#include <pthread.h>
#include <sqlite3.h>
#include "control/store/store.h"

enum stmt { /* written by the worker */
	    USER_ADD,
	    USER_REMOVE,
	    USER_HA1,
	    PROFILE_SET,
	    BINDING_PUT,
	    BINDING_REMOVE,
	    CALL_PUT,
	    CALL_REMOVE,
	    CDR_ADD,
	    CDR_TRIM,
	    TRUNK_ADD,
	    TRUNK_SET,
	    TRUNK_REMOVE,
	    ROUTE_ADD,
	    ROUTE_REMOVE,
	    DID_ADD,
	    DID_REMOVE,
	    DIAL_SET,
	    FORWARD_PUT,
	    STMT_MAX
};

#define OP_VALUES_MAX 12

/* Several statements that belong together. @return 0; else errno, and nothing
 * that it did stays. */
typedef int work_f(sqlite3 *db, void *arg);

struct value {
	char *text; /* NULL: a number */
	int64_t number;
};

struct op {
	struct op *next;
	enum stmt stmt;
	unsigned n;
	struct value v[OP_VALUES_MAX];
	work_f *work; /* in the place of a statement, or NULL */
	void *arg;
	struct ticket *ticket; /* who waits for it, or NULL */
};

struct ticket {
	bool done;
	int rc;	     /* SQLite's, of the statement or its commit */
	int err;     /* of the work */
	int changes; /* rows */
};

#define BINDING_BUCKETS 1024 /* a power of two */
struct bound {
	struct bound *next;
	struct store_binding b;
};

struct store {
	char *path;
	sqlite3 *read, *write;
	sqlite3_stmt *stmts[STMT_MAX];
	sqlite3_stmt *user_get, *user_list, *call_list;
	sqlite3_stmt *subject; /* policy.c */
	sqlite3_stmt *forward_get;

	pthread_t worker;
	pthread_mutex_t lock; /* guards what follows, to the blank line */
	pthread_cond_t more, less;
	struct op *head, **tail;
	unsigned queued;
	bool stop, busy;

	struct bound *bound[BINDING_BUCKETS]; /* control's thread only */
};

/** Queue a statement. kinds: 's' for const char *, 'i' for int64_t, one each.
 * @return 0 or ENOMEM. */
int store_queue(struct store *s, enum stmt stmt, const char *kinds, ...);
/** The same, and wait until it is committed. @return SQLite's code; rows
 * changed in *changes, which may be NULL. */
int store_run(struct store *s, enum stmt stmt, int *changes, const char *kinds,
	      ...);
/** Let the worker do work, and wait until that is committed. @return what work
 * returned, EIO where the commit failed. */
int store_work(struct store *s, work_f *work, void *arg);
int store_prepare(sqlite3 *db, sqlite3_stmt **st, const char *sql);
/** Fill the memory copy of the registrations. */
int bindings_load(struct store *s);
/** The text of what policy.c prepares. */
extern const char policy_subject_sql[];
void bindings_free(struct store *s);
/** Suites by name, best first, with spaces between; users.c. */
void suites_print(char *text, size_t size, const uint16_t *suites);
/* profiles.c: the rest of a profile as words. */
void profile_print(const struct media_profile *p, char *out, size_t size);
void profile_parse(struct media_profile *p, const char *text);
/** Copy a column; cut where it is longer than the field. */
void column_copy(char *dst, size_t size, sqlite3_stmt *st, int column);

/* sql.c: kinds has a letter for each value to bind: 's' const char *, 'i' int,
 * 'l' int64_t. */
/** A statement without rows. @return 0, EEXIST (a key is taken), ENOENT
 * (nothing changed), EIO. */
int sql_run(sqlite3 *db, const char *sql, const char *kinds, ...);
/** The first column of the first row. @return -1: no row. */
int sql_number(sqlite3 *db, const char *sql, const char *kinds, ...);
/** Calls row for each. @return 0 or EIO. */
int sql_each(sqlite3 *db, void (*row)(sqlite3_stmt *st, void *arg), void *arg,
	     const char *sql, const char *kinds, ...);
