/* SPDX-License-Identifier: Apache-2.0 */
/* The suites on Intel IPsec-MB, 1.3 or later.
 *
 * AES-CM with HMAC-SHA1 goes through the cipher burst and the hash burst, one
 * after the other over the same job array: with AVX-512 a burst of 32 takes
 * 17 % less time so than as chained jobs. AES-GCM is the direct call for each
 * packet. All NOCHECK: the core has checked every length.
 *
 * The checked hash calls want tags of 12 or 20 octets, and 12 octets would
 * overrun a packet's slot of 10 or 4, so tags go to scratch first. The library
 * cannot encrypt nothing in counter mode: packets without payload are hashed
 * only. */
#define _GNU_SOURCE
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>
#include <tmmintrin.h>
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/packet.h"
#include "dataplane/srtp/receive.h"

#define MAC_LEN 12 /* octets that the library writes for an HMAC-SHA1 */

/* An expanded AES-CM and HMAC key: what every packet touches comes first. */
struct cm_key {
	uint64_t salt[2]; /* 14 octets, then zero */
	uint8_t ipad[20], opad[20];
	uint8_t spare[8];
	uint8_t rounds[15 * 16]; /* AES-128 uses 11, AES-192 13 */
};

/* An expanded AES-GCM key. The library's structure is 64-octet aligned and
 * ends in 16 octets of padding, beside the hash keys that every packet uses;
 * the salt takes their place. */
union gcm_key {
	struct gcm_key_data data;
	struct {
		uint8_t used[15 * 16 + 48 * 16];
		uint64_t salt[2]; /* 12 octets, then zero */
	} tail;
};

_Static_assert(sizeof(union gcm_key) == SRTP_EXPANDED_MAX,
	       "build with -DLINUX");
_Static_assert(offsetof(struct gcm_key_data, ghash_keys) +
			       sizeof(((struct gcm_key_data *)0)->ghash_keys) ==
		       offsetof(union gcm_key, tail.salt),
	       "the salt stands in the padding");
_Static_assert(sizeof(struct cm_key) % 16 == 0, "round keys are aligned");

/* e->crypto. job[i] uses iv[i] and mac[i]; order[i] is whose packet it is. */
struct imb {
	IMB_MGR *m;
	alignas(64) struct gcm_context_data ctx;
	struct srtp_op *order[SRTP_BURST_MAX];
	alignas(16) uint64_t iv[SRTP_BURST_MAX][2];
	uint8_t mac[SRTP_BURST_MAX][16];
	uint8_t want[SRTP_BURST_MAX][16];
	IMB_JOB job[SRTP_BURST_MAX];
	alignas(64) uint8_t mgr[];
};

/* RFC 3711 section 4.1.1: salt * 2^16 ^ SSRC * 2^64 ^ index * 2^16, as 16
 * octets in memory. The SSRC comes as it stands in the packet. */
static inline void cm_iv(uint64_t iv[2], const uint64_t salt[2], uint32_t ssrc,
			 uint64_t index)
{
	iv[0] = salt[0] ^ (uint64_t)ssrc << 32;
	iv[1] = salt[1] ^ __builtin_bswap64(index) >> 16;
}

/* RFC 7714 sections 8.1 and 9.1: the same, two octets to the left, and 12. */
static inline void gcm_iv(uint64_t iv[2], const uint64_t salt[2], uint32_t ssrc,
			  uint64_t index)
{
	const uint64_t octets = __builtin_bswap64(index);

	iv[0] = salt[0] ^ (uint64_t)ssrc << 16 ^ octets << 32;
	iv[1] = salt[1] ^ octets >> 32;
}

static inline void tag_copy(uint8_t *to, const uint8_t *from, unsigned n)
{
	if (n >= 8)
		memcpy(to + n - 8, from + n - 8, 8);
	memcpy(to, from, n >= 8 ? 8 : 4);
}

