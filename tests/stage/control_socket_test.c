/* SPDX-License-Identifier: Apache-2.0 */
/* The abi's server over a real socket: who may connect, what is a message, long
 * lists to slow readers, events and their loss. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "dataplane/app/control_socket.h"
#include "tests/stage/lab.h"

#define MANY 4999 /* transports: as many as one address has media ports */

static struct control_socket *server;
static char path[64];

static struct control_socket_config config(void)
{
	return (struct control_socket_config){
		.path = path,
		.udp_first = LAB_UDP_FIRST,
		.udp_last = LAB_UDP_LAST,
		.transports = 8000,
		.streams = 64,
	};
}

static int up(void **state)
{
	struct control_socket_config c = config();

	(void)state;
	snprintf(path, sizeof(path), "/tmp/control-test-%d", (int)getpid());
	lab_up(&(struct lab_options){.transports = 8000});
	server = control_socket_new(&c, lab.t, &lab.ps, lab.w, 1);
	assert_non_null(server);
	return 0;
}

static int down(void **state)
{
	(void)state;
	control_socket_free(server);
	assert_int_equal(access(path, F_OK), -1);
	lab_down();
	return 0;
}

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 2};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(fd >= 0);
	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* What the main lcore does when its poll says so. @return whether it did. */
static bool serve(void)
{
	struct pollfd p = {.events = POLLIN};
	int fd[2];

	assert_int_equal(control_socket_fds(server, fd), 1);
	p.fd = fd[0];
	if (poll(&p, 1, 0) <= 0)
		return false;
	control_socket_read(server);
	return true;
}

static void serve_all(void)
{
	for (unsigned i = 0; serve(); i++)
		assert_true(i < 1000);
}

static struct sp_msg request(uint16_t type, uint32_t seq)
{
	struct sp_msg m = {0};

	m.hdr = (struct sp_hdr){SP_ABI_MAGIC, SP_ABI_VERSION, type, seq, 0};
	m.hdr.size = (uint32_t)sp_body_size(type);
	return m;
}

static void give(int fd, const struct sp_msg *m)
{
	size_t n = sizeof(m->hdr) + m->hdr.size;

	assert_int_equal(send(fd, m, n, 0), n);
}

