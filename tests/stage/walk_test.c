/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over plain legs: from and to each family, SSRCs and payload types,
 * RTCP, what stops a packet after it was classified, policing,
 * counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include "dataplane/port/adjacency.h"
#include "dataplane/stage/parse.h"
#include "tests/stage/walk.h"

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

/* Headers ---------------------------------------------------------------- */

static void test_families(void **state)
{
	static const struct {
		unsigned in, out;
		const char *phone, *ours, *far, *far_ours;
	} cases[] = {
		{ACCESS4, TRUNK4, PHONE, OURS, FAR, TRUNK_OURS},
		{ACCESS4, TRUNK6, PHONE, OURS, "[fd02::7]:6000",
		 "[fd02::1]:20000"},
		{ACCESS6, TRUNK4, "[fd01::7]:4000", "[fd01::1]:20000", FAR,
		 TRUNK_OURS},
		{ACCESS6, TRUNK6, "[fd01::7]:4000", "[fd01::1]:20000",
		 "[fd02::7]:6000", "[fd02::1]:20000"},
	};
	static const size_t sizes[] = {0, 1, 2, 3, 160, 161, 1200};
	char text[SP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sp_transport a =
			lab_transport(1, cases[i].in, 20000, cases[i].phone);
		struct sp_transport b =
			lab_transport(2, cases[i].out, 20000, cases[i].far);

		a.dscp = 10;
		b.dscp = 46;
		lab_pair(&a, &b);
		for (size_t k = 0; k < RTE_DIM(sizes); k++) {
			uint8_t p[1400];
			size_t n = lab_rtp(p, 5, (uint16_t)k, 8, sizes[k]);
			struct lab_view v;

			say(ACCESS, cases[i].phone, cases[i].ours, p, n);
			v = left(TRUNK);
			assert_true(v.udp_sum_full);
			assert_string_equal(v.src, cases[i].far_ours);
			assert_string_equal(v.dst, cases[i].far);
			assert_int_equal(v.ttl, 64);
			assert_int_equal(v.dscp, 46);
			assert_int_equal(v.n, n);
			assert_memory_equal(v.payload, p, n);
			assert_memory_equal(out.octet, "\x02\0\0\0\0\x07", 6);
			assert_memory_equal(out.octet + 6,
					    &lab.ps.port[TRUNK].mac, 6);

			say(TRUNK, cases[i].far, cases[i].far_ours, p, n);
			v = left(ACCESS);
			assert_true(v.udp_sum_full);
			assert_string_equal(v.dst, cases[i].phone);
			assert_int_equal(v.dscp, 10);
			assert_memory_equal(v.payload, p, n);
		}
		for (uint64_t id = 1; id <= 2; id++)
			table_stream_remove(lab.t, id, text);
		for (uint64_t id = 1; id <= 2; id++)
			assert_int_equal(
				table_transport_remove(lab.t, id, text), SP_OK);
	}
}

/* A device that fills in checksums gets the pseudo header's, whole packets'
 * worth of lengths, and flags that say so. */
static void test_checksum_offload(void **state)
{
	struct lab_view v;

	(void)state;
	pair();
	lab.ps.port[TRUNK].csum_tx = true;
	rtp(ACCESS, PHONE, OURS, 5, 1, 0);
	v = left(TRUNK);
	assert_false(v.udp_sum_full);
	assert_int_equal(v.n, 172);
}

/* Every sum that a UDP checksum can come to, zero among them (RFC 768). */
static void test_checksum_that_comes_out_zero(void **state)
{
	unsigned zeros = 0;

	(void)state;
	pair();
	for (unsigned i = 0; i < 65536; i += 7) {
		uint8_t p[256];
		size_t n = lab_rtp(p, 5, 1, 0, 2);

		for (unsigned k = 0; k < 7; k++) {
			p[12] = (uint8_t)((i + k) >> 8);
			p[13] = (uint8_t)(i + k);
			say(ACCESS, PHONE, OURS, p, n);
		}
		for (unsigned k = 0; k < 7; k++) {
			assert_true(left(TRUNK).udp_sum_full);
			assert_true(out.octet[40] || out.octet[41]);
			zeros += out.octet[40] == 0xff && out.octet[41] == 0xff;
		}
	}
	assert_true(zeros > 0);
}

