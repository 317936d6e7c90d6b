/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/keys.h - the key schedule: transcripts, keys, security code.
 *
 * E2EE.md, "Messages" (commitments), "Keys", "The 20-digit security code".
 * Pure functions of their arguments; whoever owns the outputs wipes them. The
 * names are the specification's. Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/e2ee/wire.h"

#define E2EE_TH	      64 /* octets of TH1, TH2, TH3 */
#define E2EE_PRK      64
#define E2EE_BASE_KEY 64
#define E2EE_CODE     24 /* "ddddd ddddd ddddd ddddd" and NUL */
#define E2EE_GROUPS   4

enum e2ee_side { E2EE_I, E2EE_R };
enum e2ee_dir { E2EE_I_TO_R, E2EE_R_TO_I };

/** C_I or C_R. */
void e2ee_commit(uint8_t c[E2EE_COMMIT], enum e2ee_side side,
		 const uint8_t r[E2EE_RANDOM], const uint8_t x[E2EE_KEY],
		 struct e2ee_view idb);

void e2ee_th1(uint8_t th1[E2EE_TH], struct e2ee_view m1, struct e2ee_view m2,
	      const uint8_t x_i[E2EE_KEY], const uint8_t r_i[E2EE_RANDOM]);
void e2ee_th2(uint8_t th2[E2EE_TH], const uint8_t th1[E2EE_TH],
	      struct e2ee_view idb_i);
void e2ee_th3(uint8_t th3[E2EE_TH], const uint8_t th2[E2EE_TH],
	      const uint8_t r_r[E2EE_RANDOM], struct e2ee_view idb_r);

/** X25519. @return false if the result is all zero: refuse the peer's key. */
bool e2ee_dh(uint8_t dh[E2EE_KEY], const uint8_t secret[E2EE_KEY],
	     const uint8_t peer[E2EE_KEY]);
void e2ee_prk(uint8_t prk[E2EE_PRK], const uint8_t th1[E2EE_TH],
	      const uint8_t dh[E2EE_KEY]);
/** k3, k4 or k5; m is 3, 4 or 5. */
void e2ee_k(uint8_t k[E2EE_KEY], const uint8_t prk[E2EE_PRK], int m);
void e2ee_ms(uint8_t ms[64], const uint8_t prk[E2EE_PRK],
	     const uint8_t th3[E2EE_TH]);
void e2ee_base_key(uint8_t key[E2EE_BASE_KEY], const uint8_t ms[64],
		   enum e2ee_dir dir, enum e2ee_kind kind);
void e2ee_code_make(char code[E2EE_CODE], const uint8_t prk[E2EE_PRK],
		    const uint8_t th3[E2EE_TH]);
/** One block of the code's output: appends groups to code, of which there are
 * `have` already, leaving out words that would bias a digit.
 * @return how many groups there are now, at most E2EE_GROUPS. */
unsigned e2ee_code_block(char code[E2EE_CODE], unsigned have,
			 const uint8_t block[64]);

/** What a side signs: L, "sig I" or "sig R", and TH2 or TH3. */
#define E2EE_SIGNED (17 + 5 + E2EE_TH)
void e2ee_signed(uint8_t out[E2EE_SIGNED], enum e2ee_side side,
		 const uint8_t th[E2EE_TH]);

/** AEAD(key, aad = th, plaintext): n octets become n + E2EE_TAG. In place is
 * fine. Each key is used once, so the nonce is zero. */
void e2ee_aead_seal(uint8_t *out, const uint8_t k[E2EE_KEY],
		    const uint8_t th[E2EE_TH], const uint8_t *p, size_t n);
/** @return false where it doesn't authenticate; out then holds zeros.
 * sealed.n >= E2EE_TAG; out has room for sealed.n - E2EE_TAG. */
bool e2ee_aead_open(uint8_t *out, const uint8_t k[E2EE_KEY],
		    const uint8_t th[E2EE_TH], struct e2ee_view sealed);
