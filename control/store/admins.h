/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/admins.h - administrators and tokens of the control API.
 *
 * Passwords are kept as libsodium's Argon2id strings, tokens as a hash: they
 * are 32 random octets, so a fast one does. Control's thread; changes wait for
 * the disk. */
#pragma once
#include <stdint.h>

struct store;

#define ACCESS_NAME_MAX 65 /* of an administrator or user, with the NUL */
#define ACCESS_SECRET	44 /* base64url of 32 octets, with the NUL */

#define ADMIN_HASH_SIZE 128 /* crypto_pwhash_STRBYTES */
#define TOKEN_PREFIX	"spt_"
#define TOKEN_MAX	(sizeof(TOKEN_PREFIX) + ACCESS_SECRET)

/* Each may what those before it may, but a user, who has a part of their own
 * and no other. */
enum role {
	ROLE_NOBODY, /* of a route: anyone, without a log-in */
	ROLE_ANY,    /* of a route: whoever has logged in */
	ROLE_USER,
	ROLE_READ,
	ROLE_OPERATE,
	ROLE_ADMINISTER,
	ROLE_COUNT
};

extern const char *const role_names[ROLE_COUNT];
/** @return ROLE_NOBODY: none that an administrator can have. */
enum role role_find(const char *name);

struct store_admin {
	char name[ACCESS_NAME_MAX];
	enum role role;
	char hash[ADMIN_HASH_SIZE];
};

/** @return 0, EEXIST, EIO. */
int store_admin_add(struct store *s, const struct store_admin *a);
/** Role and hash of one that there is. ENOENT, EIO. */
int store_admin_set(struct store *s, const struct store_admin *a);
int store_admin_remove(struct store *s, const char *name);
int store_admin_get(struct store *s, const char *name, struct store_admin *out);
int store_admin_list(struct store *s,
		     void (*f)(const struct store_admin *, void *), void *arg);

struct store_token {
	char name[ACCESS_NAME_MAX];
	enum role role;
	int64_t created, expires; /* UNIX seconds; expires 0: never */
};

/** token: what is handed out, the only time that it is seen. EEXIST, EIO. */
int store_token_add(struct store *s, const struct store_token *t,
		    char token[TOKEN_MAX]);
int store_token_remove(struct store *s, const char *name); /* ENOENT */
/** By a token as it was handed out. ENOENT: none, or expired. */
int store_token_get(struct store *s, const char *token,
		    struct store_token *out);
int store_token_list(struct store *s,
		     void (*f)(const struct store_token *, void *), void *arg);
