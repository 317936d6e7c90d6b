/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/pipeline.h - the whole pipeline as peers of the bare calls: with
 * checksums in software, and left to the device. They share their flows. */
#pragma once
#include "tests/bench/srtp_bench.h"

extern struct peer peer_pipeline, peer_pipeline_offload;

/** Set before anything else; isa as for engine_new. */
bool pipeline_open_isa(const char *isa);
/** Whether packets are in hugepages. */
bool pipeline_huge(void);
/** Octets that a medium takes with all that it can have: SRTP on both legs and
 * in both directions, so four contexts, SRTCP's keys included. */
struct pipeline_memory {
	double arena; /* contexts, flows, statistics: what workers touch */
	double heaps; /* the main lcore's records, indexes, neighbours */
};
/** @return false: no memory. */
bool pipeline_memory(uint16_t suite, unsigned media,
		     struct pipeline_memory *out);