/* What stops it ------------------------------------------------------------ */

static void test_no_way_on(void **state)
{
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct sp_stream s = lab_stream(1, 1, 2);
	uint8_t p[1500];
	char text[SP_TEXT_MAX];

	(void)state;
	pair();
	b.peer_rtp.family = 0;
	change(&b);
	rtp(ACCESS, PHONE, OURS, 5, 1, 0);
	stopped(V_NO_PEER);
	b = lab_transport(2, TRUNK4, 20000, FAR);
	change(&b);
	lab_neighbours = false;
	rtp(ACCESS, PHONE, OURS, 5, 2, 0);
	stopped(V_NO_NEIGHBOUR);
	lab_neighbours = true;

	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 5, 3, 0, 1500 - 28 - 12));
	left(TRUNK);
	lab_mtu = 1499;
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 5, 4, 0, 1500 - 28 - 12));
	stopped(V_TOO_BIG);
	lab_mtu = 1500;
	b.tx = lab_key(4, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	b.tx.mki_len = 4;
	change(&b);
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 5, 5, 0, 1500 - 28 - 12 - 13));
	stopped(V_TOO_BIG);
	say(ACCESS, PHONE, OURS, p, lab_rtp(p, 5, 6, 0, 1500 - 28 - 12 - 14));
	assert_int_equal(left(TRUNK).n, 1500 - 28);

	s.blocked = 1;
	change_stream(&s);
	rtp(ACCESS, PHONE, OURS, 5, 7, 0);
	stopped(V_BLOCKED);
	assert_int_equal(stats(1).packets_in, 7);
	assert_int_equal(stats(1).packets_out, 2);
	assert_int_equal(stats(1).dropped, 5);
	assert_int_equal(table_stream_remove(lab.t, 1, text), SP_OK);
	rtp(ACCESS, PHONE, OURS, 5, 8, 0);
	stopped(V_NO_STREAM);
}

/* A neighbour that was known may be another one by the next packet, or gone. */
static void test_neighbour_that_goes(void **state)
{
	(void)state;
	pair();
	for (uint16_t i = 0; i < 3; i++) {
		rtp(ACCESS, PHONE, OURS, 5, (uint16_t)(2 * i), 0);
		left(TRUNK);
		lab_neighbours = false;
		rtp(ACCESS, PHONE, OURS, 5, (uint16_t)(2 * i + 1), 0);
		stopped(V_NO_NEIGHBOUR);
		lab_neighbours = true;
	}
}

/* In IPv4 a flow says when it asked for its adjacency; in IPv6 the ports stand
 * in that place, and are no such number, whatever changes have come to. */
static void test_ports_are_no_number_of_changes(void **state)
{
	static const uint8_t rr[] = {0x80, 201, 0, 1, 0, 0, 0, 5};
	static const char *const peer[] = {"[fd02::7]:6000", "[fd02::7]:6001"};
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK6, 20000, peer[0]);
	uint32_t ports;

	(void)state;
	lab_pair(&a, &b);
	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t k = 0; k < 2; k++) {
			if (i == 0)
				rtp(ACCESS, PHONE, OURS, 5, k, 0);
			else
				say(ACCESS, "10.1.0.7:4001", "10.1.0.1:20001",
				    rr, sizeof(rr));
			assert_string_equal(left(TRUNK).dst, peer[i]);
			memcpy(&ports, out.octet + 14 + 40, sizeof(ports));
			adjacency_changes = ports;
		}
	}
}

static void test_full_rings(void **state)
{
	struct lab_frame f;
	uint8_t p[256];

	(void)state;
	pair();
	for (unsigned i = 0; i < 600; i++) {
		rtp(ACCESS, PHONE, OURS, 5, (uint16_t)i, 0);
		if (i % 100 == 99)
			lab_turn();
	}
	assert_int_equal(lab_count(V_TX_FULL), 600 - 511);
	assert_int_equal(stats(1).packets_out, 511);
	assert_int_equal(stats(1).dropped, 600 - 511);
	lab_clear();
	for (unsigned i = 0; i < 600; i++) {
		f = lab_udp(ACCESS, PHONE, "10.1.0.1:5060", p, 20);
		lab_inject(ACCESS, 0, f.octet, f.len);
		if (i % 100 == 99)
			lab_turn();
	}
	assert_int_equal(lab_count(V_KERNEL), 511);
	assert_int_equal(lab_count(V_KERNEL_FULL), 600 - 511);
}

