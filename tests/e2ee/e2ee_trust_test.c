/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_trust_test.c - what a peer's key means, and who is made to
 * wait: remembered peers and the guard, as the handshake uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "tests/e2ee/pair.h"

static struct pair p;

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_free(&p);
	return 0;
}

static struct e2ee_result sdp(int side, const char *text)
{
	return e2ee_sdp(p.side[side], text, strlen(text), p.now);
}

static void assert_said(struct e2ee_result r, enum e2ee_act act,
			enum e2ee_reason why)
{
	if (r.act != act || r.reason != why)
		fail_msg("act %d, %s", r.act, e2ee_reason_name(r.reason));
}

static bool has_media(int side)
{
	struct media *m = media_new(p.side[side], NULL);

	media_free(m);
	return m != NULL;
}

/* ---- what a peer's key means ---- */

static void use_peers(void)
{
	for (int s = 0; s < PAIR_SIDES; s++)
		p.peers[s] = peers_new();
}

/* Bob gets another device; its key is not the one of pair.c. */
static void bob_moves(uint8_t n)
{
	uint8_t seed[32] = {50, n};

	identity_free(p.id[PAIR_R]);
	p.id[PAIR_R] = identity_from_seed(seed);
	p.config[PAIR_R].identity = p.id[PAIR_R];
}

static void trust(void **state)
{
	(void)state;
	use_peers();
	assert_true(pair_lock(&p));
	assert_int_equal(p.last.warning, E2EE_WARN_FIRST);
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_int_equal(p.last.warning, E2EE_NO_WARNING);
	bob_moves(1);
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_int_equal(p.last.warning, E2EE_WARN_NEW_KEY);
	assert_true(e2ee_verify(p.side[PAIR_I]));
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p)); /* verified: no warning */
	assert_int_equal(p.last.warning, E2EE_NO_WARNING);
	bob_moves(2); /* one more, or somebody who says so */
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 4));
	assert_said(pair_deliver(&p, 4), E2EE_END, E2EE_R_IDENTITY);
	assert_false(e2ee_locked(p.side[PAIR_I]));
	assert_false(has_media(PAIR_I));
}

/* The same at R, which refuses at M3, before it shows anything itself. */
static void trust_at_r(void **state)
{
	uint8_t seed[32] = {60};

	(void)state;
	use_peers();
	assert_true(pair_lock(&p));
	assert_true(e2ee_verify(p.side[PAIR_R]));
	identity_free(p.id[PAIR_I]);
	p.id[PAIR_I] = identity_from_seed(seed);
	p.config[PAIR_I].identity = p.id[PAIR_I];
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 3));
	assert_said(pair_deliver(&p, 3), E2EE_END, E2EE_R_IDENTITY);
}

/* Verified between M4 and the lock: the lock looks again. */
static void verified_meanwhile(void **state)
{
	uint8_t other[32] = {7};

	(void)state;
	use_peers();
	assert_true(pair_upto(&p, 5));
	assert_true(peers_remember(p.peers[PAIR_I], BOB, other));
	assert_true(peers_verify(p.peers[PAIR_I], BOB, other, true));
	assert_said(e2ee_media_seen(p.side[PAIR_I], p.now), E2EE_END,
		    E2EE_R_IDENTITY);
}

/* Nothing is remembered of a call that didn't lock. */
static void remembered_at_lock(void **state)
{
	(void)state;
	use_peers();
	assert_true(pair_upto(&p, 5));
	assert_false(peers_once(p.peers[PAIR_I], BOB));
	assert_false(peers_once(p.peers[PAIR_R], ALICE));
	pair_deliver(&p, 5);
	assert_true(peers_once(p.peers[PAIR_R], ALICE));
	assert_false(peers_once(p.peers[PAIR_I], BOB));
	e2ee_media_seen(p.side[PAIR_I], p.now);
	assert_true(peers_once(p.peers[PAIR_I], BOB));
}

static void no_longer(void **state)
{
	(void)state;
	use_peers();
	assert_true(pair_start(&p));
	assert_int_equal(sdp(PAIR_I, pair_sdp(NULL, 0)).warning,
			 E2EE_NO_WARNING);
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_true(pair_start(&p));
	assert_int_equal(sdp(PAIR_I, pair_sdp(NULL, 0)).warning,
			 E2EE_WARN_NO_LONGER);
	assert_int_equal(sdp(PAIR_R, pair_sdp(NULL, 0)).warning,
			 E2EE_WARN_NO_LONGER);
}

/* ---- the guard ---- */

