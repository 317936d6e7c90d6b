/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/jitter.h - puts packets back into the order of sending.
 *
 * A packet that is next goes on at once; one that came early waits for those
 * before it, JITTER_MS or JITTER_DEPTH packets at most. Late ones are dropped.
 * Even delay is the playing device's buffer to give. Pure but for memory; one
 * thread; times are milliseconds of a clock that doesn't go back. */
#pragma once
#include "control/endpoint/codec.h"

#define JITTER_DEPTH 64
#define JITTER_MS    80

struct jitter {
	struct media_pkt *held[JITTER_DEPTH]; /* ascending order */
	uint64_t since[JITTER_DEPTH];
	unsigned count;
	uint64_t next;
	bool started;
	unsigned late;
};

typedef void jitter_h(struct media_pkt *pkt, void *arg); /* gets pkt */

/** Takes pkt; calls out for what is ready. */
void jitter_put(struct jitter *j, struct media_pkt *pkt, uint64_t now,
		jitter_h *out, void *arg);
/** Gives up waiting where it has lasted. @return whether anything still waits */
bool jitter_tick(struct jitter *j, uint64_t now, jitter_h *out, void *arg);
/** Forget everything. */
void jitter_flush(struct jitter *j);
