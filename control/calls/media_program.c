/* SPDX-License-Identifier: Apache-2.0 */
/* A state into the dataplane. Transports come before the streams that need
 * them; what the new state no longer has goes last, so that media that goes on
 * is never without its flows. */
#include <sodium.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/libre.h"

#define DSCP_EF	  46   /* audio, RFC 4594 section 4.1 */
#define DSCP_AF41 34   /* video, RFC 4594 section 4.3 */
#define SILENT_MS 5000 /* from when on silence is worth an event */

uint64_t media_now(void)
{
	return tmr_jiffies();
}

bool media_flows(const struct mline *l, enum leg from)
{
	const struct mleg *f = &l->leg[from], *t = &l->leg[OTHER_LEG(from)];

	return l->flow && SDP_DIR_SEND(f->dir) && SDP_DIR_RECV(t->dir) &&
	       !t->no_recv;
}

/* The m-line of an offer that is out, if it goes on where l is: on the same
 * transports. */
static const struct mline *line_offered(const struct media *m,
					const struct mline *l)
{
	size_t i = (size_t)(l - m->cur->line);
	const struct mline *o;

	if (!m->offer || m->answered || !l->flow || i >= m->offer->n)
		return NULL;
	o = &m->offer->line[i];
	return o->flow == l->flow && o->leg[LEG_A].tp == l->leg[LEG_A].tp &&
			       o->leg[LEG_B].tp == l->leg[LEG_B].tp
		       ? o
		       : NULL;
}

/* Who offers to hear has to be ready for it at once (RFC 3264 section 5.1):
 * what the answerer sends may be here before its answer has been read. */
static bool media_opens(const struct media *m, const struct mline *l,
			enum leg from)
{
	const struct mline *o = line_offered(m, l);
	const struct mleg *to = o ? &o->leg[OTHER_LEG(from)] : NULL;

	return o && from != m->offerer && SDP_DIR_RECV(to->dir) && !to->no_recv;
}

bool media_offer_opens(const struct media *m)
{
	bool opens = false;

	for (unsigned i = 0; i < m->cur->n && m->offer; i++) {
		const struct mline *l = &m->cur->line[i];
		enum leg from = OTHER_LEG(m->offerer);

		opens |= !media_flows(l, from) && media_opens(m, l, from);
	}
	return opens;
}

/* What all m-lines of a transport may send together; 0 is no limit, and then
 * there is none for the sum. */
