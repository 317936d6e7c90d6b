/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow: source.h, bucket.h and stats.h, each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/flow/source.h"
#include "tests/stage/flow_lab.h"

#define R SOURCE_RIGHT
#define S SOURCE_STRAY
#define W SOURCE_WRONG

static struct endpoint from(const char *text)
{
	struct sp_addr a = lab_addr(text);
	struct endpoint e = {.port = (uint16_t)(a.port << 8 | a.port >> 8),
			     .family = a.family};

	memcpy(e.addr, a.addr, 16);
	return e;
}

static void test_source_rules(void **state)
{
	static const struct {
		uint8_t rule, prefix;
		bool srtp;
		const char *peer, *from;
		enum source_verdict want;
	} cases[] = {
		{SP_SOURCE_STRICT, 32, false, "10.2.0.7:40", "10.2.0.7:40", R},
		{SP_SOURCE_STRICT, 32, false, "10.2.0.7:40", "10.2.0.7:41", W},
		{SP_SOURCE_STRICT, 32, true, "10.2.0.7:40", "10.2.0.8:40", W},
		{SP_SOURCE_STRICT, 32, false, "", "10.2.0.8:40", W},
		{SP_SOURCE_LEARN, 32, false, "10.2.0.7:40", "10.2.0.7:999", R},
		{SP_SOURCE_LEARN, 32, false, "10.2.0.7:40", "10.2.0.8:40", W},
		{SP_SOURCE_LEARN, 24, false, "10.2.0.7:40", "10.2.0.8:40", R},
		{SP_SOURCE_LEARN, 24, false, "10.2.0.7:40", "10.2.1.8:40", W},
		{SP_SOURCE_LEARN, 25, false, "10.2.0.7:40", "10.2.0.127:4", R},
		{SP_SOURCE_LEARN, 25, false, "10.2.0.7:40", "10.2.0.128:4", W},
		{SP_SOURCE_LEARN, 0, false, "10.2.0.7:40", "192.0.2.1:4", R},
		{SP_SOURCE_LEARN, 32, false, "", "10.2.0.7:40", W},
		{SP_SOURCE_LEARN, 32, true, "10.2.0.7:40", "10.2.0.7:40", R},
		{SP_SOURCE_LEARN, 32, true, "10.2.0.7:40", "10.2.0.7:41", S},
		{SP_SOURCE_LEARN, 24, true, "10.2.0.7:40", "10.2.0.9:40", S},
		{SP_SOURCE_LEARN, 24, true, "10.2.0.7:40", "10.3.0.9:40", W},
	};
	static const struct {
		uint8_t prefix;
		const char *from;
		enum source_verdict want;
	} six[] = {
		{128, "[fd02::7]:9", R},     {128, "[fd02::8]:9", W},
		{64, "[fd02::8:1]:9", R},    {64, "[fd02:0:0:1::7]:9", W},
		{61, "[fd02:0:0:7::]:9", R}, {61, "[fd02:0:0:8::]:9", W},
	};
	struct sp_transport x;
	struct endpoint e;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		x = lab_transport(1, TRUNK4, 20000, cases[i].peer);
		x.source = cases[i].rule;
		x.peer_rtp.prefix = x.peer_rtcp.prefix = cases[i].prefix;
		if (cases[i].srtp)
			x.rx = lab_key(3, AES);
		lab_add(&x);
		e = from(cases[i].from);
		if (source_check(flow_on(TRUNK4, 20000), 0, &e) !=
		    cases[i].want)
			fail_msg("case %zu: %s", i, cases[i].from);
		remove_ok(1);
	}
	for (size_t i = 0; i < RTE_DIM(six); i++) {
		x = lab_transport(1, TRUNK6, 20000, "[fd02::7]:40");
		x.peer_rtp.prefix = six[i].prefix;
		lab_add(&x);
		e = from(six[i].from);
		if (source_check(flow_on(TRUNK6, 20000), 0, &e) != six[i].want)
			fail_msg("case %zu: %s", i, six[i].from);
		remove_ok(1);
	}
}

static void test_learned_source_and_new_offers(void **state)
{
	struct sp_transport x = lab_transport(1, TRUNK4, 20000, "10.2.0.7:40");
	struct endpoint phone = from("10.2.0.7:999"),
			thief = from("10.2.0.8:9");
	struct flow *f;

	(void)state;
	x.peer_rtp.prefix = 24;
	lab_add(&x);
	f = flow_on(TRUNK4, 20000);
	assert_int_equal(source_check(f, 0, &phone), SOURCE_RIGHT);
	assert_int_equal(source_check(f, 0, &thief), SOURCE_WRONG);
	x.dscp = 10; /* says nothing of the source: stays */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_int_equal(source_check(f, 0, &thief), SOURCE_WRONG);
	x.peer_rtp.port = 999; /* the learned one is signalled: stays */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_int_equal(source_check(f, 0, &thief), SOURCE_WRONG);
	assert_int_equal(source_check(f, 0, &phone), SOURCE_RIGHT);
	x.peer_rtp.addr[3] = 8; /* the peer moves: followed */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_int_equal(source_check(f, 0, &thief), SOURCE_RIGHT);
	assert_int_equal(source_check(f, 0, &phone), SOURCE_WRONG);
}

