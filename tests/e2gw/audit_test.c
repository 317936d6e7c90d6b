/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: what was written is whole, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "control/audit/audit.h"
#include "control/audit/verify.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX  65536
#define LINES_MAX 64
#define RECORDS	  9 /* with that of the opening */

struct fixture {
	char folder[64], log[80];
	struct audit *a;
	char text[TEXT_MAX]; /* the log as it was written */
	size_t len;
	char *line[LINES_MAX]; /* its lines, with their newlines */
	size_t line_len[LINES_MAX];
	unsigned lines;
	struct audit_verdict v;
};

static const char *beside(const struct fixture *f, const char *suffix)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", f->log, suffix);
	return path;
}

static void file_write(const char *path, const char *p, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static size_t file_read(const char *path, char *p, size_t room)
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(p, 1, room, file);
	fclose(file);
	return n;
}

static void begin(struct fixture *f)
{
	char err[256];
	int e = audit_open(&f->a, f->log, err, sizeof(err));

	if (e)
		print_error("%s\n", err);
	assert_int_equal(e, 0);
}

static void end(struct fixture *f)
{
	audit_close(f->a);
	f->a = NULL;
}

/* Take in what stands there now, line by line. */
static void take(struct fixture *f)
{
	f->len = file_read(f->log, f->text, TEXT_MAX);
	f->lines = 0;
	for (char *p = f->text; p < f->text + f->len;) {
		char *nl = memchr(p, '\n', (size_t)(f->text + f->len - p));
		size_t n = nl ? (size_t)(nl + 1 - p)
			      : (size_t)(f->text + f->len - p);

		assert_true(f->lines < LINES_MAX);
		f->line[f->lines] = p;
		f->line_len[f->lines++] = n;
		p += n;
	}
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/audit-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->log, sizeof(f->log), "%s/audit.log", f->folder);
	begin(f);
	for (int i = 1; i < RECORDS; i++) {
		audit_add(f->a, "call-started",
			  json_pack("{s:i, s:s}", "call", i, "who",
				    "sip:\"al\\ice\"@example \n"));
		if (i == 4)
			assert_true(audit_flush(
				f->a, 60000)); /* two groups at least */
	}
	end(f);
	take(f);
	assert_int_equal(f->lines, RECORDS);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const suffixes[] = {"",     ".head",	    ".pub",
					       ".key", ".head.new", ".kept"};
	struct fixture *f = *state;

	if (f->a)
		audit_close(f->a);
	for (size_t i = 0; i < COUNT(suffixes); i++)
		unlink(beside(f, suffixes[i]));
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static bool whole(struct fixture *f)
{
	assert_int_equal(audit_verify(f->log, NULL, NULL, &f->v), 0);
	assert_true(f->v.text[0]);
	return f->v.whole;
}

/* Put these lines there in the place of the log. */
static void put_lines(struct fixture *f, const unsigned *order, unsigned n)
{
	char *p = malloc(TEXT_MAX);
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		memcpy(p + len, f->line[order[i]], f->line_len[order[i]]);
		len += f->line_len[order[i]];
	}
	file_write(f->log, p, len);
	free(p);
}