static void one_at_a_time(void **state)
{
	struct e2ee_config c;
	enum e2ee_reason why;
	struct e2ee *h;

	(void)state;
	assert_true(pair_start(&p));
	c = p.config[PAIR_I];
	c.peer_aor = "sip:carol@hq.example";
	for (int m = 1; m <= 5; m++) {
		assert_null(e2ee_new(&c, p.now, &why));
		assert_int_equal(why, E2EE_R_BUSY);
		assert_true(m > 1 || pair_upto(&p, 1));
		pair_deliver(&p, m);
	}
	assert_null(e2ee_new(&c, p.now, &why));
	assert_said(e2ee_media_seen(p.side[PAIR_I], p.now), E2EE_LOCK, 0);
	h = e2ee_new(&c, p.now, &why); /* finished: the next may begin */
	assert_non_null(h);
	e2ee_free(h);
	h = e2ee_new(&c, p.now, &why); /* given up: so too */
	assert_non_null(h);
	sdp(PAIR_I, pair_sdp(NULL, 0));
	e2ee_free(h);
}

/* Fail once: I gets an M4 that isn't authentic. */
static void fail_once(void)
{
	assert_true(pair_upto(&p, 4));
	p.msg[4][9] ^= 1;
	assert_said(pair_deliver(&p, 4), E2EE_END, E2EE_R_AEAD);
	e2ee_free(p.side[PAIR_I]);
	e2ee_free(p.side[PAIR_R]);
	p.side[PAIR_I] = p.side[PAIR_R] = NULL;
}

static void three_failures(void **state)
{
	enum e2ee_reason why;
	struct e2ee_config c;
	struct e2ee *h;
	uint64_t blocked;

	(void)state;
	fail_once();
	p.now += 60 * 1000;
	fail_once();
	p.now += 9 * 60 * 1000 - 1; /* one millisecond within ten minutes */
	fail_once();
	blocked = p.now;
	c = p.config[PAIR_I];
	assert_null(e2ee_new(&c, p.now, &why));
	assert_int_equal(why, E2EE_R_BLOCKED);
	assert_int_equal(guard_wait(p.guard[PAIR_I], BOB, p.now), 600000);
	c.peer_aor = "sip:carol@hq.example"; /* others may */
	h = e2ee_new(&c, p.now, &why);
	assert_non_null(h);
	e2ee_free(h);
	c.peer_aor = BOB;
	assert_null(e2ee_new(&c, blocked + 599999, &why));
	h = e2ee_new(&c, blocked + 600000, &why);
	assert_non_null(h);
	e2ee_free(h);
}

/* Three within more than ten minutes are no reason. */
static void failures_spread(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		fail_once();
		p.now += 5 * 60 * 1000;
	}
	assert_true(pair_lock(&p));
}

/* What counts: failing once M2 went; not failing before, nor success. */
static void what_counts(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(pair_start(&p));
		sdp(PAIR_R, "a=e2ee:AAAA\r\n"); /* refused with 488 */
		assert_true(pair_start(&p));
		assert_true(pair_lock(&p));
		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, 1)); /* given up while ringing */
	}
	for (int i = 0; i < 2; i++) {
		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, 3));
		e2ee_tick(p.side[PAIR_R], p.now + 10000);
	}
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 3));
	p.now += 10000;
	e2ee_peer_ended(p.side[PAIR_R], p.now); /* the third */
	assert_true(guard_blocked(p.guard[PAIR_R], ALICE, p.now));
	assert_false(guard_blocked(p.guard[PAIR_I], BOB, p.now));
}

/* Many others don't wash a block away. */
static void guard_full(void **state)
{
	struct guard *g = p.guard[PAIR_I];
	char aor[64];

	(void)state;
	for (int i = 0; i < 3; i++)
		guard_failed(g, BOB, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(aor, sizeof(aor), "sip:u%d@hq.example", i);
		guard_failed(g, aor, 2000);
	}
	assert_true(guard_blocked(g, BOB, 2000));
	assert_true(guard_blocked(g, BOB, 600999));
	assert_false(guard_blocked(g, BOB, 601000));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trust),
		TEST(trust_at_r),
		TEST(verified_meanwhile),
		TEST(remembered_at_lock),
		TEST(no_longer),
		TEST(one_at_a_time),
		TEST(three_failures),
		TEST(failures_spread),
		TEST(what_counts),
		TEST(guard_full),
	};

	return cmocka_run_group_tests_name("e2ee trust", tests, NULL, NULL);
}
