/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/sframe-vectors.c - RFC 9605's vectors, appendix C. */
#include "tests/e2ee/vectors.h"
#include "control/e2ee/sframe.h"
#include "control/e2ee/wire.h"
#include <string.h>

static void check_header(json_t *v, size_t i)
{
	uint8_t got[SFRAME_HEADER_MAX];
	struct sframe_header h;
	struct octets want;
	uint64_t kid, ctr;
	size_t n;

	case_begin("header %zu", i);
	kid = get_number(v, "kid");
	ctr = get_number(v, "ctr");
	want = get_hex(v, "encoded");
	n = sframe_header_write(got, kid, ctr);
	expect_octets("encoded", &want, got, n);
	if (sframe_header_size(kid, ctr) != n)
		differs("the header's size was told wrong");
	if (!sframe_header_read(want.p, want.n, &h))
		differs("encoded isn't taken");
	else if (h.kid != kid || h.ctr != ctr || h.len != want.n)
		differs("encoded is read as KID %llu, CTR %llu",
			(unsigned long long)h.kid, (unsigned long long)h.ctr);
	case_end();
}

static const struct sframe_suite *suite_of(json_t *v)
{
	uint64_t id = get_number(v, "cipher_suite");
	const struct sframe_suite *s =
		id <= UINT16_MAX ? sframe_suite((uint16_t)id) : NULL;

	if (!s)
		differs("cipher suite %llu isn't there",
			(unsigned long long)id);
	return s;
}

/* What isn't one octet less, or has one bit changed, must not open. */
static void check_forged(struct sframe_aead *a, const uint8_t *nonce,
			 const struct octets *aad, const struct octets *ct)
{
	struct octets bad = *ct, out;

	bad.p[bad.n - 1] ^= 1;
	if (sframe_aead_open(a, nonce, aad->p, aad->n, bad.p, bad.n, out.p))
		differs("a changed tag opens");
	if (sframe_aead_open(a, nonce, aad->p, aad->n, ct->p, ct->n - 1, out.p))
		differs("a truncated ciphertext opens");
}

static void check_aead(json_t *v, const char *group, size_t i)
{
	struct octets key, aad, pt, ct, out;
	struct sframe_aead *seal, *open;
	const struct sframe_suite *s;
	uint8_t nonce[SFRAME_SALT];

	case_begin("%s %zu", group, i);
	key = get_hex(v, "key");
	aad = get_hex(v, "aad");
	pt = get_hex(v, "pt");
	ct = get_hex(v, "ct");
	s = suite_of(v);
	get_fixed(v, "nonce", nonce, sizeof(nonce));
	if (!s || key.n != s->nk || ct.n != pt.n + s->nt) {
		differs("key or ct is of the wrong size");
		case_end();
		return;
	}
	expect(v, "enc_key", "", key.p, s->nka);
	expect(v, "auth_key", "", key.p + s->nka, key.n - s->nka);
	seal = sframe_aead_new(s, SFRAME_SEAL, key.p);
	open = sframe_aead_new(s, SFRAME_OPEN, key.p);
	if (!sframe_aead_seal(seal, nonce, aad.p, aad.n, pt.p, pt.n, out.p))
		differs("sealing fails");
	expect_octets("ct", &ct, out.p, ct.n);
	if (!sframe_aead_open(open, nonce, aad.p, aad.n, ct.p, ct.n, out.p))
		differs("ct doesn't open");
	expect_octets("pt", &pt, out.p, pt.n);
	check_forged(open, nonce, &aad, &ct);
	sframe_aead_free(seal);
	sframe_aead_free(open);
	case_end();
}

/* "SFrame 1.0 Secret key " or salt, KID, suite. */
static void expect_label(json_t *v, const char *key, const char *text,
			 uint64_t kid, uint16_t suite)
{
	uint8_t label[64];
	size_t n = strlen(text);

	memcpy(label, text, n);
	e2ee_put64(label + n, kid);
	e2ee_put16(label + n + 8, suite);
	expect(v, key, "", label, n + 10);
}

static void check_packets(json_t *v, const struct sframe_suite *s, uint64_t kid,
			  uint64_t ctr)
{
	struct octets base = get_hex(v, "base_key"), ct = get_hex(v, "ct");
	struct octets meta = get_hex(v, "metadata"), pt = get_hex(v, "pt"), out;
	struct sframe_key *seal, *open;
	struct sframe_header h;
	size_t n;

	seal = sframe_key_new(s, SFRAME_SEAL, kid, base.p, base.n);
	open = sframe_key_new(s, SFRAME_OPEN, kid, base.p, base.n);
	n = sframe_seal(seal, ctr, meta.p, meta.n, pt.p, pt.n, out.p,
			sizeof(out.p));
	expect_octets("ct", &ct, out.p, n);
	if (!sframe_header_read(ct.p, ct.n, &h) || h.kid != kid ||
	    h.ctr != ctr) {
		differs("ct's header isn't taken");
	} else {
		if (!sframe_open(open, &h, meta.p, meta.n, ct.p, ct.n, out.p,
				 &n))
			differs("ct doesn't open");
		else
			expect_octets("pt", &pt, out.p, n);
		meta.p[0] ^= 1;
		if (sframe_open(open, &h, meta.p, meta.n, ct.p, ct.n, out.p,
				&n))
			differs("ct opens with other metadata");
	}
	sframe_key_free(seal);
	sframe_key_free(open);
}

static void check_sframe(json_t *v, size_t i)
{
	uint8_t key[SFRAME_KEY_MAX], salt[SFRAME_SALT], secret[HKDF_MAX];
	uint8_t header[SFRAME_HEADER_MAX], nonce[SFRAME_SALT];
	const struct sframe_suite *s;
	struct octets base, aad;
	uint64_t kid, ctr;
	size_t n;

	case_begin("sframe %zu", i);
	kid = get_number(v, "kid");
	ctr = get_number(v, "ctr");
	base = get_hex(v, "base_key");
	aad = get_hex(v, "metadata");
	s = suite_of(v);
	if (!s) {
		case_end();
		return;
	}
	sframe_derive(s, kid, base.p, base.n, key, salt, secret);
	expect_label(v, "sframe_key_label", "SFrame 1.0 Secret key ", kid,
		     s->id);
	expect_label(v, "sframe_salt_label", "SFrame 1.0 Secret salt ", kid,
		     s->id);
	expect(v, "sframe_secret", "", secret, hkdf_size(s->hash));
	expect(v, "sframe_key", "", key, s->nk);
	expect(v, "sframe_salt", "", salt, sizeof(salt));
	sframe_nonce(nonce, salt, ctr);
	expect(v, "nonce", "", nonce, sizeof(nonce));
	n = sframe_header_write(header, kid, ctr);
	memmove(aad.p + n, aad.p, aad.n);
	memcpy(aad.p, header, n);
	expect(v, "aad", "", aad.p, aad.n + n);
	check_packets(v, s, kid, ctr);
	case_end();
}

static void check(json_t *root)
{
	static const char *const aeads[] = {"aes_ctr_hmac", "aes_256_ctr_hmac"};
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(root, "header"), i, v)
		check_header(v, i);
	for (unsigned g = 0; g < 2; g++)
		json_array_foreach (json_object_get(root, aeads[g]), i, v)
			check_aead(v, aeads[g], i);
	json_array_foreach (json_object_get(root, "sframe"), i, v)
		check_sframe(v, i);
}

int main(int argc, char **argv)
{
	return vectors_run(argc, argv, "tests/vectors/sframe-rfc9605.json",
			   check);
}
