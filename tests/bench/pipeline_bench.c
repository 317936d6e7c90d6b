/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline's numbers: worker_turn, from ring to ring, one worker.
 *
 *	pipeline_bench [--quick] [--suite NAME] [--streams N] [--octets N]
 *		       [--direction protect|unprotect] [--isa ISA]
 *		       [--checksums software|device] [--seconds S]
 *		       [--json FILE]
 *
 * Cells are srtp_bench's: suite, direction, size, number of streams, whose
 * packets come in random order. Bare calls, and the pipeline with checksums in
 * software and left to the device, take turns within a run. What a loop over
 * the whole takes is printed, what making and freeing the packets takes by
 * itself, and the pipeline's, which is the one less the other. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/stage/stage.h"
#include "tests/bench/pipeline.h"

/* Packets a second that a line is full with: G.711 of 20 ms as RTP over IPv4
 * and Ethernet, 214 octets and 24 between frames (10 GbE: 5.0, 25: 12.6). */
#define LINE_10G 5.0
#define LINE_25G 12.6
#define G711	 172

enum { BARE, SOFT, OFFLOAD, PEERS };

static struct peer *const peers[PEERS] = {
	[BARE] = &peer_bare,
	[SOFT] = &peer_pipeline,
	[OFFLOAD] = &peer_pipeline_offload,
};
static const uint16_t suites[] = {SP_SUITE_AES_CM_128_HMAC_SHA1_80,
				  SP_SUITE_AEAD_AES_128_GCM};
static const unsigned all_octets[] = {92, 172, 1212};
static const unsigned all_streams[] = {1, 1000, 20000, 100000};

static struct {
	const char *suite, *direction, *checksums, *isa, *json;
	unsigned streams, octets;
	double seconds;
	bool quick;
} opt = {.seconds = 0.4};

static FILE *json;
static unsigned objects;

static void object(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void object(const char *fmt, ...)
{
	va_list ap;

	if (!json)
		return;
	fprintf(json, "%s\n{", objects++ ? "," : "");
	va_start(ap, fmt);
	vfprintf(json, fmt, ap);
	va_end(ap);
	fprintf(json, "}");
}

static void report(const struct cell *c, unsigned peer, double ns, double make,
		   double bare)
{
	const char *direction = c->protect ? "protect" : "unprotect";
	const char *suite = sp_suite_info(c->suite)->name;

	object("\"what\": \"pipeline\", \"direction\": \"%s\", \"suite\": "
	       "\"%s\", \"octets\": %u, \"streams\": %u, \"mpps\": %.4f, "
	       "\"ns\": %.1f, \"offload\": %s, \"making_ns\": %.1f, "
	       "\"bare_ns\": %.1f, \"of_bare\": %.3f",
	       direction, suite, c->octets, c->streams, 1e3 / ns, ns,
	       peer == OFFLOAD ? "true" : "false", make, bare, bare / ns);
}

static void row(const struct cell *c, const char *const why[PEERS])
{
	static struct sample s[PEERS];
	double ns[PEERS];

	measure(peers, why, PEERS, c, PEERS * opt.seconds, s);
	printf("%-9s %-23s %5u %7u", c->protect ? "protect" : "unprotect",
	       sp_suite_info(c->suite)->name, c->octets, c->streams);
	for (unsigned i = 0; i < PEERS; i++) {
		double make;

		if (why[i]) {
			printf(" | %35s", why[i]);
			continue;
		}
		ns[i] = sample_median(s[i].ns, s[i].n);
		make = sample_median(s[i].make, s[i].n);
		if (i != BARE)
			report(c, i, ns[i], make, ns[BARE]);
		if (i == BARE)
			printf(" | %7.1f %6.2f", ns[i], 1e3 / ns[i]);
		else
			printf(" | %7.1f-%-6.1f %7.1f %6.2f %4.2f",
			       ns[i] + make, make, ns[i], 1e3 / ns[i],
			       ns[BARE] / ns[i]);
	}
	if (c->octets == G711 && !why[OFFLOAD])
		printf(" | %5.2f %5.2f", 1e3 / ns[OFFLOAD] / LINE_10G,
		       1e3 / ns[OFFLOAD] / LINE_25G);
	printf("\n");
	fflush(stdout);
}

/* Cells that share their flows: they differ in the packets' size. */
static void rows(struct cell c)
{
	static const char *const where[PEERS] = {
		[SOFT] = "software", [OFFLOAD] = "device"};
	const char *why[PEERS] = {NULL};
	bool open[PEERS] = {false};

	for (unsigned i = 0; i < PEERS; i++) {
		c.octets = G711;
		why[i] = i == OFFLOAD && !open[SOFT] ? why[SOFT]
						     : peer_ready(peers[i], &c);
		open[i] = !why[i];
		if (i != BARE && opt.checksums &&
		    strcmp(opt.checksums, where[i]))
			why[i] = "not asked for";
	}
	for (unsigned i = 0; i < 3 && !why[BARE]; i++) {
		c.octets = all_octets[i];
		if (opt.octets ? c.octets == opt.octets
			       : !opt.quick || c.octets == G711)
			row(&c, why);
	}
	for (unsigned i = PEERS; i-- > 0;)
		if (open[i])
			peer_done(peers[i]);
}

static void memory(void)
{
	static const uint16_t all[] = {
#define X(symbol, ...) SP_SUITE_##symbol,
		SP_SUITES(X)
#undef X
	};
	const unsigned media = 20000;

	printf("octets for each stream with SRTP on both legs, both ways (four "
	       "contexts, SRTCP included):\n");
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct pipeline_memory m;

		if (!pipeline_memory(all[i], media, &m))
			return;
		printf("  %-24s %5.0f of the workers + %4.0f of the main lcore "
		       "= %5.0f\n",
		       sp_suite_info(all[i])->name, m.arena, m.heaps,
		       m.arena + m.heaps);
		object("\"what\": \"memory\", \"suite\": \"%s\", \"streams\": "
		       "%u, \"octets_a_stream\": %.0f, \"workers\": %.0f",
		       sp_suite_info(all[i])->name, media, m.arena + m.heaps,
		       m.arena);
	}
	printf("\n");
}

