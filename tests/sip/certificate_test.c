/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that control makes for its listeners, SIP's and the API's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "control/certificate.h"

static char folder[] = "/tmp/certificate-XXXXXX";
static char cert[64], key[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(cert);
	unlink(key);
	return rmdir(folder);
}

static void made(const char *const names[], unsigned n,
		 struct certificate_info *info)
{
	char err[256] = "", *c, *k;
	struct stat st;

	if (certificate_make(cert, key, names, n, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	c = certificate_file(cert);
	k = certificate_file(key);
	assert_true(c && k);
	if (certificate_check(c, k, info, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(certificate_until(c), info->until);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(c);
	free(k);
}

static void for_names_and_addresses(void **state)
{
	static const char *const names[] = {"sip.test", "10.1.0.1",
					    "2001:db8::1"};
	struct certificate_info info;
	int64_t now = time(NULL);

	(void)state;
	made(names, 3, &info);
	assert_true(info.self_signed);
	assert_non_null(strstr(info.subject, "sip.test"));
	assert_non_null(strstr(info.names, "sip.test"));
	assert_non_null(strstr(info.names, "10.1.0.1"));
	assert_true(info.since < now);
	assert_in_range(info.until, now + 9 * 365 * 86400ll,
			now + 11 * 365 * 86400ll);
}

/* A common name has 64 characters at most, a domain more. */
static void for_a_long_name(void **state)
{
	char domain[] = "a-department-of-a-branch-of-an-enterprise.somewhere-"
			"far-away.a-country.sallyport.example";
	const char *const names[] = {domain};
	struct certificate_info info;

	(void)state;
	made(names, 1, &info);
	assert_non_null(strstr(info.names, domain));
}

static void for_many_addresses(void **state)
{
	char text[32][48];
	const char *names[33] = {"sip.test"};
	struct certificate_info info;

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		snprintf(text[i], sizeof(text[i]),
			 "2001:db8:1111:2222:3333:4444:5555:%x", 0x1000 + i);
		names[i + 1] = text[i];
	}
	made(names, 33, &info);
}

static void never_for_what_would_be_two(void **state)
{
	static const char *const names[] = {"sip.test,DNS:bank.test"};
	char err[256] = "";

	(void)state;
	unlink(cert);
	assert_int_not_equal(
		certificate_make(cert, key, names, 1, err, sizeof(err)), 0);
	assert_true(err[0]);
	assert_int_equal(access(cert, F_OK), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_names_and_addresses),
		cmocka_unit_test(for_a_long_name),
		cmocka_unit_test(for_many_addresses),
		cmocka_unit_test(never_for_what_would_be_two),
	};

	return cmocka_run_group_tests_name("certificate", tests, set_up,
					   tear_down);
}
