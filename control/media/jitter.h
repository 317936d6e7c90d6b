/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/jitter.h - the adaptive jitter buffer: packets, put back into
 * order and held just as long as the network's jitter asks for.
 *
 * The reader asks for sound when its own clock says so. What it gets is the
 * next packet, or why there is none. How long packets are held (the target)
 * follows how late the latest of the last seconds were: up at once, down
 * slowly. jitter_depth says how much is held beyond now, from which the reader
 * learns that the sender's clock runs at another rate (input.c).
 *
 * Pure but for memory; one thread. Times are microseconds of a clock that
 * doesn't go back; timestamps count in units of the codec's RTP clock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/media/rtp.h"

#define JITTER_SLOTS  64     /* packets held at most */
#define JITTER_MIN_US 20000  /* shortest target */
#define JITTER_MAX_US 200000 /* longest */

enum jitter_kind {
	JITTER_PACKET, /* the next in order */
	JITTER_LOST,   /* its place in time has come and it hasn't */
	JITTER_PAUSE,  /* the sender sends nothing (DTX): time passes */
	JITTER_WAIT,   /* filling up at the start, or again after silence */
	JITTER_EMPTY   /* ran dry */
};

struct jitter_packet {
	struct rtp rtp; /* payload points at data */
	uint64_t order; /* sequence number without wrap */
	uint64_t time;	/* timestamp without wrap */
	bool skip;	/* holds its place in the order only */
	uint8_t data[RTP_PAYLOAD_MAX];
};

struct jitter {
	struct jitter_packet *slot[JITTER_SLOTS]; /* by order % JITTER_SLOTS */
	unsigned count;				  /* of those with sound */
	unsigned clock;
	uint64_t next;	   /* order that is to be read next */
	uint64_t time;	   /* timestamp that is to be read next */
	uint64_t highest;  /* order of the newest */
	uint64_t newest;   /* its timestamp */
	int64_t base;	   /* fastest transit seen lately, us */
	uint64_t base_age; /* us */
	uint32_t target;   /* us */
	uint32_t dry;	   /* timestamp units made up since it ran dry */
	uint32_t step;	   /* timestamp units of a packet */
	bool started, filling;
	bool empty;	     /* it was, when last read */
	bool jumped;	     /* the last was far from the others ... */
	uint16_t jumped_seq; /* ... and this would follow it */
	/* Counts since the start. */
	uint64_t late, lost, twice, overflow, resets;
};

/** clock: of the RTP timestamps, Hz. */
void jitter_init(struct jitter *j, unsigned clock);
/** Frees what is held, and starts anew. */
void jitter_reset(struct jitter *j);
/** Takes a copy. skip: it has its place in the order, and no sound.
 * @return false: late, twice (counted), far off, or no memory. */
bool jitter_put(struct jitter *j, const struct rtp *r, bool skip, uint64_t now);
/** What is to be heard now. JITTER_PACKET: *out is the caller's, for
 * jitter_free. Time moves with what is returned: jitter_passed tells how much
 * was played. */
enum jitter_kind jitter_get(struct jitter *j, struct jitter_packet **out);
void jitter_free(struct jitter_packet *p);
/** So many timestamp units of sound were made from the last jitter_get. */
void jitter_passed(struct jitter *j, uint32_t units);
/** Held beyond what is to be read next, us. */
uint32_t jitter_depth(const struct jitter *j);
/** Drop the oldest until no more than the target is held. */
void jitter_catch_up(struct jitter *j);
