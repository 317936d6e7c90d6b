/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: added, changed, removed. A stream is part of the flow it leads
 * from, so each of these publishes another version of that flow. */
#include <stdlib.h>
#include <string.h>
#include "dataplane/flow/internal.h"

typedef unsigned long long ull;

static unsigned owner(const struct table *t, const struct transport *x)
{
	return (x->spec.rtp_port >> 1) % t->lim.workers;
}

/* The more a stream asks for, the earlier it is tried. */
static unsigned rank(const struct stream *s)
{
	static const uint8_t order[] = {
		[SP_MATCH_SSRC] = 0,
		[SP_MATCH_MID] = 1,
		[SP_MATCH_PT] = 2,
		[SP_MATCH_ANY] = 3,
	};

	return order[s->match];
}

/* Two m-lines of a bundle that some packet would fit both. */
static bool clash_mid(const struct demux_rule *a, const struct sp_stream *b)
{
	if ((a->pts[0] & b->pts[0]) || (a->pts[1] & b->pts[1]))
		return true;
	for (unsigned i = 0; i < a->n_ssrcs; i++)
		for (unsigned k = 0; k < b->n_ssrcs; k++)
			if (a->ssrcs[i] == b->ssrcs[k])
				return true;
	return a->mid_ext && a->mid_ext == b->mid_ext &&
	       a->mid_len == b->mid_len &&
	       memcmp(a->mid, b->mid, a->mid_len) == 0;
}

static bool clash(const struct stream *a, const struct sp_stream *b)
{
	return a->id != b->id && a->match == b->match &&
	       (a->match == SP_MATCH_ANY ||
		(a->match == SP_MATCH_PT && a->pt == b->pt) ||
		(a->match == SP_MATCH_MID && clash_mid(stream_rule(a), b)) ||
		(a->match == SP_MATCH_SSRC && a->ssrc == b->ssrc));
}

/* What a stream may join. */
static int check_ends(const struct table *t, const struct sp_stream *spec,
		      const struct transport *from, const struct transport *to,
		      char text[SP_TEXT_MAX])
{
	if (!from || !to)
		return refuse(text, SP_ENOENT, "%s: no transport %llu",
			      from ? "to" : "from",
			      (ull)(from ? spec->to : spec->from));
	if (owner(t, from) != owner(t, to))
		return refuse(text, SP_EOWNER,
			      "to: worker %u's, from is worker %u's",
			      owner(t, to), owner(t, from));
	if ((from->spec.flags ^ to->spec.flags) & SP_TRANSPORT_E2EE)
		return refuse(text, SP_EMARKED,
			      "%s: without the end-to-end mark that %llu bears",
			      from->spec.flags & SP_TRANSPORT_E2EE ? "to"
								   : "from",
			      (ull)(from->spec.flags & SP_TRANSPORT_E2EE
					    ? from->spec.id
					    : to->spec.id));
	if (spec->divert && (from->spec.flags & SP_TRANSPORT_E2EE))
		return refuse(text, SP_EMARKED,
			      "divert: %llu bears the end-to-end mark",
			      (ull)from->spec.id);
	/* RFC 5761 section 4: with the marker bit these look like RTCP. */
	if ((to->spec.flags & SP_TRANSPORT_RTCP_MUX) && spec->out_pt >= 64 &&
	    spec->out_pt <= 95)
		return refuse(text, SP_EINVAL,
			      "out_pt: %u looks like RTCP on a shared port",
			      spec->out_pt);
	for (unsigned i = 0; i < from->flow->n_streams; i++)
		if (clash(from->flow->stream[i], spec))
			return refuse(text, SP_EEXIST,
				      "match: stream %llu takes that already",
				      (ull)from->flow->stream[i]->id);
	return SP_OK;
}

/* A transport's place in the index. */
static struct flow *const *place(const struct table *t,
				 const struct transport *x)
{
	return t->media[x->spec.media_addr]->port +
	       (x->spec.rtp_port - t->index.udp_first);
}

static void rule_build(const struct sp_stream *spec, struct demux_rule *r)
{
	memcpy(r->pts, spec->pts, sizeof(r->pts));
	memcpy(r->ssrcs, spec->ssrcs, sizeof(r->ssrcs));
	memcpy(r->mid, spec->mid, sizeof(r->mid));
	r->n_ssrcs = spec->n_ssrcs;
	r->mid_ext = spec->mid_ext;
	r->mid_len = spec->mid_len;
}

static struct stream *stream_build(struct table *t,
				   const struct sp_stream *spec,
				   struct transport *from,
				   const struct transport *to,
				   struct stream_run *run)
{
	struct stream *s = arena_take(t->arena, stream_size(spec->match),
				      RTE_CACHE_LINE_SIZE);
	uint32_t clock = spec->clock ? spec->clock : STREAM_CLOCK_DEFAULT;

	/* Made with the first stream that needs it, kept with the transport. */
	if (s && spec->match == SP_MATCH_MID && !from->demux)
		from->demux = arena_take(t->arena, sizeof(*from->demux),
					 RTE_CACHE_LINE_SIZE);
	if (!s || (spec->match == SP_MATCH_MID && !from->demux)) {
		if (s)
			s->match = spec->match;
		discard(t, RETIRED_STREAM, s);
		return NULL;
	}
	s->run = run;
	s->to = to->flow;
	s->from = place(t, from);
	s->units = stats_ticks(clock, t->index.hz);
	s->id = spec->id;
	s->ssrc = spec->ssrc;
	s->ssrc_xor = spec->ssrc_xor;
	s->match = spec->match;
	if (spec->match == SP_MATCH_MID)
		rule_build(spec, stream_rule(s));
	s->pt = spec->pt;
	s->out_pt = spec->out_pt;
	s->masked = spec->ssrc_xor || spec->out_pt != SP_PT_KEEP;
	s->blocked = spec->blocked;
	s->divert = spec->divert;
	s->generation = spec->generation;
	return s;
}

