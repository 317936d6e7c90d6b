/* SPDX-License-Identifier: Apache-2.0 */
/* tests/stage/divert_peer.h - a sallyport-media that does as it is told: joins
 * by the socket, looks at what comes, says what it should. */
#pragma once
#include <stdint.h>
#include "dataplane/abi/divert.h"

#define PEER_WORKERS 2

struct divert_peer {
	int conn, event;
	void *base;
	size_t size;
	struct divert_end out[PEER_WORKERS], back[PEER_WORKERS];
};

/** Connect; the other side may answer then. */
struct divert_peer divert_peer_dial(const char *path);
/** Take the greeting and map the memory; fails the test unless all of it is as
 * divert.h says. */
void divert_peer_join(struct divert_peer *p);
void divert_peer_leave(struct divert_peer *p);
