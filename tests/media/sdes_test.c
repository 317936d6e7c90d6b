/* SPDX-License-Identifier: Apache-2.0 */
/* SDES keys: RFC 4568's examples, every suite, what is passed over and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "control/keying/hopkey.h"
#include "control/keying/sdes.h"
#include "control/keying/vault.h"

#define KEY30 "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

static enum sdes_result parse(const char *text, struct sdes_key *k,
			      const char **why)
{
	return sdes_parse(text, strlen(text), k, why);
}

/* RFC 4568 sections 4.1, 6.1, 7.1.1 and 9.2, without their "a=crypto:". */
static void examples_of_the_rfc(void **state)
{
	static const struct {
		const char *text;
		uint32_t tag;
		uint64_t packets;
		uint8_t mki_len, mki_last;
	} good[] = {
		{"1 AES_CM_128_HMAC_SHA1_80 "
		 "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32",
		 1, 1 << 20, 0, 0}, /* an MKI of 32 octets: see below */
		{"1 AES_CM_128_HMAC_SHA1_80 "
		 "inline:" KEY30 "|2^20|1:4",
		 1, 1 << 20, 4, 1},
		{"1 AES_CM_128_HMAC_SHA1_32 "
		 "inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:4",
		 1, 1 << 20, 4, 1},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1066:4", 1, 0, 4,
		 1066 & 255},
		{"999999999 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|12345",
		 999999999, 12345, 0, 0},
	};
	struct sdes_key k;
	const char *why;

	(void)state;
	assert_int_equal(parse(good[0].text, &k, &why), SDES_REFUSED);
	assert_non_null(strstr(why, "eight octets"));
	for (size_t i = 1; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(good[i].text, &k, &why), SDES_OK);
		assert_null(why);
		assert_int_equal(k.tag, good[i].tag);
		assert_int_equal(k.packets, good[i].packets);
		assert_int_equal(k.mki_len, good[i].mki_len);
		if (k.mki_len)
			assert_int_equal(k.mki[k.mki_len - 1],
					 good[i].mki_last);
	}
	/* the octets of the key, by an independent decoding of the text */
	assert_int_equal(parse("1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, &k,
			       &why),
			 SDES_OK);
	assert_memory_equal(k.key, "wDfvg&T+)xG7@fb5", 16);
	assert_memory_equal(k.salt, "jU,RaA}\\|p0%*#", 14);
}

/* Long, since nearly all of it is the table of cases. */
#define CM80 "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30

static const struct bad {
	const char *text;
	enum sdes_result result;
	const char *why;
} bads[] = {
	/* refused, or not known: passed over */
	{"1 NULL_HMAC_SHA1_80 inline:" KEY30, SDES_REFUSED, "NULL"},
	{"1 NULL_HMAC_SHA1_32 inline:" KEY30, SDES_REFUSED, "NULL"},
	{"1 F8_128_HMAC_SHA1_80 inline:" KEY30, SDES_REFUSED, "F8"},
	{"1 F8_128_HMAC_SHA1_32 inline:" KEY30, SDES_REFUSED, "F8"},
	{"1 AES_NEW inline:" KEY30, SDES_UNKNOWN, "unknown suite"},
	{"1 aes_cm_128_hmac_sha1_80 inline:" KEY30, SDES_UNKNOWN,
	 "unknown suite"},
	{CM80 ";inline:" KEY30, SDES_REFUSED, "several keys"},
	{CM80 " UNENCRYPTED_SRTP", SDES_REFUSED, "open"},
	{CM80 " UNENCRYPTED_SRTCP", SDES_REFUSED, "open"},
	{CM80 " UNAUTHENTICATED_SRTP", SDES_REFUSED, "forge"},
	{CM80 " KDR=1", SDES_REFUSED, "derivation rate"},
	{CM80 " WSH=64 KDR=25", SDES_REFUSED, "derivation rate"},
	{CM80 " FEC_ORDER=FEC_SRTP", SDES_REFUSED, "FEC"},
	{CM80 " FEC_KEY=inline:x", SDES_REFUSED, "FEC"},
	{CM80 " WHATEVER", SDES_REFUSED, "unknown session parameter"},
	/* and what is no a=crypto at all */
	{"", SDES_BAD, "not a tag"},
	{"1", SDES_BAD, "not a tag"},
	{"1 AES_CM_128_HMAC_SHA1_80", SDES_BAD, "not a tag"},
	{"x AES_CM_128_HMAC_SHA1_80 inline:" KEY30, SDES_BAD, "not a tag"},
	{"1000000000 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, SDES_BAD,
	 "not a tag"},
	{"1 AES_CM_128_HMAC_SHA1_80 " KEY30, SDES_BAD, "inline"},
	{"1 AES_CM_128_HMAC_SHA1_80 inline:", SDES_BAD, "length"},
	{"1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm", SDES_BAD, "length"},
	{CM80 "AAAA", SDES_BAD, "length"},
	{"1 AEAD_AES_128_GCM inline:" KEY30, SDES_BAD, "length"},
	{"1 AES_CM_128_HMAC_SHA1_80 "
	 "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1c_HAwJSoj",
	 SDES_BAD, "base64"},
	{CM80 "|", SDES_BAD, "lifetime"},
	{CM80 "|0", SDES_BAD, "lifetime"},
	{CM80 "|2^49", SDES_BAD, "lifetime"},
	{CM80 "|281474976710657", SDES_BAD, "lifetime"},
	{CM80 "|99999999999999999999999", SDES_BAD, "lifetime"},
	{CM80 "|1:0", SDES_BAD, "MKI"},
	{CM80 "|1:129", SDES_BAD, "MKI"},
	{CM80 "|256:1", SDES_BAD, "fit"},
	{CM80 "|:4", SDES_BAD, "fit"},
	{CM80 "|2^20|1:4|x", SDES_BAD, "more fields"},
};

