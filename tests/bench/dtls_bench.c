/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/dtls_bench.c - what a DTLS-SRTP handshake costs control.
 *
 *   dtls_bench [--json FILE]
 *
 * Two associations of the gateway's in one process, their datagrams handed over
 * by a queue; CPU time of each side, from its making to its keys. A list of
 * objects: {what: "dtls-handshake", side, us, per_second}. The best of several
 * runs: other programs on the machine only ever make it slower. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/keying/dtls.h"
#include "control/keying/identity.h"
#include "control/libre.h"

#define HANDSHAKES 300
#define RUNS	   5
#define QUEUE	   16

enum { ACTIVE, PASSIVE, SIDES };

struct side {
	struct assoc *a;
	struct sp_addr addr;
	double ns;
	bool keys;
	struct {
		uint8_t octets[DTLS_MTU];
		size_t n;
	} queue[QUEUE]; /* to this side */
	unsigned head, tail;
	struct side *peer;
};

static struct side sides[SIDES] = {
	{.addr = {4, 32, 1000, {10, 1, 0, 1}}, .peer = &sides[PASSIVE]},
	{.addr = {4, 32, 2000, {10, 1, 0, 2}}, .peer = &sides[ACTIVE]},
};

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void on_send(const struct sp_addr *to, const void *p, size_t n,
		    void *arg)
{
	struct side *s = ((struct side *)arg)->peer;

	(void)to;
	memcpy(s->queue[s->tail % QUEUE].octets, p, n);
	s->queue[s->tail++ % QUEUE].n = n;
}

static void on_event(enum assoc_event e, const char *why, void *arg)
{
	(void)why;
	((struct side *)arg)->keys |= e == DTLS_KEYS;
}

static bool handshake(struct identity *id)
{
	static const uint16_t suites[8] = {SP_SUITE_AEAD_AES_128_GCM};
	bool done;

	for (int i = PASSIVE; i >= ACTIVE; i--) {
		struct side *s = &sides[i];
		double t = cpu_ns();

		s->keys = false;
		s->head = s->tail = 0;
		s->a = assoc_new(id, suites,
				 &(struct assoc_handlers){on_send, on_event,
							  s});
		assoc_expect(s->a, &id->fingerprint, 1);
		assoc_start(s->a, i == ACTIVE ? DTLS_ACTIVE : DTLS_PASSIVE,
			    &s->peer->addr);
		s->ns += cpu_ns() - t;
	}
	for (unsigned turn = 0; turn < 32; turn++) {
		struct side *s = &sides[turn % SIDES];
		double t = cpu_ns();

		for (; s->head != s->tail; s->head++)
			assoc_recv(s->a, &s->peer->addr,
				   s->queue[s->head % QUEUE].octets,
				   s->queue[s->head % QUEUE].n, false);
		s->ns += cpu_ns() - t;
	}
	done = sides[ACTIVE].keys && sides[PASSIVE].keys;
	for (int i = 0; i < SIDES; i++)
		assoc_free(sides[i].a);
	return done;
}

static bool bench(FILE *json)
{
	static const char *const names[] = {"active", "passive"};
	struct identity *id = identity_get(time(NULL));
	double best[SIDES] = {1e18, 1e18};
	bool ok = id != NULL;

	for (int run = 0; run < RUNS && ok; run++) {
		sides[ACTIVE].ns = sides[PASSIVE].ns = 0;
		for (int i = 0; i < HANDSHAKES && ok; i++)
			ok = handshake(id);
		for (int s = 0; s < SIDES; s++)
			if (sides[s].ns / HANDSHAKES < best[s])
				best[s] = sides[s].ns / HANDSHAKES;
	}
	for (int s = 0; s < SIDES && ok; s++) {
		printf("DTLS-SRTP handshake, %-7s: %5.0f us of CPU, %5.0f a "
		       "second on one core\n",
		       names[s], best[s] / 1000, 1e9 / best[s]);
		if (json)
			fprintf(json,
				"%s{\"what\": \"dtls-handshake\", \"side\": "
				"\"%s\", \"us\": %.1f, \"per_second\": %.0f}",
				s ? ", " : "", names[s], best[s] / 1000,
				1e9 / best[s]);
	}
	identity_drop(&id);
	identity_forget();
	return ok;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'}, /* it is */
		{NULL, 0, NULL, 0},
	};
	FILE *json = NULL;
	bool ok;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'j')
			json = fopen(optarg, "w");
		else if (opt != 'q')
			return 2;
	}
	if (libre_init() != 0)
		return 1;
	if (json)
		fputs("[", json);
	ok = bench(json);
	if (json) {
		fputs("]\n", json);
		fclose(json);
	}
	libre_close();
	return ok ? 0 : 1;
}
