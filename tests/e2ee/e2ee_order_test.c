/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_order_test.c - who may say what when: order, sides, repeats,
 * messages of other calls, reflections, waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include "control/e2ee/handshake_int.h" /* to see what is wiped */
#include "tests/e2ee/pair.h"
#include "tests/e2ee/ended.h"

static struct pair p;

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_free(&p);
	return 0;
}

static void no_guards(void)
{
	p.config[PAIR_I].guard = p.config[PAIR_R].guard = NULL;
}

/* ---- order, sides, repeats ---- */

/* What a side says to a message in each state. Columns M1 to M5. */
static void order(void **state)
{
#define W  E2EE_R_NONE /* a copy: nothing to do */
#define S  E2EE_R_SIDE
#define O  E2EE_R_ORDER
#define OK E2EE_REASONS /* its turn */
	static const struct {
		int delivered, side;
		enum e2ee_reason say[6];
	} rows[] = {
		/* I, which waits for M4, for media, is locked */
		{2, PAIR_I, {0, S, W, S, OK, S}},
		{4, PAIR_I, {0, S, W, S, W, S}},
		{6, PAIR_I, {0, S, W, S, W, S}},
		/* R, which waits for M3, for M5, is locked */
		{1, PAIR_R, {0, W, S, OK, S, O}},
		{3, PAIR_R, {0, W, S, W, S, OK}},
		{5, PAIR_R, {0, W, S, W, S, W}},
	};
	struct pair whole;

	(void)state;
	no_guards();
	pair_init(&whole, 1); /* the same seed: the same five messages */
	assert_true(pair_lock(&whole));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int m = 1; m <= 5; m++) {
			enum e2ee_reason want = rows[i].say[m];
			struct e2ee_result r;
			struct e2ee *h;

			p.rng[0].drawn = p.rng[1].drawn = 0;
			assert_true(pair_start(&p));
			if (rows[i].delivered == 6)
				assert_true(pair_lock(&p));
			else
				assert_true(pair_upto(&p, rows[i].delivered));
			if (rows[i].delivered < 6)
				pair_deliver(&p, rows[i].delivered);
			h = p.side[rows[i].side];
			r = e2ee_feed(h, whole.msg[m], whole.len[m], p.now);
			if (want == OK
				    ? r.act != E2EE_SEND && r.act != E2EE_LOCK
				    : r.reason != want)
				fail_msg("after %d, side %d, M%d: act %d, %s",
					 rows[i].delivered, rows[i].side, m,
					 r.act, e2ee_reason_name(r.reason));
			if (want == W)
				assert_int_equal(r.act, E2EE_WAIT);
			else if (want != OK)
				assert_dead(h);
		}
	pair_free(&whole);
}

/* Before M2 went either way an INFO is refused and moves nothing. */
static void too_early(void **state)
{
	struct e2ee_result r;
	struct pair whole;

	(void)state;
	pair_init(&whole, 1);
	assert_true(pair_lock(&whole));
	assert_true(pair_start(&p));
	for (int m = 1; m <= 5; m++)
		for (unsigned s = 0; s < PAIR_SIDES; s++) {
			r = e2ee_feed(p.side[s], whole.msg[m], whole.len[m],
				      p.now);
			assert_int_equal(r.act, E2EE_REFUSE);
			assert_int_equal(r.reason, E2EE_R_ORDER);
		}
	assert_true(pair_lock(&p));
	pair_free(&whole);
}

static void second_copy_differs(void **state)
{
	(void)state;
	no_guards();
	for (int m = 2; m <= 5; m++)
		for (int later = m; later <= 5; later++) {
			struct e2ee_result r;

			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, later));
			pair_deliver(&p, later);
			p.msg[m][p.len[m] - 1] ^= 1;
			r = e2ee_feed(pair_to(&p, m), p.msg[m], p.len[m],
				      p.now);
			assert_ended(r, E2EE_R_DIFFERS, "second copy");
			assert_dead(pair_to(&p, m));
		}
}

