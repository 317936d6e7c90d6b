/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/link.h - the socket to the dataplane: messages out and in,
 * each checked as if a stranger had sent it. One request at a time. Messages
 * that carried keys are wiped. Control's thread; no event loop in here. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

struct link {
	int fd;	      /* -1: not connected */
	uint32_t seq; /* of the latest request */
	void (*event)(const struct sp_event *e, void *arg);
	void (*punted)(const struct sp_datagram *d, void *arg);
	void *arg;
};

/** Connect without waiting and say HELLO. @return 0 or errno. */
int link_open(struct link *l, const char *path);
void link_close(struct link *l);

/** One message that is there. @return 1: *m is filled in; 0: none there; -1:
 * the link is broken, or what came is no message. */
int link_receive(struct link *l, struct sp_msg *m);

/** What comes by itself, an event or a datagram: handed on. @return false: it is
 * neither. */
bool link_unasked(struct link *l, const struct sp_msg *m);

/** Send a request and wait for the DONE that ends its reply; item (may be NULL)
 * gets what comes before it, and what comes unasked goes where it belongs.
 * body: sp_body_size(type) octets. @return the DONE's status, with its text in
 * text (may be NULL); -1: the link is broken or silent for a second. */
int link_request(struct link *l, uint16_t type, const void *body,
		 uint16_t item_type,
		 void (*item)(const union sp_body *b, void *arg), void *arg,
		 char text[SP_TEXT_MAX]);