static void test_kernel_sends(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lab.ps.pool);

	(void)state;
	memset(rte_pktmbuf_append(m, 60), 0x5a, 60);
	assert_int_equal(rte_ring_enqueue(lab.ps.port[TRUNK].from_kernel, m),
			 0);
	lab_turn();
	assert_true(lab_take(TRUNK, &out));
	assert_int_equal(out.len, 60);
	assert_int_equal(out.octet[59], 0x5a);
}

/* Streams ---------------------------------------------------------------- */

static void test_payload_type_and_mask(void **state)
{
	struct sp_stream s = lab_stream(1, 1, 2);
	uint8_t p[256];
	struct lab_view v;
	size_t n;

	(void)state;
	pair();
	s.out_pt = 101;
	s.ssrc_xor = 0xa5a50001;
	change_stream(&s);
	n = lab_rtp(p, 0x11112222, 1, 0x80 | 8, 160);
	p[0] = 0x82; /* two CSRCs, in what lab_rtp made as payload */
	store32(p + 12, 0x33);
	store32(p + 16, 0x44);
	say(ACCESS, PHONE, OURS, p, n);
	v = left(TRUNK);
	assert_int_equal(v.payload[1], 0x80 | 101);
	assert_int_equal(load32(v.payload + 8), 0x11112222 ^ 0xa5a50001);
	assert_int_equal(load32(v.payload + 12), 0x33 ^ 0xa5a50001);
	assert_int_equal(load32(v.payload + 16), 0x44 ^ 0xa5a50001);
	assert_memory_equal(v.payload + 20, p + 20, n - 20);
	assert_memory_equal(v.payload + 2, p + 2, 6);
}

static void test_bundle(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct sp_transport c = lab_transport(3, TRUNK4, 20002, "10.2.0.8:6");
	struct sp_stream s;

	(void)state;
	lab_add(&a);
	lab_add(&b);
	lab_add(&c);
	s = lab_stream(1, 1, 2);
	s.match = SP_MATCH_PT;
	s.pt = 0;
	lab_add_stream(&s);
	s = lab_stream(2, 1, 3);
	s.match = SP_MATCH_SSRC;
	s.ssrc = 0x777;
	lab_add_stream(&s);
	rtp(ACCESS, PHONE, OURS, 0x5, 1, 0);
	assert_string_equal(left(TRUNK).dst, FAR);
	rtp(ACCESS, PHONE, OURS, 0x777, 1, 96);
	assert_string_equal(left(TRUNK).dst, "10.2.0.8:6");
	rtp(ACCESS, PHONE, OURS, 0x5, 2, 97);
	stopped(V_NO_STREAM);
	assert_int_equal(stats(1).packets_out, 1);
	assert_int_equal(stats(2).packets_out, 1);
}

/* RTCP ------------------------------------------------------------------- */

enum { NTP = 8, ABOUT = 28, LSR = 44, DLSR = 48, SR_OCTETS = 52 };

/* A sender report with one report block. */
static void sender_report(uint8_t *p, uint32_t ssrc, uint32_t about)
{
	memset(p, 0, SR_OCTETS);
	store32(p, 0x81c8000c);
	store32(p + 4, ssrc);
	store32(p + NTP, 0x11112222);
	store32(p + NTP + 4, 0x33334444);
	store32(p + ABOUT, about);
}

