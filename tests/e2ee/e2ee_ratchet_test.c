/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_ratchet_test.c - the ratchet: its limits, a long hold, the
 * wrap of the step at 64, the step before, jumps, forged steps, and a path that
 * loses and reorders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/e2ee/pair.h"

static struct pair p;
static struct media *tx, *rx; /* I sends, R receives */
static uint64_t now;

struct packet {
	uint8_t p[64];
	size_t n;
	uint32_t i;
};

static void begin(uint16_t suite, uint32_t packets, uint64_t ms)
{
	const struct media_limits limits = {packets, ms};

	media_free(tx);
	media_free(rx);
	for (int s = 0; s < PAIR_SIDES; s++)
		p.config[s].media.suite[E2EE_AUDIO] = suite;
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	tx = media_new(p.side[PAIR_I], packets ? &limits : NULL);
	rx = media_new(p.side[PAIR_R], NULL);
	now = 1000;
}

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 6);
	begin(4, 1, MEDIA_STEP_MS); /* a step for each packet */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_free(tx);
	media_free(rx);
	tx = rx = NULL;
	pair_free(&p);
	return 0;
}

static struct packet seal(uint32_t i)
{
	uint8_t payload[4];
	const struct media_frame f = {.codec = MEDIA_OPUS,
				      .timestamp = i,
				      .payload = payload,
				      .len = sizeof(payload)};
	struct packet pk = {.i = i};

	memcpy(payload, &i, sizeof(i));
	assert_int_equal(media_seal(tx, E2EE_AUDIO, now, &f, pk.p, sizeof(pk.p),
				    &pk.n),
			 MEDIA_OK);
	return pk;
}

static enum media_verdict open_pk(const struct packet *pk,
				  struct media_frame *f)
{
	static uint8_t out[64];
	enum media_verdict v = media_open(rx, E2EE_AUDIO, now, pk->p, pk->n,
					  out, sizeof(out), f);

	if (!v) {
		assert_int_equal(f->timestamp, pk->i);
		assert_memory_equal(f->payload, &pk->i, 4);
	}
	return v;
}

static void assert_step(const struct packet *pk, uint64_t step, uint64_t ctr)
{
	struct media_frame f;
	enum media_verdict v = open_pk(pk, &f);

	if (v || f.step != step || f.ctr != ctr)
		fail_msg("%s, step %llu instead of %llu", media_verdict_name(v),
			 (unsigned long long)f.step, (unsigned long long)step);
}

static void assert_verdict(const struct packet *pk, enum media_verdict want)
{
	struct media_frame f;
	enum media_verdict v = open_pk(pk, &f);

	if (v != want)
		fail_msg("%s instead of %s", media_verdict_name(v),
			 media_verdict_name(want));
}

/* The specification's own limit: the packet after 2^20 is of the next step. */
static void packet_limit(void **state)
{
	struct packet pk;

	(void)state;
	begin(4, 0, 0);
	for (uint32_t i = 0; i < (1u << 20) - 1; i++)
		pk = seal(i);
	assert_step(&pk, 0, (1u << 20) - 2);
	pk = seal(1);
	assert_step(&pk, 0, (1u << 20) - 1);
	pk = seal(2);
	assert_step(&pk, 1, 0);
	pk = seal(3);
	assert_step(&pk, 1, 1);
}

static void time_limit(void **state)
{
	struct packet pk;

	(void)state;
	begin(5, 0, 0);
	now += 3600 * 1000; /* before the first packet time doesn't count */
	pk = seal(0);
	assert_step(&pk, 0, 0);
	now += 10 * 60 * 1000 - 1;
	pk = seal(1);
	assert_step(&pk, 0, 1);
	now += 1;
	pk = seal(2);
	assert_step(&pk, 1, 0);
	now += 10 * 60 * 1000;
	pk = seal(3);
	assert_step(&pk, 2, 0);
}

/* A long hold is one step, however long; and both go on. */
static void long_hold(void **state)
{
	struct packet pk;

	(void)state;
	begin(1, 0, 0);
	pk = seal(0);
	assert_step(&pk, 0, 0);
	now += 72ull * 3600 * 1000;
	pk = seal(1);
	assert_step(&pk, 1, 0);
	now += 72ull * 3600 * 1000;
	pk = seal(2);
	assert_step(&pk, 2, 0);
	pk = seal(3);
	assert_step(&pk, 2, 1);
}

static void wraps_at_64(void **state)
{
	static const uint16_t suites[] = {1, 4, 5};

	(void)state;
	for (int s = 0; s < 3; s++) {
		begin(suites[s], 1, MEDIA_STEP_MS);
		for (uint32_t i = 0; i < 200; i++) {
			struct packet pk = seal(i);

			assert_step(&pk, i, 0);
			if (i == 64)
				assert_int_equal(pk.p[0], 0x00); /* KID 0 */
		}
	}
}

/* The window of steps: 31 ahead, one back, others not. */
static void jumps(void **state)
{
	static struct packet pk[200];

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		pk[i] = seal(i);
	assert_step(&pk[0], 0, 0);
	for (uint32_t i = 32; i < 63; i++)
		assert_verdict(&pk[i], MEDIA_STEP);
	assert_verdict(&pk[63], MEDIA_STEP);   /* 63 ahead, not one back */
	assert_verdict(&pk[64], MEDIA_REPLAY); /* taken for step 0 */
	assert_step(&pk[31], 31, 0);
	assert_verdict(&pk[29], MEDIA_STEP);
	assert_step(&pk[30], 30, 0); /* the step before, never heard of yet */
	assert_verdict(&pk[30], MEDIA_REPLAY);
	assert_verdict(&pk[0], MEDIA_STEP);
	assert_verdict(&pk[63], MEDIA_STEP); /* 32 ahead */
	assert_step(&pk[62], 62, 0);
	assert_step(&pk[61], 61, 0);
	assert_step(&pk[93], 93, 0);
}

