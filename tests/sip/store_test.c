/* SPDX-License-Identifier: Apache-2.0 */
/* The store: what is written is there after a reopening, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/store/store.h"

struct place {
	char folder[64], path[96];
	struct store *s;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char err[128] = "";

	strcpy(p->folder, "/tmp/sallyport-store-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/db", p->folder);
	if (store_open(&p->s, p->path, err, sizeof(err)))
		fail_msg("%s", err);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm"};
	struct place *p = *state;
	char path[128];

	store_close(p->s);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", p->path, names[i]);
		unlink(path);
	}
	rmdir(p->folder);
	free(p);
	return 0;
}

static void reopen(struct place *p)
{
	char err[128] = "";

	store_close(p->s);
	if (store_open(&p->s, p->path, err, sizeof(err)))
		fail_msg("%s", err);
}

static void count_user(const struct store_user *u, void *arg)
{
	char *names = arg;

	strcat(names, u->name);
}

static void users(void **state)
{
	struct store_user u = {.name = "alice",
			       .ha1 = "0123456789abcdef0123456789abcdef",
			       .display = "Alice",
			       .profile = {.security = MEDIA_SDES,
					   .suites = {0x0007, 0x0001}}};
	struct place *p = *state;
	struct store_user got;
	char names[256] = "";

	assert_int_equal(store_user_get(p->s, "alice", &got), ENOENT);
	assert_int_equal(store_user_add(p->s, &u), 0);
	assert_int_equal(store_user_add(p->s, &u), EEXIST);
	strcpy(u.name, "bob");
	assert_int_equal(store_user_add(p->s, &u), 0);
	reopen(p);
	assert_int_equal(store_user_get(p->s, "alice", &got), 0);
	assert_string_equal(got.ha1, u.ha1);
	assert_string_equal(got.display, "Alice");
	assert_int_equal(got.profile.security, MEDIA_SDES);
	assert_int_equal(got.profile.suites[0], 0x0007);
	assert_int_equal(got.profile.suites[1], 0x0001);
	assert_int_equal(got.profile.suites[2], 0);
	assert_int_equal(store_user_list(p->s, count_user, names), 0);
	assert_string_equal(names, "alicebob");
	assert_int_equal(store_user_remove(p->s, "alice"), 0);
	assert_int_equal(store_user_remove(p->s, "alice"), ENOENT);
	assert_int_equal(store_user_get(p->s, "alice", &got), ENOENT);
}

static struct store_binding binding(const char *user, const char *contact,
				    int64_t expires)
{
	struct store_binding b = {.cseq = 3, .expires = expires};

	snprintf(b.user, sizeof(b.user), "%s", user);
	snprintf(b.contact, sizeof(b.contact), "%s", contact);
	strcpy(b.source, "10.0.0.1:5060");
	strcpy(b.local, "10.0.0.9:5060");
	strcpy(b.transport, "udp");
	strcpy(b.callid, "c");
	return b;
}

static void list_contacts(const struct store_binding *b, void *arg)
{
	char *text = arg;

	strcat(text, b->contact);
	strcat(text, " ");
}

static void assert_bound(struct place *p, const char *user, const char *want)
{
	char text[1024] = "";

	store_binding_list(p->s, user, list_contacts, text);
	assert_string_equal(text, want);
}

static void bindings(void **state)
{
	struct place *p = *state;
	struct store_binding b = binding("alice", "sip:1", 100);

	assert_int_equal(store_binding_put(p->s, &b), 0);
	assert_bound(p, "alice", "sip:1 "); /* at once, committed or not */
	b = binding("alice", "sip:2", 200);
	store_binding_put(p->s, &b);
	b = binding("bob", "sip:3", 50);
	store_binding_put(p->s, &b);
	b = binding("alice", "sip:1", 150); /* in the place of the first */
	store_binding_put(p->s, &b);
	assert_bound(p, "alice", "sip:1 sip:2 ");
	reopen(p);
	assert_bound(p, "bob", "sip:3 ");
	store_binding_expire(p->s, 150);
	assert_bound(p, "alice", "sip:2 ");
	assert_bound(p, NULL, "sip:2 ");
	assert_int_equal(store_binding_remove(p->s, "alice", "sip:1"), ENOENT);
	assert_int_equal(store_binding_remove(p->s, "alice", NULL), 0);
	assert_int_equal(store_binding_remove(p->s, "alice", NULL), ENOENT);
	reopen(p);
	assert_bound(p, NULL, "");
}

static void user_takes_bindings_along(void **state)
{
	struct store_user u = {.name = "alice"};
	struct store_binding b = binding("alice", "sip:1", 100);
	struct place *p = *state;

	store_user_add(p->s, &u);
	store_binding_put(p->s, &b);
	assert_int_equal(store_user_remove(p->s, "alice"), 0);
	reopen(p);
	assert_bound(p, NULL, "");
}

static void list_call(uint64_t id, const char *json, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%llu%s ", (unsigned long long)id, json);
}

