/* SPDX-License-Identifier: Apache-2.0 */
/* Reading messages: what passes, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "tests/sip/sip_text.h"

#define HEAD                                                               \
	"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" \
	"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\n"
#define CSEQ "CSeq: 1 INVITE\r\n"
#define END  "\r\n"

static void requests(void **state)
{
	static const struct {
		const char *text;
		int status; /* 200: passes */
	} cases[] = {
		{HEAD CSEQ END, 200},
		{HEAD CSEQ "Content-Length: 0\r\n" END, 200},
		{HEAD CSEQ "Content-Type: a/b\r\nContent-Length: 2\r\n" END
			   "xyz",
		 200},
		{HEAD CSEQ "Content-Type: a/b\r\nContent-Length: 4\r\n" END
			   "xyz",
		 400},
		{HEAD CSEQ "Content-Length: -1\r\n" END, 400},
		{HEAD CSEQ END "body", 400},
		{HEAD "CSeq: 1 BYE\r\n" END, 400},
		{HEAD "CSeq: 2147483648 INVITE\r\n" END, 400},
		{HEAD END, 0},
		{HEAD CSEQ CSEQ END, 400},
		{HEAD CSEQ "Max-Forwards: 256\r\n" END, 400},
		{HEAD CSEQ "Max-Forwards: 255\r\n" END, 200},
		{HEAD CSEQ "Max-Forwards: x\r\n" END, 400},
		{HEAD CSEQ "i: 2\r\n" END, 400},
		{"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\n"
		 "From: <sip:a@x>\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\n" CSEQ END,
		 400},
		{"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\n"
		 "From: <sip:a@x>;tag=\x01\r\nTo: <sip:b@x>\r\n"
		 "Call-ID: 1\r\n" CSEQ END,
		 400},
		{"INVITE sip:b@x SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP h;branch=1\r\n"
		 "To: <sip:b@x>\r\nCall-ID: 1\r\n" CSEQ END,
		 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sip_msg *m = sip_text(cases[i].text);
		struct message_why why = {.status = 200};

		if (!m)
			fail_msg("case %u isn't even decoded", i);
		if (message_check(m, &why) != (cases[i].status == 200) ||
		    why.status != cases[i].status)
			fail_msg("case %u: %u %s", i, why.status, why.text);
		mem_deref(m);
	}
}

