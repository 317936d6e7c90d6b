/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_handshake_test.c - what every message must prove: a lie in
 * one place, everything else right, and the reason it has to fail with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include "tests/e2ee/forger.h"
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

/* ---- the identity block and what proves it: both sides the same ---- */

static void honest(struct forger *f)
{
	(void)f;
}

static void commit_r(struct forger *f)
{
	f->commit_r = true;
}

static void commit_x(struct forger *f)
{
	f->commit_x = true;
}

static void commit_idb(struct forger *f)
{
	f->commit_idb = true;
}

static void sig_flip(struct forger *f)
{
	f->sig_flip = true;
}

static void sig_side(struct forger *f)
{
	f->sig_other_side = true;
}

static void sig_th(struct forger *f)
{
	f->sig_other_th = true;
}

static void sig_key(struct forger *f)
{
	f->sig_other_key = true;
}

static void key_low_order(struct forger *f)
{
	memset(f->key, 0, 32);
	f->key[0] = 1; /* the neutral element */
}

static void key_own(struct forger *f)
{
	/* the honest side's key, as pair.c makes it */
	uint8_t seed[32] = {f->side == E2EE_I ? 2 : 1};

	identity_free(f->id);
	f->id = identity_from_seed(seed);
	memcpy(f->key, identity_key(f->id), 32);
}

static void aad_flip(struct forger *f)
{
	f->aad_flip = true;
}

static void k_other(struct forger *f)
{
	f->k_other = true;
}

static void own_other(struct forger *f)
{
	forger_own(f, "sip:mallory@hq.example");
}

static void peer_other(struct forger *f)
{
	forger_peer(f, "sip:mallory@hq.example");
}

static void own_grammar(struct forger *f)
{
	f->own[4] = 'B';
}

static void peer_grammar(struct forger *f)
{
	f->peer[3] = ';';
}

static void own_nul(struct forger *f)
{
	f->own[f->own_len++] = 0;
}

static void own_empty(struct forger *f)
{
	f->own_len = 0;
}

static void idb_extra(struct forger *f)
{
	f->idb_extra = 1;
}

static void idb_cut(struct forger *f)
{
	f->idb_cut = 1;
}

static void sealed_extra(struct forger *f)
{
	f->sealed_extra = 1;
}

static void sealed_cut(struct forger *f)
{
	f->sealed_cut = 1;
}

static void sealed_nothing(struct forger *f)
{
	f->sealed_cut = 4096;
}

#define LIST(name, ...)                                      \
	static void name(struct forger *f)                   \
	{                                                    \
		static const uint8_t list[] = {__VA_ARGS__}; \
		f->list_len = sizeof(list);                  \
		memcpy(f->list, list, sizeof(list));         \
	}
LIST(list_no_audio, 1, 0, 5, 0)
LIST(list_descending, 0, 0, 5, 0, 2, 0, 5, 0, 1, 0, 5, 0)
LIST(list_twice, 0, 0, 5, 0, 0, 0, 5, 0)
LIST(list_kind_3, 0, 0, 5, 0, 3, 0, 5, 0)
LIST(list_tag_64, 0, 0, 2, 0)
LIST(list_tag_32, 0, 0, 3, 0)
LIST(list_suite_0, 0, 0, 0, 0)
LIST(list_video_0, 0, 0, 5, 0, 1, 0, 0, 0)
LIST(list_suite_6, 0, 0, 6, 0)
LIST(list_mode_1, 0, 0, 5, 1)
LIST(list_cut, 0, 0, 5, 0, 1, 0, 5)

static void list_empty(struct forger *f)
{
	f->list_len = 0;
}

