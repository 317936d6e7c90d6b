/* SPDX-License-Identifier: Apache-2.0 */
/* Policy: the deciding function, and what the store knows of policies, groups,
 * grants and switches. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "control/store/policy.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --------------------------------------------------- the deciding function */

/* known, calling allows, own switch, compliance recording */
static struct policy_subject subject(const char *letters)
{
	return (struct policy_subject){
		.known = letters[0] == 'k',
		.calling = letters[1] == 'a' ? POLICY_DISABLED_USER_OVERRIDE
					     : POLICY_DISABLED,
		.on = letters[2] == 'o',
		.compliance = letters[3] == 'c',
	};
}

static void decision(void **state)
{
	static const struct {
		const char *caller, *callee, *error, *words;
	} cases[] = {
		{"kao-", "kao-", NULL, NULL},
		{"kao-", "ka--", "switched-off", "The called user"},
		{"ka--", "kao-", "switched-off", "The caller"},
		{"ka--", "ka--", "switched-off", "The caller"},
		{"k-o-", "kao-", "policy-disabled", "The caller"},
		{"kao-", "k-o-", "policy-disabled", "The called user"},
		/* what an administrator says comes first */
		{"ka--", "k-o-", "policy-disabled", "The called user"},
		{"kaoc", "kao-", "compliance-recording", "the caller"},
		{"kao-", "kaoc", "compliance-recording", "the called user"},
		{"k--c", "k---", "compliance-recording", "the caller"},
		{"-ao-", "kao-", "unknown-party", "the caller"},
		{"kao-", "-ao-", "unknown-party", "the called party"},
		{"k---", "----", "unknown-party", "the called party"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy_subject a = subject(cases[i].caller);
		struct policy_subject b = subject(cases[i].callee);
		struct policy_answer got = policy_e2ee(&a, &b);

		assert_int_equal(got.allowed, !cases[i].error);
		assert_int_equal(got.status, got.allowed ? 200 : 403);
		if (got.allowed)
			continue;
		assert_string_equal(got.error, cases[i].error);
		assert_non_null(strstr(got.reason, cases[i].words));
	}
}

/* Every combination: allowed only where nothing speaks against it. */
static void every_combination(void **state)
{
	unsigned allowed = 0;

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		struct policy_subject s[2];

		for (int p = 0; p < 2; p++) {
			unsigned bits = n >> (4 * p);

			s[p] = (struct policy_subject){
				.known = bits & 1,
				.calling =
					bits & 2 ? POLICY_DISABLED_USER_OVERRIDE
						 : POLICY_DISABLED,
				.on = bits & 4,
				.compliance = bits & 8,
			};
		}
		allowed += policy_e2ee(&s[0], &s[1]).allowed;
		assert_int_equal(policy_e2ee(&s[0], &s[1]).allowed, n == 0x77);
	}
	assert_int_equal(allowed, 1);
}

static void names(void **state)
{
	char longest[POLICY_NAME_MAX + 2];

	(void)state;
	assert_int_equal(policy_calling_find("disableduseroverride"),
			 POLICY_DISABLED_USER_OVERRIDE);
	assert_int_equal(policy_calling_find("Disabled"), POLICY_DISABLED);
	assert_int_equal(policy_calling_find("Enabled"), POLICY_CALLING_COUNT);
	assert_int_equal(policy_calling_find(""), POLICY_CALLING_COUNT);
	memset(longest, 'x', sizeof(longest));
	longest[POLICY_NAME_MAX] = '\0';
	assert_true(policy_name_valid(longest));
	longest[POLICY_NAME_MAX] = 'x';
	longest[POLICY_NAME_MAX + 1] = '\0';
	assert_false(policy_name_valid(longest));
	assert_false(policy_name_valid(""));
	assert_false(policy_name_valid("two words"));
	assert_false(policy_name_valid("a/b"));
	assert_true(policy_name_valid("Contoso_Partner-2.1+x"));
}

static void calls(void **state)
{
	(void)state;
	assert_true(policy_call_allowed("alice", "bob").allowed);
	assert_int_equal(policy_call_allowed(NULL, "bob").status, 403);
	assert_int_equal(policy_call_allowed("alice", NULL).status, 403);
}