/* A commitment is opened once: a repeated M2 brings no second M3. */
static void opened_once(void **state)
{
	struct e2ee_result r;

	(void)state;
	assert_true(pair_upto(&p, 3));
	r = pair_deliver(&p, 2);
	assert_int_equal(r.act, E2EE_WAIT);
	r = e2ee_feed(p.side[PAIR_I], p.msg[2], p.len[2], p.now);
	assert_int_equal(r.act, E2EE_WAIT);
	assert_int_equal(r.len, 0);
	assert_int_equal(pair_deliver(&p, 3).act, E2EE_SEND);
}

/* Messages of another call, with the same people. */
static void other_call(void **state)
{
	struct pair other;

	(void)state;
	no_guards();
	pair_init(&other, 77);
	assert_true(pair_lock(&other));
	for (int m = 3; m <= 5; m++) {
		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, m));
		memcpy(p.msg[m], other.msg[m], other.len[m]);
		p.len[m] = other.len[m];
		assert_ended(pair_deliver(&p, m), E2EE_R_AEAD, "other call");
	}
	pair_free(&other);
}

/* A side's own messages sent back to it. */
static void reflected(void **state)
{
	struct e2ee_result r;

	(void)state;
	no_guards();
	assert_true(pair_upto(&p, 1)); /* I's M1 as its M2 */
	memcpy(p.msg[2], p.msg[1], p.len[1]);
	p.len[2] = p.len[1];
	assert_ended(pair_deliver(&p, 2), E2EE_R_SIDE, "M1 to I");
	assert_true(pair_start(&p)); /* I's M3 with M4's type */
	assert_true(pair_upto(&p, 3));
	memcpy(p.msg[4], p.msg[3], p.len[3]);
	p.len[4] = p.len[3];
	p.msg[4][0] = 4;
	assert_ended(pair_deliver(&p, 4), E2EE_R_AEAD, "M3 as M4");
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 3)); /* and as it was */
	r = e2ee_feed(p.side[PAIR_I], p.msg[3], p.len[3], p.now);
	assert_ended(r, E2EE_R_SIDE, "M3 to I");
	assert_true(pair_start(&p)); /* R's M4 with M5's type */
	assert_true(pair_upto(&p, 4));
	memcpy(p.msg[5], p.msg[4], 17);
	p.len[5] = 17;
	p.msg[5][0] = 5;
	assert_ended(pair_deliver(&p, 5), E2EE_R_AEAD, "M4 as M5");
}

/* ---- the waits ---- */

static void deadlines(void **state)
{
	/* R answered, waits for M3; I sent M3; R sent M4; I sent M5 */
	static const struct {
		int upto, side;
		enum e2ee_reason why;
	} waits[] = {
		{2, PAIR_R, E2EE_R_TIME_M3},
		{3, PAIR_I, E2EE_R_TIME_M4},
		{4, PAIR_R, E2EE_R_TIME_M5},
		{5, PAIR_I, E2EE_R_TIME_MEDIA},
	};

	(void)state;
	no_guards();
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		for (int late = 0; late < 2; late++) {
			struct e2ee_result r;
			uint64_t began;
			struct e2ee *h;

			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, waits[i].upto));
			h = p.side[waits[i].side];
			began = p.now;
			assert_int_equal(e2ee_deadline(h), began + 10000);
			p.now = began + 9999;
			assert_int_equal(e2ee_tick(h, p.now).act, E2EE_WAIT);
			if (late) {
				p.now = began + 10000;
				r = e2ee_tick(h, p.now);
				assert_ended(r, waits[i].why, "tick");
				assert_dead(h);
				/* and stays so, whatever comes */
				r = e2ee_feed(h, p.msg[1], p.len[1], p.now);
				assert_ended(r, waits[i].why, "after");
				continue;
			}
			if (waits[i].upto == 5) {
				r = e2ee_media_seen(h, p.now);
				assert_int_equal(r.act, E2EE_LOCK);
				continue;
			}
			for (int m = waits[i].upto; m <= waits[i].upto + 1; m++)
				r = pair_deliver(&p, m);
			assert_true(r.act == E2EE_SEND || r.act == E2EE_LOCK);
		}
}

