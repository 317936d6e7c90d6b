/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/digits.h - telephone events, taken apart and made anew.
 *
 * RFC 4733. A digit that arrives is not relayed packet by packet: it is
 * reported at its start and at its end, and whoever sends it on makes packets
 * of its own, with its own timestamps and payload type, so that loss before
 * and after the gateway don't add up. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGIT_OCTETS 4
#define DIGIT_QUEUE  64
#define DIGIT_REPEAT 3	   /* copies of the last packet, section 2.5.1.4 */
#define DIGIT_PAUSE  50	   /* ms between two */
#define DIGIT_MAX    10000 /* ms: longer than anybody presses */
#define DIGIT_LAST   15	   /* events above: not digits, not passed on */

struct digit_rx {
	bool active;
	uint8_t code;
	uint32_t ts;
	uint16_t units; /* duration so far */
	uint64_t seen;	/* when the last packet came, us */
	bool ended;	/* and its ts is known: repetitions are not new */
};

enum digit_news {
	DIGIT_NONE,
	DIGIT_BEGINS,
	DIGIT_GOES_ON,
	DIGIT_ENDS,
	DIGIT_BOTH /* its end is the first that is seen of it */
};

/** @return what a payload with that timestamp tells; -1: malformed, or no
 * digit. */
int digit_read(struct digit_rx *d, const uint8_t *payload, size_t len,
	       uint32_t ts, uint64_t now);
/** Packets stopped coming: it ends all the same. @return whether one did. */
bool digit_lost(struct digit_rx *d, uint64_t now);

/** '0'..'9', '*', '#', 'A'..'D'. @return its code; -1: none. */
int digit_code(char c);
char digit_char(uint8_t code);

/* What is to be sent. A duration of 0 is open: until digit_tx_end. */
struct digit_tx {
	struct {
		uint8_t code;
		uint32_t ms;
	} queue[DIGIT_QUEUE];
	unsigned count;
	uint32_t done; /* ms of the first that were sent */
	unsigned repeats, pause;
	bool open; /* the last has no end yet */
};

/** @return false: the queue is full. */
bool digit_tx_begin(struct digit_tx *t, uint8_t code, uint32_t ms);
void digit_tx_end(struct digit_tx *t, uint32_t ms);
/** Does anything of a digit stand to be sent, in place of sound? */
bool digit_tx_busy(const struct digit_tx *t);

struct digit_packet {
	uint8_t payload[DIGIT_OCTETS];
	bool first, last, repeat;
};

/** The packet of the next ptime ms, clock in Hz. @return false: nothing to
 * send in this one (the pause after a digit). */
bool digit_tx_next(struct digit_tx *t, unsigned ptime, unsigned clock,
		   struct digit_packet *out);