/* @return false: nothing more, or the server hung up. */
static bool get(int fd, struct sp_msg *m)
{
	ssize_t n = recv(fd, m, sizeof(*m), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	assert_int_equal(m->hdr.magic, SP_ABI_MAGIC);
	assert_int_equal(m->hdr.version, SP_ABI_VERSION);
	assert_int_equal(m->hdr.size, sp_body_size(m->hdr.type));
	assert_int_equal(n, sizeof(m->hdr) + m->hdr.size);
	return true;
}

static struct sp_msg answer(int fd, uint16_t type, uint32_t seq)
{
	struct sp_msg m;

	serve_all();
	assert_true(get(fd, &m));
	assert_int_equal(m.hdr.type, type);
	assert_int_equal(m.hdr.seq, seq);
	return m;
}

static struct sp_done ask(int fd, const struct sp_msg *m)
{
	give(fd, m);
	return answer(fd, SP_DONE, m->hdr.seq).body.done;
}

static int hello(void)
{
	struct sp_msg m = request(SP_HELLO, 1);
	int fd = dial();

	strcpy(m.body.hello.name, "test");
	give(fd, &m);
	answer(fd, SP_GREETING, 1);
	return fd;
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static void test_greeting(void **state)
{
	struct sp_msg m = request(SP_HELLO, 41);
	int fd = dial();
	struct stat st;

	(void)state;
	memset(m.body.hello.name, 'x', sizeof(m.body.hello.name));
	give(fd, &m);
	m = answer(fd, SP_GREETING, 41);
	assert_int_equal(m.body.greeting.n_media, 4);
	assert_int_equal(m.body.greeting.n_workers, 1);
	assert_int_equal(m.body.greeting.transports_max, 8000);
	assert_int_not_equal(m.body.greeting.instance, 0);
	assert_int_equal(m.body.greeting.media[3].addr.family, 6);
	assert_false(get(fd, &m)); /* no DONE behind it */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	close(fd);
	serve_all();
}

static void test_what_is_no_request(void **state)
{
	static const struct {
		const char *name;
		uint16_t version, type;
		uint32_t seq, size;
		size_t sent; /* octets; 0: as size says */
		enum sp_status status;
		const char *text;
	} cases[] = {
#define OURS  SP_ABI_VERSION
#define OTHER (SP_ABI_VERSION - 1)
		{"version", OTHER, SP_PORT_LIST, 5, 0, 0, SP_EVERSION,
		 "version:"},
		{"type 0", OURS, 0, 5, 0, 0, SP_EINVAL, "type: 0x0"},
		{"type of ours", OURS, SP_DONE, 5, 0, 0, SP_EINVAL,
		 "type: 0x41"},
		{"type 20", OURS, 20, 5, 0, 0, SP_EINVAL, "type: 0x14"},
		{"type 65535", OURS, 65535, 5, 0, 0, SP_EINVAL, "type: 0xffff"},
		{"seq", OURS, SP_PORT_LIST, 0, 0, 0, SP_EINVAL, "seq:"},
		{"size", OURS, SP_PORT_LIST, 5, 4, 0, SP_EINVAL, "size: 4"},
		{"short", OURS, SP_STREAM_REMOVE, 5, 8, 20, SP_EINVAL,
		 "size: 8"},
		{"long", OURS, SP_PORT_LIST, 5, 0, 24, SP_EINVAL, "size: 0"},
		{"huge", OURS, SP_PORT_LIST, 5, UINT32_MAX, 16, SP_EINVAL,
		 "size:"},
		{"longest", OURS, SP_PORT_LIST, 5, 0, 60000, SP_EINVAL,
		 "size:"},
#undef OURS
#undef OTHER
	};
	static char buf[60000];
	int fd = hello();

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sp_hdr h = {SP_ABI_MAGIC, cases[i].version,
				   cases[i].type, cases[i].seq, cases[i].size};
		size_t n = cases[i].sent ? cases[i].sent
					 : sizeof(h) + cases[i].size;
		struct sp_done d;

		memcpy(buf, &h, sizeof(h));
		assert_int_equal(send(fd, buf, n, 0), n);
		d = answer(fd, SP_DONE, cases[i].seq).body.done;
		if (d.status != cases[i].status ||
		    strncmp(d.text, cases[i].text, strlen(cases[i].text)))
			fail_msg("%s: %u %s", cases[i].name, d.status, d.text);
	}
	close(fd);
	serve_all();
}

static void test_hello_comes_first(void **state)
{
	struct sp_msg m = request(SP_PORT_LIST, 3);
	int fd = dial();

	(void)state;
	assert_int_equal(ask(fd, &m).status, SP_EINVAL);
	close(fd);
	serve_all();
}

static void test_garbage_is_shown_the_door(void **state)
{
	static const char *const garbage[] = {"GET / HTTP/1.1\r\n\r\n", "x",
					      ""};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(garbage); i++) {
		int fd = hello();

		send(fd, garbage[i], strlen(garbage[i]), 0);
		serve_all();
		assert_true(hung_up(fd));
		close(fd);
	}
	close(hello()); /* and the next is welcome */
	serve_all();
}

