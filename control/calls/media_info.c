/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on: for lists, records and people, and for the watch. */
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

static void codec_print(const struct codec *c, char *out, size_t size)
{
	if (!c->name[0])
		out[0] = '\0';
	else if (c->channels > 1)
		snprintf(out, size, "%s/%u/%u", c->name, c->clock, c->channels);
	else
		snprintf(out, size, "%s/%u", c->name, c->clock);
}

static uint16_t suite_of(const struct hopkey *k)
{
	return k ? k->sdes.suite : SP_SUITE_PLAIN;
}

unsigned media_describe(struct media *m, struct media_info info[], unsigned n)
{
	if (n > m->cur->n)
		n = m->cur->n;
	for (unsigned i = 0; i < n; i++) {
		struct mline *l = &m->cur->line[i];
		struct media_info *o = &info[i];

		memset(o, 0, sizeof(*o));
		snprintf(o->kind, sizeof(o->kind), "%s", l->kind);
		o->refusal = l->flow ? NULL : l->refusal;
		if (!l->flow)
			continue;
		o->active = true;
		o->transcoded = l->transcoded;
		for (int x = LEG_A; x <= LEG_B; x++) {
			codec_print(l->transcoded ? &l->tongue[x].codec
						  : &l->codec,
				    o->codec[x], sizeof(o->codec[x]));
			o->suite_rx[x] = suite_of(l->leg[x].rx);
			o->suite_tx[x] = suite_of(l->leg[x].tx);
			snprintf(o->proto[x], sizeof(o->proto[x]), "%s",
				 l->leg[x].proto);
			o->dir[x] = (uint8_t)l->leg[x].dir;
			o->local[x] = m->side[x].local;
			o->local[x].port = l->leg[x].tp->port;
			o->peer[x] = l->leg[x].rtp;
			o->stream[x] = l->flow->stream[x];
			dp_stats(m->dp, l->flow->stream[x], &l->flow->stats[x]);
			o->stats[x] = l->flow->stats[x];
		}
	}
	return n;
}

/* @return 1: that leg is silent on this line; 0: it isn't; -1: it need not send
 * anything. */
static int line_silent(const struct media *m, const struct mline *l, int x,
		       uint32_t ms)
{
	uint64_t since = l->flow ? l->flow->since[x] : 0;

	if (!since)
		return -1;
	/* after a hold, silence counts from its end */
	return media_now() - since >= ms &&
	       dp_transport_silent(m->dp, l->leg[x].tp->id) >= ms;
}

bool media_silent_from(const struct media *m, enum leg from, uint32_t ms)
{
	bool expected = false;

	for (unsigned i = 0; i < m->cur->n; i++) {
		int silent = line_silent(m, &m->cur->line[i], (int)from, ms);

		if (!silent)
			return false;
		expected = expected || silent > 0;
	}
	return expected;
}

bool media_silent(const struct media *m, uint32_t ms)
{
	bool expected = false;

	for (unsigned i = 0; i < m->cur->n; i++) {
		for (int x = LEG_A; x <= LEG_B; x++) {
			int silent = line_silent(m, &m->cur->line[i], x, ms);

			if (!silent)
				return false;
			expected = expected || silent > 0;
		}
	}
	return expected;
}

bool media_keys_lost(const struct media *m)
{
	for (unsigned i = 0; i < m->cur->n; i++) {
		const struct mline *l = &m->cur->line[i];

		if (l->flow &&
		    (dp_transport_lost(m->dp, l->leg[LEG_A].tp->id) ||
		     dp_transport_lost(m->dp, l->leg[LEG_B].tp->id)))
			return true;
	}
	return false;
}
