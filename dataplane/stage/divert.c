/* SPDX-License-Identifier: Apache-2.0 */
/* divert: the hand-over of plain, authenticated packets to sallyport-media, for
 * streams with a media duty only, and what comes back from there. Nothing that
 * bears the end-to-end mark gets this far: the table refuses such a stream, and
 * here the mark is looked at once more. */
#include "dataplane/stage/divert.h"
#include "dataplane/app/worker.h"
#include "dataplane/flow/flow.h"
#include "dataplane/stage/parse.h"

/* Packets from sallyport-media in a turn: what comes from outside is served as
 * well. */
enum { BACK_MAX = BURST / 2 };

/* The worker's alone, but for those who count. */
#define COUNT(x) __atomic_store_n(&(x), (x) + 1, __ATOMIC_RELAXED)

static uint64_t since_start(const struct divert *d, uint64_t tsc)
{
	return (uint64_t)((unsigned __int128)tsc * d->ns >> 32);
}

/* Hand the packet, or a copy, over. */
static enum verdict hand_over(const struct worker *w, struct divert *d,
			      struct rte_mbuf *m)
{
	const struct pkt_meta *x = pkt_meta(m);
	const struct stream *s = x->stream;
	const struct divert_item item = {
		.stream = s->id,
		.at = since_start(d, w->now),
		.generation = s->generation,
		.len = x->rtp_len,
		.kind = x->kind == PKT_RTP ? DIVERT_RTP : DIVERT_RTCP,
		.flags = s->divert == SP_DIVERT_COPY ? DIVERT_COPIED : 0,
	};

	if (x->rtp_len > DIVERT_DATA ||
	    !divert_put(&d->out, &item, pkt_meta(m)->payload))
		return V_DIVERT_FULL;
	COUNT(d->handed);
	return V_DIVERTED;
}

static enum verdict divert(struct worker *w, struct divert *d,
			   struct rte_mbuf *m)
{
	const struct pkt_meta *x = pkt_meta(m);
	bool take = x->stream->divert == SP_DIVERT_TAKE;
	enum verdict v;

	if (x->flow->flags & SP_TRANSPORT_E2EE)
		return V_NONE;
	if (x->kind == PKT_RAW) /* between the two ends, and sealed */
		return take ? V_NOT_RTP : V_NONE;
	v = d ? hand_over(w, d, m) : V_DIVERT_GONE;
	if (take)
		return v;
	if (v != V_DIVERTED)
		w->count[v]++; /* the copy; the packet goes on */
	return V_NONE;
}

uint16_t stage_divert(struct worker *w, struct rte_mbuf *m[], uint16_t n)
{
	struct divert *d;
	unsigned bad = V_NONE;

	if (__builtin_expect(w->diverts == SP_DIVERT_NONE, 1))
		return n;
	d = __atomic_load_n(&w->media, __ATOMIC_ACQUIRE);
	for (uint16_t i = 0; i < n; i++) {
		struct pkt_meta *x = pkt_meta(m[i]);

		if (x->stream->divert)
			x->verdict = divert(w, d, m[i]);
		bad |= x->verdict;
	}
	return bad ? stage_split(m, n) : n;
}

/* What sallyport-media returns ---------------------------------------------- */

/* Whose it is. @return V_NONE: flow and stream are in its meta. */
static enum verdict find(const struct worker *w, struct pkt_meta *x,
			 const struct divert_item *item)
{
	struct stream *s = table_taken(w->table, item->stream);
	struct flow *f = s ? flow_at(s->from) : NULL;

	if (!f || f->owner != w->id || s->generation != item->generation ||
	    f->flags & SP_TRANSPORT_E2EE)
		return V_DIVERT_STALE;
	x->flow = f;
	x->stream = s;
	return s->blocked ? V_BLOCKED : V_NONE;
}

/* RFC 5761 section 4: what looks like RTCP is no RTP, and the other way round. */
static enum verdict look(struct pkt_meta *x, const uint8_t *p)
{
	size_t header = 0;
	bool rtcp;

	if (x->rtp_len < 8 || p[0] >> 6 != 2)
		return V_DIVERT_BAD;
	rtcp = p[1] >= 192 && p[1] <= 223;
	if (rtcp != (x->kind == PKT_RTCP))
		return V_DIVERT_BAD;
	if (!rtcp) {
		header = rtp_header_len(p, x->rtp_len);
		if (header == 0)
			return V_DIVERT_BAD;
	}
	x->media = (uint16_t)(x->rtp_len - header);
	return V_NONE;
}

/* A sane rate, whatever runs away over there. */
static enum verdict police(const struct worker *w, const struct pkt_meta *x)
{
	const struct flow *to = flow_at(&x->stream->to);

	if (!to)
		return V_NO_PEER;
	return bucket_spend_packet(&to->run->back, &table_index(w->table)->back,
				   w->now)
		       ? V_NONE
		       : V_RATE;
}

static enum verdict accept_back(const struct worker *w, struct rte_mbuf *m,
				const struct divert_item *item)
{
	struct pkt_meta *x = pkt_meta(m);
	enum verdict v;

	x->rtp_len = item->len;
	x->kind = item->kind == DIVERT_RTP ? PKT_RTP : PKT_RTCP;
	x->side = item->kind == DIVERT_RTP ? SIDE_RTP : SIDE_RTCP;
	v = look(x, x->payload);
	if (v == V_NONE)
		v = find(w, x, item);
	return v == V_NONE ? police(w, x) : v;
}

uint16_t stage_back(struct worker *w, struct rte_mbuf *m[], uint16_t *n)
{
	struct divert *d = __atomic_load_n(&w->media, __ATOMIC_ACQUIRE);
	uint16_t k = 0;

	while (d && !d->broken && k < BACK_MAX && divert_waits(&d->back)) {
		struct rte_mbuf *b = rte_pktmbuf_alloc(w->ports->pool);
		struct divert_item item;
		enum divert_got got;

		if (!b)
			break; /* what waits keeps waiting */
		*pkt_meta(b) = (struct pkt_meta){
			.payload = rte_pktmbuf_mtod(b, uint8_t *),
			.handed = HANDED_BACK};
		got = divert_get(&d->back, &item, pkt_meta(b)->payload,
				 rte_pktmbuf_tailroom(b));
		if (got == DIVERT_BROKEN)
			__atomic_store_n(&d->broken, true, __ATOMIC_RELAXED);
		pkt_meta(b)->verdict = got == DIVERT_GOT
					       ? accept_back(w, b, &item)
					       : V_DIVERT_BAD;
		m[k++] = b;
	}
	*n = k;
	return k ? stage_split(m, k) : 0;
}
