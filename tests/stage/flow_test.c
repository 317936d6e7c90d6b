/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow: what control may program, what it is told when it may not,
 * what survives a change, that keys are wiped, and what the sweep says. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include "dataplane/flow/source.h"
#include "tests/stage/flow_lab.h"

/* Nobody holds anything: what was retired is freed on the next occasion. */
static void sweep_nothing(void *arg, const struct sp_event *e)
{
	(void)arg;
	(void)e;
}

static void settle(void)
{
	table_sweep(lab.t, sweep_nothing, NULL);
}

/* Adding, changing, removing --------------------------------------------- */

static int collect(void *arg, const struct sp_transport *x)
{
	struct sp_transport **at = arg;

	*(*at)++ = *x;
	return 0;
}

static void test_list_is_what_was_said_without_keys(void **state)
{
	struct sp_transport x = secure(1, 20000), got[4], *end = got;
	static const uint8_t none[SP_KEY_MAX];

	(void)state;
	x.rx.mki_len = 2;
	memcpy(x.rx.mki, "\1\2", 2);
	lab_add(&x);
	assert_int_equal(table_transports(lab.t, collect, &end), 0);
	assert_int_equal(end - got, 1);
	assert_memory_equal(got[0].rx.key, none, SP_KEY_MAX);
	assert_memory_equal(got[0].tx.key, none, SP_KEY_MAX);
	assert_memory_equal(got[0].rx.salt, none, SP_SALT_MAX);
	assert_memory_equal(got[0].tx.salt, none, SP_SALT_MAX);
	memset(x.rx.key, 0, SP_KEY_MAX);
	memset(x.rx.salt, 0, SP_SALT_MAX);
	memset(x.tx.key, 0, SP_KEY_MAX);
	memset(x.tx.salt, 0, SP_SALT_MAX);
	assert_memory_equal(&got[0], &x, sizeof(x));
}

static void test_ids_and_ports_are_taken_once(void **state)
{
	struct sp_transport x = secure(1, 20000);
	char text[SP_TEXT_MAX];

	(void)state;
	lab_add(&x);
	refused(table_transport_add(lab.t, &x, text), SP_EEXIST, text,
		"id: transport 1 is there");
	x.id = 2;
	refused(table_transport_add(lab.t, &x, text), SP_EEXIST, text,
		"rtp_port: 20000 is transport 1's");
	x.rx.id = 5; /* the same port of another address is another port */
	x.media_addr = ACCESS4;
	lab_add(&x);
	refused(table_transport_change(lab.t, &(struct sp_transport){.id = 9},
				       text),
		SP_ENOENT, text, "id: no transport 9");
	refused(table_transport_remove(lab.t, 9, text), SP_ENOENT, text,
		"id: no transport 9");
	refused(table_stream_remove(lab.t, 9, text), SP_ENOENT, text,
		"id: no stream 9");
	remove_ok(1);
	assert_null(flow_on(TRUNK4, 20000));
	assert_null(flow_on(TRUNK4, 20001));
	x = secure(1, 20000);
	lab_add(&x);
	assert_non_null(flow_on(TRUNK4, 20000));
}

static void test_rtcp_port_follows_mux(void **state)
{
	struct sp_transport x = secure(1, 20000);

	(void)state;
	lab_add(&x);
	assert_ptr_equal(flow_on(TRUNK4, 20001), flow_on(TRUNK4, 20000));
	x.flags = SP_TRANSPORT_RTCP_MUX;
	change(&x);
	assert_null(flow_on(TRUNK4, 20001));
	assert_non_null(flow_on(TRUNK4, 20000));
}

static void test_capacity(void **state)
{
	struct sp_transport x;
	struct sp_stream s;
	char text[SP_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		x = lab_transport(i + 1, ACCESS4, (uint16_t)(20000 + 4 * i),
				  "10.1.0.7:4000");
		lab_add(&x);
	}
	x = lab_transport(65, ACCESS4, 21000, "10.1.0.7:4000");
	refused(table_transport_add(lab.t, &x, text), SP_ENOSPC, text,
		"full: 64 transports");
	for (unsigned i = 0; i < 64; i++) {
		s = lab_stream(i + 1, 1 + i / 32, 3);
		s.match = SP_MATCH_SSRC;
		s.ssrc = i;
		lab_add_stream(&s);
	}
	s = lab_stream(65, 2, 3);
	refused(table_stream_add(lab.t, &s, text), SP_ENOSPC, text,
		"full: 64 streams");
	assert_int_equal(table_stream_remove(lab.t, 64, text), SP_OK);
	s = lab_stream(65, 1, 3);
	refused(table_stream_add(lab.t, &s, text), SP_ENOSPC, text,
		"from: has 32 streams");
}

