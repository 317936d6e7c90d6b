/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: the table is whole, and what it says is what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "control/features/features.h"
#include "control/policy/policy.h"

static void the_table_is_whole(void **state)
{
	(void)state;
	for (int f = 0; f < FEATURE_COUNT; f++) {
		const struct feature_info *i = feature_info(f);

		assert_non_null(i->name);
		assert_non_null(i->title);
		assert_non_null(i->asked);
		assert_int_equal(feature_find(i->name), f);
		assert_int_equal(strspn(i->name, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(i->name));
		/* whoever needs plain media is refused where there is none,
		 * with a sentence; nobody else is */
		assert_int_equal(i->needs_plain, i->e2ee_status != 0);
		if (i->needs_plain) {
			assert_in_range(i->e2ee_status, 400, 699);
			assert_non_null(i->e2ee_reason);
		}
	}
	assert_null(feature_info(FEATURE_COUNT));
	assert_null(feature_info(-1));
	assert_int_equal(feature_find("teleport"), FEATURE_COUNT);
}

static void answers(void **state)
{
	static const struct {
		enum call_kind kind;
		enum feature f;
		int status;
		const char *error;
	} cases[] = {
		{CALL_ORDINARY, FEATURE_HOLD, 200, NULL},
		{CALL_E2EE, FEATURE_HOLD, 200, NULL},
		{CALL_ORDINARY, FEATURE_RECORDING, 200, NULL},
		{CALL_E2EE, FEATURE_RECORDING, 403, "e2ee-recording"},
		{CALL_ORDINARY, FEATURE_MONITORING, 200, NULL},
		{CALL_E2EE, FEATURE_MONITORING, 403, "e2ee-monitoring"},
		{CALL_ORDINARY, FEATURE_PICKUP, 501, "not-built-pickup"},
		{CALL_E2EE, FEATURE_TRANSFER_BLIND, 403, "e2ee-transfer-blind"},
		{CALL_E2EE, FEATURE_TRANSCODING, 488, "e2ee-transcoding"},
		{CALL_E2EE, FEATURE_PSTN, 488, "e2ee-pstn"},
		{CALL_ORDINARY, FEATURE_COUNT, 501, "not-built-unknown"},
		{CALL_E2EE, -1, 501, "not-built-unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct feature_answer a =
			features_may(cases[i].kind, cases[i].f);

		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.allowed, a.status == 200);
		assert_non_null(a.name);
		if (cases[i].error) {
			assert_string_equal(a.error, cases[i].error);
			assert_non_null(a.reason);
		} else {
			assert_null(a.error);
		}
	}
	/* no feature that needs plain media gets past an end-to-end call */
	for (int f = 0; f < FEATURE_COUNT; f++)
		if (feature_info(f)->needs_plain)
			assert_false(features_may(CALL_E2EE, f).allowed);
}

static void policy(void **state)
{
	(void)state;
	assert_true(policy_call_allowed("alice", "bob").allowed);
	assert_false(policy_call_allowed(NULL, "bob").allowed);
	assert_false(policy_call_allowed("alice", NULL).allowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(answers),
		cmocka_unit_test(policy),
	};

	return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
