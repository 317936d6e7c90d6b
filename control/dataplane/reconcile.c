/* SPDX-License-Identifier: Apache-2.0 */
/* What there is against what there ought to be. Media flows on meanwhile, so
 * whatever matches is left alone, and streams go before the transports they
 * need and come after them. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/dataplane/dp_internal.h"

/* Ids to remove, collected from a list. */
struct ids {
	uint64_t *id;
	unsigned n, room;
	bool failed;
};

struct pass {
	struct dp *dp;
	struct ids streams, transports; /* to remove */
	bool broken;			/* the link */
};

static void ids_add(struct ids *ids, uint64_t id)
{
	if (ids->n == ids->room) {
		unsigned room = ids->room ? ids->room * 2 : 256;
		uint64_t *p = reallocarray(ids->id, room, sizeof(*p));

		if (!p) {
			ids->failed = true;
			return;
		}
		ids->id = p;
		ids->room = room;
	}
	ids->id[ids->n++] = id;
}

static void mark_missing(struct want *w, void *arg)
{
	(void)arg;
	w->mark = WANT_MISSING;
	w->lost = false;
}

static void transport_seen(const union sp_body *b, void *arg)
{
	const struct sp_transport *there = &b->transport;
	struct pass *p = arg;
	struct want *w = wants_find(p->dp->wants, false, there->id);

	/* what sits on another local port can't be changed into ours */
	if (!w || w->t.media_addr != there->media_addr ||
	    w->t.rtp_port != there->rtp_port) {
		ids_add(&p->transports, there->id);
		return;
	}
	w->made = true;
	w->mark = want_transport_same(&w->t, there) ? WANT_SAME : WANT_DIFFERS;
}

static void stream_seen(const union sp_body *b, void *arg)
{
	const struct sp_stream *there = &b->stream;
	struct pass *p = arg;
	struct want *w = wants_find(p->dp->wants, true, there->id);
	struct want *from, *to;
	struct sp_stream mine;

	from = w ? wants_find(p->dp->wants, false, w->s.from) : NULL;
	to = w ? wants_find(p->dp->wants, false, w->s.to) : NULL;
	if (!w || w->s.from != there->from || w->s.to != there->to || !from ||
	    !to || from->mark == WANT_MISSING || to->mark == WANT_MISSING) {
		ids_add(&p->streams, there->id);
		return;
	}
	/* the mask in use is the right one: an earlier one must not come back
	 * from a saved call */
	w->s.ssrc_xor = there->ssrc_xor;
	w->made = true;
	mine = w->s;
	w->mark = mine.ssrc == there->ssrc && mine.match == there->match &&
				  mine.pt == there->pt &&
				  mine.out_pt == there->out_pt &&
				  mine.blocked == there->blocked &&
				  mine.clock == there->clock &&
				  mine.divert == there->divert &&
				  mine.generation == there->generation &&
				  mine.mid_ext == there->mid_ext &&
				  mine.mid_len == there->mid_len &&
				  mine.n_ssrcs == there->n_ssrcs &&
				  memcmp(mine.mid, there->mid,
					 sizeof(mine.mid)) == 0 &&
				  memcmp(mine.pts, there->pts,
					 sizeof(mine.pts)) == 0 &&
				  memcmp(mine.ssrcs, there->ssrcs,
					 sizeof(mine.ssrcs)) == 0
			  ? WANT_SAME
			  : WANT_DIFFERS;
}

/* One request of the pass; a refusal is counted, a broken link ends it. */
static void ask(struct pass *p, uint16_t type, const void *body,
		unsigned *count)
{
	int status;

	if (p->broken)
		return;
	status = dp_request(p->dp, type, body, 0, NULL, NULL, NULL);
	if (status == DP_AWAY)
		p->broken = true;
	else if (status == SP_OK)
		(*count)++;
	else
		p->dp->summary.failed++;
}