static void test_streams_are_tried_by_what_they_ask_for(void **state)
{
	static const struct {
		uint32_t ssrc;
		uint8_t pt;
		uint64_t stream;
	} cases[] = {{7, 0, 13}, {7, 8, 13}, {9, 8, 12}, {9, 0, 11}};
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4");
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, "10.2.0.7:4");
	struct sp_stream s = lab_stream(11, 1, 2);
	char text[SP_TEXT_MAX];
	const struct flow *f;

	(void)state;
	lab_add(&a);
	lab_add(&b);
	lab_add_stream(&s);
	f = flow_on(ACCESS4, 20000);
	assert_non_null(flow_only(f));
	s = lab_stream(12, 1, 2);
	refused(table_stream_add(lab.t, &s, text), SP_EEXIST, text,
		"match: stream 11");
	s.match = SP_MATCH_PT;
	s.pt = 8;
	lab_add_stream(&s);
	s = lab_stream(13, 1, 2);
	s.match = SP_MATCH_SSRC;
	s.ssrc = 7;
	lab_add_stream(&s);
	f = flow_on(ACCESS4, 20000);
	assert_null(flow_only(f));
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		assert_int_equal(flow_stream(f, cases[i].ssrc, cases[i].pt)->id,
				 cases[i].stream);
	refused(table_transport_remove(lab.t, 1, text), SP_EBUSY, text,
		"transport 1: 3 streams from it, 0 to it");
	refused(table_transport_remove(lab.t, 2, text), SP_EBUSY, text,
		"transport 2: 0 streams from it, 3 to it");
	assert_int_equal(table_stream_remove(lab.t, 11, text), SP_OK);
	f = flow_on(ACCESS4, 20000);
	assert_null(flow_stream(f, 9, 0));
}

static void test_stream_change(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4");
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, "10.2.0.7:4");
	struct sp_transport c = lab_transport(3, TRUNK4, 20004, "10.2.0.8:4");
	struct sp_stream s = lab_stream(1, 1, 2), got;
	struct stream_run *run;
	char text[SP_TEXT_MAX];
	uint32_t at = 0;

	(void)state;
	lab_add(&a);
	lab_add(&b);
	lab_add(&c);
	lab_add_stream(&s);
	run = flow_only(flow_on(ACCESS4, 20000))->run;
	run->packets_in = 77;
	s.to = 3;
	s.blocked = 1;
	s.ssrc_xor = 5;
	assert_int_equal(table_stream_change(lab.t, &s, text), SP_OK);
	assert_ptr_equal(flow_only(flow_on(ACCESS4, 20000))->run, run);
	assert_int_equal(flow_only(flow_on(ACCESS4, 20000))->blocked, 1);
	assert_ptr_equal(flow_at(&flow_only(flow_on(ACCESS4, 20000))->to),
			 flow_on(TRUNK4, 20004));
	settle();
	assert_int_equal(run->packets_in, 77);
	assert_true(table_stream_next(lab.t, &at, &got));
	assert_memory_equal(&got, &s, sizeof(s));
	remove_ok(2); /* nothing leads there any more */
	s.from = 3;
	s.to = 1;
	refused(table_stream_change(lab.t, &s, text), SP_EINVAL, text, "from:");
}

/* Where what arrives on this port leads, each of its streams. */
static void assert_leads(unsigned media, uint16_t port, unsigned to_media,
			 uint16_t to_port)
{
	const struct flow *f = flow_on(media, port);
	const struct flow *to = flow_on(to_media, to_port);

	assert_true(f->n_streams > 0);
	for (unsigned i = 0; i < f->n_streams; i++)
		assert_ptr_equal(flow_at(&f->stream[i]->to), to);
	if (flow_only(f))
		assert_ptr_equal(flow_at(&flow_only(f)->to), to);
}

