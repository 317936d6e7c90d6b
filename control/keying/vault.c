/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/vault.h"
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 65536u

struct slot {
	struct slot *next; /* while free; a slot in use is its owner's */
};

struct vault {
	size_t slot;
	struct slot *free;
	void **chunk;
	unsigned n_chunks;
};

struct vault *vault_new(size_t slot)
{
	struct vault *v;

	if (sodium_init() < 0 || slot == 0 || slot > 4096)
		return NULL;
	v = calloc(1, sizeof(*v));
	if (v)
		v->slot = (slot + 15) & ~(size_t)15;
	return v;
}

void vault_free(struct vault *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < v->n_chunks; i++)
		sodium_free(v->chunk[i]); /* wipes */
	free(v->chunk);
	free(v);
}

static int vault_grow(struct vault *v)
{
	size_t n = CHUNK_SIZE / v->slot;
	void **chunk = reallocarray(v->chunk, v->n_chunks + 1, sizeof(*chunk));
	uint8_t *p;

	if (!chunk)
		return -1;
	v->chunk = chunk;
	/* n slots of a multiple of 16 octets: sodium_malloc puts the end at a
	 * page's end, so only then is the start aligned */
	p = sodium_malloc(n * v->slot);
	if (!p)
		return -1;
	v->chunk[v->n_chunks++] = p;
	memset(p, 0, n * v->slot);
	while (n--) {
		struct slot *s = (void *)(p + n * v->slot);

		s->next = v->free;
		v->free = s;
	}
	return 0;
}

void *vault_take(struct vault *v)
{
	struct slot *s;

	if (!v->free && vault_grow(v) < 0)
		return NULL;
	s = v->free;
	v->free = s->next;
	s->next = NULL;
	return s;
}

void vault_give(struct vault *v, void *slot)
{
	struct slot *s = slot;

	if (!s)
		return;
	sodium_memzero(s, v->slot);
	s->next = v->free;
	v->free = s;
}
