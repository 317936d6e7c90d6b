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

void media_transport(const struct media *m, const struct mline *l, enum leg x,
		     struct sp_transport *out)
{
	const struct mleg *leg = &l->leg[x];
	const struct flow *f = l->flow;

	memset(out, 0, sizeof(*out));
	out->id = f->transport[x];
	out->call = m->call;
	out->media_addr = f->media[x];
	out->flags = (leg->mux ? SP_TRANSPORT_RTCP_MUX : 0) |
		     (m->e2ee.state == E2EE_ON ? SP_TRANSPORT_E2EE : 0);
	/* the port behind a NAT is its own; the address must be right */
	out->source = SP_SOURCE_LEARN;
	out->dscp = strcmp(l->kind, "video") == 0 ? DSCP_AF41 : DSCP_EF;
	out->rtp_port = f->port[x];
	out->stun = out->dtls = SP_PUNT_DROP;
	out->peer_rtp = leg->rtp;
	out->peer_rtcp = leg->rtcp;
	out->max_pps = leg->max_pps;
	out->max_octets = leg->max_octets;
	hopkey_export(leg->rx, &out->rx);
	hopkey_export(leg->tx, &out->tx);
	/* a new key starts from 0 (RFC 4568 section 7.1.4); what only looks
	 * new since a restart lost the old one goes on from where it was */
	if (leg->rx && leg->rx->repeat)
		out->rx_roc = dp_transport_roc(m->dp, out->id);
	out->silent_ms = SILENT_MS;
}

void media_stream(const struct mline *l, enum leg from, struct sp_stream *out)
{
	const struct flow *f = l->flow;

	memset(out, 0, sizeof(*out));
	out->id = f->stream[from];
	out->from = f->transport[from];
	out->to = f->transport[OTHER_LEG(from)];
	out->ssrc_xor = f->ssrc_xor;
	out->match = SP_MATCH_ANY;
	out->out_pt = SP_PT_KEEP;
	out->blocked = !media_flows(l, from);
	out->clock = l->codec.clock;
}

static int refused(struct media_why *why, int status, const char *text)
{
	return media_no(why,
			status == SP_ENOSPC || status == DP_AWAY ? 503 : 500,
			"The dataplane refused the media: %s", text);
}

/* One m-line, made or changed. */
static int line_program(struct media *m, struct mline *l, struct media_why *why)
{
	struct flow *f = l->flow;
	char text[SP_TEXT_MAX] = "";
	struct sp_transport t;
	struct sp_stream s;
	int status = SP_OK;

	/* made once more with keys that have been in use: no index of theirs
	 * may come again, so the SSRCs are others */
	if (!f->programmed && f->used)
		f->ssrc_xor = 1 + randombytes_uniform(UINT32_MAX);
	f->programmed = f->used = true;
	for (int x = LEG_A; status == SP_OK && x <= LEG_B; x++) {
		media_transport(m, l, x, &t);
		status = dp_transport_set(m->dp, &t, text);
		sodium_memzero(&t, sizeof(t));
	}
	for (int x = LEG_A; status == SP_OK && x <= LEG_B; x++) {
		media_stream(l, x, &s);
		status = dp_stream_set(m->dp, &s, text);
		if (s.blocked)
			f->since[x] = 0;
		else if (!f->since[x])
			f->since[x] = media_now();
	}
	return status == SP_OK ? 0 : refused(why, status, text);
}

static bool state_has(const struct state *s, const struct flow *f)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->line[i].flow == f)
			return true;
	return false;
}

/* Take out of the dataplane what one state has and another hasn't. */
static void remove_missing(struct media *m, const struct state *had,
			   const struct state *has)
{
	for (unsigned i = 0; i < had->n; i++) {
		struct flow *f = had->line[i].flow;

		if (!f || !f->programmed || state_has(has, f))
			continue;
		for (int x = LEG_A; x <= LEG_B; x++)
			dp_stream_remove(m->dp, f->stream[x]);
		for (int x = LEG_A; x <= LEG_B; x++)
			dp_transport_remove(m->dp, f->transport[x]);
		f->programmed = false;
	}
}

int media_program(struct media *m, struct state *next, struct media_why *why)
{
	struct media_why ignored;
	int err = 0;

	for (unsigned i = 0; !err && i < next->n; i++)
		if (next->line[i].flow)
			err = line_program(m, &next->line[i], why);
	if (err) {
		remove_missing(m, next, m->cur);
		for (unsigned i = 0; i < m->cur->n; i++)
			if (m->cur->line[i].flow)
				line_program(m, &m->cur->line[i], &ignored);
		return err;
	}
	remove_missing(m, m->cur, next);
	state_free(m->cur);
	m->cur = next;
	return 0;
}
