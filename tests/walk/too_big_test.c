/* SPDX-License-Identifier: Apache-2.0 */
/* What would outgrow the MTU that it has to leave by: fragments that come
 * together again, answers that name what fits, verdicts. The lab sends and
 * receives without the dataplane's own parsers and sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include "tests/stage/walk.h"

#define PHONE6	    "[fd01::7]:4000"
#define FAR6	    "[fd02::7]:6000"
#define OURS6	    "[fd01::1]:20000"
#define TRUNK6_OURS "[fd02::1]:20000"

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

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned long sum16(const uint8_t *p, size_t n)
{
	unsigned long acc = 0;

	for (; n > 1; n -= 2, p += 2)
		acc += get16(p);
	return n ? acc + ((unsigned long)p[0] << 8) : acc;
}

static unsigned fold(unsigned long acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (unsigned)acc;
}

/* Two plain legs, of these families. */
static void bridge(bool six_in, bool six_out)
{
	struct sp_transport a = lab_transport(1, six_in ? ACCESS6 : ACCESS4,
					      20000, six_in ? PHONE6 : PHONE);
	struct sp_transport b = lab_transport(2, six_out ? TRUNK6 : TRUNK4,
					      20000, six_out ? FAR6 : FAR);

	lab_pair(&a, &b);
}

static size_t send(bool six, uint16_t seq, size_t octets)
{
	static uint8_t p[2048];
	size_t n = lab_rtp(p, 5, seq, 0, octets);

	say(ACCESS, six ? PHONE6 : PHONE, six ? OURS6 : OURS, p, n);
	return n;
}

/* Fragments ---------------------------------------------------------------- */

/* One datagram put together from what left, lengths and sums checked on the
 * way. RFC 791 section 3.2, RFC 8200 section 4.5. */
struct whole {
	uint8_t udp[4096];
	size_t n;
	uint32_t id;
	unsigned parts;
};

static size_t part_ip4(const struct lab_frame *f, size_t *at, bool *more,
		       uint32_t *id)
{
	const uint8_t *ip = f->octet + 14;

	assert_int_equal(ip[0], 0x45);
	assert_int_equal(get16(ip + 2), f->len - 14);
	assert_int_equal(fold(sum16(ip, 20)), 0xffff);
	assert_int_equal(ip[6] & 0xc0, 0); /* reserved, DF */
	*more = ip[6] & 0x20;
	*at = (get16(ip + 6) & 0x1fffu) * 8;
	*id = get16(ip + 4);
	return 34;
}

static size_t part_ip6(const struct lab_frame *f, size_t *at, bool *more,
		       uint32_t *id)
{
	const uint8_t *ip = f->octet + 14, *x = ip + 40;

	assert_int_equal(get16(ip + 4), f->len - 54);
	assert_int_equal(ip[6], 44);
	assert_int_equal(x[0], 17);
	assert_int_equal(x[1], 0);
	*more = x[3] & 1;
	*at = get16(x + 2) & 0xfff8u;
	*id = get16(x + 4) << 16 | get16(x + 6);
	return 62;
}

static void collect(bool six, uint16_t mtu, struct whole *w)
{
	bool more = true;

	*w = (struct whole){0};
	lab_turn();
	while (more) {
		size_t head, at;
		uint32_t id;

		assert_true(lab_take(TRUNK, &out));
		assert_true(out.len <= mtu + 14);
		head = six ? part_ip6(&out, &at, &more, &id)
			   : part_ip4(&out, &at, &more, &id);
		assert_int_equal(at, w->n);
		if (more)
			assert_int_equal((out.len - head) % 8, 0);
		if (w->parts++ == 0)
			w->id = id;
		assert_int_equal(id, w->id);
		memcpy(w->udp + w->n, out.octet + head, out.len - head);
		w->n += out.len - head;
	}
	assert_int_equal(get16(w->udp + 4), w->n);
}

/* The UDP checksum over the whole, with addresses from the last part. */
static void check_sum(bool six, const struct whole *w)
{
	const uint8_t *ip = out.octet + 14;
	unsigned long acc = sum16(w->udp, w->n) + 17 + w->n;

	acc += six ? sum16(ip + 8, 32) : sum16(ip + 12, 8);
	assert_int_equal(fold(acc), 0xffff);
}

