/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/sdes.h - SDES: SRTP keys in SDP, a=crypto. RFC 4568; suites
 * of RFC 6188 and RFC 7714.
 *
 *   a=crypto:<tag> <suite> inline:<key||salt>["|"lifetime]["|"MKI:len] [params]
 *
 * One key for each attribute: several key parameters would need several live
 * keys from the start, so such an attribute is passed over. Session parameters
 * that weaken (UNENCRYPTED_*, UNAUTHENTICATED_SRTP) or change (KDR, FEC_*) the
 * protection are refused; WSH is a hint and needn't be followed. NULL and F8
 * suites are always refused. Pure but for the randomness of sdes_generate. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

#define SDES_TEXT_MAX 192 /* what sdes_print writes, with the NUL */

struct sdes_key {
	uint32_t tag;	 /* up to nine digits */
	uint16_t suite;	 /* enum sp_suite */
	uint8_t mki_len; /* octets; 0: no MKI */
	uint8_t mki[SP_MKI_MAX];
	uint8_t key[SP_KEY_MAX];
	uint8_t salt[SP_SALT_MAX];
	uint64_t packets; /* lifetime; 0: the suite's own limit */
};

enum sdes_result {
	SDES_OK,
	SDES_UNKNOWN, /* a suite that we don't have: pass over */
	SDES_REFUSED, /* understood, and not to be had: pass over */
	SDES_BAD,     /* not what RFC 4568 says: pass over */
};

/** Parse the attribute's value (what follows "a=crypto:"), a bounded view.
 * *why is set to a static text unless SDES_OK, which never holds keys. */
enum sdes_result sdes_parse(const char *p, size_t len, struct sdes_key *out,
			    const char **why);
/** Fresh keys for a suite of the table. @return 0, or -1: no such suite. */
int sdes_generate(struct sdes_key *k, uint16_t suite, uint32_t tag);
/** Write "crypto:<tag> <suite> inline:..." @return length, or -1. The text
 * holds the keys: wipe it. */
int sdes_print(const struct sdes_key *k, char out[SDES_TEXT_MAX]);
/** Same suite, keys, MKI and lifetime (constant time in the keys). */
int sdes_same(const struct sdes_key *a, const struct sdes_key *b);
