/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/classify.c and police.c: one frame at a time through a whole
 * turn, and the verdict that it gets. NONE means that it left by trunk0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/flow/flow.h"
#include "tests/stage/lab.h"

#define PHONE4 "10.1.0.7:4000"
#define PHONE6 "[fd01::7]:4000"
#define OURS4  "10.1.0.1:20000"
#define OURS6  "[fd01::1]:20000"

static int up(void **state)
{
	struct sp_transport a, b;

	(void)state;
	lab_up(&(struct lab_options){0});
	a = lab_transport(1, ACCESS4, 20000, PHONE4);
	b = lab_transport(2, TRUNK4, 20000, "10.2.0.7:6000");
	lab_pair(&a, &b);
	a = lab_transport(3, ACCESS6, 20000, PHONE6);
	lab_add(&a);
	lab_add_stream(&(struct sp_stream){.id = 3,
					   .from = 3,
					   .to = 2,
					   .match = SP_MATCH_ANY,
					   .out_pt = SP_PT_KEEP});
	return 0;
}

static int down(void **state)
{
	(void)state;
	lab_down();
	return 0;
}

static struct lab_frame rtp4(void)
{
	uint8_t p[256];

	return lab_udp(ACCESS, PHONE4, OURS4, p, lab_rtp(p, 0x1234, 1, 0, 160));
}

static struct lab_frame rtp6(void)
{
	uint8_t p[256];

	return lab_udp(ACCESS, PHONE6, OURS6, p, lab_rtp(p, 0x1234, 1, 0, 160));
}

/* What is done to a sound frame. */
typedef void spoil_f(struct lab_frame *f);

#define SPOIL(name, ...)                             \
	static void name(struct lab_frame *f)        \
	{                                            \
		uint8_t *p = f->octet, *ip = p + 14; \
		(void)ip;                            \
		__VA_ARGS__;                         \
	}

static void insert(struct lab_frame *f, unsigned at, const void *p, unsigned n)
{
	memmove(f->octet + at + n, f->octet + at, f->len - at);
	memcpy(f->octet + at, p, n);
	f->len = (uint16_t)(f->len + n);
}

