/* SPDX-License-Identifier: Apache-2.0 */
/* More than the dataplane can carry: every drop is counted, and calls within
 * their rates lose nothing to a flood that policing can tell from them.
 *
 * Time is the test's own. What a carried packet and a policed one cost is
 * measured first, in turns; then a wire of RING packets is filled at a multiple
 * of what can be carried, by a clock that each turn moves on by what its packets
 * cost. So the outcome hangs on the ratio of two costs, and not on what else
 * the machine does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include "dataplane/flow/bucket.h"
#include "tests/stage/lab.h"

#define CALLS	 40
#define VICTIM	 CALLS /* the call whose port is flooded */
#define RING	 511   /* packets that wait, as the lab's rings have room */
#define OFFERED	 40000 /* packets of a run */
#define SAMPLES	 101
#define CHUNK	 128
#define RATE	 100	 /* packets a second that the victim may send */
#define PLENTY	 1000000 /* more than any call here sends */
#define OCTETS	 160	 /* G.711, 20 ms */
#define OVERLOAD 2.0	 /* times what can be carried */

static struct lab_frame frame[CALLS + 1]; /* as each call sends */
static uint16_t seq[CALLS + 1];
static uint64_t sent[CALLS + 1], got[CALLS + 1];
static uint64_t missed; /* the wire was full */

/* The lab ---------------------------------------------------------------- */

static void call_add(unsigned i, uint32_t pps)
{
	const uint16_t port = (uint16_t)(LAB_UDP_FIRST + 2 * i);
	char phone[32], ours[32];
	uint8_t rtp[12 + OCTETS];
	struct sp_transport a, t;
	struct sp_stream s = lab_stream(i + 1, 2 * i + 1, 2 * i + 2);

	snprintf(phone, sizeof(phone), "10.1.0.%u:4000", 10 + i);
	snprintf(ours, sizeof(ours), "10.1.0.1:%u", port);
	a = lab_transport(2 * i + 1, ACCESS4, port, phone);
	t = lab_transport(2 * i + 2, TRUNK4, port, "10.2.0.7:6000");
	a.max_pps = pps;
	t.peer_rtp.port = (uint16_t)(6000 + 2 * i); /* tells calls apart */
	t.peer_rtcp.port = (uint16_t)(6001 + 2 * i);
	t.tx = lab_key(100 + i, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	lab_add(&a);
	lab_add(&t);
	lab_add_stream(&s);
	frame[i] = lab_udp(ACCESS, phone, ours, rtp,
			   lab_rtp(rtp, i + 1, 0, 0, OCTETS));
	memset(frame[i].octet + 40, 0, 2); /* no UDP checksum */
}

static int up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){.transports = 2 * CALLS + 2,
				     .streams = CALLS + 1});
	for (unsigned i = 0; i < CALLS; i++)
		call_add(i, PLENTY);
	call_add(VICTIM, RATE);
	memset(seq, 0, sizeof(seq));
	memset(sent, 0, sizeof(sent));
	memset(got, 0, sizeof(got));
	missed = 0;
	return 0;
}

static int down(void **state)
{
	(void)state;
	lab_down(); /* no mbuf is missing */
	return 0;
}

/* The wire --------------------------------------------------------------- */

static void offer(unsigned call, const struct lab_frame *f)
{
	struct rte_mbuf *m;
	uint8_t *p;

	sent[call]++;
	if (rte_ring_count(lab.in[ACCESS][0]) >= RING) {
		missed++;
		return;
	}
	m = rte_pktmbuf_alloc(lab.ps.pool);
	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, f->len);
	memcpy(p, f->octet, f->len);
	assert_int_equal(rte_ring_enqueue(lab.in[ACCESS][0], m), 0);
}

/* The next packet of a call. */
static void speak(unsigned call)
{
	struct lab_frame *f = &frame[call];
	const uint16_t s = ++seq[call];

	f->octet[44] = (uint8_t)(s >> 8);
	f->octet[45] = (uint8_t)s;
	offer(call, f);
}

/* What left for the trunk, by call: its port says which. */
static void collect(void)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(lab.out[TRUNK][0], (void **)&m) == 0) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		const unsigned port = (unsigned)p[36] << 8 | p[37];

		got[(port - 6000) / 2]++;
		rte_pktmbuf_free(m);
	}
}

static uint64_t sum(const uint64_t of[CALLS + 1])
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= CALLS; i++)
		n += of[i];
	return n;
}

static uint64_t dropped(void)
{
	uint64_t n = 0;

	for (unsigned v = V_NONE + 1; v < VERDICT_COUNT; v++)
		n += lab_count(v);
	return n;
}

/* The floods ------------------------------------------------------------- */

/* Frames that are made once and sent as they are. */
static struct lab_frame flood_frame;

static void from_victim(void)
{
	speak(VICTIM);
}

static void same_frame(void)
{
	offer(VICTIM, &flood_frame);
}

static void no_flood(void)
{
	flood_frame = frame[VICTIM];
}

static void wrong_source(void)
{
	uint8_t rtp[12 + OCTETS];

	flood_frame = lab_udp(ACCESS, "10.1.0.200:4000", "10.1.0.1:20000", rtp,
			      lab_rtp(rtp, 1, 1, 0, OCTETS));
}

static void nobodys_port(void)
{
	uint8_t rtp[12 + OCTETS];

	flood_frame = lab_udp(ACCESS, "10.1.0.200:4000", "10.1.0.1:29998", rtp,
			      lab_rtp(rtp, 1, 1, 0, OCTETS));
}

