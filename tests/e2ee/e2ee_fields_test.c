/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_fields_test.c - M1 and M2 field by field, every length of
 * every message, the grammar of AORs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
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

/* ---- M1 and M2, field by field ---- */

struct edit {
	const char *name;
	size_t at; /* octet that changes */
	uint8_t to;
	enum e2ee_reason why;
};

static void m1_fields(void **state)
{
	static const struct edit edits[] = {
		{"type 2", 0, 2, E2EE_R_SIDE},
		{"type 0", 0, 0, E2EE_R_MALFORMED},
		{"type 6", 0, 6, E2EE_R_MALFORMED},
		{"type 3", 0, 3, E2EE_R_ORDER},
		{"version 0", 1, 0, E2EE_R_VERSION},
		{"version 2", 1, 2, E2EE_R_VERSION},
		{"unknown suite", 5, 9, E2EE_R_SUITE},
		{"reserved suite 2 alone", 5, 2, E2EE_R_SUITE},
		{"suite list longer than there is", 2, 1, E2EE_R_MALFORMED},
		{"flag 1", 6, 2, E2EE_R_FLAGS},
		{"flag 7", 6, 0x81, E2EE_R_FLAGS},
		{"KEM key of a length that isn't there", 72, 1,
		 E2EE_R_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct e2ee_result r;

		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, 1));
		p.msg[1][edits[i].at] = edits[i].to;
		r = pair_deliver(&p, 1);
		if (r.act != E2EE_REFUSE || r.reason != edits[i].why)
			fail_msg("M1 with %s: act %d, %s", edits[i].name, r.act,
				 e2ee_reason_name(r.reason));
		assert_dead(p.side[PAIR_R]);
	}
}

/* An M1 with this suite list and KEM key. */
static void m1_with(const uint8_t *suites, size_t suites_len, size_t kem)
{
	uint8_t *o = p.msg[1];

	memset(o, 0, E2EE_MSG_MAX);
	*o++ = 1;
	*o++ = 1;
	e2ee_put16(o, (uint16_t)suites_len);
	memcpy(o + 2, suites, suites_len);
	o += 2 + suites_len + 1 + 64;
	e2ee_put16(o, (uint16_t)kem);
	p.len[1] = (size_t)(o + 2 + kem - p.msg[1]);
}

static void m1_suites(void **state)
{
	static const struct {
		const char *name;
		uint8_t list[8];
		size_t n, kem;
		enum e2ee_act act;
		enum e2ee_reason why;
	} cases[] = {
		{"empty", {0}, 0, 0, E2EE_REFUSE, E2EE_R_MALFORMED},
		{"odd", {0, 1, 0}, 3, 0, E2EE_REFUSE, E2EE_R_MALFORMED},
		{"one octet", {1}, 1, 0, E2EE_REFUSE, E2EE_R_MALFORMED},
		{"1", {0, 1}, 2, 0, E2EE_WAIT, E2EE_R_NONE},
		{"1 with a KEM key", {0, 1}, 2, 4, E2EE_REFUSE, E2EE_R_KEM},
		{"2, 1 with a KEM key",
		 {0, 2, 0, 1},
		 4,
		 1184,
		 E2EE_WAIT,
		 E2EE_R_NONE},
		{"unknown, 1", {9, 9, 0, 1}, 4, 0, E2EE_WAIT, E2EE_R_NONE},
		{"1, unknown",
		 {0, 1, 0xff, 0xff},
		 4,
		 0,
		 E2EE_WAIT,
		 E2EE_R_NONE},
		{"unknown only", {9, 9, 0, 2}, 4, 0, E2EE_REFUSE, E2EE_R_SUITE},
		{"octets swapped", {1, 0}, 2, 0, E2EE_REFUSE, E2EE_R_SUITE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct e2ee_result r;

		assert_true(pair_start(&p));
		m1_with(cases[i].list, cases[i].n, cases[i].kem);
		r = pair_deliver(&p, 1);
		if (r.act != cases[i].act || r.reason != cases[i].why)
			fail_msg("suites %s: act %d, %s", cases[i].name, r.act,
				 e2ee_reason_name(r.reason));
		if (r.act == E2EE_WAIT)
			assert_int_equal(p.msg[2][3], 1); /* R picks suite 1 */
	}
}

static void m2_fields(void **state)
{
	static const struct edit edits[] = {
		{"type 1", 0, 1, E2EE_R_SIDE},
		{"type 4", 0, 4, E2EE_R_ORDER},
		{"type 7", 0, 7, E2EE_R_MALFORMED},
		{"version 2", 1, 2, E2EE_R_VERSION},
		{"suite 2, not offered", 3, 2, E2EE_R_SUITE},
		{"suite 0x0101", 2, 1, E2EE_R_SUITE},
		{"flag 1", 4, 3, E2EE_R_FLAGS},
		{"KEM ciphertext that isn't there", 102, 1, E2EE_R_MALFORMED},
	};

	(void)state;
	no_guards();
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, 2));
		p.msg[2][edits[i].at] = edits[i].to;
		assert_ended(pair_deliver(&p, 2), edits[i].why, edits[i].name);
		assert_dead(p.side[PAIR_I]);
	}
	/* a KEM ciphertext that is */
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 2));
	assert_int_equal(p.len[1], E2EE_M1_OWN);
	assert_int_equal(p.len[2], E2EE_M2_OWN);
	p.msg[2][102] = 1;
	p.len[2]++;
	assert_ended(pair_deliver(&p, 2), E2EE_R_KEM, "KEM ciphertext");
}

