/* SPDX-License-Identifier: Apache-2.0 */
/* See arena.h. */
#include "dataplane/flow/arena.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dataplane/app/log.h"

enum {
	LINE = 64, /* every size is a multiple of this */
	PAGE = 4096,
	CHUNK = 2 << 20,	/* a huge page */
	CLASSES = 16384 / LINE, /* sizes that are kept for use again */
};

struct spare {
	struct spare *next;
};

struct chunk {
	struct chunk *next; /* at the start of each chunk's memory */
};

struct arena {
	struct chunk *chunks;
	uint8_t *at, *end;	      /* of the newest chunk, not yet used */
	struct spare *spare[CLASSES]; /* by size / LINE - 1; wiped */
	size_t used;
	int lock_failed;
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	struct chunk *c, *next;

	if (!a)
		return;
	for (c = a->chunks; c; c = next) {
		next = c->next;
		explicit_bzero(c, CHUNK);
		munmap(c, CHUNK);
	}
	free(a);
}

/* A chunk must be aligned to its size to become one huge page. */
static void *map_aligned(void)
{
	uint8_t *p = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *aligned;

	if (p == MAP_FAILED)
		return NULL;
	aligned = (uint8_t *)round_up((uintptr_t)p, CHUNK);
	if (aligned > p)
		munmap(p, (size_t)(aligned - p));
	munmap(aligned + CHUNK, (size_t)(p + CHUNK - aligned));
	return aligned;
}

static int grow(struct arena *a)
{
	struct chunk *c = map_aligned();

	if (!c)
		return -1;
	madvise(c, CHUNK, MADV_HUGEPAGE);
	/* These two are what keeps keys out of core files and out of children;
	 * without them there is no arena. */
	if (madvise(c, CHUNK, MADV_DONTDUMP) != 0 ||
	    madvise(c, CHUNK, MADV_DONTFORK) != 0) {
		munmap(c, CHUNK);
		return -1;
	}
	if (mlock(c, CHUNK) != 0 && !a->lock_failed++)
		log_line(LOG_WARNING,
			 "locking memory of flows: %s, so hop keys could "
			 "reach swap; raise LimitMEMLOCK",
			 strerror(errno));
	c->next = a->chunks;
	a->chunks = c;
	a->at = (uint8_t *)c + LINE;
	a->end = (uint8_t *)c + CHUNK;
	return 0;
}

/* In the order in which things are made, so that a medium's lie in a page or
 * two. A line is left out in each page: what a medium takes may be a power of
 * two, and the same line of them all would fall into a few sets of a cache. */
static uint8_t *cut(struct arena *a, size_t size, size_t align)
{
	uint8_t *p = (uint8_t *)round_up((uintptr_t)a->at, align);

	if (!a->at || p > a->end || (size_t)(a->end - p) < size)
		return NULL;
	a->at = p + size;
	if (((uintptr_t)p ^ (uintptr_t)a->at) & PAGE)
		a->at += LINE;
	return p;
}

void *arena_take(struct arena *a, size_t size, size_t align)
{
	size_t n = round_up(size ? size : 1, LINE), class = n / LINE - 1;
	void *p;

	if (align < LINE)
		align = LINE;
	if (class < CLASSES && align == LINE && a->spare[class]) {
		struct spare *s = a->spare[class];

		a->spare[class] = s->next;
		s->next = NULL;
		a->used += n;
		return s;
	}
	p = cut(a, n, align);
	if (!p) {
		if (n + align > CHUNK - LINE || grow(a) != 0)
			return NULL;
		p = cut(a, n, align);
	}
	a->used += n;
	return p;
}

void arena_give(struct arena *a, void *p, size_t size)
{
	size_t n = round_up(size ? size : 1, LINE), class = n / LINE - 1;
	struct spare *s = p;

	if (!p)
		return;
	explicit_bzero(p, n);
	a->used -= n;
	if (class >= CLASSES)
		return; /* wiped, but not used again: nothing is this large */
	s->next = a->spare[class];
	a->spare[class] = s;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
	return arena_take(ctx, size, align);
}

static void mem_free(void *ctx, void *p, size_t size)
{
	arena_give(ctx, p, size);
}

struct srtp_mem arena_mem(struct arena *a)
{
	return (struct srtp_mem){mem_alloc, mem_free, a};
}
