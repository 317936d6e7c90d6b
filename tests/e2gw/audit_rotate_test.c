/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* nftw */
/* The audit log over several files: one chain, and every one of them needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/audit/audit.h"
#include "control/audit/files.h"
#include "control/audit/verify.h"

#define FILE_OCTETS 2000
#define ADDED	    40

struct fixture {
	char folder[64], log[PATH_MAX];
	struct audit *a;
	struct audit_file *files;
	int n;
	struct audit_verdict v;
};

static void begin(struct fixture *f, uint64_t octets)
{
	char err[256] = "";

	assert_int_equal(audit_open(&f->a, f->log, err, sizeof(err)), 0);
	audit_file_max(f->a, octets);
}

static void end(struct fixture *f)
{
	audit_close(f->a);
	f->a = NULL;
}

static void add(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		audit_add(f->a, "call-started",
			  json_pack("{s:i}", "call", (int)i));
		assert_true(audit_flush(f->a, 60000));
	}
}

static void look(struct fixture *f)
{
	free(f->files);
	f->n = audit_files(f->log, &f->files);
	assert_int_equal(audit_verify(f->log, NULL, NULL, &f->v), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/audit_rotate_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->log, sizeof(f->log), "%s/audit.log", f->folder);
	begin(f, FILE_OCTETS);
	add(f, ADDED);
	*state = f;
	return 0;
}

static int drop(const char *path, const struct stat *st, int flag,
		struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	audit_close(f->a);
	nftw(f->folder, drop, 8, FTW_DEPTH | FTW_PHYS);
	free(f->files);
	free(f);
	return 0;
}

static void one_chain_over_all_files(void **state)
{
	struct fixture *f = *state;
	json_t *list = audit_list(f->a, &(struct audit_query){.max = 1000});

	look(f);
	assert_true(f->n >= 3);
	assert_true(f->v.whole);
	assert_int_equal(f->v.records, ADDED + 1);
	assert_int_equal(json_array_size(list), ADDED + 1);
	for (unsigned i = 0; i <= ADDED; i++)
		assert_int_equal(json_integer_value(json_object_get(
					 json_array_get(list, i), "seq")),
				 ADDED + 1 - i);
	json_decref(list);
	for (int i = 0; i < f->n; i++) {
		struct stat st;

		assert_int_equal(stat(f->files[i].path, &st), 0);
		assert_in_range(st.st_size, FILE_OCTETS, FILE_OCTETS + 4096);
		assert_int_equal(st.st_mode & 0777, 0640);
	}
}

/* Of records that are in several files. */
static void searched(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct audit_query q;
		size_t n;
		json_int_t first; /* its number */
	} cases[] = {
		{{3, 0, NULL}, 3, ADDED + 1},
		{{3, 10, ""}, 3, 9},
		{{1000, 10, NULL}, 9, 9},
		{{1000, 1, NULL}, 0, 0},
		{{1000, 0, "LOG-OPENED"}, 1, 1},
		{{1000, 0, "\"seq\":7,"}, 1, 7},
		{{1000, 7, "\"seq\":7,"}, 0, 0},
		{{1000, 0, "not in there"}, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *list = audit_list(f->a, &cases[i].q);

		assert_int_equal(json_array_size(list), cases[i].n);
		if (cases[i].n)
			assert_int_equal(
				json_integer_value(json_object_get(
					json_array_get(list, 0), "seq")),
				cases[i].first);
		json_decref(list);
	}
}

static void it_goes_on_after_a_stop(void **state)
{
	struct fixture *f = *state;

	end(f);
	begin(f, FILE_OCTETS);
	add(f, ADDED);
	end(f);
	look(f);
	assert_true(f->v.whole);
	assert_int_equal(f->v.records, 2 * (ADDED + 1));
}

/* No event tells that anything was wrong. */
static void no_damage(struct fixture *f)
{
	const struct audit_query one = {.max = 1};
	json_t *list = audit_list(f->a, &one),
	       *latest = json_array_get(list, 0);

	assert_string_equal(json_string_value(json_object_get(latest, "event")),
			    "log-opened");
	json_decref(list);
	look(f);
	assert_true(f->v.whole);
}

/* A stop, or a crash, just as the next file has begun. */
static void the_next_file_is_empty(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	end(f);
	begin(f, 1); /* every batch fills a file */
	add(f, 1);
	end(f);
	assert_int_equal(stat(f->log, &st), 0);
	assert_int_equal(st.st_size, 0);
	look(f);
	assert_true(f->v.whole);
	begin(f, 0);
	assert_true(audit_flush(f->a, 60000));
	no_damage(f);
}

static void a_crash_between_the_names(void **state)
{
	struct fixture *f = *state;
	char next[PATH_MAX + 8];

	end(f);
	begin(f, 1);
	add(f, 1);
	end(f);
	snprintf(next, sizeof(next), "%s.next", f->log);
	assert_int_equal(rename(f->log, next), 0);
	begin(f, 1);
	add(f, 2);
	look(f);
	assert_true(f->v.whole);
	assert_int_equal(access(next, F_OK), -1);
}

static void a_missing_file_shows(void **state)
{
	struct fixture *f = *state;

	look(f);
	for (int i = 0; i < f->n; i++) {
		char away[PATH_MAX + 8];
		struct audit_verdict v;

		snprintf(away, sizeof(away), "%s.away", f->files[i].path);
		assert_int_equal(rename(f->files[i].path, away), 0);
		assert_int_equal(audit_verify(f->log, NULL, NULL, &v), 0);
		assert_false(v.whole);
		assert_non_null(strstr(v.text, "missing"));
		assert_int_equal(rename(away, f->files[i].path), 0);
	}
	look(f);
	assert_true(f->v.whole);
}

static void the_newest_of_them_is_not_left_out(void **state)
{
	struct fixture *f = *state;

	look(f);
	assert_int_equal(truncate(f->files[f->n - 1].path, 0), 0);
	look(f);
	assert_false(f->v.whole);
}

static void files_that_are_not_ours(void **state)
{
	static const char *const names[] = {"x", "123", "0000000000012",
					    ".new"};
	struct fixture *f = *state;

	look(f);
	for (unsigned i = 0; i < 4; i++) {
		char path[PATH_MAX + 32];
		FILE *file;

		/* the third has a number, and another log's name */
		snprintf(path, sizeof(path), "%s%s.%s", f->log,
			 i == 2 ? "s" : "", names[i]);
		file = fopen(path, "w");
		assert_non_null(file);
		fclose(file);
	}
	look(f);
	assert_true(f->v.whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(one_chain_over_all_files),
		T(searched),
		T(it_goes_on_after_a_stop),
		T(the_next_file_is_empty),
		T(a_crash_between_the_names),
		T(a_missing_file_shows),
		T(the_newest_of_them_is_not_left_out),
		T(files_that_are_not_ours),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
