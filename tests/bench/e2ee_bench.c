/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/e2ee_bench.c - what end-to-end encryption costs an endpoint.
 *
 *   e2ee_bench [--json FILE]
 *
 * CPU time (not wall time) of each side's whole handshake, and of sealing and
 * opening one SFrame packet of 172 octets, all its E2EE.md framing included.
 * A list of objects: {what: "e2ee-handshake", side, us} and {what: "sframe",
 * direction, suite, octets, ns}. The best of several runs: other programs on
 * the machine only ever make it slower. */
#include "tests/e2ee/pair.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HANDSHAKES 300
#define OCTETS	   172
#define PACKETS	   100000
#define RUNS	   5

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* One handshake; adds to ns[side] what each side took, set-up included. */
static bool handshake(struct pair *p, double ns[PAIR_SIDES])
{
	enum e2ee_reason why;
	double t;

	for (int s = 0; s < PAIR_SIDES; s++) {
		e2ee_free(p->side[s]);
		t = cpu_ns();
		p->side[s] = e2ee_new(&p->config[s], p->now, &why);
		ns[s] += cpu_ns() - t;
		if (!p->side[s])
			return false;
	}
	if (!pair_upto(p, 1))
		return false;
	for (int m = 1; m <= 5; m++) {
		t = cpu_ns();
		pair_deliver(p, m);
		ns[m % 2 ? PAIR_R : PAIR_I] += cpu_ns() - t;
	}
	t = cpu_ns();
	e2ee_media_seen(p->side[PAIR_I], p->now);
	ns[PAIR_I] += cpu_ns() - t;
	return e2ee_locked(p->side[PAIR_I]) && e2ee_locked(p->side[PAIR_R]);
}

static bool bench_handshake(FILE *json)
{
	double best[PAIR_SIDES] = {1e18, 1e18};
	struct pair p;
	bool ok = true;

	pair_init(&p, 1);
	for (int s = 0; s < PAIR_SIDES; s++)
		p.config[s].random = NULL; /* the real one */
	for (int run = 0; run < RUNS && ok; run++) {
		double ns[PAIR_SIDES] = {0, 0};

		for (int i = 0; i < HANDSHAKES && ok; i++)
			ok = handshake(&p, ns);
		for (int s = 0; s < PAIR_SIDES; s++)
			if (ns[s] / HANDSHAKES < best[s])
				best[s] = ns[s] / HANDSHAKES;
	}
	for (int s = 0; s < PAIR_SIDES && ok; s++) {
		printf("e2ee handshake, side %c: %6.0f us of CPU\n", "IR"[s],
		       best[s] / 1000);
		if (json)
			fprintf(json,
				"%s{\"what\": \"e2ee-handshake\", \"side\": "
				"\"%c\", \"us\": %.1f}",
				s ? ",\n" : "", "IR"[s], best[s] / 1000);
	}
	pair_free(&p);
	return ok;
}

/* Both directions of one suite: seal a run of packets, then open them. */
static bool run_sframe(struct media *tx, struct media *rx, double best[2])
{
	enum { CHUNK = 1000 };
	static uint8_t sealed[CHUNK][OCTETS + MEDIA_OVERHEAD], out[512];
	static size_t len[CHUNK];
	uint8_t payload[OCTETS] = {0};
	double ns[2] = {0, 0}, t;
	struct media_frame f = {.codec = MEDIA_OPUS, .len = OCTETS}, got;

	for (int done = 0; done < PACKETS; done += CHUNK) {
		f.payload = payload;
		t = cpu_ns();
		for (int i = 0; i < CHUNK; i++)
			if (media_seal(tx, E2EE_AUDIO, 0, &f, sealed[i],
				       sizeof(sealed[i]), &len[i]))
				return false;
		ns[0] += cpu_ns() - t;
		t = cpu_ns();
		for (int i = 0; i < CHUNK; i++)
			if (media_open(rx, E2EE_AUDIO, 0, sealed[i], len[i],
				       out, sizeof(out), &got))
				return false;
		ns[1] += cpu_ns() - t;
	}
	for (int d = 0; d < 2; d++)
		if (ns[d] / PACKETS < best[d])
			best[d] = ns[d] / PACKETS;
	return true;
}

static bool bench_sframe(FILE *json, uint16_t suite)
{
	static const char *const name[] = {"seal", "open"};
	double best[2] = {1e18, 1e18};
	struct media *tx, *rx;
	struct pair p;
	bool ok;

	pair_init(&p, 1);
	for (int s = 0; s < PAIR_SIDES; s++)
		p.config[s].media.suite[E2EE_AUDIO] = suite;
	ok = pair_lock(&p);
	tx = ok ? media_new(p.side[PAIR_I], NULL) : NULL;
	rx = ok ? media_new(p.side[PAIR_R], NULL) : NULL;
	for (int run = 0; run < RUNS && ok; run++)
		ok = tx && rx && run_sframe(tx, rx, best);
	for (int d = 0; d < 2 && ok; d++) {
		printf("sframe %s, %-26s %d octets: %5.0f ns of CPU\n", name[d],
		       sframe_suite(suite)->name, OCTETS, best[d]);
		if (json)
			fprintf(json,
				",\n{\"what\": \"sframe\", \"direction\": "
				"\"%s\", \"suite\": %u, \"octets\": %d, "
				"\"ns\": %.1f}",
				name[d], suite, OCTETS, best[d]);
	}
	media_free(tx);
	media_free(rx);
	pair_free(&p);
	return ok;
}

int main(int argc, char **argv)
{
	static const uint16_t suites[] = {1, 4, 5};
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'}, /* it is */
		{NULL, 0, NULL, 0},
	};
	FILE *json = NULL;
	bool ok;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'j' && !(json = fopen(optarg, "w"))) {
			perror(optarg);
			return 2;
		}
	}
	if (json)
		fprintf(json, "[");
	ok = bench_handshake(json);
	for (int i = 0; i < 3 && ok; i++)
		ok = bench_sframe(json, suites[i]);
	if (!ok)
		fprintf(stderr, "e2ee_bench: a call didn't work\n");
	if (json) {
		fprintf(json, "]\n");
		ok &= !fclose(json);
	}
	return ok ? 0 : 1;
}
