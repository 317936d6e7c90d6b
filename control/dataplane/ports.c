/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dataplane/ports.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define PAIRS 32768
#define TAKEN UINT64_MAX

/* For each pair: TAKEN, or the time from which it may be taken. */
struct media_ports {
	uint64_t *free_at[SP_MEDIA_ADDR_MAX]; /* by port / 2; made when used */
};

struct media_ports *media_ports_new(void)
{
	return calloc(1, sizeof(struct media_ports));
}

void media_ports_free(struct media_ports *mp)
{
	if (!mp)
		return;
	for (unsigned i = 0; i < SP_MEDIA_ADDR_MAX; i++)
		free(mp->free_at[i]);
	free(mp);
}

static uint64_t *pairs_of(struct media_ports *mp, uint8_t media)
{
	if (media >= SP_MEDIA_ADDR_MAX)
		return NULL;
	if (!mp->free_at[media])
		mp->free_at[media] = calloc(PAIRS, sizeof(uint64_t));
	return mp->free_at[media];
}

/* A free pair of this worker on this address, looked for from a random place
 * on; but not `except`. @return its even port, 0: none. */
static uint16_t find(const uint64_t *free_at, const struct sp_media_addr *a,
		     unsigned worker, unsigned workers, uint32_t rnd,
		     uint64_t now, uint16_t except)
{
	uint32_t first = a->udp_first / 2u, last = a->udp_last / 2u;
	uint32_t n, start;

	/* the first pair of the range that this worker owns, then every
	 * workers'th */
	first += (worker + workers - first % workers) % workers;
	if (first > last)
		return 0;
	n = (last - first) / workers + 1;
	start = rnd % n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pair = first + (start + i) % n * workers;

		if (free_at[pair] <= now && pair && pair * 2 != except)
			return (uint16_t)(pair * 2);
	}
	return 0;
}

int media_ports_take(struct media_ports *mp, const struct sp_greeting *g,
		     const uint8_t media[2], uint32_t rnd, uint64_t now,
		     uint16_t port[2])
{
	unsigned workers = g->n_workers ? g->n_workers : 1;
	uint64_t *pairs[2];

	for (int l = 0; l < 2; l++) {
		if (media[l] >= g->n_media)
			return EINVAL;
		pairs[l] = pairs_of(mp, media[l]);
		if (!pairs[l])
			return ENOMEM;
	}
	for (unsigned i = 0; i < workers; i++) {
		unsigned w = (rnd + i) % workers;
		bool same = media[0] == media[1];
		uint16_t a, b;

		a = find(pairs[0], &g->media[media[0]], w, workers,
			 rnd / workers, now, 0);
		b = a ? find(pairs[1], &g->media[media[1]], w, workers,
			     rnd / workers, now, same ? a : 0)
		      : 0;
		if (!b)
			continue;
		pairs[0][a / 2] = pairs[1][b / 2] = TAKEN;
		port[0] = a;
		port[1] = b;
		return 0;
	}
	return ENOSPC;
}

int media_ports_take_with(struct media_ports *mp, const struct sp_greeting *g,
			  uint8_t media, uint16_t with, uint32_t rnd,
			  uint64_t now, uint16_t *port)
{
	unsigned workers = g->n_workers ? g->n_workers : 1;
	uint64_t *pairs;

	if (media >= g->n_media)
		return EINVAL;
	pairs = pairs_of(mp, media);
	if (!pairs)
		return ENOMEM;
	*port = find(pairs, &g->media[media], with / 2u % workers, workers, rnd,
		     now, with);
	if (!*port)
		return ENOSPC;
	pairs[*port / 2] = TAKEN;
	return 0;
}

void media_ports_give(struct media_ports *mp, uint8_t media, uint16_t port,
		      uint64_t now)
{
	uint64_t *pairs = pairs_of(mp, media);

	if (pairs)
		pairs[port / 2] = now + PORTS_QUARANTINE_MS;
}

void media_ports_keep(struct media_ports *mp, uint8_t media, uint16_t port)
{
	uint64_t *pairs = pairs_of(mp, media);

	if (pairs)
		pairs[port / 2] = TAKEN;
}