static void not_rtp(void)
{
	uint8_t octets[12 + OCTETS];

	memset(octets, 0xff, sizeof(octets));
	flood_frame = lab_udp(ACCESS, "10.1.0.10:4000", "10.1.0.1:20000",
			      octets, sizeof(octets));
}

static void fragments(void)
{
	wrong_source();
	flood_frame.octet[20] |= 0x20; /* more fragments */
	lab_sums(&flood_frame);
}

static const struct flood {
	const char *name;
	void (*make)(void);
	void (*send)(void);
	enum verdict verdict;
} floods[] = {
	{"above its rate", no_flood, from_victim, V_RATE},
	{"another's source", wrong_source, same_frame, V_SOURCE},
	{"nobody's port", nobodys_port, same_frame, V_NO_FLOW},
	{"not RTP", not_rtp, same_frame, V_NOT_RTP},
	{"fragments", fragments, same_frame, V_FRAGMENT},
};

/* What packets cost ------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t chunk_cost(void (*send)(void), unsigned *call)
{
	uint64_t start, took;

	for (unsigned i = 0; i < CHUNK; i++)
		if (send)
			send();
		else
			speak((*call)++ % CALLS);
	start = rte_rdtsc();
	lab_turn();
	took = rte_rdtsc() - start;
	collect();
	return took;
}

/* What a packet of this flood costs, where one that is carried costs 1. */
static double cost_of(const struct flood *f)
{
	uint64_t carried[SAMPLES], policed[SAMPLES];
	unsigned call = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		carried[i] = chunk_cost(NULL, &call);
		policed[i] = chunk_cost(f->send, &call);
	}
	qsort(carried, SAMPLES, sizeof(carried[0]), by_value);
	qsort(policed, SAMPLES, sizeof(policed[0]), by_value);
#if defined(__SANITIZE_ADDRESS__)
	return 0.25; /* what the sanitizer makes dear is not what is dear */
#else
	return (double)policed[SAMPLES / 2] / (double)carried[SAMPLES / 2];
#endif
}

/* Overload --------------------------------------------------------------- */

/* Offer rate packets in the time that carrying one takes, one in `every` of
 * them a call's and the rest the flood's, until OFFERED are. */
static void run(double rate, double cost, unsigned every, void (*flood)(void))
{
	double due = RING / 2.0;
	unsigned call = 0, offered = 0;

	while (offered < OFFERED) {
		uint64_t before = lab.w[0].count[V_NONE] + dropped(), drops;
		unsigned n;

		for (; due >= 1 && offered < OFFERED; due -= 1, offered++) {
			if (offered % every == 0 || !flood)
				speak(call++ % CALLS);
			else
				flood();
		}
		n = worker_turn(&lab.w[0]);
		drops = lab.w[0].count[V_NONE] + dropped() - before;
		collect();
		due += rate * (n - (double)drops + (double)drops * cost);
		if (n == 0)
			due += 1; /* time goes on when nothing is there */
	}
	lab_turn();
	collect();
}

/* A quarter of what can be carried is calls, and seven quarters are a flood. */
static void flooded(const struct flood *f)
{
	double cost;

	up(NULL);
	f->make();
	cost = cost_of(f);
	print_message("  %s: policed for %.2f of what carrying costs\n",
		      f->name, cost);
	memset(sent, 0, sizeof(sent));
	memset(got, 0, sizeof(got));
	memset(lab.w[0].count, 0, sizeof(lab.w[0].count));
	run(OVERLOAD, cost, 8, f->send);
	if (missed)
		print_error("%s: %lu missed of %lu\n", f->name, missed,
			    sum(sent));
	assert_int_equal(missed, 0);
	for (unsigned i = 0; i < CALLS; i++)
		assert_int_equal(got[i], sent[i]);
	/* Nothing of the flood is lost from sight. */
	assert_int_equal(got[VICTIM] + lab_count(f->verdict), sent[VICTIM]);
	assert_int_equal(dropped(), lab_count(f->verdict));
	down(NULL);
}

static void test_floods(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(floods); i++)
		flooded(&floods[i]);
}

/* Above its rate, a call still gets its rate: it isn't shut out. */
static void test_victim(void **state)
{
	uint64_t start = rte_rdtsc();
	double allowed;

	(void)state;
	run(OVERLOAD, 0.25, 8, from_victim);
	allowed =
		RATE / 2.0 /* the burst */ +
		RATE * (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	assert_true(got[VICTIM] >= BUCKET_BURST_MIN);
	assert_true((double)got[VICTIM] <= allowed + 2);
}

/* All are within their rates, and too many: what doesn't fit is missed at the
 * wire, where the port counts it; nothing else is lost, and the loss is shared.
 */
static void test_too_many(void **state)
{
	(void)state;
	run(OVERLOAD, 1, 1, NULL);
	assert_true(missed > OFFERED / 3);
	assert_int_equal(dropped(), 0);
	assert_int_equal(sum(got) + missed, sum(sent));
	for (unsigned i = 0; i < CALLS; i++)
		assert_in_range(got[i], sent[i] / 4, sent[i] * 3 / 4);
}

/* What the NIC takes no more of is counted, and freed. */
static void test_egress_full(void **state)
{
	unsigned call = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < RING; n++)
			speak(call++ % CALLS);
		lab_turn(); /* nobody takes what left */
	}
	collect();
	assert_int_equal(missed, 0);
	assert_int_equal(sum(got), RING);
	assert_int_equal(lab_count(V_TX_FULL), 3 * RING);
	assert_int_equal(dropped(), 3 * RING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floods),
		cmocka_unit_test_setup_teardown(test_victim, up, down),
		cmocka_unit_test_setup_teardown(test_too_many, up, down),
		cmocka_unit_test_setup_teardown(test_egress_full, up, down),
	};

	lab_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
