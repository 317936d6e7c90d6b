/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_identity_test.c - the identity, the remembered peers, and
 * their files: modes, passphrases, damage, what is replaced and what isn't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/e2ee/e2ee.h"

#define BOB   "sip:bob@hq.example"
#define CAROL "sip:carol@hq.example"

static char folder[64], path[128];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/e2ee-identity-XXXXXX");
	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

/* @return how many files are in the folder. */
static int files(void)
{
	DIR *d = opendir(folder);
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	char other[160];

	(void)state;
	unlink(path);
	snprintf(other, sizeof(other), "%s.else", path);
	unlink(other);
	rmdir(path);
	return rmdir(folder);
}

static size_t slurp(char *out, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, room - 1, f);
	out[n] = 0;
	fclose(f);
	return n;
}

static void spill(const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static enum store_error load(const char *pass)
{
	enum store_error why;
	struct identity *id =
		store_identity_load(path, pass, pass ? strlen(pass) : 0, &why);

	assert_int_equal(id != NULL, why == STORE_OK);
	identity_free(id);
	return why;
}

/* ---- the identity ---- */

static void fresh(void **state)
{
	struct identity *a = identity_new(), *b = identity_new();
	uint8_t sig[64];

	(void)state;
	assert_memory_not_equal(identity_key(a), identity_key(b), 32);
	identity_sign(a, sig, (const uint8_t *)"text", 4);
	assert_int_equal(crypto_sign_verify_detached(sig,
						     (const uint8_t *)"text", 4,
						     identity_key(a)),
			 0);
	assert_int_not_equal(
		crypto_sign_verify_detached(sig, (const uint8_t *)"text", 4,
					    identity_key(b)),
		0);
	identity_free(a);
	identity_free(b);
	identity_free(NULL);
}

static void saved(void **state)
{
	struct identity *id = identity_new(), *back;
	enum store_error why;
	struct stat st;

	(void)state;
	umask(0); /* the mode isn't left to it */
	assert_int_equal(load(NULL), STORE_NONE);
	assert_int_equal(store_identity_save(path, id, NULL, 0, false), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(files(), 1); /* nothing is left beside it */
	back = store_identity_load(path, NULL, 0, &why);
	assert_non_null(back);
	assert_memory_equal(identity_key(back), identity_key(id), 32);
	/* a passphrase where there is none doesn't matter */
	assert_int_equal(load("secret"), STORE_OK);
	identity_free(back);
	identity_free(id);
}

static void not_replaced(void **state)
{
	struct identity *a = identity_new(), *b = identity_new(), *back;
	enum store_error why;

	(void)state;
	assert_int_equal(store_identity_save(path, a, NULL, 0, false), 0);
	assert_int_equal(store_identity_save(path, b, NULL, 0, false),
			 STORE_EXISTS);
	back = store_identity_load(path, NULL, 0, &why);
	assert_memory_equal(identity_key(back), identity_key(a), 32);
	identity_free(back);
	assert_int_equal(store_identity_save(path, b, NULL, 0, true), 0);
	back = store_identity_load(path, NULL, 0, &why);
	assert_memory_equal(identity_key(back), identity_key(b), 32);
	identity_free(back);
	assert_int_equal(files(), 1);
	identity_free(a);
	identity_free(b);
}

static void passphrase(void **state)
{
	struct identity *id = identity_new(), *back;
	char text[1024], seed[65];
	enum store_error why;

	(void)state;
	assert_int_equal(store_identity_save(path, id, "secret", 6, false), 0);
	slurp(text, sizeof(text));
	assert_non_null(strstr(text, "argon2id "));
	assert_null(strstr(text, "seed "));
	assert_int_equal(load(NULL), STORE_LOCKED);
	assert_int_equal(load("Secret"), STORE_PASSPHRASE);
	assert_int_equal(load("secret "), STORE_PASSPHRASE);
	back = store_identity_load(path, "secret", 6, &why);
	assert_non_null(back);
	assert_memory_equal(identity_key(back), identity_key(id), 32);
	/* and taken off again: only then the seed is in the file */
	assert_int_equal(store_identity_save(path, back, NULL, 0, true), 0);
	slurp(text, sizeof(text));
	memcpy(seed, strstr(text, "seed ") + 5, 64);
	seed[64] = 0;
	assert_int_equal(store_identity_save(path, back, "secret", 6, true), 0);
	slurp(text, sizeof(text));
	assert_null(strstr(text, seed));
	identity_free(back);
	identity_free(id);
}

static void modes(void **state)
{
	static const mode_t refused[] = {0640, 0604, 0660,  0666, 0644,
					 0700, 0400, 04600, 0601};
	struct identity *id = identity_new();

	(void)state;
	assert_int_equal(store_identity_save(path, id, NULL, 0, false), 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(chmod(path, refused[i]), 0);
		assert_int_equal(load(NULL), STORE_MODE);
	}
	chmod(path, 0600);
	assert_int_equal(load(NULL), STORE_OK);
	if (!geteuid()) { /* somebody else's */
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(load(NULL), STORE_OWNER);
	}
	identity_free(id);
}

static void not_a_file(void **state)
{
	struct identity *id = identity_new();
	char other[160];

	(void)state;
	snprintf(other, sizeof(other), "%s.else", path);
	assert_int_equal(store_identity_save(other, id, NULL, 0, false), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(load(NULL), STORE_NOT_FILE);
	assert_int_equal(store_identity_save(path, id, NULL, 0, false),
			 STORE_EXISTS);
	unlink(path);
	assert_int_equal(mkdir(path, 0600), 0);
	assert_int_equal(load(NULL), STORE_NOT_FILE);
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(NULL), STORE_NOT_FILE); /* and doesn't hang */
	unlink(path);
	snprintf(other, sizeof(other), "%s/no/such/file", folder);
	assert_int_equal(store_identity_save(other, id, NULL, 0, false),
			 STORE_IO);
	identity_free(id);
}

/* Every octet of the file counts: none can be another. */
static void damaged(void **state)
{
	struct identity *id = identity_new();
	char text[IDENTITY_TEXT_MAX], bad[IDENTITY_TEXT_MAX + 1];
	enum identity_error why;
	size_t n = identity_write(id, NULL, 0, text);

	(void)state;
	assert_int_equal(strlen(text), n);
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(bad, text, n);
			bad[i] = (char)(bad[i] ^ 1 << bit);
			assert_null(identity_read(bad, n, NULL, 0, &why));
			assert_int_equal(why, IDENTITY_FORMAT);
		}
	for (size_t i = 0; i < n; i++) {
		assert_null(identity_read(text, i, NULL, 0, &why));
		assert_int_equal(why, IDENTITY_FORMAT);
	}
	memcpy(bad, text, n);
	bad[n] = '\n';
	assert_null(identity_read(bad, n + 1, NULL, 0, &why));
	spill(text, n - 1, 0600);
	assert_int_equal(load(NULL), STORE_FORMAT);
	memset(bad, 'x', sizeof(bad));
	spill(bad, sizeof(bad), 0600);
	assert_int_equal(load(NULL), STORE_FORMAT);
	identity_free(id);
}

/* The same of a sealed one, and costs that would hang or starve us. */
static void damaged_sealed(void **state)
{
	static const char *const costs[] = {
		"argon2id 0 65536 ",   "argon2id 17 65536 ",
		"argon2id 2 0 ",       "argon2id 2 7 ",
		"argon2id 2 1048577 ", "argon2id 2 99999999999999999999 ",
		"argon2id 02 65536 ",  "argon2id  2 65536 ",
		"argon2id -2 65536 ",  "argon2id 2 65536  ",
	};
	struct identity *id = identity_new();
	char text[IDENTITY_TEXT_MAX], bad[2 * IDENTITY_TEXT_MAX];
	enum identity_error why;
	size_t n = identity_write(id, "pass", 4, text);
	char *at = strstr(text, "argon2id"), *box;

	(void)state;
	assert_true(n > 0 && at);
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		int len = snprintf(bad, sizeof(bad), "%.*s%s%s",
				   (int)(at - text), text, costs[i],
				   at + strlen("argon2id 2 65536 "));

		assert_null(identity_read(bad, (size_t)len, "pass", 4, &why));
		if (why != IDENTITY_FORMAT)
			fail_msg("%s: %d", costs[i], why);
	}
	for (size_t i = 0; i < n; i++) {
		assert_null(identity_read(text, i, "pass", 4, &why));
		assert_int_equal(why, IDENTITY_FORMAT);
	}
	box = strrchr(text, ' ') + 1;
	box[10] = box[10] == '0' ? '1' : '0';
	assert_null(identity_read(text, n, "pass", 4, &why));
	assert_int_equal(why, IDENTITY_PASSPHRASE);
	box[10] = 'A';
	assert_null(identity_read(text, n, "pass", 4, &why));
	assert_int_equal(why, IDENTITY_FORMAT);
	identity_free(id);
}