static void key_expand(IMB_MGR *m, unsigned key_len, const uint8_t *key,
		       void *rounds)
{
	alignas(16) uint8_t dec[15 * 16]; /* counter mode never decrypts */

	if (key_len == 16)
		IMB_AES_KEYEXP_128(m, key, rounds, dec);
	else if (key_len == 24)
		IMB_AES_KEYEXP_192(m, key, rounds, dec);
	else
		IMB_AES_KEYEXP_256(m, key, rounds, dec);
	explicit_bzero(dec, sizeof(dec));
}

/* To go on would send what was not encrypted, or take what was not verified. */
static void must(bool done)
{
	if (!done)
		abort();
}

static void cipher_burst(struct imb *b, const struct srtp_suite *a, unsigned n)
{
	must(IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->m, b->job, n, IMB_CIPHER_CNTR,
					     IMB_DIR_ENCRYPT, a->key_len) == n);
}

static void hash_burst(struct imb *b, unsigned n)
{
	must(IMB_SUBMIT_HASH_BURST_NOCHECK(b->m, b->job, n,
					   IMB_AUTH_HMAC_SHA_1) == n);
}

static void keystream(struct srtp_engine *e, const struct srtp_suite *a,
		      const uint8_t *key, const uint8_t iv[16], uint8_t *out,
		      size_t len)
{
	struct imb *b = e->crypto;
	alignas(16) uint8_t rounds[15 * 16];
	IMB_JOB job = {
		.enc_keys = rounds,
		.key_len_in_bytes = a->key_len,
		.src = out,
		.dst = out,
		.msg_len_to_cipher_in_bytes = len,
		.iv = iv,
		.iv_len_in_bytes = 16,
		.cipher_mode = IMB_CIPHER_CNTR,
		.cipher_direction = IMB_DIR_ENCRYPT,
	};

	key_expand(b->m, a->key_len, key, rounds);
	memset(out, 0, len);
	must(IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->m, &job, 1, IMB_CIPHER_CNTR,
					     IMB_DIR_ENCRYPT, a->key_len) == 1);
	explicit_bzero(rounds, sizeof(rounds));
}

/* RFC 2104: what the hash is after its first block, for both passes. */
static void hmac_pad(IMB_MGR *m, const uint8_t auth[SRTP_AUTH_KEY], uint8_t pad,
		     uint8_t out[20])
{
	uint8_t block[64];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < SRTP_AUTH_KEY; i++)
		block[i] ^= auth[i];
	IMB_SHA1_ONE_BLOCK(m, block, out);
	explicit_bzero(block, sizeof(block));
}

static void cm_expand(struct srtp_engine *e, const struct srtp_suite *a,
		      const struct srtp_raw *raw, void *out)
{
	struct imb *b = e->crypto;
	struct cm_key *k = out;

	memset(k, 0, sizeof(*k));
	memcpy(k->salt, raw->salt, a->salt_len);
	hmac_pad(b->m, raw->auth, 0x36, k->ipad);
	hmac_pad(b->m, raw->auth, 0x5c, k->opad);
	key_expand(b->m, a->key_len, raw->enc, k->rounds);
}

static inline void cm_cipher_job(struct imb *b, unsigned i,
				 const struct srtp_op *op)
{
	const struct cm_key *k = op->key;
	IMB_JOB *job = &b->job[i];

	cm_iv(b->iv[i], k->salt, op->ssrc, op->index);
	job->src = op->data;
	job->dst = op->data + op->hdr;
	job->cipher_start_src_offset_in_bytes = op->hdr;
	job->msg_len_to_cipher_in_bytes = op->len;
	job->enc_keys = k->rounds;
	job->status = 0;
}

static inline void cm_hash_job(struct imb *b, unsigned i,
			       const struct srtp_op *op)
{
	const struct cm_key *k = op->key;
	IMB_JOB *job = &b->job[i];

	job->src = op->data;
	job->msg_len_to_hash_in_bytes = op->hdr + op->len + sizeof(op->tail);
	job->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = k->opad;
	job->status = 0;
}