static uint32_t sum_rates(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return 0;
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* From and to whom. Nobody, as long as there are no keys where there have to be
 * some, or ICE has nominated nobody: then nothing comes in or goes out. */
static void peers_say(const struct mleg *leg, struct sp_transport *out)
{
	const struct sp_addr *rtp = &leg->rtp, *rtcp = &leg->rtcp;

	if (leg->keying == KEYING_RELAY)
		out->stun = out->dtls = SP_PUNT_RELAY;
	if (leg->keying == KEYING_DTLS)
		out->dtls = SP_PUNT_CONTROL;
	if (leg->ice) {
		out->stun = SP_PUNT_CONTROL;
		out->source = SP_SOURCE_STRICT;
		rtp = ice_peer(&leg->ice->ice, 0, media_now());
		rtcp = leg->mux ? rtp
				: ice_peer(&leg->ice->ice, 1, media_now());
	}
	if (leg->keying == KEYING_DTLS) {
		if (!leg->rx || !leg->tx || leg->setup == HOLDCONN)
			return;
		/* each port would need keys of its own, RFC 5764 section 3 */
		if (!leg->mux)
			rtcp = NULL;
	}
	if (rtp)
		out->peer_rtp = *rtp;
	if (rtcp)
		out->peer_rtcp = *rtcp;
}

static void transport_says(const struct media *m, const struct mleg *leg,
			   struct sp_transport *out)
{
	out->flags = (leg->mux ? SP_TRANSPORT_RTCP_MUX : 0) |
		     (m->e2ee.state == E2EE_ON ? SP_TRANSPORT_E2EE : 0);
	peers_say(leg, out);
	hopkey_export(leg->rx, &out->rx);
	hopkey_export(leg->tx, &out->tx);
	/* a new key starts from 0 (RFC 4568 section 7.1.4); what only looks
	 * new since a restart lost the old one goes on from where it was */
	if (leg->rx && leg->rx->repeat)
		out->rx_roc = dp_transport_roc(m->dp, out->id);
	else if (leg->rx)
		out->rx_roc = leg->rx->roc;
}

void media_transport(const struct media *m, const struct state *st,
		     const struct transport *t, enum leg x,
		     struct sp_transport *out)
{
	const struct media_manner *how = &m->side[x].manner;
	bool first = true;

	memset(out, 0, sizeof(*out));
	out->id = t->id;
	out->call = m->call;
	out->media_addr = t->media;
	out->rtp_port = t->port;
	/* the port behind a NAT is its own; the address must be right */
	out->source = how->source ? how->source : SP_SOURCE_LEARN;
	out->dscp = how->marked ? how->dscp : DSCP_EF;
	out->stun = out->dtls = SP_PUNT_DROP;
	out->silent_ms = SILENT_MS;
	for (unsigned i = 0; i < st->n; i++) {
		const struct mline *l = &st->line[i];
		const struct mleg *leg = &l->leg[x];

		if (!l->flow || leg->tp != t)
			continue;
		/* what shares a port with video can't be in audio's queue */
		if (!how->marked && strcmp(l->kind, "video") == 0)
			out->dscp = DSCP_AF41;
		if (first)
			transport_says(m, leg, out);
		out->max_pps = first ? leg->max_pps
				     : sum_rates(out->max_pps, leg->max_pps);
		out->max_octets =
			first ? leg->max_octets
			      : sum_rates(out->max_octets, leg->max_octets);
		first = false;
	}
}

void media_stream(const struct media *m, const struct state *st,
		  const struct mline *l, enum leg from, struct sp_stream *out)
{
	const struct flow *f = l->flow;

	memset(out, 0, sizeof(*out));
	out->id = f->stream[from];
	out->from = l->leg[from].tp->id;
	out->to = l->leg[OTHER_LEG(from)].tp->id;
	out->ssrc_xor = f->ssrc_xor;
	out->match = SP_MATCH_ANY;
	if (media_bundle_shared(st, l, from))
		media_bundle_match(st, l, from, out);
	out->out_pt = SP_PT_KEEP;
	out->blocked = m->side[from].blocked || !media_flows(l, from);
	if (m->solo)
		out->blocked = !media_flows(l, from) &&
			       !media_flows(l, OTHER_LEG(from));
	else if (media_on_hold(m, l, from) || media_inserted(m, l, from))
		out->blocked = false;
	if (st == m->cur && media_opens(m, l, from) &&
	    media_divert(m, l, from) != SP_DIVERT_TAKE)
		out->blocked = m->side[from].blocked;
	out->clock =
		l->transcoded ? l->tongue[from].codec.clock : l->codec.clock;
	out->divert = media_divert(m, l, from);
	out->generation = out->divert ? f->generation : 0;
}

static int refused(struct media_why *why, int status, const char *text)
{
	return media_no(why,
			status == SP_ENOSPC || status == DP_AWAY ? 503 : 500,
			"The dataplane refused the media: %s", text);
}

int media_transport_program(struct media *m, const struct state *st,
			    struct transport *t, char text[SP_TEXT_MAX])
{
	struct sp_transport spec;
	int status;

	media_transport(m, st, t, t->leg, &spec);
	status = dp_transport_set(m->dp, &spec, text);
	t->sending = spec.peer_rtp.family != 0;
	sodium_memzero(&spec, sizeof(spec));
	t->programmed = t->used = true;
	return status;
}

static int streams_program(struct media *m, const struct state *st,
			   struct mline *l, char text[SP_TEXT_MAX])
{
	struct flow *f = l->flow;
	struct sp_stream s;
	int status = SP_OK;

	for (int x = LEG_A; status == SP_OK && x <= LEG_B; x++) {
		if (!media_has(m, x))
			continue;
		media_stream(m, st, l, x, &s);
		f->from[x] = s.from;
		status = dp_stream_set(m->dp, &s, text);
		f->made[x] |= s.divert == SP_DIVERT_TAKE;
		if (status == SP_OK)
			media_duty_set(m, l, x);
		if (s.blocked || !media_flows(l, x))
			f->since[x] = 0;
		else if (!f->since[x])
			f->since[x] = media_now();
	}
	return status;
}

/* Is it the m-line that speaks for this leg's transport? */
static bool first_on(const struct state *st, const struct mline *l, enum leg x)
{
	for (const struct mline *o = st->line; o < l; o++)
		if (o->flow && o->leg[x].tp == l->leg[x].tp)
			return false;
	return true;
}

/* Associations may have had their keys before the answer was here; those that
 * haven't may begin. */
static void keys_program(struct state *st)
{
	for (unsigned i = 0; i < 2 * st->n; i++) {
		struct mleg *leg = &st->line[i / 2].leg[i % 2];

		if (leg->dtls && st->line[i / 2].flow)
			session_keys(leg->dtls, leg);
	}
}

static void keys_begin(struct state *st)
{
	for (unsigned i = 0; i < 2 * st->n; i++) {
		struct mline *l = &st->line[i / 2];
		struct mleg *leg = &l->leg[i % 2];

		if (leg->dtls && l->flow && first_on(st, l, i % 2))
			session_begin(leg->dtls, leg->tp, leg);
	}
}

/* One m-line, made or changed. */
static int line_program(struct media *m, const struct state *st,
			struct mline *l, struct media_why *why)
{
	struct flow *f = l->flow;
	char text[SP_TEXT_MAX] = "";
	int status = SP_OK;

	for (int x = LEG_A; status == SP_OK && x <= LEG_B; x++) {
		struct transport *t = l->leg[x].tp;

		if (!media_has(m, x))
			continue;
		/* made once more with keys that have been in use: no index of
		 * theirs may come again, so the SSRCs are others */
		if (!t->programmed && t->used)
			f->ssrc_xor = 1 + randombytes_uniform(UINT32_MAX);
		if (first_on(st, l, x)) {
			media_punt_use(t, &l->leg[x]);
			status = media_transport_program(m, st, t, text);
		}
	}
	if (status == SP_OK)
		status = streams_program(m, st, l, text);
	f->programmed = true;
	return status == SP_OK ? 0 : refused(why, status, text);
}

static bool state_has_flow(const struct state *s, const struct flow *f)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->line[i].flow == f)
			return true;
	return false;
}

