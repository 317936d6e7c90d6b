/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's packets: whoever injects RTP or RTCP, in either family, on
 * plain and on SRTP legs, before or after the peer or once it has moved, gets
 * nothing through and takes nobody's place. Then keys: what hasn't verified
 * never passes, not even between two legs with the same key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/walk.h"

#define AES SP_SUITE_AES_CM_128_HMAC_SHA1_80

enum way { RTP, RTCP, RTCP_ON_RTP, WAYS };

static struct srtp_engine *engine;
static struct srtp_session *sealer;

static struct srtp_session *session(const struct sp_key *k, enum srtp_dir dir)
{
	static struct srtp_master m;

	m.suite = k->suite;
	memcpy(m.key, k->key, sizeof(m.key));
	memcpy(m.salt, k->salt, sizeof(m.salt));
	return srtp_ipsec_mb.session_new(engine, &m, dir, 128, &lab_srtp_mem);
}

static int up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){0});
	engine = srtp_ipsec_mb.engine_new(NULL);
	assert_non_null(engine);
	sealer = NULL;
	return 0;
}

static int down(void **state)
{
	(void)state;
	srtp_ipsec_mb.session_free(sealer);
	srtp_ipsec_mb.engine_free(engine);
	lab_down();
	return 0;
}

/* Of one direction of the matrix below: who is who. */
struct cast {
	unsigned media;
	uint8_t prefix;
	const char *peer, *moved, *thief, *far; /* hosts; far: no neighbour */
	const char *ours;
};

static const struct cast casts[] = {
	{ACCESS4, 24, "10.1.0.7", "10.1.0.8", "10.1.0.66", "192.0.2.1",
	 "10.1.0.1"},
	{ACCESS6, 64, "[fd01::7]", "[fd01::8]", "[fd01::66]", "[fd09::7]",
	 "[fd01::1]"},
};

static const char *at(const char *host, unsigned port)
{
	static char text[4][64];
	static unsigned next;
	char *t = text[next++ % 4];

	snprintf(t, sizeof(text[0]), "%s:%u", host, port);
	return t;
}

/* A packet of the peer's: RTP, or a receiver report. */
static size_t packet(enum way way, uint16_t seq, uint8_t *p, bool forged)
{
	static const uint8_t report[8] = {0x80, 201, 0, 1, 0, 0, 0, 5};
	struct srtp_pkt k = {.s = sealer, .data = p, .room = 512};

	if (way == RTP) {
		k.len = (uint16_t)lab_rtp(p, 5, seq, 0, 160);
	} else {
		memcpy(p, report, sizeof(report));
		k.len = sizeof(report);
	}
	if (sealer)
		assert_int_equal((way == RTP ? srtp_ipsec_mb.protect
					     : srtp_ipsec_mb.rtcp_protect)(
					 engine, &k, 1),
				 1);
	if (forged)
		p[k.len - 1] ^= 1;
	return k.len;
}

static uint16_t seq;

static void send(const struct cast *c, enum way way, const char *host,
		 unsigned port, bool forged)
{
	uint8_t p[512];
	size_t n = packet(way, seq++, p, forged);

	say(ACCESS, at(host, port), at(c->ours, 20000 + (way == RTCP)), p, n);
}

static struct sp_addr learned(enum way way)
{
	struct sp_stats s = stats(1);

	assert_int_not_equal(way, RTCP); /* not told by statistics */
	return s.source;
}

/* Passes from the peer, before and after everything that others try. */
static void holds(const struct cast *c, enum way way, const char *host,
		  unsigned port)
{
	static const unsigned ports[] = {4000, 4001, 4100, 5000};

	send(c, way, host, port, false);
	left(TRUNK);
	for (unsigned i = 0; i < 4; i++) {
		send(c, way, c->thief, ports[i], false);
		stopped(V_SOURCE);
		if (ports[i] == port)
			continue;
		send(c, way, host, ports[i], false); /* another port of it */
		stopped(V_SOURCE);
	}
	send(c, way, host, port, false);
	left(TRUNK);
	if (way != RTCP)
		assert_int_equal(learned(way).port, port);
}

