/* SPDX-License-Identifier: Apache-2.0 */
/* A burst is its packets one after the other. The same mixture of packets, sound
 * and spoiled, of several calls, families and suites, replayed and out of order,
 * goes through the walk in whole bursts, and then through one that has seen
 * nothing yet, each packet in a turn of its own: verdicts, what leaves and its
 * order are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/walk.h"

enum {
	BURSTS = 400,
	EACH = 14, /* packets by each port in a burst */
	LEGS = 3,  /* in pairs: one of each port */
	KEPT = 32, /* frames that may come again */
};

static struct srtp_engine *engine;

/* Whoever sends to us. */
static struct leg {
	unsigned media;
	const char *peer, *ours;
	uint16_t suite;
	uint8_t flags;
	struct srtp_session *sealer; /* NULL: plain */
	uint16_t seq;
} legs[LAB_PORTS][LEGS] = {
	[ACCESS] = {{ACCESS4, "10.1.0.7:4000", "10.1.0.1:20000",
		     .suite = SP_SUITE_AEAD_AES_128_GCM},
		    {ACCESS4, "10.1.0.8:4000", "10.1.0.1:20002", .seq = 0},
		    {ACCESS6, "[fd01::7]:4000", "[fd01::1]:20004",
		     .flags = SP_TRANSPORT_RTCP_MUX}},
	[TRUNK] = {{TRUNK4, "10.2.0.7:6000", "10.2.0.1:20000",
		    .suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80},
		   {TRUNK6, "[fd02::8]:6000", "[fd02::1]:20002",
		    .suite = SP_SUITE_AEAD_AES_256_GCM},
		   {TRUNK4, "10.2.0.9:6000", "10.2.0.1:20004",
		    .flags = SP_TRANSPORT_RTCP_MUX}},
};

/* What goes in, and what became of it. */
static struct burst {
	struct lab_frame in[LAB_PORTS][EACH];
	unsigned first; /* the port that is polled first */
	uint64_t count[VERDICT_COUNT], left[LAB_PORTS], kernel[LAB_PORTS];
} bursts[BURSTS];

/* Chance, the same each time. */
static uint32_t dice(uint32_t n)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) % n;
}

/* Packets -------------------------------------------------------------------- */

static struct srtp_session *sealer(const struct sp_key *k)
{
	struct srtp_master m = {.suite = k->suite};
	struct srtp_session *s;

	memcpy(m.key, k->key, sizeof(m.key));
	memcpy(m.salt, k->salt, sizeof(m.salt));
	s = srtp_ipsec_mb.session_new(engine, &m, SRTP_TX, 128, &lab_srtp_mem);
	assert_non_null(s);
	assert_true(srtp_ipsec_mb.session_widen(s));
	return s;
}

static size_t sealed(struct leg *l, uint8_t *p, size_t n, bool rtcp)
{
	struct srtp_pkt k = {
		.s = l->sealer, .data = p, .len = (uint16_t)n, .room = 512};

	if (l->sealer)
		assert_int_equal((rtcp ? srtp_ipsec_mb.rtcp_protect
				       : srtp_ipsec_mb.protect)(engine, &k, 1),
				 1);
	return k.len;
}

static struct lab_frame sound(unsigned port, struct leg *l)
{
	static const uint8_t report[8] = {0x80, 201, 0, 1, 0, 0, 0, 5};
	const uint32_t what = dice(10);
	struct sp_addr src = lab_addr(l->peer);
	struct lab_frame f;
	uint8_t p[512];
	size_t n;

