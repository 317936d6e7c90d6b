/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/wire.h - every layout and limit of the handshake's messages.
 *
 * E2EE.md, "Messages". All integers are big-endian; lv(x) is the length of x
 * as u16, then x. Readers take a bounded view of what a stranger sent, accept
 * one encoding of each thing only, and on failure say where (a static string).
 * What a reader fills in points into the view. Pure functions, any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/e2ee/reason.h"

#define E2EE_VERSION	   1
#define E2EE_SUITE_1	   1 /* X25519, Ed25519, HKDF-SHA512, ChaCha20-Poly1305 */
#define E2EE_FLAG_REQUIRED 1	/* the only flag there is */
#define E2EE_MSG_MAX	   4096 /* octets of a message, decoded */
#define E2EE_AOR_USER_MAX  64
#define E2EE_AOR_HOST_MAX  190
#define E2EE_AOR_MAX	   (4 + E2EE_AOR_USER_MAX + 1 + E2EE_AOR_HOST_MAX)
#define E2EE_KEY	   32 /* X25519 and Ed25519 public keys, AEAD keys */
#define E2EE_RANDOM	   32 /* r_I, r_R, n_R, call_id */
#define E2EE_COMMIT	   32
#define E2EE_SIG	   64
#define E2EE_TAG	   16
#define E2EE_M1_OWN	   73 /* what we send: one suite, no KEM key */
#define E2EE_M2_OWN	   103
#define E2EE_MODE_PACKET   0 /* one SFrame ciphertext for each RTP packet */

enum e2ee_kind { E2EE_AUDIO, E2EE_VIDEO, E2EE_SCREEN, E2EE_KINDS };

#define E2EE_IDB_MAX (E2EE_KEY + 3 * 2 + 2 * E2EE_AOR_MAX + 4 * E2EE_KINDS)
#define E2EE_OUT_MAX (1 + 2 * 32 + 2 + E2EE_IDB_MAX + E2EE_SIG + E2EE_TAG)

/* What its owner may send during the whole call: the SFrame suite of each
 * kind, 0 where that kind is never sent. */
struct e2ee_media_list {
	uint16_t suite[E2EE_KINDS];
};

struct e2ee_view {
	const uint8_t *p;
	size_t n;
};

struct e2ee_m1 {
	struct e2ee_view suites; /* u16 each, in I's order of preference */
	struct e2ee_view kem;
	const uint8_t *call_id; /* [E2EE_RANDOM] */
	const uint8_t *commit;	/* C_I */
	uint8_t flags;
};

struct e2ee_m2 {
	const uint8_t *x;      /* X_R */
	const uint8_t *n;      /* n_R */
	const uint8_t *commit; /* C_R */
	uint16_t suite;
	uint8_t flags;
};

struct e2ee_m3 {
	const uint8_t *x;	 /* X_I */
	const uint8_t *r;	 /* r_I */
	struct e2ee_view sealed; /* lv(IDB_I), Sig_I, tag */
};

struct e2ee_idb {
	const uint8_t *key;    /* Ed25519 public key */
	struct e2ee_view own;  /* its owner's AOR */
	struct e2ee_view peer; /* whom its owner talks to */
	struct e2ee_media_list media;
};

/** The AOR grammar, exactly: sip:[a-z0-9._+-]{1,64}@[a-z0-9.-]{1,190}. */
bool e2ee_aor_valid(const void *aor, size_t len);
/** SFrame suites that an endpoint may use: 0x0001, 0x0004, 0x0005. */
bool e2ee_media_suite(uint16_t suite);
/** Audio is there, and every suite is one of the above. */
bool e2ee_media_valid(const struct e2ee_media_list *l);

/* Readers. @return E2EE_R_NONE, or what was wrong; *where says in which field.
 * m1 and m2 want the whole message, type octet included. */
enum e2ee_reason e2ee_m1_read(struct e2ee_view v, struct e2ee_m1 *m,
			      const char **where);
enum e2ee_reason e2ee_m2_read(struct e2ee_view v, struct e2ee_m2 *m,
			      const char **where);
enum e2ee_reason e2ee_m3_read(struct e2ee_view v, struct e2ee_m3 *m,
			      const char **where);
/** The AEAD part of M4 or M5, which is all there is after the type. */
enum e2ee_reason e2ee_sealed_read(struct e2ee_view v, struct e2ee_view *sealed,
				  const char **where);
enum e2ee_reason e2ee_idb_read(struct e2ee_view v, struct e2ee_idb *m,
			       const char **where);
/** lv(IDB) and signature, exactly filling v: what M3 seals, and the end of
 * what M4 seals. sig: [E2EE_SIG]. */
enum e2ee_reason e2ee_signed_read(struct e2ee_view v, struct e2ee_view *idb,
				  const uint8_t **sig, const char **where);

/* Writers. @return octets written. */
size_t e2ee_m1_write(uint8_t out[E2EE_M1_OWN], uint8_t flags,
		     const uint8_t call_id[E2EE_RANDOM],
		     const uint8_t commit[E2EE_COMMIT]);
size_t e2ee_m2_write(uint8_t out[E2EE_M2_OWN], uint8_t flags,
		     const uint8_t x[E2EE_KEY], const uint8_t n[E2EE_RANDOM],
		     const uint8_t commit[E2EE_COMMIT]);
/** own and peer are valid AORs, NUL-terminated; l is valid. */
size_t e2ee_idb_write(uint8_t out[E2EE_IDB_MAX], const uint8_t key[E2EE_KEY],
		      const char *own, const char *peer,
		      const struct e2ee_media_list *l);

static inline void e2ee_put16(uint8_t p[2], uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

static inline uint16_t e2ee_get16(const uint8_t p[2])
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void e2ee_put64(uint8_t p[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = v & 0xff;
}

static inline uint64_t e2ee_get64(const uint8_t p[8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}
