/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline as a peer of the bare calls: the same packets of the same
 * streams with the same keys, as frames in a ring; worker_turn takes them from
 * there, walks them through every stage and leaves them in another ring. Making
 * the frames (an mbuf, headers, a copy of the packet) and freeing what came out
 * is timed by itself. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_malloc.h>
#include "dataplane/flow/internal.h" /* the arena */
#include "tests/bench/pipeline.h"
#include "tests/bench/pipeline_lab.h"

static struct pipeline_lab *lab;
static bool offload; /* of the peer that has its turn */

bool pipeline_open_isa(const char *isa)
{
	lab = pipeline_lab_start(isa);
	return lab != NULL;
}

bool pipeline_huge(void)
{
	return lab->huge;
}

static const char *pipeline_open(struct peer *p, const struct cell *c,
				 double limit)
{
	(void)p, (void)limit;
	if (!pipeline_lab_open(lab, c->streams))
		return "no memory";
	for (uint32_t i = 0; i < c->streams; i++) {
		const struct srtp_master m = master_of(c, i);

		if (!pipeline_lab_add(lab, i,
				      &(struct medium){
					      .trunk = &m,
					      .to_trunk = c->protect,
					      .to_access = !c->protect,
				      })) {
			pipeline_lab_close(lab);
			return "no flows";
		}
	}
	return NULL;
}

static void pipeline_close(struct peer *p)
{
	(void)p;
	pipeline_lab_close(lab);
}

static const uint64_t sums_good =
	RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

static void pipeline_stage(struct peer *p, const struct load *l, unsigned first,
			   uint8_t *const buf[])
{
	const enum lab_port side = l->cell->protect ? LAB_ACCESS : LAB_TRUNK;
	struct rte_mbuf *m[CHUNK];

	offload = p->own != NULL;
	for (unsigned i = 0; i < LAB_PORTS; i++)
		lab->ps.port[i].csum_rx = lab->ps.port[i].csum_tx = offload;
	if (rte_pktmbuf_alloc_bulk(lab->ps.pool, m, CHUNK))
		abort(); /* finish frees them all */
	for (unsigned i = 0; i < CHUNK; i++) {
		uint8_t *f = rte_pktmbuf_mtod(m[i], uint8_t *);

		memcpy(f + LAB_HEADERS, buf[i], l->len);
		m[i]->data_len = pipeline_lab_frame(
			lab, side, l->stream[first + i], f, l->len, !offload);
		m[i]->pkt_len = m[i]->data_len;
		m[i]->ol_flags = offload ? sums_good : 0;
	}
	if (rte_ring_enqueue_bulk(lab->in[side], (void **)m, CHUNK, NULL) == 0)
		abort();
}

static unsigned pipeline_run(struct peer *p, const struct load *l, unsigned at,
			     unsigned n)
{
	(void)p, (void)l, (void)at, (void)n;
	return worker_turn(&lab->w);
}

static unsigned pipeline_finish(struct peer *p, const struct load *l,
				uint8_t *const buf[])
{
	const enum lab_port side = l->cell->protect ? LAB_TRUNK : LAB_ACCESS;
	struct rte_mbuf *m[CHUNK];
	unsigned n =
		rte_ring_dequeue_burst(lab->out[side], (void **)m, CHUNK, NULL);

	(void)p;
	for (unsigned i = 0; buf && i < n; i++)
		memcpy(buf[i],
		       rte_pktmbuf_mtod_offset(m[i], void *, LAB_HEADERS),
		       m[i]->data_len - LAB_HEADERS);
	rte_pktmbuf_free_bulk(m, n);
	if (n < CHUNK)
		pipeline_lab_complain(lab);
	return n;
}

struct peer peer_pipeline = {
	.what = "pipeline",
	.open = pipeline_open,
	.stage = pipeline_stage,
	.run = pipeline_run,
	.finish = pipeline_finish,
	.checked = true,
	.patience = 20,
	.close = pipeline_close,
};

struct peer peer_pipeline_offload = {
	.what = "pipeline",
	.twin = &peer_pipeline,
	.stage = pipeline_stage,
	.run = pipeline_run,
	.finish = pipeline_finish,
	.checked = true,
	.patience = 20,
	.own = &offload,
};

static size_t in_heaps(void)
{
	struct rte_malloc_socket_stats dpdk = {0};
	const struct mallinfo2 m = mallinfo2();

	rte_malloc_get_socket_stats(0, &dpdk);
	return m.uordblks + m.hblkhd + dpdk.heap_allocsz_bytes;
}

bool pipeline_memory(uint16_t suite, unsigned media,
		     struct pipeline_memory *out)
{
	const struct cell c = {.suite = suite, .streams = media};
	const size_t before = in_heaps();

	if (!pipeline_lab_open(lab, media))
		return false;
	for (uint32_t i = 0; i < media; i++) {
		const struct srtp_master m = master_of(&c, i);
		const struct medium all = {&m, &m, true, true};

		if (!pipeline_lab_add(lab, i, &all))
			exit(1);
	}
	out->arena = (double)(arena_used(lab->t->arena) +
			      pipeline_lab_adjacencies()) /
		     media;
	out->heaps = (double)(in_heaps() - before) / media;
	pipeline_lab_close(lab);
	return true;
}