static void what_was_written_is_whole(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_true(whole(f));
	assert_int_equal(f->v.records, RECORDS);
	assert_int_equal(f->v.head, RECORDS);
	assert_non_null(strchr(f->v.first, 'T'));
	assert_int_equal(stat(beside(f, ".key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(beside(f, ".pub"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(stat(f->log, &st), 0);
	assert_int_equal(st.st_mode & 0037, 0); /* others can't read it */
}

/* Any one bit of the log, whichever it is. */
static void any_flip_is_caught(void **state)
{
	struct fixture *f = *state;
	unsigned caught = 0;

	for (size_t i = 0; i < f->len; i++) {
		char was = f->text[i];

		f->text[i] = (char)(was ^ 1 << i % 8);
		file_write(f->log, f->text, f->len);
		f->text[i] = was;
		if (!whole(f))
			caught++;
		else
			print_error("octet %zu of %zu: %c\n", i, f->len, was);
	}
	assert_int_equal(caught, f->len);
	file_write(f->log, f->text, f->len);
	assert_true(whole(f));
}

static void a_head_that_was_changed_is_caught(void **state)
{
	struct fixture *f = *state;
	char head[CHAIN_LINE_MAX];
	size_t n = file_read(beside(f, ".head"), head, sizeof(head));

	for (size_t i = 0; i < n; i++) {
		head[i] ^= 1;
		file_write(beside(f, ".head"), head, n);
		head[i] ^= 1;
		assert_false(whole(f));
	}
	file_write(beside(f, ".head"), head, n - 1);
	assert_false(whole(f));
	file_write(beside(f, ".head"), head, n);
	assert_true(whole(f));
}

static void cuts_gaps_and_orders(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		unsigned order[RECORDS + 1];
		unsigned good;
		const char *words;
	} cases[] = {
		{"tail", 8, {0, 1, 2, 3, 4, 5, 6, 7}, 8, "tail was cut off"},
		{"all but one", 1, {0}, 1, "tail was cut off"},
		{"everything", 0, {0}, 0, "tail was cut off"},
		{"first", 8, {1, 2, 3, 4, 5, 6, 7, 8}, 0, "missing"},
		{"middle", 8, {0, 1, 2, 3, 5, 6, 7, 8}, 4, "missing"},
		{"swapped", 9, {0, 1, 3, 2, 4, 5, 6, 7, 8}, 2, "missing"},
		{"twice", 10, {0, 1, 2, 2, 3, 4, 5, 6, 7, 8}, 3, "order"},
		{"again at the end",
		 10,
		 {0, 1, 2, 3, 4, 5, 6, 7, 8, 4},
		 9,
		 "order"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		put_lines(f, cases[i].order, cases[i].n);
		if (whole(f))
			fail_msg("%s wasn't noticed", cases[i].name);
		assert_int_equal(f->v.records, cases[i].good);
		if (!strstr(f->v.text, cases[i].words))
			fail_msg("%s: %s", cases[i].name, f->v.text);
	}
	/* in the midst of a line, and between its text and its newline */
	file_write(f->log, f->text, f->len - 20);
	assert_false(whole(f));
	file_write(f->log, f->text, f->len - 1);
	assert_false(whole(f));
}

/* A chain that is right in itself, by somebody else's key. */
static void another_key_is_caught(void **state)
{
	struct fixture *f = *state, other = {0};
	char key[128];
	size_t n;

	strcpy(other.folder, "/tmp/audit-test-XXXXXX");
	assert_non_null(mkdtemp(other.folder));
	snprintf(other.log, sizeof(other.log), "%s/audit.log", other.folder);
	begin(&other);
	end(&other);
	assert_true(whole(&other));
	n = file_read(beside(f, ".pub"), key, sizeof(key));
	file_write(beside(&other, ".pub"), key, n);
	assert_false(whole(&other));
	for (const char *const *s =
		     (const char *const[]){"", ".head", ".pub", ".key", NULL};
	     *s; s++)
		unlink(beside(&other, *s));
	rmdir(other.folder);
}

/* Log and head put back to an earlier state are right in themselves; a head
 * that was kept elsewhere shows it. */
static void a_kept_head_finds_a_log_put_back(void **state)
{
	struct fixture *f = *state;
	char head[CHAIN_LINE_MAX];
	size_t n;

	n = file_read(beside(f, ".head"), head, sizeof(head));
	begin(f);
	audit_add(f->a, "feature-refused", NULL);
	end(f);
	assert_true(whole(f));
	assert_int_equal(f->v.records, RECORDS + 2);
	{
		char now[CHAIN_LINE_MAX];
		size_t m = file_read(beside(f, ".head"), now, sizeof(now));

		file_write(beside(f, ".kept"), now, m);
	}
	file_write(f->log, f->text, f->len); /* as it was */
	file_write(beside(f, ".head"), head, n);
	assert_true(whole(f));
	assert_int_equal(audit_verify(f->log, NULL, beside(f, ".kept"), &f->v),
			 0);
	assert_false(f->v.whole);
	assert_non_null(strstr(f->v.text, "cut off"));
}

static void it_goes_on_after_a_stop(void **state)
{
	struct fixture *f = *state;
	json_t *list;

	for (int i = 0; i < 3; i++) {
		begin(f);
		audit_add(f->a, "again", json_pack("{s:i}", "i", i));
		end(f);
	}
	assert_true(whole(f));
	assert_int_equal(f->v.records, RECORDS + 6);
	begin(f);
	assert_true(audit_flush(f->a, 60000));
	list = audit_list(f->a, &(struct audit_query){.max = 3});
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(list, 1), "event")),
			    "again");
	assert_int_equal(json_integer_value(
				 json_object_get(json_array_get(list, 1), "i")),
			 2);
	json_decref(list);
	list = audit_list(f->a, &(struct audit_query){.max = 1000});
	assert_int_equal(json_array_size(list), RECORDS + 7);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(list, RECORDS + 6), "event")),
		"log-opened");
	json_decref(list);
}

/* A crash between a write and the next: the torn line goes, and the log says
 * so. */
static void a_torn_line_is_mended(void **state)
{
	struct fixture *f = *state;

	file_write(f->log, f->text, f->len);
	f->text[f->len] = '{';
	file_write(f->log, f->text, f->len + 1);
	assert_true(whole(f)); /* perhaps it is being written just now */
	begin(f);
	end(f);
	assert_true(whole(f));
	take(f);
	assert_non_null(strstr(f->line[RECORDS], "log-damaged"));
}

/* A tail that is gone stays gone for whoever looks, also after a start. */
static void a_lost_tail_stays_visible(void **state)
{
	static const unsigned order[] = {0, 1, 2, 3, 4};
	struct fixture *f = *state;

	put_lines(f, order, 5);
	assert_false(whole(f));
	begin(f);
	end(f);
	assert_false(whole(f));
	assert_int_equal(f->v.records, 5);
	take(f);
	assert_non_null(strstr(f->line[5], "log-damaged"));
	assert_non_null(strstr(f->line[5], "\"seq\":10,"));
}

