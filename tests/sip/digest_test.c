/* SPDX-License-Identifier: Apache-2.0 */
/* Digest: RFC 2617's own example of the arithmetic, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include "control/sip/digest.h"

#define NOW	 1700000000
#define LIFETIME 300
#define HA1	 "939e7578ed9e3c518a452acee763bce9" /* Mufasa, Circle Of Life */

static const struct pl invite = PL("INVITE");

static struct digest *make(void)
{
	struct digest *d;

	assert_int_equal(digest_alloc(&d, "sip.test", LIFETIME), 0);
	return d;
}

static void md5_hex(char hex[33], const char *text)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n;

	EVP_Digest(text, strlen(text), md, &n, EVP_md5(), NULL);
	for (unsigned i = 0; i < 16; i++)
		sprintf(hex + 2 * i, "%02x", md[i]);
}

static void nonce_of(struct digest *d, char nonce[DIGEST_NONCE_LEN + 1],
		     int64_t now)
{
	struct mbuf *mb = mbuf_alloc(256);
	const char *p;

	assert_int_equal(digest_challenge(d, mb, now, false, NULL), 0);
	mbuf_write_u8(mb, 0);
	p = strstr((char *)mb->buf, "nonce=\"");
	assert_non_null(p);
	snprintf(nonce, DIGEST_NONCE_LEN + 1, "%s", p + 7);
	mem_deref(mb);
}

/* What a phone that knows ha1 would send. qop NULL: as RFC 2069 had it. */
static void respond(char *out, size_t size, const char *ha1, const char *nonce,
		    const char *qop, const char *nc)
{
	char ha2[33], response[33], text[256], tail[64] = "";

	md5_hex(ha2, "INVITE:sip:bob@sip.test");
	if (qop)
		snprintf(text, sizeof(text), "%s:%s:%s:c0:%s:%s", ha1, nonce,
			 nc, qop, ha2);
	else
		snprintf(text, sizeof(text), "%s:%s:%s", ha1, nonce, ha2);
	md5_hex(response, text);
	if (qop)
		snprintf(tail, sizeof(tail), ", qop=%s, nc=%s, cnonce=\"c0\"",
			 qop, nc);
	snprintf(out, size,
		 "Digest username=\"alice\", realm=\"sip.test\", nonce=\"%s\", "
		 "uri=\"sip:bob@sip.test\", response=\"%s\"%s",
		 nonce, response, tail);
}

static enum digest_verdict check(struct digest *d, const char *text,
				 const char *ha1, int64_t now)
{
	struct digest_response r;
	struct pl pl;

	pl_set_str(&pl, text);
	assert_true(digest_parse(&r, &pl));
	return digest_check(d, &r, &invite, ha1, now);
}

/* The vector can't be checked through our own nonces, so through the same
 * arithmetic that `respond` does. RFC 2617 section 3.5. */
static void example(void **state)
{
	char ha1[33], ha2[33], response[33], text[256];

	(void)state;
	md5_hex(ha1, "Mufasa:testrealm@host.com:Circle Of Life");
	assert_string_equal(ha1, HA1);
	md5_hex(ha2, "GET:/dir/index.html");
	snprintf(text, sizeof(text),
		 "%s:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:"
		 "auth:%s",
		 ha1, ha2);
	md5_hex(response, text);
	assert_string_equal(response, "6629fae49393a05397450978507c4ef1");
}

static void verdicts(void **state)
{
	static const struct {
		const char *what, *ha1, *ours, *qop, *nc;
		int late;
		enum digest_verdict verdict;
	} cases[] = {
		{"right", HA1, HA1, "auth", "00000001", 0, DIGEST_OK},
		{"right, without qop", HA1, HA1, NULL, "", 0, DIGEST_OK},
		{"just in time", HA1, HA1, "auth", "00000001", LIFETIME,
		 DIGEST_OK},
		{"late", HA1, HA1, "auth", "00000001", LIFETIME + 1,
		 DIGEST_STALE},
		{"wrong password", "00000000000000000000000000000000", HA1,
		 "auth", "00000001", 0, DIGEST_WRONG},
		{"wrong and late", "00000000000000000000000000000000", HA1,
		 "auth", "00000001", LIFETIME + 1, DIGEST_WRONG},
		{"no such user", HA1, NULL, "auth", "00000001", 0,
		 DIGEST_WRONG},
		{"no count", HA1, HA1, "auth", "", 0, DIGEST_WRONG},
		{"count 0", HA1, HA1, "auth", "00000000", 0, DIGEST_WRONG},
		{"short count", HA1, HA1, "auth", "1", 0, DIGEST_WRONG},
		{"another qop", HA1, HA1, "auth-int", "00000001", 0,
		 DIGEST_WRONG},
	};
	struct digest *d = make();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char nonce[DIGEST_NONCE_LEN + 1], text[512];

		nonce_of(d, nonce, NOW);
		respond(text, sizeof(text), cases[i].ha1, nonce, cases[i].qop,
			cases[i].nc);
		if (check(d, text, cases[i].ours, NOW + cases[i].late) !=
		    cases[i].verdict)
			fail_msg("%s", cases[i].what);
	}
	mem_deref(d);
}