static bool state_has_transport(const struct state *s,
				const struct transport *t)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->line[i].leg[LEG_A].tp == t ||
		    s->line[i].leg[LEG_B].tp == t)
			return true;
	return false;
}

/* Take out of the dataplane what one state has and another hasn't: all streams
 * before the first transport. */
static void remove_missing(struct media *m, const struct state *had,
			   const struct state *has)
{
	for (unsigned i = 0; i < had->n; i++) {
		struct flow *f = had->line[i].flow;

		if (!f || !f->programmed || state_has_flow(has, f))
			continue;
		for (int x = LEG_A; x <= LEG_B; x++)
			dp_stream_remove(m->dp, f->stream[x]);
		media_duty_drop(f);
		f->programmed = false;
	}
	for (unsigned i = 0; i < 2 * had->n; i++) {
		struct transport *t = had->line[i / 2].leg[i % 2].tp;

		if (!t || !t->programmed || state_has_transport(has, t))
			continue;
		dp_transport_remove(m->dp, t->id);
		t->programmed = false;
	}
}

/* Streams that move to another transport of their leg leave the old one before
 * any joins: on a bundle each packet has one stream at most. */
static void streams_part(struct media *m, const struct state *next)
{
	for (unsigned i = 0; i < 2 * next->n; i++) {
		const struct mline *l = &next->line[i / 2];
		struct flow *f = l->flow;
		unsigned x = i % 2;

		if (!f || !f->programmed || !f->from[x] ||
		    f->from[x] == l->leg[x].tp->id)
			continue;
		dp_stream_remove(m->dp, f->stream[x]);
		f->from[x] = 0;
	}
}

void media_manner(struct media *m, enum leg l, const struct media_manner *how)
{
	m->side[l].manner = *how;
}

int media_streams_program(struct media *m, struct media_why *why)
{
	char text[SP_TEXT_MAX] = "";
	int status = SP_OK;

	for (unsigned i = 0; status == SP_OK && i < m->cur->n; i++)
		if (m->cur->line[i].flow && m->cur->line[i].flow->programmed)
			status = streams_program(m, m->cur, &m->cur->line[i],
						 text);
	return status == SP_OK ? 0 : refused(why, status, text);
}

int media_block(struct media *m, enum leg from, bool blocked,
		struct media_why *why)
{
	bool before = m->side[from].blocked;

	m->side[from].blocked = blocked;
	if (media_streams_program(m, why) == 0)
		return 0;
	m->side[from].blocked = before;
	return -1;
}

int media_copy(struct media *m, bool on, struct media_why *why)
{
	bool before = m->copy;
	char text[SP_TEXT_MAX] = "";
	int status = SP_OK;

	if (on && m->e2ee.state == E2EE_ON)
		return media_no(why, 403,
				"An end-to-end encrypted call can't be copied");
	m->copy = on;
	for (unsigned i = 0; status == SP_OK && i < m->cur->n; i++)
		if (m->cur->line[i].flow && m->cur->line[i].flow->programmed)
			status = streams_program(m, m->cur, &m->cur->line[i],
						 text);
	if (status == SP_OK)
		return 0;
	m->copy = before;
	return refused(why, status, text);
}

int media_program(struct media *m, struct state *next, struct media_why *why)
{
	struct media_why ignored;
	int err = 0;

	keys_program(next);
	streams_part(m, next);
	for (unsigned i = 0; !err && i < next->n; i++)
		if (next->line[i].flow)
			err = line_program(m, next, &next->line[i], why);
	if (err) {
		remove_missing(m, next, m->cur);
		streams_part(m, m->cur);
		for (unsigned i = 0; i < m->cur->n; i++)
			if (m->cur->line[i].flow)
				line_program(m, m->cur, &m->cur->line[i],
					     &ignored);
		return err;
	}
	remove_missing(m, m->cur, next);
	state_free(m->cur);
	m->cur = next;
	keys_begin(m->cur);
	return 0;
}
