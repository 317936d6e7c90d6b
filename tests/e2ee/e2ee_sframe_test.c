/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_sframe_test.c - media: replays, jumps, forgeries, kinds,
 * lists, and the ratchet, between the two sides of a real handshake. */
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
	uint8_t p[256];
	size_t n;
};

static void begin(uint16_t suite, uint32_t packets, uint64_t ms)
{
	const struct media_limits limits = {packets, ms};

	media_free(tx);
	media_free(rx);
	for (int s = 0; s < PAIR_SIDES; s++)
		for (int k = 0; k < E2EE_KINDS; k++)
			p.config[s].media.suite[k] = suite;
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	tx = media_new(p.side[PAIR_I], &limits);
	rx = media_new(p.side[PAIR_R], NULL);
	assert_non_null(tx);
	assert_non_null(rx);
	now = 1000;
}

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 5);
	begin(5, MEDIA_STEP_PACKETS, MEDIA_STEP_MS);
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

/* The i-th packet of a kind: its number is timestamp and payload. */
static struct packet seal_kind(enum e2ee_kind kind, uint32_t i)
{
	uint8_t payload[160];
	const struct media_frame f = {
		.marker = i % 3 == 0,
		.codec = MEDIA_OPUS,
		.timestamp = i * 960,
		.payload = payload,
		.len = sizeof(payload),
	};
	struct packet pk;

	memset(payload, (int)i, sizeof(payload));
	assert_int_equal(
		media_seal(tx, kind, now, &f, pk.p, sizeof(pk.p), &pk.n), 0);
	return pk;
}

static struct packet seal(uint32_t i)
{
	return seal_kind(E2EE_AUDIO, i);
}

static enum media_verdict open_as(enum e2ee_kind kind, const struct packet *pk,
				  struct media_frame *f)
{
	static uint8_t out[256];

	return media_open(rx, kind, now, pk->p, pk->n, out, sizeof(out), f);
}

static enum media_verdict open_pk(const struct packet *pk)
{
	struct media_frame f;

	return open_as(E2EE_AUDIO, pk, &f);
}

static void assert_verdict(const struct packet *pk, enum media_verdict want)
{
	enum media_verdict v = open_pk(pk);

	if (v != want)
		fail_msg("%s instead of %s", media_verdict_name(v),
			 media_verdict_name(want));
}

static void there_and_back(void **state)
{
	static const uint16_t suites[] = {1, 4, 5};
	static const size_t tags[] = {10, 16, 16};

	(void)state;
	for (int s = 0; s < 3; s++) {
		begin(suites[s], MEDIA_STEP_PACKETS, MEDIA_STEP_MS);
		for (uint32_t i = 0; i < 2000; i++) {
			enum e2ee_kind kind = i % E2EE_KINDS;
			struct packet pk = seal_kind(kind, i);
			struct media_frame f;

			assert_int_equal(open_as(kind, &pk, &f), MEDIA_OK);
			assert_int_equal(f.marker, i % 3 == 0);
			assert_int_equal(f.codec, MEDIA_OPUS);
			assert_int_equal(f.timestamp, i * 960);
			assert_int_equal(f.len, 160);
			assert_int_equal(f.payload[159], i & 0xff);
			assert_int_equal(f.step, 0);
			assert_int_equal(f.ctr, i / E2EE_KINDS);
			assert_int_equal(pk.n, sframe_header_size(kind, f.ctr) +
						       5 + 160 + tags[s]);
		}
	}
}

/* ---- replays ---- */

static void replays(void **state)
{
	static struct packet pk[3000];

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		pk[i] = seal(i);
	assert_verdict(&pk[0], MEDIA_OK);
	assert_verdict(&pk[0], MEDIA_REPLAY);
	assert_verdict(&pk[2], MEDIA_OK);
	assert_verdict(&pk[1], MEDIA_OK);
	assert_verdict(&pk[1], MEDIA_REPLAY);
	assert_verdict(&pk[1500], MEDIA_OK);
	assert_verdict(&pk[476], MEDIA_REPLAY); /* 1,024 below: too old */
	assert_verdict(&pk[477], MEDIA_OK);	/* 1,023 below */
	assert_verdict(&pk[477], MEDIA_REPLAY);
	for (uint32_t i = 478; i < 1500; i++)
		assert_verdict(&pk[i], MEDIA_OK);
	for (uint32_t i = 0; i <= 1500; i++)
		assert_verdict(&pk[i], MEDIA_REPLAY);
	assert_verdict(&pk[2524], MEDIA_OK); /* 1,024 on: the window is new */
	for (uint32_t i = 1501; i < 2524; i++)
		assert_verdict(&pk[i], MEDIA_OK);
	assert_verdict(&pk[1501], MEDIA_REPLAY);
	assert_verdict(&pk[1500], MEDIA_REPLAY);
	assert_verdict(&pk[2999], MEDIA_OK);
	assert_int_equal(media_count(rx, E2EE_AUDIO, MEDIA_OK),
			 3 + 1 + 1023 + 1024 + 1);
}

