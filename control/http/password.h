/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/password.h - administrators' passwords: Argon2id (RFC 9106) by
 * libsodium, on the thread of later.c. For the files of this folder. */
#pragma once
#include "control/http/impl.h"
#include "control/store/admins.h"

#define PASSWORD_MIN 12	 /* characters of an administrator's */
#define PASSWORD_MAX 256 /* octets */

struct password_job;

/** What to do with the outcome: hashed (a new hash, "" if it failed) or
 * verified. job->arg is the caller's, in place; rq NULL: the client is gone. */
typedef void password_f(struct password_job *job, const struct request *rq,
			struct reply *rp);

struct password_job {
	struct later later;
	char password[PASSWORD_MAX + 1];
	char hash[ADMIN_HASH_SIZE]; /* to verify against; "": make one */
	bool right;
	password_f *then;
	struct store_admin admin; /* the caller's */
	char source[64], name[ACCESS_NAME_MAX];
	char again[PASSWORD_MAX + 1]; /* a new one, where an old one is checked
				       * first */
};

/** A zeroed job. @return NULL: no memory, which has been answered. */
struct password_job *password_job(struct reply *rp);
/** Do it, on the thread; the job is freed and wiped after `then`. */
void password_start(const struct request *rq, struct password_job *job,
		    struct reply *rp);
/** Is it fit to be an administrator's? Else it has been answered. */
bool password_fit(const char *password, struct reply *rp);
/** Check one that is known already to be wrong, at the same cost: sets hash to
 * that of nobody. */
void password_nobody(char hash[ADMIN_HASH_SIZE]);