/* Writes are many, and in order: what was said last holds. */
static void calls(void **state)
{
	struct place *p = *state;
	char json[16], text[256] = "";

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(json, sizeof(json), "{%u}", i);
		assert_int_equal(store_call_put(p->s, 1 + i % 3, json), 0);
		if (i == 1500)
			store_call_remove(p->s, 2);
	}
	store_call_remove(p->s, 3);
	store_call_list(p->s, list_call, text); /* waits for all of it */
	assert_string_equal(text, "1{1998} 2{1999} ");
	text[0] = '\0';
	reopen(p);
	store_call_list(p->s, list_call, text);
	assert_string_equal(text, "1{1998} 2{1999} ");
}

static void list_record(int64_t seq, const char *json, void *arg)
{
	json_t *j = json_loads(json, 0, NULL);

	(void)seq;
	strcat(arg, json_string_value(json_object_get(j, "from")));
	strcat(arg, " ");
	json_decref(j);
}

#define ALWAYS 0, INT64_MAX
static const struct {
	struct store_cdr_query q;
	const char *found;
	int64_t n; /* pages aside */
} searches[] = {
	{{"", ALWAYS, CDR_ANY, INT64_MAX, 100}, "f e d c b a ", 6},
	{{"", ALWAYS, CDR_ANY, INT64_MAX, 2}, "f e ", 6},
	{{"", ALWAYS, CDR_ANY, 5, 2}, "d c ", 6},
	{{"", 1001, 1003, CDR_ANY, INT64_MAX, 100}, "c b ", 2},
	{{"", ALWAYS, CDR_ANSWERED, INT64_MAX, 100}, "e c a ", 3},
	{{"", ALWAYS, CDR_UNANSWERED, INT64_MAX, 100}, "f d b ", 3},
	{{"", ALWAYS, CDR_E2EE, INT64_MAX, 100}, "d a ", 2},
	{{"", ALWAYS, CDR_RECORDED, INT64_MAX, 100}, "f c ", 2},
	{{"b", ALWAYS, CDR_ANY, INT64_MAX, 100}, "f b ", 2}, /* busy */
	{{"BUSY", ALWAYS, CDR_ANY, INT64_MAX, 100}, "f ", 1},
	{{"to-e", ALWAYS, CDR_ANY, INT64_MAX, 100}, "e ", 1},
	{{"carrier", ALWAYS, CDR_ANY, INT64_MAX, 100}, "d ", 1},
	{{"103", ALWAYS, CDR_ANY, INT64_MAX, 100}, "d ", 1}, /* its id */
	{{"%", ALWAYS, CDR_ANY, INT64_MAX, 100}, "", 0},
	{{"' OR 1", ALWAYS, CDR_ANY, INT64_MAX, 100}, "", 0},
	/* what is found stands in one of them, not across two */
	{{"ato", ALWAYS, CDR_ANY, INT64_MAX, 100}, "", 0},
};

static void records(void **state)
{
	struct place *p = *state;
	char json[256], text[256];

	for (int i = 0; i < 6; i++) {
		snprintf(json, sizeof(json),
			 "{\"from\":\"%c\",\"to\":\"to-%c\",\"answered\":%d,"
			 "\"e2ee\":%s,\"recordings\":%d,\"reason\":%s%s}",
			 'a' + i, 'a' + i, i % 2 ? 0 : 1000 + i,
			 i % 3 ? "false" : "true", i % 3 == 2,
			 i == 5 ? "\"Busy Here\"" : "null",
			 i == 3 ? ",\"trunk\":\"Carrier\"" : "");
		assert_int_equal(store_cdr_add(p->s, 100 + (uint64_t)i,
					       1000 + i, json),
				 0);
	}
	for (unsigned i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		int64_t found = -1, kept = -1;

		text[0] = '\0';
		assert_int_equal(store_cdr_find(p->s, &searches[i].q,
						list_record, text),
				 0);
		assert_string_equal(text, searches[i].found);
		assert_int_equal(store_cdr_count(p->s, &searches[i].q, &found,
						 &kept),
				 0);
		assert_int_equal(found, searches[i].n);
		assert_int_equal(kept, 6);
	}
}

static void modes(void **state)
{
	struct place *p = *state;
	struct stat st;
	char wal[128];

	store_call_put(p->s, 1, "{}");
	store_flush(p->s);
	snprintf(wal, sizeof(wal), "%s-wal", p->path);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* A database of a newer release, a file that is none, a folder that isn't
 * there: each with a sentence. */
static void refused(void **state)
{
	struct place *p = *state;
	struct store *other = NULL;
	char err[160] = "", path[128];
	sqlite3 *db;
	FILE *f;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_not_equal(store_open(&other, p->path, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "newer release"));

	snprintf(path, sizeof(path), "%s/none/db", p->folder);
	assert_int_not_equal(store_open(&other, path, err, sizeof(err)), 0);
	assert_non_null(strstr(err, path));

	snprintf(path, sizeof(path), "%s/text", p->folder);
	f = fopen(path, "w");
	for (int i = 0; i < 100; i++)
		fputs("this is no database at all\n", f);
	fclose(f);
	assert_int_not_equal(store_open(&other, path, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "not a database"));
	unlink(path);
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_PLACE(users),
		IN_PLACE(bindings),
		IN_PLACE(user_takes_bindings_along),
		IN_PLACE(calls),
		IN_PLACE(records),
		IN_PLACE(modes),
		IN_PLACE(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
