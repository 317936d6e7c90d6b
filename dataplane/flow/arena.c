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
	LINE = 64,		/* every size is a multiple of this */
	CHUNK = 2 << 20,	/* a huge page */
	CLASSES = 16384 / LINE, /* sizes that are kept for use again */
	REGION = 32 << 10,	/* for things of one size, while they fit */
};

struct spare {
	struct spare *next;
};

struct chunk {
	struct chunk *next; /* at the start of each chunk's memory */
};

/* Memory not yet used. */
struct rest {
	uint8_t *at, *end;
};

/* Things of one size stand side by side: were they in the order in which they
 * are made, what a stream takes would repeat after some 2 KiB, and its hot lines
 * would all fall into the same few sets of a cache. */
struct arena {
	struct chunk *chunks;
	struct rest rest;	      /* of the newest chunk */
	struct rest region[CLASSES];  /* by size / LINE - 1; cut from a chunk */
	struct spare *spare[CLASSES]; /* the same; wiped */
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
			 "locking memory for hop keys: %s, so they could "
			 "reach swap; raise LimitMEMLOCK",
			 strerror(errno));
	c->next = a->chunks;
	a->chunks = c;
	a->rest = (struct rest){(uint8_t *)c + LINE, (uint8_t *)c + CHUNK};
	return 0;
}

static uint8_t *cut(struct rest *r, size_t size, size_t align)
{
	uint8_t *p = (uint8_t *)round_up((uintptr_t)r->at, align);

	if (!r->at || p > r->end || (size_t)(r->end - p) < size)
		return NULL;
	r->at = p + size;
	return p;
}

static uint8_t *cut_chunk(struct arena *a, size_t size, size_t align)
{
	uint8_t *p = cut(&a->rest, size, align);

	if (p)
		return p;
	if (size + align > CHUNK - LINE || grow(a) != 0)
		return NULL;
	return cut(&a->rest, size, align);
}

/* One thing of a class; its region is a whole number of them. */
static uint8_t *cut_region(struct arena *a, size_t class, size_t size)
{
	struct rest *r = &a->region[class];
	const size_t whole = REGION / size * size;

	if (r->at == r->end) {
		r->at = cut_chunk(a, whole, 2 * LINE);
		r->end = r->at ? r->at + whole : NULL;
	}
	return cut(r, size, LINE);
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
	p = class < CLASSES && align == LINE ? cut_region(a, class, n)
					     : cut_chunk(a, n, align);
	if (p)
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