/* Whatever is replaced, streams lead to what is there now: two transports with
 * streams both ways, and one with a loop. */
static void assert_all_lead(void)
{
	assert_leads(ACCESS4, 20000, TRUNK4, 20000);
	assert_leads(TRUNK4, 20000, ACCESS4, 20000);
	assert_leads(ACCESS4, 20004, ACCESS4, 20004);
	settle();
}

static void test_streams_follow_their_end(void **state)
{
	struct sp_transport x[] = {
		lab_transport(1, ACCESS4, 20000, "10.1.0.7:4"),
		lab_transport(2, TRUNK4, 20000, "10.2.0.7:4"),
		lab_transport(3, ACCESS4, 20004, "10.1.0.8:4"),
	};
	struct sp_stream loop = lab_stream(3, 3, 3), more = lab_stream(4, 1, 2);
	char text[SP_TEXT_MAX];

	(void)state;
	lab_pair(&x[0], &x[1]);
	lab_add(&x[2]);
	loop.divert = SP_DIVERT_TAKE;
	lab_add_stream(&loop);
	assert_all_lead();
	for (unsigned i = 0; i < RTE_DIM(x); i++) {
		x[i].dscp = 10;
		change(&x[i]);
		assert_all_lead();
	}
	loop.blocked = 1;
	assert_int_equal(table_stream_change(lab.t, &loop, text), SP_OK);
	assert_all_lead();
	more.match = SP_MATCH_PT;
	more.pt = 9;
	lab_add_stream(&more);
	change(&x[0]);
	change(&x[1]);
	assert_all_lead();
	assert_int_equal(table_stream_remove(lab.t, 4, text), SP_OK);
	change(&x[1]);
	assert_all_lead();
	more = lab_stream(1, 1, 1); /* the first one goes round, and back */
	more.divert = SP_DIVERT_TAKE;
	assert_int_equal(table_stream_change(lab.t, &more, text), SP_OK);
	change(&x[0]);
	assert_leads(ACCESS4, 20000, ACCESS4, 20000);
	more = lab_stream(1, 1, 2);
	assert_int_equal(table_stream_change(lab.t, &more, text), SP_OK);
	change(&x[0]);
	change(&x[1]);
	assert_all_lead();
}

/* The end-to-end mark ---------------------------------------------------- */

static void test_mark(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4");
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, "10.2.0.7:4");
	struct sp_stream s = lab_stream(1, 1, 2), t = lab_stream(2, 2, 1);
	char text[SP_TEXT_MAX];

	(void)state;
	a.flags = SP_TRANSPORT_E2EE;
	lab_add(&a);
	lab_add(&b);
	refused(table_stream_add(lab.t, &s, text), SP_EMARKED, text, "to: ");
	refused(table_stream_add(lab.t, &t, text), SP_EMARKED, text, "from: ");
	a.flags = 0;
	refused(table_transport_change(lab.t, &a, text), SP_EMARKED, text,
		"flags: the end-to-end mark never comes off");
	assert_int_equal(flow_on(ACCESS4, 20000)->flags, SP_TRANSPORT_E2EE);
	b.flags = SP_TRANSPORT_E2EE;
	change(&b);
	lab_add_stream(&s);
	lab_add_stream(&t);
	/* An unmarked pair can't become marked one side at a time. */
	a = lab_transport(3, ACCESS4, 20004, "10.1.0.7:4");
	b = lab_transport(4, TRUNK4, 20004, "10.2.0.7:4");
	lab_add(&a);
	lab_add(&b);
	s = lab_stream(3, 3, 4);
	lab_add_stream(&s);
	a.flags = b.flags = SP_TRANSPORT_E2EE;
	refused(table_transport_change(lab.t, &a, text), SP_EMARKED, text,
		"flags: mark both");
	refused(table_transport_change(lab.t, &b, text), SP_EMARKED, text,
		"flags: mark both");
	s.to = 2; /* nor can a stream be led from it to a marked one */
	refused(table_stream_change(lab.t, &s, text), SP_EMARKED, text,
		"from: ");
}

/* Republishing ----------------------------------------------------------- */