static void test_rtcp_masks_and_round_trip(void **state)
{
	struct sp_stream there = lab_stream(1, 1, 2);
	struct sp_stream back = lab_stream(2, 2, 1);
	const uint32_t near_ssrc = 0xaaaa, far_ssrc = 0xbbbb;
	uint8_t p[SR_OCTETS];
	struct lab_view v;

	(void)state;
	pair();
	there.ssrc_xor = 0x01000000;
	back.ssrc_xor = 0x02000000;
	change_stream(&there);
	change_stream(&back);
	rtp(ACCESS, PHONE, OURS, near_ssrc, 1, 0);
	assert_int_equal(load32(left(TRUNK).payload + 8), 0x0100aaaa);
	rtp(TRUNK, FAR, TRUNK_OURS, far_ssrc, 1, 0);
	assert_int_equal(load32(left(ACCESS).payload + 8), 0x0200bbbb);

	/* The phone reports on what it hears, which is the masked SSRC. */
	sender_report(p, near_ssrc, 0x0200bbbb);
	say(ACCESS, "10.1.0.7:4001", "10.1.0.1:20001", p, sizeof(p));
	v = left(TRUNK);
	assert_string_equal(v.src, "10.2.0.1:20001");
	assert_string_equal(v.dst, "10.2.0.7:6001");
	assert_int_equal(load32(v.payload + 4), 0x0100aaaa);
	assert_int_equal(load32(v.payload + ABOUT), far_ssrc);
	assert_int_equal(stats(1).rtcp_in, 1);
	assert_int_equal(stats(1).rtcp_out, 1);
	assert_int_equal(stats(1).rtt_us, 0);

	/* The far side answers 30 ms later and says it held it for 10. */
	rte_delay_ms(30);
	sender_report(p, far_ssrc, 0x0100aaaa);
	store32(p + LSR, 0x22223333);
	store32(p + DLSR, 655);
	say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", p, sizeof(p));
	v = left(ACCESS);
	assert_int_equal(load32(v.payload + 4), 0x0200bbbb);
	assert_int_equal(load32(v.payload + ABOUT), near_ssrc);
	assert_int_equal(load32(v.payload + LSR), 0x22223333);
	assert_in_range(stats(1).rtt_us, 19000, 1000000);

	p[3] = 13; /* longer than it is */
	say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", p, sizeof(p));
	stopped(V_MALFORMED);
}

/* RTCP on a shared port on one side, on its own on the other. */
static void test_rtcp_mux(void **state)
{
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct sp_stream s = lab_stream(2, 2, 1);
	uint8_t p[SR_OCTETS];
	struct lab_view v;

	(void)state;
	pair();
	b.flags = SP_TRANSPORT_RTCP_MUX;
	b.peer_rtcp.family = 0;
	change(&b);
	sender_report(p, 0xaaaa, 0xbbbb);
	say(ACCESS, "10.1.0.7:4001", "10.1.0.1:20001", p, sizeof(p));
	v = left(TRUNK);
	assert_string_equal(v.src, TRUNK_OURS);
	assert_string_equal(v.dst, FAR);
	s.blocked = 1; /* on hold, RTCP goes on (RFC 3264 section 8.4) */
	change_stream(&s);
	say(TRUNK, FAR, TRUNK_OURS, p, sizeof(p));
	v = left(ACCESS);
	assert_string_equal(v.src, "10.1.0.1:20001");
	assert_string_equal(v.dst, "10.1.0.7:4001");
	rtp(TRUNK, FAR, TRUNK_OURS, 5, 1, 0);
	stopped(V_BLOCKED);
	say(TRUNK, "10.2.0.7:6001", "10.2.0.1:20001", p, sizeof(p));
	stopped(V_NO_FLOW);
	/* Not shared: what looks like RTCP on the RTP port is RTP. */
	say(ACCESS, PHONE, OURS, p, sizeof(p));
	left(TRUNK);
	assert_int_equal(stats(1).packets_in, 1);
	assert_int_equal(stats(1).rtcp_in, 1);
}

/* Sources and rates -------------------------------------------------------- */

static void test_bleed_on_a_plain_leg(void **state)
{
	static const char *const thieves[] = {"10.1.0.8:4000", "10.1.0.7:4002",
					      "10.1.0.9:4000"};

	(void)state;
	pair();
	rtp(ACCESS, "10.1.0.8:4000", OURS, 6, 1, 0); /* first, and elsewhere */
	stopped(V_SOURCE);
	rtp(ACCESS, "10.1.0.7:5000", OURS, 5, 1, 0); /* behind a NAT */
	left(TRUNK);
	for (size_t i = 0; i < RTE_DIM(thieves); i++) {
		rtp(ACCESS, thieves[i], OURS, 6, 1, 0);
		stopped(V_SOURCE);
	}
	rtp(ACCESS, "10.1.0.7:5000", OURS, 5, 2, 0);
	left(TRUNK);
	assert_int_equal(stats(1).ssrc, 5);
	assert_int_equal(stats(1).lost, 0);
}