static void too_long(void **state)
{
	char callid[MESSAGE_CALLID_MAX + 2], text[1024];
	struct message_why why;
	struct sip_msg *m;

	(void)state;
	memset(callid, 'c', sizeof(callid));
	callid[sizeof(callid) - 1] = '\0';
	snprintf(text, sizeof(text),
		 "BYE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\n"
		 "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCSeq: 1 BYE\r\n"
		 "Call-ID: %s\r\n\r\n",
		 callid);
	m = sip_text(text);
	assert_false(message_check(m, &why));
	assert_int_equal(why.status, 414);
	mem_deref(m);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint32_t n;
	} cases[] = {
		{"0", true, 0},
		{"007", true, 7},
		{"4294967295", true, ~0u},
		{"4294967296", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"1 ", false, 0},
		{"99999999999", false, 0},
		{"0x1", false, 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t n = 0;
		struct pl pl;

		pl_set_str(&pl, cases[i].text);
		if (message_number(&pl, &n) != cases[i].ok || n != cases[i].n)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void contacts(void **state)
{
	struct sip_msg *m =
		sip_text(HEAD CSEQ "Contact: <sip:a@1.2.3.4>;expires=30, "
				   "\"x, y\" <sip:b@[2001:db8::1]:5061>\r\n"
				   "m: sip:c@h;expires=9\r\n" END);
	struct message_contacts cs;

	(void)state;
	assert_true(message_contacts(m, &cs));
	assert_int_equal(cs.n, 3);
	assert_false(cs.star);
	assert_int_equal(cs.c[0].expires, 30);
	assert_int_equal(cs.c[1].expires, MESSAGE_NO_EXPIRES);
	assert_int_equal(pl_strcmp(&cs.c[1].uri, "sip:b@[2001:db8::1]:5061"),
			 0);
	assert_int_equal(cs.c[2].expires, 9); /* a header's, not the URI's */
	mem_deref(m);

	m = sip_text(HEAD CSEQ "Contact: *\r\n" END);
	assert_true(message_contacts(m, &cs));
	assert_true(cs.star && !cs.n);
	mem_deref(m);
	m = sip_text(HEAD CSEQ "Contact: <>\r\n" END);
	assert_false(message_contacts(m, &cs));
	mem_deref(m);
}

static bool print(const struct pl *val, void *arg)
{
	return mbuf_printf(arg, "[%r]", val) != 0;
}

static void values(void **state)
{
	static const struct {
		const char *lines, *values;
	} cases[] = {
		{"", ""},
		{"Path: <sip:a>\r\n", "[<sip:a>]"},
		{"Path: <sip:a> , <sip:b>\r\nPath: <sip:c>\r\n",
		 "[<sip:a>][<sip:b>][<sip:c>]"},
		{"Path: <sip:a>,\r\n <sip:b>\r\n", "[<sip:a>][<sip:b>]"},
		{"Path: <sip:a,b,,c@h>, sip:d,sip:e\r\n",
		 "[<sip:a,b,,c@h>][sip:d][sip:e]"},
		{"Path: \"a, \\\", <b\" <sip:a>;x=\"1,2\", <sip:c>\r\n",
		 "[\"a, \\\", <b\" <sip:a>;x=\"1,2\"][<sip:c>]"},
		/* what isn't closed ends with its line */
		{"Path: <sip:a,b\r\nPath: <sip:c>\r\n", "[<sip:a,b][<sip:c>]"},
		{"Path: \"a,b\r\nPath: <sip:c>\r\n", "[\"a,b][<sip:c>]"},
		{"Path: <sip:a\"b>, <sip:c>\r\n", "[<sip:a\"b>][<sip:c>]"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mbuf *mb = mbuf_alloc(256);
		char text[1024];
		struct sip_msg *m;

		snprintf(text, sizeof(text), HEAD CSEQ "%s" END,
			 cases[i].lines);
		m = sip_text(text);
		assert_non_null(m);
		message_values(m, SIP_HDR_PATH, print, mb);
		if (mb->end != strlen(cases[i].values) ||
		    memcmp(mb->buf, cases[i].values, mb->end))
			fail_msg("%s: %.*s", cases[i].lines, (int)mb->end,
				 mb->buf);
		mem_deref(mb);
		mem_deref(m);
	}
}

static void require(void **state)
{
	static const char *const ours[] = {"100rel", NULL};
	struct sip_msg *m = sip_text(
		HEAD CSEQ "Require: timer, 100REL\r\nRequire: foo\r\n" END);
	char tags[32], small[8];

	(void)state;
	assert_true(message_unsupported(m, ours, tags, sizeof(tags)));
	assert_string_equal(tags, "timer, foo");
	assert_true(message_unsupported(m, ours, small, sizeof(small)));
	assert_true(strlen(small) < sizeof(small));
	assert_true(message_lists(m, SIP_HDR_REQUIRE, "100rel"));
	assert_false(message_lists(m, SIP_HDR_SUPPORTED, "100rel"));
	mem_deref(m);
}

static void rack(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} cases[] = {
		{"RAck: 776656 1 INVITE\r\n", true},
		{"RAck: 776656\t 1  INVITE\r\n", true},
		{"RAck: 776656 1 UPDATE\r\n", false},
		{"RAck: 776656 INVITE\r\n", false},
		{"RAck: 99999999999 1 INVITE\r\n", false},
		{"", false},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t rseq = 0, cseq = 0;
		struct sip_msg *m;
		char text[512];

		snprintf(text, sizeof(text), HEAD CSEQ "%s" END, cases[i].line);
		m = sip_text(text);
		assert_int_equal(message_rack(m, &rseq, &cseq), cases[i].ok);
		if (cases[i].ok)
			assert_true(rseq == 776656 && cseq == 1);
		mem_deref(m);
	}
}

static void users(void **state)
{
	static const struct {
		const char *uri, *user; /* NULL: none */
	} cases[] = {
		{"sip:alice@x", "alice"}, {"sip:%61lice@x", "alice"},
		{"sip:a%2Bb@x", "a+b"},	  {"sip:a%00b@x", NULL},
		{"sip:a%4@x", NULL},	  {"sip:a%zz@x", NULL},
		{"sip:x", NULL},	  {"sip:123456789@x", NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char user[9];
		struct uri u;
		struct pl pl;

		pl_set_str(&pl, cases[i].uri);
		assert_int_equal(uri_decode(&u, &pl), 0);
		if (message_uri_user(&u, user, sizeof(user)) !=
		    (cases[i].user != NULL))
			fail_msg("%s", cases[i].uri);
		if (cases[i].user)
			assert_string_equal(user, cases[i].user);
	}
}

static bool copy(const struct sip_hdr *hdr, const struct sip_msg *m, void *mb)
{
	(void)m;
	return message_copy_line(mb, hdr) != 0;
}

/* What goes on to the other side is one line, whatever came. */
static void copying(void **state)
{
	struct sip_msg *m = sip_text(HEAD CSEQ "s: a\rInjected: x\r\n"
					       "Reason: Q.850\r\n ;cause=16,"
					       " SIP;cause=200\r\n" END);
	struct mbuf *mb = mbuf_alloc(128);

	(void)state;
	assert_null(sip_msg_xhdr_apply(m, true, "s", copy, mb));
	assert_null(sip_msg_xhdr_apply(m, true, "Reason", copy, mb));
	assert_int_equal(message_quote(mb, "a\"b\\c\r\nd"), 0);
	mbuf_write_u8(mb, 0);
	assert_string_equal((char *)mb->buf, "s: a Injected: x\r\n"
					     "Reason: Q.850   ;cause=16\r\n"
					     "Reason: SIP;cause=200\r\n"
					     "\"a\\\"b\\\\c  d\"");
	mem_deref(mb);
	mem_deref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(too_long),
		cmocka_unit_test(numbers),  cmocka_unit_test(contacts),
		cmocka_unit_test(values),   cmocka_unit_test(require),
		cmocka_unit_test(rack),	    cmocka_unit_test(users),
		cmocka_unit_test(copying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
