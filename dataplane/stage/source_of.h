/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/source_of.h - where a packet came from, from its headers as
 * they arrived (until rewrite puts others there). */
#pragma once
#include <string.h>
#include "dataplane/flow/source.h"
#include "dataplane/stage/stage.h"

/** Is it what a side is bound to already? At once for IPv4; false may also mean
 * that source_of and the rule have to say. */
static inline bool source_bound(const struct flow_run *r,
				const struct pkt_meta *x)
{
	uint64_t word;

	memcpy(&word, &r->source[x->side], sizeof(word));
	return word == x->from;
}

static inline void source_of(struct rte_mbuf *m, struct endpoint *e)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t port;

	memcpy(&port, p + x->udp_off, 2);
	endpoint_set(e, x->family, p + x->ip_off + (x->family == 4 ? 12 : 8),
		     port);
}