/* ---- the remembered peers ---- */

static const uint8_t *key(uint8_t n)
{
	static uint8_t k[16][32];
	static unsigned next;
	uint8_t *p = k[next++ % 16];

	memset(p, n, 32);
	return p;
}

static void judged(void **state)
{
	struct peers *ps = peers_new();

	(void)state;
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_FIRST);
	assert_false(peers_once(ps, BOB));
	assert_false(peers_changed(ps));
	assert_true(peers_remember(ps, BOB, key(1)));
	assert_true(peers_changed(ps));
	assert_false(peers_changed(ps));
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_KNOWN);
	assert_int_equal(peers_judge(ps, BOB, key(2)), PEERS_NEW);
	assert_int_equal(peers_judge(ps, CAROL, key(1)), PEERS_FIRST);
	assert_true(peers_remember(ps, BOB, key(2)));
	assert_false(peers_verify(ps, BOB, key(3), true));
	assert_false(peers_verify(ps, CAROL, key(1), true));
	assert_true(peers_verify(ps, BOB, key(2), true));
	assert_int_equal(peers_judge(ps, BOB, key(2)), PEERS_VERIFIED);
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_KNOWN);
	assert_int_equal(peers_judge(ps, BOB, key(3)), PEERS_REFUSE);
	assert_false(peers_remember(ps, BOB, key(3))); /* not by the back */
	assert_int_equal(peers_judge(ps, BOB, key(3)), PEERS_REFUSE);
	/* remembering again doesn't lose the mark */
	assert_true(peers_remember(ps, BOB, key(2)));
	assert_int_equal(peers_judge(ps, BOB, key(2)), PEERS_VERIFIED);
	assert_true(peers_verify(ps, BOB, key(2), false));
	assert_int_equal(peers_judge(ps, BOB, key(3)), PEERS_NEW);
	peers_free(ps);
}