static void test_fragments(void **state)
{
	static const uint16_t mtus[] = {576, 1280, 1400, 1499};
	struct whole w;

	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		char text[SP_TEXT_MAX];

		bridge(false, six);
		lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_FRAGMENT;
		lab.ps.port[TRUNK].csum_tx = true; /* not for fragments */
		for (size_t i = six; i < RTE_DIM(mtus); i++) {
			uint8_t p[2048];
			uint32_t last = 0;

			lab_mtu = mtus[i];
			for (unsigned more = 0; more < 40; more++) {
				size_t room = lab_mtu - (six ? 48u : 28u);
				size_t n = send(false, (uint16_t)more,
						room - 11 + more * 7);

				collect(six, lab_mtu, &w);
				assert_int_equal(w.n, n + 8);
				assert_in_range(w.parts, 2, 4);
				lab_rtp(p, 5, (uint16_t)more, 0, n - 12);
				assert_memory_equal(w.udp + 8, p, n);
				check_sum(six, &w);
				if (more)
					assert_int_not_equal(w.id, last);
				last = w.id;
			}
			/* What just fits is not cut. */
			send(false, 99, lab_mtu - (six ? 60u : 40u));
			left(TRUNK);
		}
		for (uint64_t id = 1; id <= 2; id++)
			table_stream_remove(lab.t, id, text);
		for (uint64_t id = 1; id <= 2; id++)
			assert_int_equal(
				table_transport_remove(lab.t, id, text), SP_OK);
	}
}

/* Packets that need no cutting keep their place between those that do. */
static void test_order_in_a_burst(void **state)
{
	static const size_t octets[] = {100, 1500, 100, 100, 1600, 1500, 100};
	struct whole w;

	(void)state;
	bridge(false, false);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_FRAGMENT;
	for (uint16_t i = 0; i < RTE_DIM(octets); i++)
		send(false, i, octets[i]);
	for (uint16_t i = 0; i < RTE_DIM(octets); i++) {
		const uint8_t *rtp = w.udp + 8;

		if (octets[i] == 100)
			rtp = left(TRUNK).payload;
		else
			collect(false, 1500, &w);
		assert_int_equal(get16(rtp + 2), i);
	}
	assert_int_equal(stats(1).packets_out, RTE_DIM(octets));
}

