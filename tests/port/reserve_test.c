// SPDX-License-Identifier: Apache-2.0
/* tests/port/reserve_test.c - the kernel's list of reserved ports, there and
 * back. What happens to the kernel's own is test_port.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/port/reserve.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t bits[65536 / 8];

static void there_and_back(void **state)
{
	static const struct {
		const char *in, *out;
	} lists[] = {
		{"\n", "\n"},
		{"", "\n"},
		{"80\n", "80\n"},
		{"0,65535\n", "0,65535\n"},
		{"0-65535\n", "0-65535\n"},
		{"20000-29999,80", "80,20000-29999\n"},
		{"1,2,3,5\n", "1-3,5\n"},
		{"10-20,15-30\n", "10-30\n"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		size_t n;

		assert_true(
			reserve_parse(lists[i].in, strlen(lists[i].in), bits));
		n = reserve_print(bits, text, sizeof(text) - 1);
		text[n] = '\0';
		assert_string_equal(text, lists[i].out);
	}
}

static void refuses_what_the_kernel_never_says(void **state)
{
	static const char *const lists[] = {
		"65536", "5-4", "a",
		"1-",	 "-1",	"1;2",
		"1--2",	 ",1",	"99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_false(reserve_parse(lists[i], strlen(lists[i]), bits));
}

static void says_when_it_does_not_fit(void **state)
{
	char text[8];

	(void)state;
	assert_true(reserve_parse("20000-29999", 11, bits));
	assert_int_equal(reserve_print(bits, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refuses_what_the_kernel_never_says),
		cmocka_unit_test(says_when_it_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
