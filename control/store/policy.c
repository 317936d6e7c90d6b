/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/policy.c - policies, groups, grants and switches. What takes
 * several statements is done by the worker as one piece of work. */
#include "control/store/policy.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/store/impl.h"

/* The facts of struct policy_subject in one row, or none: not a user. The
 * grant that counts is the user's own, else that of the lowest rank among the
 * groups that have the user as a direct member, else Global's. */
const char policy_subject_sql[] =
	"WITH given (policy, by, grp, rank) AS ("
	"  SELECT policy, 0, '', 0 FROM grant_user WHERE user = ?1"
	"  UNION ALL"
	"  SELECT g.policy, 1, g.grp, g.rank FROM grant_group g"
	"    JOIN member m ON m.grp = g.grp WHERE m.user = ?1"
	"  UNION ALL SELECT 'Global', 2, '', 0"
	"  ORDER BY 2, 4 LIMIT 1)"
	"SELECT p.identity, p.calling, given.by, given.grp, given.rank,"
	"  coalesce(s.e2ee, 0), coalesce(s.compliance, 0)"
	"  FROM user u JOIN given"
	"  JOIN policy p ON p.identity = given.policy"
	"  LEFT JOIN switch s ON s.user = u.name WHERE u.name = ?1";

int store_policy_subject(struct store *s, const char *user,
			 struct policy_subject *out)
{
	sqlite3_stmt *st = s->subject;
	int rc;

	memset(out, 0, sizeof(*out));
	sqlite3_bind_text(st, 1, user, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		out->known = true;
		column_copy(out->policy, sizeof(out->policy), st, 0);
		out->calling = (enum policy_calling)sqlite3_column_int(st, 1);
		out->by = (enum policy_grant)sqlite3_column_int(st, 2);
		column_copy(out->group, sizeof(out->group), st, 3);
		out->rank = (unsigned)sqlite3_column_int(st, 4);
		out->on = sqlite3_column_int(st, 5) != 0;
		out->compliance = sqlite3_column_int(st, 6) != 0;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : EIO;
}

/* --------------------------------------------------------------- policies */

static int policy_insert(sqlite3 *db, void *arg)
{
	const struct store_policy *p = arg;

	return sql_run(db, "INSERT INTO policy VALUES (?, ?, ?)", "ssi",
		       p->identity, p->description, (int)p->calling);
}

static int policy_update(sqlite3 *db, void *arg)
{
	const struct store_policy *p = arg;

	return sql_run(db,
		       "UPDATE policy SET description = ?2, calling = ?3"
		       " WHERE identity = ?1",
		       "ssi", p->identity, p->description, (int)p->calling);
}

static int policy_delete(sqlite3 *db, void *arg)
{
	const char *identity = arg;

	if (sql_number(db,
		       "SELECT count(*) FROM (SELECT policy FROM grant_user"
		       " UNION ALL SELECT policy FROM grant_group)"
		       " WHERE policy = ? COLLATE NOCASE",
		       "s", identity) > 0 &&
	    sqlite3_stricmp(identity, POLICY_GLOBAL) != 0)
		return EBUSY;
	if (sqlite3_stricmp(identity, POLICY_GLOBAL) != 0)
		return sql_run(db, "DELETE FROM policy WHERE identity = ?", "s",
			       identity);
	return sql_run(db,
		       "UPDATE policy SET description = '', calling = 0"
		       " WHERE identity = ?",
		       "s", identity);
}

int store_policy_new(struct store *s, const struct store_policy *p)
{
	return store_work(s, policy_insert, (void *)p);
}

int store_policy_set(struct store *s, const struct store_policy *p)
{
	return store_work(s, policy_update, (void *)p);
}

int store_policy_remove(struct store *s, const char *identity)
{
	return store_work(s, policy_delete, (void *)identity);
}

struct policies {
	void (*f)(const struct store_policy *, void *);
	void *arg;
	struct store_policy *one; /* in the place of f */
	bool found;
};

static void policy_row(sqlite3_stmt *st, void *arg)
{
	struct policies *l = arg;
	struct store_policy p;

	column_copy(p.identity, sizeof(p.identity), st, 0);
	column_copy(p.description, sizeof(p.description), st, 1);
	p.calling = (enum policy_calling)sqlite3_column_int(st, 2);
	l->found = true;
	if (l->one)
		*l->one = p;
	else
		l->f(&p, l->arg);
}

int store_policy_get(struct store *s, const char *identity,
		     struct store_policy *out)
{
	struct policies l = {.one = out};
	int err = sql_each(s->read, policy_row, &l,
			   "SELECT identity, description, calling FROM policy"
			   " WHERE identity = ?",
			   "s", identity);