/* What comes at the deadline is too late, ticked or not. */
static void late_messages(void **state)
{
	struct e2ee_result r;

	(void)state;
	no_guards();
	for (int m = 3; m <= 5; m++) {
		static const enum e2ee_reason why[] = {
			[3] = E2EE_R_TIME_M3,
			[4] = E2EE_R_TIME_M4,
			[5] = E2EE_R_TIME_M5,
		};

		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, m));
		p.now += 10000;
		assert_ended(pair_deliver(&p, m), why[m], "late message");
		assert_dead(pair_to(&p, m));
	}
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 5));
	p.now += 10000;
	r = e2ee_media_seen(p.side[PAIR_I], p.now);
	assert_ended(r, E2EE_R_TIME_MEDIA, "late media");
}

/* Ringing takes as long as it takes, and so does a locked call. */
static void no_deadline(void **state)
{
	(void)state;
	assert_true(pair_upto(&p, 1));
	assert_int_equal(e2ee_deadline(p.side[PAIR_I]), E2EE_NEVER);
	assert_int_equal(e2ee_deadline(p.side[PAIR_R]), E2EE_NEVER);
	p.now += 3600 * 1000;
	assert_int_equal(e2ee_tick(p.side[PAIR_I], p.now).act, E2EE_WAIT);
	assert_true(pair_lock(&p));
	assert_int_equal(e2ee_deadline(p.side[PAIR_I]), E2EE_NEVER);
	assert_int_equal(e2ee_deadline(p.side[PAIR_R]), E2EE_NEVER);
}

/* ---- what is gone, and when ---- */

static bool gone(const void *what, size_t n)
{
	return sodium_is_zero(what, n);
}

static void wiped(void **state)
{
	const struct e2ee *i, *r;

	(void)state;
	no_guards();
	assert_true(pair_upto(&p, 3));
	i = p.side[PAIR_I];
	r = p.side[PAIR_R];
	/* I has its PRK: its X25519 secret is no longer needed */
	assert_true(gone(i->s.x, sizeof(i->s.x)));
	assert_true(gone(i->s.plain, 32)); /* where the X25519 result was */
	assert_false(gone(i->s.prk, sizeof(i->s.prk)));
	assert_false(gone(r->s.x, sizeof(r->s.x)));
	pair_deliver(&p, 3);
	assert_true(gone(&r->s, sizeof(r->s))); /* code, base keys exist */
	assert_false(gone(r->res.k5, sizeof(r->res.k5)));
	pair_deliver(&p, 4);
	assert_true(gone(&i->s, sizeof(i->s)));
	pair_deliver(&p, 5);
	assert_true(gone(r->res.k5, sizeof(r->res.k5)));
	assert_true(gone(i->res.k5, sizeof(i->res.k5)));
	for (int m = 2; m <= 5; m++) {
		struct e2ee *h;

		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, m));
		p.msg[m][p.len[m] - 1] ^= 0xff;
		assert_int_equal(pair_deliver(&p, m).act, E2EE_END);
		h = pair_to(&p, m);
		assert_true(gone(&h->s, sizeof(h->s)));
		assert_true(gone(&h->res, sizeof(h->res)));
		assert_true(gone(h->out, sizeof(h->out)));
	}
	/* an ordinary call keeps nothing either */
	assert_true(pair_start(&p));
	e2ee_sdp(p.side[PAIR_I], "", 0, p.now);
	assert_true(gone(&p.side[PAIR_I]->s, sizeof(i->s)));
	/* nor a locked one that fails in the end */
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_ended(e2ee_feed(p.side[PAIR_I], p.msg[2], 50, p.now),
		     E2EE_R_DIFFERS, "after the lock");
	assert_true(gone(&p.side[PAIR_I]->res, sizeof(i->res)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(order),
		TEST(too_early),
		TEST(second_copy_differs),
		TEST(opened_once),
		TEST(other_call),
		TEST(reflected),
		TEST(deadlines),
		TEST(late_messages),
		TEST(no_deadline),
		TEST(wiped),
	};

	return cmocka_run_group_tests_name("e2ee order", tests, NULL, NULL);
}
