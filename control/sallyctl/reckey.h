/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/reckey.h - an administrator's key to recordings, in a file.
 *
 *   Sallyport recording key 1
 *   public BASE64
 *   private BASE64                  or, under a passphrase:
 *   locked OPSLIMIT MEMLIMIT SALT NONCE BASE64
 *
 * The passphrase goes through Argon2id (libsodium's crypto_pwhash); what it
 * yields opens a secretbox. Keys are X25519 (crypto_box). */
#pragma once
#include <sodium.h>
#include <stdbool.h>

struct reckey {
	unsigned char pub[crypto_box_PUBLICKEYBYTES];
	unsigned char priv[crypto_box_SECRETKEYBYTES];
};

#define RECKEY_TEXT 64 /* of base64, with the NUL */

/** A new key into a new file, mode 0600. passphrase: NULL for none.
 * @return false, with the reason on stderr. */
bool reckey_make(struct reckey *k, const char *path, const char *passphrase);
/** Reads it; a locked one asks for its passphrase. @return as above. The caller
 * wipes the key. */
bool reckey_load(struct reckey *k, const char *path);
const char *reckey_public(const struct reckey *k, char text[RECKEY_TEXT]);
