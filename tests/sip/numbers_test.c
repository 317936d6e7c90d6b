/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of extensions in the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "control/sip/numbers.h"

static void lists(void **state)
{
	static const struct {
		const char *list;
		bool ok;
	} cases[] = {
		{"700", true},	      {"700-719", true},
		{"*8", true},	      {"700-700", true},
		{"700-719,#1", true}, {"000-999", true},
		{"", false},	      {",", false},
		{"700,", false},      {"719-700", false},
		{"7-70", false},      {"*1-*9", false},
		{"700-", false},      {"a", false},
		{"700 701", false},   {"0000-1000", false},
		{"0-9,a", false},     {"1234567890123456", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (numbers_ok(cases[i].list) != cases[i].ok)
			fail_msg("\"%s\"", cases[i].list);
}

static void members(void **state)
{
	static const struct {
		const char *number;
		bool has;
	} cases[] = {
		{"700", true},	 {"705", true},	 {"709", true},
		{"*8", true},	 {"0042", true}, {"710", false},
		{"699", false},	 {"70", false},	 {"7000", false},
		{"0700", false}, {"*", false},	 {"*80", false},
		{"", false},	 {"42", false},	 {"7o0", false},
		{"70*", false},
	};
	static const char list[] = "700-709,*8,0040-0049";

	(void)state;
	assert_true(numbers_ok(list));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (numbers_have(list, cases[i].number,
				 strlen(cases[i].number)) != cases[i].has)
			fail_msg("%s", cases[i].number);
}

static void one_by_one(void **state)
{
	static const char list[] = "008-011,*8";
	static const char *const all[] = {"008", "009", "010", "011", "*8"};
	char out[16];
	unsigned i = 0;

	(void)state;
	for (; numbers_at(list, i, out, sizeof(out)); i++) {
		assert_true(i < 5);
		assert_string_equal(out, all[i]);
		assert_true(numbers_have(list, out, strlen(out)));
	}
	assert_int_equal(i, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(members),
		cmocka_unit_test(one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
