/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/chain.h - the form of the audit log: lines that are chained by
 * hashes and signed one by one, and a signed head that says how far it goes.
 *
 *   {"record":{"seq":7,"at":"...","event":"..."...},"hash":"<64>","sig":"<128>"}
 *
 *   hash(0) = SHA-256(CHAIN_START ‖ public key)
 *   hash(n) = SHA-256(CHAIN_RECORD ‖ hash(n-1) ‖ the octets of record n)
 *   sig(n)  = Ed25519(CHAIN_RECORD ‖ hash(n))
 *
 * The head is {"head":{"seq":7,"at":"...","hash":"<64>"},"sig":"<128>"}, its
 * signature over CHAIN_HEAD ‖ the octets of what stands behind "head":. Hashes
 * and signatures are hex in small letters. What is hashed are octets as they
 * stand in the file, so no two readers can differ about them.
 *
 * Pure: no files, no clock. Any thread. Linked by control and by sallyctl, which
 * verifies without control. */
#pragma once
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_START  "sallyport-audit/1 key "
#define CHAIN_RECORD "sallyport-audit/1 record "
#define CHAIN_HEAD   "sallyport-audit/1 head "

#define CHAIN_HASH	 crypto_hash_sha256_BYTES
#define CHAIN_SIG	 crypto_sign_BYTES
#define CHAIN_PUBLIC	 crypto_sign_PUBLICKEYBYTES
#define CHAIN_SECRET	 crypto_sign_SECRETKEYBYTES
#define CHAIN_RECORD_MAX 3072 /* octets of a record's JSON */
#define CHAIN_LINE_MAX	 4096 /* of a line, with its newline and a NUL */

/* A line taken apart; the view points into it. */
struct chain_line {
	const char *text; /* of the record, or of the head */
	size_t len;
	uint64_t seq;
	uint8_t hash[CHAIN_HASH]; /* as it stands there */
	uint8_t sig[CHAIN_SIG];
};

void chain_start(const uint8_t public_key[CHAIN_PUBLIC],
		 uint8_t hash[CHAIN_HASH]);
void chain_next(const uint8_t before[CHAIN_HASH], const char *text, size_t len,
		uint8_t hash[CHAIN_HASH]);

/** A record's line, with its newline. text: its JSON object. hash: in, of the
 * record before; out, of this one. @return octets, 0 if it is too long. */
size_t chain_write(const uint8_t secret[CHAIN_SECRET], const char *text,
		   size_t len, uint8_t hash[CHAIN_HASH],
		   char line[CHAIN_LINE_MAX]);
/** The head. at: printable, without quotes. @return octets. */
size_t chain_write_head(const uint8_t secret[CHAIN_SECRET], uint64_t seq,
			const char *at, const uint8_t hash[CHAIN_HASH],
			char line[CHAIN_LINE_MAX]);

/** Take a record's line (without newline) apart. @return false: not of the
 * form. Says nothing about hash and signature. */
bool chain_read(const char *line, size_t len, struct chain_line *out);
bool chain_read_head(const char *line, size_t len, struct chain_line *out);
/** Is a record's signature that of its hash; is the head's of its text? */
bool chain_signed(const struct chain_line *l,
		  const uint8_t public_key[CHAIN_PUBLIC]);
bool chain_head_signed(const struct chain_line *l,
		       const uint8_t public_key[CHAIN_PUBLIC]);
