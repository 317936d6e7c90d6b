/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: the walk, and when to rest from it. See worker.h. */
#define ALLOW_EXPERIMENTAL_API /* rte_power_pause, there since 20.11 */
#include "dataplane/app/worker.h"
#include <sys/prctl.h>
#include <time.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>

enum {
	IDLE_SPINS = 300, /* turns without a packet before the first nap */
	NAP_MIN_NS = 50 * 1000,
	NAP_MAX_NS = 500 * 1000, /* well below a queue's depth at full rate */
	PAUSES_A_SECOND = 100 * 1000,
};

/* m[0..k) of m[0..n) are good, and leave. */
static void leave(struct worker *w, struct rte_mbuf *m[], uint16_t k,
		  uint16_t n)
{
	k = stage_rewrite(w, m, k);
	k = stage_protect(w, m, k);
	k = stage_tx(w, m, k);
	stage_drop(w, m + k, n - k);
}

/* What sallyport-media returns joins the walk half way. */
static unsigned returned(struct worker *w)
{
	struct rte_mbuf *m[BURST];
	uint16_t n, k;

	k = stage_back(w, m, &n);
	if (n > 0)
		leave(w, m, k, n);
	return n;
}

unsigned worker_turn(struct worker *w)
{
	struct rte_mbuf *m[BURST];
	unsigned back = 0;
	uint16_t n, k;

	w->now = rte_rdtsc();
	w->turns++;
	if (__builtin_expect(w->media != NULL, 0))
		back = returned(w);
	n = stage_rx(w, m);
	if (n == 0) {
		w->idle_turns += back == 0;
		return back;
	}
	k = stage_classify(w, m, n);
	k = stage_police(w, m, k);
	k = stage_unprotect(w, m, k);
	k = stage_divert(w, m, k);
	leave(w, m, k, n);
	return n + back;
}

/* Longer and longer naps while nothing comes, shorter ones from the first
 * packet on. Asleep, a worker holds nothing, so it is offline to QSBR and
 * control's changes don't wait for it. */
static long nap(struct worker *w, long ns)
{
	struct timespec ts = {.tv_nsec = ns};

	rte_rcu_qsbr_thread_offline(w->qsbr, w->id);
	nanosleep(&ts, NULL);
	rte_rcu_qsbr_thread_online(w->qsbr, w->id);
	return 2 * ns < NAP_MAX_NS ? 2 * ns : NAP_MAX_NS;
}

/* One idle turn's rest. On QSBR's line all the while: a pause is shorter than
 * a burst takes. */
static void pause_turn(const struct worker *w, unsigned idle, uint64_t ticks)
{
	if (!w->pause || idle < IDLE_SPINS ||
	    rte_power_pause(rte_rdtsc() + ticks) != 0)
		rte_pause();
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	const uint64_t ticks = rte_get_tsc_hz() / PAUSES_A_SECOND;
	unsigned idle = 0;
	long ns = NAP_MIN_NS;

	if (w->rest) /* or the kernel would round naps up by as much again */
		prctl(PR_SET_TIMERSLACK, 1);
	rte_rcu_qsbr_thread_register(w->qsbr, w->id);
	rte_rcu_qsbr_thread_online(w->qsbr, w->id);
	while (!*w->stop) {
		unsigned n = worker_turn(w);

		rte_rcu_qsbr_quiescent(w->qsbr, w->id);
		if (n > 0) {
			idle = 0;
			ns = NAP_MIN_NS;
		} else if (!w->rest) {
			idle += idle < IDLE_SPINS;
			pause_turn(w, idle, ticks);
		} else if (++idle > IDLE_SPINS) {
			ns = nap(w, ns);
		}
	}
	rte_rcu_qsbr_thread_offline(w->qsbr, w->id);
	rte_rcu_qsbr_thread_unregister(w->qsbr, w->id);
	return 0;
}