static void passed_over_and_why(void **state)
{
	struct sdes_key k;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const struct bad *b = &bads[i];
		enum sdes_result r = parse(b->text, &k, &why);

		if (r != b->result || !why || !strstr(why, b->why))
			print_error("%s: %d, %s\n", b->text, r, why);
		assert_int_equal(r, b->result);
		assert_non_null(strstr(why, b->why));
		assert_true(sodium_is_zero((uint8_t *)&k, sizeof(k)));
	}
}

static void allowed_parameters(void **state)
{
	static const char *const good[] = {
		"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " KDR=0",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " WSH=128",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " -MAYBE=1 WSH=64",
		"1  AES_CM_128_HMAC_SHA1_80   inline:" KEY30 "  ",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30
		"|2^48|18446744073709551615:8",
	};
	struct sdes_key k;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(parse(good[i], &k, &why), SDES_OK);
	assert_int_equal(k.packets, 0); /* 2^48 is the default */
	assert_memory_equal(k.mki, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

/* What we make, printed and parsed again, in every suite; and the same text
 * with its padding taken off. */
static void there_and_back(void **state)
{
	static const uint16_t suites[] = {
#define X(sym, id, name, key, salt, tag, ctag) id,
		SP_SUITES(X)
#undef X
	};
	struct sdes_key a, b;
	char text[SDES_TEXT_MAX];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		int n, cut;

		assert_int_equal(sdes_generate(&a, suites[i], 7), 0);
		n = sdes_print(&a, text);
		assert_true(n > 0);
		assert_memory_equal(text, "crypto:7 ", 9);
		assert_int_equal(parse(text + 7, &b, &why), SDES_OK);
		assert_int_equal(b.tag, 7);
		assert_true(sdes_same(&a, &b));
		for (cut = n; text[cut - 1] == '='; cut--)
			;
		text[cut] = '\0';
		assert_int_equal(parse(text + 7, &b, &why), SDES_OK);
		assert_true(sdes_same(&a, &b));

		/* lifetime and MKI as well */
		a.packets = 1000000;
		a.mki_len = 8;
		memcpy(a.mki, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
		assert_true(sdes_print(&a, text) > 0);
		assert_int_equal(parse(text + 7, &b, &why), SDES_OK);
		assert_true(sdes_same(&a, &b));
		b.key[0] ^= 1;
		assert_false(sdes_same(&a, &b));
	}
	assert_int_equal(sdes_generate(&a, SP_SUITE_PLAIN, 1), -1);
	assert_int_equal(sdes_generate(&a, 0x7777, 1), -1);
	assert_int_equal(sdes_print(&a, text), -1);
}

static void two_keys_differ(void **state)
{
	struct sdes_key a, b;

	(void)state;
	sdes_generate(&a, SP_SUITE_AEAD_AES_256_GCM, 1);
	sdes_generate(&b, SP_SUITE_AEAD_AES_256_GCM, 1);
	assert_false(sdes_same(&a, &b));
	assert_false(sodium_is_zero(a.key + 24, 8));
}

static void vault_wipes(void **state)
{
	struct vault *v = vault_new(100);
	uint8_t *slot[2000];

	(void)state;
	assert_non_null(v);
	for (int i = 0; i < 2000; i++) {
		slot[i] = vault_take(v);
		assert_non_null(slot[i]);
		assert_int_equal((uintptr_t)slot[i] % 16, 0);
		assert_true(sodium_is_zero(slot[i], 100));
		memset(slot[i], 0xaa, 100);
	}
	for (int i = 0; i < 2000; i++)
		vault_give(v, slot[i]);
	/* but for the free list's pointer nothing is left */
	for (int i = 0; i < 2000; i++)
		assert_true(sodium_is_zero(slot[i] + sizeof(void *), 92));
	slot[0] = vault_take(v);
	assert_true(sodium_is_zero(slot[0], 100));
	vault_give(v, NULL);
	vault_free(v);
	assert_null(vault_new(0));
	assert_null(vault_new(5000));
}

static void hopkeys_are_counted(void **state)
{
	struct hopkey *k = hopkey_new(), *l = hopkey_ref(k), *m = hopkey_new();
	struct sp_key out;

	(void)state;
	assert_ptr_equal(k, l);
	assert_int_not_equal(k->id, 0);
	assert_int_not_equal(k->id, m->id);
	sdes_generate(&k->sdes, SP_SUITE_AES_CM_128_HMAC_SHA1_80, 1);
	hopkey_drop(&l);
	assert_null(l);
	hopkey_export(k, &out);
	assert_int_equal(out.id, k->id);
	assert_int_equal(out.suite, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_memory_equal(out.key, k->sdes.key, SP_KEY_MAX);
	hopkey_drop(&k);
	hopkey_drop(&k); /* NULL is no key */
	hopkey_export(NULL, &out);
	assert_true(sodium_is_zero((uint8_t *)&out, sizeof(out)));
	hopkey_drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(passed_over_and_why),
		cmocka_unit_test(allowed_parameters),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(two_keys_differ),
		cmocka_unit_test(vault_wipes),
		cmocka_unit_test(hopkeys_are_counted),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("sdes", tests, NULL, NULL);
}
