/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/abi/suite.h - the SRTP crypto suites, one table for both sides.
 *
 * RFC 4568 section 6.2 and RFC 6188, RFC 7714 (names as SDES writes them).
 * Ids are the DTLS-SRTP protection profile numbers of RFC 5764 where one is
 * registered; those of RFC 6188 have none and start at 0x0101. NULL and F8
 * are not in the table, so nothing can ask for them.
 *
 * X(symbol, id, "SDES name", key octets, salt octets, SRTP tag, SRTCP tag) */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SP_SUITES(X)                                                          \
	X(AES_CM_128_HMAC_SHA1_80, 0x0001, "AES_CM_128_HMAC_SHA1_80", 16, 14, \
	  10, 10)                                                             \
	X(AES_CM_128_HMAC_SHA1_32, 0x0002, "AES_CM_128_HMAC_SHA1_32", 16, 14, \
	  4, 10)                                                              \
	X(AEAD_AES_128_GCM, 0x0007, "AEAD_AES_128_GCM", 16, 12, 16, 16)       \
	X(AEAD_AES_256_GCM, 0x0008, "AEAD_AES_256_GCM", 32, 12, 16, 16)       \
	X(AES_192_CM_HMAC_SHA1_80, 0x0101, "AES_192_CM_HMAC_SHA1_80", 24, 14, \
	  10, 10)                                                             \
	X(AES_192_CM_HMAC_SHA1_32, 0x0102, "AES_192_CM_HMAC_SHA1_32", 24, 14, \
	  4, 10)                                                              \
	X(AES_256_CM_HMAC_SHA1_80, 0x0103, "AES_256_CM_HMAC_SHA1_80", 32, 14, \
	  10, 10)                                                             \
	X(AES_256_CM_HMAC_SHA1_32, 0x0104, "AES_256_CM_HMAC_SHA1_32", 32, 14, \
	  4, 10)

enum sp_suite {
	SP_SUITE_PLAIN = 0, /* no hop encryption: plain RTP on this side */
#define X(sym, id, name, key, salt, tag, ctag) SP_SUITE_##sym = (id),
	SP_SUITES(X)
#undef X
};

#define SP_KEY_MAX  32 /* master key, octets */
#define SP_SALT_MAX 14 /* master salt, octets */
#define SP_MKI_MAX  8  /* master key identifier, octets; RFC 4568 allows 128 */

struct sp_suite_info {
	uint16_t id; /* enum sp_suite */
	const char *name;
	uint8_t key_len, salt_len; /* octets */
	uint8_t tag_len, rtcp_tag_len;
};

/** The table's rows in its order; NULL past the last. */
static inline const struct sp_suite_info *sp_suite_row(unsigned i)
{
	static const struct sp_suite_info table[] = {
#define X(sym, id, name, key, salt, tag, ctag) \
	{(id), (name), (key), (salt), (tag), (ctag)},
		SP_SUITES(X)
#undef X
	};

	return i < sizeof(table) / sizeof(table[0]) ? &table[i] : NULL;
}

/** The table's row for a suite; NULL where there is none (and for PLAIN). */
static inline const struct sp_suite_info *sp_suite_info(uint16_t id)
{
	const struct sp_suite_info *row;

	for (unsigned i = 0; (row = sp_suite_row(i)); i++)
		if (row->id == id)
			return row;
	return NULL;
}

/** The row of that name, len octets, by the letter. NULL: there is none. */
static inline const struct sp_suite_info *sp_suite_named(const char *name,
							 size_t len)
{
	const struct sp_suite_info *row;

	for (unsigned i = 0; (row = sp_suite_row(i)); i++)
		if (strlen(row->name) == len && !memcmp(row->name, name, len))
			return row;
	return NULL;
}
