/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring: loads of packets, peers made ready, turns, medians. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "tests/bench/srtp_bench.h"

#define LIMIT 5.0 /* seconds that a peer may take to get ready for a cell */
#define WARM  8	  /* chunks of a turn before the clock starts */

static struct load load;
static uint8_t *buffers;

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

bool huge_open(struct huge *h, size_t size)
{
	const size_t page = 2u << 20;

	h->size = (size + 2 * page) & ~(page - 1);
	h->base = mmap(NULL, h->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->base == MAP_FAILED) {
		h->base = NULL;
		return false;
	}
	madvise(h->base, h->size, MADV_HUGEPAGE);
	/* a huge page's start, for those who count them */
	h->used = -(uintptr_t)h->base & (page - 1);
	return true;
}

void *huge_take(struct huge *h, size_t size, size_t align)
{
	const size_t at = (h->used + align - 1) & ~(align - 1);

	if (at + size > h->size)
		return NULL;
	h->used = at + size;
	return h->base + at;
}

void huge_close(struct huge *h)
{
	if (h->base)
		munmap(h->base, h->size);
	h->base = NULL;
}

struct srtp_master master_of(const struct cell *c, uint32_t stream)
{
	struct srtp_master m = {.suite = c->suite};

	for (unsigned i = 0; i < SP_KEY_MAX; i++)
		m.key[i] = stream * 2654435761u >> (i % 4 * 8);
	memcpy(m.salt, &stream, sizeof(stream));
	return m;
}

unsigned tag_of(const struct cell *c)
{
	return sp_suite_info(c->suite)->tag_len;
}

static uint32_t random_stream(struct load *l)
{
	l->rng ^= l->rng >> 12;
	l->rng ^= l->rng << 25;
	l->rng ^= l->rng >> 27;
	return (l->rng * UINT64_C(0x2545f4914f6cdd1d) >> 32) % l->cell->streams;
}

/* The next packets of a peer's streams, from `from` on in turn, or random. */
static void make_load(struct load *l, struct peer *p, const struct cell *c,
		      int64_t from)
{
	l->cell = c;
	l->len = c->octets + (c->protect ? 0 : tag_of(c));
	for (unsigned i = 0; i < l->n; i++) {
		const uint32_t s =
			from < 0 ? random_stream(l) : (from + i) % c->streams;
		uint8_t *h = l->store + (size_t)i * STRIDE;
		const uint64_t index = ++p->next[s];
		const uint8_t head[12] = {
			0x80,		0,	    (uint8_t)(index >> 8),
			(uint8_t)index, [8] = 0,    0,
			SSRC >> 8,	SSRC & 0xff};

		l->stream[i] = s;
		l->index[i] = index;
		memcpy(h, head, sizeof(head));
	}
	if (!c->protect)
		bare_seal(l);
}

const struct load *load_next(struct peer *p, const struct cell *c, int64_t from)
{
	make_load(&load, p, c, from);
	return &load;
}

/* Chunk k of the load into the buffers. */
static void fetch(const struct load *l, unsigned k, uint8_t *buf[CHUNK])
{
	for (unsigned i = 0; i < CHUNK; i++) {
		buf[i] = buffers + (size_t)i * STRIDE + FRAME_HEAD;
		memcpy(buf[i], l->store + (size_t)(k * CHUNK + i) * STRIDE,
		       l->len);
	}
}

/* Seconds that a chunk took, and beside them what making it did. */
struct took {
	double run, make;
};

/* keep: the packets are to be in buf when they are done. */
static struct took run_chunk(struct peer *p, const struct load *l, unsigned k,
			     uint8_t *const buf[CHUNK], bool keep)
{
	struct took t = {.make = -seconds()};
	unsigned done = 0;
	double start;

	p->stage(p, l, k * CHUNK, buf);
	start = seconds();
	t.make += start;
	for (unsigned at = 0; at < CHUNK; at += l->cell->burst)
		done += p->run(p, l, at, l->cell->burst);
	t.run = seconds() - start;
	if (p->finish) {
		t.make -= seconds();
		done = p->finish(p, l, keep ? buf : NULL);
		t.make += seconds();
	}
	if (done != CHUNK) {
		fprintf(stderr, "%s: %u of %d packets failed\n", p->what,
			CHUNK - done, CHUNK);
		exit(1);
	}
	return t;
}

/* Bare calls and the peer must come to the same octets, or one of them does not
 * do the work. For unprotect it is enough that the peer takes what bare calls
 * have sealed. */
