/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's numbers: bare IPsec-MB calls, the engine, libsrtp2.
 *
 *	srtp_bench [--quick] [--suite NAME] [--streams N] [--octets N]
 *		   [--direction protect|unprotect] [--what PEER] [--isa ISA]
 *		   [--burst N] [--seconds S] [--openssl FILE] [--json FILE]
 *
 * A cell is suite, direction, size and number of streams, whose packets come in
 * random order. Bare calls and engine take turns of some thousand packets, so
 * that what else the machine does falls on both; the number of a peer is the
 * median over its chunks. Ratios are of one run. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "tests/bench/srtp_bench.h"

#define LIMIT	 5.0 /* seconds that a peer may take to get ready for a cell */
#define SAMPLES	 65536
#define WARM	 2 /* chunks of a turn before the clock starts */
#define MAX_PEER 4

static const uint16_t suites[] = {SP_SUITE_AES_CM_128_HMAC_SHA1_80,
				  SP_SUITE_AEAD_AES_128_GCM};
static const unsigned all_octets[] = {92, 172, 1212};
static const unsigned all_streams[] = {1, 1000, 20000, 100000};
static struct peer *const peers[] = {&peer_bare, &peer_engine, &peer_libsrtp,
				     &peer_libsrtp_openssl};

static struct {
	const char *suite, *direction, *what, *isa, *openssl, *json;
	unsigned streams, octets, burst;
	double seconds;
	bool quick;
} opt = {.burst = 32, .seconds = 0.4};

static FILE *json;
static unsigned objects;
static struct load load;
static uint8_t *buffers;

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

bool arena_open(struct arena *a, size_t size)
{
	const size_t huge = 2u << 20;

	a->size = (size + 2 * huge) & ~(huge - 1);
	a->base = mmap(NULL, a->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->base == MAP_FAILED) {
		a->base = NULL;
		return false;
	}
	madvise(a->base, a->size, MADV_HUGEPAGE);
	/* a huge page's start, for those who count them */
	a->used = -(uintptr_t)a->base & (huge - 1);
	return true;
}

void *arena_take(struct arena *a, size_t size, size_t align)
{
	const size_t at = (a->used + align - 1) & ~(align - 1);

	if (at + size > a->size)
		return NULL;
	a->used = at + size;
	return a->base + at;
}

void arena_close(struct arena *a)
{
	if (a->base)
		munmap(a->base, a->size);
	a->base = NULL;
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
		const uint32_t roc = __builtin_bswap32(index >> 16);

		l->stream[i] = s;
		l->index[i] = index;
		memcpy(h, head, sizeof(head));
		memcpy(h + c->octets, &roc, sizeof(roc));
		bare_iv(c, s, index, l->iv[i]);
	}
	if (!c->protect)
		bare_seal(l);
}

/* Chunk k of the load into the buffers. Bare calls find the rollover counter
 * behind the packet, as they would leave it there. */
static void fetch(const struct load *l, const struct peer *p, unsigned k,
		  uint8_t *buf[CHUNK])
{
	for (unsigned i = 0; i < CHUNK; i++) {
		const unsigned at = k * CHUNK + i;
		const uint32_t roc = __builtin_bswap32(l->index[at] >> 16);

		buf[i] = buffers + (size_t)i * STRIDE;
		memcpy(buf[i], l->store + (size_t)at * STRIDE, l->len + 4);
		if (p == &peer_bare)
			memcpy(buf[i] + l->cell->octets, &roc, sizeof(roc));
	}
}

static double run_chunk(struct peer *p, const struct load *l, unsigned k,
			uint8_t *const buf[CHUNK])
{
	unsigned done = 0;
	double start;

	p->stage(p, l, k * CHUNK, buf);
	start = seconds();
	for (unsigned at = 0; at < CHUNK; at += l->cell->burst)
		done += p->run(p, l, at, l->cell->burst);
	start = seconds() - start;
	if (done != CHUNK) {
		fprintf(stderr, "%s: %u of %u packets failed\n", p->what,
			CHUNK - done, CHUNK);
		exit(1);
	}
	return start;
}

/* Bare calls and engine must come to the same octets, or one of them does not
 * do the work. For unprotect it is enough that the engine takes what bare calls
 * have sealed. */
static void compare(const struct cell *c)
{
	uint8_t *buf[CHUNK];

	make_load(&load, &peer_engine, c, 0);
	fetch(&load, &peer_engine, 0, buf);
	run_chunk(&peer_engine, &load, 0, buf);
	bare_seal(&load);
	for (unsigned i = 0; i < CHUNK; i++) {
		if (!memcmp(buf[i], load.store + (size_t)i * STRIDE,
			    c->octets + tag_of(c)))
			continue;
		fprintf(stderr, "engine and bare calls differ\n");
		exit(1);
	}
	/* The rest of the load was not sent. */
	for (unsigned i = CHUNK; i < load.n; i++)
		peer_engine.next[load.stream[i]]--;
}