	if (what == 0) {
		memcpy(p, report, sizeof(report));
		n = sealed(l, p, sizeof(report), true);
	} else {
		/* A third SSRC is one too many where it is sealed. */
		n = lab_rtp(p, dice(16) ? 5 : 6 + dice(2), l->seq++,
			    (uint8_t)(dice(2) * 0x80 + dice(4)), dice(200));
		if (what == 1)
			p[0] = (uint8_t)dice(256);
		if ((p[0] & 0xdf) == 0x80) /* or it would be told its length */
			n = sealed(l, p, n, false);
	}
	f = lab_udp(port, l->peer, l->ours, p, n);
	if (what == 0 && !(l->flags & SP_TRANSPORT_RTCP_MUX)) {
		uint8_t *udp = f.octet + (src.family == 6 ? 54 : 34);

		udp[1]++;
		udp[3]++;
		lab_sums(&f);
	}
	return f;
}

static void spoil(struct lab_frame *f)
{
	uint8_t *p = f->octet, *ip = p + 14;
	const bool six = ip[0] >> 4 == 6;
	uint8_t *udp = ip + (six ? 40 : 20);

	switch (dice(12)) {
	case 0: /* any octet of what UDP carries, which SRTP doesn't forgive */
		udp[8 + dice(f->len - (unsigned)(udp + 8 - p))] ^= 0x40;
		break;
	case 1: /* any at all */
		p[dice(f->len)] ^= (uint8_t)(1 << dice(8));
		return;
	case 2: /* somebody else's */
		udp[1] ^= 2;
		break;
	case 3: /* no flow, or another's */
		udp[3] ^= (uint8_t)(2 << dice(3));
		break;
	case 4: /* the other port's address */
		ip[six ? 25 : 17] ^= 3;
		break;
	case 5: /* nobody's */
		ip[six ? 39 : 19] = 99;
		break;
	case 6:
		p[dice(6)] ^= 1;
		break;
	case 7: /* a tag */
		memmove(p + 16, p + 12, f->len - 12u);
		memcpy(p + 12, "\x81\0\0\7", 4);
		f->len += 4;
		return;
	case 8: /* padding */
		f->len += 6;
		break;
	case 9:
		f->len = (uint16_t)(1 + dice(f->len));
		return;
	case 10:
		ip[6] ^= 0x20;
		break;
	case 11: /* STUN, DTLS, RTCP, and all that there is */
		udp[8] = (uint8_t)dice(256);
		udp[9] = (uint8_t)(192 + dice(32));
		break;
	}
	lab_sums(f);
}

static void fill(struct burst *b)
{
	static struct lab_frame kept[LAB_PORTS][KEPT];
	static unsigned n;

	for (unsigned port = 0; port < LAB_PORTS; port++)
		for (unsigned i = 0; i < EACH; i++) {
			struct lab_frame *f = &b->in[port][i];
			unsigned swap = dice(i + 1);

			if (dice(8) == 0 && n > KEPT) {
				*f = kept[port][dice(KEPT)];
				continue;
			}
			*f = sound(port, &legs[port][dice(LEGS)]);
			kept[port][n++ % KEPT] = *f;
			if (dice(4) == 0)
				spoil(f);
			if (dice(4) == 0) {
				struct lab_frame t = *f;

				*f = b->in[port][swap];
				b->in[port][swap] = t;
			}
		}
}

/* Two walks ------------------------------------------------------------------ */

static void start(void)
{
	lab_up(&(struct lab_options){0});
	for (unsigned i = 0; i < LEGS; i++) {
		struct sp_transport x[LAB_PORTS];

		for (unsigned port = 0; port < LAB_PORTS; port++) {
			struct leg *l = &legs[port][i];
			struct sp_transport *t = &x[port];

			*t = lab_transport(2 * i + port + 1, l->media,
					   (uint16_t)(20000 + 2 * i), l->peer);
			t->source = SP_SOURCE_STRICT;
			t->flags = l->flags;
			t->stun = SP_PUNT_RELAY;
			if (!l->suite)
				continue;
			t->rx = lab_key(2 * i + port + 11, l->suite);
			t->tx = lab_key(2 * i + port + 21, l->suite);
			if (!l->sealer)
				l->sealer = sealer(&t->rx);
		}
		lab_add(&x[ACCESS]);
		lab_add(&x[TRUNK]);
		for (unsigned port = 0; port < LAB_PORTS; port++) {
			struct sp_stream s = lab_stream(
				2 * i + port + 1, x[port].id, x[!port].id);

			s.ssrc_xor = i == 2 ? 0x5a5a5a5a : 0;
			s.out_pt = i == 1 ? 96 : SP_PT_KEEP;
			lab_add_stream(&s);
		}
	}
}

