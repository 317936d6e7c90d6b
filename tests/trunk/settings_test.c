/* SPDX-License-Identifier: Apache-2.0 */
/* A trunk's settings: what is taken, what is refused, and that they come back
 * from the store's JSON as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "control/trunk/settings.h"

static const char *const skip[] = {"name", "password", NULL};

static bool take(struct trunk_settings *s, const char *text, char err[200])
{
	json_t *j = json_loads(text, 0, NULL);
	bool ok;

	assert_non_null(j);
	trunk_settings_default(s, "t");
	err[0] = '\0';
	ok = trunk_settings_take(s, j, skip, err, 200) &&
	     trunk_settings_check(s, err, 200);
	json_decref(j);
	return ok;
}

static void taken_and_refused(void **state)
{
	static const struct {
		const char *json;
		const char *err; /* how it begins; NULL: it is good */
	} cases[] = {
		{"{\"address\": \"192.0.2.1:5060\"}", NULL},
		{"{\"address\": \"[2001:db8::1]:5061\", "
		 "\"transport\": \"tls\"}",
		 NULL},
		{"{\"address\": \"192.0.2.1:5060\", \"calls\": \"30\", "
		 "\"register\": \"yes\", \"user\": \"acme\"}",
		 NULL},
		{"{\"address\": \"192.0.2.1:5060\", \"calls\": 30, "
		 "\"register\": false, \"password\": \"x\", \"name\": \"t\"}",
		 NULL},
		{"{}", "address:"},
		{"{\"address\": \"carrier.example:5060\"}", "address:"},
		{"{\"address\": \"0.0.0.0:5060\"}", "address:"},
		{"{\"address\": \"192.0.2.1:5060\", \"transport\": \"ws\"}",
		 "transport:"},
		{"{\"address\": \"192.0.2.1:5060\", \"register\": true}",
		 "user:"},
		{"{\"address\": \"192.0.2.1:5060\", \"user\": \"a\\\"b\"}",
		 "user:"},
		{"{\"address\": \"192.0.2.1:5060\", \"user\": \"a\\r\\nb\"}",
		 "user:"},
		{"{\"address\": \"192.0.2.1:5060\", \"calls\": -1}", "calls:"},
		{"{\"address\": \"192.0.2.1:5060\", \"calls\": \"3x\"}",
		 "calls:"},
		{"{\"address\": \"192.0.2.1:5060\", \"calls\": 2, "
		 "\"reserve\": 2}",
		 "reserve:"},
		{"{\"address\": \"192.0.2.1:5060\", \"caller\": \"030\"}",
		 "caller:"},
		{"{\"address\": \"192.0.2.1:5060\", \"sources\": "
		 "\"192.0.2.0/28, 2001:db8::/48\"}",
		 NULL},
		{"{\"address\": \"192.0.2.1:5060\", \"sources\": "
		 "\"0.0.0.0/0\"}",
		 "sources:"},
		{"{\"address\": \"192.0.2.1:5060\", \"sources\": "
		 "\"192.0.2.0/33\"}",
		 "sources:"},
		{"{\"address\": \"192.0.2.1:5060\", \"media\": \"sdes\", "
		 "\"suites\": \"AEAD_AES_128_GCM,AES_CM_128_HMAC_SHA1_80\"}",
		 NULL},
		{"{\"address\": \"192.0.2.1:5060\", \"suites\": \"NULL\"}",
		 "suites:"},
		{"{\"address\": \"192.0.2.1:5060\", \"media\": "
		 "\"passthrough\"}",
		 "media: one of plain sdes either"},
		{"{\"address\": \"192.0.2.1:5060\", \"colour\": \"red\"}",
		 "A trunk has no colour"},
	};
	struct trunk_settings s;
	char err[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = take(&s, cases[i].json, err);

		print_message("%s: %s\n", cases[i].json, err);
		assert_int_equal(ok, !cases[i].err);
		if (cases[i].err)
			assert_memory_equal(err, cases[i].err,
					    strlen(cases[i].err));
	}
}

static void there_and_back(void **state)
{
	struct trunk_settings s, back;
	char err[200];
	json_t *j;

	(void)state;
	assert_true(take(&s,
			 "{\"address\": \"192.0.2.1:5060\", \"user\": \"u\", "
			 "\"register\": true, \"format\": \"dialled\", "
			 "\"inbound\": \"digest\", \"media\": \"either\", "
			 "\"timeout\": 9, \"suites\": \"AEAD_AES_256_GCM\"}",
			 err));
	j = trunk_settings_json(&s);
	assert_null(json_object_get(j, "password"));
	trunk_settings_default(&back, "t");
	assert_true(trunk_settings_take(&back, j, NULL, err, sizeof(err)));
	assert_memory_equal(&s, &back, sizeof(s));
	assert_int_equal(trunk_settings_profile(&s).security, MEDIA_EITHER);
	assert_int_equal(trunk_settings_profile(&s).suites[0], 8);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_and_refused),
		cmocka_unit_test(there_and_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