static void compare(struct peer *p, const struct cell *c)
{
	uint8_t *buf[CHUNK];

	make_load(&load, p, c, 0);
	fetch(&load, 0, buf);
	run_chunk(p, &load, 0, buf, true);
	bare_seal(&load);
	for (unsigned i = 0; i < CHUNK; i++) {
		if (!memcmp(buf[i], load.store + (size_t)i * STRIDE,
			    c->octets + tag_of(c)))
			continue;
		fprintf(stderr, "%s and bare calls differ\n", p->what);
		exit(1);
	}
	/* The rest of the load was not sent. */
	for (unsigned i = CHUNK; i < load.n; i++)
		p->next[load.stream[i]]--;
}

/* Each stream's first packet. @return false: it took too long. */
static bool warm_up(struct peer *p, const struct cell *c, double until)
{
	uint8_t *buf[CHUNK];

	for (int64_t at = 0; at < c->streams; at += load.n) {
		make_load(&load, p, c, at);
		for (unsigned k = 0; k < CHUNKS; k++) {
			if (at + k * CHUNK >= c->streams) {
				for (unsigned i = 0; i < CHUNK; i++)
					p->next[load.stream[k * CHUNK + i]]--;
				continue;
			}
			fetch(&load, k, buf);
			run_chunk(p, &load, k, buf, false);
			if (seconds() > until)
				return false;
		}
	}
	return true;
}

const char *peer_ready(struct peer *p, const struct cell *c)
{
	double limit = p->patience ? p->patience : LIMIT;
	const double until = seconds() + limit;
	const char *why = p->twin ? NULL : p->open(p, c, limit);

	if (why)
		return why;
	p->next =
		p->twin ? p->twin->next : calloc(c->streams, sizeof(*p->next));
	if (!p->next)
		exit(1);
	if (p->checked && c->protect)
		compare(p, c);
	if (p == &peer_bare || p->twin || warm_up(p, c, until))
		return NULL;
	peer_done(p);
	return "too slow";
}

void peer_done(struct peer *p)
{
	if (p->twin)
		return;
	p->close(p);
	free(p->next);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void turn(struct peer *p, const struct cell *c, struct sample *s,
		 double until)
{
	uint8_t *buf[CHUNK];

	make_load(&load, p, c, -1);
	for (unsigned k = 0; k < CHUNKS; k++) {
		struct took t;

		fetch(&load, k, buf);
		t = run_chunk(p, &load, k, buf, false);
		if (k >= WARM && s->n < SAMPLES) {
			s->make[s->n] = t.make * 1e9 / CHUNK;
			s->ns[s->n++] = t.run * 1e9 / CHUNK;
		}
		if (seconds() > until && s->n)
			break; /* indices skipped are packets lost */
	}
}

void measure(struct peer *const p[], const char *const why[], unsigned n,
	     const struct cell *c, double limit, struct sample s[])
{
	const double until = seconds() + limit;

	for (unsigned i = 0; i < n; i++)
		s[i].n = 0;
	do {
		for (unsigned i = 0; i < n; i++)
			if (!why[i])
				turn(p[i], c, &s[i], until);
	} while (seconds() < until);
}

double sample_median(double of[], unsigned n)
{
	qsort(of, n, sizeof(of[0]), by_value);
	return of[n / 2];
}

void cpu_name(char *name, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(name, size, "unknown CPU");
	while (f && fgets(name, size, f)) {
		if (strncmp(name, "model name", 10))
			continue;
		memmove(name, strchr(name, ':') + 2,
			strlen(strchr(name, ':') + 2) + 1);
		name[strcspn(name, "\n")] = 0;
		break;
	}
	if (f)
		fclose(f);
}

/* The packets lie in a huge page, as the pipeline's do where there are any, so
 * that the limit isn't one of pages. (Bare calls are no faster for it: 4 KiB
 * pages for these few fit the TLB too.) */
void measure_start(void)
{
	static struct huge memory;

	load.n = CHUNK * CHUNKS;
	load.rng = 88172645463325252u;
	load.stream = calloc(load.n, sizeof(*load.stream));
	load.index = calloc(load.n, sizeof(*load.index));
	load.store = calloc(load.n, STRIDE);
	if (!load.stream || !load.index || !load.store ||
	    !huge_open(&memory, CHUNK * STRIDE))
		exit(1);
	buffers = huge_take(&memory, CHUNK * STRIDE, 4096);
}