static void test_running_state_survives(void **state)
{
	struct sp_transport x = secure(1, 20000);
	struct flow *f, *old;
	struct flow_run *run;
	struct srtp_session *rx, *tx;

	(void)state;
	x.rx_roc = 3;
	lab_add(&x);
	old = flow_on(TRUNK4, 20000);
	run = old->run;
	rx = old->rx;
	tx = old->out[0].tx;
	assert_int_equal(rx->roc, 3);
	assert_int_equal(rx->dir, SRTP_RX);
	assert_int_equal(tx->dir, SRTP_TX);
	assert_memory_equal(rx->master.key, x.rx.key, 16);

	x.dscp = 46;
	x.rx_roc = 9; /* not a new key: ignored */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_ptr_not_equal(f, old);
	assert_ptr_equal(f->run, run);
	assert_ptr_equal(f->rx, rx);
	assert_ptr_equal(f->out[0].tx, tx);
	assert_ptr_equal(f->out[1].tx, tx);
	assert_int_equal(rx->roc, 3);
	assert_int_equal(f->source_gen, old->source_gen);

	x.tx = lab_key(900, GCM); /* one direction has a new key */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_ptr_equal(f->rx, rx);
	assert_ptr_not_equal(f->out[0].tx, tx);
	settle();
	assert_int_equal(flow_lab_sessions, 2);
	tx = f->out[0].tx;

	x.rx = lab_key(901, AES); /* then the other */
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_ptr_not_equal(f->rx, rx);
	assert_ptr_equal(f->out[0].tx, tx);
	assert_int_equal(f->rx->roc, 9);
	assert_ptr_equal(f->run, run);
	settle();
	assert_int_equal(flow_lab_sessions, 2);

	memset(&x.rx, 0, sizeof(x.rx)); /* and then none */
	memset(&x.tx, 0, sizeof(x.tx));
	change(&x);
	f = flow_on(TRUNK4, 20000);
	assert_null(f->rx);
	assert_null(f->out[0].tx);
	settle();
	assert_int_equal(flow_lab_sessions, 0);
}

static void test_what_a_change_may_not_change(void **state)
{
	struct sp_transport x = secure(1, 20000);
	char text[SP_TEXT_MAX];

	(void)state;
	lab_add(&x);
	x.rtp_port = 20002;
	refused(table_transport_change(lab.t, &x, text), SP_EINVAL, text,
		"rtp_port: stays");
	x.rtp_port = 20000;
	x.media_addr = ACCESS4;
	refused(table_transport_change(lab.t, &x, text), SP_EINVAL, text,
		"media_addr: stays");
	x.media_addr = TRUNK4;
	x.rx.suite = GCM;
	refused(table_transport_change(lab.t, &x, text), SP_EINVAL, text,
		"rx: suite or MKI differ");
	x.rx.suite = AES;
	x.tx.mki_len = 1;
	refused(table_transport_change(lab.t, &x, text), SP_EINVAL, text,
		"tx: suite or MKI differ");
	assert_int_equal(flow_lab_sessions, 2);
}

/* A worker that is in the middle of its turn holds what it found. */
static void test_grace_period_and_wipe(void **state)
{
	struct sp_transport x = secure(1, 20000);
	struct srtp_session *rx;
	struct srtp_master seen;
	struct flow *f;

	(void)state;
	lab_add(&x);
	f = flow_on(TRUNK4, 20000);
	rx = f->rx;
	seen = rx->master;
	rte_rcu_qsbr_thread_register(lab.qsbr, 0);
	rte_rcu_qsbr_thread_online(lab.qsbr, 0);
	remove_ok(1);
	settle();
	assert_int_equal(flow_lab_sessions, 2);
	assert_int_equal(f->id, 1);
	assert_memory_equal(&rx->master, &seen, sizeof(seen));

	rte_rcu_qsbr_quiescent(lab.qsbr, 0);
	settle();
	assert_int_equal(flow_lab_sessions, 0);
	assert_int_equal(lab_adjacencies, 0);
	/* The arena keeps the memory, so that looking at it is allowed: but
	 * for the link to the next spare piece there is nothing in it. */
	assert_int_equal(f->id, 0);
	for (size_t i = 8; i < sizeof(*rx); i++)
		assert_int_equal(((const uint8_t *)rx)[i], 0);
	rte_rcu_qsbr_thread_offline(lab.qsbr, 0);
	rte_rcu_qsbr_thread_unregister(lab.qsbr, 0);
}

