/* SPDX-License-Identifier: Apache-2.0 */
/* More than one worker: packets that arrive at the wrong one, and devices with
 * fewer queues than there are workers. */
#include "dataplane/flow/flow.h"
#include "tests/stage/walk.h"

static int up_two_workers(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){.workers = 2});
	return 0;
}

static int up_one_queue(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){.workers = 2, .queues = 1});
	return 0;
}

static int down(void **state)
{
	(void)state;
	lab_down();
	return 0;
}

static void two_pairs(void)
{
	pair(); /* port 20000: worker 0's */
	for (unsigned i = 0; i < 2; i++) {
		struct sp_transport x =
			lab_transport(3 + i, i ? TRUNK4 : ACCESS4, 20002,
				      i ? "10.2.0.8:6000" : "10.1.0.8:4000");

		lab_add(&x);
	}
	lab_add_stream(&(struct sp_stream){.id = 3,
					   .from = 3,
					   .to = 4,
					   .match = SP_MATCH_ANY,
					   .out_pt = SP_PT_KEEP});
}

static void test_handover(void **state)
{
	struct lab_frame f;

	(void)state;
	two_pairs();
	/* Worker 1's packet arrives at worker 0, and the other way round. */
	rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6, 1, 0);
	assert_string_equal(left(TRUNK).dst, "10.2.0.8:6000");
	assert_int_equal(lab.w[0].count[V_HANDOVER], 1);
	assert_int_equal(lab.w[1].count[V_HANDOVER], 0);
	f = lab_udp(ACCESS, PHONE, OURS, "\x80\0\0\1\0\0\0\0\0\0\0\5", 12);
	lab_inject(ACCESS, 1, f.octet, f.len);
	assert_string_equal(left(TRUNK).dst, FAR);
	assert_int_equal(lab.w[1].count[V_HANDOVER], 1);
	/* And where each has its own, nothing is handed over. */
	lab_inject(ACCESS, 0, f.octet, f.len);
	left(TRUNK);
	assert_int_equal(lab_count(V_HANDOVER), 2);
	assert_int_equal(lab_count(V_HANDOVER_FULL), 0);
	assert_int_equal(stats(3).dropped, 0);
}

static void test_handover_full(void **state)
{
	const struct flow *flow;

	(void)state;
	two_pairs();
	flow = flow_at(
		flow_place(table_index(lab.t), 4, (void *)"\12\1\0\1", 20002));
	for (unsigned i = 0; i < 600; i++) {
		rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6, (uint16_t)i,
		    0);
		if (i % 32 == 31)
			worker_turn(&lab.w[0]);
	}
	while (worker_turn(&lab.w[0]))
		;
	assert_int_equal(lab_count(V_HANDOVER), 511);
	assert_int_equal(lab_count(V_HANDOVER_FULL), 600 - 511);
	/* worker 1's record is its own to write */
	assert_int_equal(flow->run->dropped, 0);
	lab_turn();
	assert_int_equal(stats(3).packets_in, 511);
}

/* Should two ever take it for each other's, it ends with the second. */
static void test_handed_over_once(void **state)
{
	void *m = NULL;

	(void)state;
	two_pairs();
	rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6, 1, 0);
	worker_turn(&lab.w[0]);
	assert_int_equal(rte_ring_dequeue(lab.w[1].handover, &m), 0);
	assert_int_equal(rte_ring_enqueue(lab.w[0].handover, m), 0);
	lab_turn();
	assert_int_equal(lab.w[0].count[V_HANDOVER], 2);
	assert_int_equal(lab_count(V_HANDOVER), 2);
	assert_int_equal(stats(3).packets_in, 0);
}

/* However few packets a turn takes, what others hand over and what the queues
 * have take turns. */
static void test_handover_leaves_room(void **state)
{
	static const uint16_t bursts[] = {4, 7, 16, 20, 32};

	(void)state;
	two_pairs();
	for (unsigned i = 0; i < RTE_DIM(bursts); i++) {
		struct lab_frame f = lab_udp(ACCESS, PHONE, OURS,
					     "\x80\0\0\1\0\0\0\0\0\0\0\5", 12);

		lab.w[0].rx_burst = bursts[i];
		for (unsigned k = 0; k < 128; k++)
			lab_inject(ACCESS, 1, f.octet, f.len);
		while (worker_turn(&lab.w[1]))
			;
		assert_int_equal(rte_ring_count(lab.w[0].handover), 128);
		for (unsigned k = 0; k < 8; k++)
			lab_inject(ACCESS, 0, f.octet, f.len);
		for (unsigned k = 0; k < 4; k++)
			assert_in_range(worker_turn(&lab.w[0]), 2,
					RTE_MAX(bursts[i], 6));
		assert_int_equal(rte_ring_count(lab.in[ACCESS][0]), 0);
		assert_in_range(rte_ring_count(lab.w[0].handover), 1, 127);
		lab_turn();
		lab_clear();
	}
}

/* Worker 1 has no queue: its packets come and go by worker 0's. */
static void test_fewer_queues_than_workers(void **state)
{
	(void)state;
	two_pairs();
	rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6, 1, 0);
	assert_string_equal(left(TRUNK).dst, "10.2.0.8:6000");
	assert_int_equal(stats(3).packets_out, 1);
	assert_int_equal(lab.w[0].count[V_HANDOVER], 1);
}

/* A transport that goes away while its packet waits in a hand-over ring. */
static void test_handed_over_flow_is_gone(void **state)
{
	char text[SP_TEXT_MAX];

	(void)state;
	two_pairs();
	rtp(ACCESS, "10.1.0.8:4000", "10.1.0.1:20002", 6, 1, 0);
	worker_turn(&lab.w[0]);
	assert_int_equal(table_stream_remove(lab.t, 3, text), SP_OK);
	assert_int_equal(table_transport_remove(lab.t, 3, text), SP_OK);
	table_stats(lab.t, 1, &(struct sp_stats){0});
	stopped(V_NO_FLOW);
}

int main(void)
{
#define T2(f) cmocka_unit_test_setup_teardown(f, up_two_workers, down)
#define T1(f) cmocka_unit_test_setup_teardown(f, up_one_queue, down)
	static const struct CMUnitTest tests[] = {
		T2(test_handover),
		T2(test_handover_full),
		T2(test_handed_over_once),
		T2(test_handover_leaves_room),
		T1(test_fewer_queues_than_workers),
		T2(test_handed_over_flow_is_gone),
	};

	lab_start();
	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