static void refuses_to_begin(void **state)
{
	struct fixture *f = *state;
	char err[256], key[256];
	struct audit *second;
	size_t n;

	/* two writers */
	begin(f);
	assert_int_not_equal(audit_open(&second, f->log, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "another program"));
	end(f);
	/* a key that others may read */
	assert_int_equal(chmod(beside(f, ".key"), 0640), 0);
	assert_int_equal(audit_open(&second, f->log, err, sizeof(err)), EACCES);
	assert_non_null(strstr(err, "chmod 600"));
	/* no key */
	n = file_read(beside(f, ".key"), key, sizeof(key));
	unlink(beside(f, ".key"));
	assert_int_equal(audit_open(&second, f->log, err, sizeof(err)), ENOENT);
	assert_non_null(strstr(err, "is missing"));
	/* junk in the key's place, and where the log and head should be */
	file_write(beside(f, ".key"), "nonsense\n", 9);
	chmod(beside(f, ".key"), 0600);
	assert_int_equal(audit_open(&second, f->log, err, sizeof(err)), EINVAL);
	file_write(beside(f, ".key"), key, n);
	chmod(beside(f, ".key"), 0600);
	file_write(f->log, "junk\n", 5);
	unlink(beside(f, ".head"));
	assert_int_equal(audit_open(&second, f->log, err, sizeof(err)), EINVAL);
	assert_non_null(strstr(err, "neither"));
}

static void records_are_escaped_and_bounded(void **state)
{
	struct fixture *f = *state;
	char *big = malloc(CHAIN_RECORD_MAX + 1);

	memset(big, 'x', CHAIN_RECORD_MAX);
	big[CHAIN_RECORD_MAX] = '\0';
	begin(f);
	/* nobody writes a line of the log through a name */
	audit_add(f->a, "odd",
		  json_pack("{s:s}", "who", "x\"}\n{\"record\":{\"seq\":1"));
	audit_add(f->a, "big", json_pack("{s:s}", "text", big));
	assert_true(audit_flush(f->a, 60000));
	end(f);
	free(big);
	assert_true(whole(f));
	take(f);
	/* opened, odd; what was too big is counted */
	assert_int_equal(f->lines, RECORDS + 3);
	assert_non_null(strstr(f->line[RECORDS + 2], "records-lost"));
	audit_add(NULL, "nobody keeps it", json_object());
}

/* The files themselves are missing: nothing is known, which isn't "whole". */
static void missing_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(audit_verify("/nowhere/at.all", NULL, NULL, &f->v),
			 -1);
	assert_false(f->v.whole);
	unlink(beside(f, ".head"));
	assert_int_equal(audit_verify(f->log, NULL, NULL, &f->v), -1);
	assert_false(f->v.whole);
	file_write(beside(f, ".pub"), "no key\n", 7);
	assert_int_equal(audit_verify(f->log, NULL, NULL, &f->v), -1);
	assert_false(f->v.whole);
}

/* Verified by this test's own hands, from chain.h's description. */
static void the_form_is_as_described(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32], message[128], key[32];
	char hex[65];

	assert_true(audit_key_read(beside(f, ".pub"), key, hex, sizeof(hex)));
	memcpy(message, "sallyport-audit/1 key ", 22);
	memcpy(message + 22, key, 32);
	crypto_hash_sha256(hash, message, 54);
	for (unsigned i = 0; i < f->lines; i++) {
		const char *record = f->line[i] + strlen("{\"record\":");
		const char *tail = strstr(record, ",\"hash\":\"");
		size_t n = (size_t)(tail - record);
		uint8_t *all = malloc(25 + 32 + n), sig[64];

		memcpy(all, "sallyport-audit/1 record ", 25);
		memcpy(all + 25, hash, 32);
		memcpy(all + 57, record, n);
		crypto_hash_sha256(hash, all, 57 + n);
		free(all);
		sodium_bin2hex(hex, sizeof(hex), hash, 32);
		assert_memory_equal(tail + 9, hex, 64);
		sodium_hex2bin(sig, 64, strstr(tail, "\"sig\":\"") + 7, 128,
			       NULL, NULL, NULL);
		memcpy(message, "sallyport-audit/1 record ", 25);
		memcpy(message + 25, hash, 32);
		assert_int_equal(
			crypto_sign_verify_detached(sig, message, 57, key), 0);
	}
}

int main(void)
{
#define LOG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOG(what_was_written_is_whole),
		LOG(the_form_is_as_described),
		LOG(any_flip_is_caught),
		LOG(a_head_that_was_changed_is_caught),
		LOG(cuts_gaps_and_orders),
		LOG(another_key_is_caught),
		LOG(a_kept_head_finds_a_log_put_back),
		LOG(it_goes_on_after_a_stop),
		LOG(a_torn_line_is_mended),
		LOG(a_lost_tail_stays_visible),
		LOG(refuses_to_begin),
		LOG(records_are_escaped_and_bounded),
		LOG(missing_files),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
