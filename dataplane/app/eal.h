/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/eal.h - DPDK's environment from our configuration.
 *
 * Memory is shared with no other process: no file in a hugetlbfs, so nothing to
 * leave behind, and two dataplanes never meet. Once in a process, by the main
 * thread, which becomes the main lcore. */
#pragma once
#include <stdbool.h>
#include "dataplane/app/config.h"

struct eal {
	unsigned lcore[SP_WORKER_MAX]; /* of each worker */
	unsigned workers;	       /* at least one */
	unsigned huge_mib;	       /* MiB of free hugepages; 0: none used */
	bool shared; /* a worker shares the main lcore's CPU */
};

/** @return 0, or -1 with the reason logged. */
int eal_start(struct eal *e, const struct config *c);
/** Ports must be down and workers have returned. */
void eal_stop(void);
