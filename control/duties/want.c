/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted, by kind and id. */
#include <stdio.h>
#include <string.h>
#include "control/duties/impl.h"

static struct list *bucket(const struct duties *d, const char *id)
{
	return (struct list *)&d
		->bucket[hash_joaat_str(id) & (DUTY_BUCKETS - 1)];
}

struct want *want_find(const struct duties *d, enum duty kind, const char *id)
{
	struct le *le;

	LIST_FOREACH (bucket(d, id), le) {
		struct want *w = le->data;

		if (w->kind == kind && strcmp(w->id, id) == 0)
			return w;
	}
	return NULL;
}

static void destructor(void *arg)
{
	struct want *w = arg;

	list_unlink(&w->le);
	list_unlink(&w->order);
	json_decref(w->spec);
}

struct want *want_add(struct duties *d, enum duty kind, const char *id)
{
	struct want *w = mem_zalloc(sizeof(*w), destructor);

	if (!w)
		return NULL;
	w->kind = kind;
	snprintf(w->id, sizeof(w->id), "%s", id);
	list_append(bucket(d, id), &w->le, w);
	list_append(&d->of[kind], &w->order, w);
	return w;
}

void want_remove(struct want *w)
{
	mem_deref(w);
}