static void eight_keys(void **state)
{
	struct peers *ps = peers_new();

	(void)state;
	for (uint8_t i = 1; i <= 8; i++)
		assert_true(peers_remember(ps, BOB, key(i)));
	assert_true(peers_remember(ps, BOB, key(1))); /* used again */
	assert_true(peers_remember(ps, BOB, key(9)));
	assert_int_equal(peers_judge(ps, BOB, key(2)), PEERS_NEW); /* went */
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_KNOWN);
	for (uint8_t i = 3; i <= 9; i++)
		assert_int_equal(peers_judge(ps, BOB, key(i)), PEERS_KNOWN);
	peers_free(ps);
}

static void forgotten(void **state)
{
	struct peers *ps = peers_new();

	(void)state;
	peers_remember(ps, BOB, key(1));
	peers_remember(ps, BOB, key(2));
	peers_verify(ps, BOB, key(2), true);
	assert_false(peers_forget(ps, BOB, key(3)));
	assert_false(peers_forget(ps, CAROL, NULL));
	assert_true(peers_forget(ps, BOB, key(2)));
	assert_int_equal(peers_judge(ps, BOB, key(2)), PEERS_NEW);
	assert_true(peers_forget(ps, BOB, key(1)));
	assert_true(peers_once(ps, BOB)); /* that it once was, stays */
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_FIRST);
	assert_true(peers_forget(ps, BOB, NULL));
	assert_false(peers_once(ps, BOB));
	peers_free(ps);
}

/* Callers by the thousand push out each other, but nobody verified. */
static void many(void **state)
{
	struct peers *ps = peers_new();
	char aor[64];

	(void)state;
	peers_remember(ps, BOB, key(1));
	peers_verify(ps, BOB, key(1), true);
	peers_remember(ps, CAROL, key(2));
	for (int i = 0; i < PEERS_MAX; i++) {
		snprintf(aor, sizeof(aor), "sip:u%d@x", i);
		assert_true(peers_remember(ps, aor, key(3)));
	}
	assert_int_equal(peers_judge(ps, BOB, key(1)), PEERS_VERIFIED);
	assert_false(peers_once(ps, CAROL));
	peers_free(ps);
}

