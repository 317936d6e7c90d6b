/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/users.c - users and their devices' media profile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/store/impl.h"
#include "dataplane/abi/suite.h"

#define SUITES_MAX \
	(sizeof(((struct media_profile *)0)->suites) / sizeof(uint16_t))

/* Suites are kept by name, best first, with spaces between: a database that
 * people can read. */
void suites_print(char *text, size_t size, const uint16_t *suites)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < SUITES_MAX && suites[i]; i++) {
		const struct sp_suite_info *info = sp_suite_info(suites[i]);

		if (info && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s",
					      n ? " " : "", info->name);
	}
}

static void suites_parse(uint16_t *suites, const char *text)
{
	char copy[512], *save = NULL;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &save); word && n < SUITES_MAX;
	     word = strtok_r(NULL, " ", &save)) {
		const struct sp_suite_info *suite =
			sp_suite_named(word, strlen(word));

		if (suite)
			suites[n++] = suite->id;
	}
}

static void user_read(sqlite3_stmt *st, struct store_user *u)
{
	const char *suites = (const char *)sqlite3_column_text(st, 4);
	const char *profile = (const char *)sqlite3_column_text(st, 5);

	memset(u, 0, sizeof(*u));
	column_copy(u->name, sizeof(u->name), st, 0);
	column_copy(u->ha1, sizeof(u->ha1), st, 1);
	column_copy(u->display, sizeof(u->display), st, 2);
	u->profile.security = (enum media_security)sqlite3_column_int(st, 3);
	suites_parse(u->profile.suites, suites ? suites : "");
	profile_parse(&u->profile, profile ? profile : "");
}

int store_user_add(struct store *s, const struct store_user *u)
{
	char suites[512];
	int rc;

	suites_print(suites, sizeof(suites), u->profile.suites);
	rc = store_run(s, USER_ADD, NULL, "sssis", u->name, u->ha1, u->display,
		       (int64_t)u->profile.security, suites);
	if (rc == SQLITE_OK)
		return 0;
	return (rc & 0xff) == SQLITE_CONSTRAINT ? EEXIST : EIO;
}

int store_user_ha1_set(struct store *s, const char *name, const char *ha1)
{
	int changes = 0;

	if (store_run(s, USER_HA1, &changes, "ss", name, ha1) != SQLITE_OK)
		return EIO;
	return changes ? 0 : ENOENT;
}

int store_user_remove(struct store *s, const char *name)
{
	int changes = 0;

	if (store_run(s, USER_REMOVE, &changes, "s", name) != SQLITE_OK)
		return EIO;
	if (!changes)
		return ENOENT;
	store_binding_remove(s, name, NULL);
	return 0;
}

int store_user_get(struct store *s, const char *name, struct store_user *out)
{
	int rc;

	sqlite3_bind_text(s->user_get, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(s->user_get);
	if (rc == SQLITE_ROW)
		user_read(s->user_get, out);
	sqlite3_reset(s->user_get);
	sqlite3_clear_bindings(s->user_get);
	if (rc == SQLITE_ROW)
		return 0;
	return rc == SQLITE_DONE ? ENOENT : EIO;
}

int store_user_list(struct store *s,
		    void (*f)(const struct store_user *, void *), void *arg)
{
	struct store_user u;
	int rc;

	while ((rc = sqlite3_step(s->user_list)) == SQLITE_ROW) {
		user_read(s->user_list, &u);
		f(&u, arg);
	}
	sqlite3_reset(s->user_list);
	return rc == SQLITE_DONE ? 0 : EIO;
}
