/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's pure parts: reordering, reports, digits, padding, payloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "control/endpoint/digits.h"
#include "control/endpoint/jitter.h"
#include "control/endpoint/opus.h"
#include "control/endpoint/payload.h"
#include "control/endpoint/rtcp.h"

struct got {
	uint64_t order[128];
	unsigned n;
};

static void take(struct media_pkt *pkt, void *arg)
{
	struct got *g = arg;

	assert_true(g->n < 128);
	g->order[g->n++] = pkt->order;
	free(pkt);
}

static void put(struct jitter *j, uint64_t order, uint64_t now, struct got *g)
{
	struct media_pkt *pkt = media_pkt_new(E2EE_AUDIO, 0, false, 0, NULL, 0);

	assert_non_null(pkt);
	pkt->order = order;
	jitter_put(j, pkt, now, take, g);
}

/* sent in this order; played in that, after the waits are over */
static void test_jitter(void **state)
{
	static const struct {
		unsigned n, m;
		uint64_t in[8], out[8];
	} cases[] = {
		{4, 4, {5, 6, 7, 8}, {5, 6, 7, 8}},
		{4, 4, {5, 7, 6, 8}, {5, 6, 7, 8}},
		{5, 4, {5, 6, 6, 7, 8}, {5, 6, 7, 8}}, /* twice */
		{5, 4, {5, 7, 7, 6, 8}, {5, 6, 7, 8}}, /* twice, waiting */
		{4, 3, {5, 6, 8, 4}, {5, 6, 8}},       /* before the first */
		{5, 5, {5, 9, 8, 7, 6}, {5, 6, 7, 8, 9}},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jitter j = {0};
		struct got g = {0};

		for (unsigned k = 0; k < cases[i].n; k++)
			put(&j, cases[i].in[k], k, &g);
		(void)jitter_tick(&j, JITTER_MS - 1, take, &g);
		assert_false(jitter_tick(&j, 2 * JITTER_MS, take, &g));
		assert_int_equal(g.n, cases[i].m);
		for (unsigned k = 0; k < g.n; k++)
			assert_int_equal(g.order[k], cases[i].out[k]);
		jitter_flush(&j);
	}
}

static void test_jitter_waits_no_longer_than_it_must(void **state)
{
	struct jitter j = {0};
	struct got g = {0};

	(void)state;
	put(&j, 1, 0, &g);
	put(&j, 3, 10, &g);
	assert_true(jitter_tick(&j, 10 + JITTER_MS - 1, take, &g));
	assert_int_equal(g.n, 1);
	assert_false(jitter_tick(&j, 10 + JITTER_MS, take, &g));
	assert_int_equal(g.n, 2);
	put(&j, 2, 100, &g); /* too late */
	assert_int_equal(g.n, 2);
	assert_int_equal(j.late, 1);
	/* A gap that nothing fills must not grow without end. */
	for (unsigned k = 0; k < JITTER_DEPTH; k++)
		put(&j, 10 + k, 100, &g);
	assert_true(j.count < JITTER_DEPTH);
	jitter_flush(&j);
}

static void test_sequence_numbers_go_on_past_the_wrap(void **state)
{
	struct rtcp_source s = {0};
	uint32_t a = rtcp_seen(&s, 7, 65534, 0, 0);

	(void)state;
	assert_int_equal(rtcp_seen(&s, 7, 65535, 160, 160), a + 1);
	assert_int_equal(rtcp_seen(&s, 7, 1, 480, 480), a + 3);
	assert_int_equal(rtcp_seen(&s, 7, 0, 320, 500), a + 2);
	assert_int_equal(rtcp_seen(&s, 7, 65533, 0, 500), a - 1);
	assert_int_equal(s.max, a + 3);
	/* another source starts anew */
	(void)rtcp_seen(&s, 8, 100, 0, 0);
	assert_int_equal(s.received, 1);
}

