/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/admins.c - administrators and tokens. */
#include "control/store/admins.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/store/impl.h"

const char *const role_names[ROLE_COUNT] = {
	[ROLE_NOBODY] = "nobody",   [ROLE_ANY] = "any",
	[ROLE_USER] = "user",	    [ROLE_READ] = "read",
	[ROLE_OPERATE] = "operate", [ROLE_ADMINISTER] = "administer",
};

enum role role_find(const char *name)
{
	for (int r = ROLE_READ; name && r < ROLE_COUNT; r++)
		if (strcmp(role_names[r], name) == 0)
			return (enum role)r;
	return ROLE_NOBODY;
}

static int admin_insert(sqlite3 *db, void *arg)
{
	const struct store_admin *a = arg;

	return sql_run(db, "INSERT INTO admin VALUES (?, ?, ?)", "sss", a->name,
		       role_names[a->role], a->hash);
}

static int admin_update(sqlite3 *db, void *arg)
{
	const struct store_admin *a = arg;

	return sql_run(db,
		       "UPDATE admin SET role = ?2, hash = ?3 WHERE name = ?1",
		       "sss", a->name, role_names[a->role], a->hash);
}

static int admin_delete(sqlite3 *db, void *arg)
{
	return sql_run(db, "DELETE FROM admin WHERE name = ?", "s",
		       (const char *)arg);
}

int store_admin_add(struct store *s, const struct store_admin *a)
{
	return store_work(s, admin_insert, (void *)a);
}

int store_admin_set(struct store *s, const struct store_admin *a)
{
	return store_work(s, admin_update, (void *)a);
}

int store_admin_remove(struct store *s, const char *name)
{
	return store_work(s, admin_delete, (void *)name);
}

struct admins {
	void (*f)(const struct store_admin *, void *);
	void *arg;
	struct store_admin *one; /* in the place of f */
	bool found;
};

static void admin_row(sqlite3_stmt *st, void *arg)
{
	struct admins *l = arg;
	struct store_admin a;

	column_copy(a.name, sizeof(a.name), st, 0);
	a.role = role_find((const char *)sqlite3_column_text(st, 1));
	column_copy(a.hash, sizeof(a.hash), st, 2);
	l->found = true;
	if (l->one)
		*l->one = a;
	else
		l->f(&a, l->arg);
	sodium_memzero(&a, sizeof(a));
}

int store_admin_get(struct store *s, const char *name, struct store_admin *out)
{
	struct admins l = {.one = out};
	int err = sql_each(s->read, admin_row, &l,
			   "SELECT name, role, hash FROM admin WHERE name = ?",
			   "s", name);

	return err ? err : l.found ? 0 : ENOENT;
}

int store_admin_list(struct store *s,
		     void (*f)(const struct store_admin *, void *), void *arg)
{
	struct admins l = {.f = f, .arg = arg};

	return sql_each(s->read, admin_row, &l,
			"SELECT name, role, hash FROM admin ORDER BY name", "");
}

/* ---------------------------------------------------------------- tokens */

#define HASH_HEX (2 * 32 + 1)

static void token_hash(const char *token, char hex[HASH_HEX])
{
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)token,
			   strlen(token), NULL, 0);
	sodium_bin2hex(hex, HASH_HEX, hash, sizeof(hash));
}

struct token_new {
	const struct store_token *t;
	char hash[HASH_HEX];
};

static int token_insert(sqlite3 *db, void *arg)
{
	const struct token_new *n = arg;

	return sql_run(db, "INSERT INTO token VALUES (?, ?, ?, ?, ?)", "sssll",
		       n->t->name, n->hash, role_names[n->t->role],
		       n->t->created, n->t->expires);
}

static int token_delete(sqlite3 *db, void *arg)
{
	return sql_run(db, "DELETE FROM token WHERE name = ?", "s",
		       (const char *)arg);
}

int store_token_add(struct store *s, const struct store_token *t,
		    char token[TOKEN_MAX])
{
	struct token_new n = {.t = t};
	uint8_t octets[32];

	randombytes_buf(octets, sizeof(octets));
	memcpy(token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
	sodium_bin2base64(token + strlen(TOKEN_PREFIX), ACCESS_SECRET, octets,
			  sizeof(octets),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(octets, sizeof(octets));
	token_hash(token, n.hash);
	return store_work(s, token_insert, &n);
}

int store_token_remove(struct store *s, const char *name)
{
	return store_work(s, token_delete, (void *)name);
}

struct tokens {
	void (*f)(const struct store_token *, void *);
	void *arg;
	struct store_token *one; /* in the place of f */
	bool found;
};

static void token_row(sqlite3_stmt *st, void *arg)
{
	struct tokens *l = arg;
	struct store_token t = {0};

	column_copy(t.name, sizeof(t.name), st, 0);
	t.role = role_find((const char *)sqlite3_column_text(st, 1));
	t.created = sqlite3_column_int64(st, 2);
	t.expires = sqlite3_column_int64(st, 3);
	l->found = true;
	if (l->one)
		*l->one = t;
	else
		l->f(&t, l->arg);
}

int store_token_get(struct store *s, const char *token, struct store_token *out)
{
	struct tokens l = {.one = out};
	char hash[HASH_HEX];
	int err;

	token_hash(token, hash);
	err = sql_each(s->read, token_row, &l,
		       "SELECT name, role, created, expires FROM token"
		       " WHERE hash = ?1 AND (expires = 0 OR expires > ?2)",
		       "sl", hash, (int64_t)time(NULL));
	return err ? err : l.found ? 0 : ENOENT;
}

int store_token_list(struct store *s,
		     void (*f)(const struct store_token *, void *), void *arg)
{
	struct tokens l = {.f = f, .arg = arg};

	return sql_each(s->read, token_row, &l,
			"SELECT name, role, created, expires FROM token"
			" ORDER BY name",
			"");
}
