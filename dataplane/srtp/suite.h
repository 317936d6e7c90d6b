/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/suite.h - an SRTP algorithm as a const descriptor, and the
 * unit of work that the core hands to it. RFC 3711 section 4, 6188, 7714.
 *
 * A descriptor carries sizes, limits, a constructor of expanded keys and burst
 * operations. A backend makes one for each row of abi/suite.h; the core
 * (session, protect, unprotect ...) knows only this header and never names a
 * backend. Descriptors are immutable and shared by all threads; operations run
 * on the calling thread's engine and leave nothing in flight. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "dataplane/abi/suite.h"
#include "dataplane/srtp/hint.h"

struct srtp_engine;
struct srtp_pkt;
struct srtp_ssrc;

#define SRTP_AUTH_KEY	  20 /* octets of an HMAC-SHA1 session key, RFC 3711 5.2 */
#define SRTP_TAG_MAX	  16
#define SRTP_EXPANDED_MAX 1024 /* octets of the largest expanded key */

/* RFC 3711 section 9.2: packets that one master key may protect. */
#define SRTP_PACKETS_MAX  (UINT64_C(1) << 48)
#define SRTCP_PACKETS_MAX (UINT32_C(1) << 31)

/* Session keys as the key derivation gives them, before expansion. Secret. */
struct srtp_raw {
	uint8_t enc[SP_KEY_MAX];
	uint8_t auth[SRTP_AUTH_KEY]; /* AEAD: unused */
	uint8_t salt[SP_SALT_MAX];
};

/* One packet for a cipher. In the packet stand, in this order, hdr octets that
 * stay readable, len octets to encrypt, and behind them what the suite and the
 * protocol put there. The core has checked all of it against the buffer. */
struct srtp_op {
	uint8_t *data;	    /* first octet of the packet */
	const void *key;    /* expanded key, 64-octet aligned */
	uint8_t *tag;	    /* in the packet: seal writes, verify reads it */
	const uint8_t *aad; /* AEAD: authenticated, not encrypted */
	uint64_t index;	    /* packet index, 48 bits, or SRTCP index, 31 */
	uint32_t ssrc;	    /* as in the packet */
	uint32_t tail;	    /* HMAC: the four octets authenticated behind the
			     * packet, as in memory: ROC, or E and index */
	uint16_t hdr, len;  /* octets */
	uint16_t aad_len;   /* octets */
	uint8_t tag_len;    /* octets */
	bool ok;	    /* verify: tag is right */
	uint32_t under;	    /* the suite's: what stands where tail goes */
	uint8_t key_no;	    /* the core's: which of the session's keys */
};

struct srtp_suite {
	uint16_t id;  /* enum sp_suite */
	uint8_t lane; /* number within its backend, 0 .. lanes - 1 */
	bool aead;    /* tag before the SRTCP index, RFC 7714 9.1 */
	uint8_t key_len, salt_len, auth_len; /* octets; auth_len 0: AEAD */
	uint8_t tag_len, rtcp_tag_len;	     /* octets */
	uint16_t expanded; /* octets of an expanded key, multiple of 8 */

	/* What a packet touches of an expanded key, for prefetch: its first
	 * hot_lines of 64 octets, and of its end as many octets as the packet
	 * has and 20 more, up to hot_tail. */
	uint8_t hot_lines;
	uint16_t hot_tail;

	/** Expand session keys into out[expanded], 64-octet aligned. */
	void (*expand)(struct srtp_engine *e, const struct srtp_suite *a,
		       const struct srtp_raw *raw, void *out);
	/** AES-CM keystream of RFC 3711 section 4.1.1 with a raw key of
	 * key_len octets, len <= 64: what key derivation is made of. */
	void (*keystream)(struct srtp_engine *e, const struct srtp_suite *a,
			  const uint8_t *key, const uint8_t iv[16],
			  uint8_t *out, size_t len);

	/* Bursts. All ops are of suite a; 1 <= n <= SRTP_BURST_MAX. */

	/** Encrypt, authenticate, write the tag. */
	void (*seal)(struct srtp_engine *e, const struct srtp_suite *a,
		     struct srtp_op *op[], unsigned n);
	/** HMAC: compare tags, in constant time, into ok. The packets stay as
	 * they are. */
	void (*verify)(struct srtp_engine *e, const struct srtp_suite *a,
		       struct srtp_op *op[], unsigned n);
	/** HMAC: decrypt what has verified. */
	void (*decrypt)(struct srtp_engine *e, const struct srtp_suite *a,
			struct srtp_op *op[], unsigned n);

	/* AEADs open one packet after the other: while one is under way the
	 * processor works ahead on what surrounds the next. */

	/** Decrypt, and leave the tag that should be there in e->tag. */
	void (*open)(struct srtp_engine *e, const struct srtp_op *op);
	/** The same for RTP, of which all but the rollover counter stands in
	 * the hdr octets before the text: *near is its index, or another with
	 * the same counter. */
	void (*open_rtp)(struct srtp_engine *e, const void *key, uint8_t *data,
			 unsigned hdr, unsigned len, const uint64_t *near);
	/** receive.h's receive_aeads, made of it. */
	unsigned (*open_rtps)(struct srtp_engine *e, const struct srtp_suite *a,
			      struct srtp_pkt *p, unsigned n, unsigned *bad);
	/** Seal the RTP of straight sessions, p[0..n), the SRTP_OK of it:
	 * index[0..n) are assigned, lengths are checked, and grow. */
	void (*seal_rtps)(struct srtp_engine *e, const struct srtp_suite *a,
			  struct srtp_pkt *p, const uint64_t *index,
			  unsigned n);
};

/** Tags have 4, 10 or 16 octets. No branch and no exit depends on them. */
static inline bool tag_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	uint64_t a1 = 0, b1 = 0, a2 = 0, b2 = 0;

	if (n >= 8) {
		memcpy(&a1, a, 8);
		memcpy(&b1, b, 8);
		memcpy(&a2, a + n - 8, 8);
		memcpy(&b2, b + n - 8, 8);
	} else {
		memcpy(&a1, a, 4);
		memcpy(&b1, b, 4);
	}
	return ((a1 ^ b1) | (a2 ^ b2)) == 0;
}

/** The descriptor of a suite, NULL if the table has none. */
const struct srtp_suite *srtp_suite_find(const struct srtp_suite table[],
					 unsigned n, uint16_t id);