static void test_theft(void **state)
{
	unsigned rule = *(const unsigned *)*state;

	for (size_t i = 0; i < RTE_DIM(casts); i++)
		for (unsigned k = 0; k < 2 * WAYS; k++) {
			const struct cast *c = &casts[i];
			enum way way = k % WAYS;
			struct sp_transport a = lab_transport(
				1, c->media, 20000, at(c->peer, 4000));
			struct sp_transport b =
				lab_transport(2, TRUNK4, 20000, FAR);

			up(NULL);
			a.source = (uint8_t)rule;
			a.peer_rtp.prefix = a.peer_rtcp.prefix = c->prefix;
			if (way == RTCP_ON_RTP)
				a.flags = b.flags = SP_TRANSPORT_RTCP_MUX;
			if (k >= WAYS) {
				a.rx = lab_key(3, AES);
				sealer = session(&a.rx, SRTP_TX);
			}
			lab_pair(&a, &b);
			/* Elsewhere, or without the key: learns nothing. */
			send(c, way, c->far, 4000, false);
			stopped(V_SOURCE);
			if (sealer) {
				send(c, way, c->thief, 4000, true);
				stopped(V_BAD_TAG);
			}
			holds(c, way, c->peer, 4100);
			/* A change that says nothing of the peer. */
			a.dscp = 5;
			if (rule == SP_SOURCE_LEARN) {
				change(&a);
				holds(c, way, c->peer, 4100);
			}
			/* A re-offer: whoever it names, wherever it is now. */
			a.peer_rtp = lab_addr(at(c->moved, 6000));
			a.peer_rtcp = lab_addr(at(c->moved, 6001));
			change(&a);
			send(c, way, c->peer, 4100, false);
			stopped(V_SOURCE);
			send(c, way, c->thief, 4100, false);
			stopped(V_SOURCE);
			holds(c, way, c->moved, 4000);
			if (rule == SP_SOURCE_FOLLOW) {
				/* The same once more: its NAT has moved it. */
				send(c, way, c->moved, 5000, false);
				stopped(V_SOURCE);
				change(&a);
				holds(c, way, c->moved, 5000);
				/* Even from where it was signalled. */
				change(&a);
				holds(c, way, c->moved, 6000 + (way == RTCP));
				change(&a);
				holds(c, way, c->moved, 4100);
			}
			down(NULL);
		}
}

/* Strict is strict: no port but the one that was signalled. */
static void test_strict(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);

	(void)state;
	up(NULL);
	a.source = SP_SOURCE_STRICT;
	lab_pair(&a, &b);
	rtp(ACCESS, "10.1.0.7:4002", OURS, 5, 1, 0);
	stopped(V_SOURCE);
	rtp(ACCESS, PHONE, OURS, 5, 2, 0);
	left(TRUNK);
	down(NULL);
}

/* One key on both legs is no reason to let anything through unlooked-at, nor
 * to send on what came as it came. */
static void test_same_key_on_both_legs(void **state)
{
	static const uint16_t suites[] = {AES, SP_SUITE_AES_CM_128_HMAC_SHA1_32,
					  SP_SUITE_AEAD_AES_128_GCM,
					  SP_SUITE_AEAD_AES_256_GCM};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(suites); i++) {
		struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
		struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
		uint8_t p[512], good[512];
		struct srtp_pkt k = {.room = 512};
		struct lab_view v;
		size_t n;

		up(NULL);
		a.rx = b.tx = lab_key(3, suites[i]);
		lab_pair(&a, &b);
		sealer = session(&a.rx, SRTP_TX);
		n = packet(RTP, 7, good, false);
		for (size_t at_octet = 0; at_octet < n; at_octet++) {
			memcpy(p, good, n);
			p[at_octet] ^= at_octet ? 0x01 : 0x20;
			say(ACCESS, PHONE, OURS, p, n);
			lab_turn();
			assert_false(lab_take(TRUNK, &out));
		}
		lab_rtp(p, 5, 7, 0, 160); /* in clear */
		say(ACCESS, PHONE, OURS, p, 172);
		lab_turn();
		assert_false(lab_take(TRUNK, &out));
		say(ACCESS, PHONE, OURS, good, n);
		v = left(TRUNK);
		srtp_ipsec_mb.session_free(sealer);
		sealer = session(&b.tx, SRTP_RX);
		k.s = sealer;
		k.data = v.payload;
		k.len = (uint16_t)v.n;
		assert_int_equal(srtp_ipsec_mb.unprotect(engine, &k, 1), 1);
		say(ACCESS, PHONE, OURS, good, n);
		stopped(V_REPLAY);
		down(NULL);
	}
}

int main(void)
{
	static unsigned rules[] = {SP_SOURCE_LEARN, SP_SOURCE_FOLLOW};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_theft, &rules[0]),
		{"test_theft, to be followed", test_theft, NULL, NULL,
		 &rules[1]},
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_same_key_on_both_legs),
	};

	lab_start();
	return cmocka_run_group_tests_name("theft", tests, NULL, NULL);
}
