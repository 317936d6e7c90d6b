/* SPDX-License-Identifier: Apache-2.0 */
/* Two real workers at work, one that rests and one that doesn't, while control
 * adds, changes and removes what they are using. What is retired is wiped at
 * once when its grace period is over, so a worker that held on to anything too
 * long would meet zeroes: a packet lost, or a crash. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include "tests/stage/lab.h"

#define PHONE  "10.1.0.7:4000"
#define FAR    "10.2.0.7:6000"
#define ROUNDS 3000
#define AES    SP_SUITE_AES_CM_128_HMAC_SHA1_80

static pthread_t thread[LAB_WORKERS];

static void *run(void *w)
{
	rte_thread_register();
	worker_run(w);
	rte_thread_unregister();
	return NULL;
}

static int up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){.workers = 2});
	lab.w[0].rest = true;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, run, &lab.w[i]), 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	lab.stop = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	lab_turn(); /* what was still on its way */
	lab_down();
	return 0;
}

static struct sp_transport trunk(unsigned worker, unsigned round)
{
	struct sp_transport x = lab_transport(
		2 + 10 * worker, TRUNK4, (uint16_t)(20000 + 2 * worker), FAR);

	x.tx = lab_key(1000 + round / 7, AES);
	x.dscp = round % 64;
	return x;
}

/* @return false: the queue is full. */
static bool send_rtp(unsigned queue, unsigned worker, uint16_t seq)
{
	struct lab_frame f;
	uint8_t p[256];
	struct rte_mbuf *m;

	f = lab_udp(ACCESS, PHONE, worker ? "10.1.0.1:20002" : "10.1.0.1:20000",
		    p, lab_rtp(p, 5 + worker, seq, 0, 160));
	m = rte_pktmbuf_alloc(lab.ps.pool);
	if (!m)
		return false;
	memcpy(rte_pktmbuf_append(m, f.len), f.octet, f.len);
	if (rte_ring_enqueue(lab.in[ACCESS][queue], m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static unsigned collect(void)
{
	struct lab_frame f;
	unsigned n = 0;

	for (; lab_take(TRUNK, &f); n++)
		assert_int_equal(lab_view(&f).n, 182); /* sealed, whole */
	return n;
}

static void both_pairs(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct sp_transport a = lab_transport(
			1 + 10 * k, ACCESS4, (uint16_t)(20000 + 2 * k), PHONE);
		struct sp_transport b = trunk(k, 0);
		struct sp_stream s = lab_stream(1 + 10 * k, a.id, b.id);

		lab_add(&a);
		lab_add(&b);
		lab_add_stream(&s);
	}
}

/* Wait until n have come out, or nothing does for a second. */
static unsigned wait_for(unsigned n)
{
	unsigned got = 0, now, idle = 0;

	while (got < n && idle < 10000) {
		now = collect();
		got += now;
		idle = now ? 0 : idle + 1;
		rte_delay_us_sleep(100);
	}
	return got;
}

/* Media loses nothing while its transports are changed under it: settings,
 * then keys, in every round. Half of it arrives at the other worker. */
static void test_changes_lose_nothing(void **state)
{
	unsigned got = 0;
	char text[SP_TEXT_MAX];

	(void)state;
	both_pairs();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		for (unsigned k = 0; k < 2; k++) {
			struct sp_transport x = trunk(k, i);
			struct sp_stream s =
				lab_stream(1 + 10 * k, 1 + 10 * k, 2 + 10 * k);

			assert_true(send_rtp(i % 2, k, (uint16_t)i));
			if (table_transport_change(lab.t, &x, text) != SP_OK)
				fail_msg("%s", text);
			s.clock = 8000 + i % 2;
			if (table_stream_change(lab.t, &s, text) != SP_OK)
				fail_msg("%s", text);
		}
		if (i % 16 == 0)
			got += wait_for(2 * i - got);
	}
	got += wait_for(2 * ROUNDS - got);
	assert_int_equal(got, 2 * ROUNDS);
}

/* They come and go while packets for them are under way. */
static void test_transports_come_and_go(void **state)
{
	unsigned got = 0, sent = 0;
	uint64_t dropped = 0;
	char text[SP_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		both_pairs();
		for (unsigned k = 0; k < 4; k++)
			sent += send_rtp(k % 2, k / 2, (uint16_t)(4 * i + k));
		got += collect();
		for (unsigned k = 0; k < 2; k++) {
			table_stream_remove(lab.t, 1 + 10 * k, text);
			if (table_transport_remove(lab.t, 1 + 10 * k, text) ||
			    table_transport_remove(lab.t, 2 + 10 * k, text))
				fail_msg("%s", text);
		}
	}
	got += wait_for(sent - got);
	for (unsigned v = 1; v < VERDICT_COUNT; v++)
		dropped += v == V_HANDOVER ? 0 : lab_count(v);
	assert_int_equal(got + dropped, sent);
	/* The last: handed over so late that the sender's window has passed. */
	assert_int_equal(dropped, lab_count(V_NO_FLOW) +
					  lab_count(V_NO_STREAM) +
					  lab_count(V_NO_PEER) +
					  lab_count(V_HANDOVER_FULL) +
					  lab_count(V_INDEX_USED));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_changes_lose_nothing),
		T(test_transports_come_and_go),
	};

	lab_start();
	return cmocka_run_group_tests_name("republish", tests, NULL, NULL);
}
