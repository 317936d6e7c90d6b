/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/identity.h - an endpoint's Ed25519 identity.
 *
 * E2EE.md, "What the endpoint shows"; kept in one file of mode 0600, sealed
 * with a passphrase where the user wants one (Argon2id, XSalsa20-Poly1305).
 * This header is pure: text in, text out; store.h reads and writes the file.
 * The secret lives in locked memory and never leaves it unsealed, except as
 * the text that store.h writes. Made once, then read only: any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_TEXT_MAX 512 /* octets of its text form, with NUL */

struct identity;

enum identity_error {
	IDENTITY_OK,
	IDENTITY_MEMORY,
	IDENTITY_FORMAT,     /* the text isn't one of ours */
	IDENTITY_LOCKED,     /* there is a passphrase, none was given */
	IDENTITY_PASSPHRASE, /* it is another one, or the text was altered */
};

/** A new one. @return NULL: no memory. */
struct identity *identity_new(void);
/** From a 32-octet seed, which stays the caller's. For vectors and tests. */
struct identity *identity_from_seed(const uint8_t seed[32]);
/** Wipes. */
void identity_free(struct identity *id);

/** [32], lives as long as id. */
const uint8_t *identity_key(const struct identity *id);
void identity_sign(const struct identity *id, uint8_t sig[64],
		   const uint8_t *msg, size_t n);

/** The text form. pass may be NULL with pass_len 0: not sealed. The caller
 * wipes text. Takes a second and 64 MiB with a passphrase.
 * @return its length, 0: no memory. */
size_t identity_write(const struct identity *id, const char *pass,
		      size_t pass_len, char text[IDENTITY_TEXT_MAX]);
/** The other way round. @return NULL with *why. */
struct identity *identity_read(const char *text, size_t len, const char *pass,
			       size_t pass_len, enum identity_error *why);
