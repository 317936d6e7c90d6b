/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of flows: built, published, retired. A worker that found the old
 * version may use it until it next reports quiescent (or goes to sleep, which
 * takes it offline); only after that is anything wiped and freed. Nothing here
 * waits for that: control's next request is answered at once, and the sweep
 * collects what is over. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include "dataplane/flow/internal.h"
#include "dataplane/stage/csum.h"

#define TTL 64

static struct endpoint endpoint(const struct sp_addr *a)
{
	struct endpoint e = {
		.port = rte_cpu_to_be_16(a->port),
		.family = a->family,
		.prefix = a->prefix,
	};

	memcpy(e.addr, a->addr, sizeof(e.addr));
	return e;
}

/* Everything of the headers but the lengths, which the packet has; and the
 * sums over it. The IPv4 header's own sum stands in its checksum field, not
 * yet inverted. RFC 6864: with DF set, the identification may be zero. */
static void header_build(struct flow_out *o, uint8_t dscp, const uint8_t *src,
			 const struct endpoint *dst, uint16_t sport)
{
	uint8_t *h = o->hdr;
	bool six = dst->family == 6;
	size_t ip = six ? 40 : 20, len = six ? 16 : 4;
	uint8_t *addr = h + ip - 2 * len;
	uint16_t sum;

	if (six) {
		h[0] = (uint8_t)(0x60 | dscp >> 2);
		h[1] = (uint8_t)(dscp << 6);
		h[6] = IPPROTO_UDP;
		h[7] = TTL;
	} else {
		h[0] = 0x45;
		h[1] = (uint8_t)(dscp << 2);
		h[6] = 0x40;
		h[8] = TTL;
		h[9] = IPPROTO_UDP;
	}
	memcpy(addr, src, len);
	memcpy(addr + len, dst->addr, len);
	memcpy(h + ip, &sport, 2);
	memcpy(h + ip + 2, &dst->port, 2);
	o->udp_sum = csum_fold(
		csum_add(rte_cpu_to_be_16(IPPROTO_UDP), addr, 2 * len));
	if (!six) {
		sum = csum_fold(csum_add(0, h, 20));
		memcpy(h + 10, &sum, 2);
	}
}

/* @return false: no memory for the adjacency */
static bool out_build(struct table *t, struct flow_out *o,
		      const struct transport *x, const struct sp_addr *peer,
		      uint16_t sport, bool rtcp)
{
	const struct keys *ks = &x->keys[SRTP_TX];
	const struct sp_suite_info *s =
		ks->n ? sp_suite_info(ks->first.suite) : NULL;
	struct endpoint dst = endpoint(peer);

	o->tx = x->tx;
	if (s)
		o->trailer =
			(uint8_t)(ks->first.mki_len +
				  (rtcp ? s->rtcp_tag_len + 4 : s->tag_len));
	if (peer->family == 0 || peer->port == 0)
		return true;
	o->family = peer->family;
	header_build(o, x->spec.dscp, t->media[x->spec.media_addr]->addr, &dst,
		     rte_cpu_to_be_16(sport));
	o->adj = adjacency_get(t->as, peer);
	return o->adj != NULL;
}

/* Packets a second from a source not learned yet: an eighth of what is allowed,
 * at least what learning a source takes, at most what a forger may cost us. */
static uint8_t stray_pps(uint32_t max_pps)
{
	uint32_t pps = max_pps / 8;

	if (pps < 16)
		pps = 16;
	if (pps > 64 || max_pps == 0)
		pps = 64;
	return (uint8_t)pps;
}

struct flow *flow_build(struct table *t, const struct transport *x,
			struct stream *const stream[], unsigned n)
{
	const struct transport_spec *s = &x->spec;
	bool mux = s->flags & SP_TRANSPORT_RTCP_MUX;
	struct flow *f =
		arena_take(t->arena, flow_size(n), RTE_CACHE_LINE_SIZE);
	const struct sp_addr *rtcp = mux ? &s->peer_rtp : &s->peer_rtcp;

	if (!f)
		return NULL;
	f->run = x->run;
	f->rx = x->rx;
	f->version = ++t->version;
	f->rate = rate_make(s->max_pps, s->max_octets, t->index.hz);
	f->stray = stray_pps(s->max_pps);
	f->source_gen = x->flow ? x->flow->source_gen : ++t->source_gen;
	f->rtp_port = rte_cpu_to_be_16(s->rtp_port);
	f->flags = s->flags;
	f->source = s->source;
	f->stun = s->stun;
	f->dtls = s->dtls;
	f->owner = (uint8_t)((s->rtp_port >> 1) % t->lim.workers);
	f->id = s->id;
	f->peer[SIDE_RTP] = endpoint(&s->peer_rtp);
	f->peer[SIDE_RTCP] = endpoint(rtcp);
	f->n_streams = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		if (stream[i]->match == SP_MATCH_MID)
			f->demux = x->demux;
	if (n)
		memcpy(f->stream, stream, n * sizeof(stream[0]));
	if (n == 1 && stream[0]->match == SP_MATCH_ANY)
		f->lone = *stream[0];
	if (!out_build(t, &f->out[SIDE_RTP], x, &s->peer_rtp, s->rtp_port,
		       false) ||
	    !out_build(t, &f->out[SIDE_RTCP], x, rtcp,
		       (uint16_t)(s->rtp_port + !mux), true)) {
		discard(t, RETIRED_FLOW, f);
		return NULL;
	}
	return f;
}

