/* SPDX-License-Identifier: Apache-2.0 */
/* Telephone numbers: what was dialled, what it means, how it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "control/trunk/number.h"

static const struct number_plan berlin = {"49", "30", "00", "0", 3};
static const struct number_plan no_area = {"49", "", "00", "0", 4};
static const struct number_plan nanp = {"1", "", "011", "1", 4};
static const struct number_plan spain = {"34", "", "00", "", 3};
static const struct number_plan bare = {"", "", "00", "0", 0};

static void numbers(void **state)
{
	static const struct {
		const struct number_plan *plan;
		const char *dialled;
		enum number_kind kind;
		const char *text;
	} cases[] = {
		{&berlin, "+4930123456", NUMBER_NATIONAL, "+4930123456"},
		{&berlin, "030123456", NUMBER_NATIONAL, "+4930123456"},
		{&berlin, "004930123456", NUMBER_NATIONAL, "+4930123456"},
		{&berlin, "123456", NUMBER_NATIONAL, "+4930123456"},
		{&berlin, "+49 (30) 123-456", NUMBER_NATIONAL, "+4930123456"},
		{&berlin, "0033 1.23.45.67.89", NUMBER_INTERNATIONAL,
		 "+33123456789"},
		{&berlin, "+1-212-555-0100", NUMBER_INTERNATIONAL,
		 "+12125550100"},
		{&berlin, "112", NUMBER_INTERNAL, "112"},
		{&berlin, "1-2-3", NUMBER_INTERNAL, "123"},
		{&no_area, "12345", NUMBER_INCOMPLETE, "12345"},
		{&no_area, "1234", NUMBER_INTERNAL, "1234"},
		{&nanp, "2125550100", NUMBER_NATIONAL, "+12125550100"},
		{&nanp, "12125550100", NUMBER_NATIONAL, "+12125550100"},
		{&nanp, "011493012345", NUMBER_INTERNATIONAL, "+493012345"},
		{&spain, "912345678", NUMBER_NATIONAL, "+34912345678"},
		{&spain, "00493012345", NUMBER_INTERNATIONAL, "+493012345"},
		{&bare, "+4930123456", NUMBER_INTERNATIONAL, "+4930123456"},
		{&bare, "030123456", NUMBER_INCOMPLETE, "030123456"},
		/* an international prefix wins over the national one */
		{&berlin, "00", NUMBER_INTERNAL, "00"},
		{&berlin, "0000", NUMBER_INCOMPLETE, "0000"},
		/* E.164: 15 digits at most, no country begins with 0 */
		{&berlin, "+123456789012345", NUMBER_INTERNATIONAL,
		 "+123456789012345"},
		{&berlin, "+1234567890123456", NUMBER_INCOMPLETE,
		 "+1234567890123456"},
		{&berlin, "+0301234", NUMBER_INCOMPLETE, "+0301234"},
		{&berlin, "+12", NUMBER_INCOMPLETE, "+12"},
		{&berlin, "12345678901234567890123456789", NUMBER_NONE, ""},
		{&berlin, "", NUMBER_NONE, ""},
		{&berlin, "+", NUMBER_NONE, ""},
		{&berlin, "()-", NUMBER_NONE, ""},
		{&berlin, "alice", NUMBER_NONE, ""},
		{&berlin, "12a", NUMBER_NONE, ""},
		{&berlin, "1+2", NUMBER_NONE, ""},
		{&berlin, "++49", NUMBER_NONE, ""},
		{&berlin, "*31#", NUMBER_NONE, ""},
	};
	struct number n = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].dialled);
		assert_int_equal(number_read(&n, cases[i].plan,
					     cases[i].dialled,
					     strlen(cases[i].dialled)),
				 cases[i].kind);
		assert_string_equal(n.text, cases[i].text);
	}
}

/* What an incomplete one lacks: a word of the sentence. */
static void lacks(void **state)
{
	static const struct {
		const struct number_plan *plan;
		const char *dialled, *word; /* NULL: nothing */
	} cases[] = {
		{&bare, "030123456", "pstn.country"},
		{&bare, "+4930123456", NULL},
		{&bare, "004930123456", NULL},
		{&bare, "000", "E.164"},
		{&bare, "+12", "E.164"},
		{&no_area, "12345", "pstn.area"},
		{&no_area, "030123456", NULL},
		{&no_area, "0301234567890123", "E.164"},
		{&berlin, "1234567890123456", "E.164"},
		{&berlin, "112", NULL},
		{&berlin, "alice", NULL},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct number n;
		const char *said;

		number_read(&n, cases[i].plan, cases[i].dialled,
			    strlen(cases[i].dialled));
		said = number_lacks(&n, cases[i].plan);
		if (!cases[i].word)
			assert_null(said);
		else
			assert_non_null(
				strstr(said ? said : "", cases[i].word));
	}
}

