/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that are copied to sallyport-media, and streams that it takes: through
 * the walk, the socket and the shared memory, with a peer that joins as
 * sallyport-media does. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "dataplane/app/divert_socket.h"
#include "tests/stage/divert_peer.h"
#include "tests/stage/walk.h"

enum { SLOTS = 64, GENERATION = 7 };

static struct divert_socket *server;
static struct divert_peer media;
static char path[64];

static void serve(void)
{
	struct pollfd p = {.fd = divert_socket_fd(server), .events = POLLIN};

	if (poll(&p, 1, 0) > 0)
		divert_socket_read(server);
	divert_socket_turn(server);
}

static void join(void)
{
	media = divert_peer_dial(path);
	serve();
	divert_peer_join(&media);
}

static int up_with(unsigned workers)
{
	struct divert_socket_config c = {.path = path, .slots = SLOTS};

	snprintf(path, sizeof(path), "/tmp/divert-test-%d", (int)getpid());
	lab_up(&(struct lab_options){.workers = workers});
	server = divert_socket_new(&c, lab.w, workers, lab.qsbr);
	assert_non_null(server);
	join();
	return 0;
}

static int up(void **state)
{
	(void)state;
	return up_with(1);
}

static int up_two(void **state)
{
	(void)state;
	return up_with(2);
}

static int down(void **state)
{
	(void)state;
	divert_peer_leave(&media);
	divert_socket_free(server);
	assert_int_equal(access(path, F_OK), -1);
	lab_down();
	return 0;
}

/* From the phone to the far side and back, both as `how` says. */
static struct sp_stream diverted(uint64_t id, uint64_t from, uint64_t to,
				 uint8_t how)
{
	struct sp_stream s = lab_stream(id, from, to);

	s.divert = how;
	s.generation = how ? GENERATION : 0;
	return s;
}

static void pair_with(uint8_t how)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct sp_stream there = diverted(1, 1, 2, how);
	struct sp_stream back = diverted(2, 2, 1, how);

	lab_add(&a);
	lab_add(&b);
	lab_add_stream(&there);
	lab_add_stream(&back);
}

/* What came to sallyport-media; fails the test if nothing did. */
static struct divert_item heard(uint8_t data[DIVERT_DATA])
{
	struct divert_item item;

	memset(&item, 0, sizeof(item));
	if (divert_get(&media.out[0], &item, data, DIVERT_DATA) != DIVERT_GOT)
		fail_msg("nothing came to sallyport-media");
	return item;
}

static void nothing_heard(void)
{
	struct divert_item item;
	uint8_t data[DIVERT_DATA];

	assert_int_equal(divert_get(&media.out[0], &item, data, sizeof(data)),
			 DIVERT_NONE);
}

static void send_back(uint64_t stream, uint32_t generation,
		      enum divert_kind kind, const void *p, size_t n)
{
	struct divert_item item = {
		.stream = stream,
		.generation = generation,
		.len = (uint16_t)n,
		.kind = (uint8_t)kind,
	};

	assert_true(divert_put(&media.back[0], &item, p));
}

static void speak(uint64_t stream, uint32_t generation, uint16_t seq)
{
	uint8_t p[256];

	send_back(stream, generation, DIVERT_RTP, p,
		  lab_rtp(p, 0x5e11e4, seq, 0, 160));
}

static void test_copy_goes_on(void **state)
{
	uint8_t data[DIVERT_DATA], sent[256];
	struct divert_item item;
	struct lab_view v;
	size_t n;

	(void)state;
	pair_with(SP_DIVERT_COPY);
	n = lab_rtp(sent, 0x1234, 100, 8, 160);
	say(ACCESS, PHONE, OURS, sent, n);
	v = left(TRUNK);
	assert_memory_equal(v.payload, sent, n);
	item = heard(data);
	assert_int_equal(item.stream, 1);
	assert_int_equal(item.generation, GENERATION);
	assert_int_equal(item.kind, DIVERT_RTP);
	assert_int_equal(item.flags, DIVERT_COPIED);
	assert_int_equal(item.len, n);
	assert_memory_equal(data, sent, n);
	/* Nothing may be said in its place. */
	speak(1, GENERATION, 1);
	stopped(V_DIVERT_STALE);
	assert_int_equal(stats(1).dropped, 0);
}

static void test_take_ends_here(void **state)
{
	uint8_t data[DIVERT_DATA];
	struct divert_item one, two;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	rtp(ACCESS, PHONE, OURS, 0x1234, 100, 8);
	stopped(V_DIVERTED);
	usleep(2000);
	rtp(ACCESS, PHONE, OURS, 0x1234, 101, 8);
	stopped(V_DIVERTED);
	one = heard(data);
	two = heard(data);
	assert_int_equal(one.stream, 1);
	assert_int_equal(one.flags, 0);
	assert_int_equal(data[3], 101);
	assert_in_range(two.at - one.at, 2000000, 2000000000);
	assert_int_equal(stats(1).packets_in, 2);
	assert_int_equal(stats(1).packets_out, 0);
	assert_int_equal(stats(1).dropped, 0);
}

