/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/password.h"
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* libsodium's "interactive": 64 MiB and some 50 ms. One at a time, so memory is
 * bounded too. */
#define OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEM crypto_pwhash_MEMLIMIT_INTERACTIVE

static_assert(ADMIN_HASH_SIZE == crypto_pwhash_STRBYTES, "libsodium's");

static void work(struct later *l)
{
	struct password_job *j = (struct password_job *)l;
	size_t n = strlen(j->password);

	if (j->hash[0]) {
		j->right =
			crypto_pwhash_str_verify(j->hash, j->password, n) == 0;
		if (!j->right || !j->again[0])
			return;
		/* the old one is right, so the new one takes its place */
		memcpy(j->password, j->again, sizeof(j->password));
		n = strlen(j->password);
	}
	if (crypto_pwhash_str(j->hash, j->password, n, OPS, MEM) != 0)
		j->hash[0] = '\0'; /* no memory */
}

static void finish(struct later *l, const struct request *rq, struct reply *rp)
{
	struct password_job *j = (struct password_job *)l;

	if (rq)
		j->then(j, rq, rp);
	sodium_memzero(j, sizeof(*j));
	free(j);
}

struct password_job *password_job(struct reply *rp)
{
	struct password_job *j = calloc(1, sizeof(*j));

	if (!j)
		reply_error(rp, 500, "no-memory", "Out of memory");
	return j;
}

void password_start(const struct request *rq, struct password_job *job,
		    struct reply *rp)
{
	job->later.work = work;
	job->later.finish = finish;
	if (http_later(rq, LATER_PASSWORD, &job->later, rp))
		return;
	sodium_memzero(job, sizeof(*job));
	free(job);
}

bool password_fit(const char *password, struct reply *rp)
{
	size_t n = password ? strlen(password) : 0;

	if (n >= PASSWORD_MIN && n <= PASSWORD_MAX)
		return true;
	reply_error(rp, 400, "bad-password",
		    "password is a string of %d to %d octets", PASSWORD_MIN,
		    PASSWORD_MAX);
	return false;
}

void password_nobody(char hash[ADMIN_HASH_SIZE])
{
	static char nobody[ADMIN_HASH_SIZE]; /* made once, of a random one */
	char random[33];
	uint8_t octets[16];

	if (!nobody[0]) {
		randombytes_buf(octets, sizeof(octets));
		sodium_bin2hex(random, sizeof(random), octets, sizeof(octets));
		if (crypto_pwhash_str(nobody, random, 32, OPS, MEM) != 0)
			nobody[0] = '\0';
	}
	memcpy(hash, nobody, sizeof(nobody));
}
