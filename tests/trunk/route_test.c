/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: longest prefix, priority, blocks, emergency numbers, fall-back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "control/trunk/route.h"

static const struct number_plan berlin = {"49", "30", "00", "0", 3};

static const struct route table[] = {
	{"+", "world", 10, ROUTE_PREFIX}, {"+49", "b", 20, ROUTE_PREFIX},
	{"+49", "a", 10, ROUTE_PREFIX},	  {"+49", "c", 20, ROUTE_PREFIX},
	{"+49900", "", 10, ROUTE_BLOCK},  {"+491", "mobile", 10, ROUTE_PREFIX},
	{"+882", "", 10, ROUTE_BLOCK},	  {"112", "b", 2, ROUTE_EMERGENCY},
	{"112", "a", 1, ROUTE_EMERGENCY}, {"110", "a", 1, ROUTE_EMERGENCY},
	{"+4911", "", 1, ROUTE_BLOCK},
};
#define ROWS (sizeof(table) / sizeof(table[0]))

static void choices(void **state)
{
	static const struct {
		const char *dialled, *prefix, *trunks;
		bool emergency, blocked;
	} cases[] = {
		{"+4930123456", "+49", "a b c", false, false},
		{"030123456", "+49", "a b c", false, false},
		{"+33123456789", "+", "world", false, false},
		{"01712345678", "+491", "mobile", false, false},
		{"0900123456", "+49900", "", false, true},
		{"+88216123", "+882", "", false, true},
		{"112", "112", "a b", true, false},
		{"1-1-2", "112", "a b", true, false},
		{"+49112", "112", "a b", true,
		 false}, /* though +4911 is blocked */
		{"tel:112;phone-context=+49", "112", "a b", true, false},
		{"tel:110;phone-context=+4930", "110", "a", true, false},
		{"110", "110", "a", true, false},
		/* not emergency numbers, though they look like them */
		{"1120", "+49", "a b c", false, false},
		{"+33112", "+", "world", false, false},
		{"+491121234", "+4911", "", false, true},
		{"113", "", "", false, false}, /* internal */
	};
	struct route_choice c = {0};
	struct number n = {0};
	char trunks[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *d = cases[i].dialled;

		print_message("%s\n", d);
		if (!number_of_uri(&n, &berlin, NULL, d, strlen(d)))
			number_read(&n, &berlin, d, strlen(d));
		route_choose(&c, table, ROWS, &n);
		trunks[0] = '\0';
		for (unsigned t = 0; t < c.n; t++)
			snprintf(trunks + strlen(trunks),
				 sizeof(trunks) - strlen(trunks), "%s%s",
				 t ? " " : "", c.trunk[t]);
		assert_string_equal(c.prefix, cases[i].prefix);
		assert_string_equal(trunks, cases[i].trunks);
		assert_int_equal(c.emergency, cases[i].emergency);
		assert_int_equal(c.blocked, cases[i].blocked);
	}
}

/* More trunks than there is room for: the best of them. */
static void many(void **state)
{
	struct route big[64];
	struct route_choice c = {0};
	struct number n = {0};

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		big[i] = (struct route){"+", "", 64 - i, ROUTE_PREFIX};
		snprintf(big[i].trunk, sizeof(big[i].trunk), "t%02u", 64 - i);
	}
	number_read(&n, &berlin, "+331234567", 10);
	route_choose(&c, big, 64, &n);
	assert_int_equal(c.n, ROUTE_TRUNKS);
	assert_string_equal(c.trunk[0], "t01");
	assert_string_equal(c.trunk[ROUTE_TRUNKS - 1], "t16");
}

static void fall_back(void **state)
{
	static const struct {
		uint16_t status;
		bool next;
	} cases[] = {
		{0, true},    {401, true},  {407, true},  {408, true},
		{500, true},  {502, true},  {503, true},  {504, true},
		{580, true},  {300, false}, {302, false}, {400, false},
		{403, false}, {404, false}, {410, false}, {480, false},
		{484, false}, {486, false}, {487, false}, {488, false},
		{600, false}, {603, false}, {604, false}, {606, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(route_falls_back(cases[i].status),
				 cases[i].next);
}

static void what_may_be_added(void **state)
{
	static const struct {
		struct route r;
		bool good;
	} cases[] = {
		{{"+", "a", 0, ROUTE_PREFIX}, true},
		{{"+49", "a", 1000, ROUTE_PREFIX}, true},
		{{"+49", "", 10, ROUTE_BLOCK}, true},
		{{"112", "a", 10, ROUTE_EMERGENCY}, true},
		{{"+49", "a", 1001, ROUTE_PREFIX}, false},
		{{"49", "a", 10, ROUTE_PREFIX}, false},
		{{"", "a", 10, ROUTE_PREFIX}, false},
		{{"+4x", "a", 10, ROUTE_PREFIX}, false},
		{{"+49", "", 10, ROUTE_PREFIX}, false},
		{{"+49", "a", 10, ROUTE_BLOCK}, false},
		{{"+112", "a", 10, ROUTE_EMERGENCY}, false},
		{{"1", "a", 10, ROUTE_EMERGENCY}, false},
		{{"112", "", 10, ROUTE_EMERGENCY}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(!route_check(&cases[i].r), cases[i].good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices),
		cmocka_unit_test(many),
		cmocka_unit_test(fall_back),
		cmocka_unit_test(what_may_be_added),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
