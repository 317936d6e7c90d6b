/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over SRTP legs, with libsrtp2 as the far side: it opens what the
 * gateway sealed and seals what the gateway has to open. Injected packets,
 * rekeying while media flows, floods of forgeries. Long, since each case needs the
 * far side that stands first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <srtp2/srtp.h>
#include "dataplane/stage/parse.h"
#include "tests/stage/lab.h"

#define PHONE	   "10.1.0.7:4000"
#define FAR	   "10.2.0.7:6000"
#define OURS	   "10.1.0.1:20000"
#define TRUNK_OURS "10.2.0.1:20000"
#define AES	   SP_SUITE_AES_CM_128_HMAC_SHA1_80

/* The far side ----------------------------------------------------------- */

static const struct suite {
	uint16_t suite;
	void (*rtp)(srtp_crypto_policy_t *p);
	void (*rtcp)(srtp_crypto_policy_t *p);
} suites[] = {
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, srtp_crypto_policy_set_rtp_default,
	 srtp_crypto_policy_set_rtp_default},
	{SP_SUITE_AES_CM_128_HMAC_SHA1_32,
	 srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
	 srtp_crypto_policy_set_rtp_default},
	{SP_SUITE_AES_256_CM_HMAC_SHA1_80,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
	 srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	{SP_SUITE_AEAD_AES_128_GCM, srtp_crypto_policy_set_aes_gcm_128_16_auth,
	 srtp_crypto_policy_set_aes_gcm_128_16_auth},
	{SP_SUITE_AEAD_AES_256_GCM, srtp_crypto_policy_set_aes_gcm_256_16_auth,
	 srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

struct far {
	srtp_t in, out;
};

static srtp_t direction(const struct sp_key *k, srtp_ssrc_type_t type)
{
	const struct sp_suite_info *s = sp_suite_info(k->suite);
	uint8_t key[SP_KEY_MAX + SP_SALT_MAX];
	srtp_policy_t p = {.ssrc.type = type, .window_size = 128};
	srtp_t t;

	for (size_t i = 0; i < RTE_DIM(suites); i++)
		if (suites[i].suite == k->suite) {
			suites[i].rtp(&p.rtp);
			suites[i].rtcp(&p.rtcp);
		}
	memcpy(key, k->key, s->key_len);
	memcpy(key + s->key_len, k->salt, s->salt_len);
	p.key = key;
	assert_int_equal(srtp_create(&t, &p), srtp_err_status_ok);
	return t;
}

/* What the gateway sends with is what the far side opens with. */
static struct far far_side(const struct sp_transport *x)
{
	return (struct far){direction(&x->tx, ssrc_any_inbound),
			    direction(&x->rx, ssrc_any_outbound)};
}

static void far_end(struct far *f)
{
	srtp_dealloc(f->in);
	srtp_dealloc(f->out);
}

/* The calls without _mki have the names of two of the engine's functions. */
static size_t seal(struct far *f, uint8_t *p, size_t n, bool rtcp)
{
	int len = (int)n;

	assert_int_equal(rtcp ? srtp_protect_rtcp(f->out, p, &len)
			      : srtp_protect_mki(f->out, p, &len, 0, 0),
			 srtp_err_status_ok);
	return (size_t)len;
}

static size_t open_up(struct far *f, uint8_t *p, size_t n, bool rtcp)
{
	int len = (int)n;

	assert_int_equal(rtcp ? srtp_unprotect_rtcp(f->in, p, &len)
			      : srtp_unprotect_mki(f->in, p, &len, 0),
			 srtp_err_status_ok);
	return (size_t)len;
}

/* The lab ---------------------------------------------------------------- */

static int up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){0});
	return 0;
}

static int down(void **state)
{
	(void)state;
	lab_down();
	return 0;
}

static struct sp_transport trunk;

/* Plain at the branch, SRTP on the trunk. */
static struct far pair(uint16_t suite)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);

	trunk = lab_transport(2, TRUNK4, 20000, FAR);
	trunk.rx = lab_key(51, suite);
	trunk.tx = lab_key(52, suite);
	lab_pair(&a, &trunk);
	return far_side(&trunk);
}

static struct lab_frame out;

static void say(unsigned port, const char *src, const char *dst, const void *p,
		size_t n)
{
	struct lab_frame f = lab_udp(port, src, dst, p, n);

	lab_inject(port, 0, f.octet, f.len);
}

