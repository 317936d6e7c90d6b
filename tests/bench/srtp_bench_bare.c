/* SPDX-License-Identifier: Apache-2.0 */
/* The limit: IPsec-MB called as fast as we know how, with nothing around it.
 *
 * What the calls take is made for each packet, in the time that counts: the IV
 * from the context's salt and an index that is known, and for an HMAC the
 * rollover counter behind the packet. Nothing else is: no header is read, no
 * index estimated, no window or lifetime looked at, no tag copied or compared.
 * The contexts lie as far apart as the engine's sessions do, and are asked for
 * ahead of their use, over the ends of bursts, as the engine cannot: an HMAC's
 * by a burst, an AEAD's by as many packets as the engine does. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/kdf.h"
#include "tests/bench/srtp_bench.h"

struct cm_ctx {
	uint64_t salt[2];
	uint8_t ipad[20], opad[20], spare[8];
	uint8_t rounds[15 * 16];
};

/* The salt stands in the padding of the library's structure. */
struct gcm_ctx {
	uint8_t used[15 * 16 + 48 * 16];
	uint64_t salt[2];
};

union ctx {
	struct cm_ctx cm;
	struct gcm_key_data gcm;
	struct gcm_ctx tail;
};

static IMB_MGR *mgr;
static struct srtp_engine *deriver; /* for session keys from master keys */
/* Packets are sealed for unprotect with contexts of their own: those that are
 * measured must not be warm from it. */
static struct set {
	struct huge memory;
	uint8_t *contexts;
} measured, sealer;
static const struct srtp_suite *suite; /* for what is the same in both */
static size_t stride;
static IMB_JOB job[BURST_MAX];
static uint8_t mac[BURST_MAX][16];
static struct {
	const union ctx *ctx;
	uint8_t *data;
	uint64_t index;
} packet[CHUNK];
static uint64_t iv[BURST_MAX][2] __attribute__((aligned(16)));

static union ctx *ctx_of(const struct set *x, uint32_t stream)
{
	return (union ctx *)(x->contexts + stream * stride);
}

bool bare_open_isa(const char *isa)
{
	mgr = alloc_mb_mgr(0);
	if (!mgr)
		return false;
	if (!isa || !*isa)
		init_mb_mgr_auto(mgr, NULL);
	else if (!strcmp(isa, "sse"))
		init_mb_mgr_sse(mgr);
	else if (!strcmp(isa, "avx2"))
		init_mb_mgr_avx2(mgr);
	else
		init_mb_mgr_avx512(mgr);
	deriver = srtp_ipsec_mb.engine_new(isa);
	return deriver && !imb_get_errno(mgr);
}

const char *bare_isa(void)
{
	static const char *const names[] = {
		[IMB_ARCH_NOAESNI] = "no AES-NI", [IMB_ARCH_SSE] = "SSE",
		[IMB_ARCH_AVX] = "AVX",		  [IMB_ARCH_AVX2] = "AVX2",
		[IMB_ARCH_AVX512] = "AVX512",
	};

	return mgr->used_arch < sizeof(names) / sizeof(names[0])
		       ? names[mgr->used_arch]
		       : "?";
}

static bool is_gcm(const struct cell *c)
{
	return c->suite == SP_SUITE_AEAD_AES_128_GCM;
}

static void hmac_pad(const uint8_t *auth, uint8_t pad, uint8_t *out)
{
	uint8_t block[64];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < SRTP_AUTH_KEY; i++)
		block[i] ^= auth[i];
	IMB_SHA1_ONE_BLOCK(mgr, block, out);
}

static bool set_open(struct set *x, const struct cell *c)
{
	if (!huge_open(&x->memory, c->streams * stride))
		return false;
	x->contexts = huge_take(&x->memory, c->streams * stride, 64);
	for (uint32_t i = 0; i < c->streams; i++) {
		const struct srtp_master m = master_of(c, i);
		struct srtp_raw rtp, rtcp;
		uint8_t dec[15 * 16] __attribute__((aligned(16)));
		union ctx *k = ctx_of(x, i);

		srtp_kdf(deriver, suite, m.key, m.salt, &rtp, &rtcp);
		if (is_gcm(c)) {
			IMB_AES128_GCM_PRE(mgr, rtp.enc, &k->gcm);
			memset(k->tail.salt, 0, sizeof(k->tail.salt));
			memcpy(k->tail.salt, rtp.salt, 12);
			continue;
		}
		memset(k->cm.salt, 0, sizeof(k->cm.salt));
		memcpy(k->cm.salt, rtp.salt, 14);
		hmac_pad(rtp.auth, 0x36, k->cm.ipad);
		hmac_pad(rtp.auth, 0x5c, k->cm.opad);
		IMB_AES_KEYEXP_128(mgr, rtp.enc, k->cm.rounds, dec);
	}
	return true;
}

static const char *bare_open(struct peer *p, const struct cell *c, double limit)
{
	(void)p, (void)limit;
	suite = srtp_suite_find(deriver->suites, deriver->n_suites, c->suite);
	/* As far apart as the engine's sessions: 1,280 octets, and 560 on whole
	 * cache lines. */
	stride = is_gcm(c) ? 1280 : 576;
	if (!set_open(&measured, c) || !set_open(&sealer, c))
		return "no memory";
	for (unsigned i = 0; i < BURST_MAX; i++)
		job[i] = (IMB_JOB){
			.iv = (uint8_t *)iv[i],
			.iv_len_in_bytes = 16,
			.key_len_in_bytes = 16,
			.auth_tag_output = mac[i],
			.auth_tag_output_len_in_bytes = 12,
			.cipher_mode = IMB_CIPHER_CNTR,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.hash_alg = IMB_AUTH_HMAC_SHA_1,
			.cipher_start_src_offset_in_bytes = 12,
		};
	return NULL;
}

