/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/rtcp.h and parse.h by themselves: which SSRCs of which packet
 * belong to whom, and lengths that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/stage/csum.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/rtcp.h"

/* Own SSRCs get this mask, other ones that. */
#define OWN   0x11000000u
#define OTHER 0x00220000u

static struct {
	uint32_t sender, ntp, about, lsr, dlsr;
	unsigned senders, reports;
} heard;

static uint32_t own(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ssrc ^ OWN;
}

static uint32_t other(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ssrc ^ OTHER;
}

static void sender(void *arg, uint32_t ssrc, uint32_t ntp)
{
	(void)arg;
	heard.sender = ssrc;
	heard.ntp = ntp;
	heard.senders++;
}

static void report(void *arg, uint32_t ssrc, uint32_t lsr, uint32_t dlsr)
{
	(void)arg;
	heard.about = ssrc;
	heard.lsr = lsr;
	heard.dlsr = dlsr;
	heard.reports++;
}

static const struct rtcp_map map = {own, other, sender, report, NULL};

/* One packet in 32-bit words; which of them are SSRCs, and whose. */
struct packet {
	const char *name;
	uint32_t word[16];
	unsigned words;
	uint32_t own, other; /* bit i: word i */
};

#define HEAD(count, type, words) \
	(0x80000000u | (count) << 24 | (type) << 16 | ((words)-1))

static const struct packet packets[] = {
	{"SR without reports", {HEAD(0u, 200u, 7u), 5, 1, 2, 3, 4, 5}, 7, 2, 0},
	{"SR with a report",
	 {HEAD(1u, 200u, 13u), 5, 1, 2, 3, 4, 5, 9, 0, 0, 0, 0, 0},
	 13,
	 2,
	 1 << 7},
	{"RR with two",
	 {HEAD(2u, 201u, 14u), 5, 9, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0},
	 14,
	 2,
	 1 << 2 | 1 << 8},
	{"SR with words behind",
	 {HEAD(0u, 200u, 9u), 5, 1, 2, 3, 4, 5, 77, 78},
	 9,
	 2,
	 0},
	/* CNAME "ab", then the end; a second chunk with nothing in it. */
	{"SDES",
	 {HEAD(2u, 202u, 5u), 5, 0x01026162, 0x00000000, 6},
	 5,
	 2,
	 0}, /* the chunk behind has no room for its end: see below */
	{"BYE with a reason", {HEAD(2u, 203u, 4u), 5, 6, 0x03646f6e}, 4, 6, 0},
	{"APP", {HEAD(3u, 204u, 3u), 5, 0x6e616d65}, 3, 2, 0},
	{"NACK", {HEAD(1u, 205u, 4u), 5, 9, 0x00010002}, 4, 2, 4},
	{"TMMBR", {HEAD(3u, 205u, 5u), 5, 0, 9, 0x1234}, 5, 2, 8},
	{"PLI", {HEAD(1u, 206u, 3u), 5, 9}, 3, 2, 4},
	{"FIR for two",
	 {HEAD(4u, 206u, 7u), 5, 0, 9, 0x01000000, 8, 0x02000000},
	 7,
	 2,
	 1 << 3 | 1 << 5},
	{"REMB",
	 {HEAD(15u, 206u, 7u), 5, 0, 0x52454d42, 0x02001234, 9, 8},
	 7,
	 2,
	 1 << 5 | 1 << 6},
	{"AFB of another kind",
	 {HEAD(15u, 206u, 6u), 5, 9, 0x4e4f5045, 0x02001234, 7},
	 6,
	 2,
	 4},
	{"XR: receiver time, DLRR, VoIP",
	 {HEAD(0u, 207u, 12u), 5, 0x04000002, 1, 2, 0x05000003, 9, 1, 2,
	  0x07000002, 8, 0},
	 12,
	 2,
	 1 << 6 | 1 << 10},
	{"one that came later", {HEAD(7u, 210u, 3u), 5, 9}, 3, 2, 0},
	{"congestion feedback of two, RFC 8888",
	 {HEAD(11u, 205u, 9u), 5, 9, 0x00010003, 0x80018002, 0x80030000, 8,
	  0x00010001, 0x80010000, 0x12345678},
	 9,
	 2,
	 1 << 2 | 1 << 6},
};

static size_t octets(uint8_t *out, const struct packet *p)
{
	for (unsigned i = 0; i < p->words; i++)
		store32(out + 4 * i, p->word[i]);
	return 4 * (size_t)p->words;
}

static void check(const uint8_t *got, const struct packet *p)
{
	for (unsigned i = 0; i < p->words; i++) {
		uint32_t want = p->word[i];

		want ^= p->own >> i & 1 ? OWN : 0;
		want ^= p->other >> i & 1 ? OTHER : 0;
		if (load32(got + 4 * i) != want)
			fail_msg("%s: word %u is %08x, not %08x", p->name, i,
				 load32(got + 4 * i), want);
	}
}

