/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/trunks.c - see trunks.h. Few are asked for at once, and rarely:
 * the statements are prepared when they are needed. */
#include "control/store/trunks.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/store/impl.h"

static int changed_one(int rc, int changes)
{
	if ((rc & 0xff) == SQLITE_CONSTRAINT)
		return EEXIST;
	if (rc != SQLITE_OK)
		return EIO;
	return changes ? 0 : ENOENT;
}

/* A query with up to three texts (NULL ends them), each row to row(). */
static int each(struct store *s, const char *sql, const char *const text[],
		void (*row)(sqlite3_stmt *st, void *arg), void *arg)
{
	sqlite3_stmt *st;
	int rc, rows = 0;

	if (sqlite3_prepare_v2(s->read, sql, -1, &st, NULL) != SQLITE_OK)
		return EIO;
	for (int i = 0; text && text[i]; i++)
		sqlite3_bind_text(st, i + 1, text[i], -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row(st, arg);
		rows++;
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return EIO;
	return rows ? 0 : ENOENT;
}

/* ----------------------------------------------------------------- trunks */

static int trunk_write(struct store *s, enum stmt stmt,
		       const struct store_trunk *t)
{
	json_t *j = trunk_settings_json(&t->set);
	char *text = json_dumps(j, JSON_COMPACT);
	int rc, changes = 0;

	json_decref(j);
	if (!text)
		return EIO;
	rc = store_run(s, stmt, &changes, "sss", text, t->password,
		       t->set.name);
	free(text);
	return changed_one(rc, changes);
}

int store_trunk_add(struct store *s, const struct store_trunk *t)
{
	return trunk_write(s, TRUNK_ADD, t);
}

int store_trunk_set(struct store *s, const struct store_trunk *t)
{
	return trunk_write(s, TRUNK_SET, t);
}

static void no_row(sqlite3_stmt *st, void *arg)
{
	(void)st;
	(void)arg;
}

int store_trunk_remove(struct store *s, const char *name)
{
	int rc, changes = 0;

	if (!each(s, "SELECT 1 FROM route WHERE trunk = ?",
		  (const char *[]){name, NULL}, no_row, NULL))
		return EBUSY;
	rc = store_run(s, TRUNK_REMOVE, &changes, "s", name);
	return changed_one(rc, changes);
}

struct trunk_row {
	void (*f)(const struct store_trunk *, void *);
	void *arg;
	struct store_trunk *out;
};

static void trunk_row(sqlite3_stmt *st, void *arg)
{
	const struct trunk_row *r = arg;
	struct store_trunk t;
	char name[TRUNK_NAME_MAX], err[160];
	json_t *j;

	memset(&t, 0, sizeof(t));
	column_copy(name, sizeof(name), st, 0);
	trunk_settings_default(&t.set, name);
	column_copy(t.password, sizeof(t.password), st, 2);
	j = json_loads((const char *)sqlite3_column_text(st, 1), 0, NULL);
	if (!trunk_settings_take(&t.set, j, NULL, err, sizeof(err)))
		log_error(0, "trunk %s: %s: not as it was stored", name, err);
	json_decref(j);
	if (r->out)
		*r->out = t;
	else
		r->f(&t, r->arg);
	explicit_bzero(t.password, sizeof(t.password));
}

int store_trunk_get(struct store *s, const char *name, struct store_trunk *out)
{
	struct trunk_row r = {.out = out};

	return each(s,
		    "SELECT name, settings, password FROM trunk WHERE name = ?",
		    (const char *[]){name, NULL}, trunk_row, &r);
}

int store_trunk_list(struct store *s,
		     void (*f)(const struct store_trunk *, void *), void *arg)
{
	struct trunk_row r = {.f = f, .arg = arg};
	int err = each(s,
		       "SELECT name, settings, password FROM trunk"
		       " ORDER BY name",
		       NULL, trunk_row, &r);

	return err == ENOENT ? 0 : err;
}

/* ----------------------------------------------------------------- routes */

int store_route_add(struct store *s, const struct route *r)
{
	int changes = 0;
	int rc = store_run(s, ROUTE_ADD, &changes, "ssii", r->prefix, r->trunk,
			   (int64_t)r->priority, (int64_t)r->kind);

	return changed_one(rc, changes);
}

int store_route_remove(struct store *s, const char *prefix, const char *trunk)
{
	int changes = 0;
	int rc = store_run(s, ROUTE_REMOVE, &changes, "sss", prefix, trunk,
			   trunk);

	return changed_one(rc, changes);
}

struct route_rows {
	void (*f)(const struct route *, void *);
	void *arg;
};

static void route_row(sqlite3_stmt *st, void *arg)
{
	const struct route_rows *r = arg;
	struct route one = {.priority = (unsigned)sqlite3_column_int(st, 2),
			    .kind = (enum route_kind)sqlite3_column_int(st, 3)};

	column_copy(one.prefix, sizeof(one.prefix), st, 0);
	column_copy(one.trunk, sizeof(one.trunk), st, 1);
	if (one.kind < ROUTE_KINDS)
		r->f(&one, r->arg);
}

int store_route_list(struct store *s, void (*f)(const struct route *, void *),
		     void *arg)
{
	struct route_rows r = {f, arg};
	int err = each(s,
		       "SELECT prefix, trunk, priority, kind FROM route"
		       " ORDER BY prefix, priority, trunk",
		       NULL, route_row, &r);

	return err == ENOENT ? 0 : err;
}

/* ---------------------------------------------------------------- numbers */

int store_did_add(struct store *s, const struct store_did *d)
{
	int changes = 0;
	int rc = store_run(s, DID_ADD, &changes, "sss", d->number, d->user,
			   d->group);

	return changed_one(rc, changes);
}

int store_did_remove(struct store *s, const char *number)
{
	int changes = 0;
	int rc = store_run(s, DID_REMOVE, &changes, "s", number);

	return changed_one(rc, changes);
}

struct did_rows {
	void (*f)(const struct store_did *, void *);
	void *arg;
	struct store_did *out;
};

static void did_row(sqlite3_stmt *st, void *arg)
{
	const struct did_rows *r = arg;
	struct store_did d = {.number = ""};

	column_copy(d.number, sizeof(d.number), st, 0);
	column_copy(d.user, sizeof(d.user), st, 1);
	column_copy(d.group, sizeof(d.group), st, 2);
	if (r->out)
		*r->out = d;
	else
		r->f(&d, r->arg);
}

int store_did_get(struct store *s, const char *number, struct store_did *out)
{
	struct did_rows r = {.out = out};

	return each(s, "SELECT number, user, grp FROM did WHERE number = ?",
		    (const char *[]){number, NULL}, did_row, &r);
}

int store_did_list(struct store *s, void (*f)(const struct store_did *, void *),
		   void *arg)
{
	struct did_rows r = {.f = f, .arg = arg};
	int err = each(s, "SELECT number, user, grp FROM did ORDER BY number",
		       NULL, did_row, &r);

	return err == ENOENT ? 0 : err;
}

int store_did_of(struct store *s, const char *user, const char *number,
		 char out[NUMBER_MAX])
{
	struct store_did d;
	struct did_rows r = {.out = &d};
	int err = each(s,
		       "SELECT number, user, grp FROM did WHERE user = ?1 AND"
		       " (?2 = '' OR number = ?2) ORDER BY number LIMIT 1",
		       (const char *[]){user, number, NULL}, did_row, &r);

	if (!err)
		snprintf(out, NUMBER_MAX, "%s", d.number);
	return err;
}

/* ------------------------------------------------------ what may be dialled */

static void dial_row(sqlite3_stmt *st, void *arg)
{
	*(int *)arg = sqlite3_column_int(st, 0);
}

enum policy_dial store_dial_get(struct store *s, const char *user)
{
	int class = POLICY_DIAL_INTERNAL;

	if (each(s, "SELECT class FROM dial WHERE user = ?",
		 (const char *[]){user, NULL}, dial_row, &class) ||
	    class < 0 || class >= POLICY_DIALS)
		return POLICY_DIAL_INTERNAL;
	return (enum policy_dial) class;
}

int store_dial_set(struct store *s, const char *user, enum policy_dial d)
{
	int changes = 0;
	int rc = store_run(s, DIAL_SET, &changes, "si", user, (int64_t)d);

	return changed_one(rc, changes);
}
