/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/messages.c - what M1 to M5 hold, and what each one proves.
 * E2EE.md, "Messages" and "Keys". No state moves before all of it holds. */
#include "control/e2ee/handshake_int.h"
#include "control/e2ee/secret.h"

static void draw(struct e2ee *h, enum e2ee_random what, uint8_t out[32])
{
	if (h->c.random)
		h->c.random(h->c.arg, what, out, 32);
	else
		randombytes_buf(out, 32);
}

static bool is_text(struct e2ee_view v, const char *text)
{
	return v.n == strlen(text) && !memcmp(v.p, text, v.n);
}

static struct e2ee_view m1_of(const struct e2ee *h)
{
	return view(h->m1.p, h->m1.n);
}

static struct e2ee_view m2_of(const struct e2ee *h)
{
	return view(h->m2.p, h->m2.n);
}

static struct e2ee_view own_idb(const struct e2ee *h)
{
	return view(h->idb, h->idb_len);
}

void e2ee_note(struct e2ee *h, unsigned type, struct e2ee_view m)
{
	crypto_hash_sha256(h->hash[type], m.p, m.n);
	h->seen[type] = true;
}

void e2ee_make_own(struct e2ee *h)
{
	uint8_t flags = h->c.required ? E2EE_FLAG_REQUIRED : 0;
	uint8_t commit[E2EE_COMMIT], other[E2EE_RANDOM];
	bool i = h->c.side == E2EE_I;

	draw(h, E2EE_RND_X25519, h->s.x);
	draw(h, E2EE_RND_R, h->s.r);
	draw(h, i ? E2EE_RND_CALL_ID : E2EE_RND_N, other);
	crypto_scalarmult_base(h->x, h->s.x);
	h->idb_len = e2ee_idb_write(h->idb, identity_key(h->c.identity),
				    h->own_aor, h->peer_aor, &h->c.media);
	e2ee_commit(commit, h->c.side, h->s.r, h->x, own_idb(h));
	if (i)
		h->m1.n = e2ee_m1_write(h->m1.p, flags, other, commit);
	else
		h->m2.n = e2ee_m2_write(h->m2.p, flags, h->x, other, commit);
}

static void sign(const struct e2ee *h, uint8_t sig[E2EE_SIG],
		 const uint8_t th[E2EE_TH])
{
	uint8_t text[E2EE_SIGNED];

	e2ee_signed(text, h->c.side, th);
	identity_sign(h->c.identity, sig, text, sizeof(text));
}

/* The peer's signature: libsodium refuses keys of low order, and S or R that
 * aren't canonical. */
static bool verify(const struct e2ee *h, const uint8_t *sig,
		   const uint8_t th[E2EE_TH], const uint8_t *key)
{
	uint8_t text[E2EE_SIGNED];

	e2ee_signed(text, h->c.side == E2EE_I ? E2EE_R : E2EE_I, th);
	return !crypto_sign_verify_detached(sig, text, sizeof(text), key);
}

/* Seal head and lv(own IDB), signature over th_sign, with k_m and th_aad,
 * behind n octets that h->out has already. @return octets of the message. */
static size_t seal_own(struct e2ee *h, size_t n, int m, size_t head,
		       const uint8_t *th_aad, const uint8_t *th_sign)
{
	uint8_t *p = h->s.plain, *o = p + head;

	e2ee_put16(o, (uint16_t)h->idb_len);
	memcpy(o + 2, h->idb, h->idb_len);
	o += 2 + h->idb_len;
	sign(h, o, th_sign);
	o += E2EE_SIG;
	e2ee_k(h->s.k, h->s.prk, m);
	e2ee_aead_seal(h->out + n, h->s.k, th_aad, p, (size_t)(o - p));
	return n + (size_t)(o - p) + E2EE_TAG;
}