static void from_far(struct far *f, const char *src, uint16_t seq)
{
	uint8_t p[512];

	say(TRUNK, src, TRUNK_OURS, p,
	    seal(f, p, lab_rtp(p, 0xbbbb, seq, 0, 160), false));
}

static void forged(const char *src, uint16_t seq)
{
	uint8_t p[512];

	say(TRUNK, src, TRUNK_OURS, p, lab_rtp(p, 0xbbbb, seq, 0, 170));
}

static unsigned heard(unsigned port)
{
	unsigned n = 0;

	lab_turn();
	for (; lab_take(port, &out); n++)
		lab_view(&out);
	return n;
}

static struct sp_stats stats(uint64_t stream)
{
	struct sp_stats s;

	assert_int_equal(table_stats(lab.t, stream, &s), SP_OK);
	return s;
}

static void change(const struct sp_transport *x)
{
	char text[SP_TEXT_MAX] = "";

	if (table_transport_change(lab.t, x, text) != SP_OK)
		fail_msg("%s", text);
}

/* Both ways, RTP and RTCP, each suite, bursts of every size. */
static void test_against_libsrtp2(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(suites); i++) {
		struct far f = pair(suites[i].suite);
		char text[SP_TEXT_MAX];
		uint16_t seq = 65500; /* so that it wraps on the way */

		for (unsigned burst = 1; burst <= 40; burst++) {
			uint8_t p[512], want[512];
			struct lab_view v;
			size_t n;

			for (unsigned k = 0; k < burst; k++)
				say(ACCESS, PHONE, OURS, p,
				    lab_rtp(p, 0xaaaa, (uint16_t)(seq + k), 8,
					    k * 7));
			lab_turn();
			for (unsigned k = 0; k < burst; k++) {
				assert_true(lab_take(TRUNK, &out));
				v = lab_view(&out);
				n = lab_rtp(want, 0xaaaa, (uint16_t)(seq + k),
					    8, k * 7);
				if (k > 1)
					assert_memory_not_equal(v.payload + 12,
								want + 12, 4);
				assert_int_equal(
					open_up(&f, v.payload, v.n, false), n);
				assert_memory_equal(v.payload, want, n);
			}
			for (unsigned k = 0; k < burst; k++) {
				n = lab_rtp(p, 0xbbbb, (uint16_t)(seq + k), 8,
					    k * 5);
				say(TRUNK, FAR, TRUNK_OURS, p,
				    seal(&f, p, n, false));
			}
			lab_turn();
			for (unsigned k = 0; k < burst; k++) {
				assert_true(lab_take(ACCESS, &out));
				v = lab_view(&out);
				n = lab_rtp(want, 0xbbbb, (uint16_t)(seq + k),
					    8, k * 5);
				assert_int_equal(v.n, n);
				assert_memory_equal(v.payload, want, n);
			}
			seq = (uint16_t)(seq + burst);
		}
		assert_int_equal(stats(1).packets_out, 820);
		assert_int_equal(stats(2).packets_out, 820);
		assert_int_equal(stats(2).rx_roc, 1);
		assert_int_equal(stats(2).lost, 0);
		for (uint64_t id = 1; id <= 2; id++)
			assert_int_equal(table_stream_remove(lab.t, id, text),
					 SP_OK);
		for (uint64_t id = 1; id <= 2; id++)
			assert_int_equal(
				table_transport_remove(lab.t, id, text), SP_OK);
		far_end(&f);
	}
}

static void test_rtcp(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(suites); i++) {
		struct far f = pair(suites[i].suite);
		uint8_t rr[64] = {0x80, 201, 0, 1, 0, 0, 0xaa, 0xaa};
		char text[SP_TEXT_MAX];
		struct lab_view v;
		size_t n;

		say(ACCESS, "10.1.0.7:4001", "10.1.0.1:20001", rr, 8);
		lab_turn();
		assert_true(lab_take(TRUNK, &out));
		v = lab_view(&out);
		assert_string_equal(v.dst, "10.2.0.7:6001");
		assert_true(v.n > 8);
		assert_int_equal(open_up(&f, v.payload, v.n, true), 8);
		assert_memory_equal(v.payload, rr, 8);

		n = seal(&f, rr, 8, true);
		say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", rr, n);
		lab_turn();
		assert_true(lab_take(ACCESS, &out));
		v = lab_view(&out);
		assert_int_equal(v.n, 8);
		assert_int_equal(load32(v.payload + 4), 0xaaaa);
		say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", rr, n);
		assert_int_equal(heard(ACCESS), 0);
		assert_int_equal(lab_count(V_REPLAY), i + 1);
		for (uint64_t id = 1; id <= 2; id++)
			table_stream_remove(lab.t, id, text);
		for (uint64_t id = 1; id <= 2; id++)
			table_transport_remove(lab.t, id, text);
		far_end(&f);
	}
}