static void counts(void **state)
{
	static const struct {
		const char *nc;
		enum digest_verdict verdict;
	} uses[] = {
		{"00000001", DIGEST_OK},    {"00000001", DIGEST_STALE},
		{"00000003", DIGEST_OK},    {"00000002", DIGEST_STALE},
		{"00000004", DIGEST_OK},    {"ffffffff", DIGEST_OK},
		{"00000005", DIGEST_STALE},
	};
	struct digest *d = make();
	char nonce[DIGEST_NONCE_LEN + 1], text[512];

	(void)state;
	nonce_of(d, nonce, NOW);
	for (unsigned i = 0; i < ARRAY_SIZE(uses); i++) {
		respond(text, sizeof(text), HA1, nonce, "auth", uses[i].nc);
		assert_int_equal(check(d, text, HA1, NOW), uses[i].verdict);
	}
	mem_deref(d);
}

/* However many nonces are used after it, none can be used again. */
static void never_forgotten(void **state)
{
	enum { N = 8192 };
	static char first[N / 64][DIGEST_NONCE_LEN + 1];
	struct digest *d = make();
	char nonce[DIGEST_NONCE_LEN + 1], text[512];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		nonce_of(d, nonce, NOW);
		if (i % 64 == 0)
			strcpy(first[i / 64], nonce);
		respond(text, sizeof(text), HA1, nonce, "auth", "00000001");
		assert_int_equal(check(d, text, HA1, NOW), DIGEST_OK);
	}
	for (unsigned i = 0; i < N / 64; i++) {
		respond(text, sizeof(text), HA1, first[i], "auth", "00000001");
		assert_int_equal(check(d, text, HA1, NOW), DIGEST_STALE);
	}
	mem_deref(d);
}

static void foreign_nonces(void **state)
{
	struct digest *d = make(), *other = make();
	char nonce[DIGEST_NONCE_LEN + 1], text[512];

	(void)state;
	nonce_of(other, nonce, NOW); /* right shape, another key */
	respond(text, sizeof(text), HA1, nonce, "auth", "00000001");
	assert_int_equal(check(d, text, HA1, NOW), DIGEST_STALE);
	nonce_of(d, nonce, NOW);
	nonce[0] ^= 1; /* its time, changed */
	respond(text, sizeof(text), HA1, nonce, "auth", "00000001");
	assert_int_equal(check(d, text, HA1, NOW), DIGEST_STALE);
	respond(text, sizeof(text), HA1, "short", "auth", "00000001");
	assert_int_equal(check(d, text, HA1, NOW), DIGEST_STALE);
	mem_deref(d);
	mem_deref(other);
}

static void parsing(void **state)
{
#define REST ", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"x\""
	static const struct {
		const char *text, *username; /* NULL: refused */
	} cases[] = {
		{"Digest username=\"a\"" REST, "a"},
		{"digest\tusername = \"a\"" REST, "a"},
		{"Digest username=a" REST, "a"},
		{"Digest username=\"a\\\"b\"" REST, "a\"b"},
		{"Digest username=\"a, realm=b\"" REST, "a, realm=b"},
		{"Digest other=1,, ,username=\"a\"" REST, "a"},
		{"Digest username=\"a\", username=\"b\"" REST, NULL},
		{"Digest username=\"\"" REST, NULL},
		{"Digest username=\"a" REST, NULL},
		{"Digest username=\"a\"", NULL},
		{"Basic username=\"a\"" REST, NULL},
		{"Digestusername=\"a\"" REST, NULL},
		{"Digest ", NULL},
		{"", NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char user[DIGEST_USER_MAX + 1] = "";
		struct digest_response r;
		struct pl pl;
		bool ok;

		pl_set_str(&pl, cases[i].text);
		ok = digest_parse(&r, &pl);
		if (ok != (cases[i].username != NULL))
			fail_msg("%s", cases[i].text);
		if (!ok)
			continue;
		assert_true(digest_username(&r, user));
		assert_string_equal(user, cases[i].username);
	}
}

static void long_username(void **state)
{
	char user[DIGEST_USER_MAX + 1], text[DIGEST_USER_MAX + 2];
	struct digest_response r = {0};

	(void)state;
	memset(text, 'u', sizeof(text));
	r.username = (struct pl){text, DIGEST_USER_MAX};
	assert_true(digest_username(&r, user));
	r.username.l++;
	assert_false(digest_username(&r, user));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(counts),
		cmocka_unit_test(never_forgotten),
		cmocka_unit_test(foreign_nonces),
		cmocka_unit_test(parsing),
		cmocka_unit_test(long_username),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