	return err ? err : l.found ? 0 : ENOENT;
}

int store_policy_list(struct store *s,
		      void (*f)(const struct store_policy *, void *), void *arg)
{
	struct policies l = {.f = f, .arg = arg};

	return sql_each(s->read, policy_row, &l,
			"SELECT identity, description, calling FROM policy"
			" ORDER BY identity <> 'Global', identity",
			"");
}

/* ------------------------------------------------------ groups and members */

struct pair {
	const char *name, *of;
	int n;
};

static int group_insert(sqlite3 *db, void *arg)
{
	return sql_run(db, "INSERT INTO grp VALUES (?)", "s", (char *)arg);
}

static int group_delete(sqlite3 *db, void *arg)
{
	return sql_run(db, "DELETE FROM grp WHERE name = ?", "s", (char *)arg);
}

static int member_insert(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;

	/* the group's name as it was given at first */
	return sql_run(
		db,
		"INSERT INTO member SELECT name, ?2 FROM grp WHERE name = ?1",
		"ss", p->name, p->of);
}

static int member_delete(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;

	return sql_run(db, "DELETE FROM member WHERE grp = ? AND user = ?",
		       "ss", p->name, p->of);
}

int store_group_add(struct store *s, const char *group)
{
	return store_work(s, group_insert, (void *)group);
}

int store_group_remove(struct store *s, const char *group)
{
	return store_work(s, group_delete, (void *)group);
}

bool store_group_there(struct store *s, const char *group)
{
	return sql_number(s->read, "SELECT 1 FROM grp WHERE name = ?", "s",
			  group) == 1;
}

int store_member_add(struct store *s, const char *group, const char *user)
{
	struct pair p = {group, user, 0};

	return store_work(s, member_insert, &p);
}

int store_member_remove(struct store *s, const char *group, const char *user)
{
	struct pair p = {group, user, 0};

	return store_work(s, member_delete, &p);
}

struct names {
	void (*group)(const char *group, unsigned members, void *arg);
	void (*member)(const char *user, void *arg);
	void *arg;
};

static void group_row(sqlite3_stmt *st, void *arg)
{
	const struct names *l = arg;

	l->group((const char *)sqlite3_column_text(st, 0),
		 (unsigned)sqlite3_column_int(st, 1), l->arg);
}

static void member_row(sqlite3_stmt *st, void *arg)
{
	const struct names *l = arg;

	l->member((const char *)sqlite3_column_text(st, 0), l->arg);
}

int store_group_list(struct store *s,
		     void (*f)(const char *group, unsigned members, void *arg),
		     void *arg)
{
	struct names l = {.group = f, .arg = arg};

	return sql_each(s->read, group_row, &l,
			"SELECT name, (SELECT count(*) FROM member"
			" WHERE grp = name) FROM grp ORDER BY name",
			"");
}

int store_member_list(struct store *s, const char *group,
		      void (*f)(const char *user, void *arg), void *arg)
{
	struct names l = {.member = f, .arg = arg};

	return sql_each(s->read, member_row, &l,
			"SELECT user FROM member WHERE grp = ? ORDER BY user",
			"s", group);
}

/* ----------------------------------------------------------------- grants */

static int user_grant(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;

	return sql_run(db,
		       "INSERT OR REPLACE INTO grant_user"
		       " SELECT ?, identity FROM policy WHERE identity = ?",
		       "ss", p->name, p->of);
}

static int user_revoke(sqlite3 *db, void *arg)
{
	return sql_run(db, "DELETE FROM grant_user WHERE user = ?", "s",
		       (char *)arg);
}

static int group_revoke(sqlite3 *db, void *arg)
{
	return sql_run(db, "DELETE FROM grant_group WHERE grp = ?", "s",
		       (char *)arg);
}

static int group_grant(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;
	int last, rank = p->n, err;

	err = group_revoke(db, (void *)p->name);
	if (err && err != ENOENT)
		return err;
	last = 1 + sql_number(db, "SELECT count(*) FROM grant_group", "");
	if (rank < 1 || rank > last)
		rank = last;
	err = sql_run(db,
		      "UPDATE grant_group SET rank = rank + 1 WHERE rank >= ?",
		      "i", rank);
	if (err && err != ENOENT)
		return err;
	return sql_run(db,
		       "INSERT INTO grant_group SELECT g.name, p.identity, ?3"
		       " FROM grp g JOIN policy p"
		       " WHERE g.name = ?1 AND p.identity = ?2",
		       "ssi", p->name, p->of, rank);
}

int store_grant_user(struct store *s, const char *user, const char *identity)
{
	struct pair p = {user, identity, 0};

	return store_work(s, user_grant, &p);
}

int store_revoke_user(struct store *s, const char *user)
{
	return store_work(s, user_revoke, (void *)user);
}

int store_grant_group(struct store *s, const char *group, const char *identity,
		      unsigned rank)
{
	struct pair p = {group, identity, rank > INT32_MAX ? 0 : (int)rank};

	return store_work(s, group_grant, &p);
}

int store_revoke_group(struct store *s, const char *group)
{
	return store_work(s, group_revoke, (void *)group);
}

struct grants {
	void (*f)(const struct store_grant *, void *);
	void *arg;
};

static void grant_row(sqlite3_stmt *st, void *arg)
{
	const struct grants *l = arg;
	struct store_grant g;

	g.to = (enum policy_grant)sqlite3_column_int(st, 0);
	column_copy(g.name, sizeof(g.name), st, 1);
	column_copy(g.policy, sizeof(g.policy), st, 2);
	g.rank = (unsigned)sqlite3_column_int(st, 3);
	l->f(&g, l->arg);
}

int store_grant_list(struct store *s,
		     void (*f)(const struct store_grant *, void *), void *arg)
{
	struct grants l = {f, arg};

	return sql_each(s->read, grant_row, &l,
			"SELECT 0 AS by, user AS name, policy, 0 AS rank"
			" FROM grant_user UNION ALL"
			" SELECT 1, grp, policy, rank FROM grant_group"
			" ORDER BY by, rank, name",
			"");
}

/* --------------------------------------------------------------- switches */

static int e2ee_switch(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;

	return sql_run(db,
		       "INSERT INTO switch (user, e2ee) VALUES (?1, ?2)"
		       " ON CONFLICT (user) DO UPDATE SET e2ee = ?2",
		       "si", p->name, p->n);
}

static int compliance_switch(sqlite3 *db, void *arg)
{
	const struct pair *p = arg;

	return sql_run(db,
		       "INSERT INTO switch (user, compliance) VALUES (?1, ?2)"
		       " ON CONFLICT (user) DO UPDATE SET compliance = ?2",
		       "si", p->name, p->n);
}

int store_switch_set(struct store *s, const char *user, enum store_switch w,
		     bool on)
{
	struct pair p = {user, NULL, on};

	return store_work(
		s, w == SWITCH_COMPLIANCE ? compliance_switch : e2ee_switch,
		&p);
}