static void cm_seal(struct srtp_engine *e, const struct srtp_suite *a,
		    struct srtp_op *op[], unsigned n)
{
	struct imb *b = e->crypto;
	unsigned full = 0, empty = n;

	for (unsigned i = 0; i < n; i++) {
		const unsigned j = op[i]->len ? full++ : --empty;

		b->order[j] = op[i];
		memcpy(op[i]->data + op[i]->hdr + op[i]->len, &op[i]->tail,
		       sizeof(op[i]->tail));
		cm_cipher_job(b, j, op[i]);
		cm_hash_job(b, j, op[i]);
	}
	if (full)
		cipher_burst(b, a, full);
	hash_burst(b, n);
	for (unsigned i = 0; i < n; i++)
		tag_copy(b->order[i]->tag, b->mac[i], b->order[i]->tag_len);
}

/* The rollover counter goes where the tag or the MKI stands (SRTCP's index is
 * there already), and what stood there comes back afterwards. The tag is kept
 * aside: to read it over octets just put back would wait for the cache. */
static void cm_verify(struct srtp_engine *e, const struct srtp_suite *a,
		      struct srtp_op *op[], unsigned n)
{
	struct imb *b = e->crypto;

	(void)a;
	for (unsigned i = 0; i < n; i++) {
		struct srtp_op *o = op[i];
		uint8_t *tail = o->data + o->hdr + o->len;

		tag_copy(b->want[i], o->tag, o->tag_len);
		memcpy(&o->under, tail, sizeof(o->under));
		memcpy(tail, &o->tail, sizeof(o->tail));
		cm_hash_job(b, i, o);
	}
	hash_burst(b, n);
	for (unsigned i = 0; i < n; i++) {
		struct srtp_op *o = op[i];
		uint8_t *tail = o->data + o->hdr + o->len;

		memcpy(tail, &o->under, sizeof(o->under));
		o->ok = tag_equal(b->mac[i], b->want[i], o->tag_len);
	}
}

static void cm_decrypt(struct srtp_engine *e, const struct srtp_suite *a,
		       struct srtp_op *op[], unsigned n)
{
	struct imb *b = e->crypto;
	unsigned full = 0;

	for (unsigned i = 0; i < n; i++)
		if (op[i]->ok && op[i]->len)
			cm_cipher_job(b, full++, op[i]);
	if (full)
		cipher_burst(b, a, full);
}

static void gcm_expand(struct srtp_engine *e, const struct srtp_suite *a,
		       const struct srtp_raw *raw, void *out)
{
	struct imb *b = e->crypto;
	union gcm_key *k = out;

	if (a->key_len == 16)
		IMB_AES128_GCM_PRE(b->m, raw->enc, &k->data);
	else
		IMB_AES256_GCM_PRE(b->m, raw->enc, &k->data);
	memset(k->tail.salt, 0, sizeof(k->tail.salt));
	memcpy(k->tail.salt, raw->salt, a->salt_len);
}

static inline void gcm_op_iv(struct imb *b, unsigned i,
			     const struct srtp_op *op)
{
	const union gcm_key *k = op->key;

	gcm_iv(b->iv[i], k->tail.salt, op->ssrc, op->index);
}

static inline void gcm_op(struct imb *b, unsigned i, aes_gcm_enc_dec_t f,
			  const struct srtp_op *op, uint8_t *tag)
{
	const union gcm_key *k = op->key;
	uint8_t *text = op->data + op->hdr;

	f(&k->data, &b->ctx, text, text, op->len, (const uint8_t *)b->iv[i],
	  op->aad, op->aad_len, tag, SRTP_TAG_MAX);
}

/* The cipher loads an IV at once. Fresh from two stores it would have to wait
 * until they are in the cache, 16 ns of 42 for a packet of 172 octets: so each
 * is made while the packet before it is under way. */
