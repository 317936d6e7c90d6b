/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/punt.h - STUN and DTLS between media ports and control.
 *
 * What workers gave the verdict `control` waits in their rings; the main lcore
 * takes it out at a bounded rate, as datagrams of the abi. What control sends
 * goes out by a UDP socket of the kernel's, which has the gateway's addresses
 * and knows the way. Main lcore only. */
#pragma once
#include "dataplane/app/worker.h"
#include "dataplane/flow/bucket.h"

struct punt {
	struct table *table;
	struct worker *workers;
	unsigned n_workers, next;
	struct rate rate; /* of all together */
	struct bucket bucket;
};

void punt_init(struct punt *p, struct table *t, struct worker w[], unsigned n);
/** The next datagram for control. @return false: there is none, or enough have
 * gone for now. */
bool punt_next(struct punt *p, struct sp_datagram *out);
/** Throw away what waits; nobody is there to hear it. */
void punt_forget(struct punt *p);
/** Send one. @return enum sp_status; text says what was wrong. */
int punt_inject(struct punt *p, const struct sp_datagram *d,
		char text[SP_TEXT_MAX]);
