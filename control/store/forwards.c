/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/forwards.c - see forwards.h. */
#include "control/store/forwards.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/store/impl.h"

static void also_load(struct store_forward *f, const char *text)
{
	unsigned n = 0;

	while (text && *text && n < FORWARD_ALSO_MAX) {
		size_t len = strcspn(text, " ");

		snprintf(f->also[n++], FORWARD_TO_MAX, "%.*s", (int)len, text);
		text += len + (text[len] == ' ');
	}
}

int store_forward_get(struct store *s, const char *user,
		      struct store_forward *out)
{
	sqlite3_stmt *st = s->forward_get;
	int rc;

	memset(out, 0, sizeof(*out));
	out->after = FORWARD_AFTER_DEFAULT;
	sqlite3_bind_text(st, 1, user, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		column_copy(out->always, FORWARD_TO_MAX, st, 0);
		column_copy(out->busy, FORWARD_TO_MAX, st, 1);
		column_copy(out->no_answer, FORWARD_TO_MAX, st, 2);
		out->after = (unsigned)sqlite3_column_int(st, 3);
		also_load(out, (const char *)sqlite3_column_text(st, 4));
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (rc == SQLITE_ROW)
		return 0;
	return rc == SQLITE_DONE ? ENOENT : EIO;
}

int store_forward_set(struct store *s, const char *user,
		      const struct store_forward *f)
{
	char also[FORWARD_ALSO_MAX * FORWARD_TO_MAX] = "";
	struct store_user u;
	size_t n = 0;
	int err = store_user_get(s, user, &u);

	if (err)
		return err;
	explicit_bzero(u.ha1, sizeof(u.ha1));
	for (unsigned i = 0; i < FORWARD_ALSO_MAX && f->also[i][0]; i++)
		n += (size_t)snprintf(also + n, sizeof(also) - n, "%s%s",
				      n ? " " : "", f->also[i]);
	return store_run(s, FORWARD_PUT, NULL, "ssssis", user, f->always,
			 f->busy, f->no_answer, (int64_t)f->after,
			 also) == SQLITE_OK
		       ? 0
		       : EIO;
}