static void uris(void **state)
{
	static const struct {
		const char *uri;
		enum number_kind kind;
		const char *text;
	} cases[] = {
		{"tel:+4930123456", NUMBER_NATIONAL, "+4930123456"},
		{"TEL:+49-30-123-456;isub=1", NUMBER_NATIONAL, "+4930123456"},
		{"tel:123456;phone-context=+49-30", NUMBER_NATIONAL,
		 "+4930123456"},
		{"tel:112;phone-context=+49", NUMBER_NATIONAL, "+49112"},
		{"tel:5550100;ext=7;phone-context=+1-212", NUMBER_INTERNATIONAL,
		 "+12125550100"},
		{"tel:030123456;phone-context=sip.test", NUMBER_NATIONAL,
		 "+4930123456"},
		{"tel:030123456;phone-context=SIP.TEST", NUMBER_NATIONAL,
		 "+4930123456"},
		/* what is a number elsewhere isn't one here */
		{"tel:7042;phone-context=other.example", NUMBER_NONE, ""},
		{"tel:7042;phone-context=", NUMBER_NONE, ""},
		{"tel:7042;phone-context=+", NUMBER_NONE, ""},
		{"tel:+4930123456;phone-context=other.example", NUMBER_NATIONAL,
		 "+4930123456"},
		{"sip:+4930123456@sip.test", NUMBER_NATIONAL, "+4930123456"},
		{"sip:%2B4930123456@sip.test", NUMBER_NATIONAL, "+4930123456"},
		{"sip:%2b49-30-123456@sip.test;user=phone", NUMBER_NATIONAL,
		 "+4930123456"},
		{"sips:030123456@sip.test", NUMBER_NATIONAL, "+4930123456"},
		{"sip:123456;phone-context=+4930@sip.test;user=phone",
		 NUMBER_NATIONAL, "+4930123456"},
		{"sip:alice@sip.test", NUMBER_NONE, ""},
		{"sip:sip.test", NUMBER_NONE, ""},
		{"sip:@sip.test", NUMBER_NONE, ""},
		{"sip:%4@sip.test", NUMBER_NONE, ""},
		{"sip:%zz@sip.test", NUMBER_NONE, ""},
		{"sip:123%00456@sip.test", NUMBER_NONE, ""},
		{"mailto:+4930123456@sip.test", NUMBER_NONE, ""},
		{"tel:", NUMBER_NONE, ""},
		{"tel", NUMBER_NONE, ""},
		{"", NUMBER_NONE, ""},
	};
	struct number n = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].uri);
		assert_int_equal(number_of_uri(&n, &berlin, "sip.test",
					       cases[i].uri,
					       strlen(cases[i].uri)),
				 cases[i].kind);
		assert_string_equal(n.text, cases[i].text);
	}
}

/* What a trunk is told, and that it is read back as the same number. */
static void as_trunks_want_it(void **state)
{
	static const struct {
		const char *number;
		const char
			*as[NUMBER_FORMATS]; /* e164, plain, dialled, abroad */
	} cases[] = {
		{"+4930123456",
		 {"+4930123456", "4930123456", "030123456", "004930123456"}},
		{"+33123456789",
		 {"+33123456789", "33123456789", "0033123456789",
		  "0033123456789"}},
		{"112", {"112", "112", "112", "112"}},
	};
	char out[NUMBER_MAX];
	struct number n = {0}, back = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		number_read(&n, &berlin, cases[i].number,
			    strlen(cases[i].number));
		for (unsigned f = 0; f < NUMBER_FORMATS; f++) {
			number_print(out, &n, &berlin, f);
			assert_string_equal(out, cases[i].as[f]);
			if (cases[i].number[0] != '+')
				continue;
			number_from_trunk(&back, &berlin, f, out, strlen(out));
			assert_string_equal(back.text, cases[i].number);
		}
	}
}

/* A carrier that says the + although it was said not to do it. */
static void from_trunks(void **state)
{
	struct number n = {0};

	(void)state;
	assert_int_equal(number_from_trunk(&n, &berlin, NUMBER_PLAIN,
					   "+4930123456", 11),
			 NUMBER_NATIONAL);
	/* an internal number is nobody's outside */
	assert_int_equal(number_from_trunk(&n, &berlin, NUMBER_E164, "100", 3),
			 NUMBER_NATIONAL);
	assert_string_equal(n.text, "+4930100");
	assert_int_equal(number_from_trunk(&n, &berlin, NUMBER_PLAIN,
					   "anonymous", 9),
			 NUMBER_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(lacks),
		cmocka_unit_test(uris),
		cmocka_unit_test(as_trunks_want_it),
		cmocka_unit_test(from_trunks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
