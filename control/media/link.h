/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/link.h - the rings of the dataplane, by dataplane/abi/divert.h.
 *
 * Connects, checks the memory that it is given, and tries again each second
 * when there is no dataplane (any more). Engine's thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/abi/divert.h"

#define LINK_RETRY_US 1000000

struct link {
	const char *path;
	int fd, wake; /* -1: none */
	void *memory;
	size_t size;
	unsigned workers;
	struct divert_end out[DIVERT_WORKERS], back[DIVERT_WORKERS];
	uint64_t tried;
	uint64_t bad, full; /* packets */
};

typedef void link_h(const struct divert_item *item, unsigned worker,
		    const uint8_t *data, void *arg);

void link_init(struct link *l, const char *path);
void link_close(struct link *l);
bool link_up(const struct link *l);
/** Connect, if there is no connection and it is time. @return whether there is
 * one now that wasn't before. */
bool link_try(struct link *l, uint64_t now);
/** Something is to be read from fd: the connection's end, since the dataplane
 * says nothing else. @return whether it has ended. */
bool link_ended(struct link *l);
/** Empty every ring. @return false: a ring is broken, and the link closed. */
bool link_read(struct link *l, link_h *h, void *arg);
bool link_send(struct link *l, unsigned worker, uint64_t stream,
	       uint32_t generation, bool rtcp, const uint8_t *p, size_t n);
