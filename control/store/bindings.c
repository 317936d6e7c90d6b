/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/bindings.c - registrations.
 *
 * Looked up for every call and every REGISTER, and what was just written must
 * be seen at once: so they live in memory, and the database is their copy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/store/impl.h"

static struct bound **bucket_of(struct store *s, const char *user)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *user; user++)
		h = (h ^ (uint8_t)*user) * 16777619u;
	return &s->bound[h & (BINDING_BUCKETS - 1)];
}

static struct bound **bound_find(struct store *s, const char *user,
				 const char *contact)
{
	struct bound **bp = bucket_of(s, user);

	while (*bp && (strcmp((*bp)->b.user, user) ||
		       strcmp((*bp)->b.contact, contact)))
		bp = &(*bp)->next;
	return bp;
}

static int bound_put(struct store *s, const struct store_binding *b)
{
	struct bound **bp = bound_find(s, b->user, b->contact);

	if (!*bp) {
		*bp = calloc(1, sizeof(**bp));
		if (!*bp)
			return ENOMEM;
	}
	(*bp)->b = *b;
	return 0;
}

/* Unlinks and forgets *bp, here and in the database. */
static int bound_drop(struct store *s, struct bound **bp)
{
	struct bound *gone = *bp;
	int err;

	err = store_queue(s, BINDING_REMOVE, "ss", gone->b.user,
			  gone->b.contact);
	*bp = gone->next;
	free(gone);
	return err;
}

int store_binding_put(struct store *s, const struct store_binding *b)
{
	int err = bound_put(s, b);

	if (err)
		return err;
	return store_queue(s, BINDING_PUT, "sssssssiisis", b->user, b->contact,
			   b->source, b->local, b->transport, b->callid,
			   b->user_agent, (int64_t)b->cseq, b->expires,
			   b->instance, (int64_t)b->reg_id, b->path);
}

int store_binding_remove(struct store *s, const char *user, const char *contact)
{
	struct bound **bp;
	int err = ENOENT;

	if (contact) {
		bp = bound_find(s, user, contact);
		return *bp ? bound_drop(s, bp) : ENOENT;
	}
	for (bp = bucket_of(s, user); *bp;) {
		if (strcmp((*bp)->b.user, user))
			bp = &(*bp)->next;
		else
			err = bound_drop(s, bp);
	}
	return err;
}

int store_binding_list(struct store *s, const char *user,
		       void (*f)(const struct store_binding *, void *),
		       void *arg)
{
	if (user) {
		for (struct bound *b = *bucket_of(s, user); b; b = b->next)
			if (!strcmp(b->b.user, user))
				f(&b->b, arg);
		return 0;
	}
	for (unsigned i = 0; i < BINDING_BUCKETS; i++)
		for (struct bound *b = s->bound[i]; b; b = b->next)
			f(&b->b, arg);
	return 0;
}

void store_binding_lost(struct store *s, const char *user, const char *source,
			const char *transport)
{
	for (struct bound *b = *bucket_of(s, user); b; b = b->next)
		if (!strcmp(b->b.user, user) && !strcmp(b->b.source, source) &&
		    !strcmp(b->b.transport, transport))
			b->b.lost = true;
}

void store_binding_expire(struct store *s, int64_t now)
{
	for (unsigned i = 0; i < BINDING_BUCKETS; i++) {
		for (struct bound **bp = &s->bound[i]; *bp;) {
			if ((*bp)->b.expires > now)
				bp = &(*bp)->next;
			else
				bound_drop(s, bp);
		}
	}
}

int bindings_load(struct store *s)
{
	static const char sql[] =
		"SELECT user, contact, source, local, transport, callid,"
		" user_agent, cseq, expires, instance, reg_id, path FROM binding";
	sqlite3_stmt *st;
	int rc, err = 0;

	if (sqlite3_prepare_v2(s->read, sql, -1, &st, NULL) != SQLITE_OK)
		return EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_binding b = {0};

		column_copy(b.user, sizeof(b.user), st, 0);
		column_copy(b.contact, sizeof(b.contact), st, 1);
		column_copy(b.source, sizeof(b.source), st, 2);
		column_copy(b.local, sizeof(b.local), st, 3);
		column_copy(b.transport, sizeof(b.transport), st, 4);
		column_copy(b.callid, sizeof(b.callid), st, 5);
		column_copy(b.user_agent, sizeof(b.user_agent), st, 6);
		b.cseq = (uint32_t)sqlite3_column_int64(st, 7);
		b.expires = sqlite3_column_int64(st, 8);
		column_copy(b.instance, sizeof(b.instance), st, 9);
		b.reg_id = (uint32_t)sqlite3_column_int64(st, 10);
		column_copy(b.path, sizeof(b.path), st, 11);
		err = bound_put(s, &b);
	}
	if (!err && rc != SQLITE_DONE)
		err = EIO;
	sqlite3_finalize(st);
	return err;
}

void bindings_free(struct store *s)
{
	for (unsigned i = 0; i < BINDING_BUCKETS; i++) {
		while (s->bound[i]) {
			struct bound *next = s->bound[i]->next;

			free(s->bound[i]);
			s->bound[i] = next;
		}
	}
}