static const struct lie {
	const char *name;
	void (*tell)(struct forger *f);
	enum e2ee_reason why;
} lies[] = {
	{"honest", honest, E2EE_R_NONE},
	{"commitment to another r", commit_r, E2EE_R_COMMITMENT},
	{"commitment to another X", commit_x, E2EE_R_COMMITMENT},
	{"commitment to another identity", commit_idb, E2EE_R_COMMITMENT},
	{"signature with a bit changed", sig_flip, E2EE_R_SIGNATURE},
	{"signature with the other side's label", sig_side, E2EE_R_SIGNATURE},
	{"signature over another transcript", sig_th, E2EE_R_SIGNATURE},
	{"signature by another key", sig_key, E2EE_R_SIGNATURE},
	{"identity key of low order", key_low_order, E2EE_R_SIGNATURE},
	{"the honest side's own identity", key_own, E2EE_R_OWN_IDENTITY},
	{"other associated data", aad_flip, E2EE_R_AEAD},
	{"the other message's key", k_other, E2EE_R_AEAD},
	{"another own AOR", own_other, E2EE_R_OWN_AOR},
	{"another peer's AOR", peer_other, E2EE_R_PEER_AOR},
	{"own AOR with a capital", own_grammar, E2EE_R_AOR},
	{"peer's AOR without a colon", peer_grammar, E2EE_R_AOR},
	{"own AOR with a NUL behind it", own_nul, E2EE_R_AOR},
	{"no own AOR", own_empty, E2EE_R_AOR},
	{"identity block with a trailing octet", idb_extra, E2EE_R_TRAILING},
	{"identity block cut short", idb_cut, E2EE_R_MALFORMED},
	{"trailing octet behind the signature", sealed_extra, E2EE_R_TRAILING},
	{"signature cut short", sealed_cut, E2EE_R_MALFORMED},
	{"nothing sealed", sealed_nothing, E2EE_R_MALFORMED},
	{"empty media list", list_empty, E2EE_R_MEDIA_LIST},
	{"media list without audio", list_no_audio, E2EE_R_MEDIA_LIST},
	{"media list that descends", list_descending, E2EE_R_MEDIA_LIST},
	{"media list with a kind twice", list_twice, E2EE_R_MEDIA_LIST},
	{"media list with kind 3", list_kind_3, E2EE_R_MEDIA_LIST},
	{"media list with a 64-bit tag", list_tag_64, E2EE_R_MEDIA_LIST},
	{"media list with a 32-bit tag", list_tag_32, E2EE_R_MEDIA_LIST},
	{"media list with suite 0", list_suite_0, E2EE_R_MEDIA_LIST},
	{"media list with suite 0 for video", list_video_0, E2EE_R_MEDIA_LIST},
	{"media list with suite 6", list_suite_6, E2EE_R_MEDIA_LIST},
	{"media list with mode 1", list_mode_1, E2EE_R_MEDIA_LIST},
	{"media list cut short", list_cut, E2EE_R_MEDIA_LIST},
};

#define N_LIES (sizeof(lies) / sizeof(lies[0]))

/* The forger calls an honest R. @return what R said to M3. */
static struct e2ee_result call_r(struct forger *f)
{
	assert_true(pair_start(&p));
	forger_hello(f);
	memcpy(p.msg[1], f->m1, f->m1_len);
	p.len[1] = f->m1_len;
	assert_int_equal(pair_deliver(&p, 1).act, E2EE_WAIT);
	memcpy(f->m2, p.msg[2], p.len[2]);
	f->m2_len = p.len[2];
	p.len[3] = forger_m3(f, p.msg[3]);
	return pair_deliver(&p, 3);
}

/* An honest I calls the forger. @return what I said to M4. */
static struct e2ee_result call_i(struct forger *f)
{
	assert_true(pair_start(&p));
	assert_true(pair_upto(&p, 1));
	memcpy(f->m1, p.msg[1], p.len[1]);
	f->m1_len = p.len[1];
	forger_hello(f);
	memcpy(p.msg[2], f->m2, f->m2_len);
	p.len[2] = f->m2_len;
	assert_int_equal(pair_deliver(&p, 2).act, E2EE_SEND);
	p.len[4] = forger_m4(f, p.msg[3], p.len[3], p.msg[4]);
	assert_int_not_equal(p.len[4], 0);
	return pair_deliver(&p, 4);
}