static void test_each_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		uint8_t p[256];
		size_t n = octets(p, &packets[i]);

		if (strcmp(packets[i].name, "SDES") == 0) {
			assert_int_equal(rtcp_rewrite(p, n, &map), -1);
			check(p,
			      &(struct packet){.name = "unchanged",
					       .words = 5,
					       .word = {HEAD(2u, 202u, 5u), 5,
							0x01026162, 0, 6}});
			store32(p, HEAD(2u, 202u, 6u));
			store32(p + 20, 0);
			assert_int_equal(rtcp_rewrite(p, n + 4, &map), 0);
			assert_int_equal(load32(p + 4), 5 ^ OWN);
			assert_int_equal(load32(p + 16), 6 ^ OWN);
			assert_int_equal(load32(p + 8), 0x01026162);
			continue;
		}
		if (rtcp_rewrite(p, n, &map) != 0)
			fail_msg("%s: refused", packets[i].name);
		check(p, &packets[i]);
	}
}

static void test_compound_and_padding(void **state)
{
	uint8_t p[256];
	size_t n = octets(p, &packets[1]), m = octets(p + n, &packets[9]);
	uint8_t *last = p + n;

	(void)state;
	store32(last, HEAD(1u, 206u, 4u) | 0x20000000); /* four octets of it */
	store32(last + m, 4);
	memset(&heard, 0, sizeof(heard));
	store32(p + 8, 0xaaaa1111);
	store32(p + 12, 0x2222bbbb);
	store32(p + 44, 0x33334444);
	store32(p + 48, 0x00010000);
	assert_int_equal(rtcp_rewrite(p, n + m + 4, &map), 0);
	assert_int_equal(load32(p + 4), 5 ^ OWN);
	assert_int_equal(load32(last + 8), 9 ^ OTHER);
	assert_int_equal(load32(last + 12), 4);
	assert_int_equal(heard.senders, 1);
	assert_int_equal(heard.sender, 5);
	assert_int_equal(heard.ntp, 0x11112222);
	assert_int_equal(heard.reports, 1);
	assert_int_equal(heard.about, 9);
	assert_int_equal(heard.lsr, 0x33334444);
	assert_int_equal(heard.dlsr, 0x00010000);
}

/* Each packet cut short anywhere, and with each length and count that it could
 * claim, in a buffer of exactly its size: a sanitizer sees what is beyond. */
static void test_lengths_that_lie(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		uint8_t whole[256];
		size_t n = octets(whole, &packets[i]);

		for (size_t cut = 0; cut <= n; cut++)
			for (unsigned claim = 0; claim < 20 * 33; claim++) {
				uint8_t *p = malloc(cut ? cut : 1);

				memcpy(p, whole, cut);
				if (cut > 3) {
					p[0] = (uint8_t)(0x80 | claim / 20);
					p[3] = (uint8_t)(claim % 20);
				}
				if (rtcp_rewrite(p, cut, &map) != 0 && cut > 8)
					assert_memory_equal(p + 4, whole + 4,
							    cut - 4);
				free(p);
			}
	}
}

static void test_rtp_header_len(void **state)
{
	static const struct {
		uint8_t p[28];
		size_t n, want;
	} cases[] = {
		{{0x80}, 12, 12},
		{{0x80}, 11, 0},
		{{0x82}, 20, 20},
		{{0x82}, 19, 0},
		{{0x90, [14] = 0, 2}, 24, 24},
		{{0x90, [14] = 0, 3}, 24, 0},
		{{0x90, [14] = 0xff, 0xff}, 24, 0},
		{{0x91, [18] = 0, 1}, 24, 24},
		{{0x90}, 15, 0},
		{{0x90}, 16, 16},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(rtp_header_len(cases[i].p, cases[i].n),
				 cases[i].want);
}

/* RFC 7983 section 7, its figure 3, and the gaps. */
static void test_first_octet(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 256; b++)
		assert_int_equal(payload_kind((uint8_t)b),
				 b <= 3			? PAYLOAD_STUN
				 : b >= 20 && b <= 63	? PAYLOAD_DTLS
				 : b >= 128 && b <= 191 ? PAYLOAD_RTP
							: PAYLOAD_NONE);
}

/* Against the plainest way to say it, at each length and offset. */
static void test_checksum(void **state)
{
	uint8_t p[600];

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(rand() | (i % 3 ? 0 : 0xff));
	for (size_t n = 0; n < 580; n++)
		for (size_t at = 0; at < 8; at++) {
			uint32_t want = 0x1234;
			uint16_t word;

			for (size_t i = 0; i < n; i += 2) {
				word = p[at + i];
				if (i + 1 < n)
					word |= (uint16_t)(p[at + i + 1] << 8);
				want += word;
				want = (want & 0xffff) + (want >> 16);
			}
			assert_int_equal(csum_fold(csum_add(0x1234, p + at, n)),
					 want);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type),
		cmocka_unit_test(test_compound_and_padding),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_rtp_header_len),
		cmocka_unit_test(test_first_octet),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests_name("rtcp", tests, NULL, NULL);
}