/* What the kernel says of the memory that holds a key. */
static void test_keys_are_locked_and_not_dumped(void **state)
{
	struct sp_transport x = secure(1, 20000);
	char line[512];
	uintptr_t at, from, to;
	bool here = false, dump = true, locked = false;
	FILE *f;

	(void)state;
	lab_add(&x);
	at = (uintptr_t)flow_on(TRUNK4, 20000)->rx;
	f = fopen("/proc/self/smaps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			here = at >= from && at < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0) {
			dump = !strstr(line, " dd");
			locked = strstr(line, " lo");
		}
	}
	fclose(f);
	assert_false(dump);
#ifndef __SANITIZE_ADDRESS__ /* whose mlock() does nothing */
	assert_true(locked);
#else
	(void)locked;
#endif
}

/* The sweep -------------------------------------------------------------- */

static struct sp_event heard[16];
static unsigned n_heard;

static void hear(void *arg, const struct sp_event *e)
{
	(void)arg;
	assert_true(n_heard < RTE_DIM(heard));
	heard[n_heard++] = *e;
}

static void sweep(void)
{
	n_heard = 0;
	table_sweep(lab.t, hear, NULL);
}

static void only(enum sp_event_kind kind, uint64_t value)
{
	sweep();
	assert_int_equal(n_heard, 1);
	assert_int_equal(heard[0].kind, kind);
	assert_int_equal(heard[0].id, 1);
	assert_int_equal(heard[0].value, value);
	sweep();
	assert_int_equal(n_heard, 0); /* once */
}

static void test_sweep_says_each_change_once(void **state)
{
	struct sp_transport x = secure(1, 20000);
	struct endpoint e = {
		.addr = {10, 2, 0, 7}, .port = 0xa00f, .family = 4};
	struct flow *f;

	(void)state;
	x.silent_ms = 1000;
	x.rx.packets = 8000;
	lab_add(&x);
	f = flow_on(TRUNK4, 20000);
	sweep();
	assert_int_equal(n_heard, 0);

	assert_int_equal(source_check(f, SIDE_RTP, &e), SOURCE_RIGHT);
	assert_true(source_verified(f, SIDE_RTP, &e));
	only(SP_EVENT_SOURCE, SIDE_RTP);
	assert_memory_equal(heard[0].addr.addr, e.addr, 4);
	assert_int_equal(heard[0].addr.port, 0x0fa0);

	f->run->last = flow_moment(rte_rdtsc());
	only(SP_EVENT_MEDIA, 0);
	f->run->last = flow_moment(rte_rdtsc() - 2 * rte_get_tsc_hz());
	only(SP_EVENT_SILENT, 0);
	f->run->last = flow_moment(rte_rdtsc());
	only(SP_EVENT_MEDIA, 0);

	f->rx->roc = 1;
	only(SP_EVENT_ROC, 1);
	f->rx->roc = 2;
	only(SP_EVENT_ROC, 2);
	f->rx->left = 1001;
	sweep();
	assert_int_equal(n_heard, 0);
	f->rx->left = 1000;
	only(SP_EVENT_KEY_END, 1000);
	x.rx = lab_key(77, AES);
	x.rx.packets = 8000;
	change(&x);
	flow_on(TRUNK4, 20000)->rx->left = 10;
	only(SP_EVENT_KEY_END, 10);
}

static void test_silence_from_the_start(void **state)
{
	struct sp_transport x = secure(1, 20000);

	(void)state;
	x.silent_ms = 20;
	lab_add(&x);
	sweep();
	assert_int_equal(n_heard, 0);
	rte_delay_ms(30);
	only(SP_EVENT_SILENT, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, flow_lab_up, flow_lab_down)
	static const struct CMUnitTest tests[] = {
		T(test_list_is_what_was_said_without_keys),
		T(test_ids_and_ports_are_taken_once),
		T(test_rtcp_port_follows_mux),
		T(test_capacity),
		T(test_streams_are_tried_by_what_they_ask_for),
		T(test_stream_change),
		T(test_streams_follow_their_end),
		T(test_mark),
		T(test_running_state_survives),
		T(test_what_a_change_may_not_change),
		T(test_grace_period_and_wipe),
		T(test_keys_are_locked_and_not_dumped),
		T(test_sweep_says_each_change_once),
		T(test_silence_from_the_start),
	};

	lab_start();
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