static void transport_mend(struct want *w, void *arg)
{
	struct pass *p = arg;
	struct dp_summary *sum = &p->dp->summary;

	if (w->mark == WANT_SAME) {
		sum->left++;
	} else if (w->mark == WANT_DIFFERS) {
		ask(p, SP_TRANSPORT_CHANGE, &w->t, &sum->changed);
	} else if (!want_key_known(&w->t.rx) || !want_key_known(&w->t.tx)) {
		w->lost = true;
		sum->lost++;
	} else {
		ask(p, SP_TRANSPORT_ADD, &w->t, &sum->added);
		w->made = true;
		/* whether media comes is for the new one to say */
		w->silent_at = 0;
	}
}

static void stream_mend(struct want *w, void *arg)
{
	struct pass *p = arg;
	struct dp_summary *sum = &p->dp->summary;
	const struct want *from = wants_find(p->dp->wants, false, w->s.from);
	const struct want *to = wants_find(p->dp->wants, false, w->s.to);

	if (w->mark == WANT_SAME) {
		sum->left++;
	} else if (w->mark == WANT_DIFFERS) {
		ask(p, SP_STREAM_CHANGE, &w->s, &sum->changed);
	} else if (!from || !to || from->lost || to->lost) {
		w->lost = true;
		sum->lost++;
	} else {
		if (w->made && to->t.tx.suite != SP_SUITE_PLAIN)
			w->s.ssrc_xor = 1 + randombytes_uniform(UINT32_MAX);
		ask(p, SP_STREAM_ADD, &w->s, &sum->added);
		w->made = true;
	}
}

static void stats_seen(const union sp_body *b, void *arg)
{
	*(struct sp_stats *)arg = b->stats;
}

/* What events would have told: rollover counter and silence. */
static void stream_catch_up(struct want *w, void *arg)
{
	struct pass *p = arg;
	struct want *from = wants_find(p->dp->wants, false, w->s.from);
	struct sp_stats st = {0};
	int status;

	if (p->broken || w->mark == WANT_MISSING || !from)
		return;
	status = dp_request(p->dp, SP_STREAM_STATS, &(struct sp_id){w->id},
			    SP_STATS_ITEM, stats_seen, &st, NULL);
	p->broken = status == DP_AWAY;
	if (status != SP_OK)
		return;
	if (from->t.rx_roc < st.rx_roc)
		from->t.rx_roc = st.rx_roc;
	if (st.silent_ms == UINT32_MAX || !from->t.silent_ms ||
	    st.silent_ms < from->t.silent_ms)
		from->silent_at = 0;
	else
		from->silent_at = tmr_jiffies() - st.silent_ms;
}

static void remove_all(struct pass *p, uint16_t type, const struct ids *ids)
{
	for (unsigned i = 0; i < ids->n; i++)
		ask(p, type, &(struct sp_id){ids->id[i]},
		    &p->dp->summary.removed);
}

bool dp_reconcile(struct dp *dp)
{
	struct pass p = {.dp = dp};

	dp->summary = (struct dp_summary){0};
	wants_each(dp->wants, false, mark_missing, NULL);
	wants_each(dp->wants, true, mark_missing, NULL);
	p.broken = dp_request(dp, SP_TRANSPORT_LIST, NULL, SP_TRANSPORT_ITEM,
			      transport_seen, &p, NULL) != SP_OK ||
		   dp_request(dp, SP_STREAM_LIST, NULL, SP_STREAM_ITEM,
			      stream_seen, &p, NULL) != SP_OK ||
		   p.streams.failed || p.transports.failed;

	remove_all(&p, SP_STREAM_REMOVE, &p.streams);
	remove_all(&p, SP_TRANSPORT_REMOVE, &p.transports);
	if (!p.broken) {
		wants_each(dp->wants, false, transport_mend, &p);
		wants_each(dp->wants, true, stream_mend, &p);
		wants_each(dp->wants, true, stream_catch_up, &p);
	}
	free(p.streams.id);
	free(p.transports.id);
	return !p.broken;
}