/* RTP, RTCP and what is neither, good and bad, mixed in one burst: what leaves
 * keeps its order. */
static void test_order_within_a_burst(void **state)
{
	struct far f = pair(AES);
	uint8_t p[512], rr[64];
	struct lab_view v;

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		if (i % 4 == 1) {
			forged(FAR, (uint16_t)(500 + i));
			continue;
		}
		if (i % 4 == 2) {
			memcpy(rr, "\x80\xc9\0\1\0\0\xbb\xbb", 8);
			say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", rr,
			    seal(&f, rr, 8, true));
			continue;
		}
		say(TRUNK, FAR, TRUNK_OURS, p,
		    seal(&f, p, lab_rtp(p, 0xbbbb, (uint16_t)i, 0, 160),
			 false));
	}
	lab_turn();
	for (unsigned i = 0; i < 24; i++) {
		if (i % 4 == 1)
			continue;
		assert_true(lab_take(ACCESS, &out));
		v = lab_view(&out);
		if (i % 4 == 2)
			assert_int_equal(v.payload[1], 201);
		else
			assert_int_equal(v.payload[3], i);
	}
	assert_int_equal(lab_count(V_BAD_TAG), 6);
	far_end(&f);
}

/* RTP bleed: whoever injects before, between or after the peer's packets gets
 * nothing through, learns nothing, and keeps nobody out. */
static void test_bleed_on_an_srtp_leg(void **state)
{
	struct far f = pair(AES);
	struct sp_transport x = trunk;

	(void)state;
	x.peer_rtp.prefix = 24; /* a whole network may be the peer's */
	change(&x);
	forged("10.2.0.66:7000", 1);
	assert_int_equal(heard(ACCESS), 0);
	assert_int_equal(stats(2).source.family, 0);
	from_far(&f, "10.2.0.9:6100", 2); /* not quite where it was signalled */
	assert_int_equal(heard(ACCESS), 1);
	assert_int_equal(stats(2).source.addr[3], 9);
	assert_int_equal(stats(2).source.port, 6100);
	for (unsigned i = 0; i < 100; i++)
		forged("10.2.0.66:7000", (uint16_t)(3 + i));
	from_far(&f, "10.2.0.9:6100", 3);
	assert_int_equal(heard(ACCESS), 1);
	assert_int_equal(lab_count(V_SOURCE), 100);
	/* Even an authentic one from elsewhere has come too late. */
	from_far(&f, "10.2.0.66:7000", 4);
	assert_int_equal(heard(ACCESS), 0);
	forged("10.2.0.9:6100", 5); /* the right address, no key */
	assert_int_equal(heard(ACCESS), 0);
	from_far(&f, "10.2.0.9:6100", 5);
	assert_int_equal(heard(ACCESS), 1);
	far_end(&f);
}

/* Two at once, both authentic, before any was learned: one of them is. */
static void test_first_to_verify_is_the_source(void **state)
{
	struct far f = pair(AES);
	struct sp_transport x = trunk;

	(void)state;
	x.peer_rtp.prefix = 24;
	change(&x);
	from_far(&f, "10.2.0.9:6100", 1);
	from_far(&f, "10.2.0.66:7000", 2);
	from_far(&f, "10.2.0.9:6100", 3);
	assert_int_equal(heard(ACCESS), 2);
	assert_int_equal(lab_count(V_SOURCE), 1);
	assert_int_equal(stats(2).source.addr[3], 9);
	far_end(&f);
}

/* STUN is nobody's proof: who sends some that is relayed isn't the source. */
static void test_relayed_stun_is_no_source(void **state)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	struct far f = pair(AES);
	struct sp_transport x = trunk;

	(void)state;
	x.peer_rtp.prefix = 24;
	x.stun = SP_PUNT_RELAY;
	change(&x);
	say(TRUNK, "10.2.0.66:7000", TRUNK_OURS, stun, sizeof(stun));
	from_far(&f, "10.2.0.9:6100", 1);
	assert_int_equal(heard(ACCESS), 2);
	assert_int_equal(stats(2).source.addr[3], 9);
	far_end(&f);
}

static void nothing(void *arg, const struct sp_event *e)
{
	(void)arg;
	(void)e;
}

/* SSRCs first..last, one packet each, from the far side and from the phone.
 * @return how many were passed on, both ways together. */