static void step_before(void **state)
{
	struct packet old[4], pk;

	(void)state;
	begin(5, 4, MEDIA_STEP_MS);
	for (uint32_t i = 0; i < 4; i++)
		old[i] = seal(i);
	assert_step(&old[0], 0, 0);
	pk = seal(4);
	assert_step(&pk, 1, 0); /* adopted: from now on 10 s */
	now += 9999;
	assert_step(&old[2], 0, 2);
	assert_verdict(&old[2], MEDIA_REPLAY);
	assert_verdict(&old[0], MEDIA_REPLAY); /* its window came along */
	now += 1;
	assert_verdict(&old[1], MEDIA_STEP);
	pk = seal(5);
	assert_step(&pk, 1, 1);
}

/* media_tick lets go of it too, for a stream that fell silent. */
static void tick_drops(void **state)
{
	struct packet old, pk;

	(void)state;
	begin(5, 2, MEDIA_STEP_MS);
	pk = seal(0);
	old = seal(1);
	assert_step(&pk, 0, 0);
	pk = seal(2);
	assert_step(&pk, 1, 0);
	media_tick(rx, E2EE_AUDIO, now + 10000);
	assert_verdict(&old, MEDIA_STEP);
}

/* A forged packet of a step ahead adopts nothing. */
static void forged_step(void **state)
{
	struct packet first = seal(0), pk;

	(void)state;
	assert_step(&first, 0, 0);
	for (uint32_t i = 1; i < 20; i++) {
		struct packet bad = seal(i);

		bad.p[bad.n - 1] ^= 1;
		assert_verdict(&bad, MEDIA_TAG);
	}
	for (unsigned d = 1; d < 64; d++) { /* any KID, garbage behind it */
		struct packet bad = first;

		memmove(bad.p + 2, bad.p + 1, bad.n - 1);
		bad.n++;
		bad.p[0] = 0x80;
		bad.p[1] = (uint8_t)(d << 2);
		if (d == 1) { /* KID 4 has the short form */
			memmove(bad.p + 1, bad.p + 2, --bad.n - 1);
			bad.p[0] = 0x40;
		}
		assert_verdict(&bad, d <= 31 ? MEDIA_TAG : MEDIA_STEP);
	}
	assert_verdict(&first, MEDIA_REPLAY); /* still on step 0 */
	pk = seal(20);
	assert_step(&pk, 20, 0);
}

/* Steps aside are used when their turn comes, after a jump too. */
static void kept_aside(void **state)
{
	static struct packet pk[100];

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		pk[i] = seal(i);
	for (uint32_t i = 0; i < 100; i += 7) {
		struct packet bad = pk[i + 7 < 100 ? i + 7 : i];

		assert_step(&pk[i], i, 0);
		bad.p[bad.n - 2] ^= 4;
		assert_int_not_equal(open_pk(&bad, &(struct media_frame){0}),
				     MEDIA_OK);
		if (i)
			assert_step(&pk[i - 1], i - 1, 0);
	}
}

/* 5 % lost, 5 % late by up to 40 packets (some of them again and again), a step
 * every 50 packets: what isn't more than a step late opens, once. */
static void loss_and_reordering(void **state)
{
	enum { N = 20000, LATE = 40, STEP = 50 };
	static struct packet pk[N];
	static uint32_t order[N];
	const char *given = getenv("E2EE_SEED");
	uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 10)
			      : randombytes_random();
	unsigned lost = 0, late = 0, too_late = 0, opened = 0;
	uint32_t step = 0;

	(void)state;
	printf("# E2EE_SEED=%u\n", seed);
	srandom(seed);
	begin(5, STEP, MEDIA_STEP_MS);
	for (uint32_t i = 0; i < N; i++)
		pk[i] = seal(i), order[i] = i;
	for (uint32_t i = 0; i + LATE < N; i++)
		if (random() % 100 < 5) { /* move it back */
			uint32_t by = 1 + (uint32_t)random() % LATE;
			uint32_t moved = order[i];

			memmove(order + i, order + i + 1, by * sizeof(*order));
			order[i + by] = moved;
			late++;
		}
	for (uint32_t i = 0; i < N; i++) {
		now += 20;
		if (random() % 100 < 5) {
			lost++;
			continue;
		}
		if (order[i] / STEP > step)
			step = order[i] / STEP;
		if (order[i] / STEP + 1 < step) {
			assert_verdict(&pk[order[i]], MEDIA_STEP);
			too_late++;
			continue;
		}
		assert_verdict(&pk[order[i]], MEDIA_OK);
		if (random() % 100 < 5) /* and some arrive twice */
			assert_verdict(&pk[order[i]], MEDIA_REPLAY);
		opened++;
	}
	assert_true(lost > 800 && late > 800 && too_late < 50);
	assert_int_equal(media_count(rx, E2EE_AUDIO, MEDIA_OK), opened);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packet_limit),	   TEST(time_limit),  TEST(long_hold),
		TEST(wraps_at_64),	   TEST(jumps),	      TEST(step_before),
		TEST(tick_drops),	   TEST(forged_step), TEST(kept_aside),
		TEST(loss_and_reordering),
	};

	return cmocka_run_group_tests_name("e2ee ratchet", tests, NULL, NULL);
}
