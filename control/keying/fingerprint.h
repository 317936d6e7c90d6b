/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/fingerprint.h - a=fingerprint: which certificate the peer will
 * show. RFC 8122.
 *
 * SHA-256 is what we send; SHA-384 and SHA-512 are taken as well. SHA-1 and what
 * is older are refused: they don't bind a certificate any more. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_MAX	     64	 /* octets of a digest */
#define FINGERPRINT_TEXT_MAX 208 /* "sha-512 AB:..." with the NUL */

struct fingerprint {
	uint8_t hash; /* enum fingerprint_hash; 0: none */
	uint8_t len;
	uint8_t digest[FINGERPRINT_MAX];
};

enum fingerprint_hash { FP_NONE, FP_SHA256, FP_SHA384, FP_SHA512 };

enum fingerprint_result {
	FINGERPRINT_OK,
	FINGERPRINT_UNKNOWN, /* a hash that we don't have: pass over */
	FINGERPRINT_WEAK, /* md5, sha-1 ...: refuse, unless another is better */
	FINGERPRINT_BAD,  /* not what RFC 8122 says */
};

/** Parse the attribute's value, a bounded view: "sha-256 4A:AD:...". */
enum fingerprint_result fingerprint_parse(const char *p, size_t len,
					  struct fingerprint *out);
/** "sha-256 4A:AD:..." @return its length. */
size_t fingerprint_print(const struct fingerprint *f,
			 char out[FINGERPRINT_TEXT_MAX]);
/** Is it the certificate's (DER)? */
bool fingerprint_fits(const struct fingerprint *f, const uint8_t *der,
		      size_t len);
/** SHA-256 of a certificate. @return false: OpenSSL failed. */
bool fingerprint_make(struct fingerprint *f, const uint8_t *der, size_t len);
bool fingerprint_same(const struct fingerprint *a, const struct fingerprint *b);
