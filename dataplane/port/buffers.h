/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/buffers.h - the pool of packet buffers, and what DPDK's
 * telemetry says of it: "/sallyport/buffers" answers {"size", "free"}, packets.
 * A buffer that is in neither a queue nor a ring is a leak; tests/soak looks.
 * Main lcore; telemetry answers from a thread of its own and only reads. */
#pragma once
#include <rte_mempool.h>

#define BUFFERS_CACHE 256 /* packets that each lcore keeps at hand */

/** A pool for n packets with struct pkt_meta each, the only one at a time.
 * @return NULL with the reason logged. */
struct rte_mempool *buffers_new(unsigned n);
/** No packet of it may be in use. NULL is nothing. */
void buffers_free(struct rte_mempool *pool);