/* The other way round. v is what's left of the plaintext after head octets. */
static enum e2ee_reason open_peer(struct e2ee *h, struct e2ee_view sealed,
				  int m, size_t head, const uint8_t *th,
				  struct e2ee_view *v)
{
	e2ee_k(h->s.k, h->s.prk, m);
	if (!e2ee_aead_open(h->s.plain, h->s.k, th, sealed)) {
		h->where = "sealed part";
		return E2EE_R_AEAD;
	}
	if (sealed.n - E2EE_TAG < head) {
		h->where = "sealed part";
		return E2EE_R_MALFORMED;
	}
	*v = view(h->s.plain + head, sealed.n - E2EE_TAG - head);
	return E2EE_R_NONE;
}

/* Everything about the peer's identity block that the signature alone doesn't
 * say, but for the signature itself. */
static enum e2ee_reason check_peer(struct e2ee *h, struct e2ee_view raw,
				   struct e2ee_idb *idb, const uint8_t *r,
				   const uint8_t *x)
{
	enum e2ee_side side = h->c.side == E2EE_I ? E2EE_R : E2EE_I;
	uint8_t commit[E2EE_COMMIT];
	enum e2ee_reason why;

	e2ee_commit(commit, side, r, x, raw);
	h->where = "commitment";
	if (sodium_memcmp(commit, h->commit, sizeof(commit)))
		return E2EE_R_COMMITMENT;
	why = e2ee_idb_read(raw, idb, &h->where);
	if (why)
		return why;
	h->where = "identity key";
	if (!memcmp(idb->key, identity_key(h->c.identity), E2EE_KEY))
		return E2EE_R_OWN_IDENTITY;
	h->where = "peer's AOR";
	if (!is_text(idb->peer, h->own_aor))
		return E2EE_R_PEER_AOR;
	h->where = "own AOR";
	if (!is_text(idb->own, h->peer_aor))
		return E2EE_R_OWN_AOR;
	return E2EE_R_NONE;
}

/* It signed: from here on it is who it says. */
static enum e2ee_reason accept_peer(struct e2ee *h, const struct e2ee_idb *idb)
{
	h->where = "identity key";
	if (h->c.peers &&
	    peers_judge(h->c.peers, h->peer_aor, idb->key) == PEERS_REFUSE)
		return E2EE_R_IDENTITY;
	memcpy(h->peer_key, idb->key, E2EE_KEY);
	h->peer_media = idb->media;
	h->peer_signed = true;
	return E2EE_R_NONE;
}

/* Code and base keys; then what made them goes. */
static void finish(struct e2ee *h)
{
	e2ee_ms(h->s.ms, h->s.prk, h->th3);
	for (unsigned d = 0; d < 2; d++)
		for (unsigned k = 0; k < E2EE_KINDS; k++)
			e2ee_base_key(h->res.base[d][k], h->s.ms, d, k);
	e2ee_code_make(h->res.code, h->s.prk, h->th3);
	e2ee_k(h->res.k5, h->s.prk, 5);
	sodium_memzero(&h->s, sizeof(h->s));
}

enum e2ee_reason e2ee_on_m1(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len)
{
	struct e2ee_m1 m1;
	enum e2ee_reason why = e2ee_m1_read(m, &m1, &h->where);