/* --------------------------------------------------------------- the store */

struct fixture {
	struct store *s;
	char folder[64], path[96];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[256];

	strcpy(f->folder, "/tmp/policy-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
	assert_int_equal(store_open(&f->s, f->path, err, sizeof(err)), 0);
	for (const char *const *u =
		     (const char *const[]){"alice", "bob", "carol", NULL};
	     *u; u++) {
		struct store_user user = {0};

		snprintf(user.name, sizeof(user.name), "%s", *u);
		assert_int_equal(store_user_add(f->s, &user), 0);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"db", "db-wal", "db-shm"};
	struct fixture *f = *state;
	char path[128];

	store_close(f->s);
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void policy_add(struct store *s, const char *identity,
		       enum policy_calling calling)
{
	struct store_policy p = {.calling = calling};

	snprintf(p.identity, sizeof(p.identity), "%s", identity);
	assert_int_equal(store_policy_new(s, &p), 0);
}

static void append_policy(const struct store_policy *p, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s=%s(%s) ", p->identity,
		policy_calling_name(p->calling), p->description);
}

static const char *policies(struct store *s, char text[1024])
{
	text[0] = '\0';
	assert_int_equal(store_policy_list(s, append_policy, text), 0);
	return text;
}

static void append_grant(const struct store_grant *g, void *arg)
{
	char *text = arg;

	if (g->to == POLICY_BY_GROUP)
		sprintf(text + strlen(text), "%u:%s=%s ", g->rank, g->name,
			g->policy);
	else
		sprintf(text + strlen(text), "%s=%s ", g->name, g->policy);
}

static const char *grants(struct store *s, char text[1024])
{
	text[0] = '\0';
	assert_int_equal(store_grant_list(s, append_grant, text), 0);
	return text;
}

static void global_is_always_there(void **state)
{
	struct fixture *f = *state;
	struct store_policy p;
	char text[1024];

	assert_string_equal(policies(f->s, text), "Global=Disabled() ");
	assert_int_equal(store_policy_get(f->s, "global", &p), 0);
	assert_string_equal(p.identity, "Global");
	p.calling = POLICY_DISABLED_USER_OVERRIDE;
	strcpy(p.description, "everybody may");
	assert_int_equal(store_policy_set(f->s, &p), 0);
	assert_string_equal(policies(f->s, text),
			    "Global=DisabledUserOverride(everybody may) ");
	/* removed: it goes back to what it was */
	assert_int_equal(store_policy_remove(f->s, "GLOBAL"), 0);
	assert_string_equal(policies(f->s, text), "Global=Disabled() ");
	assert_int_equal(store_policy_new(f->s, &p), EEXIST);
}

static void policies_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct store_policy p;
	char text[1024];

	policy_add(f->s, "Zeta", POLICY_DISABLED);
	policy_add(f->s, "Alpha", POLICY_DISABLED_USER_OVERRIDE);
	assert_string_equal(policies(f->s, text),
			    "Global=Disabled() Alpha=DisabledUserOverride() "
			    "Zeta=Disabled() ");
	strcpy(p.identity, "alpha");
	p.description[0] = '\0';
	p.calling = POLICY_DISABLED;
	assert_int_equal(store_policy_new(f->s, &p), EEXIST);
	strcpy(p.identity, "nobody's");
	assert_int_equal(store_policy_set(f->s, &p), ENOENT);
	assert_int_equal(store_policy_remove(f->s, "nobody's"), ENOENT);
	assert_int_equal(store_policy_get(f->s, "nobody's", &p), ENOENT);

	assert_int_equal(store_grant_user(f->s, "alice", "Alpha"), 0);
	assert_int_equal(store_policy_remove(f->s, "Alpha"), EBUSY);
	assert_int_equal(store_revoke_user(f->s, "alice"), 0);
	assert_int_equal(store_group_add(f->s, "board"), 0);
	assert_int_equal(store_grant_group(f->s, "board", "Alpha", 0), 0);
	assert_int_equal(store_policy_remove(f->s, "alpha"), EBUSY);
	assert_int_equal(store_revoke_group(f->s, "board"), 0);
	assert_int_equal(store_policy_remove(f->s, "alpha"), 0);
	assert_int_equal(store_revoke_group(f->s, "board"), ENOENT);
	assert_int_equal(store_revoke_user(f->s, "alice"), ENOENT);
	assert_string_equal(policies(f->s, text),
			    "Global=Disabled() Zeta=Disabled() ");
	assert_int_equal(store_grant_user(f->s, "alice", "Alpha"), ENOENT);
}

