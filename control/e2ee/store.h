/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/store.h - the identity and the remembered peers, in two files.
 *
 * The only part of control/e2ee that touches a file. Files are of mode 0600
 * and the calling user's own, replaced as a whole (written beside, synced,
 * renamed) or not at all; anything else found there is refused. Blocks: not
 * for a media thread. */
#pragma once
#include "control/e2ee/identity.h"
#include "control/e2ee/peers.h"

enum store_error {
	STORE_OK,
	STORE_NONE,	/* there is no such file */
	STORE_EXISTS,	/* there is one, which a new one would replace */
	STORE_IO,	/* errno says more */
	STORE_NOT_FILE, /* a link, a folder, a device */
	STORE_OWNER,	/* somebody else's */
	STORE_MODE,	/* not 0600 */
	STORE_MEMORY,
	STORE_FORMAT,
	STORE_LOCKED,	  /* sealed, and no passphrase given */
	STORE_PASSPHRASE, /* sealed with another, or altered */
	STORE_ERRORS
};

/** One sentence for people, with what to try. */
const char *store_error_text(enum store_error e);

/** @return NULL with *why. pass: NULL and 0 for none. */
struct identity *store_identity_load(const char *path, const char *pass,
				     size_t pass_len, enum store_error *why);
/** replace false: a first identity, and STORE_EXISTS where there is one; true:
 * the same under another passphrase. */
enum store_error store_identity_save(const char *path,
				     const struct identity *id,
				     const char *pass, size_t pass_len,
				     bool replace);

/** A file that isn't there gives nobody, and STORE_OK. @return NULL with *why;
 * for STORE_FORMAT *line says where. line may be NULL. */
struct peers *store_peers_load(const char *path, enum store_error *why,
			       unsigned *line);
enum store_error store_peers_save(const char *path, const struct peers *ps);