static void test_what_is_returned_leaves(void **state)
{
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_TAKE);
	struct lab_view v;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	s.out_pt = 97;
	s.ssrc_xor = 0xff000000;
	change_stream(&s);
	speak(1, GENERATION, 4711);
	v = left(TRUNK);
	assert_string_equal(v.src, TRUNK_OURS);
	assert_string_equal(v.dst, FAR);
	assert_int_equal(v.n, 172);
	assert_int_equal(v.payload[1], 97);
	assert_memory_equal(v.payload + 2, "\x12\x67", 2);
	assert_memory_equal(v.payload + 8, "\xff\x5e\x11\xe4", 4);
	assert_int_equal(stats(1).packets_out, 1);
	assert_int_equal(stats(1).octets_out, 160);
	/* and the other way */
	speak(2, GENERATION, 1);
	v = left(ACCESS);
	assert_string_equal(v.dst, PHONE);
}

static void test_a_loop(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_stream loop = diverted(9, 1, 1, SP_DIVERT_TAKE);
	uint8_t data[DIVERT_DATA];
	struct lab_view v;

	(void)state;
	lab_add(&a);
	lab_add_stream(&loop);
	rtp(ACCESS, PHONE, OURS, 0x1234, 100, 8);
	stopped(V_DIVERTED);
	assert_int_equal(heard(data).stream, 9);
	speak(9, GENERATION, 1);
	v = left(ACCESS);
	assert_string_equal(v.src, OURS);
	assert_string_equal(v.dst, PHONE);
}

static void test_rtcp(void **state)
{
	/* A sender report of 0x5e11e4 that reports on 0x1234. */
	static const uint8_t sr[52] = {
		0x81, 200,	0, 12,	 [5] = 0x5e, 0x11,
		0xe4, [28] = 0, 0, 0x12, 0x34};
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_TAKE);
	struct sp_stream b = diverted(2, 2, 1, SP_DIVERT_TAKE);
	uint8_t data[DIVERT_DATA];
	struct divert_item item;
	struct lab_view v;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	s.ssrc_xor = 0xff000000;
	b.ssrc_xor = 0x00ff0000;
	change_stream(&s);
	change_stream(&b);
	rtp(TRUNK, FAR, TRUNK_OURS, 0x1234, 1, 0);
	stopped(V_DIVERTED);
	heard(data);
	say(ACCESS, "10.1.0.7:4001", "10.1.0.1:20001", sr, sizeof(sr));
	stopped(V_DIVERTED);
	item = heard(data);
	assert_int_equal(item.kind, DIVERT_RTCP);
	assert_int_equal(item.len, sizeof(sr));
	assert_memory_equal(data, sr, sizeof(sr));
	/* Its own gets the stream's mask; what it reports on has none. */
	send_back(1, GENERATION, DIVERT_RTCP, sr, sizeof(sr));
	v = left(TRUNK);
	assert_string_equal(v.src, "10.2.0.1:20001");
	assert_string_equal(v.dst, "10.2.0.7:6001");
	assert_memory_equal(v.payload + 4, "\xff\x5e\x11\xe4", 4);
	assert_memory_equal(v.payload + 28, "\x00\x00\x12\x34", 4);
	assert_int_equal(stats(1).rtcp_out, 1);
}

static void test_blocked(void **state)
{
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_TAKE);

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	s.blocked = 1;
	change_stream(&s);
	rtp(ACCESS, PHONE, OURS, 0x1234, 100, 8);
	stopped(V_BLOCKED);
	nothing_heard();
	speak(1, GENERATION, 1);
	stopped(V_BLOCKED);
}

/* What names no stream of now. */
static void test_stale(void **state)
{
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_TAKE);
	char text[SP_TEXT_MAX];

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	speak(1, GENERATION - 1, 1);
	stopped(V_DIVERT_STALE);
	speak(3, GENERATION, 1);
	stopped(V_DIVERT_STALE);
	s.generation = 8;
	change_stream(&s);
	speak(1, GENERATION, 1);
	stopped(V_DIVERT_STALE);
	speak(1, 8, 1);
	left(TRUNK);
	s = diverted(1, 1, 2, SP_DIVERT_NONE);
	change_stream(&s);
	speak(1, 8, 1);
	stopped(V_DIVERT_STALE);
	speak(1, 0, 1);
	stopped(V_DIVERT_STALE);
	assert_int_equal(table_stream_remove(lab.t, 2, text), SP_OK);
	speak(2, GENERATION, 1);
	stopped(V_DIVERT_STALE);
}

