/* SPDX-License-Identifier: Apache-2.0 */
/* Digest as a client: the vectors of RFC 2617 and 7616, challenges as servers
 * write them, and answers checked by the server's own side (sip/digest). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "control/sip/digest.h"
#include "control/trunk/challenge.h"

static void vectors(void **state)
{
	static const struct {
		struct challenge_answer a;
		const char *response;
	} cases[] = {
		/* RFC 2617 section 3.5 */
		{{CHALLENGE_MD5, "Mufasa", "testrealm@host.com",
		  "Circle Of Life", "GET", "/dir/index.html",
		  "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "00000001"},
		 "6629fae49393a05397450978507c4ef1"},
		/* the same in RFC 2069's form, by Python's hashlib */
		{{CHALLENGE_MD5, "Mufasa", "testrealm@host.com",
		  "Circle Of Life", "GET", "/dir/index.html",
		  "dcd98b7102dd2f0e8b11d0f600bfb0c093", NULL, NULL},
		 "670fd8c2df070c60b045671b8b24ff02"},
		/* RFC 7616 section 3.9.1 */
		{{CHALLENGE_MD5, "Mufasa", "http-auth@example.org",
		  "Circle of Life", "GET", "/dir/index.html",
		  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "00000001"},
		 "8ca523f5e9506fed4657c9700eebdbec"},
		{{CHALLENGE_SHA256, "Mufasa", "http-auth@example.org",
		  "Circle of Life", "GET", "/dir/index.html",
		  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "00000001"},
		 "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb"
		 "6c1"},
	};
	char hex[CHALLENGE_HASH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(challenge_response(hex, &cases[i].a));
		assert_string_equal(hex, cases[i].response);
	}
}

static void challenges(void **state)
{
	static const struct {
		const char *value;
		bool good, qop, stale;
		enum challenge_algorithm algorithm;
	} cases[] = {
		{"Digest realm=\"a\", nonce=\"n\"", true, false, false,
		 CHALLENGE_MD5},
		{"digest  realm=\"a b\",nonce=\"n\",qop=\"auth\"", true, true,
		 false, CHALLENGE_MD5},
		{"Digest realm=\"a\", nonce=\"n\", qop=\"auth-int, auth\", "
		 "algorithm=SHA-256, stale=TRUE, opaque=\"\"",
		 true, true, true, CHALLENGE_SHA256},
		{"Digest realm=\"a\", nonce=\"n\", qop=auth, "
		 "algorithm=md5-sess",
		 true, true, false, CHALLENGE_MD5_SESS},
		{"Digest realm=\"a\\\"b\", nonce=\"n\", domain=\"sip:x\"", true,
		 false, false, CHALLENGE_MD5},
		{"Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\"", false,
		 false, false, 0},
		{"Digest realm=\"a\", nonce=\"n\", algorithm=SHA-512-256",
		 false, false, false, 0},
		{"Digest realm=\"a\", nonce=\"n\", algorithm=MD5-sess", false,
		 false, false, 0},
		{"Digest realm=\"a\", nonce=\"n\", nonce=\"m\"", false, false,
		 false, 0},
		{"Digest realm=\"a\"", false, false, false, 0},
		{"Digest nonce=\"a\"", false, false, false, 0},
		{"Digest realm=\"a\r\nX: y\", nonce=\"n\"", false, false, false,
		 0},
		{"Basic realm=\"a\", nonce=\"n\"", false, false, false, 0},
		{"Digest", false, false, false, 0},
		{"", false, false, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct challenge c = {.count = 7};

		print_message("%s\n", cases[i].value);
		assert_int_equal(challenge_read(&c, cases[i].value,
						strlen(cases[i].value), true),
				 cases[i].good);
		if (!cases[i].good) {
			assert_int_equal(c.count, 7); /* as it was */
			continue;
		}
		assert_int_equal(c.count, 0);
		assert_true(c.proxy);
		assert_int_equal(c.qop, cases[i].qop);
		assert_int_equal(c.stale, cases[i].stale);
		assert_int_equal(c.algorithm, cases[i].algorithm);
	}
}

static void long_ones(void **state)
{
	char value[2 * CHALLENGE_TEXT_MAX];
	struct challenge c = {.set = false};

	(void)state;
	memset(value, 'n', sizeof(value));
	memcpy(value, "Digest realm=\"a\", nonce=\"", 25);
	value[sizeof(value) - 1] = '"';
	assert_false(challenge_read(&c, value, sizeof(value), false));
	assert_false(c.set);
}

/* What one side of this program writes, the other checks. */
static void against_our_server(void **state)
{
	char hex[CHALLENGE_HASH_MAX + 1];
	struct mbuf *mb = mbuf_alloc(600);
	struct pl method, value;
	struct digest_response r;
	struct challenge c;
	struct digest *d;

	(void)state;
	assert_true(challenge_ha1(hex, CHALLENGE_MD5, "alice", "sip.test",
				  "secret"));
	assert_int_equal(digest_alloc(&d, "sip.test", 300), 0);
	assert_int_equal(digest_challenge(d, mb, 1000, false, NULL), 0);
	assert_true(challenge_read(&c, (char *)mb->buf, mb->end, true));
	pl_set_str(&method, "INVITE");
	for (unsigned use = 1; use <= 3; use++) {
		const char *name = "Proxy-Authorization: ";

		mbuf_reset(mb);
		mbuf_init(mb);
		assert_int_equal(challenge_print(&c, mb, "alice", "secret",
						 "INVITE", "sip:b@sip.test"),
				 0);
		assert_memory_equal(mb->buf, name, strlen(name));
		value.p = (char *)mb->buf + strlen(name);
		value.l = mb->end - strlen(name) - 2;
		assert_true(digest_parse(&r, &value));
		assert_int_equal(c.count, use);
		assert_int_equal(digest_check(d, &r, &method, hex, 1001),
				 DIGEST_OK);
		/* once only */
		assert_int_equal(digest_check(d, &r, &method, hex, 1001),
				 DIGEST_STALE);
	}
	mbuf_reset(mb);
	mbuf_init(mb);
	challenge_print(&c, mb, "alice", "wrong", "INVITE", "sip:b@sip.test");
	value.p = (char *)mb->buf + 21;
	value.l = mb->end - 23;
	assert_true(digest_parse(&r, &value));
	assert_int_equal(digest_check(d, &r, &method, hex, 1001), DIGEST_WRONG);
	mem_deref(mb);
	mem_deref(d);
}

/* Is another try worth it? */
static void tries(void **state)
{
	struct challenge was = {.set = true, .realm = "a", .nonce = "1"};
	struct challenge now = was;

	(void)state;
	assert_false(challenge_is_new(&was, &now));
	strcpy(now.nonce, "2"); /* a new nonce alone doesn't mend a password */
	assert_false(challenge_is_new(&was, &now));
	now.stale = true;
	assert_true(challenge_is_new(&was, &now));
	now.stale = false;
	strcpy(now.realm, "b");
	assert_true(challenge_is_new(&was, &now));
	was.set = false;
	assert_true(challenge_is_new(&was, &now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(challenges),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(against_our_server),
		cmocka_unit_test(tries),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