static void no_guards(void)
{
	p.config[PAIR_I].guard = p.config[PAIR_R].guard = NULL;
}

static void lies_to_r(void **state)
{
	(void)state;
	no_guards();
	for (size_t i = 0; i < N_LIES; i++) {
		struct e2ee_result r;
		struct forger f;

		forger_init(&f, E2EE_I, i);
		lies[i].tell(&f);
		r = call_r(&f);
		if (lies[i].why) {
			assert_ended(r, lies[i].why, lies[i].name);
			assert_dead(p.side[PAIR_R]);
			assert_null(e2ee_peer_aor(p.side[PAIR_R]));
		} else {
			assert_int_equal(r.act, E2EE_SEND);
			p.len[5] = forger_m5(&f, r.msg, r.len, p.msg[5]);
			assert_int_equal(pair_deliver(&p, 5).act, E2EE_LOCK);
		}
		forger_free(&f);
	}
}

static void lies_to_i(void **state)
{
	(void)state;
	no_guards();
	for (size_t i = 0; i < N_LIES; i++) {
		struct e2ee_result r;
		struct forger f;

		forger_init(&f, E2EE_R, i);
		lies[i].tell(&f);
		r = call_i(&f);
		if (lies[i].why) {
			assert_ended(r, lies[i].why, lies[i].name);
			assert_dead(p.side[PAIR_I]);
		} else {
			assert_int_equal(r.act, E2EE_SEND);
			assert_int_equal(r.len, 17);
		}
		forger_free(&f);
	}
}

/* ---- points of low order ---- */

static void low_order(void **state)
{
	/* All of them, with the other encodings of each: RFC 7748 section 7,
	 * and what is 0, 1 or -1 modulo p, with the unused bit set or not. */
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t x[32];

	(void)state;
	no_guards();
	for (size_t i = 0; i < 2 * sizeof(points) / sizeof(points[0]); i++) {
		struct forger f;

		sodium_hex2bin(x, 32, points[i / 2], 64, NULL, NULL, NULL);
		x[31] |= i % 2 ? 0x80 : 0;
		assert_true(pair_start(&p)); /* as X_R */
		assert_true(pair_upto(&p, 2));
		memcpy(p.msg[2] + 5, x, 32);
		assert_ended(pair_deliver(&p, 2), E2EE_R_LOW_ORDER,
			     points[i / 2]);
		assert_dead(p.side[PAIR_I]);

		forger_init(&f, E2EE_I, i); /* as X_I, committed to */
		memcpy(f.x, x, 32);
		assert_ended(call_r(&f), E2EE_R_LOW_ORDER, points[i / 2]);
		assert_dead(p.side[PAIR_R]);
		forger_free(&f);
	}
}

/* ---- AEAD: no octet of a sealed part can change ---- */

static void sealed_octets(void **state)
{
	static const size_t from[] = {[3] = 65, [4] = 1, [5] = 1};

	(void)state;
	no_guards();
	for (int m = 3; m <= 5; m++) {
		size_t whole = from[m] + 1;

		for (size_t at = from[m]; at < whole; at++) {
			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, m));
			whole = p.len[m];
			p.msg[m][at] ^= (uint8_t)(1 << at % 8);
			assert_ended(pair_deliver(&p, m), E2EE_R_AEAD, "octet");
		}
	}
}

/* Whatever somebody on the path changes in whatever message, at the latest the
 * side that gets a later one notices. */
static void any_octet(void **state)
{
	(void)state;
	no_guards();
	for (int m = 1; m <= 5; m++) {
		size_t whole = 1;

		for (size_t at = 0; at < whole; at++) {
			bool both = true;

			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, m));
			whole = p.len[m];
			p.msg[m][at] ^= (uint8_t)(1 << at % 8);
			for (int k = m; k <= 5 && both; k++) {
				enum e2ee_act a = pair_deliver(&p, k).act;

				both = a != E2EE_END && a != E2EE_REFUSE;
			}
			if (both)
				fail_msg("M%d octet %zu may change", m, at);
		}
	}
}

