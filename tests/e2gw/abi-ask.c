/* SPDX-License-Identifier: Apache-2.0 */
/* abi-ask SOCKET: says to a running dataplane, past control, all that might get
 * at the media of an end-to-end encrypted call. Takes control's place on the
 * socket meanwhile. Prints one JSON line for each thing it tried, with the
 * status that was answered, and at the end what is marked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "dataplane/abi/abi.h"

#define MAX 256

static int sock;
static uint32_t seq;
static struct sp_transport transports[MAX];
static struct sp_stream streams[MAX];
static unsigned n_transports, n_streams;
static struct sp_greeting greeting;

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 3};

	sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail(path);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* One request; items on the way go to item. @return the status; -1: it hung
 * up. */
static int ask(uint16_t type, const void *body, size_t size,
	       char text[SP_TEXT_MAX], void (*item)(const struct sp_msg *m))
{
	struct sp_msg m = {.hdr = {SP_ABI_MAGIC, SP_ABI_VERSION, type, ++seq,
				   (uint32_t)size}};

	if (size)
		memcpy(&m.body, body, size);
	if (send(sock, &m, sizeof(m.hdr) + size, MSG_NOSIGNAL) < 0)
		return -1;
	for (;;) {
		if (recv(sock, &m, sizeof(m), 0) <= 0)
			return -1;
		if (m.hdr.seq != seq)
			continue; /* an event */
		if (m.hdr.type == SP_GREETING) {
			greeting = m.body.greeting;
			return SP_OK;
		}
		if (m.hdr.type != SP_DONE) {
			item(&m);
			continue;
		}
		memcpy(text, m.body.done.text, SP_TEXT_MAX);
		return (int)m.body.done.status;
	}
}

static void tried(const char *what, int status, const char *text)
{
	printf("{\"tried\": \"%s\", \"status\": %d, \"text\": \"%s\"}\n", what,
	       status, text);
}

static void attempt(const char *what, uint16_t type, const void *body)
{
	char text[SP_TEXT_MAX] = "";
	int status = ask(type, body, (size_t)sp_body_size(type), text, NULL);

	tried(what, status, text);
}

static void on_item(const struct sp_msg *m)
{
	if (m->hdr.type == SP_TRANSPORT_ITEM && n_transports < MAX)
		transports[n_transports++] = m->body.transport;
	if (m->hdr.type == SP_STREAM_ITEM && n_streams < MAX)
		streams[n_streams++] = m->body.stream;
}

static void look(void)
{
	char text[SP_TEXT_MAX];

	n_transports = n_streams = 0;
	if (ask(SP_TRANSPORT_LIST, NULL, 0, text, on_item) != SP_OK ||
	    ask(SP_STREAM_LIST, NULL, 0, text, on_item) != SP_OK)
		fail("lists");
}

/* A transport without mark, whose owner is that of the given one: a place to
 * lead a copy to. */
static struct sp_transport stranger(const struct sp_transport *like,
				    uint64_t id)
{
	struct sp_transport t = *like;
	unsigned step = 2u * greeting.n_workers;

	memset(&t.rx, 0, sizeof(t.rx));
	memset(&t.tx, 0, sizeof(t.tx));
	t.id = id;
	t.flags &= (uint8_t)~SP_TRANSPORT_E2EE;
	t.rtp_port = (uint16_t)(t.rtp_port + 40 * step);
	return t;
}

static void at_the_mark(const struct sp_transport *t)
{
	struct sp_transport bare = *t;

	bare.flags &= (uint8_t)~SP_TRANSPORT_E2EE;
	attempt("take the mark off", SP_TRANSPORT_CHANGE, &bare);
}

static void at_the_stream(const struct sp_stream *s,
			  const struct sp_transport *outside)
{
	struct sp_stream copy = *s, diverted = *s, back = *s;

	copy.id = 7001;
	copy.to = outside->id;
	attempt("a second stream, to an unmarked transport", SP_STREAM_ADD,
		&copy);
	copy.match = SP_MATCH_SSRC;
	copy.ssrc = 1;
	attempt("the same for one SSRC", SP_STREAM_ADD, &copy);
	copy.match = SP_MATCH_PT;
	copy.pt = 111;
	attempt("the same for one payload type", SP_STREAM_ADD, &copy);
	diverted.to = outside->id;
	attempt("lead the stream to an unmarked transport", SP_STREAM_CHANGE,
		&diverted);
	back.id = 7002;
	back.from = outside->id;
	back.to = s->from;
	attempt("lead an unmarked transport's stream into the call",
		SP_STREAM_ADD, &back);
}

/* Every number that is no request: there is no operation under it. */
static void at_other_types(const char *path)
{
	unsigned hung_up = 0, refused = 0, other = 0;
	char text[SP_TEXT_MAX];

	for (uint16_t type = SP_WORKER_LIST + 1; type < 0x100; type++) {
		int status;

		if (type >= SP_GREETING && type <= SP_EVENT)
			continue;
		status = ask(type, NULL, 0, text, on_item);
		hung_up += status == -1;
		refused += status > SP_OK;
		other += status == SP_OK;
		if (status == -1) {
			struct sp_hello hello = {"abi-ask"};

			close(sock);
			dial(path);
			ask(SP_HELLO, &hello, sizeof(hello), text, NULL);
		}
	}
	printf("{\"unknown_types\": %u, \"answered_ok\": %u}\n",
	       hung_up + refused + other, other);
}

int main(int argc, char *argv[])
{
	struct sp_hello hello = {"abi-ask"};
	struct sp_transport outside;
	char text[SP_TEXT_MAX];
	unsigned marked = 0;
	struct sp_id id;

	if (argc != 2)
		return 2;
	dial(argv[1]);
	if (ask(SP_HELLO, &hello, sizeof(hello), text, NULL) != SP_OK)
		fail("hello");
	look();
	if (!n_transports || !n_streams)
		fail("no call");
	for (unsigned i = 0; i < n_transports; i++)
		if (transports[i].flags & SP_TRANSPORT_E2EE)
			at_the_mark(&transports[i]);
	outside = stranger(&transports[0], 7000);
	attempt("an unmarked transport beside", SP_TRANSPORT_ADD, &outside);
	for (unsigned i = 0; i < n_streams; i++)
		at_the_stream(&streams[i], &outside);
	id.id = outside.id;
	attempt("remove it again", SP_TRANSPORT_REMOVE, &id);
	at_other_types(argv[1]);
	look();
	for (unsigned i = 0; i < n_transports; i++)
		marked += !!(transports[i].flags & SP_TRANSPORT_E2EE);
	printf("{\"transports\": %u, \"marked\": %u, \"streams\": %u}\n",
	       n_transports, marked, n_streams);
	close(sock);
	return 0;
}
