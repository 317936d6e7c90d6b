/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/guard.h"
#include "control/e2ee/wire.h"
#include <stdlib.h>
#include <string.h>

struct record {
	bool used;
	char aor[E2EE_AOR_MAX + 1];
	unsigned n;		  /* failures noted, at most GUARD_TRIES */
	uint64_t at[GUARD_TRIES]; /* when, oldest first */
	uint64_t until;		  /* blocked before this time */
};

struct guard {
	const void *who; /* the unfinished handshake, NULL: none */
	struct record r[GUARD_PEERS];
};

struct guard *guard_new(void)
{
	return calloc(1, sizeof(struct guard));
}

void guard_free(struct guard *g)
{
	free(g);
}

bool guard_begin(struct guard *g, const void *who)
{
	if (g->who && g->who != who)
		return false;
	g->who = who;
	return true;
}

void guard_end(struct guard *g, const void *who)
{
	if (g->who == who)
		g->who = NULL;
}

/* @return its place in g->r, GUARD_PEERS where it has none. */
static unsigned find(const struct guard *g, const char *aor)
{
	unsigned i = 0;

	while (i < GUARD_PEERS && (!g->r[i].used || strcmp(g->r[i].aor, aor)))
		i++;
	return i;
}

/* What a record still stands for: its block, or its last failure. */
static uint64_t weight(const struct record *r)
{
	uint64_t last = r->n ? r->at[r->n - 1] : 0;

	return r->until > last ? r->until : last;
}

static struct record *make(struct guard *g, const char *aor)
{
	struct record *least = &g->r[0];

	for (unsigned i = 0; i < GUARD_PEERS && least->used; i++)
		if (!g->r[i].used || weight(&g->r[i]) < weight(least))
			least = &g->r[i];
	memset(least, 0, sizeof(*least));
	least->used = true;
	strncpy(least->aor, aor, sizeof(least->aor) - 1);
	return least;
}

void guard_failed(struct guard *g, const char *aor, uint64_t now)
{
	unsigned i = find(g, aor);
	struct record *r = i < GUARD_PEERS ? &g->r[i] : make(g, aor);

	if (r->n == GUARD_TRIES) {
		memmove(r->at, r->at + 1, sizeof(r->at) - sizeof(r->at[0]));
		r->n--;
	}
	r->at[r->n++] = now;
	if (r->n == GUARD_TRIES && now - r->at[0] < GUARD_SPAN_MS) {
		r->until = now + GUARD_SPAN_MS;
		r->n = 0; /* after the block it counts afresh */
	}
}

uint64_t guard_wait(const struct guard *g, const char *aor, uint64_t now)
{
	unsigned i = find(g, aor);

	return i < GUARD_PEERS && now < g->r[i].until ? g->r[i].until - now : 0;
}

bool guard_blocked(const struct guard *g, const char *aor, uint64_t now)
{
	return guard_wait(g, aor, now) != 0;
}