/* Ranks are 1, 2, 3 ... whatever happens. */
static void ranks(void **state)
{
	static const struct {
		char what; /* g: grant, r: revoke, x: remove the group */
		const char *group;
		unsigned rank;
		const char *after;
	} steps[] = {
		{'g', "a", 0, "1:a=P "},
		{'g', "b", 0, "1:a=P 2:b=P "},
		{'g', "c", 1, "1:c=P 2:a=P 3:b=P "},
		{'g', "d", 2, "1:c=P 2:d=P 3:a=P 4:b=P "},
		{'g', "e", 99, "1:c=P 2:d=P 3:a=P 4:b=P 5:e=P "},
		{'r', "d", 0, "1:c=P 2:a=P 3:b=P 4:e=P "},
		/* moved: its own grant goes first */
		{'g', "c", 3, "1:a=P 2:b=P 3:c=P 4:e=P "},
		{'g', "a", 0, "1:b=P 2:c=P 3:e=P 4:a=P "},
		{'g', "A", 1, "1:a=P 2:b=P 3:c=P 4:e=P "},
		{'x', "b", 0, "1:a=P 2:c=P 3:e=P "},
		{'r', "a", 0, "1:c=P 2:e=P "},
		{'r', "e", 0, "1:c=P "},
		{'g', "d", 1, "1:d=P 2:c=P "},
	};
	struct fixture *f = *state;
	char text[1024], name[2] = "a";

	policy_add(f->s, "P", POLICY_DISABLED);
	for (; name[0] <= 'e'; name[0]++)
		assert_int_equal(store_group_add(f->s, name), 0);
	for (size_t i = 0; i < COUNT(steps); i++) {
		const char *group = steps[i].group;
		int err;

		if (steps[i].what == 'g')
			err = store_grant_group(f->s, group, "P",
						steps[i].rank);
		else if (steps[i].what == 'r')
			err = store_revoke_group(f->s, group);
		else
			err = store_group_remove(f->s, group);
		assert_int_equal(err, 0);
		assert_string_equal(grants(f->s, text), steps[i].after);
	}
	/* a grant of nothing changes nothing */
	assert_int_equal(store_grant_group(f->s, "c", "none", 1), ENOENT);
	assert_int_equal(store_grant_group(f->s, "none", "P", 1), ENOENT);
	assert_string_equal(grants(f->s, text), "1:d=P 2:c=P ");
}

static void effective_is(struct store *s, const char *user, const char *want)
{
	struct policy_subject p;
	char text[256];

	assert_int_equal(store_policy_subject(s, user, &p), 0);
	snprintf(text, sizeof(text), "%s by %s %s%s%u", p.policy,
		 policy_grant_name(p.by), p.group, p.group[0] ? " " : "",
		 p.rank);
	assert_string_equal(text, want);
}

