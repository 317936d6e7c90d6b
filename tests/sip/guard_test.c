/* SPDX-License-Identifier: Apache-2.0 */
/* What a source may ask, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include "control/sip/guard.h"

#define T0 1000000ull /* ms */

static unsigned begun, ended;

static void on_ban(const struct sa *source, uint64_t until, const char *reason,
		   void *arg)
{
	(void)source;
	(void)reason;
	(void)arg;
	begun += until != 0;
	ended += until == 0;
}

static int set_up(void **state)
{
	static char *const allow[] = {"10.9.0.0/16", "2001:db8:9::/48"};
	const struct guard_config cfg = {
		.rate = 10,
		.failures = 3,
		.connections = 4,
		.half_open = 2,
		.ban = 60,
		.allow = allow,
		.allow_count = 2,
	};

	begun = ended = 0;
	return guard_alloc((struct guard **)state, &cfg, on_ban, NULL);
}

static int tear_down(void **state)
{
	mem_deref(*state);
	return 0;
}

static struct sa at(const char *text)
{
	struct sa sa;

	assert_int_equal(sa_set_str(&sa, text, 5060), 0);
	return sa;
}

static unsigned passed(struct guard *g, const char *from, unsigned n,
		       uint64_t now)
{
	struct sa sa = at(from);
	unsigned ok = 0;

	while (n--)
		ok += guard_packet(g, &sa, now);
	return ok;
}

static void rate(void **state)
{
	struct guard *g = *state;
	struct sa sa = at("192.0.2.1");

	assert_int_equal(passed(g, "192.0.2.1", 100, T0), 40); /* the burst */
	assert_int_equal(passed(g, "192.0.2.1", 100, T0 + 1000), 10);
	assert_int_equal(passed(g, "192.0.2.1", 1, T0 + 1050), 0);
	assert_int_equal(passed(g, "192.0.2.1", 2, T0 + 1100), 1);
	assert_int_equal(passed(g, "192.0.2.1", 100, T0 + 90000), 40);
	assert_int_equal(passed(g, "192.0.2.2", 100, T0 + 90000), 40);
	assert_int_equal(passed(g, "10.9.3.4", 1000, T0), 1000);
	guard_authenticated(g, &sa, T0 + 90000);
	assert_int_equal(passed(g, "192.0.2.1", 1000, T0 + 91000), 100);
	assert_int_equal(guard_counter(g, GUARD_BANS), 0);
}

static void sources(void **state)
{
	struct guard *g = *state;

	assert_int_equal(passed(g, "2001:db8:1:2::1", 40, T0), 40);
	assert_int_equal(passed(g, "2001:db8:1:2:3::4", 1, T0), 0);
	assert_int_equal(passed(g, "2001:db8:1:3::1", 40, T0), 40);
	assert_int_equal(passed(g, "2001:db8:9:1::1", 99, T0), 99);
}

static void failures(void **state)
{
	struct guard *g = *state;
	struct sa bad = at("192.0.2.1"), good = at("192.0.2.2"),
		  kept = at("10.9.0.1");

	for (unsigned i = 0; i < 2; i++)
		guard_wrong_password(g, &bad, T0 + i);
	guard_wrong_password(g, &bad, T0 + 60100); /* the minute is over */
	assert_int_equal(begun, 0);
	guard_wrong_password(g, &bad, T0 + 60101);
	guard_wrong_password(g, &bad, T0 + 60102);
	assert_int_equal(begun, 1);
	assert_int_equal(passed(g, "192.0.2.1", 5, T0 + 60103), 0);
	assert_false(guard_open(g, &bad, T0 + 60103));
	assert_int_equal(passed(g, "192.0.2.1", 5, T0 + 120101), 0);
	assert_int_equal(passed(g, "192.0.2.1", 5, T0 + 120102), 5);
	assert_int_equal(ended, 1);

	guard_authenticated(g, &good, T0);
	for (unsigned i = 0; i < 29; i++)
		guard_wrong_password(g, &good, T0 + i);
	assert_int_equal(begun, 1);
	guard_wrong_password(g, &good, T0 + 30);
	assert_int_equal(begun, 2);
	for (unsigned i = 0; i < 100; i++)
		guard_wrong_password(g, &kept, T0 + i);
	assert_int_equal(begun, 2);
}

