/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/adjacency.h - how a peer is reached: port, MAC addresses.
 *
 * The kernel routes; this follows it through netlink (routes, neighbours,
 * links), on the companion interfaces only, and keeps the neighbours in use
 * alive. Entries are made and dropped by the main lcore and read by workers
 * without a lock: one 16-octet value, replaced whole (sequence lock). */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>
#include "dataplane/abi/abi.h"
#include "dataplane/port/port.h"

struct adjacency; /* one peer address; shared by the transports that use it */

struct adjacency_value {
	struct rte_ether_addr dst, src;
	uint16_t port; /* DPDK port to leave by */
	uint16_t mtu;
};

struct adjacencies;

/** @return NULL with the reason logged. */
struct adjacencies *adjacencies_new(struct ports *ps);
void adjacencies_free(struct adjacencies *as);
/** File descriptor to poll for reading; then call adjacencies_read. */
int adjacencies_fd(const struct adjacencies *as);
void adjacencies_read(struct adjacencies *as);
/** Every turn of the main lcore: look some of the routes up again that may have
 * changed, a bounded number, since one flap touches every peer behind it. */
void adjacencies_work(struct adjacencies *as);
/** Once a second: refresh what goes stale. */
void adjacencies_tick(struct adjacencies *as);

/** Take, or give back, a reference. Main lcore. Given back only after workers
 * can't see it any more. @return NULL: no memory. */
struct adjacency *adjacency_get(struct adjacencies *as,
				const struct sp_addr *peer);
void adjacency_put(struct adjacencies *as, struct adjacency *a);

/** @return false: no route, or its MAC address isn't known yet. Any worker. */
bool adjacency_read(const struct adjacency *a, struct adjacency_value *out);

/** Moves on after any value that served somebody has been replaced, and is never
 * 0: such a value, read when it was the same, is still right. (After 2^32 changes
 * it has come round; who keeps a value that long, and meets that very number,
 * sends to where the peer once was until the next change.) */
extern atomic_uint adjacency_changes;

/** Main lcore. */
static inline void adjacency_changed(void)
{
	const unsigned next = 1 + atomic_load_explicit(&adjacency_changes,
						       memory_order_relaxed);

	atomic_store_explicit(&adjacency_changes, next ? next : 1,
			      memory_order_release);
}
