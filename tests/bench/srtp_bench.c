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
#include "tests/bench/srtp_bench.h"

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

	measure(peers, why, 2, c, 2 * opt.seconds, s);
	for (unsigned i = 2; i < MAX_PEER; i++)
		measure(&peers[i], &why[i], 1, c, opt.seconds, &s[i]);
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
		ns[i] = sample_median(s[i].ns, s[i].n);
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
				 : peer_ready(peers[i], &c);
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
		peer_done(peers[i]);
	}
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
	measure_start();
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
