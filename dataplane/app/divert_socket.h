/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/divert_socket.h - where sallyport-media joins (abi/divert.h).
 *
 * Main lcore. One at a time; each is given memory of its own, and its rings are
 * the workers' until it has gone. Without one, taken streams are silent (verdict
 * divert-gone) and copied ones go on. Nothing blocks, but for the filling of a
 * newcomer's memory: a millisecond for each 4 MiB or so. */
#pragma once
#include "dataplane/app/worker.h"

#define DIVERT_SLOTS_DEFAULT 1024

struct divert_socket;

struct divert_socket_config {
	const char *path;  /* UNIX SOCK_SEQPACKET; mode 0660 */
	const char *group; /* owner group, or NULL */
	uint32_t slots;	   /* of each ring, a power of two */
};

/** @return NULL with the reason logged. */
struct divert_socket *divert_socket_new(const struct divert_socket_config *c,
					struct worker w[], unsigned workers,
					struct rte_rcu_qsbr *qsbr);
/** Workers must have stopped. NULL is nothing. */
void divert_socket_free(struct divert_socket *s);
/** One that is readable when somebody comes or goes. */
int divert_socket_fd(const struct divert_socket *s);
/** See who comes or goes. */
void divert_socket_read(struct divert_socket *s);
/** Every turn: wakes sallyport-media where there is something for it, sends a
 * hostile one away, and frees memory that no worker can hold any more. */
void divert_socket_turn(struct divert_socket *s);
