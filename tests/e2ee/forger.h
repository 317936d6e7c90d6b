/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/forger.h - a peer that follows the specification by hand, so that
 * a test can make it lie in one place and be right in all others. It has no
 * state machine: it builds each message from its fields. */
#pragma once
#include "control/e2ee/e2ee.h"
#include "tests/e2ee/pair.h"

struct forger {
	enum e2ee_side side;
	struct identity *id;
	uint8_t x_secret[32], x[32], r[32], other[32]; /* call_id or n_R */
	/* What it puts into its identity block; lengths may be a lie's. */
	uint8_t key[32];
	uint8_t own[512], peer[512], list[64];
	size_t own_len, peer_len, list_len;
	/* Lies that need more than other fields. */
	size_t idb_extra;    /* octets behind the block, within its lv */
	size_t idb_cut;	     /* octets missing from its end */
	size_t sealed_extra; /* octets behind the signature */
	size_t sealed_cut;
	bool sig_flip, sig_other_side, sig_other_th, sig_other_key;
	bool commit_r, commit_x, commit_idb; /* commits to another one */
	bool aad_flip, k_other;

	uint8_t idb[2048];
	size_t idb_len;
	uint8_t m1[E2EE_MSG_MAX], m2[E2EE_MSG_MAX];
	size_t m1_len, m2_len;
	uint8_t th1[E2EE_TH], th2[E2EE_TH], th3[E2EE_TH], prk[E2EE_PRK];
};

/** An honest one, for pair's identities and AORs. */
void forger_init(struct forger *f, enum e2ee_side side, uint64_t seed);
void forger_free(struct forger *f);
void forger_own(struct forger *f, const char *aor);
void forger_peer(struct forger *f, const char *aor);

/** After the lies are chosen: its M1 or M2, into m1 or m2. */
void forger_hello(struct forger *f);
/** I: its M3, once m2 is there. @return its length. */
size_t forger_m3(struct forger *f, uint8_t out[E2EE_MSG_MAX]);
/** R: its M4 for an honest I's M3, once m1 is there; 0: it can't. */
size_t forger_m4(struct forger *f, const uint8_t *m3, size_t len,
		 uint8_t out[E2EE_MSG_MAX]);
/** I: its M5, for an honest R's M4; 0: it can't. */
size_t forger_m5(struct forger *f, const uint8_t *m4, size_t len,
		 uint8_t out[E2EE_MSG_MAX]);