static void gcm_seal(struct srtp_engine *e, const struct srtp_suite *a,
		     struct srtp_op *op[], unsigned n)
{
	struct imb *b = e->crypto;
	const aes_gcm_enc_dec_t f =
		a->key_len == 16 ? b->m->gcm128_enc : b->m->gcm256_enc;

	gcm_op_iv(b, 0, op[0]);
	for (unsigned i = 0; i < n; i++) {
		const unsigned ahead = i + SRTP_PREFETCH;

		if (ahead < n && op[ahead]->key != op[ahead - 1]->key)
			prefetch_key(a, op[ahead]->key, op[ahead]->len + 12u);
		if (i + 1 < n)
			gcm_op_iv(b, i + 1, op[i + 1]);
		gcm_op(b, i, f, op[i], op[i]->data + op[i]->hdr + op[i]->len);
	}
}

/* The IV of RTP, of what stands in the packet: SSRC and sequence number among
 * its first 16 octets, which there are, with the tag; and of the rollover counter
 * of an index near its own. As one store, which is forwarded to the cipher's
 * load where there is no time to let it reach the cache. */
HOT void gcm_rtp_iv(uint64_t out[2], const union gcm_key *k, const uint8_t *rtp,
		    const uint64_t *near)
{
	const __m128i ssrc_seq = _mm_setr_epi8(-1, -1, 8, 9, 10, 11, -1, -1, -1,
					       -1, 2, 3, -1, -1, -1, -1);
	const __m128i counter = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 5, 4, 3,
					      2, -1, -1, -1, -1, -1, -1);
	__m128i iv = _mm_load_si128((const __m128i *)k->tail.salt);
	__m128i part = _mm_loadu_si128((const __m128i *)rtp);

	iv = _mm_xor_si128(iv, _mm_shuffle_epi8(part, ssrc_seq));
	part = _mm_loadl_epi64((const __m128i *)near);
	iv = _mm_xor_si128(iv, _mm_shuffle_epi8(part, counter));
	_mm_store_si128((__m128i *)out, iv);
}

/* A straight session's. */
HOT const union gcm_key *key_near(const struct srtp_pkt *p)
{
	return (const void *)p->s->key;
}

/* gcm_seal for RTP of straight sessions: all but the index stands in the packet.
 * One that was refused may be too short to have an IV. */
HOT void gcm_seal_rtps(struct imb *b, const struct srtp_suite *a,
		       aes_gcm_enc_dec_t f, struct srtp_pkt *p,
		       const uint64_t *index, unsigned n)
{
	uint64_t(*iv)[2] = b->iv;

	if (likely(p->verdict == SRTP_OK))
		gcm_rtp_iv(*iv, key_near(p), p->data, index);
	for (; n; n--, p++, index++, iv++) {
		unsigned hdr = RTP_HEADER;
		uint8_t *text;

		if (n > 1 && likely(p[1].verdict == SRTP_OK))
			gcm_rtp_iv(iv[1], key_near(p + 1), p[1].data,
				   index + 1);
		if (unlikely(p->verdict != SRTP_OK))
			continue;
		if (turns_at(p, SRTP_PREFETCH, n))
			prefetch_key(a, p[SRTP_PREFETCH].s->key,
				     p[SRTP_PREFETCH].len);
		if (unlikely(p->data[0] & RTP_MORE))
			hdr = rtp_header_len(p->data, p->len);
		text = p->data + hdr;
		f(&key_near(p)->data, &b->ctx, text, text, p->len - hdr,
		  (const uint8_t *)*iv, p->data, hdr, p->data + p->len,
		  SRTP_TAG_MAX);
		p->len += SRTP_TAG_MAX;
	}
}

HOT void gcm_open_rtp(struct srtp_engine *e, aes_gcm_enc_dec_t f,
		      const union gcm_key *k, uint8_t *data, unsigned hdr,
		      unsigned len, const uint64_t *near)
{
	struct imb *b = e->crypto;
	uint8_t *text = data + hdr;

	gcm_rtp_iv(b->iv[0], k, data, near);
	f(&k->data, &b->ctx, text, text, len, (const uint8_t *)b->iv[0], data,
	  hdr, e->tag, SRTP_TAG_MAX);
}

