/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/pipeline_lab.h - a worker and its two ports, all in memory.
 *
 * The walk is the dataplane's own: flow table, stages, engine, one worker. Only
 * what stands at its ends is made here: ports are DPDK's net_ring (a ring of
 * mbufs instead of a NIC's), neighbours are always known. No socket, no NIC, no
 * root. One lab in a process, one thread.
 *
 *   access   10.1.0.1 and on, plain RTP; each stream has a phone of its own
 *   trunk    10.2.0.1 and on, SRTP; PEERS far ends that the streams share */
#pragma once
#include <rte_mbuf.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/table.h"

#define LAB_MTU	 1500
#define LAB_RING 1024 /* descriptors, as the dataplane's own queues have */

enum lab_port { LAB_ACCESS, LAB_TRUNK, LAB_PORTS };

struct pipeline_lab {
	struct ports ps;
	struct table *t;
	struct worker w;
	struct rte_ring *in[LAB_PORTS], *out[LAB_PORTS];
	uint32_t streams;
	bool huge; /* DPDK's memory is in hugepages */
};

/** DPDK and the ports, once. isa: as for engine_new. @return NULL with the
 * reason on stderr. */
struct pipeline_lab *pipeline_lab_start(const char *isa);

/** A table for so many media; flows are to be added. */
bool pipeline_lab_open(struct pipeline_lab *l, uint32_t streams);
void pipeline_lab_close(struct pipeline_lab *l);

/** Medium i: both transports, keys and streams. suite 0: plain. one_way: only
 * what the direction to the trunk (SRTP_TX) or from it (SRTP_RX) needs.
 * @return false with the reason on stderr. */
struct medium {
	const struct srtp_master *access, *trunk; /* NULL: plain */
	bool to_trunk, to_access;		  /* streams */
};
bool pipeline_lab_add(struct pipeline_lab *l, uint32_t i,
		      const struct medium *m);

/** Frame, IP and UDP headers before and around a payload of n octets that
 * stands at LAB_HEADERS: as medium i sends it to the gateway's port. sums:
 * fill in the UDP checksum. @return the frame's length. */
#define LAB_HEADERS 42
uint16_t pipeline_lab_frame(const struct pipeline_lab *l, enum lab_port side,
			    uint32_t i, uint8_t *frame, uint16_t n, bool sums);

/** Octets that phones' adjacencies take. */
size_t pipeline_lab_adjacencies(void);
/** Verdicts that were counted, on stderr. */
void pipeline_lab_complain(const struct pipeline_lab *l);