/* ---- somebody in the middle ---- */

/* Mallory answers Alice as Bob and calls Bob as Alice, by the book. Both calls
 * get their locks, and nobody gets the same digits. */
static void middle(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 50; n++) {
		struct pair left, right;
		uint8_t seed[32] = {99};

		pair_init(&left, 1000 + n);
		pair_init(&right, 2000 + n);
		identity_free(left.id[PAIR_R]);
		identity_free(right.id[PAIR_I]);
		left.id[PAIR_R] = identity_from_seed(seed);
		right.id[PAIR_I] = identity_from_seed(seed);
		left.config[PAIR_R].identity = left.id[PAIR_R];
		right.config[PAIR_I].identity = right.id[PAIR_I];
		assert_true(pair_lock(&left));
		assert_true(pair_lock(&right));
		assert_string_equal(e2ee_code(left.side[PAIR_I]),
				    e2ee_code(left.side[PAIR_R]));
		assert_string_not_equal(e2ee_code(left.side[PAIR_I]),
					e2ee_code(right.side[PAIR_R]));
		pair_free(&left);
		pair_free(&right);
	}
}

/* ---- the code's digits ---- */

static void code_rejection(void **state)
{
	uint8_t block[64];
	char code[E2EE_CODE] = "";
	unsigned have;

	(void)state;
	memset(block, 0xff, sizeof(block)); /* all words are left out */
	assert_int_equal(e2ee_code_block(code, 0, block), 0);
	e2ee_put64(block + 0, UINT64_C(18446744073709500000)); /* the first */
	e2ee_put64(block + 8, UINT64_C(18446744073709499999)); /* the last */
	e2ee_put64(block + 16, 7);
	have = e2ee_code_block(code, 0, block);
	assert_int_equal(have, 2);
	e2ee_put64(block + 56, 123456789012345);
	have = e2ee_code_block(code, have, block + 0);
	assert_int_equal(have, 4);
	assert_string_equal(code, "99999 00007 99999 00007");
	/* the second block goes on where the first ended */
	memset(block, 0xff, sizeof(block));
	e2ee_put64(block + 56, 42);
	have = e2ee_code_block(code, 0, block);
	have = e2ee_code_block(code, have, block);
	e2ee_put64(block, 100000);
	have = e2ee_code_block(code, have, block);
	assert_int_equal(have, 4);
	assert_string_equal(code, "00042 00042 00000 00042");
}

/* Chi-squared of each digit place over 20,000 codes: 9 degrees of freedom,
 * 33.7 is exceeded once in 10,000. The seed is fixed. */
static void code_uniform(void **state)
{
	static unsigned count[E2EE_CODE][10];
	const unsigned n = 20000;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		uint8_t prk[E2EE_PRK], th3[E2EE_TH] = {0}, seed[32] = {0};
		char code[E2EE_CODE];

		memcpy(seed, &i, sizeof(i));
		randombytes_buf_deterministic(prk, sizeof(prk), seed);
		e2ee_code_make(code, prk, th3);
		for (unsigned d = 0; d < 23; d++)
			if (code[d] != ' ')
				count[d][code[d] - '0']++;
			else
				assert_int_equal(d % 6, 5);
	}
	for (unsigned d = 0; d < 23; d++) {
		double chi = 0, e = n / 10.0;

		if (d % 6 == 5)
			continue;
		for (unsigned k = 0; k < 10; k++)
			chi += (count[d][k] - e) * (count[d][k] - e) / e;
		assert_true(chi < 33.7);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lies_to_r),      TEST(lies_to_i),	  TEST(low_order),
		TEST(sealed_octets),  TEST(any_octet),	  TEST(middle),
		TEST(code_rejection), TEST(code_uniform),
	};

	return cmocka_run_group_tests_name("e2ee handshake", tests, NULL, NULL);
}