static void test_reports(void **state)
{
	struct rtcp_sender tx = {.ssrc = 0x01020304, .packets = 3, .octets = 9};
	struct rtcp_source rx = {0};
	uint8_t out[RTCP_MAX];
	size_t n;

	(void)state;
	(void)rtcp_seen(&rx, 0xa0b0c0d0, 10, 0, 0);
	(void)rtcp_seen(&rx, 0xa0b0c0d0, 13, 0, 0); /* 2 of 4 lost */
	n = rtcp_report(out, &tx, &rx, "0123456789abcdef");
	assert_int_equal(n % 4, 0);
	assert_int_equal(out[1], 200);
	assert_int_equal((out[2] << 8 | out[3]) * 4 + 4, 28 + 24);
	assert_int_equal(out[28 + 4], 128); /* fraction lost */
	assert_int_equal(out[28 + 7], 2);   /* lost */
	assert_memory_equal(out + 28, "\xa0\xb0\xc0\xd0", 4);
	assert_memory_equal(out + 52 + 8,
			    "\x01\x10"
			    "0123456789abcdef",
			    18);
	assert_false(rtcp_wants_key(out, n, 0x01020304));

	n = rtcp_pli(out, &tx, &rx, "0123456789abcdef");
	assert_true(rtcp_wants_key(out, n, 0xa0b0c0d0));
	assert_false(
		rtcp_wants_key(out, n, 0xa0b0c0d1)); /* for somebody else */
	assert_false(rtcp_wants_key(out, n - 4, 0xa0b0c0d0));
}

static void test_digits(void **state)
{
	struct digits_out out = {0};
	struct digits_in in = {0};
	unsigned ends = 0, heard = 0;
	char said[4] = "";

	(void)state;
	assert_false(digits_queue(&out, "12x"));
	assert_false(digits_queue(&out, ""));
	assert_true(digits_queue(&out, "7#"));
	for (uint32_t ts = 1000; ts < 1000 + 40 * 160; ts += 160) {
		uint8_t event[MEDIA_DIGIT];
		struct media_pkt *pkt;
		uint32_t at;
		bool marker;
		char digit;

		if (!digits_next(&out, ts, 160, event, &marker, &at))
			continue;
		ends += event[1] >> 7;
		pkt = media_pkt_new(E2EE_AUDIO, MEDIA_EVENT, marker, at, event,
				    sizeof(event));
		assert_non_null(pkt);
		digit = digits_heard(&in, pkt);
		assert_int_equal(!digit, !marker);
		if (digit)
			said[heard++] = digit;
		free(pkt);
	}
	assert_string_equal(said, "7#");
	assert_int_equal(ends, 2 * 3); /* each end is said three times */
	assert_false(out.queue[0]);
}

static void test_opus_padding(void **state)
{
	static const uint8_t one[] = {0x78, 1, 2, 3},
			     two[] = {0x79, 1, 2, 3, 4};
	static const uint8_t counted[] = {0x7b, 0x03, 1, 2, 3};
	static const uint8_t padded[] = {0x7b, 0x41, 2, 1, 2, 0, 0};
	uint8_t out[700];

	(void)state;
	assert_int_equal(opus_pad(out, 4, one, 4), 4);
	assert_memory_equal(out, one, 4);
	/* one octet more is the count; two more, a padding length of 0 */
	assert_int_equal(opus_pad(out, 5, one, 4), 5);
	assert_memory_equal(out, "\x7b\x01\x01\x02\x03", 5);
	assert_int_equal(opus_pad(out, 6, one, 4), 6);
	assert_memory_equal(out, "\x7b\x41\x00\x01\x02\x03", 6);
	/* 600 = 2 + 255 + 255 + 1 + 3 + 84; lengths of 254, 254 and 84 */
	assert_int_equal(opus_pad(out, 600, one, 4), 600);
	assert_memory_equal(out, "\x7b\x41\xff\xff\x54\x01\x02\x03", 8);
	assert_int_equal(opus_pad(out, 8, two, 5), 8);
	assert_memory_equal(out, "\x7b\x42\x01\x01\x02\x03\x04\x00", 8);
	assert_int_equal(opus_pad(out, 7, counted, 5), 7);
	assert_memory_equal(out, "\x7b\x43\x01\x01\x02\x03\x00", 7);
	assert_int_equal(opus_pad(out, 3, one, 4), 0);
	/* padded already: padded anew; or not, where that goes beyond the end */
	assert_int_equal(opus_pad(out, 9, padded, 7), 9);
	assert_memory_equal(out, "\x7b\x41\x04\x01\x02\0\0\0\0", 9);
	assert_int_equal(opus_pad(out, 9, padded, 4), 0);
	assert_int_equal(opus_pad(out, 9, padded, 2), 0);
	assert_int_equal(opus_pad(out, 9, padded, 0), 0);
	assert_int_equal(opus_silence(out, 80), 80);
}