static unsigned ssrcs_pass(struct far *f, uint32_t first, uint32_t last)
{
	uint8_t p[512];
	unsigned n;

	for (uint32_t ssrc = first; ssrc <= last; ssrc++) {
		say(TRUNK, FAR, TRUNK_OURS, p,
		    seal(f, p, lab_rtp(p, ssrc, 1, 0, 160), false));
		say(ACCESS, PHONE, OURS, p, lab_rtp(p, ssrc, 1, 0, 160));
	}
	n = heard(ACCESS);
	return n + heard(TRUNK);
}

/* There is room for two SSRCs, and for all once two were there; where several
 * m-lines share a port, from the start. */
static void test_further_ssrcs(void **state)
{
	struct far f = pair(AES);
	struct sp_stream s = lab_stream(3, 1, 2);

	(void)state;
	assert_int_equal(ssrcs_pass(&f, 1, SRTP_SSRC_NEAR), 2 * SRTP_SSRC_NEAR);
	assert_int_equal(ssrcs_pass(&f, 100, 100), 0);
	assert_int_equal(lab_count(V_SSRC_FULL), 2);
	table_sweep(lab.t, nothing, NULL);
	assert_int_equal(ssrcs_pass(&f, 101, 102), 4);
	assert_int_equal(ssrcs_pass(&f, 103, 110), 2 * (SRTP_SSRC_MAX - 4));
	far_end(&f);

	trunk.rx = lab_key(61, AES);
	trunk.tx = lab_key(62, AES);
	s.match = SP_MATCH_PT;
	s.pt = 99;
	lab_add_stream(&s);
	s = lab_stream(4, 2, 1);
	s.match = SP_MATCH_PT;
	s.pt = 99;
	lab_add_stream(&s);
	change(&trunk);
	f = far_side(&trunk);
	assert_int_equal(ssrcs_pass(&f, 1, SRTP_SSRC_MAX), 2 * SRTP_SSRC_MAX);
	far_end(&f);
}

/* Forgers within the prefix spend a bucket that isn't the peer's. */
static void test_forgers_do_not_lock_the_peer_out(void **state)
{
	struct far f = pair(AES);
	struct sp_transport x = trunk;

	(void)state;
	x.peer_rtp.prefix = 24;
	x.max_pps = 100;
	change(&x);
	for (unsigned i = 0; i < 3000; i++) {
		forged("10.2.0.66:7000", (uint16_t)i);
		if (i % 64 == 63)
			assert_int_equal(heard(ACCESS), 0);
	}
	assert_in_range(lab_count(V_BAD_TAG), 1, 60);
	assert_true(lab_count(V_RATE) > 2900);
	from_far(&f, FAR, 1);
	assert_int_equal(heard(ACCESS), 1);
	far_end(&f);
}

/* New keys for one direction while both flow: the other never notices. */
static void test_rekey_in_the_middle(void **state)
{
	struct far f = pair(AES), next;
	struct sp_transport x = trunk;
	uint8_t p[512];
	size_t n;

	(void)state;
	for (uint16_t i = 1; i < 20; i++)
		from_far(&f, FAR, i);
	n = seal(&f, p, lab_rtp(p, 0xbbbb, 20, 0, 160), false);
	say(TRUNK, FAR, TRUNK_OURS, p, n);
	assert_int_equal(heard(ACCESS), 20);
	x.tx = lab_key(77, SP_SUITE_AEAD_AES_128_GCM);
	next = far_side(&x);
	change(&x);
	say(TRUNK, FAR, TRUNK_OURS, p, n); /* the same replay window */
	assert_int_equal(heard(ACCESS), 0);
	assert_int_equal(lab_count(V_REPLAY), 1);
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 0xaaaa, 9, 0, 160));
	lab_turn();
	assert_true(lab_take(TRUNK, &out));
	assert_int_equal(open_up(&next, lab_view(&out).payload,
				 lab_view(&out).n, false),
			 172);
	far_end(&next);

	x.rx = lab_key(78, AES);
	next = far_side(&x);
	change(&x);
	from_far(&f, FAR, 21);
	assert_int_equal(heard(ACCESS), 0);
	from_far(&next, FAR, 21);
	assert_int_equal(heard(ACCESS), 1);
	assert_int_equal(stats(2).packets_in, 21);
	far_end(&next);
	far_end(&f);
}