/* A replay moves no window, and neither does a forgery of a far counter. */
static void forged_counter(void **state)
{
	struct packet a = seal(0), b = seal(1), far;

	(void)state;
	assert_verdict(&a, MEDIA_OK);
	far = b;
	memmove(far.p + 3, far.p + 1, far.n - 1); /* CTR 1 -> 0xfff0 */
	far.p[0] = 0x09;
	far.p[1] = 0xff;
	far.p[2] = 0xf0;
	far.n += 2;
	assert_verdict(&far, MEDIA_TAG);
	assert_verdict(&b, MEDIA_OK);
}

/* ---- forged and truncated ---- */

static void any_bit(void **state)
{
	static const uint16_t suites[] = {1, 4, 5};

	(void)state;
	for (int s = 0; s < 3; s++) {
		struct packet good, bad;

		begin(suites[s], MEDIA_STEP_PACKETS, MEDIA_STEP_MS);
		good = seal(0);
		for (size_t bit = 0; bit < 8 * good.n; bit++) {
			bad = good;
			bad.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(open_pk(&bad), MEDIA_OK);
		}
		assert_verdict(&good, MEDIA_OK);
	}
}

static void truncated(void **state)
{
	struct packet good = seal(0), bad;

	(void)state;
	for (size_t n = 0; n < good.n; n++) {
		/* its own allocation, for the address sanitizer */
		uint8_t *copy = malloc(n ? n : 1), out[256];
		struct media_frame f;

		memcpy(copy, good.p, n);
		assert_int_not_equal(media_open(rx, E2EE_AUDIO, now, copy, n,
						out, sizeof(out), &f),
				     MEDIA_OK);
		free(copy);
	}
	bad = good;
	bad.p[bad.n++] = 0;
	assert_verdict(&bad, MEDIA_TAG);
	assert_verdict(&good, MEDIA_OK);
	assert_int_equal(media_count(rx, E2EE_AUDIO, MEDIA_HEADER), 1);
	assert_int_equal(media_count(rx, E2EE_AUDIO, MEDIA_SHORT), 21);
}

static void rooms(void **state)
{
	uint8_t payload[100] = {0}, out[256];
	struct media_frame f = {.payload = payload, .len = sizeof(payload)};
	struct packet pk = seal(0);
	size_t n, inner = 5 + 160;

	(void)state;
	assert_int_equal(media_seal(tx, E2EE_AUDIO, now, &f, out,
				    100 + MEDIA_OVERHEAD - 1, &n),
			 MEDIA_NO_ROOM);
	assert_int_equal(n, 0);
	assert_int_equal(media_seal(tx, E2EE_AUDIO, now, &f, out,
				    100 + MEDIA_OVERHEAD, &n),
			 MEDIA_OK);
	assert_int_equal(media_open(rx, E2EE_AUDIO, now, pk.p, pk.n, out,
				    inner - 1, &f),
			 MEDIA_NO_ROOM);
	assert_int_equal(media_open(rx, E2EE_AUDIO, now, pk.p, pk.n, out, inner,
				    &f),
			 MEDIA_OK);
	/* an empty payload is one */
	f = (struct media_frame){.codec = 127};
	assert_int_equal(media_seal(tx, E2EE_AUDIO, now, &f, out, sizeof(out),
				    &n),
			 MEDIA_OK);
	memcpy(pk.p, out, n);
	pk.n = n;
	assert_int_equal(open_as(E2EE_AUDIO, &pk, &f), MEDIA_OK);
	assert_int_equal(f.len, 0);
	assert_int_equal(f.codec, 127);
}

/* What didn't authenticate leaves nothing behind in out. */
static void nothing_left(void **state)
{
	struct packet pk = seal(7);
	struct media_frame f;
	uint8_t out[256];

	(void)state;
	pk.p[pk.n - 1] ^= 1;
	memset(out, 0xaa, sizeof(out));
	assert_int_equal(media_open(rx, E2EE_AUDIO, now, pk.p, pk.n, out,
				    sizeof(out), &f),
			 MEDIA_TAG);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_true(out[i] == 0xaa || out[i] == 0);
}

static void headers(void **state)
{
	static const struct {
		uint8_t p[4];
		size_t n;
		bool ok;
	} cases[] = {
		{{0x00}, 1, true},
		{{0x77}, 1, true},
		{{0x88, 0x08, 0x08}, 3, true},
		{{0x80, 0x07}, 2, false}, /* fits into the first octet */
		{{0x08, 0x07}, 2, false},
		{{0x90, 0x00, 0xff}, 3, false}, /* a leading zero */
		{{0x09, 0x00, 0xff}, 3, false},
		{{0x80}, 1, false},
		{{0x08}, 1, false},
		{{0x88, 0x08}, 2, false},
		{{0xf0, 1, 2, 3}, 4, false},
	};
	struct sframe_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sframe_header_read(cases[i].p, cases[i].n, &h) !=
		    cases[i].ok)
			fail_msg("header %zu", i);
	assert_false(sframe_header_read(NULL, 0, &h));
}

