/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/keys.h"
#include "control/e2ee/hkdf.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char L[] = "sallyport-e2ee/1 ";

#define L_LEN	   (sizeof(L) - 1)
#define CODE_BELOW UINT64_C(18446744073709500000) /* a multiple of 100,000 */

_Static_assert(E2EE_SIGNED == sizeof(L) - 1 + 5 + E2EE_TH, "length of L");

/* An HKDF info, or a signed text: L, a label, and what follows. */
struct label {
	uint8_t p[HKDF_INFO_MAX];
	size_t n;
};

static void label_add(struct label *l, const void *p, size_t n)
{
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void label_start(struct label *l, const char *name)
{
	l->n = 0;
	label_add(l, L, L_LEN);
	label_add(l, name, strlen(name));
}

static void expand(uint8_t *out, size_t n, const uint8_t prk[64],
		   const struct label *l)
{
	hkdf_expand(HKDF_SHA512, out, n, prk, l->p, l->n);
}

void e2ee_commit(uint8_t c[E2EE_COMMIT], enum e2ee_side side,
		 const uint8_t r[E2EE_RANDOM], const uint8_t x[E2EE_KEY],
		 struct e2ee_view idb)
{
	crypto_hash_sha256_state s;
	struct label l;

	label_start(&l, side == E2EE_I ? "commit I" : "commit R");
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, l.p, l.n);
	crypto_hash_sha256_update(&s, r, E2EE_RANDOM);
	crypto_hash_sha256_update(&s, x, E2EE_KEY);
	crypto_hash_sha256_update(&s, idb.p, idb.n);
	crypto_hash_sha256_final(&s, c);
}

static void th_start(crypto_hash_sha512_state *s, const char *name)
{
	struct label l;

	label_start(&l, name);
	crypto_hash_sha512_init(s);
	crypto_hash_sha512_update(s, l.p, l.n);
}

static void th_lv(crypto_hash_sha512_state *s, struct e2ee_view v)
{
	uint8_t n[2];

	e2ee_put16(n, (uint16_t)v.n);
	crypto_hash_sha512_update(s, n, sizeof(n));
	crypto_hash_sha512_update(s, v.p, v.n);
}

void e2ee_th1(uint8_t th1[E2EE_TH], struct e2ee_view m1, struct e2ee_view m2,
	      const uint8_t x_i[E2EE_KEY], const uint8_t r_i[E2EE_RANDOM])
{
	crypto_hash_sha512_state s;

	th_start(&s, "th1");
	th_lv(&s, m1);
	th_lv(&s, m2);
	crypto_hash_sha512_update(&s, x_i, E2EE_KEY);
	crypto_hash_sha512_update(&s, r_i, E2EE_RANDOM);
	crypto_hash_sha512_final(&s, th1);
}

void e2ee_th2(uint8_t th2[E2EE_TH], const uint8_t th1[E2EE_TH],
	      struct e2ee_view idb_i)
{
	crypto_hash_sha512_state s;

	th_start(&s, "th2");
	crypto_hash_sha512_update(&s, th1, E2EE_TH);
	th_lv(&s, idb_i);
	crypto_hash_sha512_final(&s, th2);
}

void e2ee_th3(uint8_t th3[E2EE_TH], const uint8_t th2[E2EE_TH],
	      const uint8_t r_r[E2EE_RANDOM], struct e2ee_view idb_r)
{
	crypto_hash_sha512_state s;

	th_start(&s, "th3");
	crypto_hash_sha512_update(&s, th2, E2EE_TH);
	crypto_hash_sha512_update(&s, r_r, E2EE_RANDOM);
	th_lv(&s, idb_r);
	crypto_hash_sha512_final(&s, th3);
}

bool e2ee_dh(uint8_t dh[E2EE_KEY], const uint8_t secret[E2EE_KEY],
	     const uint8_t peer[E2EE_KEY])
{
	/* Looked at here too: that libsodium refuses is not ours to rely on. */
	return !crypto_scalarmult(dh, secret, peer) &&
	       !sodium_is_zero(dh, E2EE_KEY);
}