static void add16(uint8_t *p, int n)
{
	int v = (p[0] << 8 | p[1]) + n;

	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

SPOIL(nothing, (void)p)
SPOIL(vlan, insert(f, 12, "\x81\x00\x00\x07", 4))
SPOIL(vlan_twice, vlan(f); vlan(f))
SPOIL(vlan_short, vlan(f); f->len = 17)
SPOIL(runt, f->len = 13)
SPOIL(nothing_at_all, f->len = 1)
SPOIL(arp, p[12] = 8; p[13] = 6)
SPOIL(other_mac, p[5] ^= 0x40)
SPOIL(broadcast, memset(p, 0xff, 6))
SPOIL(multicast, p[0] |= 1)
SPOIL(other_ip, ip[19] = 99; lab_sums(f))
SPOIL(other_port, ip[22] = 5060 >> 8; ip[23] = 5060 & 255; lab_sums(f))
SPOIL(below_media, ip[22] = 19999 >> 8; ip[23] = 19999 & 255; lab_sums(f))
SPOIL(above_media, ip[22] = 30000 >> 8; ip[23] = 30000 & 255; lab_sums(f))
SPOIL(free_port, ip[23] += 2; lab_sums(f))
SPOIL(tcp, ip[9] = 6)
SPOIL(version_5, ip[0] = 0x55)
SPOIL(ihl_4, ip[0] = 0x44)
SPOIL(options, insert(f, 34, "\1\1\1\0", 4); ip[0] = 0x46; add16(ip + 2, 4);
      lab_sums(f))
SPOIL(total_long, add16(ip + 2, 1))
SPOIL(total_short, ip[2] = 0; ip[3] = 19)
SPOIL(total_no_udp, ip[2] = 0; ip[3] = 27)
SPOIL(padded, f->len += 18)
SPOIL(udp_in_padding, add16(ip + 2, -20); lab_sums(f))
SPOIL(udp_short, add16(ip + 24, -20); lab_sums(f))
SPOIL(udp_7, ip[24] = 0; ip[25] = 7)
SPOIL(udp_long, add16(ip + 24, 1))
SPOIL(udp_0, ip[24] = ip[25] = 0)
SPOIL(fragment_first, ip[6] = 0x20; lab_sums(f))
SPOIL(fragment_later, ip[7] = 9; lab_sums(f))
SPOIL(fragment_kernel, other_port(f); ip[6] = 0x20; lab_sums(f))
SPOIL(dont_fragment, ip[6] = 0x40; lab_sums(f))
SPOIL(ip_sum, ip[11] ^= 1)
SPOIL(ttl_without_sum, ip[8]--)
SPOIL(udp_sum, p[f->len - 1] ^= 1)
SPOIL(no_udp_sum, ip[26] = ip[27] = 0)
SPOIL(source_ip, ip[15] = 8; lab_sums(f))
SPOIL(stun, ip[28] = 0; lab_sums(f))
SPOIL(dtls, ip[28] = 22; lab_sums(f))
SPOIL(turn, ip[28] = 64; lab_sums(f))
SPOIL(ascii, ip[28] = 'G'; lab_sums(f))
SPOIL(empty, ip[3] = 28; ip[2] = 0; ip[24] = 0; ip[25] = 8; lab_sums(f))
SPOIL(eleven, ip[3] = 39; ip[2] = 0; ip[24] = 0; ip[25] = 19; lab_sums(f))
SPOIL(csrcs, ip[28] = 0x8f; ip[3] = 70; ip[2] = 0; ip[24] = 0; ip[25] = 50;
      lab_sums(f))
SPOIL(rtp_on_rtcp_port, ip[23]++; lab_sums(f))
SPOIL(version_6_as_4, ip[0] = 0x65)
SPOIL(payload_long6, add16(ip + 4, 1))
SPOIL(hop_by_hop, insert(f, 54, "\x11\0\1\4\0\0\0\0", 8); ip[6] = 0;
      add16(ip + 4, 8))
SPOIL(fragment6, insert(f, 54, "\x11\0\0\1\0\0\0\7", 8); ip[6] = 44;
      add16(ip + 4, 8))
SPOIL(fragment6_later, fragment6(f); ip[43] = 9)
SPOIL(fragment6_tcp, fragment6(f); ip[40] = 6)
SPOIL(other_ip6, ip[39] = 9; lab_sums(f))
SPOIL(no_udp_sum6, ip[46] = ip[47] = 0)
SPOIL(udp_sum6, ip[47] ^= 1)
SPOIL(icmp6, ip[6] = 58)
SPOIL(source_ip6, ip[23] = 8; lab_sums(f))
SPOIL(jumbo6, ip[4] = ip[5] = 0)

static const struct {
	const char *name;
	spoil_f *spoil;
	enum verdict verdict;
} cases4[] = {
	{"sound", nothing, V_NONE},
	{"VLAN tag", vlan, V_NONE},
	{"two VLAN tags", vlan_twice, V_KERNEL},
	{"VLAN tag, then nothing", vlan_short, V_MALFORMED},
	{"13 octets", runt, V_MALFORMED},
	{"1 octet", nothing_at_all, V_MALFORMED},
	{"ARP", arp, V_KERNEL},
	{"another's MAC address", other_mac, V_NOT_FOR_US},
	{"broadcast MAC, our IP", broadcast, V_NOT_FOR_US},
	{"group MAC, our IP", multicast, V_NOT_FOR_US},
	{"another's IP address", other_ip, V_KERNEL},
	{"SIP", other_port, V_KERNEL},
	{"a port below", below_media, V_KERNEL},
	{"a port above", above_media, V_KERNEL},
	{"no transport there", free_port, V_NO_FLOW},
	{"TCP", tcp, V_KERNEL},
	{"IP version 5", version_5, V_MALFORMED},
	{"IP header of 16 octets", ihl_4, V_MALFORMED},
	{"IP options", options, V_KERNEL},
	{"total length beyond the frame", total_long, V_MALFORMED},
	{"total length below the header", total_short, V_MALFORMED},
	{"no room for UDP", total_no_udp, V_MALFORMED},
	{"Ethernet padding", padded, V_NONE},
	{"UDP into the padding", udp_in_padding, V_MALFORMED},
	{"UDP shorter than IP", udp_short, V_NONE},
	{"UDP length 7", udp_7, V_MALFORMED},
	{"UDP length beyond IP", udp_long, V_MALFORMED},
	{"UDP length 0", udp_0, V_MALFORMED},
	{"first fragment", fragment_first, V_FRAGMENT},
	{"later fragment", fragment_later, V_KERNEL},
	{"fragment of SIP", fragment_kernel, V_KERNEL},
	{"DF", dont_fragment, V_NONE},
	{"IP checksum", ip_sum, V_CHECKSUM},
	{"TTL changed, sum not", ttl_without_sum, V_CHECKSUM},
	{"UDP checksum", udp_sum, V_CHECKSUM},
	{"no UDP checksum", no_udp_sum, V_NONE},
	{"another source", source_ip, V_SOURCE},
	{"STUN", stun, V_NOT_RTP},
	{"DTLS", dtls, V_NOT_RTP},
	{"TURN channel", turn, V_NOT_RTP},
	{"text", ascii, V_NOT_RTP},
	{"empty UDP", empty, V_NOT_RTP},
	{"RTP of 11 octets", eleven, V_SHORT},
	{"more CSRCs than there is room", csrcs, V_SHORT},
	{"RTP on the RTCP port", rtp_on_rtcp_port, V_NOT_RTP},
	{"IPv6 type of header", version_6_as_4, V_MALFORMED},
};

static const struct {
	const char *name;
	spoil_f *spoil;
	enum verdict verdict;
} cases6[] = {
	{"sound", nothing, V_NONE},
	{"VLAN tag", vlan, V_NONE},
	{"IP version 5", version_5, V_MALFORMED},
	{"payload beyond the frame", payload_long6, V_MALFORMED},
	{"hop-by-hop options", hop_by_hop, V_KERNEL},
	{"first fragment", fragment6, V_FRAGMENT},
	{"later fragment", fragment6_later, V_KERNEL},
	{"fragment of TCP", fragment6_tcp, V_KERNEL},
	{"another's IP address", other_ip6, V_KERNEL},
	{"no UDP checksum", no_udp_sum6, V_CHECKSUM},
	{"UDP checksum", udp_sum6, V_CHECKSUM},
	{"ICMPv6", icmp6, V_KERNEL},
	{"another source", source_ip6, V_SOURCE},
	{"jumbogram", jumbo6, V_MALFORMED},
	{"Ethernet padding", padded, V_NONE},
};

/* One frame, one turn: exactly this verdict is counted, and the frame left by
 * trunk0, went to the kernel as it was, or is gone. */
static void one(const char *name, const struct lab_frame *f, uint64_t ol_flags,
		enum verdict want)
{
	struct lab_frame out;
	bool left, kernel;

	memset(lab.w[0].count, 0, sizeof(lab.w[0].count));
	lab_inject(ACCESS, 0, f->octet, f->len)->ol_flags = ol_flags;
	lab_turn();
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		if (lab_count(v) != (v == want && v != V_NONE))
			fail_msg("%s: %s %d times, wanted %s", name,
				 verdict_info[v].name, (int)lab_count(v),
				 verdict_info[want].name);
	left = lab_take(TRUNK, &out);
	if (left)
		lab_view(&out);
	kernel = lab_take_kernel(ACCESS, &out);
	if (kernel) {
		assert_int_equal(out.len, f->len);
		assert_memory_equal(out.octet, f->octet, f->len);
	}
	if (left != (want == V_NONE) || kernel != (want == V_KERNEL))
		fail_msg("%s: left %d, kernel %d", name, left, kernel);
	assert_false(lab_take(ACCESS, &out));
}

static void test_ipv4(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases4); i++) {
		struct lab_frame f = rtp4();

		cases4[i].spoil(&f);
		one(cases4[i].name, &f, 0, cases4[i].verdict);
	}
}