/* A KID beyond 255 has no step. */
static void large_kid(void **state)
{
	struct packet pk = {.n = 40, .p = {0x90, 0x01, 0x00}};

	(void)state;
	assert_verdict(&pk, MEDIA_HEADER);
}

/* ---- kinds and lists ---- */

static void kinds(void **state)
{
	struct media_frame f;

	(void)state;
	for (unsigned sealed = 0; sealed < E2EE_KINDS; sealed++)
		for (unsigned line = 0; line < E2EE_KINDS; line++) {
			struct packet pk;

			begin(5, MEDIA_STEP_PACKETS, MEDIA_STEP_MS);
			pk = seal_kind(sealed, 1);
			assert_int_equal(open_as(line, &pk, &f),
					 sealed == line ? MEDIA_OK
							: MEDIA_KIND);
			/* said to be of that kind, but sealed for another */
			pk.p[0] = (uint8_t)((pk.p[0] & 0x0f) | line << 4);
			if (sealed != line)
				assert_int_equal(open_as(line, &pk, &f),
						 MEDIA_TAG);
		}
	{
		struct packet pk = seal(0); /* KID with kind 3: no such */

		pk.p[0] |= 3 << 4;
		assert_int_equal(open_as(E2EE_AUDIO, &pk, &f), MEDIA_KIND);
		assert_int_equal(open_as(3, &pk, &f), MEDIA_NOT_LISTED);
	}
}

/* Unequal lists: each side sends by its own, each opens by the other's. */
static void lists(void **state)
{
	struct media_frame f = {.codec = MEDIA_VP8};
	struct media *i, *r;
	uint8_t out[256];
	struct packet pk;

	(void)state;
	p.config[PAIR_I].media = (struct e2ee_media_list){{5, 0, 0}};
	p.config[PAIR_R].media = (struct e2ee_media_list){{1, 0, 4}};
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	i = media_new(p.side[PAIR_I], NULL);
	r = media_new(p.side[PAIR_R], NULL);
#define SEAL(m, k) media_seal(m, k, 0, &f, pk.p, sizeof(pk.p), &pk.n)
#define OPEN(m, k) media_open(m, k, 0, pk.p, pk.n, out, sizeof(out), &f)
	assert_int_equal(SEAL(i, E2EE_VIDEO), MEDIA_NOT_LISTED);
	assert_int_equal(SEAL(i, E2EE_SCREEN), MEDIA_NOT_LISTED);
	assert_int_equal(SEAL(r, E2EE_VIDEO), MEDIA_NOT_LISTED);
	assert_int_equal(SEAL(i, E2EE_AUDIO), MEDIA_OK);
	assert_int_equal(OPEN(r, E2EE_AUDIO), MEDIA_OK);
	assert_int_equal(OPEN(i, E2EE_AUDIO), MEDIA_TAG); /* reflected */
	assert_int_equal(SEAL(r, E2EE_AUDIO), MEDIA_OK);
	assert_int_equal(OPEN(i, E2EE_AUDIO), MEDIA_OK);
	assert_int_equal(SEAL(r, E2EE_SCREEN), MEDIA_OK);
	assert_int_equal(OPEN(i, E2EE_VIDEO), MEDIA_NOT_LISTED);
	assert_int_equal(media_count(i, E2EE_VIDEO, MEDIA_NOT_LISTED), 1);
	assert_int_equal(OPEN(i, E2EE_SCREEN), MEDIA_OK);
	assert_int_equal(OPEN(r, E2EE_SCREEN), MEDIA_NOT_LISTED);
	media_free(i);
	media_free(r);
}

/* Another call's packets, between the same people. */
static void other_call(void **state)
{
	struct packet pk = seal(0);

	(void)state;
	begin(5, MEDIA_STEP_PACKETS, MEDIA_STEP_MS);
	assert_verdict(&pk, MEDIA_TAG);
}

static void digits(void **state)
{
	const uint8_t event[4] = {5, 0x8a, 0x03, 0x20};
	uint8_t out[160], back[4];

	(void)state;
	assert_false(media_digit_pad(event, out, 3));
	assert_true(media_digit_pad(event, out, sizeof(out)));
	assert_true(media_digit_read(out, sizeof(out), back));
	assert_memory_equal(back, event, 4);
	out[100] = 1;
	assert_false(media_digit_read(out, sizeof(out), back));
	assert_false(media_digit_read(event, 3, back));
	assert_true(media_digit_read(event, 4, back));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back), TEST(replays),   TEST(forged_counter),
		TEST(any_bit),	      TEST(truncated), TEST(rooms),
		TEST(nothing_left),   TEST(headers),   TEST(large_kid),
		TEST(kinds),	      TEST(lists),     TEST(other_call),
		TEST(digits),
	};

	return cmocka_run_group_tests_name("e2ee sframe", tests, NULL, NULL);
}
