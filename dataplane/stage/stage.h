/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/stage.h - the stages of the walk, and what they share.
 *
 * Burst contract of every stage: n packets in, k returned; m[0..k) go on, in
 * order; m[k..n) carry a verdict and are neither freed nor touched again until
 * stage_drop. Called by the worker that owns w, inside its turn. Stages never
 * allocate, lock, log or make a system call. app/worker.c shows the order. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_mbuf.h>
#include "dataplane/stage/verdict.h"

struct worker;
struct flow;	 /* flow/flow.h: a transport as the workers see it */
struct flow_out; /* flow/flow.h: how to send to one of its peers */
struct stream;	 /* flow/flow.h: from one flow to another */

/* Packets in a turn. Prefetches are one pass over the burst ahead, so that this
 * is their distance too. ns a packet to SRTP in bursts of 16, 32 and 64 (172
 * octets, pipeline_bench): with AES-CM-128 148, 137, 136 at 1,000 streams and
 * 246, 230, 228 at 100,000; with AES-GCM-128 81, 80, 84 and 197, 188, 204. */
#define BURST 32

enum pkt_kind {
	PKT_RTP,
	PKT_RTCP,
	PKT_RAW, /* STUN or DTLS, relayed untouched */
};

/* How a packet in a hand-over ring got there. */
enum handed {
	HANDED_NOT,
	HANDED_OWNER,  /* classified elsewhere; ours to walk from the start */
	HANDED_EGRESS, /* ready to send by a queue of ours */
	HANDED_BACK,   /* no ring of these: sallyport-media returned it */
};

/* In the private area of each mbuf: lives from rx to tx or drop. */
struct pkt_meta {
	struct flow *flow;	    /* classify: where it arrived */
	struct stream *stream;	    /* classify or unprotect: where it goes */
	const struct flow_out *out; /* rewrite: how it gets there */
	uint64_t from;		    /* classify: endpoint_word4() of its source;
				     * IPv6: all ones, which no source is */
	uint8_t *payload;	    /* classify: what UDP carries; it stays */
	uint16_t ip_off;	    /* octets from the frame's start */
	uint16_t udp_off;
	uint16_t rtp_off;
	uint16_t rtp_len; /* UDP payload, octets */
	uint16_t port;	  /* classify: where it came to, network order */
	uint16_t media;	  /* unprotect: octets of RTP payload, for statistics */
	uint16_t mtu;	  /* rewrite: of the fragments to make of it; with
			   * V_TOO_BIG, what its sender is told; 0: neither */
	uint8_t in_port;  /* index into ports->port[] */
	uint8_t out_port; /* rewrite: the same, to leave by */
	uint8_t owner;	  /* V_HANDOVER: worker */
	uint8_t side;	  /* SIDE_*: local port that it came to */
	uint8_t family;	  /* 4 or 6 */
	uint8_t kind;	  /* enum pkt_kind */
	uint8_t verdict;  /* enum verdict */
	uint8_t handed;	  /* enum handed */
};

static_assert(sizeof(struct pkt_meta) <= 64, "one cache line");

static inline struct pkt_meta *pkt_meta(struct rte_mbuf *m)
{
	return (struct pkt_meta *)rte_mbuf_to_priv(m);
}

/** The end of a stage: those without a verdict to the front, order kept. */
static inline uint16_t stage_split(struct rte_mbuf *m[], uint16_t n)
{
	struct rte_mbuf *bad[BURST];
	uint16_t k = 0, b = 0;

	for (uint16_t i = 0; i < n; i++)
		if (pkt_meta(m[i])->verdict == V_NONE)
			m[k++] = m[i];
		else
			bad[b++] = m[i];
	if (b)
		memcpy(&m[k], bad, b * sizeof(bad[0]));
	return k;
}

/** Poll the worker's NIC queues, its hand-over ring and the kernel's packets.
 * Fills m[0..BURST). @return how many. */
uint16_t stage_rx(struct worker *w, struct rte_mbuf *m[]);
/** Ethernet, IP, UDP; whose media port; what is in it. */
uint16_t stage_classify(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** The source rule, then the transport's rate. */
uint16_t stage_police(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** Hop encryption off; from here on the packet is the peer's, and counted. */
uint16_t stage_unprotect(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** To sallyport-media goes a copy of what its stream says, or the packet
 * itself, which then has a verdict. */
uint16_t stage_divert(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** What sallyport-media sends as streams that it has taken, to go on with
 * stage_rewrite. Fills m[0..*n), n <= BURST; the first k of it are good.
 * @return k */
uint16_t stage_back(struct worker *w, struct rte_mbuf *m[], uint16_t *n);
/** The other leg's headers, SSRCs and payload types. */
uint16_t stage_rewrite(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** The other leg's hop encryption on. */
uint16_t stage_protect(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** Sends what it can; the rest is rejected with V_TX_FULL. m[0..k) are gone. */
uint16_t stage_tx(struct worker *w, struct rte_mbuf *m[], uint16_t n);
/** The one place that frees: counts m[0..n) by verdict; V_KERNEL, V_CONTROL
 * and V_HANDOVER go to their rings instead. */
void stage_drop(struct worker *w, struct rte_mbuf *m[], uint16_t n);