/* FNV-1a, frame after frame. */
static void add(uint64_t *sum, const struct lab_frame *f)
{
	for (unsigned i = 0; i < f->len + 2u; i++)
		*sum = (*sum ^ (i < 2 ? f->len >> 8 * i : f->octet[i - 2])) *
		       UINT64_C(1099511628211);
}

/* What has come of it so far goes into b. */
static void gather(struct burst *b)
{
	for (unsigned port = 0; port < LAB_PORTS; port++) {
		while (lab_take(port, &out))
			add(&b->left[port], &out);
		while (lab_take_kernel(port, &out))
			add(&b->kernel[port], &out);
	}
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		b->count[v] = lab_count(v);
}

static void all_at_once(struct burst *b)
{
	b->first = lab.w[0].next_port;
	for (unsigned port = 0; port < LAB_PORTS; port++)
		for (unsigned i = 0; i < EACH; i++)
			lab_inject(port, 0, b->in[port][i].octet,
				   b->in[port][i].len);
	assert_int_equal(worker_turn(&lab.w[0]), LAB_PORTS * EACH);
	gather(b);
}

static void one_by_one(struct burst *b)
{
	for (unsigned k = 0; k < LAB_PORTS; k++) {
		const unsigned port = (b->first + k) % LAB_PORTS;

		for (unsigned i = 0; i < EACH; i++) {
			lab_inject(port, 0, b->in[port][i].octet,
				   b->in[port][i].len);
			lab_turn();
			gather(b);
		}
	}
}

static void test_burst_is_its_packets(void **state)
{
	static const enum verdict met[] = {
		V_KERNEL,    V_NOT_FOR_US, V_MALFORMED,	 V_FRAGMENT, V_CHECKSUM,
		V_NO_FLOW,   V_NOT_RTP,	   V_SOURCE,	 V_REPLAY,   V_BAD_TAG,
		V_SSRC_FULL, V_SHORT,	   V_INDEX_USED,
	};

	(void)state;
	start();
	for (unsigned i = 0; i < BURSTS; i++) {
		fill(&bursts[i]);
		all_at_once(&bursts[i]);
	}
	for (unsigned i = 0; i < RTE_DIM(met); i++)
		if (lab_count(met[i]) == 0)
			fail_msg("no %s", verdict_info[met[i]].name);
	lab_down();

	start();
	for (unsigned i = 0; i < BURSTS; i++) {
		const struct burst *a = &bursts[i];
		static struct burst b;

		b = *a;
		memset(b.left, 0, sizeof(b.left));
		memset(b.kernel, 0, sizeof(b.kernel));
		one_by_one(&b);
		for (unsigned v = 0; v < VERDICT_COUNT; v++)
			if (a->count[v] != b.count[v])
				fail_msg("burst %u: %d %s, not %d", i,
					 (int)a->count[v], verdict_info[v].name,
					 (int)b.count[v]);
		assert_memory_equal(a->left, b.left, sizeof(b.left));
		assert_memory_equal(a->kernel, b.kernel, sizeof(b.kernel));
	}
	lab_down();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_is_its_packets),
	};
	int failed;

	lab_start();
	engine = srtp_ipsec_mb.engine_new(NULL);
	assert_non_null(engine);
	failed = cmocka_run_group_tests_name("burst", tests, NULL, NULL);
	for (unsigned port = 0; port < LAB_PORTS; port++)
		for (unsigned i = 0; i < LEGS; i++)
			srtp_ipsec_mb.session_free(legs[port][i].sealer);
	srtp_ipsec_mb.engine_free(engine);
	return failed;
}
