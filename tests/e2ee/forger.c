/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2ee/forger.h"
#include <sodium.h>
#include <string.h>

void forger_own(struct forger *f, const char *aor)
{
	f->own_len = strlen(aor);
	memcpy(f->own, aor, f->own_len);
}

void forger_peer(struct forger *f, const char *aor)
{
	f->peer_len = strlen(aor);
	memcpy(f->peer, aor, f->peer_len);
}

void forger_init(struct forger *f, enum e2ee_side side, uint64_t seed)
{
	static const uint8_t list[] = {0, 0, 5, 0, 1, 0, 5, 0};
	uint8_t s[32] = {0}, id[32] = {side == E2EE_I ? 1 : 2};

	memset(f, 0, sizeof(*f));
	memcpy(s, &seed, sizeof(seed));
	s[31] = (uint8_t)side;
	f->side = side;
	f->id = identity_from_seed(id);
	randombytes_buf_deterministic(f->x_secret, 32, s);
	s[30] = 1;
	randombytes_buf_deterministic(f->r, 32, s);
	s[30] = 2;
	randombytes_buf_deterministic(f->other, 32, s);
	crypto_scalarmult_base(f->x, f->x_secret);
	memcpy(f->key, identity_key(f->id), 32);
	memcpy(f->list, list, sizeof(list));
	f->list_len = sizeof(list);
	forger_own(f, side == E2EE_I ? ALICE : BOB);
	forger_peer(f, side == E2EE_I ? BOB : ALICE);
}

void forger_free(struct forger *f)
{
	identity_free(f->id);
}

static uint8_t *put_lv(uint8_t *o, const uint8_t *p, size_t n)
{
	e2ee_put16(o, (uint16_t)n);
	memcpy(o + 2, p, n);
	return o + 2 + n;
}

static void make_idb(struct forger *f)
{
	uint8_t *o = f->idb;

	memcpy(o, f->key, 32);
	o = put_lv(o + 32, f->own, f->own_len);
	o = put_lv(o, f->peer, f->peer_len);
	o = put_lv(o, f->list, f->list_len);
	memset(o, 0, f->idb_extra);
	f->idb_len = (size_t)(o - f->idb) + f->idb_extra - f->idb_cut;
}

void forger_hello(struct forger *f)
{
	uint8_t r[32], x[32], commit[32], idb[sizeof(f->idb)];

	make_idb(f);
	memcpy(r, f->r, 32);
	memcpy(x, f->x, 32);
	memcpy(idb, f->idb, f->idb_len);
	r[0] ^= f->commit_r;
	x[0] ^= f->commit_x;
	idb[f->idb_len - 1] ^= f->commit_idb;
	e2ee_commit(commit, f->side, r, x, (struct e2ee_view){idb, f->idb_len});
	if (f->side == E2EE_I)
		f->m1_len = e2ee_m1_write(f->m1, 0, f->other, commit);
	else
		f->m2_len = e2ee_m2_write(f->m2, 0, f->x, f->other, commit);
}

/* Seal head, lv(idb), signature; with whatever lies were chosen. */
static size_t seal(struct forger *f, int m, const uint8_t *head,
		   size_t head_len, const uint8_t *aad, const uint8_t *th_sign,
		   uint8_t *out)
{
	enum e2ee_side as = f->side;
	uint8_t plain[4096], k[32], text[E2EE_SIGNED], th[E2EE_TH], sig[64];
	struct identity *other = identity_new();
	uint8_t *o = plain;
	size_t n;

	if (f->sig_other_side)
		as = as == E2EE_I ? E2EE_R : E2EE_I;
	memcpy(th, th_sign, E2EE_TH);
	th[0] ^= f->sig_other_th;
	e2ee_signed(text, as, th);
	identity_sign(f->sig_other_key ? other : f->id, sig, text,
		      sizeof(text));
	identity_free(other);
	sig[3] ^= f->sig_flip;
	if (head_len)
		memcpy(o, head, head_len);
	o = put_lv(o + head_len, f->idb, f->idb_len);
	memcpy(o, sig, 64);
	memset(o + 64, 0, f->sealed_extra);
	n = (size_t)(o + 64 - plain) + f->sealed_extra;
	n -= f->sealed_cut < n ? f->sealed_cut : n;
	memcpy(th, aad, E2EE_TH);
	th[63] ^= f->aad_flip;
	e2ee_k(k, f->prk, f->k_other ? 7 - m : m); /* 3 and 4 swapped */
	e2ee_aead_seal(out, k, th, plain, n);
	return n + E2EE_TAG;
}

static void start_keys(struct forger *f, const uint8_t *x_i, const uint8_t *r_i,
		       const uint8_t *peer_x)
{
	uint8_t dh[32];

	e2ee_th1(f->th1, (struct e2ee_view){f->m1, f->m1_len},
		 (struct e2ee_view){f->m2, f->m2_len}, x_i, r_i);
	if (!e2ee_dh(dh, f->x_secret, peer_x))
		memset(dh, 0, sizeof(dh)); /* a cheat doesn't mind */
	e2ee_prk(f->prk, f->th1, dh);
}

size_t forger_m3(struct forger *f, uint8_t out[E2EE_MSG_MAX])
{
	start_keys(f, f->x, f->r, f->m2 + 5);
	e2ee_th2(f->th2, f->th1, (struct e2ee_view){f->idb, f->idb_len});
	out[0] = 3;
	memcpy(out + 1, f->x, 32);
	memcpy(out + 33, f->r, 32);
	return 65 + seal(f, 3, NULL, 0, f->th1, f->th2, out + 65);
}

/* The identity block in what an honest peer sealed. */
static bool open_peer(struct forger *f, int m, size_t head, const uint8_t *aad,
		      struct e2ee_view sealed, uint8_t *plain,
		      struct e2ee_view *idb)
{
	uint8_t k[32];

	e2ee_k(k, f->prk, m);
	if (!e2ee_aead_open(plain, k, aad, sealed))
		return false;
	*idb = (struct e2ee_view){plain + head + 2, e2ee_get16(plain + head)};
	return true;
}

size_t forger_m4(struct forger *f, const uint8_t *m3, size_t len,
		 uint8_t out[E2EE_MSG_MAX])
{
	uint8_t plain[E2EE_MSG_MAX];
	struct e2ee_view idb_i;

	start_keys(f, m3 + 1, m3 + 33, m3 + 1);
	if (!open_peer(f, 3, 0, f->th1, (struct e2ee_view){m3 + 65, len - 65},
		       plain, &idb_i))
		return 0;
	e2ee_th2(f->th2, f->th1, idb_i);
	e2ee_th3(f->th3, f->th2, f->r, (struct e2ee_view){f->idb, f->idb_len});
	out[0] = 4;
	return 1 + seal(f, 4, f->r, 32, f->th2, f->th3, out + 1);
}

size_t forger_m5(struct forger *f, const uint8_t *m4, size_t len,
		 uint8_t out[E2EE_MSG_MAX])
{
	uint8_t plain[E2EE_MSG_MAX], k[32];
	struct e2ee_view idb_r;

	if (!open_peer(f, 4, 32, f->th2, (struct e2ee_view){m4 + 1, len - 1},
		       plain, &idb_r))
		return 0;
	e2ee_th3(f->th3, f->th2, plain, idb_r);
	e2ee_k(k, f->prk, 5);
	out[0] = 5;
	e2ee_aead_seal(out + 1, k, f->th3, NULL, 0);
	return 1 + E2EE_TAG;
}