static void connections(void **state)
{
	struct guard *g = *state;
	struct sa sa = at("192.0.2.1"), kept = at("10.9.0.1");

	assert_true(guard_open(g, &sa, T0) && guard_open(g, &sa, T0));
	assert_false(guard_open(g, &sa, T0)); /* two say nothing */
	guard_settled(g, &sa);
	guard_settled(g, &sa);
	assert_true(guard_open(g, &sa, T0) && guard_open(g, &sa, T0));
	guard_settled(g, &sa);
	assert_false(guard_open(g, &sa, T0)); /* four are there */
	guard_closed(g, &sa, true);
	assert_true(guard_open(g, &sa, T0));
	for (unsigned i = 0; i < 2; i++)
		guard_closed(g, &sa, false);
	for (unsigned i = 0; i < 50; i++)
		assert_true(guard_open(g, &kept, T0));
	assert_int_equal(guard_counter(g, GUARD_HALF_OPEN), 1);
	assert_int_equal(guard_counter(g, GUARD_CONNECTIONS), 1);
}

static void count_bans(const struct guard_ban *b, void *arg)
{
	(void)b;
	(*(unsigned *)arg)++;
}

static void bans(void **state)
{
	struct guard *g = *state;
	struct sa a = at("192.0.2.1"), v6 = at("2001:db8:1:2::1"),
		  kept = at("2001:db8:9::1");
	unsigned n = 0;

	assert_int_equal(guard_ban(g, &kept, 0, "x", T0), EPERM);
	assert_int_equal(guard_ban(g, &a, 0, "x", T0), 0);
	assert_int_equal(guard_ban(g, &a, 10, "y", T0), 0); /* anew */
	assert_int_equal(guard_ban(g, &v6, 5, "z", T0), 0);
	assert_int_equal(passed(g, "2001:db8:1:2::ff", 1, T0), 0);
	guard_list(g, T0, count_bans, &n);
	assert_int_equal(n, 2);
	n = 0;
	guard_list(g, T0 + 5000, count_bans, &n);
	assert_int_equal(n, 1);
	assert_int_equal(guard_unban(g, &a), 0);
	assert_int_equal(guard_unban(g, &a), ENOENT);
	/* who becomes a trunk is let in, and may be banned again after */
	guard_ban(g, &a, 0, "x", T0);
	assert_int_equal(guard_allow(g, &a), 0);
	assert_int_equal(passed(g, "192.0.2.1", 1, T0), 1);
	assert_int_equal(guard_ban(g, &a, 0, "x", T0), EPERM);
	guard_disallow(g, &a);
	assert_int_equal(guard_ban(g, &a, 0, "x", T0), 0);
}

/* Many more sources than there is room for: none is taken for another, and
 * those with connections stay known. */
static void crowds(void **state)
{
	struct guard *g = *state;
	struct sa held = at("192.0.2.1");
	char text[32];

	assert_true(guard_open(g, &held, T0) && guard_open(g, &held, T0));
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "198.%u.%u.%u", 18 + (i >> 16),
			 (i >> 8) & 255, i & 255);
		assert_int_equal(passed(g, text, 1, T0 + i), 1);
	}
	assert_false(guard_open(g, &held, T0 + 50000));
}

static void prefixes(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned bits;
	} cases[] = {
		{"10.0.0.0/8", true, 8},      {"10.0.0.1", true, 32},
		{"0.0.0.0/0", true, 0},	      {"2001:db8::/32", true, 32},
		{"::1", true, 128},	      {"10.0.0.0/33", false, 0},
		{"10.0.0.0/", false, 0},      {"10.0.0.0/-1", false, 0},
		{"10.0.0.0/8x", false, 0},    {"example.org/8", false, 0},
		{"2001:db8::/129", false, 0}, {"", false, 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned bits;
		struct sa sa;

		assert_int_equal(guard_prefix_parse(cases[i].text, &sa, &bits),
				 cases[i].good);
		if (cases[i].good)
			assert_int_equal(bits, cases[i].bits);
	}
}

#define WITH_GUARD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GUARD(rate),	    WITH_GUARD(sources),
		WITH_GUARD(failures),	    WITH_GUARD(connections),
		WITH_GUARD(bans),	    WITH_GUARD(crowds),
		cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
