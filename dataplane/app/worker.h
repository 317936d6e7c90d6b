/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/worker.h - one polling thread: its queues, engine, counters.
 *
 * Everything here belongs to the worker; the main lcore sets it up before the
 * worker starts and may read the counters. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include "dataplane/flow/table.h"
#include "dataplane/port/port.h"
#include "dataplane/srtp/srtp.h"
#include "dataplane/stage/stage.h"

static_assert(PORT_MAX <= 8, "leaves_by");

struct worker {
	unsigned id; /* 0 .. n_workers-1; QSBR thread id */
	unsigned lcore;
	unsigned n_workers;
	bool rest;	   /* sleep when idle (virtual ports) */
	bool pause;	   /* halt the CPU for a moment when idle */
	uint16_t rx_burst; /* packets in a turn; 0: BURST */
	struct table *table;
	struct ports *ports;
	const struct srtp_backend *srtp;
	struct srtp_engine *engine;
	struct rte_rcu_qsbr *qsbr;
	struct rte_ring *handover;   /* packets that are this worker's */
	struct worker *all;	     /* the array of workers */
	struct rte_ring *to_control; /* V_CONTROL packets, to the main lcore */
	struct divert *media; /* its hold of sallyport-media's rings, which
				      * the main lcore publishes; NULL: none */
	unsigned next_port;   /* the one that rx asks first */
	uint32_t next_id;     /* of the next datagram in fragments */
	uint64_t now;	      /* TSC at the start of this turn */
	bool sealed;	      /* classify: some of the burst came by SRTP */
	uint8_t diverts;      /* unprotect: any of the burst is to be */
	uint8_t leaves_by;    /* rewrite: the burst's ports, a bit each */
	bool cuts;	      /* rewrite: some of it leaves in fragments */
	uint64_t turns, idle_turns; /* for load */
	uint64_t count[VERDICT_COUNT];
	volatile bool *stop;
} __rte_cache_aligned;

/** An lcore's function: takes turns until *w->stop. arg: struct worker. */
int worker_run(void *arg);
/** One turn of the walk; for tests and benches too. @return packets handled. */
unsigned worker_turn(struct worker *w);
