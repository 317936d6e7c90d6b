/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/jitter.h"
#include <stdlib.h>
#include <string.h>

static void remove_first(struct jitter *j)
{
	j->count--;
	memmove(j->held, j->held + 1, j->count * sizeof(*j->held));
	memmove(j->since, j->since + 1, j->count * sizeof(*j->since));
}

static void release(struct jitter *j, jitter_h *out, void *arg)
{
	struct media_pkt *p = j->held[0];

	j->next = p->order + 1;
	remove_first(j);
	out(p, arg);
}

static void release_ready(struct jitter *j, jitter_h *out, void *arg)
{
	while (j->count && j->held[0]->order == j->next)
		release(j, out, arg);
}

void jitter_put(struct jitter *j, struct media_pkt *pkt, uint64_t now,
		jitter_h *out, void *arg)
{
	unsigned at = j->count;

	if (!j->started)
		j->next = pkt->order;
	j->started = true;
	while (at && j->held[at - 1]->order > pkt->order)
		at--;
	if (pkt->order < j->next ||
	    (at && j->held[at - 1]->order == pkt->order)) {
		j->late++;
		free(pkt);
		return;
	}
	/* One place is always free: a full buffer gives its first away. */
	memmove(j->held + at + 1, j->held + at,
		(j->count - at) * sizeof(*j->held));
	memmove(j->since + at + 1, j->since + at,
		(j->count - at) * sizeof(*j->since));
	j->held[at] = pkt;
	j->since[at] = now;
	j->count++;
	if (j->count == JITTER_DEPTH)
		release(j, out, arg);
	release_ready(j, out, arg);
}

bool jitter_tick(struct jitter *j, uint64_t now, jitter_h *out, void *arg)
{
	while (j->count && now - j->since[0] >= JITTER_MS) {
		release(j, out, arg);
		release_ready(j, out, arg);
	}
	return j->count > 0;
}

void jitter_flush(struct jitter *j)
{
	for (unsigned i = 0; i < j->count; i++)
		free(j->held[i]);
	memset(j, 0, sizeof(*j));
}