/* A repeated packet on the plain side would repeat the keystream. */
static void test_plain_repeats_are_not_sealed_twice(void **state)
{
	struct far f = pair(AES);
	uint8_t p[512];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		say(ACCESS, PHONE, OURS, p, lab_rtp(p, 0xaaaa, 9, 0, 160));
	assert_int_equal(heard(TRUNK), 1);
	assert_int_equal(lab_count(V_INDEX_USED), 1);
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 0xaaaa, 9, 0, 160));
	assert_int_equal(heard(TRUNK), 0);
	assert_int_equal(lab_count(V_INDEX_USED), 2);
	assert_int_equal(stats(1).packets_out, 1);
	assert_int_equal(stats(1).octets_out, 160);
	far_end(&f);
}

/* An MKI goes on and comes off, and a wrong one is told apart. */
static void test_mki(void **state)
{
	struct far f = pair(AES);
	struct sp_transport x = trunk;
	uint8_t p[512], sealed[512];
	struct lab_view v;
	size_t n;

	(void)state;
	x.rx = lab_key(61, AES);
	x.tx = lab_key(62, AES);
	x.rx.mki_len = x.tx.mki_len = 2;
	memcpy(x.rx.mki, "\0\1", 2);
	memcpy(x.tx.mki, "\0\2", 2);
	change(&x);
	far_end(&f);
	f = far_side(&x);
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 0xaaaa, 9, 0, 160));
	lab_turn();
	assert_true(lab_take(TRUNK, &out));
	v = lab_view(&out);
	assert_int_equal(v.n, 172 + 2 + 10);
	assert_memory_equal(v.payload + 172, "\0\2", 2);
	memmove(v.payload + 172, v.payload + 174, 10);
	assert_int_equal(open_up(&f, v.payload, v.n - 2, false), 172);

	n = seal(&f, p, lab_rtp(p, 0xbbbb, 1, 0, 160), false);
	memcpy(sealed, p, n - 10);
	memcpy(sealed + n - 10, "\0\1", 2);
	memcpy(sealed + n - 8, p + n - 10, 10);
	sealed[n - 9] ^= 4;
	say(TRUNK, FAR, TRUNK_OURS, sealed, n + 2);
	assert_int_equal(heard(ACCESS), 0);
	assert_int_equal(lab_count(V_BAD_MKI), 1);
	sealed[n - 9] ^= 4;
	say(TRUNK, FAR, TRUNK_OURS, sealed, n + 2);
	assert_int_equal(heard(ACCESS), 1);
	far_end(&f);
}

/* SRTP on both legs, loss and reordering on the way. */
static void test_srtp_to_srtp_with_loss(void **state)
{
	struct far f = pair(AES), near;
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	unsigned got = 0, sent = 0, seed = 5;
	struct lab_view v;
	uint8_t p[512];
	size_t n;

	(void)state;
	a.rx = lab_key(71, SP_SUITE_AEAD_AES_256_GCM);
	a.tx = lab_key(72, SP_SUITE_AEAD_AES_256_GCM);
	change(&a);
	near = far_side(&a);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned seq = (i & ~7u) | ((i * 5) & 7); /* within eight */

		n = lab_rtp(p, 0xaaaa, (uint16_t)(seq + 65000), 0, 160);
		n = seal(&near, p, n, false);
		if (rand_r(&seed) % 10 == 0 && i > 0 && i < 2992)
			continue;
		say(ACCESS, PHONE, OURS, p, n);
		sent++;
		if (i % 50 != 49)
			continue;
		lab_turn();
		for (; lab_take(TRUNK, &out); got++) {
			v = lab_view(&out);
			assert_int_equal(open_up(&f, v.payload, v.n, false),
					 172);
		}
	}
	assert_int_equal(got, sent);
	assert_int_equal(stats(1).packets_in, sent);
	assert_int_equal(stats(1).lost, 3000 - sent);
	assert_int_equal(stats(1).rx_roc, 1);
	far_end(&near);
	far_end(&f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_against_libsrtp2),
		T(test_rtcp),
		T(test_order_within_a_burst),
		T(test_bleed_on_an_srtp_leg),
		T(test_first_to_verify_is_the_source),
		T(test_relayed_stun_is_no_source),
		T(test_further_ssrcs),
		T(test_forgers_do_not_lock_the_peer_out),
		T(test_rekey_in_the_middle),
		T(test_plain_repeats_are_not_sealed_twice),
		T(test_mki),
		T(test_srtp_to_srtp_with_loss),
	};

	lab_start();
	if (srtp_init() != srtp_err_status_ok)
		return 1;
	return cmocka_run_group_tests_name("srtp_walk", tests, NULL, NULL);
}
