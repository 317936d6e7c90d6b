/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/steady.h - a phone's audio without its giveaways.
 *
 * E2EE.md, "Media": packets of one size, and silence sent rather than nothing.
 * A phone behind `proxy` may do otherwise: then Opus packets are padded, to 32
 * kbit/s or the largest so far, and where nothing comes for three packets'
 * time, silence goes instead, which also opens the paths of a call whose phone
 * only listens. Main thread. */
#pragma once
#include "control/endpoint/call.h"

struct steady {
	struct call *call; /* towards the gateway */
	struct tmr timer;
	uint64_t last; /* ms: when the phone's last packet came */
	uint32_t ts;   /* of the last packet sent */
	size_t size;   /* octets of an Opus packet; only grows */
};

/** May be called again: media changed. */
void steady_start(struct steady *s, struct call *call);
void steady_stop(struct steady *s);
/** Send what the phone sent. */
void steady_send(struct steady *s, const struct media_pkt *pkt);
