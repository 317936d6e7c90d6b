/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: the same contract on libsrtp2, one packet after the other.
 *
 * Nothing of the engine's core is in here, so that the two can be compared:
 * indices, windows, keys and layouts are libsrtp2's. This file adds what the
 * contract has and libsrtp2 has not: a bound on SSRCs, lifetimes below the
 * RFC's, and states to read. libsrtp2 allocates its keys itself. Where it
 * differs, and tests leave it out:
 *   - 2.5 derives the keys of AES-192 as if it were AES-256, against
 *     RFC 6188 (libsrtp's issue 763);
 *   - its first SRTCP index is 1;
 *   - it opens no SRTCP packet with the E bit clear;
 *   - its SRTCP window has 128 packets, ours 64;
 *   - with the _32 suites it does not find SRTCP's MKI, since it looks before
 *     a tag of SRTP's length;
 *   - a key added to a session empties the replay windows. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/srtp/burst.h"

#define WINDOW_MORE 256 /* the contract's limit after the first SSRC */

struct srtp_engine {
	int unused;
};

struct key {
	uint8_t octets[SP_KEY_MAX + SP_SALT_MAX]; /* key, then salt */
	uint8_t mki[SP_MKI_MAX];
	uint64_t packets, rtcp_packets;
};

struct stream {
	struct srtp_state st;
	uint64_t left[SRTP_KEYS_MAX], rtcp_left[SRTP_KEYS_MAX];
	bool met;
};

struct srtp_session {
	srtp_t ctx;
	const struct sp_suite_info *suite;
	const struct srtp_mem *mem;
	enum srtp_dir dir;
	unsigned window, mki_len, n_keys, n_streams;
	uint32_t roc;
	struct key key[SRTP_KEYS_MAX];
	struct stream stream[SRTP_SSRC_MAX];
};

static const struct {
	uint16_t id;
	void (*rtp)(srtp_crypto_policy_t *p);
	void (*rtcp)(srtp_crypto_policy_t *p);
} policies[] = {
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, srtp_crypto_policy_set_rtp_default,
	 srtp_crypto_policy_set_rtcp_default},
	{SP_SUITE_AES_CM_128_HMAC_SHA1_32,
	 srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
	 srtp_crypto_policy_set_rtcp_default},
	{SP_SUITE_AES_192_CM_HMAC_SHA1_80,
	 srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
	 srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	{SP_SUITE_AES_192_CM_HMAC_SHA1_32,
	 srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32,
	 srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	{SP_SUITE_AES_256_CM_HMAC_SHA1_80,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	{SP_SUITE_AES_256_CM_HMAC_SHA1_32,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	{SP_SUITE_AEAD_AES_128_GCM, srtp_crypto_policy_set_aes_gcm_128_16_auth,
	 srtp_crypto_policy_set_aes_gcm_128_16_auth},
	{SP_SUITE_AEAD_AES_256_GCM, srtp_crypto_policy_set_aes_gcm_256_16_auth,
	 srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

static const struct {
	srtp_err_status_t status;
	uint8_t verdict;
} verdicts[] = {
	{srtp_err_status_ok, SRTP_OK},
	{srtp_err_status_bad_param, SRTP_SHORT},
	{srtp_err_status_parse_err, SRTP_SHORT},
	{srtp_err_status_auth_fail, SRTP_BAD_TAG},
	{srtp_err_status_cipher_fail, SRTP_BAD_TAG},
	{srtp_err_status_cant_check, SRTP_BAD_TAG},
	{srtp_err_status_replay_fail, SRTP_REPLAY},
	{srtp_err_status_replay_old, SRTP_REPLAY},
	{srtp_err_status_pkt_idx_old, SRTP_REPLAY},
	{srtp_err_status_key_expired, SRTP_KEY_SPENT},
	{srtp_err_status_bad_mki, SRTP_BAD_MKI},
};

static uint8_t verdict_of(const struct srtp_session *s, srtp_err_status_t st)
{
	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].status != st)
			continue;
		if (verdicts[i].verdict == SRTP_REPLAY && s->dir == SRTP_TX)
			return SRTP_INDEX_USED;
		return verdicts[i].verdict;
	}
	return SRTP_BAD_TAG;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* libsrtp2's stream for one SSRC, made or (update) given all keys anew. */
static bool stream_set(struct srtp_session *s, unsigned slot, uint32_t ssrc,
		       bool update)
{
	srtp_master_key_t master[SRTP_KEYS_MAX], *keys[SRTP_KEYS_MAX];
	srtp_policy_t p;

	memset(&p, 0, sizeof(p));
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		if (policies[i].id != s->suite->id)
			continue;
		policies[i].rtp(&p.rtp);
		policies[i].rtcp(&p.rtcp);
	}
	for (unsigned i = 0; i < s->n_keys; i++) {
		master[i].key = s->key[i].octets;
		master[i].mki_id = s->key[i].mki;
		master[i].mki_size = s->mki_len;
		keys[i] = &master[i];
	}
	p.ssrc.type = ssrc_specific;
	p.ssrc.value = ssrc;
	p.window_size =
		slot && s->window > WINDOW_MORE ? WINDOW_MORE : s->window;
	if (s->mki_len) {
		p.keys = keys;
		p.num_master_keys = s->n_keys;
	} else {
		p.key = s->key[0].octets;
	}
	if (update)
		return srtp_update_stream(s->ctx, &p) == srtp_err_status_ok;
	return srtp_add_stream(s->ctx, &p) == srtp_err_status_ok;
}

static int stream_find(const struct srtp_session *s, uint32_t ssrc)
{
	for (unsigned i = 0; i < s->n_streams; i++)
		if (s->stream[i].st.ssrc == ssrc)
			return i;
	return -1;
}

static void key_set(struct key *k, const struct sp_suite_info *suite,
		    const struct srtp_master *m)
{
	const uint64_t all = UINT64_C(1) << 48, rtcp_all = UINT64_C(1) << 31;

	memcpy(k->octets, m->key, suite->key_len);
	memcpy(k->octets + suite->key_len, m->salt, suite->salt_len);
	memcpy(k->mki, m->mki, m->mki_len);
	k->packets = m->packets && m->packets < all ? m->packets : all;
	k->rtcp_packets = k->packets < rtcp_all ? k->packets : rtcp_all;
}

/* Which key a packet names, 0 if that cannot be told. */
static unsigned key_named(const struct srtp_session *s,
			  const struct srtp_pkt *p, bool rtcp)
{
	const bool aead = s->suite->salt_len == 12;
	const unsigned tag = aead   ? 0
			     : rtcp ? s->suite->rtcp_tag_len
				    : s->suite->tag_len;

	if (s->dir == SRTP_TX)
		return s->n_keys - 1;
	if (!s->mki_len || p->len < tag + s->mki_len)
		return 0;
	for (unsigned i = 0; i < s->n_keys; i++)
		if (!memcmp(p->data + p->len - tag - s->mki_len, s->key[i].mki,
			    s->mki_len))
			return i;
	return 0;
}

typedef srtp_err_status_t call_fn(struct srtp_session *s, struct srtp_pkt *p,
				  unsigned key, int *len);

static srtp_err_status_t rtp_seal(struct srtp_session *s, struct srtp_pkt *p,
				  unsigned key, int *len)
{
	return srtp_protect_mki(s->ctx, p->data, len, s->mki_len != 0, key);
}

static srtp_err_status_t rtp_open(struct srtp_session *s, struct srtp_pkt *p,
				  unsigned key, int *len)
{
	(void)key;
	return srtp_unprotect_mki(s->ctx, p->data, len, s->mki_len != 0);
}

static srtp_err_status_t rtcp_seal(struct srtp_session *s, struct srtp_pkt *p,
				   unsigned key, int *len)
{
	return srtp_protect_rtcp_mki(s->ctx, p->data, len, s->mki_len != 0,
				     key);
}

static srtp_err_status_t rtcp_open(struct srtp_session *s, struct srtp_pkt *p,
				   unsigned key, int *len)
{
	(void)key;
	return srtp_unprotect_rtcp_mki(s->ctx, p->data, len, s->mki_len != 0);
}

/* Notes a packet that went through, its first octets as they are now. */
static void stream_note(struct srtp_session *s, struct stream *x,
			const struct srtp_pkt *p, unsigned key, bool rtcp,
			uint32_t rtcp_index)
{
	const uint16_t seq = p->data[2] << 8 | p->data[3];
	uint32_t roc;
	int ahead;

	if (rtcp) {
		x->rtcp_left[key]--;
		if (s->dir == SRTP_TX)
			x->st.rtcp_index++;
		else if (rtcp_index > x->st.rtcp_index)
			x->st.rtcp_index = rtcp_index;
		return;
	}
	x->left[key]--;
	x->st.left = x->left[key];
	roc = x->st.roc;
	srtp_get_stream_roc(s->ctx, x->st.ssrc, &x->st.roc);
	ahead = x->st.roc ? (int16_t)(seq - x->st.seq) : seq - x->st.seq;
	if (!x->met || x->st.roc != roc || ahead > 0)
		x->st.seq = seq;
	if (!x->met)
		s->roc = 0;
	x->met = true;
}

static uint8_t one(struct srtp_session *s, struct srtp_pkt *p, bool rtcp,
		   call_fn *call)
{
	const bool aead = s->suite->salt_len == 12;
	const unsigned key = key_named(s, p, rtcp);
	const unsigned trailer = s->mki_len + (rtcp ? 4 + s->suite->rtcp_tag_len
						    : s->suite->tag_len);
	struct stream fresh = {0}, *x = &fresh;
	srtp_err_status_t status;
	int slot, len = p->len;
	uint32_t ssrc, index = 0;

	/* libsrtp2 reads these before it looks at the length. */
	if (p->len < (rtcp ? 8 : 12) + (s->dir == SRTP_RX ? trailer : 0))
		return SRTP_SHORT;
	if (s->dir == SRTP_TX && p->len + trailer > p->room)
		return SRTP_NO_ROOM;
	if (rtcp && s->dir == SRTP_RX)
		index = get32(p->data + p->len - 4 - s->mki_len -
			      (aead ? 0 : s->suite->rtcp_tag_len)) &
			0x7fffffff;
	ssrc = get32(p->data + (rtcp ? 4 : 8));
	slot = stream_find(s, ssrc);
	if (slot >= 0)
		x = &s->stream[slot];
	else if (s->dir == SRTP_TX && s->n_streams == SRTP_SSRC_MAX)
		return SRTP_SSRC_FULL;
	if (slot < 0) {
		fresh.st.ssrc = ssrc;
		for (unsigned i = 0; i < s->n_keys; i++) {
			fresh.left[i] = s->key[i].packets;
			fresh.rtcp_left[i] = s->key[i].rtcp_packets;
		}
		if (!stream_set(s, s->n_streams, ssrc, false))
			abort();
	}
	if (!rtcp && !x->met)
		srtp_set_stream_roc(s->ctx, ssrc, s->roc);
	status = (rtcp ? x->rtcp_left : x->left)[key]
			 ? call(s, p, key, &len)
			 : srtp_err_status_key_expired;
	if (slot < 0 &&
	    (status != srtp_err_status_ok || s->n_streams == SRTP_SSRC_MAX)) {
		srtp_remove_stream(s->ctx, htonl(ssrc));
		return status == srtp_err_status_ok ? SRTP_SSRC_FULL
						    : verdict_of(s, status);
	}
	if (status != srtp_err_status_ok)
		return verdict_of(s, status);
	p->len = len;
	if (slot < 0) {
		s->stream[s->n_streams] = fresh;
		x = &s->stream[s->n_streams++];
	}
	stream_note(s, x, p, key, rtcp, index);
	return SRTP_OK;
}

static uint16_t burst(struct srtp_pkt pkt[], uint16_t n, bool rtcp,
		      call_fn *call)
{
	for (uint16_t i = 0; i < n; i++)
		pkt[i].verdict = one(pkt[i].s, &pkt[i], rtcp, call);
	return srtp_burst_sort(pkt, n);
}

static uint16_t protect(struct srtp_engine *e, struct srtp_pkt pkt[],
			uint16_t n)
{
	(void)e;
	return burst(pkt, n, false, rtp_seal);
}

static uint16_t unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			  uint16_t n)
{
	(void)e;
	return burst(pkt, n, false, rtp_open);
}

static uint16_t rtcp_protect(struct srtp_engine *e, struct srtp_pkt pkt[],
			     uint16_t n)
{
	(void)e;
	return burst(pkt, n, true, rtcp_seal);
}

static uint16_t rtcp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			       uint16_t n)
{
	(void)e;
	return burst(pkt, n, true, rtcp_open);
}

static struct srtp_engine *engine_new(const char *isa)
{
	if (isa && *isa)
		return NULL;
	if (srtp_init() != srtp_err_status_ok)
		return NULL;
	return calloc(1, sizeof(struct srtp_engine));
}

static void engine_free(struct srtp_engine *e)
{
	free(e);
}

/* It has room for SRTP_SSRC_MAX from the start. */
static bool session_widen(struct srtp_session *s)
{
	(void)s;
	return true;
}

static void session_free(struct srtp_session *s)
{
	const struct srtp_mem *mem;

	if (!s)
		return;
	mem = s->mem;
	if (s->ctx)
		srtp_dealloc(s->ctx);
	explicit_bzero(s, sizeof(*s));
	mem->free(mem->ctx, s, sizeof(*s));
}

static struct srtp_session *session_new(struct srtp_engine *e,
					const struct srtp_master *m,
					enum srtp_dir dir, unsigned window,
					const struct srtp_mem *mem)
{
	const struct sp_suite_info *suite = sp_suite_info(m->suite);
	struct srtp_session *s;

	(void)e;
	if (!suite || m->mki_len > SP_MKI_MAX)
		return NULL;
	s = mem->alloc(mem->ctx, sizeof(*s), 64);
	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->mem = mem;
	s->suite = suite;
	s->dir = dir;
	window = window < SRTP_WINDOW_MIN ? SRTP_WINDOW_MIN : window;
	window = window > SRTP_WINDOW_MAX ? SRTP_WINDOW_MAX : window;
	s->window = (window + 63) & ~63u;
	s->mki_len = m->mki_len;
	s->n_keys = 1;
	key_set(&s->key[0], suite, m);
	if (srtp_create(&s->ctx, NULL) != srtp_err_status_ok) {
		session_free(s);
		return NULL;
	}
	return s;
}

static bool session_key(struct srtp_engine *e, struct srtp_session *s,
			const struct srtp_master *m)
{
	const unsigned k = s->n_keys;

	(void)e;
	if (k == SRTP_KEYS_MAX || m->suite != s->suite->id || !m->mki_len ||
	    m->mki_len != s->mki_len)
		return false;
	for (unsigned i = 0; i < k; i++)
		if (!memcmp(s->key[i].mki, m->mki, m->mki_len))
			return false;
	key_set(&s->key[k], s->suite, m);
	s->n_keys++;
	for (unsigned i = 0; i < s->n_streams; i++) {
		s->stream[i].left[k] = s->key[k].packets;
		s->stream[i].rtcp_left[k] = s->key[k].rtcp_packets;
		if (!stream_set(s, i, s->stream[i].st.ssrc, true))
			return false;
	}
	return true;
}

static bool session_key_end(struct srtp_session *s, const uint8_t *mki)
{
	unsigned k = 0;

	while (k < s->n_keys && memcmp(s->key[k].mki, mki, s->mki_len) != 0)
		k++;
	if (!s->mki_len || k == s->n_keys || s->n_keys == 1 ||
	    (s->dir == SRTP_TX && k == s->n_keys - 1))
		return false;
	s->n_keys--;
	memmove(&s->key[k], &s->key[k + 1],
		(s->n_keys - k) * sizeof(s->key[0]));
	explicit_bzero(&s->key[s->n_keys], sizeof(s->key[0]));
	for (unsigned i = 0; i < s->n_streams; i++) {
		struct stream *x = &s->stream[i];

		memmove(&x->left[k], &x->left[k + 1],
			(s->n_keys - k) * sizeof(x->left[0]));
		memmove(&x->rtcp_left[k], &x->rtcp_left[k + 1],
			(s->n_keys - k) * sizeof(x->rtcp_left[0]));
		if (!stream_set(s, i, x->st.ssrc, true))
			abort();
	}
	return true;
}

/* libsrtp2 has wiped its own, and ours is gone already. */
static void session_key_wipe(struct srtp_session *s, const uint8_t *mki)
{
	(void)s;
	(void)mki;
}

static void session_roc(struct srtp_session *s, uint32_t roc)
{
	s->roc = roc;
}

static unsigned session_state(const struct srtp_session *s,
			      struct srtp_state st[], unsigned n)
{
	n = n < s->n_streams ? n : s->n_streams;
	for (unsigned i = 0; i < n; i++) {
		st[i] = s->stream[i].st;
		if (!s->stream[i].met)
			st[i].left = s->key[0].packets;
	}
	return n;
}

const struct srtp_backend srtp_libsrtp2 = {
	.name = "libsrtp2",
	.engine_new = engine_new,
	.engine_free = engine_free,
	.session_new = session_new,
	.session_key = session_key,
	.session_key_end = session_key_end,
	.session_key_wipe = session_key_wipe,
	.session_widen = session_widen,
	.session_free = session_free,
	.session_roc = session_roc,
	.session_state = session_state,
	.protect = protect,
	.unprotect = unprotect,
	.rtcp_protect = rtcp_protect,
	.rtcp_unprotect = rtcp_unprotect,
};