/* Publish x's flow without `out` and with `in` (either may be NULL). */
static bool replace(struct table *t, struct transport *x,
		    const struct stream *out, struct stream *in)
{
	struct stream *list[FLOW_STREAMS_MAX + 1];
	unsigned n = 0;
	struct flow *f;

	for (unsigned i = 0; i < x->flow->n_streams; i++) {
		struct stream *s = x->flow->stream[i];

		if (in && rank(in) < rank(s)) {
			list[n++] = in;
			in = NULL;
		}
		if (s != out)
			list[n++] = s;
	}
	if (in)
		list[n++] = in;
	f = flow_build(t, x, list, n);
	if (f)
		flow_publish(t, x, f);
	return f != NULL;
}

/* It is of this version, and leads there. Said before the flow that it is from
 * is replaced: where that is the very one that it leads to, it is told of the
 * new one. */
static void lead(struct stream_rec *rec, struct stream *s, struct transport *to)
{
	if (rec->to) {
		LIST_REMOVE(rec, into);
		rec->to->to--;
	}
	rec->stream = s;
	rec->to = to;
	LIST_INSERT_HEAD(&to->into, rec, into);
	to->to++;
}

int table_stream_add(struct table *t, const struct sp_stream *spec,
		     char text[SP_TEXT_MAX])
{
	struct transport *from, *to;
	struct stream_run *run = NULL;
	struct stream *s = NULL;
	struct stream_rec *rec;
	int r;

	reclaim(t);
	r = validate_stream(spec, text);
	if (r != SP_OK)
		return r;
	if (stream_find(t, spec->id))
		return refuse(text, SP_EEXIST, "id: stream %llu is there",
			      (ull)spec->id);
	from = transport_find(t, spec->from);
	to = transport_find(t, spec->to);
	r = check_ends(t, spec, from, to, text);
	if (r != SP_OK)
		return r;
	if (t->n_streams >= t->lim.streams)
		return refuse(text, SP_ENOSPC, "full: %u streams",
			      t->n_streams);
	if (from->flow->n_streams >= FLOW_STREAMS_MAX)
		return refuse(text, SP_ENOSPC, "from: has %u streams already",
			      FLOW_STREAMS_MAX);

	rec = calloc(1, sizeof(*rec));
	run = arena_take(t->arena, sizeof(*run), RTE_CACHE_LINE_SIZE);
	if (rec && run)
		s = stream_build(t, spec, from, to, run);
	if (!s || rte_hash_add_key_data(t->streams, &spec->id, rec) != 0)
		goto no_memory;
	*rec = (struct stream_rec){.spec = *spec, .from = from};
	lead(rec, s, to);
	if (!taken_set(t, s) || !replace(t, from, NULL, s)) {
		LIST_REMOVE(rec, into);
		to->to--;
		taken_clear(t, spec->id);
		rte_hash_del_key(t->streams, &spec->id);
		goto no_memory;
	}
	t->n_streams++;
	transport_widen(t, from);
	transport_widen(t, to);
	return SP_OK;

no_memory:
	discard(t, RETIRED_STREAM, s);
	discard(t, RETIRED_STREAM_RUN, run);
	free(rec);
	return refuse(text, SP_ENOSPC, "no memory for another stream");
}

int table_stream_change(struct table *t, const struct sp_stream *spec,
			char text[SP_TEXT_MAX])
{
	struct stream_rec *rec = stream_find(t, spec->id), was;
	struct transport *to;
	struct stream *s;
	int r;

	reclaim(t);
	if (!rec)
		return refuse(text, SP_ENOENT, "id: no stream %llu",
			      (ull)spec->id);
	r = validate_stream(spec, text);
	if (r != SP_OK)
		return r;
	if (spec->from != rec->spec.from)
		return refuse(text, SP_EINVAL,
			      "from: stays for a stream's life");
	to = transport_find(t, spec->to);
	r = check_ends(t, spec, rec->from, to, text);
	if (r != SP_OK)
		return r;

	s = stream_build(t, spec, rec->from, to, rec->stream->run);
	if (!s || !taken_set(t, s)) {
		discard(t, RETIRED_STREAM, s);
		return refuse(text, SP_ENOSPC, "no memory for the change");
	}
	was = *rec;
	lead(rec, s, to);
	if (!replace(t, rec->from, was.stream, s)) {
		lead(rec, was.stream, was.to);
		taken_set(t, was.stream); /* its place is still there */
		retire(t, RETIRED_STREAM, s);
		return refuse(text, SP_ENOSPC, "no memory for the change");
	}
	retire(t, RETIRED_STREAM, was.stream);
	rec->spec = *spec;
	transport_widen(t, to);
	return SP_OK;
}

int table_stream_remove(struct table *t, uint64_t id, char text[SP_TEXT_MAX])
{
	struct stream_rec *rec = stream_find(t, id);

	reclaim(t);
	if (!rec)
		return refuse(text, SP_ENOENT, "id: no stream %llu", (ull)id);
	if (!replace(t, rec->from, rec->stream, NULL))
		return refuse(text, SP_ENOSPC, "no memory for the change");
	taken_clear(t, id);
	rte_hash_del_key(t->streams, &id);
	t->n_streams--;
	LIST_REMOVE(rec, into);
	rec->to->to--;
	retire(t, RETIRED_STREAM, rec->stream);
	retire(t, RETIRED_STREAM_RUN, rec->stream->run);
	free(rec);
	return SP_OK;
}
