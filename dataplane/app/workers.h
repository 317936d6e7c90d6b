/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/workers.h - all workers: made, started, stopped by the main
 * lcore. What one does in its turns is worker.h's. */
#pragma once
#include <stdbool.h>
#include "dataplane/app/eal.h"
#include "dataplane/app/worker.h"

struct workers {
	struct worker *w; /* n of them */
	unsigned n;
	struct rte_rcu_qsbr *qsbr;
	volatile bool stop;
	uint64_t seen[SP_WORKER_MAX]; /* turns at the last workers_alive */
};

struct workers_options {
	enum config_rest rest; /* not REST_AUTO */
	unsigned rx_burst;     /* packets */
};

/** Rings, engines and the grace periods' variable. @return 0, or -1 with the
 * reason logged and nothing left. */
int workers_new(struct workers *ws, const struct eal *e,
		const struct workers_options *o, struct ports *ps,
		const struct srtp_backend *srtp);
/** They have been stopped, and the table still is there. */
void workers_free(struct workers *ws);
/** @return 0, or -1 with the reason logged; stop them then too. */
int workers_start(struct workers *ws, struct table *t);
/** Tell them, and wait until each has finished its turn. */
void workers_stop(struct workers *ws);
/** Has each taken a turn since this was asked last? */
bool workers_alive(struct workers *ws);
