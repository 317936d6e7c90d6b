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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/stage/stage.h"
#include "tests/bench/options.h"
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
static const char *checksums;

static void report(const struct cell *c, unsigned peer, double ns, double make,
		   double bare)
{
	options_object(
		"\"what\": \"pipeline\", \"direction\": \"%s\", \"suite\": "
		"\"%s\", \"octets\": %u, \"streams\": %u, \"mpps\": %.4f, "
		"\"ns\": %.1f, \"offload\": %s, \"making_ns\": %.1f, "
		"\"bare_ns\": %.1f, \"of_bare\": %.3f",
		cell_direction(c), cell_suite(c), c->octets, c->streams,
		1e3 / ns, ns, peer == OFFLOAD ? "true" : "false", make, bare,
		bare / ns);
}

static void row(const struct cell *c, const char *const why[PEERS])
{
	static struct sample s[PEERS];
	double ns[PEERS];

	measure(peers, why, PEERS, c, PEERS * options.seconds, s);
	printf("%-9s %-23s %5u %7u", cell_direction(c), cell_suite(c),
	       c->octets, c->streams);
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
static bool rows(struct cell c)
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
		if (i != BARE && checksums && strcmp(checksums, where[i]))
			why[i] = "not asked for";
	}
	for (unsigned i = 0; i < 3 && !why[BARE]; i++) {
		c.octets = option_octets[i];
		if (options_octets(c.octets))
			row(&c, why);
	}
	for (unsigned i = PEERS; i-- > 0;)
		if (open[i])
			peer_done(peers[i]);
	return true;
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
		options_object(
			"\"what\": \"memory\", \"suite\": \"%s\", \"streams\": "
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
	       pipeline_huge() ? "hugepages" : "4 KiB pages");
	printf("one worker, one queue of each port, from ring to ring; ns a "
	       "packet: the loop - making of packets = pipeline, Mpps, of "
	       "bare\n\n");
	printf("%-9s %-23s %5s %7s | %14s | %-35s | %-35s | %s\n", "", "",
	       "octets", "streams", "bare", "UDP checksums in software",
	       "left to the device", "it: of 10, 25 GbE of G.711");
}

int main(int argc, char **argv)
{
	static const struct option_own own[] = {{"checksums", &checksums},
						{NULL, NULL}};

	options_read(argc, argv, own);
	if (!bare_open_isa(options.isa) || !pipeline_open_isa(options.isa))
		return 2;
	measure_start();
	heading();
	if (!options.streams)
		memory();
	options_sweep(BURST, rows);
	options_done();
	return 0;
}