/* Each message cut to every shorter length, and with one octet more. */
static void sizes(void **state)
{
	static const enum e2ee_reason longer[] = {
		[1] = E2EE_R_TRAILING, [2] = E2EE_R_TRAILING, [3] = E2EE_R_AEAD,
		[4] = E2EE_R_AEAD,     [5] = E2EE_R_TRAILING,
	};

	(void)state;
	no_guards();
	for (int m = 1; m <= 5; m++) {
		struct e2ee_result r;
		size_t whole = 1;

		for (size_t n = 0; n < whole; n++) {
			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, m));
			whole = p.len[m];
			p.len[m] = n;
			r = pair_deliver(&p, m);
			if (n == 0 && m <= 2) { /* no attribute at all */
				assert_int_equal(r.act, E2EE_ORDINARY);
				continue;
			}
			assert_true(r.act == E2EE_END || r.act == E2EE_REFUSE);
			assert_dead(pair_to(&p, m));
		}
		assert_true(pair_start(&p));
		assert_true(pair_upto(&p, m));
		p.msg[m][p.len[m]++] = 0;
		r = pair_deliver(&p, m);
		assert_int_equal(r.reason, longer[m]);
	}
}

static void too_large(void **state)
{
	uint8_t large[E2EE_MSG_MAX + 1] = {3};
	struct e2ee_result r;

	(void)state;
	no_guards();
	assert_true(pair_upto(&p, 3));
	r = e2ee_feed(p.side[PAIR_R], large, sizeof(large), p.now);
	assert_ended(r, E2EE_R_SIZE, "4,097 octets");
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 3));
	memcpy(large, p.msg[3], p.len[3]);
	r = e2ee_feed(p.side[PAIR_R], large, sizeof(large) - 1, p.now);
	assert_ended(r, E2EE_R_AEAD, "4,096 octets");
}

/* ---- AORs ---- */

static void aors(void **state)
{
	static const struct {
		const char *aor;
		bool ok;
	} cases[] = {
		{"sip:a@b", true},
		{"sip:room-3@branch.example", true},
		{"sip:a.b_c+d-e@x-y.z", true},
		{"sip:0@0", true},
		{"", false},
		{"sip:", false},
		{"sip:@b", false},
		{"sip:a@", false},
		{"sip:a", false},
		{"SIP:a@b", false},
		{"sips:a@b", false},
		{"tel:a@b", false},
		{"a@b", false},
		{"sip:A@b", false},
		{"sip:a@B", false},
		{"sip:a@b:5060", false},
		{"sip:a@b;transport=tcp", false},
		{"sip:a@b@c", false},
		{"sip:a b@c", false},
		{"sip:a%20@b", false},
		{"sip:a@b_c", false},
		{"sip:a@b+c", false},
		{"sip:a@[::1]", false},
		{" sip:a@b", false},
		{"sip:a@b ", false},
		{"sip:a@b\n", false},
		{"sip:\xc3\xa4@b", false},
		{"<sip:a@b>", false},
	};
	char aor[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (e2ee_aor_valid(cases[i].aor, strlen(cases[i].aor)) !=
		    cases[i].ok)
			fail_msg("%s", cases[i].aor);
	for (size_t user = 63; user <= 65; user++)
		for (size_t host = 189; host <= 191; host++) {
			memcpy(aor, "sip:", 4);
			memset(aor + 4, 'u', user);
			aor[4 + user] = '@';
			memset(aor + 5 + user, 'h', host);
			assert_int_equal(e2ee_aor_valid(aor, 5 + user + host),
					 user <= 64 && host <= 190);
		}
	assert_false(e2ee_aor_valid("sip:a\0@b", 8));
}

/* The longest identity blocks there are still go through. */
static void longest(void **state)
{
	char own[E2EE_AOR_MAX + 1], peer[E2EE_AOR_MAX + 1];

	(void)state;
	memset(own, 'a', sizeof(own));
	memcpy(own, "sip:", 4);
	own[68] = '@';
	own[E2EE_AOR_MAX] = 0;
	memcpy(peer, own, sizeof(own));
	peer[4] = 'b';
	p.config[PAIR_I].own_aor = p.config[PAIR_R].peer_aor = own;
	p.config[PAIR_R].own_aor = p.config[PAIR_I].peer_aor = peer;
	assert_true(pair_lock(&p));
	assert_string_equal(e2ee_peer_aor(p.side[PAIR_R]), own);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(m1_fields), TEST(m1_suites), TEST(m2_fields), TEST(sizes),
		TEST(too_large), TEST(aors),	  TEST(longest),
	};

	return cmocka_run_group_tests_name("e2ee fields", tests, NULL, NULL);
}
