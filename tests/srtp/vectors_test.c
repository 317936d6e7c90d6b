/* SPDX-License-Identifier: Apache-2.0 */
/* The published vectors, on every isa: RFC 3711 appendix B, RFC 6188 section
 * 7, RFC 7714 sections 16 and 17. They start from session keys, so they put
 * those straight into the core's sessions. */
#include <string.h>
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/kdf.h"
#include "tests/srtp/cases.h"

static const struct srtp_suite *suite_of(struct subject *u, uint16_t id)
{
	const struct srtp_suite *a =
		srtp_suite_find(u->e->suites, u->e->n_suites, id);

	assert_non_null(a);
	return a;
}

static const struct {
	uint16_t suite;
	const char *key, *iv; /* iv of the first block */
	const char *stream;
} keystreams[] = {
	/* RFC 3711 B.2 */
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, "2B7E151628AED2A6ABF7158809CF4F3C",
	 "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000",
	 "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
	 "41E95B3BB0A2E8DD477901E4FCA894C0"},
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, "2B7E151628AED2A6ABF7158809CF4F3C",
	 "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
	 "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE"
	 "6A2CC3787889374FBEB4C81B17BA6C44"},
	/* RFC 6188 7.1 */
	{SP_SUITE_AES_256_CM_HMAC_SHA1_80,
	 "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
	 "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
	 "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac"
	 "63c4868b7096d88421b563b8c94c9a31"},
	{SP_SUITE_AES_256_CM_HMAC_SHA1_80,
	 "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
	 "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	 "cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d"
	 "6eb246913062a16891433e97dd01a57f"},
	/* RFC 6188 7.3 */
	{SP_SUITE_AES_192_CM_HMAC_SHA1_80,
	 "eab234764e517b2d3d160d587d8c8621 9740f65f99b6bcf7",
	 "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
	 "35096cba4610028dc1b57503804ce37c 5de986291dcce161d5165ec4568f5c9a"
	 "474a40c77894bc17180202272a4c264d"},
	{SP_SUITE_AES_192_CM_HMAC_SHA1_80,
	 "eab234764e517b2d3d160d587d8c8621 9740f65f99b6bcf7",
	 "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	 "d108d1a31a00bad6367ec23eb044b415 c8f57129fdeb970b59f917b257662d4c"
	 "a5dab625811034e8cebdfeb6dc158dd3"},
};

void vector_keystream(void **state)
{
	struct subject *u = *state;

	for (unsigned i = 0; i < sizeof(keystreams) / sizeof(keystreams[0]);
	     i++) {
		uint8_t key[32], iv[16], want[48], got[48];
		const struct srtp_suite *a = suite_of(u, keystreams[i].suite);

		assert_int_equal(unhex(keystreams[i].key, key, 32), a->key_len);
		assert_int_equal(unhex(keystreams[i].iv, iv, 16), 16);
		assert_int_equal(unhex(keystreams[i].stream, want, 48), 48);
		a->keystream(u->e, a, key, iv, got, sizeof(got));
		assert_memory_equal(got, want, sizeof(want));
	}
}

static const struct {
	uint16_t suite;
	const char *key, *salt;
	const char *enc, *session_salt, *auth;
} derivations[] = {
	/* RFC 3711 B.3, the authentication key's first 20 octets */
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, "E1F97A0D3E018BE0D64FA32C06DE4139",
	 "0EC675AD498AFEEBB6960B3AABE6", "C61E7A93744F39EE10734AFE3FF7A087",
	 "30CBBC08863D8C85D49DB34A9AE1",
	 "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"},
	/* RFC 6188 7.2 and 7.4 */
	{SP_SUITE_AES_256_CM_HMAC_SHA1_80,
	 "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6",
	 "3b04803de51ee7c96423ab5b78d2",
	 "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4",
	 "fa31791685ca444a9e07c6c64e93",
	 "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"},
	{SP_SUITE_AES_192_CM_HMAC_SHA1_80,
	 "73edc66c4fa15776fb57f9505c171365 50ffda71f3e8e5f1",
	 "c8522f3acd4ce86d5add78edbb11",
	 "31874736a8f1143870c26e4857d8a5b2 c4a354407faadabb",
	 "2372b82d639b6d8503a47adc0a6c",
	 "355b10973cd95b9eacf4061c7e1a7151e7cfbfcb"},
};

void vector_kdf(void **state)
{
	struct subject *u = *state;

	for (unsigned i = 0; i < sizeof(derivations) / sizeof(derivations[0]);
	     i++) {
		uint8_t key[32], salt[16], want[32];
		const struct srtp_suite *a = suite_of(u, derivations[i].suite);
		struct srtp_raw rtp, rtcp;

		unhex(derivations[i].key, key, sizeof(key));
		unhex(derivations[i].salt, salt, sizeof(salt));
		srtp_kdf(u->e, a, key, salt, &rtp, &rtcp);
		unhex(derivations[i].enc, want, sizeof(want));
		assert_memory_equal(rtp.enc, want, a->key_len);
		unhex(derivations[i].session_salt, want, sizeof(want));
		assert_memory_equal(rtp.salt, want, 14);
		unhex(derivations[i].auth, want, sizeof(want));
		assert_memory_equal(rtp.auth, want, 20);
		assert_memory_not_equal(rtcp.enc, rtp.enc, a->key_len);
	}
}