static void place(struct table *t, const struct transport *x, struct flow *f)
{
	const struct transport_spec *s = &x->spec;
	struct flow **p = t->media[s->media_addr]->port +
			  (s->rtp_port - t->index.udp_first);
	bool mux = s->flags & SP_TRANSPORT_RTCP_MUX;

	__atomic_store_n(&p[0], f, __ATOMIC_RELEASE);
	__atomic_store_n(&p[1], mux ? NULL : f, __ATOMIC_RELEASE);
}

/* Streams that lead here lead to f from now on, and so do the copies of them in
 * the flows that they are from. A worker that still goes to the version before
 * has found it in this turn, and that one is retired afterwards. */
static void lead_to(const struct transport *x, struct flow *f)
{
	struct stream_rec *s;

	LIST_FOREACH (s, &x->into, into) {
		/* x may be a copy of the one that it is from */
		struct flow *from =
			s->from->spec.id == x->spec.id ? f : s->from->flow;

		__atomic_store_n(&s->stream->to, f, __ATOMIC_RELEASE);
		__atomic_store_n(&from->lone.to, f, __ATOMIC_RELEASE);
	}
}

void flow_publish(struct table *t, struct transport *x, struct flow *f)
{
	place(t, x, f);
	lead_to(x, f);
	retire(t, RETIRED_FLOW, x->flow);
	x->flow = f;
}

void flow_withdraw(struct table *t, struct transport *x)
{
	place(t, x, NULL);
	retire(t, RETIRED_FLOW, x->flow);
	retire(t, RETIRED_SESSION, x->rx);
	retire(t, RETIRED_SESSION, x->tx);
	retire(t, RETIRED_FLOW_RUN, x->run);
	retire(t, RETIRED_DEMUX, x->demux);
	x->demux = NULL;
	x->flow = NULL;
	x->rx = x->tx = NULL;
	x->run = NULL;
}

static void end_flow(struct table *t, void *p)
{
	struct flow *f = p;

	for (unsigned i = 0; i < RTE_DIM(f->out); i++)
		if (f->out[i].adj)
			adjacency_put(t->as, f->out[i].adj);
	arena_give(t->arena, f, flow_size(f->n_streams));
}

static void end_flow_run(struct table *t, void *p)
{
	arena_give(t->arena, p, sizeof(struct flow_run));
}

static void end_demux(struct table *t, void *p)
{
	arena_give(t->arena, p, sizeof(struct demux));
}

static void end_stream(struct table *t, void *p)
{
	const struct stream *s = p;

	arena_give(t->arena, p, stream_size(s->match));
}

static void end_stream_run(struct table *t, void *p)
{
	arena_give(t->arena, p, sizeof(struct stream_run));
}

static void end_session(struct table *t, void *p)
{
	t->srtp->session_free(p);
}

static void end_key(struct table *t, void *p)
{
	struct ended_key *k = p;

	t->srtp->session_key_wipe(k->s, k->mki);
	free(k);
}

void discard(struct table *t, enum retired_kind kind, void *p)
{
	static void (*const end[RETIRED_KINDS])(struct table *, void *) = {
		[RETIRED_FLOW] = end_flow,
		[RETIRED_FLOW_RUN] = end_flow_run,
		[RETIRED_DEMUX] = end_demux,
		[RETIRED_STREAM] = end_stream,
		[RETIRED_STREAM_RUN] = end_stream_run,
		[RETIRED_SESSION] = end_session,
		[RETIRED_KEY] = end_key,
	};

	if (p)
		end[kind](t, p);
}

void retire(struct table *t, enum retired_kind kind, void *p)
{
	struct retired *r;

	if (!p)
		return;
	r = malloc(sizeof(*r));
	if (!r) { /* then it has to be now, and the wait is short */
		rte_rcu_qsbr_synchronize(t->qsbr, RTE_QSBR_THRID_INVALID);
		reclaim_all(t); /* a session's keys go before it */
		discard(t, kind, p);
		return;
	}
	*r = (struct retired){NULL, rte_rcu_qsbr_start(t->qsbr), kind, p};
	*t->retired_end = r;
	t->retired_end = &r->next;
}

static void pop(struct table *t)
{
	struct retired *r = t->retired;

	t->retired = r->next;
	if (!t->retired)
		t->retired_end = &t->retired;
	discard(t, r->kind, r->p);
	free(r);
}

void reclaim(struct table *t)
{
	while (t->retired &&
	       rte_rcu_qsbr_check(t->qsbr, t->retired->token, false) == 1)
		pop(t);
}

void reclaim_all(struct table *t)
{
	while (t->retired)
		pop(t);
}