/* IV and tag are in the engine, not on the stack, so that what is called for
 * each packet has no canary. */
#define GCM_CALLS(size)                                                       \
	static void gcm##size##_open(struct srtp_engine *e,                   \
				     const struct srtp_op *op)                \
	{                                                                     \
		struct imb *b = e->crypto;                                    \
                                                                              \
		gcm_op_iv(b, 0, op);                                          \
		gcm_op(b, 0, b->m->gcm##size##_dec, op, e->tag);              \
	}                                                                     \
	HOT void gcm##size##_open_rtp(struct srtp_engine *e, const void *key, \
				      uint8_t *data, unsigned hdr,            \
				      unsigned len, const uint64_t *near)     \
	{                                                                     \
		struct imb *b = e->crypto;                                    \
                                                                              \
		gcm_open_rtp(e, b->m->gcm##size##_dec, key, data, hdr, len,   \
			     near);                                           \
	}                                                                     \
	static unsigned gcm##size##_open_rtps(struct srtp_engine *e,          \
					      const struct srtp_suite *a,     \
					      struct srtp_pkt *p, unsigned n, \
					      unsigned *bad)                  \
	{                                                                     \
		return receive_aeads(e, a, p, n, bad, gcm##size##_open_rtp);  \
	}                                                                     \
	static void gcm##size##_seal_rtps(struct srtp_engine *e,              \
					  const struct srtp_suite *a,         \
					  struct srtp_pkt *p,                 \
					  const uint64_t *index, unsigned n)  \
	{                                                                     \
		struct imb *b = e->crypto;                                    \
                                                                              \
		gcm_seal_rtps(b, a, b->m->gcm##size##_enc, p, index, n);      \
	}

GCM_CALLS(128)
GCM_CALLS(256)

/* Octets at the end of an expanded AES-GCM key that packets touch: the salt,
 * and with VAES before it 48 hash keys, the first powers last, of which a packet
 * takes one for each of its blocks. Without VAES the hash keys are 8, right
 * behind the round keys, and with SSE 8 more of another form. */
#define WIDE_TAIL     (48 * 16 + 16)
#define NARROW_TAIL   16
#define LINES(octets) (((octets) + 63) / 64)

enum {
#define X(symbol, number, name, key, salt, tag, ctag) LANE_##symbol,
	SP_SUITES(X)
#undef X
		LANES
};
_Static_assert(LANES <= SRTP_LANES, "a lane for each suite");

#define AEAD(salt)  ((salt) == 12)
#define ROUNDS(key) (16 * ((key) / 4 + 7))

#define BY_KEY(salt, key, what) \
	(!AEAD(salt) ? NULL : (key) == 16 ? gcm128##what : gcm256##what)

/* wide: AES-GCM by VAES and AVX-512. */
#define SUITE(symbol, key, salt, tag, ctag, wide)                    \
	{                                                            \
		.id = SP_SUITE_##symbol,                             \
		.lane = LANE_##symbol,                               \
		.aead = AEAD(salt),                                  \
		.key_len = (key),                                    \
		.salt_len = (salt),                                  \
		.auth_len = AEAD(salt) ? 0 : SRTP_AUTH_KEY,          \
		.tag_len = (tag),                                    \
		.rtcp_tag_len = (ctag),                              \
		.expanded = AEAD(salt) ? sizeof(union gcm_key)       \
				       : sizeof(struct cm_key),      \
		.hot_lines = LINES(!AEAD(salt) ? 64 + ROUNDS(key)    \
				   : (wide)    ? ROUNDS(key)         \
					       : 15 * 16 + 2 * 8 * 16), \
		.hot_tail = !AEAD(salt) ? 0                          \
			    : (wide)	? WIDE_TAIL                  \
					: NARROW_TAIL,                  \
		.expand = AEAD(salt) ? gcm_expand : cm_expand,       \
		.keystream = keystream,                              \
		.open_rtp = BY_KEY(salt, key, _open_rtp),            \
		.open_rtps = BY_KEY(salt, key, _open_rtps),          \
		.seal_rtps = BY_KEY(salt, key, _seal_rtps),          \
		.open = BY_KEY(salt, key, _open),                    \
		.seal = AEAD(salt) ? gcm_seal : cm_seal,             \
		.verify = AEAD(salt) ? NULL : cm_verify,             \
		.decrypt = AEAD(salt) ? NULL : cm_decrypt,           \
	},

static const struct srtp_suite narrow_suites[LANES] = {
#define X(symbol, number, name, key, salt, tag, ctag) \
	SUITE(symbol, key, salt, tag, ctag, false)
	SP_SUITES(X)
#undef X
};

static const struct srtp_suite wide_suites[LANES] = {
#define X(symbol, number, name, key, salt, tag, ctag) \
	SUITE(symbol, key, salt, tag, ctag, true)
	SP_SUITES(X)
#undef X
};

static void init_auto(IMB_MGR *m)
{
	init_mb_mgr_auto(m, NULL);
}

static const struct isa {
	const char *name;
	void (*init)(IMB_MGR *m);
} isas[] = {
	{"", init_auto},
	{"sse", init_mb_mgr_sse},
	{"avx2", init_mb_mgr_avx2},
	{"avx512", init_mb_mgr_avx512},
};

static const struct isa *isa_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
		if (!strcmp(isas[i].name, name ? name : ""))
			return &isas[i];
	return NULL;
}

static void engine_free(struct srtp_engine *e)
{
	if (e)
		srtp_engine_release(e);
}

/* What stays the same in every job. */
static void jobs_init(struct imb *b)
{
	for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
		b->job[i] = (IMB_JOB){
			.iv = (uint8_t *)b->iv[i],
			.iv_len_in_bytes = 16,
			.auth_tag_output = b->mac[i],
			.auth_tag_output_len_in_bytes = MAC_LEN,
			.cipher_mode = IMB_CIPHER_CNTR,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.hash_alg = IMB_AUTH_HMAC_SHA_1,
			.chain_order = IMB_ORDER_CIPHER_HASH,
		};
	}
}