/* Each request that changes something, and what it answers. */
static void test_requests(void **state)
{
	int fd = hello();
	struct sp_msg t = request(SP_TRANSPORT_ADD, 2), s, m;
	struct sp_done d;

	(void)state;
	t.body.transport = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4000");
	assert_int_equal(ask(fd, &t).status, SP_OK);
	d = ask(fd, &t);
	assert_int_equal(d.status, SP_EEXIST);
	assert_string_equal(d.text, "id: transport 1 is there");
	t.body.transport = lab_transport(2, TRUNK4, 20000, "10.2.0.7:4000");
	assert_int_equal(ask(fd, &t).status, SP_OK);
	t.hdr.type = SP_TRANSPORT_CHANGE;
	t.body.transport.dscp = 46;
	assert_int_equal(ask(fd, &t).status, SP_OK);
	s = request(SP_STREAM_ADD, 9);
	s.body.stream = lab_stream(7, 1, 2);
	assert_int_equal(ask(fd, &s).status, SP_OK);
	s.hdr.type = SP_STREAM_CHANGE;
	s.body.stream.blocked = 1;
	assert_int_equal(ask(fd, &s).status, SP_OK);

	m = request(SP_TRANSPORT_LIST, 10);
	give(fd, &m);
	for (unsigned i = 0; i < 2; i++) {
		m = answer(fd, SP_TRANSPORT_ITEM, 10);
		if (m.body.transport.id == 2)
			assert_int_equal(m.body.transport.dscp, 46);
	}
	assert_int_equal(answer(fd, SP_DONE, 10).body.done.count, 2);
	m = request(SP_STREAM_LIST, 11);
	give(fd, &m);
	m = answer(fd, SP_STREAM_ITEM, 11);
	assert_memory_equal(&m.body.stream, &s.body.stream,
			    sizeof(s.body.stream));
	assert_int_equal(answer(fd, SP_DONE, 11).body.done.count, 1);
	m = request(SP_STREAM_STATS, 12);
	m.body.id.id = 7;
	give(fd, &m);
	assert_int_equal(answer(fd, SP_STATS_ITEM, 12).body.stats.id, 7);
	answer(fd, SP_DONE, 12);
	m.body.id.id = 8;
	d = ask(fd, &m);
	assert_int_equal(d.status, SP_ENOENT);
	assert_string_equal(d.text, "id: no stream 8");

	m = request(SP_TRANSPORT_REMOVE, 13);
	m.body.id.id = 1;
	assert_int_equal(ask(fd, &m).status, SP_EBUSY);
	s = request(SP_STREAM_REMOVE, 14);
	s.body.id.id = 7;
	assert_int_equal(ask(fd, &s).status, SP_OK);
	assert_int_equal(ask(fd, &m).status, SP_OK);
	close(fd);
	serve_all();
}

static void test_ports_and_verdicts(void **state)
{
	struct sp_msg m = request(SP_PORT_LIST, 2);
	int fd = hello();

	(void)state;
	lab.w[0].count[V_REPLAY] = 77;
	give(fd, &m);
	assert_string_equal(answer(fd, SP_PORT_ITEM, 2).body.port.name,
			    "access0");
	answer(fd, SP_PORT_ITEM, 2);
	assert_int_equal(answer(fd, SP_DONE, 2).body.done.count, 2);
	m = request(SP_VERDICT_LIST, 3);
	give(fd, &m);
	for (unsigned v = 0; v < VERDICT_COUNT; v++) {
		m = answer(fd, SP_VERDICT_ITEM, 3);
		assert_string_equal(m.body.verdict.name, verdict_info[v].name);
		assert_string_equal(m.body.verdict.meaning,
				    verdict_info[v].meaning);
		assert_int_equal(m.body.verdict.severity,
				 verdict_info[v].severity);
		assert_int_equal(m.body.verdict.count, v == V_REPLAY ? 77 : 0);
	}
	answer(fd, SP_DONE, 3);
	close(fd);
	serve_all();
}

static void test_workers(void **state)
{
	struct sp_msg m = request(SP_WORKER_LIST, 2);
	int fd = hello();

	(void)state;
	lab.w[0].turns = 1000;
	lab.w[0].idle_turns = 900;
	give(fd, &m);
	m = answer(fd, SP_WORKER_ITEM, 2);
	assert_int_equal(m.body.worker.id, lab.w[0].id);
	assert_int_equal(m.body.worker.lcore, lab.w[0].lcore);
	assert_int_equal(m.body.worker.turns, 1000);
	assert_int_equal(m.body.worker.idle_turns, 900);
	assert_int_equal(answer(fd, SP_DONE, 2).body.done.count, 1);
	close(fd);
	serve_all();
}

static void many(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		struct sp_transport x =
			lab_transport(i + 1, ACCESS4, (uint16_t)(20000 + 2 * i),
				      "10.1.0.7:4000");

		lab_add(&x);
	}
}

/* The list is far longer than a socket's buffer, the reader takes a few at a
 * time, and asks something else meanwhile: nothing is lost, nothing blocks, and
 * the second answer comes after the first. */