static void test_ipv6(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases6); i++) {
		struct lab_frame f = rtp6();

		cases6[i].spoil(&f);
		one(cases6[i].name, &f, 0, cases6[i].verdict);
	}
}

/* What the device says of checksums is believed when it is good news, and
 * looked into when it is bad (a device may not know of sums that are absent). */
static void test_device_checksums(void **state)
{
	static const struct {
		spoil_f *spoil;
		uint64_t flags;
		enum verdict verdict;
	} cases[] = {
		{udp_sum,
		 RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		 V_NONE},
		{ip_sum, RTE_MBUF_F_RX_IP_CKSUM_GOOD, V_NONE},
		{udp_sum, RTE_MBUF_F_RX_IP_CKSUM_GOOD, V_CHECKSUM},
		{ip_sum, RTE_MBUF_F_RX_L4_CKSUM_GOOD, V_CHECKSUM},
		{udp_sum, RTE_MBUF_F_RX_L4_CKSUM_BAD, V_CHECKSUM},
		{no_udp_sum, RTE_MBUF_F_RX_L4_CKSUM_BAD, V_NONE},
		{udp_sum, RTE_MBUF_F_RX_L4_CKSUM_NONE, V_NONE},
		{nothing, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED,
		 V_NONE},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct lab_frame f = rtp4();

		cases[i].spoil(&f);
		one("device", &f, cases[i].flags, cases[i].verdict);
	}
}