static void test_another_workers(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20002, PHONE);
	struct sp_stream loop = diverted(9, 1, 1, SP_DIVERT_TAKE);

	(void)state;
	lab_add(&a);
	lab_add_stream(&loop);
	speak(9, GENERATION,
	      1); /* into worker 0's ring, but it is worker 1's */
	stopped(V_DIVERT_STALE);
	media.back[0] = media.back[1];
	speak(9, GENERATION, 1);
	left(ACCESS);
}

/* What is no RTP, or not what it says. */
static void test_bad(void **state)
{
	static const struct {
		const char *name;
		enum divert_kind kind;
		uint8_t octet[16];
		size_t n;
	} cases[] = {
		{"nothing", DIVERT_RTP, {0}, 0},
		{"seven octets", DIVERT_RTCP, {0x80, 201}, 7},
		{"version 1", DIVERT_RTP, {0x40}, 12},
		{"eleven octets", DIVERT_RTP, {0x80}, 11},
		{"CSRCs beyond its end", DIVERT_RTP, {0x8f}, 16},
		{"extension beyond its end", DIVERT_RTP, {0x90}, 12},
		{"RTCP as RTP", DIVERT_RTP, {0x80, 200, 0, 3}, 16},
		{"RTP as RTCP", DIVERT_RTCP, {0x80, 8, 0, 3}, 16},
		{"no kind", 0, {0x80}, 12},
		{"another kind", 3, {0x80}, 12},
	};

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint64_t before = lab_count(V_DIVERT_BAD);

		send_back(1, GENERATION, cases[i].kind, cases[i].octet,
			  cases[i].n);
		lab_turn();
		if (lab_count(V_DIVERT_BAD) != before + 1)
			fail_msg("%s: not refused", cases[i].name);
	}
	assert_false(lab_take(TRUNK, &out));
	/* RTCP whose lengths don't add up is found out where it is rewritten. */
	send_back(1, GENERATION, DIVERT_RTCP, (uint8_t[16]){0x81, 200, 0, 9, 0},
		  16);
	stopped(V_MALFORMED);
}

/* A length beyond the slot, written past divert_put. */
static void test_a_length_that_lies(void **state)
{
	struct divert_item item = {
		.stream = 1, .generation = GENERATION, .kind = DIVERT_RTP};
	struct divert_ring *r = media.back[0].ring;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	item.len = DIVERT_DATA + 1;
	memcpy(r->slot[0].item, &item, sizeof(item));
	r->put = 1;
	stopped(V_DIVERT_BAD);
	item.len = UINT16_MAX;
	memcpy(r->slot[1].item, &item, sizeof(item));
	r->put = 2;
	stopped(V_DIVERT_BAD);
}

/* An index that lies ends the connection, and nothing else. */
static void test_an_index_that_lies(void **state)
{
	(void)state;
	pair_with(SP_DIVERT_TAKE);
	media.back[0].ring->put = SLOTS + 1;
	stopped(V_DIVERT_BAD);
	lab_turn();
	assert_int_equal(lab_count(V_DIVERT_BAD), 1);
	serve();
	assert_null(lab.w[0].media);
	assert_int_equal(recv(media.conn, &(char){0}, 1, MSG_DONTWAIT), 0);
	divert_peer_leave(&media);
	join();
	speak(1, GENERATION, 1);
	left(TRUNK);
}

static void test_full(void **state)
{
	uint8_t data[DIVERT_DATA];
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_COPY);

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	for (uint16_t i = 0; i < SLOTS; i++) {
		rtp(ACCESS, PHONE, OURS, 0x1234, i, 8);
		stopped(V_DIVERTED);
	}
	rtp(ACCESS, PHONE, OURS, 0x1234, SLOTS, 8);
	stopped(V_DIVERT_FULL);
	assert_int_equal(stats(1).dropped, 1);
	/* A copy is lost alone. */
	change_stream(&s);
	rtp(ACCESS, PHONE, OURS, 0x1234, SLOTS + 1, 8);
	left(TRUNK);
	assert_int_equal(lab_count(V_DIVERT_FULL), 2);
	for (uint16_t i = 0; i < SLOTS; i++) {
		heard(data);
		assert_int_equal(data[3], i);
	}
	nothing_heard();
	/* An index beyond what was put is a full ring, too. */
	media.out[0].ring->got = SLOTS + 7;
	rtp(ACCESS, PHONE, OURS, 0x1234, SLOTS + 2, 8);
	left(TRUNK);
	assert_int_equal(lab_count(V_DIVERT_FULL), 3);
}

