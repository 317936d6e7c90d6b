/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/control_request.h - what the two files of the abi's server
 * share: control_socket.c carries messages, control_request.c knows what they
 * mean. Main lcore only. */
#pragma once
#include <sys/un.h>
#include "dataplane/app/control_socket.h"
#include "dataplane/app/punt.h"

#define EVENTS_MAX 1024 /* that wait; then OVERRUN */

/* The next item of a reply. @return false: there are no more. */
typedef bool item_f(struct control_socket *s, struct sp_msg *out);

/* A reply on its way. */
struct reply {
	bool busy;
	item_f *item;  /* NULL: no items */
	uint16_t type; /* of the items */
	uint16_t end;  /* type of the last message: SP_DONE, SP_GREETING */
	uint32_t seq, count, at;
	uint64_t id;
	struct sp_done done;
};

struct control_socket {
	struct control_socket_config cfg;
	struct table *table;
	struct ports *ports;
	struct worker *workers;
	unsigned n_workers;
	uint64_t instance;
	uint32_t started;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int epoll, listener, conn;
	bool hello;    /* said by conn */
	bool want_out; /* epoll tells when conn takes more */
	char name[sizeof(((struct sp_hello *)0)->name)];
	struct reply reply;
	struct sp_msg out; /* waits to be sent; out_len 0: nothing */
	size_t out_len;
	struct punt punt;
	struct sp_event event[EVENTS_MAX];
	unsigned event_at, events;
	bool overrun;
};

/** Begin the reply to a message of n octets, n >= sizeof(m->hdr), whose magic is
 * right: checks the rest of it, then does what it asks. */
void control_request(struct control_socket *s, const struct sp_msg *m,
		     size_t n);