static void effective(void **state)
{
	struct fixture *f = *state;
	struct policy_subject p;

	policy_add(f->s, "Own", POLICY_DISABLED_USER_OVERRIDE);
	policy_add(f->s, "Board", POLICY_DISABLED);
	policy_add(f->s, "Staff", POLICY_DISABLED);
	for (const char *const *g =
		     (const char *const[]){"board", "staff", "empty", NULL};
	     *g; g++)
		assert_int_equal(store_group_add(f->s, *g), 0);
	effective_is(f->s, "alice", "Global by global 0");

	assert_int_equal(store_grant_group(f->s, "empty", "Own", 1), 0);
	assert_int_equal(store_grant_group(f->s, "staff", "Staff", 2), 0);
	effective_is(f->s, "alice", "Global by global 0");
	assert_int_equal(store_member_add(f->s, "Staff", "alice"), 0);
	assert_int_equal(store_member_add(f->s, "staff", "alice"), EEXIST);
	assert_int_equal(store_member_add(f->s, "nowhere", "alice"), ENOENT);
	effective_is(f->s, "alice", "Staff by group staff 2");
	effective_is(f->s, "bob", "Global by global 0");

	/* in two groups: the lower rank wins, whichever was first */
	assert_int_equal(store_member_add(f->s, "board", "alice"), 0);
	assert_int_equal(store_grant_group(f->s, "board", "Board", 0), 0);
	effective_is(f->s, "alice", "Staff by group staff 2");
	assert_int_equal(store_grant_group(f->s, "board", "Board", 2), 0);
	effective_is(f->s, "alice", "Board by group board 2");

	/* a direct grant wins over both */
	assert_int_equal(store_grant_user(f->s, "alice", "own"), 0);
	effective_is(f->s, "alice", "Own by user 0");
	assert_int_equal(store_grant_user(f->s, "alice", "Global"), 0);
	effective_is(f->s, "alice", "Global by user 0");
	assert_int_equal(store_revoke_user(f->s, "alice"), 0);
	assert_int_equal(store_member_remove(f->s, "board", "alice"), 0);
	assert_int_equal(store_member_remove(f->s, "board", "alice"), ENOENT);
	effective_is(f->s, "alice", "Staff by group staff 3");

	assert_int_equal(store_policy_subject(f->s, "nobody", &p), 0);
	assert_false(p.known);
}

static void switches(void **state)
{
	struct fixture *f = *state;
	struct policy_subject p;

	assert_int_equal(store_policy_subject(f->s, "bob", &p), 0);
	assert_true(p.known && !p.on && !p.compliance);
	assert_int_equal(store_switch_set(f->s, "bob", SWITCH_E2EE, true), 0);
	assert_int_equal(store_policy_subject(f->s, "bob", &p), 0);
	assert_true(p.on && !p.compliance);
	assert_int_equal(store_switch_set(f->s, "bob", SWITCH_COMPLIANCE, true),
			 0);
	assert_int_equal(store_switch_set(f->s, "bob", SWITCH_E2EE, false), 0);
	assert_int_equal(store_policy_subject(f->s, "bob", &p), 0);
	assert_true(!p.on && p.compliance);
	assert_int_equal(store_policy_subject(f->s, "carol", &p), 0);
	assert_true(!p.on && !p.compliance);
}

/* Nothing of a user waits for the next one of that name; and all of it lives
 * through a restart. */
static void what_stays(void **state)
{
	struct fixture *f = *state;
	struct store_user again = {.name = "alice"};
	struct policy_subject p;
	char err[256], text[1024];

	policy_add(f->s, "P", POLICY_DISABLED_USER_OVERRIDE);
	assert_int_equal(store_group_add(f->s, "g"), 0);
	for (const char *const *u = (const char *const[]){"alice", "bob", NULL};
	     *u; u++) {
		assert_int_equal(store_member_add(f->s, "g", *u), 0);
		assert_int_equal(store_grant_user(f->s, *u, "P"), 0);
		assert_int_equal(store_switch_set(f->s, *u, SWITCH_E2EE, true),
				 0);
	}
	assert_int_equal(store_user_remove(f->s, "alice"), 0);
	assert_int_equal(store_user_add(f->s, &again), 0);
	store_close(f->s);
	assert_int_equal(store_open(&f->s, f->path, err, sizeof(err)), 0);
	effective_is(f->s, "alice", "Global by global 0");
	effective_is(f->s, "bob", "P by user 0");
	assert_int_equal(store_policy_subject(f->s, "alice", &p), 0);
	assert_false(p.on);
	assert_int_equal(store_policy_subject(f->s, "bob", &p), 0);
	assert_true(p.on);
	assert_string_equal(grants(f->s, text), "bob=P ");
}

int main(void)
{
#define STORED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decision),
		cmocka_unit_test(every_combination),
		cmocka_unit_test(names),
		cmocka_unit_test(calls),
		STORED(global_is_always_there),
		STORED(policies_come_and_go),
		STORED(ranks),
		STORED(effective),
		STORED(switches),
		STORED(what_stays),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
