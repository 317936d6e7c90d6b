/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/source_of.h - where a packet came from, from its headers as
 * they arrived (until rewrite puts others there). */
#pragma once
#include <string.h>
#include "dataplane/flow/flow.h"
#include "dataplane/stage/stage.h"

static inline struct endpoint source_of(struct rte_mbuf *m)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct endpoint e = {.family = x->family};

	if (x->family == 4)
		memcpy(e.addr, p + x->ip_off + 12, 4);
	else
		memcpy(e.addr, p + x->ip_off + 8, 16);
	memcpy(&e.port, p + x->udp_off, 2);
	return e;
}
