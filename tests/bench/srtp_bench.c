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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/bench/options.h"
#include "tests/bench/srtp_bench.h"

#define MAX_PEER 4
#define SIZES	 OPTION_SIZES

static struct peer *const peers[] = {&peer_bare, &peer_engine, &peer_libsrtp,
				     &peer_libsrtp_openssl};

static const char *only_what, *burst_text, *openssl_path;
static unsigned burst = 32;

static void report(const struct cell *c, const struct peer *p, double ns)
{
	options_object("\"what\": \"%s\", \"direction\": \"%s\", "
		       "\"suite\": \"%s\", \"octets\": %u, \"streams\": %u, "
		       "\"mpps\": %.4f, \"ns\": %.1f",
		       p->what, cell_direction(c), cell_suite(c), c->octets,
		       c->streams, 1e3 / ns, ns);
}

/* What a peer came to, for each size of packets. */
struct outcome {
	char why[24];	  /* empty: there are numbers */
	double ns[SIZES]; /* 0: not asked for */
};

/* Bare calls and engine, in turns. */
static void measure_pair(struct cell c, struct outcome out[2])
{
	static struct sample s[2];
	const char *why[2];

	c.octets = option_octets[SIZES / 2];
	for (unsigned i = 0; i < 2; i++) {
		why[i] = peer_ready(peers[i], &c);
		snprintf(out[i].why, sizeof(out[i].why), "%s",
			 why[i] ? why[i] : "");
	}
	for (unsigned k = 0; k < SIZES; k++) {
		c.octets = option_octets[k];
		if (!options_octets(c.octets))
			continue;
		measure(peers, why, 2, &c, 2 * options.seconds, s);
		for (unsigned i = 0; i < 2; i++)
			if (!why[i])
				out[i].ns[k] = sample_median(s[i].ns, s[i].n);
	}
	if (!why[1])
		peer_done(peers[1]);
}

static void measure_one(struct peer *p, struct cell c, struct outcome *out)
{
	static struct sample s;
	const char *why;

	c.octets = option_octets[SIZES / 2];
	why = peer_ready(p, &c);
	snprintf(out->why, sizeof(out->why), "%s", why ? why : "");
	for (unsigned k = 0; k < SIZES && !why; k++) {
		c.octets = option_octets[k];
		if (!options_octets(c.octets))
			continue;
		measure(&p, &why, 1, &c, options.seconds, &s);
		out->ns[k] = sample_median(s.ns, s.n);
	}
}

/* A libsrtp2 has a process of its own: with many streams some need minutes to
 * take their sessions down, and the process just ends. */
static void measure_apart(struct peer *p, struct cell c, struct outcome *out)
{
	const int patience = 1000 * (10 + SIZES * options.seconds * 5);
	struct pollfd wait = {.events = POLLIN};
	int pipes[2];
	pid_t child;

	snprintf(out->why, sizeof(out->why), "too slow");
	fflush(NULL);
	if (pipe(pipes))
		exit(1);
	child = fork();
	if (child == 0) {
		ssize_t done;

		measure_one(p, c, out);
		done = write(pipes[1], out, sizeof(*out));
		_exit(done != sizeof(*out));
	}
	close(pipes[1]);
	wait.fd = pipes[0];
	if (child > 0 && poll(&wait, 1, patience) == 1 &&
	    read(pipes[0], out, sizeof(*out)) != sizeof(*out))
		snprintf(out->why, sizeof(out->why), "died");
	close(pipes[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

/* One row of the table. */
static void row(const struct cell *c, const struct outcome out[], unsigned k)
{
	printf("%-9s %-23s %6u %7u", cell_direction(c), cell_suite(c),
	       c->octets, c->streams);
	for (unsigned i = 0; i < MAX_PEER; i++) {
		const double ns = out[i].ns[k];

		if (*out[i].why) {
			printf(" | %-16s", out[i].why);
			if (i)
				printf("%7s", "");
			continue;
		}
		printf(" | %8.1f %7.3f", ns, 1e3 / ns);
		if (i == 1)
			printf(" %6.2f", out[0].ns[k] / ns);
		if (i > 1)
			printf(" %5.1fx", ns / out[1].ns[k]);
		report(c, peers[i], ns);
	}
	printf("\n");
	fflush(stdout);
}

/* Cells that share their contexts: they differ in the packets' size. */
static bool rows(struct cell c)
{
	struct outcome out[MAX_PEER];

	memset(out, 0, sizeof(out));
	measure_pair(c, out);
	for (unsigned i = 2; i < MAX_PEER; i++) {
		if (only_what && !strstr(only_what, peers[i]->what))
			snprintf(out[i].why, sizeof(out[i].why), "not asked");
		else
			measure_apart(peers[i], c, &out[i]);
	}
	for (unsigned k = 0; k < SIZES; k++) {
		c.octets = option_octets[k];
		if (options_octets(c.octets))
			row(&c, out, k);
	}
	peer_done(peers[0]); /* it sealed for the others */
	return true;
}

static void heading(void)
{
	char cpu[256];

	cpu_name(cpu, sizeof(cpu));
	printf("SRTP: %s, IPsec-MB %s held to %s, bursts of %u\n", cpu,
	       IMB_VERSION_STR, bare_isa(), burst);
	printf("ns a packet, Mpps, and the engine as a ratio: of bare calls, "
	       "times libsrtp2\n\n");
	printf("%-9s %-23s %6s %7s | %-16s | %-23s | %-23s | %s\n", "", "",
	       "octets", "streams", "bare", "engine, of bare",
	       "libsrtp, engine is", "libsrtp-openssl, engine is");
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
	static const struct option_own own[] = {{"what", &only_what},
						{"burst", &burst_text},
						{"openssl", &openssl_path},
						{NULL, NULL}};

	options_read(argc, argv, own);
	if (burst_text)
		burst = strtoul(burst_text, NULL, 0);
	if (!burst || burst > BURST_MAX || CHUNK % burst) {
		fprintf(stderr, "--burst: a power of two up to %d\n",
			BURST_MAX);
		return 2;
	}
	if (!bare_open_isa(options.isa) || !engine_open_isa(options.isa)) {
		fprintf(stderr, "this CPU has no %s\n",
			options.isa ? options.isa : "AES-NI");
		return 2;
	}
	libsrtp_start(openssl_path ? openssl_path : beside(argv[0]));
	measure_start();
	heading();
	options_sweep(burst, rows);
	options_done();
	return 0;
}
