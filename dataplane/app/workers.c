// SPDX-License-Identifier: Apache-2.0
/* dataplane/app/workers.c - see workers.h. */
#define ALLOW_EXPERIMENTAL_API /* rte_cpu_get_intrinsics_support */
#include <stdio.h>
#include <string.h>
#include <rte_cpuflags.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include "dataplane/app/log.h"
#include "dataplane/app/workers.h"

#define RING_SIZE 1024 /* packets; a burst or two of every other worker */

static struct rte_ring *ring_new(const char *what, unsigned id, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", what, id);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, flags);
}

static void ring_free(struct rte_ring *r)
{
	void *m;

	while (r && !rte_ring_dequeue(r, &m))
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

static int qsbr_new(struct workers *ws)
{
	size_t size = rte_rcu_qsbr_get_memsize(ws->n);

	ws->qsbr = rte_zmalloc("qsbr", size, RTE_CACHE_LINE_SIZE);
	return ws->qsbr ? rte_rcu_qsbr_init(ws->qsbr, ws->n) : -1;
}

/* REST_POWER where the CPU can wait (TPAUSE), naps where it can't. */
static bool can_pause(void)
{
	struct rte_cpu_intrinsics can;

	rte_cpu_get_intrinsics_support(&can);
	if (!can.power_pause)
		log_line(LOG_NOTICE,
			 "rest: power: this CPU can't be told to wait "
			 "(WAITPKG); idle workers sleep instead");
	return can.power_pause;
}

int workers_new(struct workers *ws, const struct eal *e,
		const struct workers_options *o, struct ports *ps,
		const struct srtp_backend *srtp)
{
	bool pause = o->rest == REST_POWER && can_pause();
	bool rest = o->rest == REST_ALWAYS || (o->rest == REST_POWER && !pause);

	memset(ws, 0, sizeof(*ws));
	ws->n = e->workers;
	ws->w = rte_calloc("workers", ws->n, sizeof(*ws->w), 0);
	if (!ws->w || qsbr_new(ws))
		goto no_memory;
	for (unsigned i = 0; i < ws->n; i++) {
		struct worker *w = &ws->w[i];

		w->id = i;
		w->lcore = e->lcore[i];
		w->n_workers = ws->n;
		w->rest = rest;
		w->pause = pause;
		w->rx_burst = (uint16_t)o->rx_burst;
		w->next_id = (uint32_t)rte_rand();
		w->ports = ps;
		w->srtp = srtp;
		w->qsbr = ws->qsbr;
		w->all = ws->w;
		w->stop = &ws->stop;
		w->handover = ring_new("handover", i, RING_F_SC_DEQ);
		w->to_control = ring_new("to_control", i,
					 RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!w->handover || !w->to_control)
			goto no_memory;
		w->engine = srtp->engine_new(NULL);
		if (!w->engine) {
			log_line(LOG_ERR, "worker %u: %s can't use this CPU", i,
				 srtp->name);
			goto fail;
		}
	}
	return 0;
no_memory:
	log_line(LOG_ERR,
		 "making %u workers: no memory; raise memory: or "
		 "vm.nr_hugepages",
		 ws->n);
fail:
	workers_free(ws);
	return -1;
}

void workers_free(struct workers *ws)
{
	for (unsigned i = 0; ws->w && i < ws->n; i++) {
		struct worker *w = &ws->w[i];

		ring_free(w->handover);
		ring_free(w->to_control);
		if (w->engine)
			w->srtp->engine_free(w->engine);
	}
	rte_free(ws->w);
	rte_free(ws->qsbr);
	memset(ws, 0, sizeof(*ws));
}

int workers_start(struct workers *ws, struct table *t)
{
	for (unsigned i = 0; i < ws->n; i++) {
		struct worker *w = &ws->w[i];
		int rc;

		w->table = t;
		rc = rte_eal_remote_launch(worker_run, w, w->lcore);
		if (rc) {
			log_line(LOG_ERR, "starting worker %u: %s", i,
				 rte_strerror(-rc));
			return -1;
		}
	}
	return 0;
}

void workers_stop(struct workers *ws)
{
	ws->stop = true;
	for (unsigned i = 0; i < ws->n; i++)
		rte_eal_wait_lcore(ws->w[i].lcore);
}

bool workers_alive(struct workers *ws)
{
	bool alive = true;

	for (unsigned i = 0; i < ws->n; i++) {
		uint64_t turns =
			__atomic_load_n(&ws->w[i].turns, __ATOMIC_RELAXED);

		alive &= turns != ws->seen[i];
		ws->seen[i] = turns;
	}
	return alive;
}
