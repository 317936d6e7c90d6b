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

	b->pkt[b->n++] = (struct srtp_pkt){
		.s = s,
		.data = pkt_payload(m),
		.cookie = m,
		.len = x->rtp_len,
		.room = (uint16_t)(m->buf_len - m->data_off - x->rtp_off),
	};
}

typedef uint16_t srtp_burst_f(struct srtp_engine *e, struct srtp_pkt pkt[],
			      uint16_t n);

/** Run the burst; lengths and verdicts go into each packet's meta. */
void srtp_burst_run(struct worker *w, struct srtp_burst *b, srtp_burst_f *f);