static void peers_saved(void **state)
{
	struct peers *ps = peers_new(), *back;
	enum store_error why;
	struct stat st;
	unsigned line;
	char *a, *b;
	size_t n, m;

	(void)state;
	back = store_peers_load(path, &why, &line); /* none yet: nobody */
	assert_non_null(back);
	assert_int_equal(why, STORE_OK);
	peers_free(back);
	for (uint8_t i = 1; i <= 8; i++)
		peers_remember(ps, BOB, key(i));
	peers_verify(ps, BOB, key(4), true);
	peers_remember(ps, CAROL, key(1));
	peers_forget(ps, CAROL, key(1));
	assert_int_equal(store_peers_save(path, ps), STORE_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	back = store_peers_load(path, &why, NULL);
	assert_non_null(back);
	assert_int_equal(peers_judge(back, BOB, key(4)), PEERS_VERIFIED);
	assert_int_equal(peers_judge(back, BOB, key(5)), PEERS_KNOWN);
	assert_int_equal(peers_judge(back, BOB, key(9)), PEERS_REFUSE);
	assert_true(peers_once(back, CAROL));
	assert_false(peers_changed(back));
	a = peers_write(ps, &n);
	b = peers_write(back, &m);
	assert_int_equal(n, m);
	assert_memory_equal(a, b, n);
	assert_int_equal(store_peers_save(path, back), STORE_OK); /* again */
	assert_int_equal(files(), 1);
	chmod(path, 0644);
	assert_null(store_peers_load(path, &why, NULL));
	assert_int_equal(why, STORE_MODE);
	free(a);
	free(b);
	peers_free(ps);
	peers_free(back);
}

#define M      "sallyport-e2ee-peers 1\n"
#define K1     "1111111111111111111111111111111111111111111111111111111111111111"
#define KA     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KU     "AAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY(k) "key " k " seen\n"

static void peers_strict(void **state)
{
	static const struct {
		const char *text;
		unsigned line; /* 0: it is taken */
	} cases[] = {
		{M, 0},
		{M "peer sip:a@b\n", 0},
		{M "peer sip:a@b\n" KEY(K1), 0},
		{M "peer sip:a@b\nkey " K1 " verified\n" KEY(KA), 0},
		{"", 1},
		{"sallyport-e2ee-peers 2\n", 1},
		{"sallyport-e2ee-peers 1", 1},
		{"sallyport-e2ee-peers 1\r\n", 1},
		{M "\n", 2},
		{M KEY(K1), 2},
		{M "peer sip:a@b", 2},
		{M "peer sip:A@b\n", 2},
		{M "peer  sip:a@b\n", 2},
		{M "peer sip:a@b \n", 2},
		{M "peer sip:a@b\npeer sip:a@b\n", 3},
		{M "peer sip:a@b\n" KEY(KU), 3},
		{M "peer sip:a@b\nkey " K1 "\n", 3},
		{M "peer sip:a@b\nkey " K1 " seen \n", 3},
		{M "peer sip:a@b\nkey " K1 " trusted\n", 3},
		{M "peer sip:a@b\nkey " K1 "11 seen\n", 3},
		{M "peer sip:a@b\nkey 11 seen\n", 3},
		{M "peer sip:a@b\n" KEY(K1) KEY(K1), 4},
		{M "peer sip:a@b\n# comment\n", 3},
	};
	enum store_error why;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peers *ps =
			peers_read(cases[i].text, strlen(cases[i].text), &line);

		if ((ps != NULL) != !cases[i].line ||
		    (!ps && line != cases[i].line))
			fail_msg("case %zu: line %u", i, line);
		peers_free(ps);
	}
	spill(M "peer x\n", strlen(M "peer x\n"), 0600);
	assert_null(store_peers_load(path, &why, &line));
	assert_int_equal(why, STORE_FORMAT);
	assert_int_equal(line, 2);
}

static void texts(void **state)
{
	(void)state;
	for (int e = 0; e < STORE_ERRORS; e++)
		assert_true(strlen(store_error_text(e)) > 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fresh),	   TEST(saved),		 TEST(not_replaced),
		TEST(passphrase),  TEST(modes),		 TEST(not_a_file),
		TEST(damaged),	   TEST(damaged_sealed), TEST(judged),
		TEST(eight_keys),  TEST(forgotten),	 TEST(many),
		TEST(peers_saved), TEST(peers_strict),	 TEST(texts),
	};

	return cmocka_run_group_tests_name("e2ee identity", tests, NULL, NULL);
}
