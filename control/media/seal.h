/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/seal.h - the form of a recording on the disk: sealed to keys
 * whose private halves are elsewhere.
 *
 * A header, then pieces. All numbers are big-endian.
 *
 *   header: "SALLYREC" | version 2 | keys 2 | started 8 (ms since 1970) |
 *           recording 64 | call 64 (both padded with zeros) |
 *           head of the secret stream 24 |
 *           for each key: key id 16 | file key in a sealed box 80
 *   piece:  octets of the sealed piece 4 | sealed piece
 *
 * The file key is random; crypto_box_seal (X25519, XSalsa20-Poly1305) wraps it
 * for each administrator. Pieces are one crypto_secretstream (XChaCha20-
 * Poly1305): what is cut off, left out, put in another order or changed is
 * found out. Each has the header's BLAKE2b-256 as additional data, so the header
 * can't be exchanged either. Inside, a piece is its type (one octet) and:
 *
 *   SEAL_META  JSON: what the recording is of; the first piece
 *   SEAL_DATA  the next octets of a Matroska file
 *   SEAL_END   JSON: why it ended, how long it is; the last, marked as final.
 *              A file without it was cut off; what is there is good.
 *
 * What can be read without a key: the times of writing, the size, and the
 * header's fields. Pure but for libsodium; sallyctl links this, too. */
#pragma once
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_MAGIC    "SALLYREC"
#define SEAL_VERSION  1
#define SEAL_KEYS     8
#define SEAL_KEYID    16
#define SEAL_NAME     64
#define SEAL_PIECE    65536 /* octets inside a piece, at most */
#define SEAL_FIXED    (8 + 2 + 2 + 8 + 2 * SEAL_NAME + 24)
#define SEAL_SLOT     (SEAL_KEYID + 32 + crypto_box_SEALBYTES)
#define SEAL_HEADER   (SEAL_FIXED + SEAL_KEYS * SEAL_SLOT)
/* A piece of n octets on the disk. */
#define SEAL_OVERHEAD (4 + 1 + crypto_secretstream_xchacha20poly1305_ABYTES)

enum seal_type { SEAL_META = 1, SEAL_DATA, SEAL_END };

struct seal_key {
	uint8_t id[SEAL_KEYID];
	uint8_t pub[crypto_box_PUBLICKEYBYTES];
};

struct seal_header {
	uint64_t started;
	char recording[SEAL_NAME + 1], call[SEAL_NAME + 1];
	unsigned keys;
	uint8_t keyid[SEAL_KEYS][SEAL_KEYID];
};

struct seal {
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t bound[32]; /* hash of the header */
};

/** From the base64 that the configuration has. @return false: no such key. */
bool seal_key_read(struct seal_key *k, const char *base64);

/** A new file. h: started, recording and call are used. s: secret; wipe it.
 * @return octets of the header in out. */
size_t seal_begin(struct seal *s, const struct seal_header *h,
		  const struct seal_key keys[], unsigned n,
		  uint8_t out[SEAL_HEADER]);
/** n <= SEAL_PIECE. SEAL_END is the last. @return n + SEAL_OVERHEAD, in out. */
size_t seal_piece(struct seal *s, enum seal_type type, const uint8_t *p,
		  size_t n, uint8_t *out);

/** @return octets of the header; 0: this is none, or n is too few. */
size_t seal_header_read(struct seal_header *h, const uint8_t *p, size_t n);
/** head[0..n): what seal_header_read found. @return false: sealed to others, or
 * tampered with. */
bool seal_open(struct seal *s, const uint8_t *head, size_t n,
	       const uint8_t pub[crypto_box_PUBLICKEYBYTES],
	       const uint8_t priv[crypto_box_SECRETKEYBYTES]);
/** A sealed piece without its length. *len octets go to out, which has room for
 * n. @return its type; 0: tampered with, or out of order. */
int seal_read(struct seal *s, const uint8_t *p, size_t n, uint8_t *out,
	      size_t *len);