static void test_long_list_to_a_slow_reader(void **state)
{
	struct sp_msg m = request(SP_TRANSPORT_LIST, 5);
	static bool seen[MANY + 1];
	unsigned n = 0, turns = 0;
	int fd = hello();

	(void)state;
	many();
	memset(seen, 0, sizeof(seen));
	give(fd, &m);
	m = request(SP_PORT_LIST, 6);
	give(fd, &m);
	for (;; turns++) {
		unsigned taken = 0;

		assert_true(turns < 10000);
		for (unsigned i = 0; i < 3; i++)
			serve();
		for (; taken < 7 && get(fd, &m); taken++) {
			if (m.hdr.type == SP_DONE)
				break;
			assert_int_equal(m.hdr.seq, 5);
			assert_in_range(m.body.transport.id, 1, MANY);
			assert_false(seen[m.body.transport.id]);
			seen[m.body.transport.id] = true;
			n++;
		}
		if (m.hdr.type == SP_DONE)
			break;
	}
	assert_int_equal(n, MANY);
	assert_int_equal(m.body.done.count, MANY);
	answer(fd, SP_PORT_ITEM, 6);
	answer(fd, SP_PORT_ITEM, 6);
	answer(fd, SP_DONE, 6);
	close(fd);
	serve_all();
}

static void test_second_control_takes_over(void **state)
{
	struct sp_msg m = request(SP_TRANSPORT_LIST, 5);
	int one = hello(), two;

	(void)state;
	many();
	give(one, &m);
	serve(); /* in the middle of a list */
	two = hello();
	while (get(one, &m))
		;
	assert_true(hung_up(one));
	m = request(SP_STREAM_LIST, 6);
	assert_int_equal(ask(two, &m).count, 0);
	close(one);
	close(two);
	serve_all();
}

/* A server that nobody listens to any more leaves its file; a living one keeps
 * its place; and what is no socket is left alone. */
static void test_socket_file(void **state)
{
	struct control_socket_config c = config();
	char other[80];
	FILE *f;
	int fd;

	(void)state;
	assert_null(control_socket_new(&c, lab.t, &lab.ps, lab.w, 1));
	serve_all();
	fd = hello();
	close(fd);
	serve_all();

	snprintf(other, sizeof(other), "%s.file", path);
	c.path = other;
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_null(control_socket_new(&c, lab.t, &lab.ps, lab.w, 1));
	assert_int_equal(access(other, F_OK), 0);
	unlink(other);

	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, other);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd); /* stale now */
	c.group = "no-such-group";
	assert_null(control_socket_new(&c, lab.t, &lab.ps, lab.w, 1));
	c.group = NULL;
	control_socket_free(control_socket_new(&c, lab.t, &lab.ps, lab.w, 1));
	assert_int_equal(access(other, F_OK), -1);
}

/* Every transport falls silent at once: more events than may wait. */
static void test_events_and_overrun(void **state)
{
	struct sp_transport x;
	struct sp_msg m;
	int fd = hello();

	(void)state;
	x = lab_transport(1, ACCESS4, 29998, "10.1.0.7:4000");
	x.silent_ms = 1;
	lab_add(&x);
	usleep(3000);
	control_socket_tick(server);
	m = answer(fd, SP_EVENT, 0);
	assert_int_equal(m.body.event.kind, SP_EVENT_SILENT);
	assert_int_equal(m.body.event.id, 1);
	control_socket_tick(server);
	serve_all();
	assert_false(get(fd, &m));

	for (unsigned i = 0; i < 2000; i++) {
		x = lab_transport(i + 2, ACCESS4, (uint16_t)(20000 + 2 * i),
				  "10.1.0.7:4000");
		x.silent_ms = 1;
		lab_add(&x);
	}
	usleep(3000);
	control_socket_tick(server);
	serve_all();
	m = answer(fd, SP_EVENT, 0);
	assert_int_equal(m.body.event.kind, SP_EVENT_OVERRUN);
	for (bool more = true; more;) {
		for (more = false; get(fd, &m); more = true)
			assert_int_equal(m.body.event.kind, SP_EVENT_SILENT);
		serve_all();
	}
	m = request(SP_STREAM_LIST, 6);
	assert_int_equal(ask(fd, &m).status, SP_OK);
	close(fd);
	serve_all();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_greeting),
		T(test_what_is_no_request),
		T(test_hello_comes_first),
		T(test_garbage_is_shown_the_door),
		T(test_requests),
		T(test_ports_and_verdicts),
		T(test_workers),
		T(test_long_list_to_a_slow_reader),
		T(test_second_control_takes_over),
		T(test_socket_file),
		T(test_events_and_overrun),
	};

	lab_start();
	return cmocka_run_group_tests_name("control_socket", tests, NULL, NULL);
}
