/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/ws.h - WebSocket as SIP uses it, the server's side. RFC 6455
 * (sections 4.2, 5), RFC 7118.
 *
 * Only what is read and written: no sockets. libre's server would bring its
 * own HTTP listener, with no say in who may connect and how long that takes;
 * here the octets come from a connection like any other. Pure; fuzzed by
 * tests/fuzz/sip_transport.c. */
#pragma once
#include <stdbool.h>
#include "control/libre.h"

#define WS_HEAD_MAX    8192  /* octets of the HTTP request */
#define WS_MESSAGE_MAX 65535 /* octets of one message, all fragments */

/** Read the HTTP request that opens a connection.
 * @param origins  NULL-terminated; NULL or empty: any. "https://phones.example"
 * @param answer   what is to be sent back, 101 or a refusal
 * @return octets used; 0: more are needed; or a negative errno: after the
 *         answer (which may be empty) the connection ends. */
ssize_t ws_accept(const uint8_t *p, size_t len, const char *const *origins,
		  struct mbuf *answer);

enum ws_opcode {
	WS_CONTINUE = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

struct ws_frame {
	enum ws_opcode opcode;
	bool fin;
	uint8_t *data; /* unmasked in place */
	size_t len;
};

/** Take one frame from the client.
 * @return octets used; 0: more are needed; or a negative errno: EPROTO (not
 *         masked, unknown, malformed), EMSGSIZE. */
ssize_t ws_read(uint8_t *p, size_t len, struct ws_frame *f);

/** Append a frame of ours: never masked, never in fragments. */
int ws_write(struct mbuf *mb, enum ws_opcode opcode, const uint8_t *data,
	     size_t len);
/** Text frames must be UTF-8; SIP with a binary body may not be. */
enum ws_opcode ws_opcode_for(const uint8_t *data, size_t len);