static void test_flood_on_one_port_leaves_another_alone(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	unsigned others = 0;

	(void)state;
	a.max_pps = 60;
	a.max_octets = 60 * 172;
	lab_pair(&a, &b);
	a = lab_transport(3, ACCESS4, 20002, "10.1.0.8:4000");
	a.max_pps = 60;
	b = lab_transport(4, TRUNK4, 20002, "10.2.0.8:6000");
	lab_add(&a);
	lab_add(&b);
	lab_add_stream(&(struct sp_stream){.id = 3,
					   .from = 3,
					   .to = 4,
					   .match = SP_MATCH_ANY,
					   .out_pt = SP_PT_KEEP});
	for (unsigned i = 0; i < 2000; i++) {
		rtp(ACCESS, PHONE, OURS, 5, (uint16_t)i, 0);
		if (i % 100 == 0)
			rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6,
			    (uint16_t)(i / 100), 0);
		if (i % 50 == 0)
			lab_turn();
		while (lab_take(TRUNK, &out))
			others += strcmp(lab_view(&out).dst, FAR) != 0;
	}
	lab_turn();
	while (lab_take(TRUNK, &out))
		others += strcmp(lab_view(&out).dst, FAR) != 0;
	assert_int_equal(others, 20);
	assert_int_equal(stats(3).lost, 0);
	assert_in_range(lab_count(V_RATE), 1900, 2000 - 30);
	assert_int_equal(lab_count(V_RATE), stats(1).dropped);
}

/* Of 200 at once from the phone's learned port: how many were above the rate. */
static uint64_t above(const char *from, const char *ours, uint16_t seq)
{
	const uint64_t before = lab_count(V_RATE);

	for (unsigned i = 0; i < 200; i++) {
		rtp(ACCESS, from, ours, 5, (uint16_t)(seq + i), 0);
		if (i % 20 == 19) {
			lab_turn();
			lab_clear();
		}
	}
	return lab_count(V_RATE) - before;
}

static void test_changed_rate_holds_from_the_next_packet_on(void **state)
{
	static const struct {
		unsigned media;
		const char *phone, *from, *ours;
	} cases[] = {
		{ACCESS4, PHONE, "10.1.0.7:5000", OURS},
		{ACCESS6, "[fd01::7]:4000", "[fd01::7]:5000",
		 "[fd01::1]:20002"},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		const uint16_t port = (uint16_t)(20000 + 2 * i);
		const char *from = cases[i].from, *ours = cases[i].ours;
		struct sp_transport a = lab_transport(2 * i + 1, cases[i].media,
						      port, cases[i].phone);
		struct sp_transport b =
			lab_transport(2 * i + 2, TRUNK4, port, FAR);
		struct sp_stream s = lab_stream(i + 1, 2 * i + 1, 2 * i + 2);

		lab_add(&a); /* without a limit */
		lab_add(&b);
		lab_add_stream(&s);
		assert_int_equal(above(from, ours, 0), 0);
		a.max_pps = 60;
		change(&a);
		assert_in_range(above(from, ours, 200), 100, 170);
		s.blocked = 1; /* another version, the same rate */
		change_stream(&s);
		assert_in_range(above(from, ours, 400), 100, 200);
		a.max_pps = 0;
		change(&a);
		assert_int_equal(above(from, ours, 600), 0);
		rtp(ACCESS, cases[i].phone, ours, 5, 800, 0);
		stopped(V_SOURCE); /* what was learned has stayed */
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_families),
		T(test_checksum_offload),
		T(test_checksum_that_comes_out_zero),
		T(test_no_way_on),
		T(test_neighbour_that_goes),
		T(test_ports_are_no_number_of_changes),
		T(test_full_rings),
		T(test_kernel_sends),
		T(test_payload_type_and_mask),
		T(test_bundle),
		T(test_rtcp_masks_and_round_trip),
		T(test_rtcp_mux),
		T(test_bleed_on_a_plain_leg),
		T(test_flood_on_one_port_leaves_another_alone),
		T(test_changed_rate_holds_from_the_next_packet_on),
	};

	lab_start();
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
