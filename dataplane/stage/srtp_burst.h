/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/srtp_burst.h - what unprotect and protect share: a burst of
 * mbufs as the SRTP engine wants it, and its verdicts as ours. */
#pragma once
#include "dataplane/app/worker.h"

static_assert(BURST <= SRTP_BURST_MAX, "the engine takes a whole burst");

/* Packets of one kind, on their way through the engine. */
struct srtp_burst {
	struct srtp_pkt pkt[BURST];
	uint16_t n;
};

static inline void srtp_burst_add(struct srtp_burst *b, struct rte_mbuf *m,
				  struct srtp_session *s)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint16_t at = (uint16_t)(m->data_off + x->rtp_off);
	struct srtp_pkt *p = &b->pkt[b->n++];

	p->s = s;
	p->data = (uint8_t *)m->buf_addr + at;
	p->cookie = m;
	p->len = x->rtp_len;
	p->room = (uint16_t)(m->buf_len - at);
}

typedef uint16_t srtp_burst_f(struct srtp_engine *e, struct srtp_pkt pkt[],
			      uint16_t n);

/** Run the burst; lengths and verdicts go into each packet's meta.
 * @return how many failed. */
unsigned srtp_burst_run(struct worker *w, struct srtp_burst *b,
			srtp_burst_f *f);
