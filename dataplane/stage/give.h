/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/give.h - frames that are ready, to a port's queue. */
#pragma once
#include "dataplane/app/worker.h"

/** Send m[0..n) by a queue of this worker's; where it has none, by the ring of
 * a worker that has (out_port in their meta says where to).
 * @return how many went; the rest is the caller's as before. */
uint16_t give(struct worker *w, const struct port *p, struct rte_mbuf *m[],
	      uint16_t n);