static void test_gone_and_back(void **state)
{
	uint8_t data[DIVERT_DATA];
	struct sp_stream s = diverted(2, 2, 1, SP_DIVERT_COPY);
	struct divert_peer first;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	change_stream(&s);
	divert_peer_leave(&media);
	serve();
	rtp(ACCESS, PHONE, OURS, 0x1234, 1, 8);
	stopped(V_DIVERT_GONE);
	rtp(TRUNK, FAR, TRUNK_OURS, 0x1234, 1, 8);
	left(ACCESS);
	join();
	rtp(ACCESS, PHONE, OURS, 0x1234, 2, 8);
	stopped(V_DIVERTED);
	assert_int_equal(heard(data).stream, 1);
	/* Another takes its place: fresh memory, the first one's is dead. */
	first = media;
	join();
	assert_int_equal(recv(first.conn, &(char){0}, 1, MSG_DONTWAIT), 0);
	assert_true(divert_put(&first.back[0],
			       &(struct divert_item){.stream = 1}, data));
	rtp(ACCESS, PHONE, OURS, 0x1234, 3, 8);
	stopped(V_DIVERTED);
	heard(data);
	divert_peer_leave(&first);
	serve();
	rtp(ACCESS, PHONE, OURS, 0x1234, 4, 8);
	stopped(V_DIVERTED);
	heard(data);
}

static void test_it_is_woken(void **state)
{
	struct pollfd p = {.fd = media.event, .events = POLLIN};
	uint64_t n;

	(void)state;
	pair_with(SP_DIVERT_COPY);
	serve();
	assert_int_equal(poll(&p, 1, 0), 0);
	rtp(ACCESS, PHONE, OURS, 0x1234, 1, 8);
	left(TRUNK);
	serve();
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(read(media.event, &n, sizeof(n)), sizeof(n));
	serve();
	assert_int_equal(poll(&p, 1, 0), 0);
}

/* 500 a second and half a second's burst, whatever runs away over there. */
static void test_rate(void **state)
{
	uint64_t sent = 0;

	(void)state;
	pair_with(SP_DIVERT_TAKE);
	for (unsigned i = 0; i < 800; i++) {
		speak(1, GENERATION, (uint16_t)i);
		lab_turn();
		while (lab_take(TRUNK, &out))
			sent++;
	}
	assert_int_equal(sent + lab_count(V_RATE), 800);
	assert_in_range(sent, 250, 600);
}

/* Marked before: no stream. Diverted before: no mark. */
static void test_marked(void **state)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	struct sp_stream s = diverted(1, 1, 2, SP_DIVERT_COPY);
	struct sp_stream none = diverted(1, 1, 2, SP_DIVERT_NONE);
	char text[SP_TEXT_MAX];

	(void)state;
	a.flags = b.flags = SP_TRANSPORT_E2EE;
	lab_add(&a);
	lab_add(&b);
	assert_int_equal(table_stream_add(lab.t, &s, text), SP_EMARKED);
	lab_add_stream(&none);
	assert_int_equal(table_stream_change(lab.t, &s, text), SP_EMARKED);
	rtp(ACCESS, PHONE, OURS, 0x1234, 1, 8);
	left(TRUNK);
	nothing_heard();
	a = lab_transport(3, ACCESS4, 20002, PHONE);
	lab_add(&a);
	s = diverted(3, 3, 3, SP_DIVERT_TAKE);
	lab_add_stream(&s);
	a.flags = SP_TRANSPORT_E2EE;
	assert_int_equal(table_transport_change(lab.t, &a, text), SP_EMARKED);
}

/* STUN and DTLS that are relayed are nobody else's: never handed out, and never
 * sent where they came from. */
static void test_raw(void **state)
{
	static const uint8_t dtls[16] = {22, 0xfe, 0xfd};
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_stream loop = diverted(9, 1, 1, SP_DIVERT_TAKE);

	(void)state;
	a.dtls = SP_PUNT_RELAY;
	lab_add(&a);
	lab_add_stream(&loop);
	say(ACCESS, PHONE, OURS, dtls, sizeof(dtls));
	stopped(V_NOT_RTP);
	nothing_heard();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_copy_goes_on),
		T(test_take_ends_here),
		T(test_what_is_returned_leaves),
		T(test_a_loop),
		T(test_rtcp),
		T(test_blocked),
		T(test_stale),
		cmocka_unit_test_setup_teardown(test_another_workers, up_two,
						down),
		T(test_bad),
		T(test_a_length_that_lies),
		T(test_an_index_that_lies),
		T(test_full),
		T(test_gone_and_back),
		T(test_it_is_woken),
		T(test_rate),
		T(test_marked),
		T(test_raw),
	};

	lab_start();
	return cmocka_run_group_tests_name("divert", tests, NULL, NULL);
}
