/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/access.h - who asks, and what they may: administrators' sessions
 * and tokens, users, the rate of guesses.
 *
 * Whoever may open the UNIX socket administers. Over TLS it takes a session (a
 * cookie, with a second secret against cross-site requests) or a token (RFC
 * 6750). Sessions live in memory, hashed; tokens in the store, hashed.
 * Control's thread; time comes from the caller, in seconds of a monotonic
 * clock where not said otherwise. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/store/admins.h"

#define ACCESS_BY_MAX 96 /* "administrator alice", with the NUL */

struct session;

struct principal {
	enum role role;
	char name[ACCESS_NAME_MAX];
	struct session *session; /* by cookie; NULL: by token or socket */
};

struct access;
struct store;

struct access *access_new(struct store *store, unsigned idle_seconds);
void access_idle(struct access *a, unsigned seconds);
void access_free(struct access *a);

/** A new session. secret: for the cookie, csrf: for the header that every
 * change needs. @return NULL: no memory. */
struct session *access_begin(struct access *a, const struct principal *who,
			     uint64_t now, char secret[ACCESS_SECRET]);
/** By the cookie's value; its time begins anew. @return false: none. */
bool access_session(struct access *a, const char *secret, uint64_t now,
		    struct principal *who);
const char *session_csrf(const struct session *s);
void access_end(struct access *a, struct session *s);
/** Every session of a name, but one (or NULL): a password or role changed. */
void access_end_all(struct access *a, enum role role, const char *name,
		    const struct session *but);
/** By a token as it was handed out. @return false: none, or expired. */
bool access_token(struct access *a, const char *token, struct principal *who);
/** May they use what needs this? */
bool access_may(const struct principal *who, enum role need);

/* Guesses at passwords: by source address and by name, each the slower the
 * more have failed. */
/** @return seconds to wait before another try; 0: none. */
unsigned access_guess(struct access *a, const char *source, const char *name,
		      uint64_t now);
void access_failed(struct access *a, const char *source, const char *name,
		   uint64_t now);
void access_right(struct access *a, const char *source, const char *name);
