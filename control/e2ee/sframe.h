/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/sframe.h - SFrame: header, keys, seal and open. RFC 9605.
 *
 * Knows nothing of calls: media.h says which KID, which step, which metadata.
 * All suites of the RFC (and its three later ones with AES-256-CTR) are here,
 * so that its vectors can be run; endpoints use three of them (wire.h).
 * AES and HMAC are OpenSSL's, in contexts that stay keyed; those live on
 * OpenSSL's heap and are wiped when freed. An object belongs to one thread at
 * a time. No clock, no I/O. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/e2ee/hkdf.h"

#define SFRAME_HEADER_MAX 17 /* octets: config, KID, CTR */
#define SFRAME_TAG_MAX	  16
#define SFRAME_KEY_MAX	  96  /* encryption and authentication key */
#define SFRAME_SALT	  12  /* = nonce */
#define SFRAME_META_MAX	  239 /* octets of metadata */

struct sframe_suite {
	uint16_t id;
	const char *name;    /* as IANA has it */
	enum hkdf_hash hash; /* of the key derivation, and of the HMAC */
	uint8_t nka;	     /* octets of AES key */
	uint8_t nk; /* of the whole key: nka, and Nh of HMAC's if any */
	uint8_t nt; /* of tag */
	bool hmac;  /* AES-CTR with HMAC; otherwise AES-GCM */
};

/** @return NULL: no such suite. */
const struct sframe_suite *sframe_suite(uint16_t id);

struct sframe_header {
	uint64_t kid, ctr;
	size_t len; /* octets, 1 to SFRAME_HEADER_MAX */
};

/** Octets that kid and ctr take. */
size_t sframe_header_size(uint64_t kid, uint64_t ctr);
/** @return octets written. */
size_t sframe_header_write(uint8_t out[SFRAME_HEADER_MAX], uint64_t kid,
			   uint64_t ctr);
/** @return false: cut short, or longer than it has to be. */
bool sframe_header_read(const uint8_t *p, size_t n, struct sframe_header *h);

/* The cipher alone, with its key as it is: section 4.5's AEAD. */
struct sframe_aead;
enum sframe_dir { SFRAME_SEAL, SFRAME_OPEN };

/** key: [suite->nk]. @return NULL: no memory, or OpenSSL lacks it. */
struct sframe_aead *sframe_aead_new(const struct sframe_suite *suite,
				    enum sframe_dir dir, const uint8_t *key);
void sframe_aead_free(struct sframe_aead *a);
/** out: n + nt octets; out may be p. @return false: OpenSSL failed. */
bool sframe_aead_seal(struct sframe_aead *a, const uint8_t nonce[SFRAME_SALT],
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out);
/** n: with tag, >= nt; out: n - nt octets, zeros where it fails; may be p. */
bool sframe_aead_open(struct sframe_aead *a, const uint8_t nonce[SFRAME_SALT],
		      const uint8_t *aad, size_t aad_len, const uint8_t *p,
		      size_t n, uint8_t *out);

/* One KID's key and salt, from a base key. */
struct sframe_key;

/** Section 4.4.2's derivation by itself. key: [nk]; secret (the extracted one)
 * may be NULL, else [Nh]. The caller wipes. */
void sframe_derive(const struct sframe_suite *suite, uint64_t kid,
		   const uint8_t *base, size_t base_len, uint8_t *key,
		   uint8_t salt[SFRAME_SALT], uint8_t *secret);
/** base stays the caller's. @return NULL: no memory. */
struct sframe_key *sframe_key_new(const struct sframe_suite *suite,
				  enum sframe_dir dir, uint64_t kid,
				  const uint8_t *base, size_t base_len);
/** Wipes. */
void sframe_key_free(struct sframe_key *k);
void sframe_nonce(uint8_t nonce[SFRAME_SALT], const uint8_t salt[SFRAME_SALT],
		  uint64_t ctr);

/** Header, ciphertext and tag of p[0..n) into out. p may be in place, where
 * its ciphertext goes: out + sframe_header_size(kid, ctr). A counter is never
 * to be used twice with a key.
 * @return octets written, 0: no room, metadata too long, OpenSSL failed. */
size_t sframe_seal(struct sframe_key *k, uint64_t ctr, const uint8_t *meta,
		   size_t meta_len, const uint8_t *p, size_t n, uint8_t *out,
		   size_t room);
/** The plaintext of packet p[0..n), whose header h was read from it, into out,
 * which has room for n - h->len - nt octets; may be p + h->len.
 * @return false: cut short, or not authentic; out then holds nothing of it. */
bool sframe_open(struct sframe_key *k, const struct sframe_header *h,
		 const uint8_t *meta, size_t meta_len, const uint8_t *p,
		 size_t n, uint8_t *out, size_t *out_len);