static void bare_close(struct peer *p)
{
	(void)p;
	huge_close(&measured.memory);
	huge_close(&sealer.memory);
}

/* RFC 3711 section 4.1.1. */
static void cm_iv(uint64_t out[2], const uint64_t salt[2], uint64_t index)
{
	out[0] = salt[0] ^ (uint64_t)__builtin_bswap32(SSRC) << 32;
	out[1] = salt[1] ^ __builtin_bswap64(index) >> 16;
}

/* RFC 7714 section 8.1. */
static void gcm_iv(uint64_t out[2], const uint64_t salt[2], uint64_t index)
{
	const uint64_t octets = __builtin_bswap64(index);

	out[0] = salt[0] ^ (uint64_t)__builtin_bswap32(SSRC) << 16 ^
		 octets << 32;
	out[1] = salt[1] ^ octets >> 32;
}

/* The same lines that the engine asks for, of the same layout on each isa. */
HOT void ask_for(const struct srtp_suite *a, const union ctx *x,
		 unsigned octets)
{
	prefetch_key(a, x, octets);
}

HOT void ahead(const struct cell *c, unsigned i)
{
	if (i < CHUNK)
		ask_for(suite, packet[i].ctx, c->octets);
}

static void cm_run(const struct cell *c, unsigned at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ahead(c, at + n + i);
	for (unsigned i = 0; i < n; i++) {
		const struct cm_ctx *k = &packet[at + i].ctx->cm;
		uint8_t *data = packet[at + i].data;
		const uint32_t roc =
			__builtin_bswap32(packet[at + i].index >> 16);
		IMB_JOB *j = &job[i];

		cm_iv(iv[i], k->salt, packet[at + i].index);
		memcpy(data + c->octets, &roc, sizeof(roc));
		j->src = data;
		j->dst = data + 12;
		j->msg_len_to_cipher_in_bytes = c->octets - 12;
		j->enc_keys = k->rounds;
		j->msg_len_to_hash_in_bytes = c->octets + 4;
		j->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
		j->u.HMAC._hashed_auth_key_xor_opad = k->opad;
		j->status = 0;
	}
	if (c->protect)
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(mgr, job, n, IMB_CIPHER_CNTR,
						IMB_DIR_ENCRYPT, 16);
	IMB_SUBMIT_HASH_BURST_NOCHECK(mgr, job, n, IMB_AUTH_HMAC_SHA_1);
	if (!c->protect)
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(mgr, job, n, IMB_CIPHER_CNTR,
						IMB_DIR_ENCRYPT, 16);
}

/* Each IV a packet ahead: fresh, the cipher would wait for it. */
static void gcm_ahead(unsigned at, unsigned i)
{
	gcm_iv(iv[i], packet[at + i].ctx->tail.salt, packet[at + i].index);
}

static void gcm_run(const struct cell *c, unsigned at, unsigned n)
{
	const unsigned octets = c->octets;
	struct gcm_context_data g;

	gcm_ahead(at, 0);
	for (unsigned i = 0; i < n; i++) {
		const struct gcm_key_data *k = &packet[at + i].ctx->gcm;
		uint8_t *p = packet[at + i].data;

		ahead(c, at + i + SRTP_PREFETCH);
		if (i + 1 < n)
			gcm_ahead(at, i + 1);
		if (c->protect)
			IMB_AES128_GCM_ENC(mgr, k, &g, p + 12, p + 12,
					   octets - 12, (uint8_t *)iv[i], p, 12,
					   p + octets, 16);
		else
			IMB_AES128_GCM_DEC(mgr, k, &g, p + 12, p + 12,
					   octets - 12, (uint8_t *)iv[i], p, 12,
					   mac[i], 16);
	}
}

static void stage(const struct set *x, const struct load *l, unsigned first,
		  uint8_t *const buf[])
{
	for (unsigned i = 0; i < CHUNK; i++) {
		packet[i].ctx = ctx_of(x, l->stream[first + i]);
		packet[i].data = buf[i];
		packet[i].index = l->index[first + i];
	}
}

static void bare_stage(struct peer *p, const struct load *l, unsigned first,
		       uint8_t *const buf[])
{
	(void)p;
	stage(&measured, l, first, buf);
}

static unsigned bare_run(struct peer *p, const struct load *l, unsigned at,
			 unsigned n)
{
	(void)p;
	(is_gcm(l->cell) ? gcm_run : cm_run)(l->cell, at, n);
	return n;
}

void bare_seal(struct load *l)
{
	const struct cell sealing = {.suite = l->cell->suite,
				     .protect = true,
				     .octets = l->cell->octets};
	uint8_t *buf[CHUNK];

	for (unsigned first = 0; first < l->n; first += CHUNK) {
		for (unsigned i = 0; i < CHUNK; i++)
			buf[i] = l->store + (size_t)(first + i) * STRIDE;
		stage(&sealer, l, first, buf);
		for (unsigned at = 0; at < CHUNK; at += BURST_MAX) {
			if (is_gcm(&sealing)) {
				gcm_run(&sealing, at, BURST_MAX);
				continue;
			}
			cm_run(&sealing, at, BURST_MAX);
			for (unsigned i = 0; i < BURST_MAX; i++)
				memcpy(buf[at + i] + sealing.octets, mac[i],
				       10);
		}
	}
}

struct peer peer_bare = {
	.what = "bare",
	.open = bare_open,
	.stage = bare_stage,
	.run = bare_run,
	.close = bare_close,
};