	if (why)
		return why;
	memcpy(h->m1.p, m.p, m.n);
	h->m1.n = m.n;
	memcpy(h->commit, m1.commit, E2EE_COMMIT);
	h->state = ST_RINGING;
	h->deadline = E2EE_NEVER;
	(void)now;
	*out_len = 0;
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_on_m2(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len)
{
	struct e2ee_m2 m2;
	enum e2ee_reason why = e2ee_m2_read(m, &m2, &h->where);
	uint8_t *o = h->out;

	if (why)
		return why;
	memcpy(h->m2.p, m.p, m.n);
	h->m2.n = m.n;
	memcpy(h->commit, m2.commit, E2EE_COMMIT);
	memcpy(h->peer_x, m2.x, E2EE_KEY);
	e2ee_th1(h->th1, m1_of(h), m2_of(h), h->x, h->s.r);
	h->where = "M2 X_R";
	if (!e2ee_dh(h->s.plain, h->s.x, h->peer_x))
		return E2EE_R_LOW_ORDER;
	e2ee_prk(h->s.prk, h->th1, h->s.plain);
	e2ee_th2(h->th2, h->th1, own_idb(h));
	*o++ = 3;
	memcpy(o, h->x, E2EE_KEY);
	memcpy(o + E2EE_KEY, h->s.r, E2EE_RANDOM);
	*out_len =
		seal_own(h, 1 + E2EE_KEY + E2EE_RANDOM, 3, 0, h->th1, h->th2);
	sodium_memzero(h->s.x, sizeof(h->s.x));
	sodium_memzero(h->s.plain, sizeof(h->s.plain));
	h->state = ST_WAIT_M4;
	h->deadline = now + E2EE_WAIT_MS;
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_on_m3(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len)
{
	struct e2ee_view v = {0}, raw = {0};
	struct e2ee_idb idb;
	const uint8_t *sig;
	struct e2ee_m3 m3;
	enum e2ee_reason why = e2ee_m3_read(m, &m3, &h->where);

	if (why)
		return why;
	e2ee_th1(h->th1, m1_of(h), m2_of(h), m3.x, m3.r);
	h->where = "M3 X_I";
	if (!e2ee_dh(h->s.plain, h->s.x, m3.x))
		return E2EE_R_LOW_ORDER;
	e2ee_prk(h->s.prk, h->th1, h->s.plain);
	why = open_peer(h, m3.sealed, 3, 0, h->th1, &v);
	if (!why)
		why = e2ee_signed_read(v, &raw, &sig, &h->where);
	if (!why)
		why = check_peer(h, raw, &idb, m3.r, m3.x);
	if (why)
		return why;
	e2ee_th2(h->th2, h->th1, raw);
	h->where = "M3 Sig_I";
	if (!verify(h, sig, h->th2, idb.key))
		return E2EE_R_SIGNATURE;
	why = accept_peer(h, &idb);
	if (why)
		return why;
	e2ee_th3(h->th3, h->th2, h->s.r, own_idb(h));
	h->out[0] = 4;
	memcpy(h->s.plain, h->s.r, E2EE_RANDOM);
	*out_len = seal_own(h, 1, 4, E2EE_RANDOM, h->th2, h->th3);
	finish(h);
	h->state = ST_WAIT_M5;
	h->deadline = now + E2EE_WAIT_MS;
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_on_m4(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len)
{
	struct e2ee_view sealed, v = {0}, raw = {0};
	struct e2ee_idb idb;
	const uint8_t *sig, *r = h->s.plain;
	enum e2ee_reason why = e2ee_sealed_read(m, &sealed, &h->where);

	if (!why)
		why = open_peer(h, sealed, 4, E2EE_RANDOM, h->th2, &v);
	if (!why)
		why = e2ee_signed_read(v, &raw, &sig, &h->where);
	if (!why)
		why = check_peer(h, raw, &idb, r, h->peer_x);
	if (why)
		return why;
	e2ee_th3(h->th3, h->th2, r, raw);
	h->where = "M4 Sig_R";
	if (!verify(h, sig, h->th3, idb.key))
		return E2EE_R_SIGNATURE;
	why = accept_peer(h, &idb);
	if (why)
		return why;
	finish(h);
	h->out[0] = 5;
	e2ee_aead_seal(h->out + 1, h->res.k5, h->th3, NULL, 0);
	*out_len = 1 + E2EE_TAG;
	sodium_memzero(h->res.k5, sizeof(h->res.k5));
	h->state = ST_WAIT_MEDIA;
	h->deadline = now + E2EE_WAIT_MS;
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_on_m5(struct e2ee *h, struct e2ee_view m, uint64_t now,
			    size_t *out_len)
{
	struct e2ee_view sealed;
	enum e2ee_reason why = e2ee_sealed_read(m, &sealed, &h->where);
	uint8_t none[1];

	if (why)
		return why;
	if (sealed.n > E2EE_TAG) {
		h->where = "M5";
		return E2EE_R_TRAILING;
	}
	h->where = "sealed part";
	if (!e2ee_aead_open(none, h->res.k5, h->th3, sealed))
		return E2EE_R_AEAD;
	sodium_memzero(h->res.k5, sizeof(h->res.k5));
	(void)now;
	*out_len = 0; /* handshake.c locks */
	return E2EE_R_NONE;
}