static void heading(void)
{
	char cpu[256];

	cpu_name(cpu, sizeof(cpu));
	printf("Pipeline: %s, IPsec-MB %s held to %s, bursts of %d, packets in "
	       "%s\n",
	       cpu, IMB_VERSION_STR, bare_isa(), BURST,
	       pipeline_huge() ? "hugepages"
			       : "4 KiB pages: hugepages would save 20 ns");
	printf("one worker, one queue of each port, from ring to ring; ns a "
	       "packet: the loop - making of packets = pipeline, Mpps, of "
	       "bare\n\n");
	printf("%-9s %-23s %5s %7s | %14s | %-35s | %-35s | %s\n", "", "",
	       "octets", "streams", "bare", "UDP checksums in software",
	       "left to the device", "it: of 10, 25 GbE of G.711");
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"quick", no_argument, NULL, 'q'},
		{"suite", required_argument, NULL, 's'},
		{"streams", required_argument, NULL, 'n'},
		{"octets", required_argument, NULL, 'o'},
		{"direction", required_argument, NULL, 'd'},
		{"checksums", required_argument, NULL, 'c'},
		{"isa", required_argument, NULL, 'i'},
		{"seconds", required_argument, NULL, 't'},
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
		case 'c':
			opt.checksums = optarg;
			break;
		case 'i':
			opt.isa = optarg;
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'j':
			opt.json = optarg;
			break;
		default:
			exit(2);
		}
	}
}

static bool wanted(const struct cell *c)
{
	if (opt.suite && strcmp(opt.suite, sp_suite_info(c->suite)->name))
		return false;
	if (opt.direction &&
	    strcmp(opt.direction, c->protect ? "protect" : "unprotect"))
		return false;
	return !opt.streams || opt.streams == c->streams;
}

static void sweep(void)
{
	for (unsigned s = 0; s < 2; s++)
		for (unsigned d = 0; d < 2; d++)
			for (unsigned n = 0; n < 4; n++) {
				struct cell c = {.suite = suites[s],
						 .protect = d == 0,
						 .streams = all_streams[n],
						 .burst = BURST};

				if (wanted(&c))
					rows(c);
			}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (!bare_open_isa(opt.isa) || !pipeline_open_isa(opt.isa))
		return 2;
	measure_start();
	json = opt.json ? fopen(opt.json, "w") : NULL;
	if (opt.json && !json) {
		perror(opt.json);
		return 2;
	}
	if (json)
		fprintf(json, "[");
	heading();
	if (!opt.streams)
		memory();
	sweep();
	if (json) {
		fprintf(json, "\n]\n");
		fclose(json);
	}
	return 0;
}
