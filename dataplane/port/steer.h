/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/steer.h - have the NIC bring each packet to its worker.
 *
 * Media port p is worker (p >> 1) % workers's, on every address. Where workers
 * are a power of two, that is a few bits of the UDP destination port: one flow
 * rule (rte_flow) for each queue and family. Where the device, or the number
 * of workers, doesn't allow that, RSS spreads packets as it does and the
 * hand-over ring brings them home: slower, never wrong. Main lcore, at start. */
#pragma once
#include "dataplane/port/port.h"

/* UDP destination ports of one worker: those with `port` in the bits of `mask`,
 * host order. */
struct steer_bits {
	uint16_t port, mask;
};

/** @return false: no bits tell, workers are no power of two. */
bool steer_bits(unsigned workers, unsigned worker, struct steer_bits *out);

/** Make the rules for a port that has been started; one log line says how
 * packets come to their workers, where there are several.
 * @return whether the device steers. */
bool steer(struct port *p, const char *driver, unsigned workers);
