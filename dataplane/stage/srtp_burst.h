/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/srtp_burst.h - what unprotect and protect share: a burst of
 * mbufs as the SRTP engine wants it, and its verdicts as ours. */
#pragma once
#include "dataplane/app/worker.h"

static_assert(BURST <= SRTP_BURST_MAX, "the engine takes a whole burst");

/* Packets on their way through the engine. */
struct srtp_burst {
	struct srtp_pkt rtp[BURST], rtcp[BURST];
	uint16_t n_rtp, n_rtcp;
};

static inline void srtp_burst_put(struct srtp_pkt *p, struct rte_mbuf *m,
				  struct srtp_session *s)
{
	const struct pkt_meta *x = pkt_meta(m);
	const uint8_t *end = (const uint8_t *)m->buf_addr + m->buf_len;

	p->s = s;
	p->data = x->payload;
	p->cookie = m;
	p->len = x->rtp_len;
	p->room = (uint16_t)(end - x->payload);
}

/* The session that a packet is to go through; NULL: it passes. */
typedef struct srtp_session *srtp_session_of(const struct pkt_meta *x);

/** Those of m[0..n) that have a session, each kind for itself. Inline, and its
 * counters in registers: it is called for every burst. */
static inline __attribute__((always_inline)) void srtp_burst_fill(
	struct srtp_burst *b, struct rte_mbuf *m[], uint16_t n,
	srtp_session_of *of)
{
	uint16_t n_rtp = 0, n_rtcp = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct pkt_meta *x = pkt_meta(m[i]);
		struct srtp_session *s = of(x);

		if (!s)
			continue;
		if (__builtin_expect(x->kind == PKT_RTP, 1))
			srtp_burst_put(&b->rtp[n_rtp++], m[i], s);
		else if (x->kind == PKT_RTCP)
			srtp_burst_put(&b->rtcp[n_rtcp++], m[i], s);
	}
	b->n_rtp = n_rtp;
	b->n_rtcp = n_rtcp;
}

typedef uint16_t srtp_burst_f(struct srtp_engine *e, struct srtp_pkt pkt[],
			      uint16_t n);

/** Run pkt[0..n); lengths and verdicts go into each packet's meta.
 * @return how many failed. */
unsigned srtp_burst_run(struct worker *w, struct srtp_pkt pkt[], uint16_t n,
			srtp_burst_f *f);
