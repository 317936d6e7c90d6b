/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/digits.h - dialled digits as RTP events. RFC 4733.
 *
 * An event takes the place of audio packets, one for one, so that neither rate
 * nor size tells that digits are dialled (E2EE.md, "Media"). Pure. */
#pragma once
#include "control/endpoint/codec.h"

#define DIGITS_MAX 64

struct digits_out {
	char queue[DIGITS_MAX + 1];
	unsigned step; /* packets since the digit began */
	uint32_t ts;   /* of its beginning */
};

/** Add digits (0-9, *, #, A-D) to those to be sent. @return false: no digit
 * among them, or too many. */
bool digits_queue(struct digits_out *d, const char *digits);
/** For each audio packet of `ticks` samples: @return true where event is to be
 * sent in its place, with marker and ts. */
bool digits_next(struct digits_out *d, uint32_t audio_ts, uint32_t ticks,
		 uint8_t event[MEDIA_DIGIT], bool *marker, uint32_t *ts);

struct digits_in {
	uint32_t ts;
	bool heard;
};

/** @return the digit that a received event begins, 0: none, or the same. */
char digits_heard(struct digits_in *d, const struct media_pkt *event);