void e2ee_prk(uint8_t prk[E2EE_PRK], const uint8_t th1[E2EE_TH],
	      const uint8_t dh[E2EE_KEY])
{
	uint8_t ikm[2 * E2EE_KEY] = {0}; /* suite 1: no KEM, 32 zero octets */

	memcpy(ikm + E2EE_KEY, dh, E2EE_KEY);
	hkdf_extract(HKDF_SHA512, prk, th1, E2EE_TH, ikm, sizeof(ikm));
	sodium_memzero(ikm, sizeof(ikm));
}

void e2ee_k(uint8_t k[E2EE_KEY], const uint8_t prk[E2EE_PRK], int m)
{
	const char name[] = {'k', (char)('0' + m), 0};
	struct label l;

	label_start(&l, name);
	expand(k, E2EE_KEY, prk, &l);
}

void e2ee_ms(uint8_t ms[64], const uint8_t prk[E2EE_PRK],
	     const uint8_t th3[E2EE_TH])
{
	struct label l;

	label_start(&l, "ms");
	label_add(&l, th3, E2EE_TH);
	expand(ms, 64, prk, &l);
}

void e2ee_base_key(uint8_t key[E2EE_BASE_KEY], const uint8_t ms[64],
		   enum e2ee_dir dir, enum e2ee_kind kind)
{
	const uint8_t tail[6] = {(uint8_t)dir, (uint8_t)kind, 0, 0, 0, 0};
	struct label l;

	label_start(&l, "sframe");
	label_add(&l, tail, sizeof(tail));
	expand(key, E2EE_BASE_KEY, ms, &l);
}

unsigned e2ee_code_block(char code[E2EE_CODE], unsigned have,
			 const uint8_t block[64])
{
	for (unsigned i = 0; i < 64 && have < E2EE_GROUPS; i += 8) {
		uint64_t w = e2ee_get64(block + i);
		char *g = code + 6 * have;

		if (w >= CODE_BELOW)
			continue;
		w %= 100000;
		for (int d = 4; d >= 0; d--, w /= 10)
			g[d] = (char)('0' + w % 10);
		have++;
		g[5] = have < E2EE_GROUPS ? ' ' : 0;
	}
	return have;
}

void e2ee_code_make(char code[E2EE_CODE], const uint8_t prk[E2EE_PRK],
		    const uint8_t th3[E2EE_TH])
{
	unsigned have = 0;
	uint8_t b[64];

	/* n is a u8: that it wraps takes 256 blocks of nothing but words that
	 * are left out, one in 10^29,000. */
	for (uint8_t n = 0; have < E2EE_GROUPS; n++) {
		struct label l;

		label_start(&l, "code");
		label_add(&l, &n, 1);
		label_add(&l, th3, E2EE_TH);
		expand(b, sizeof(b), prk, &l);
		have = e2ee_code_block(code, have, b);
	}
	sodium_memzero(b, sizeof(b));
}

void e2ee_signed(uint8_t out[E2EE_SIGNED], enum e2ee_side side,
		 const uint8_t th[E2EE_TH])
{
	memcpy(out, L, L_LEN);
	memcpy(out + L_LEN, side == E2EE_I ? "sig I" : "sig R", 5);
	memcpy(out + L_LEN + 5, th, E2EE_TH);
}

static const uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

void e2ee_aead_seal(uint8_t *out, const uint8_t k[E2EE_KEY],
		    const uint8_t th[E2EE_TH], const uint8_t *p, size_t n)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, p, n, th, E2EE_TH,
						  NULL, nonce, k);
}

bool e2ee_aead_open(uint8_t *out, const uint8_t k[E2EE_KEY],
		    const uint8_t th[E2EE_TH], struct e2ee_view sealed)
{
	return !crypto_aead_chacha20poly1305_ietf_decrypt(
		out, NULL, NULL, sealed.p, sealed.n, th, E2EE_TH, nonce, k);
}