static bool read_one(struct payload_reader *r, uint64_t order, bool marker,
		     uint32_t ts, const void *p, size_t n)
{
	struct media_pkt *pkt =
		media_pkt_new(E2EE_VIDEO, r->codec, marker, ts, p, n);
	bool done;

	assert_non_null(pkt);
	pkt->order = order;
	done = payload_read(r, pkt);
	free(pkt);
	return done;
}

static void test_h264_payloads(void **state)
{
	struct payload_reader r;

	(void)state;
	payload_reader_init(&r, MEDIA_H264);
	/* nothing before a key frame */
	assert_false(read_one(&r, 1, true, 0, "\x41zz", 3));
	assert_true(r.want_key);
	/* STAP-A with parameter sets, then FU-A in two */
	assert_false(read_one(&r, 2, false, 9,
			      "\x78\0\2\x67"
			      "a\0\2\x68"
			      "b",
			      9));
	assert_false(read_one(&r, 3, false, 9, "\x7c\x85xx", 4));
	assert_true(read_one(&r, 4, true, 9, "\x7c\x45yy", 4));
	assert_true(r.key);
	assert_int_equal(r.len, 6 + 6 + 5 + 4);
	assert_memory_equal(r.buf,
			    "\0\0\0\1\x67"
			    "a\0\0\0\1\x68"
			    "b\0\0\0\1\x65"
			    "xxyy",
			    21);
	assert_true(read_one(&r, 5, true, 18, "\x41zz", 3));
	/* a loss: nothing until the next key frame */
	assert_false(read_one(&r, 7, true, 27, "\x41zz", 3));
	assert_false(read_one(&r, 8, true, 36, "\x41zz", 3));
	assert_true(read_one(&r, 9, true, 45, "\x65zz", 3));
	/* a length beyond the packet */
	assert_false(read_one(&r, 10, true, 54, "\x78\0\x7f\x67", 4));
	payload_reader_free(&r);
}

static void test_vp8_payloads(void **state)
{
	struct payload_reader r;

	(void)state;
	payload_reader_init(&r, MEDIA_VP8);
	assert_false(read_one(&r, 1, false, 0, "\x90\x80\x81\x02\x10k", 6));
	assert_true(read_one(&r, 2, true, 0, "\x80\x80\x81\x02more", 8));
	assert_int_equal(r.len, 6);
	assert_memory_equal(r.buf, "\x10kmore", 6);
	/* the rest of a frame whose start was lost */
	assert_false(read_one(&r, 4, true, 9, "\x00rest", 5));
	assert_false(read_one(&r, 5, true, 18, "\x90", 1));
	payload_reader_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_jitter_waits_no_longer_than_it_must),
		cmocka_unit_test(test_sequence_numbers_go_on_past_the_wrap),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_opus_padding),
		cmocka_unit_test(test_h264_payloads),
		cmocka_unit_test(test_vp8_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
