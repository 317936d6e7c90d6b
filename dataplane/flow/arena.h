/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/arena.h - memory for hop keys and what runs beside them; for
 * adjacencies as well, since workers read those for each packet.
 *
 * Anonymous memory in chunks of whole huge pages: locked, left out of core
 * dumps and of forked children, backed by transparent huge pages where the
 * kernel has them (100,000 streams would miss the TLB otherwise). What is
 * given back is wiped at once and kept for the next of its size. Main lcore
 * only; grows at set-up of a transport, never in the packet loop. */
#pragma once
#include <stddef.h>
#include "dataplane/srtp/srtp.h"

struct arena;

/** @return NULL with errno. */
struct arena *arena_new(void);
/** Wipes and unmaps everything, whether given back or not. */
void arena_free(struct arena *a);

/** Zeroed. align: a power of two, at most a page; size: below a chunk (2 MiB).
 * @return NULL: no memory. */
void *arena_take(struct arena *a, size_t size, size_t align);
/** size as it was taken. NULL is nothing. */
void arena_give(struct arena *a, void *p, size_t size);
/** Octets taken and not given back. */
size_t arena_used(const struct arena *a);

/** The same as the engine wants it. */
struct srtp_mem arena_mem(struct arena *a);