static void test_bucket(void **state)
{
	const uint64_t hz = 1000000;
	struct rate r = rate_make(100, 0, hz);
	struct bucket b = {0, 0};
	unsigned n = 0;

	(void)state;
	while (bucket_spend(&b, &r, 5 * hz, 100))
		n++;
	assert_int_equal(n, 51); /* half a second's worth, and one */
	assert_false(bucket_spend(&b, &r, 5 * hz + 9999, 100));
	assert_true(bucket_spend(&b, &r, 5 * hz + 10000, 100));
	n = 0; /* ten seconds at four times the rate */
	for (uint64_t t = 0; t < 10 * hz; t += hz / 400)
		n += bucket_spend(&b, &r, 6 * hz + t, 100);
	assert_in_range(n, 1000, 1100);

	r = rate_make(0, 8000, hz);
	b = (struct bucket){0, 0};
	for (n = 0; bucket_spend(&b, &r, hz, 160); n++)
		;
	assert_int_equal(n, 26); /* 4,000 octets, and one packet */

	r = rate_make(1, 0, hz); /* the burst is never less than 32 packets */
	b = (struct bucket){0, 0};
	for (n = 0; bucket_spend(&b, &r, hz, 160); n++)
		;
	assert_int_equal(n, 33);

	r = rate_make(0, 0, hz);
	for (n = 0; n < 100000 && bucket_spend(&b, &r, hz, 65535); n++)
		;
	assert_int_equal(n, 100000);
}

/* A sender, a switch or this very machine that is held up sends afterwards what
 * it had in hand, at once. A packet each 20 ms, at the limit that control sets
 * for that (twice the rate, and 50 for RTCP), and at one that is just kept. */
static void test_held_up(void **state)
{
	static const struct {
		unsigned pps, ms;
		bool all;
	} cases[] = {{150, 60, true},	 {150, 500, true}, {150, 1400, true},
		     {150, 5000, false}, {50, 60, true},   {50, 480, true},
		     {50, 2000, false}};
	const uint64_t hz = 1000000;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rate r = rate_make(cases[i].pps, 0, hz);
		struct bucket b = {0, 0};
		unsigned held = cases[i].ms / 20, lost = 0;
		uint64_t now = 5 * hz;

		for (unsigned n = 0; n < 500; n++, now += hz / 50) {
			unsigned more = n == 250 ? held : 0;

			for (unsigned k = 0; k <= more; k++)
				lost += !bucket_spend(&b, &r, now, 172);
			now += n == 249 ? held * hz / 50 : 0;
		}
		assert_int_equal(lost == 0, cases[i].all);
	}
}

struct arrival {
	uint16_t seq;
	uint32_t ts;
	uint64_t at; /* ms */
	uint32_t ssrc;
};

static void arrive(struct stream_run *s, const struct arrival *a)
{
	uint8_t p[12];

	lab_rtp(p, a->ssrc, a->seq, 0, 0);
	p[4] = (uint8_t)(a->ts >> 24);
	p[5] = (uint8_t)(a->ts >> 16);
	p[6] = (uint8_t)(a->ts >> 8);
	p[7] = (uint8_t)a->ts;
	stats_arrived(s, p, 160, a->at * 1000, stats_ticks(8000, 1000000));
}

static void test_loss(void **state)
{
	static const struct {
		uint16_t seq[8];
		unsigned n;
		uint64_t lost;
	} cases[] = {
		{{10, 11, 12, 13}, 4, 0},
		{{10, 12, 13}, 3, 1},
		{{10, 13, 12, 11}, 4, 0},     /* late is not lost */
		{{65534, 65535, 0, 1}, 4, 0}, /* wraps */
		{{65534, 1, 2}, 3, 2},
		{{10, 11, 11, 11}, 4, 0},	       /* duplicates */
		{{10, 11, 40000, 12}, 4, 0},	       /* one stray */
		{{10, 12, 40000, 40001, 40002}, 5, 1}, /* a restart */
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct stream_run s = {0};

		for (unsigned k = 0; k < cases[i].n; k++)
			arrive(&s,
			       &(struct arrival){cases[i].seq[k], 0, 20, 1});
		if (stats_lost(&s) != cases[i].lost)
			fail_msg("case %zu: %d lost", i, (int)stats_lost(&s));
	}
}

static void test_jitter(void **state)
{
	struct stream_run s = {0};
	double j = 0;

	(void)state;
	/* RFC 3550 A.8 in floating point beside it. */
	for (unsigned i = 0; i < 400; i++) {
		unsigned late = i % 2 ? 0 : 5; /* ms */

		arrive(&s, &(struct arrival){(uint16_t)i, i * 160,
					     1000 + 20 * i + late, 1});
		if (i > 0)
			j += (5 * 8 - j) / 16;
	}
	assert_in_range(s.jitter >> 4, (unsigned)j - 1, (unsigned)j + 1);
	/* A new source starts anew, and its loss is its own. */
	arrive(&s, &(struct arrival){7, 999999, 50000, 2});
	assert_int_equal(s.jitter, 0);
	assert_int_equal(s.ssrc, 2);
	assert_int_equal(stats_lost(&s), 0);
	assert_int_equal(s.packets_in, 401);
	assert_int_equal(s.octets_in, 401 * 160);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, flow_lab_up, flow_lab_down)
	static const struct CMUnitTest tests[] = {
		T(test_source_rules),
		T(test_learned_source_and_new_offers),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_held_up),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_jitter),
	};

	lab_start();
	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
