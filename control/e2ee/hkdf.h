/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/hkdf.h - HKDF over HMAC-SHA256 and HMAC-SHA512. RFC 5869.
 * On libsodium's HMAC, which wipes its own stack. Pure functions, any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum hkdf_hash { HKDF_SHA256, HKDF_SHA512 };

#define HKDF_MAX      64 /* octets of the longer hash */
#define HKDF_INFO_MAX 128

/** Octets of the hash: 32 or 64. */
size_t hkdf_size(enum hkdf_hash h);
/** prk: [hkdf_size(h)]; may be ikm itself. salt may be NULL where salt_len
 * is 0. */
void hkdf_extract(enum hkdf_hash h, uint8_t *prk, const void *salt,
		  size_t salt_len, const void *ikm, size_t ikm_len);
/** prk: [hkdf_size(h)]; len is at most 255 hashes. */
void hkdf_expand(enum hkdf_hash h, uint8_t *out, size_t len, const uint8_t *prk,
		 const void *info, size_t info_len);
