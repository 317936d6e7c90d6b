/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/control_socket.h - the abi's server, on the main lcore.
 *
 * One control at a time; a second that connects takes the first one's place.
 * Nothing blocks: a control that doesn't read loses events (and is told so by
 * SP_EVENT_OVERRUN), never the dataplane its turn. */
#pragma once
#include "dataplane/app/worker.h"

struct control_socket;

struct control_socket_config {
	const char *path;  /* UNIX SOCK_SEQPACKET; mode 0660 */
	const char *group; /* owner group, or NULL */
	uint16_t udp_first, udp_last;
	uint32_t transports, streams;
};

/** @return NULL with the reason logged. Removes a stale socket file. */
struct control_socket *control_socket_new(const struct control_socket_config *c,
					  struct table *t, struct ports *ps,
					  struct worker w[], unsigned workers);
void control_socket_free(struct control_socket *s);
/** File descriptors to poll for reading. @return how many (1 or 2). */
unsigned control_socket_fds(const struct control_socket *s, int fd[2]);
/** Accept, read and answer what is there. */
void control_socket_read(struct control_socket *s);
/** Every turn: STUN and DTLS that workers have for control, as far as it reads;
 * beyond, they wait in the workers' rings. */
void control_socket_turn(struct control_socket *s);
/** Ten times a second: table_sweep, events out. */
void control_socket_tick(struct control_socket *s);