/* Sealed first, then cut: the trailer counts. */
static void test_sealed(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct whole w;

	(void)state;
	b.tx = lab_key(3, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	lab_pair(&a, &b);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_FRAGMENT;
	send(false, 1, 1500 - 40 - 10);
	assert_int_equal(left(TRUNK).n, 1500 - 28);
	send(false, 2, 1500 - 40 - 9);
	collect(false, 1500, &w);
	assert_int_equal(w.n, 1500 - 20 + 1);
	assert_int_equal(w.parts, 2);
	check_sum(false, &w);
}

static void test_no_buffers(void **state)
{
	struct rte_mbuf *m[2048];
	unsigned n = 0;

	(void)state;
	bridge(false, false);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_FRAGMENT;
	send(false, 1, 1500);
	while (n < RTE_DIM(m) && (m[n] = rte_pktmbuf_alloc(lab.ps.pool)))
		n++;
	stopped(V_NO_BUFFER);
	rte_pktmbuf_free_bulk(m, n);
	assert_int_equal(stats(1).packets_out, 0);
	assert_int_equal(stats(1).dropped, 1);
}

/* The queue takes some of a datagram's fragments: the rest is freed. */
static void test_queue_full(void **state)
{
	struct rte_ring *r = lab.out[TRUNK][0];
	struct rte_mbuf *m;

	(void)state;
	bridge(false, false);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_FRAGMENT;
	while (rte_ring_free_count(r) > 1)
		rte_ring_enqueue(r, rte_pktmbuf_alloc(lab.ps.pool));
	send(false, 1, 1500);
	lab_turn();
	assert_int_equal(lab_count(V_TX_FULL), 1);
	assert_int_equal(stats(1).packets_out, 0);
	assert_int_equal(stats(1).dropped, 1);
	while (rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

/* Answers ------------------------------------------------------------------ */

/* The answer's MTU, after all else in it was found right. */
static unsigned answer(bool six, const uint8_t *asked, size_t udp_len)
{
	const uint8_t *ip, *icmp, *quote;
	size_t head = six ? 40 : 20, n = head + 8;
	unsigned long acc;

	lab_turn();
	if (!lab_take(ACCESS, &out))
		fail_msg("no answer");
	ip = out.octet + 14;
	icmp = ip + head;
	quote = icmp + 8;
	assert_int_equal(out.len, 14 + head + 8 + n);
	assert_memory_equal(out.octet, asked + 6, 6);
	assert_memory_equal(out.octet + 6, asked, 6);
	assert_memory_equal(quote, asked + 14, n);
	acc = sum16(icmp, 8 + n);
	if (six) {
		assert_int_equal(get16(out.octet + 12), 0x86dd);
		assert_memory_equal(ip + 8, asked + 14 + 24, 16);
		assert_memory_equal(ip + 24, asked + 14 + 8, 16);
		assert_int_equal(ip[6], 58);
		acc += sum16(ip + 8, 32) + 58 + 8 + n;
	} else {
		assert_memory_equal(ip + 12, asked + 14 + 16, 4);
		assert_memory_equal(ip + 16, asked + 14 + 12, 4);
		assert_int_equal(ip[9], 1);
		assert_int_equal(fold(sum16(ip, 20)), 0xffff);
	}
	assert_int_equal(fold(acc), 0xffff);
	assert_int_equal(icmp[0], six ? 2 : 3);
	assert_int_equal(icmp[1], six ? 0 : 4);
	assert_int_equal(get16(quote + head + 4), udp_len);
	return get16(icmp + 6);
}

static void later(void)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 9;

	while (rte_rdtsc() < end)
		;
}

/* What an answer names passes, and one octet more does not. */
static void test_answers(void **state)
{
	static const struct {
		bool six_in, six_out;
		uint16_t suite;
		unsigned mtu; /* expected, of 1,400 that may leave */
	} cases[] = {
		{false, false, 0, 1400},
		{true, true, 0, 1400},
		{false, true, 0, 1380},
		{true, false, 0, 1420},
		{false, false, SP_SUITE_AES_CM_128_HMAC_SHA1_80, 1390},
		{false, false, SP_SUITE_AEAD_AES_256_GCM, 1384},
		{true, true, SP_SUITE_AES_CM_128_HMAC_SHA1_32, 1396},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		bool six = cases[i].six_in, to = cases[i].six_out;
		struct sp_transport a =
			lab_transport(1, six ? ACCESS6 : ACCESS4, 20000,
				      six ? PHONE6 : PHONE);
		struct sp_transport b = lab_transport(2, to ? TRUNK6 : TRUNK4,
						      20000, to ? FAR6 : FAR);
		unsigned head = six ? 40 : 20;
		char text[SP_TEXT_MAX];
		struct lab_frame f;
		uint8_t p[2048];
		size_t n = lab_rtp(p, 5, 1, 0, 1472 - 12);

		if (cases[i].suite)
			b.tx = lab_key(3, cases[i].suite);
		lab_pair(&a, &b);
		lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_ICMP;
		lab_mtu = 1400;
		f = lab_udp(ACCESS, six ? PHONE6 : PHONE, six ? OURS6 : OURS, p,
			    n);
		lab_inject(ACCESS, 0, f.octet, f.len);
		assert_int_equal(answer(six, f.octet, n + 8), cases[i].mtu);
		assert_int_equal(lab_count(V_TOO_BIG), 2 * i + 1);
		send(six, 2, cases[i].mtu - head - 20 + 1);
		stopped(V_TOO_BIG); /* and too soon for another answer */
		send(six, 3, cases[i].mtu - head - 20);
		left(TRUNK);
		for (uint64_t id = 1; id <= 2; id++)
			table_stream_remove(lab.t, id, text);
		for (uint64_t id = 1; id <= 2; id++)
			assert_int_equal(
				table_transport_remove(lab.t, id, text), SP_OK);
	}
}

/* IPv6 senders take nothing below 1,280 (RFC 8201), so it isn't said. */
static void test_answer_of_the_least_mtu(void **state)
{
	struct lab_frame f;
	uint8_t p[2048];
	size_t n = lab_rtp(p, 5, 1, 0, 1400);

	(void)state;
	bridge(true, false);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_ICMP;
	lab_mtu = 1000;
	f = lab_udp(ACCESS, PHONE6, OURS6, p, n);
	lab_inject(ACCESS, 0, f.octet, f.len);
	assert_int_equal(answer(true, f.octet, n + 8), 1280);
}

static void test_answers_are_limited(void **state)
{
	unsigned answers = 0;

	(void)state;
	bridge(false, false);
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_ICMP;
	for (uint16_t i = 0; i < 100; i++) {
		send(false, i, 1500);
		lab_turn();
	}
	while (lab_take(ACCESS, &out))
		answers++;
	assert_int_equal(answers, 1);
	later();
	send(false, 200, 1500);
	lab_turn();
	assert_true(lab_take(ACCESS, &out));
	assert_int_equal(lab_count(V_TOO_BIG), 101);
	assert_int_equal(stats(1).dropped, 101);
}

/* Nobody else's packet makes us talk: neither one from elsewhere, nor one whose
 * tag is wrong. */
static void test_no_answer_to_strangers(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	uint8_t p[2048];
	size_t n = lab_rtp(p, 5, 1, 0, 1460);

	(void)state;
	a.rx = lab_key(3, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	lab_pair(&a, &b);
	lab_mtu = 1300;
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_ICMP;
	say(ACCESS, "10.1.0.8:4000", OURS, p, n);
	stopped(V_SOURCE);
	say(ACCESS, PHONE, OURS, p, n);
	stopped(V_BAD_TAG);
}

static void test_drop_says_nothing(void **state)
{
	(void)state;
	bridge(false, false);
	send(false, 1, 1500);
	stopped(V_TOO_BIG);
}

/* VLAN tags of a port ------------------------------------------------------ */

static void tag(struct lab_frame *f, unsigned vlan)
{
	memmove(f->octet + 16, f->octet + 12, f->len - 12u);
	memcpy(f->octet + 12, "\x81\x00\xe0", 3);
	f->octet[14] = (uint8_t)(0xe0 | vlan >> 8);
	f->octet[15] = (uint8_t)vlan;
	f->len += 4;
}

static void untag(unsigned vlan)
{
	assert_int_equal(get16(out.octet + 12), 0x8100);
	assert_int_equal(get16(out.octet + 14), vlan);
	out.len -= 4;
	memmove(out.octet + 12, out.octet + 16, out.len - 12u);
}

static void test_vlan(void **state)
{
	struct lab_frame f;
	uint8_t p[2048];
	size_t n = lab_rtp(p, 5, 1, 0, 160);

	(void)state;
	bridge(false, true);
	lab.ps.port[ACCESS].cfg.vlan = 7;
	lab.ps.port[TRUNK].cfg.vlan = 4094;
	for (unsigned vlan = 6; vlan < 9; vlan++) {
		f = lab_udp(ACCESS, PHONE, OURS, p, n);
		tag(&f, vlan);
		lab_inject(ACCESS, 0, f.octet, f.len);
		if (vlan != 7) {
			stopped(V_NOT_FOR_US);
			continue;
		}
		lab_turn();
		assert_true(lab_take(TRUNK, &out));
		untag(4094);
		assert_int_equal(lab_view(&out).n, n);
		assert_true(lab_view(&out).udp_sum_full);
	}
	say(ACCESS, PHONE, OURS, p, n); /* no tag at all */
	stopped(V_NOT_FOR_US);
	f = lab_udp(TRUNK, FAR6, TRUNK6_OURS, p, n);
	tag(&f, 4094);
	lab_inject(TRUNK, 0, f.octet, f.len);
	lab_turn();
	assert_true(lab_take(ACCESS, &out));
	untag(7);
	assert_string_equal(lab_view(&out).dst, PHONE);
}

/* The answer goes back with the tag that the question had. */
static void test_vlan_and_answer(void **state)
{
	struct lab_frame f, plain;
	uint8_t p[2048];
	size_t n = lab_rtp(p, 5, 1, 0, 1400);

	(void)state;
	bridge(false, false);
	lab.ps.port[ACCESS].cfg.vlan = 7;
	lab.ps.port[TRUNK].cfg.too_big = TOO_BIG_ICMP;
	lab_mtu = 1000;
	plain = f = lab_udp(ACCESS, PHONE, OURS, p, n);
	tag(&f, 7);
	lab_inject(ACCESS, 0, f.octet, f.len);
	lab_turn();
	assert_true(lab_take(ACCESS, &out));
	assert_int_equal(get16(out.octet + 14), 0xe007);
	untag(0xe007);
	assert_memory_equal(out.octet, plain.octet + 6, 6);
	assert_int_equal(out.octet[14 + 9], 1);
	assert_int_equal(get16(out.octet + 14 + 20 + 6), 1000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fragments),
		T(test_order_in_a_burst),
		T(test_sealed),
		T(test_no_buffers),
		T(test_queue_full),
		T(test_answers),
		T(test_answer_of_the_least_mtu),
		T(test_answers_are_limited),
		T(test_no_answer_to_strangers),
		T(test_drop_says_nothing),
		T(test_vlan),
		T(test_vlan_and_answer),
	};

	lab_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