/* @return NULL, or why the peer has no numbers here. */
static const char *ready(struct peer *p, const struct cell *c)
{
	const double start = seconds();
	const char *why = p->open(p, c, LIMIT);
	uint8_t *buf[CHUNK];

	if (why)
		return why;
	p->next = calloc(c->streams, sizeof(*p->next));
	if (!p->next)
		exit(1);
	if (p == &peer_bare)
		return NULL;
	if (p == &peer_engine && c->protect)
		compare(c);
	for (int64_t at = 0; at < c->streams; at += load.n) {
		make_load(&load, p, c, at);
		for (unsigned k = 0; k < CHUNKS; k++) {
			if (at + k * CHUNK >= c->streams) {
				for (unsigned i = 0; i < CHUNK; i++)
					p->next[load.stream[k * CHUNK + i]]--;
				continue;
			}
			fetch(&load, p, k, buf);
			run_chunk(p, &load, k, buf);
			if (seconds() - start > LIMIT) {
				p->close(p);
				free(p->next);
				return "too slow";
			}
		}
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct sample {
	double ns[SAMPLES];
	unsigned n;
};

static void turn(struct peer *p, const struct cell *c, struct sample *s,
		 double until)
{
	uint8_t *buf[CHUNK];

	make_load(&load, p, c, -1);
	for (unsigned k = 0; k < CHUNKS; k++) {
		double t;

		fetch(&load, p, k, buf);
		t = run_chunk(p, &load, k, buf);
		if (k >= WARM && s->n < SAMPLES)
			s->ns[s->n++] = t * 1e9 / CHUNK;
		if (seconds() > until && s->n)
			break; /* indices skipped are packets lost */
	}
}

static double median(struct sample *s)
{
	qsort(s->ns, s->n, sizeof(s->ns[0]), by_value);
	return s->ns[s->n / 2];
}

static void report(const struct cell *c, const struct peer *p, double ns)
{
	if (!json)
		return;
	fprintf(json,
		"%s\n{\"what\": \"%s\", \"direction\": \"%s\", "
		"\"suite\": \"%s\", \"octets\": %u, \"streams\": %u, "
		"\"mpps\": %.4f, \"ns\": %.1f}",
		objects++ ? "," : "", p->what,
		c->protect ? "protect" : "unprotect",
		sp_suite_info(c->suite)->name, c->octets, c->streams, 1e3 / ns,
		ns);
}

/* One row of the table: peers that are ready, in turns. */
static void row(const struct cell *c, const char *const why[MAX_PEER])
{
	static struct sample s[MAX_PEER];
	double ns[MAX_PEER] = {0};
	char name[40];

	for (unsigned first = 0; first < MAX_PEER; first += first ? 1 : 2) {
		const unsigned last = first ? first + 1 : 2;
		const double until = seconds() + opt.seconds * (last - first);

		for (unsigned i = first; i < last; i++)
			s[i].n = 0;
		do {
			for (unsigned i = first; i < last; i++)
				if (!why[i])
					turn(peers[i], c, &s[i], until);
		} while (seconds() < until);
	}
	snprintf(name, sizeof(name), "%s", sp_suite_info(c->suite)->name);
	printf("%-9s %-23s %5u %7u", c->protect ? "protect" : "unprotect", name,
	       c->octets, c->streams);
	for (unsigned i = 0; i < MAX_PEER; i++) {
		if (why[i]) {
			printf(" | %16s", why[i]);
			if (i)
				printf("%7s", "");
			continue;
		}
		ns[i] = median(&s[i]);
		printf(" | %8.1f %7.3f", ns[i], 1e3 / ns[i]);
		if (i == 1 && !why[0])
			printf(" %6.2f", ns[0] / ns[1]);
		if (i > 1 && !why[1])
			printf(" %5.1fx", ns[i] / ns[1]);
		report(c, peers[i], ns[i]);
	}
	printf("\n");
	fflush(stdout);
}

/* Cells that share their contexts: they differ in the packets' size. */
static void rows(struct cell c)
{
	const char *why[MAX_PEER];

	for (unsigned i = 0; i < MAX_PEER; i++) {
		c.octets = 172;
		why[i] = i && opt.what && !strstr(opt.what, peers[i]->what)
				 ? "not asked for"
				 : ready(peers[i], &c);
	}
	for (unsigned i = 0; i < 3; i++) {
		c.octets = all_octets[i];
		if (opt.octets ? c.octets == opt.octets
			       : !opt.quick || c.octets == 172)
			row(&c, why);
	}
	for (unsigned i = MAX_PEER; i-- > 0;) {
		if (why[i])
			continue;
		peers[i]->close(peers[i]);
		free(peers[i]->next);
	}
}

static void cpu_name(char *name, size_t size)
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

static void heading(void)
{
	char cpu[256];

	cpu_name(cpu, sizeof(cpu));
	printf("SRTP: %s, IPsec-MB %s held to %s, bursts of %u\n", cpu,
	       IMB_VERSION_STR, bare_isa(), opt.burst);
	printf("ns a packet, Mpps, and the engine as a ratio: of bare calls, "
	       "times libsrtp2\n\n");
	printf("%-9s %-23s %5s %7s | %16s | %23s | %23s | %s\n", "", "",
	       "octets", "streams", "bare", "engine (of bare)",
	       "libsrtp (engine is)", "libsrtp-openssl (engine is)");
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"quick", no_argument, NULL, 'q'},
		{"suite", required_argument, NULL, 's'},
		{"streams", required_argument, NULL, 'n'},
		{"octets", required_argument, NULL, 'o'},
		{"direction", required_argument, NULL, 'd'},
		{"what", required_argument, NULL, 'w'},
		{"isa", required_argument, NULL, 'i'},
		{"burst", required_argument, NULL, 'b'},
		{"seconds", required_argument, NULL, 't'},
		{"openssl", required_argument, NULL, 'l'},
		{"json", required_argument, NULL, 'j'},
		{0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			opt.quick = true;
			opt.seconds = 0.1;
			break;
		case 's':
			opt.suite = optarg;
			break;
		case 'n':
			opt.streams = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			opt.octets = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			opt.direction = optarg;
			break;
		case 'w':
			opt.what = optarg;
			break;
		case 'i':
			opt.isa = optarg;
			break;
		case 'b':
			opt.burst = strtoul(optarg, NULL, 0);
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'l':
			opt.openssl = optarg;
			break;
		case 'j':
			opt.json = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (!opt.burst || opt.burst > BURST_MAX || CHUNK % opt.burst) {
		fprintf(stderr, "--burst: a power of two up to %u\n",
			BURST_MAX);
		exit(2);
	}
}

static void load_alloc(void)
{
	load.n = CHUNK * CHUNKS;
	load.rng = 88172645463325252u;
	load.stream = calloc(load.n, sizeof(*load.stream));
	load.index = calloc(load.n, sizeof(*load.index));
	load.iv = calloc(load.n, sizeof(*load.iv));
	load.store = calloc(load.n, STRIDE);
	buffers = aligned_alloc(4096, CHUNK * STRIDE);
	if (!load.stream || !load.index || !load.iv || !load.store || !buffers)
		exit(1);
	memset(buffers, 0, CHUNK * STRIDE);
}

/* Where the Makefile puts libsrtp2 on OpenSSL. */
static const char *beside(const char *program)
{
	static char path[4096];
	const char *slash = strrchr(program, '/');

	snprintf(path, sizeof(path), "%.*s/../libsrtp-openssl/libsrtp2.so",
		 slash ? (int)(slash - program) : 1, slash ? program : ".");
	return path;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (!bare_open_isa(opt.isa) || !engine_open_isa(opt.isa)) {
		fprintf(stderr, "this CPU has no %s\n",
			opt.isa ? opt.isa : "AES-NI");
		return 2;
	}
	libsrtp_start(opt.openssl ? opt.openssl : beside(argv[0]));
	load_alloc();
	json = opt.json ? fopen(opt.json, "w") : NULL;
	if (opt.json && !json) {
		perror(opt.json);
		return 2;
	}
	if (json)
		fprintf(json, "[");
	heading();
	for (unsigned s = 0; s < 2; s++) {
		for (unsigned d = 0; d < 2; d++) {
			for (unsigned n = 0; n < 4; n++) {
				struct cell c = {.suite = suites[s],
						 .protect = d == 0,
						 .streams = all_streams[n],
						 .burst = opt.burst};

				if (opt.suite &&
				    strcmp(opt.suite,
					   sp_suite_info(c.suite)->name))
					continue;
				if (opt.direction &&
				    strcmp(opt.direction,
					   d ? "unprotect" : "protect"))
					continue;
				if (opt.streams && opt.streams != c.streams)
					continue;
				rows(c);
			}
		}
	}
	if (json) {
		fprintf(json, "\n]\n");
		fclose(json);
	}
	return 0;
}
