/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams into the abi's server, over its real socket. The input is a run of
 * messages, each with two octets before it that tell its length; a connection
 * that the server closes is dialled again. Nothing that comes out may be
 * anything but a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "dataplane/app/control_socket.h"
#include "tests/stage/lab.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct control_socket *server;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int fd = -1;

static void end(void)
{
	if (fd >= 0)
		close(fd);
	control_socket_free(server);
	lab_down();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct control_socket_config c = {
		.path = address.sun_path,
		.udp_first = LAB_UDP_FIRST,
		.udp_last = LAB_UDP_LAST,
		.transports = 64,
		.streams = 64,
	};

	(void)argc;
	(void)argv;
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/fuzz-abi-%d.sock", (int)getpid());
	lab_start();
	lab_up(&(struct lab_options){0});
	server = control_socket_new(&c, lab.t, &lab.ps, lab.w, 1);
	if (!server || atexit(end) != 0)
		abort();
	if (!freopen("/dev/null", "w", stdout))
		abort();
	return 0;
}

static void dial(void)
{
	if (fd >= 0)
		close(fd);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		abort();
	control_socket_read(server); /* or the backlog would fill */
}

static void listen_to_answers(void)
{
	struct sp_msg m;
	ssize_t n;

	while ((n = recv(fd, &m, sizeof(m), 0)) > 0)
		if ((size_t)n < sizeof(m.hdr) || m.hdr.magic != SP_ABI_MAGIC ||
		    m.hdr.type < SP_GREETING ||
		    (int)m.hdr.size != sp_body_size(m.hdr.type) ||
		    (size_t)n != sizeof(m.hdr) + m.hdr.size)
			abort();
}

static int drop_stream(void *arg, const struct sp_stream *x)
{
	*(uint64_t *)arg = x->id;
	return 1;
}

static int drop_transport(void *arg, const struct sp_transport *x)
{
	*(uint64_t *)arg = x->id;
	return 1;
}

/* So that one input doesn't decide what the next one meets. */
static void forget(void)
{
	char text[SP_TEXT_MAX];
	uint64_t id;

	while (table_streams(lab.t, drop_stream, &id))
		if (table_stream_remove(lab.t, id, text) != SP_OK)
			abort();
	while (table_transports(lab.t, drop_transport, &id))
		if (table_transport_remove(lab.t, id, text) != SP_OK)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	dial();
	while (n >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		n -= 2;
		if (len > n)
			len = n;
		if (send(fd, data, len, MSG_NOSIGNAL) < 0)
			dial();
		control_socket_read(server);
		control_socket_tick(server);
		listen_to_answers();
		data += len;
		n -= len;
	}
	forget();
	return 0;
}