/* RFC 7714: key 00 01 02 ..., salt "Quid pro quo". */
#define QUID	  "517569642070726f2071756f"
#define KEY	  "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f"
#define RTP_HEAD  "8040f17b 8041f8d3 5501a0b2"
#define RTCP_HEAD "81c8000d 4d617273"
#define RTP_TEXT                                                               \
	"47616c6c696120657374206f6d6e6973 20646976697361 20696e20706172746573" \
	"2074726573"
#define RTCP_TEXT                                                           \
	"4e5450314e545032525450200000042a 0000e9304c756e61deadbeefdeadbeef" \
	"deadbeefdeadbeefdeadbeef"

static const struct gcm_vector {
	uint16_t suite;
	bool rtcp, seal; /* seal: we would send it so */
	const char *plain, *sealed;
} gcm_vectors[] = {
	/* 16.1.1, 16.1.2 */
	{SP_SUITE_AEAD_AES_128_GCM, false, true, RTP_HEAD RTP_TEXT,
	 RTP_HEAD "f24de3a3fb34de6cacba861c9d7e4bca be633bd50d294e6f42a5f47a"
		  "51c7d19b36de3adf8833 899d7f27beb16a9152cf765ee4390cce"},
	/* 16.2.1, 16.2.2 */
	{SP_SUITE_AEAD_AES_256_GCM, false, true, RTP_HEAD RTP_TEXT,
	 RTP_HEAD "32b1de78a822fe12ef9f78fa332e33aa b18012389a58e2f3b50b2a02"
		  "76ffae0f1ba63799b87b 7aa3db36dfffd6b0f9bb7878d7a76c13"},
	/* 17.1 */
	{SP_SUITE_AEAD_AES_128_GCM, true, true, RTCP_HEAD RTCP_TEXT,
	 RTCP_HEAD "63e94885dcdab67ca727d7662f6b7e99 7ff5c0f76c06f32dc676a5f1"
		   "730d6fda4ce09b4686303ded0bb9275b c84aa45896cf4d2fc5abf872"
		   "45d9eade 800005d4"},
	/* 17.2 */
	{SP_SUITE_AEAD_AES_256_GCM, true, true, RTCP_HEAD RTCP_TEXT,
	 RTCP_HEAD "d50ae4d1f5ce5d304ba297e47d470c28 2c3ece5dbffe0a50a2eaa5c1"
		   "110555be8415f658c61de0476f1b6fad 1d1eb30c4446839f57ff6f6c"
		   "b26ac3be 800005d4"},
	/* 17.3 and 17.4: the E bit is clear */
	{SP_SUITE_AEAD_AES_128_GCM, true, false, RTCP_HEAD RTCP_TEXT,
	 RTCP_HEAD RTCP_TEXT "841dd9683dd78ec92ae58790125f62b3 000005d4"},
	{SP_SUITE_AEAD_AES_256_GCM, true, false, RTCP_HEAD RTCP_TEXT,
	 RTCP_HEAD RTCP_TEXT "91db4afbfeee5a978fab4393ed2615fe 000005d4"},
};

/* A session whose session keys, for RTP and RTCP, are the vector's. */
static struct srtp_session *keyed_session(struct subject *u,
					  const struct gcm_vector *v,
					  enum srtp_dir dir)
{
	struct srtp_master m = make_master(v->suite, 1, 0);
	struct srtp_session *s = open_session(u, &m, dir, 64);
	struct srtp_raw raw = {.enc = {0}};

	unhex(KEY, raw.enc, sizeof(raw.enc));
	unhex(QUID, raw.salt, sizeof(raw.salt));
	s->suite->expand(u->e, s->suite, &raw, s->key);
	key_of(s->suite, s->key)->rtcp = raw;
	if (v->rtcp && dir == SRTP_TX) {
		srtcp_ssrc_meet(
			s, srtp_ssrc_learn(s, __builtin_bswap32(0x4d617273)),
			0);
		more_of(s)->rtcp[0].index = 0x5d4;
	}
	return s;
}

void vector_gcm(void **state)
{
	struct subject *u = *state;

	for (unsigned i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]);
	     i++) {
		const struct gcm_vector *v = &gcm_vectors[i];
		struct srtp_session *tx = keyed_session(u, v, SRTP_TX);
		struct srtp_session *rx = keyed_session(u, v, SRTP_RX);
		struct packet plain, sealed, p;

		plain.len = unhex(v->plain, plain.data, BUF);
		sealed.len = unhex(v->sealed, sealed.data, BUF);
		p = plain;
		if (v->seal) {
			assert_int_equal(run1(u, v->rtcp ? RTCP_SEAL : RTP_SEAL,
					      tx, &p),
					 SRTP_OK);
			assert_same(&p, &sealed);
		}
		p = sealed;
		assert_int_equal(run1(u, v->rtcp ? RTCP_OPEN : RTP_OPEN, rx,
				      &p),
				 SRTP_OK);
		assert_same(&p, &plain);
		u->b->session_free(tx);
		u->b->session_free(rx);
	}
}
