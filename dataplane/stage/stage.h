/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/stage.h - the stages of the walk, and what they share.
 *
 * Burst contract of every stage: n packets in, k returned; m[0..k) go on, in
 * order; m[k..n) carry a verdict and are neither freed nor touched again until
 * stage_drop. Called by the worker that owns w, inside its turn. Stages never
 * allocate, lock, log or make a system call. app/worker.c shows the order. */
#pragma once
#include <stdint.h>
#include <rte_mbuf.h>
#include "dataplane/stage/verdict.h"

struct worker;
struct flow;   /* flow/table.h: a transport as the workers see it */
struct stream; /* flow/table.h: from one flow to another */

#define BURST 32 /* packets in a turn; configuration may ask for less */

/* In the private area of each mbuf: lives from rx to tx or drop. */
struct pkt_meta {
	struct flow *flow;	/* classify: where it arrived */
	struct stream *stream;	/* rewrite's finding, set before unprotect ends */
	uint16_t ip_off;	/* octets from the frame's start */
	uint16_t udp_off;
	uint16_t rtp_off;
	uint16_t rtp_len;	/* UDP payload, octets */
	uint16_t in_port;	/* DPDK port it came in by */
	uint16_t out_port;	/* rewrite: DPDK port to leave by */
	uint8_t family;		/* 4 or 6 */
	uint8_t is_rtcp;
	uint8_t verdict;	/* enum verdict */
	uint8_t handed_over;	/* came through another worker's ring */
};

static inline struct pkt_meta *pkt_meta(struct rte_mbuf *m)
{
	return (struct pkt_meta *)rte_mbuf_to_priv(m);
}

/** Poll the worker's NIC queues, its hand-over ring and the kernel's packets.
 * Fills m[0..BURST). @return how many. */
uint16_t stage_rx(struct worker *w, struct rte_mbuf *m[]);
uint16_t stage_classify(struct worker *w, struct rte_mbuf *m[], uint16_t n);
uint16_t stage_police(struct worker *w, struct rte_mbuf *m[], uint16_t n);
uint16_t stage_unprotect(struct worker *w, struct rte_mbuf *m[], uint16_t n);
uint16_t stage_rewrite(struct worker *w, struct rte_mbuf *m[], uint16_t n);
uint16_t stage_protect(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** Sends what it can; the rest is rejected with V_TX_FULL. */
uint16_t stage_tx(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** The one place that frees: counts m[0..n) by verdict; V_KERNEL and V_CONTROL
 * go to the companion interface and to control instead. */
void stage_drop(struct worker *w, struct rte_mbuf *m[], uint16_t n);
