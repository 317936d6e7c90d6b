/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/too_big.h - packets that would outgrow the MTU they have to
 * leave by, once sealed: as the port's configuration has it, they leave in
 * fragments (RFC 791 section 3.2, RFC 8200 section 4.5), or their sender is
 * told what fits (RFC 1191, RFC 8201), or they are dropped.
 *
 * The worker's, in its turn. Lengths are octets of IP packets. */
#pragma once
#include "dataplane/app/worker.h"

/* Nobody's way is narrower than what every host takes (RFC 791), so that no
 * packet that fits a buffer of ours needs more than these. */
#define FRAGMENT_MTU_MIN 576
#define FRAGMENTS_MAX	 4

/** A packet whose headers are still those that it came with would leave with
 * len octets by a port whose way takes mtu. @return V_NONE: go on, tx makes
 * fragments of it; V_TOO_BIG: meta has what its sender is told, if anything. */
enum verdict too_big(struct rte_mbuf *m, enum too_big rule, unsigned len,
		     uint16_t mtu);

/** Cut a frame that is complete, checksums included, down to its meta's mtu.
 * part[0] is m itself. @return how many, 0: no buffers, m is as it was. */
uint16_t fragment(struct worker *w, struct rte_mbuf *m,
		  struct rte_mbuf *part[FRAGMENTS_MAX]);

/** Turn a packet that too_big() refused into the answer to its sender, and send
 * that. @return false: none is due, m is the caller's as before. */
bool too_big_answer(struct worker *w, struct rte_mbuf *m);