static struct srtp_engine *engine_new(const char *name)
{
	const struct isa *isa = isa_find(name);
	struct srtp_engine *e;
	struct imb *b;

	if (!isa)
		return NULL;
	e = srtp_engine_alloc(narrow_suites, LANES,
			      sizeof(*b) + imb_get_mb_mgr_size());
	if (!e)
		return NULL;
	b = e->crypto;
	b->m = imb_set_pointers_mb_mgr(b->mgr, 0, 1);
	if (!b->m)
		goto fail;
	isa->init(b->m);
	if (imb_get_errno(b->m))
		goto fail;
	if (b->m->used_arch == IMB_ARCH_AVX512 &&
	    (b->m->features & IMB_FEATURE_VAES))
		e->suites = wide_suites;
	jobs_init(b);
	return e;
fail:
	engine_free(e);
	return NULL;
}

const struct srtp_backend srtp_ipsec_mb = {
	.name = "ipsec-mb",
	.engine_new = engine_new,
	.engine_free = engine_free,
	.session_new = srtp_session_new,
	.session_key = srtp_session_key,
	.session_key_end = srtp_session_key_end,
	.session_key_wipe = srtp_session_key_wipe,
	.session_widen = srtp_session_widen,
	.session_free = srtp_session_free,
	.session_roc = srtp_session_roc,
	.session_state = srtp_session_state,
	.protect = srtp_protect,
	.unprotect = srtp_unprotect,
	.rtcp_protect = srtcp_protect,
	.rtcp_unprotect = srtcp_unprotect,
};