/* A gateway without an address in IPv4: where none stand, 0.0.0.0 is no match. */
static void test_no_ipv4(void **state)
{
	struct flow_index *x = (struct flow_index *)table_index(lab.t);
	const struct flow_index was = *x;
	struct lab_frame f = rtp4();

	(void)state;
	x->n4 = 0;
	memset(x->v4, 0, sizeof(x->v4));
	memset(f.octet + 30, 0, 4);
	f.octet[37] += 2; /* not the first port, whose place would be NULL */
	lab_sums(&f);
	one("no IPv4", &f, 0, V_KERNEL);
	*x = was;
}

/* STUN and DTLS that are relayed pass untouched, as nothing else does. */
static void test_relayed(void **state)
{
	struct sp_transport x = lab_transport(1, ACCESS4, 20000, PHONE4);
	struct lab_frame f = rtp4(), out;
	char text[SP_TEXT_MAX];
	struct lab_view v;

	(void)state;
	x.stun = SP_PUNT_RELAY;
	x.tx = lab_key(3, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	x.rx = lab_key(4, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(table_transport_change(lab.t, &x, text), SP_OK);
	stun(&f);
	lab_inject(ACCESS, 0, f.octet, f.len);
	lab_turn();
	assert_true(lab_take(TRUNK, &out));
	v = lab_view(&out);
	assert_int_equal(v.n, 172);
	assert_memory_equal(v.payload, f.octet + 42, 172);
	dtls(&f);
	one("DTLS", &f, 0, V_NOT_RTP);
	ascii(&f);
	one("text", &f, 0, V_NOT_RTP);
}

/* Nothing but sound frames leaves, whatever comes; and every one is accounted
 * for. */
static void test_any_octets(void **state)
{
	unsigned seed = 20240611, left = 0, in = 0;
	struct lab_frame out;
	uint64_t counted = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct lab_frame f = i % 2 ? rtp4() : rtp6();
		unsigned changes = (unsigned)rand_r(&seed) % 4;

		while (changes--) {
			unsigned at = (unsigned)rand_r(&seed) %
				      (rand_r(&seed) % 4 ? 64u : f.len);

			f.octet[at] = (uint8_t)rand_r(&seed);
		}
		if (rand_r(&seed) % 8 == 0)
			f.len = (uint16_t)(rand_r(&seed) % f.len + 1);
		else if (rand_r(&seed) % 2)
			lab_sums(&f);
		lab_inject(ACCESS, 0, f.octet, f.len);
		in++;
		if (i % 100)
			continue;
		lab_turn();
		while (lab_take(TRUNK, &out)) {
			left++;
			assert_true(lab_view(&out).udp_sum_full);
		}
		assert_false(lab_take(ACCESS, &out));
		while (lab_take_kernel(ACCESS, &out))
			;
	}
	lab_turn();
	while (lab_take(TRUNK, &out))
		left++;
	for (unsigned v = 1; v < VERDICT_COUNT; v++)
		counted += lab_count(v);
	assert_int_equal(in, left + counted);
	assert_true(left > 1000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_ipv4),	 T(test_ipv6),	  T(test_device_checksums),
		T(test_no_ipv4), T(test_relayed), T(test_any_octets),
	};

	lab_start();
	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
