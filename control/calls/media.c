/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call's media, and of the states that they are kept in. */
#include "control/calls/media_impl.h"
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int media_no(struct media_why *why, int status, const char *fmt, ...)
{
	va_list ap;

	why->status = status;
	why->stays = false;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* Random, never 0, and exact in every JSON reader: below 2^53. */
static uint64_t fresh_id(void)
{
	uint64_t id;

	do {
		randombytes_buf(&id, sizeof(id));
		id >>= 11;
	} while (id == 0);
	return id;
}

/* ------------------------------------------------------------------ flows */

static struct transport *transport_new(struct media *m, enum leg x,
				       uint16_t port)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->refs = 1;
	t->m = m;
	t->leg = x;
	t->dp = m->dp;
	t->id = fresh_id();
	t->media = (uint8_t)m->side[x].media;
	t->port = port;
	return t;
}

struct transport *transport_ref(struct transport *t)
{
	if (t)
		t->refs++;
	return t;
}

void transport_drop(struct transport **tp)
{
	struct transport *t = *tp;

	*tp = NULL;
	if (!t || --t->refs > 0)
		return;
	media_punt_unlist(t);
	agent_drop(&t->ice);
	session_drop(&t->dtls); /* may still say goodbye */
	if (t->programmed)
		dp_transport_remove(t->dp, t->id);
	dp_ports_give(t->dp, t->media, t->port);
	free(t);
}

static struct flow *flow_new(struct dp *dp)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->dp = dp;
	for (int l = LEG_A; l <= LEG_B; l++)
		f->stream[l] = fresh_id();
	f->generation = (uint32_t)fresh_id();
	return f;
}

void flow_drop(struct flow **fp)
{
	struct flow *f = *fp;

	*fp = NULL;
	if (!f || --f->refs > 0)
		return;
	for (int l = LEG_A; f->programmed && l <= LEG_B; l++)
		dp_stream_remove(f->dp, f->stream[l]);
	media_duty_drop(f);
	free(f);
}

static int ports_refused(int err, struct media_why *why)
{
	return media_no(why, err == ENOMEM ? 500 : 503,
			err == ENOSPC ? "No media port is free; try again later"
			: err == ENOTCONN
				? "The dataplane is away; try again later"
				: "Media ports can't be reserved");
}

/* Of the worker that has the call's first ones, since any m-lines may be bundled
 * on one leg and not on the other. has: that leg needs none. */
static int ports_take(struct media *m, const bool has[2], uint16_t port[2])
{
	const uint8_t media[2] = {(uint8_t)m->side[LEG_A].media,
				  (uint8_t)m->side[LEG_B].media};
	int err = 0;

	if (!m->port) {
		err = dp_ports_take(m->dp, media, port);
		m->port = err ? 0 : port[LEG_A];
		return err;
	}
	for (int x = LEG_A; !err && x <= LEG_B; x++)
		if (!has[x])
			err = dp_ports_take_with(m->dp, media[x], m->port,
						 &port[x]);
	if (err && port[LEG_A])
		dp_ports_give(m->dp, media[LEG_A], port[LEG_A]);
	/* another's, where that worker has no more: m-lines of their own */
	if (err == ENOSPC && !has[LEG_A] && !has[LEG_B])
		err = dp_ports_take(m->dp, media, port);
	return err;
}

int mline_reserve(struct media *m, struct mline *l, struct media_why *why)
{
	const bool has[2] = {l->leg[LEG_A].tp || !media_has(m, LEG_A),
			     l->leg[LEG_B].tp || !media_has(m, LEG_B)};
	uint16_t port[2] = {0, 0};
	int err = ports_take(m, has, port);

	if (err)
		return ports_refused(err, why);
	l->flow = flow_new(m->dp);
	for (int x = LEG_A; x <= LEG_B; x++) {
		/* the first ones come as a pair */
		if (!media_has(m, x) && port[x])
			dp_ports_give(m->dp, (uint8_t)m->side[x].media,
				      port[x]);
		if (has[x])
			continue;
		l->leg[x].tp = transport_new(m, x, port[x]);
		if (!l->leg[x].tp)
			dp_ports_give(m->dp, (uint8_t)m->side[x].media,
				      port[x]);
	}
	if (m->solo)
		l->leg[OTHER_LEG(m->real)].tp =
			transport_ref(l->leg[m->real].tp);
	if (l->flow && l->leg[LEG_A].tp && l->leg[LEG_B].tp)
		return 0;
	mline_clear(l);
	return media_no(why, 500, "Out of memory");
}

void mline_share(struct mline *l, const struct mline *had)
{
	l->flow = had->flow;
	l->flow->refs++;
	for (int x = LEG_A; x <= LEG_B; x++) {
		transport_drop(&l->leg[x].tp);
		l->leg[x].tp = transport_ref(had->leg[x].tp);
	}
}

/* ----------------------------------------------------------------- states */

void mleg_settle(struct mleg *leg)
{
	for (unsigned i = 0; i < leg->n_offered; i++)
		hopkey_drop(&leg->offered[i]);
	leg->n_offered = 0;
}

void mline_clear(struct mline *l)
{
	for (int x = LEG_A; x <= LEG_B; x++) {
		struct mleg *leg = &l->leg[x];

		hopkey_drop(&leg->rx);
		hopkey_drop(&leg->tx);
		mleg_settle(leg);
		agent_drop(&leg->ice);
		session_drop(&leg->dtls);
		leg->keying = KEYING_PLAIN;
		leg->mux = leg->no_recv = leg->bundled = false;
	}
	/* streams go before the transports that they lead to */
	flow_drop(&l->flow);
	transport_drop(&l->leg[LEG_A].tp);
	transport_drop(&l->leg[LEG_B].tp);
}

struct state *state_new(unsigned n)
{
	struct state *s = calloc(1, sizeof(*s) + n * sizeof(s->line[0]));

	if (!s)
		return NULL;
	s->n = n;
	for (unsigned i = 0; i < n; i++)
		media_codecs_init(&s->line[i]);
	return s;
}

struct state *state_copy(const struct state *s)
{
	struct state *c = state_new(s->n);

	if (!c)
		return NULL;
	memcpy(c->line, s->line, s->n * sizeof(s->line[0]));
	for (unsigned i = 0; i < c->n; i++) {
		struct mline *l = &c->line[i];

		media_codecs_ref(l);
		if (l->flow)
			l->flow->refs++;
		for (int x = LEG_A; x <= LEG_B; x++) {
			transport_ref(l->leg[x].tp);
			agent_ref(l->leg[x].ice);
			session_ref(l->leg[x].dtls);
			hopkey_ref(l->leg[x].rx);
			hopkey_ref(l->leg[x].tx);
			for (unsigned k = 0; k < l->leg[x].n_offered; k++)
				hopkey_ref(l->leg[x].offered[k]);
		}
	}
	return c;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		mline_clear(&s->line[i]);
		media_codecs_drop(&s->line[i]);
	}
	free(s);
}

/* ------------------------------------------------------------------ media */

struct media *media_new(struct dp *dp, uint64_t call,
			const struct media_leg_addr addr[2],
			const struct media_profile profile[2])
{
	struct media *m = calloc(1, sizeof(*m));

	if (!m || sodium_init() < 0 || !(m->cur = state_new(0))) {
		free(m);
		return NULL;
	}
	m->dp = dp;
	m->call = call;
	for (int l = LEG_A; l <= LEG_B; l++) {
		struct side *s = &m->side[l];

		s->addr = addr[l];
		s->profile = profile[l];
		s->media = -1;
		s->session = fresh_id();
		s->version = 1;
	}
	return m;
}

void media_free(struct media *m)
{
	if (!m)
		return;
	state_free(m->offer);
	state_free(m->base);
	state_free(m->cur);
	state_free(m->side[LEG_A].was);
	state_free(m->side[LEG_B].was);
	free(m->told);
	free(m);
}

void media_leg(struct media *m, enum leg l, const struct media_leg_addr *addr,
	       const struct media_profile *profile)
{
	m->side[l].addr = *addr;
	m->side[l].profile = *profile;
	if (m->cur->n == 0) /* no port on the other address is in use */
		m->side[l].media = -1;
}

void media_set_profile(struct media *m, enum leg l,
		       const struct media_profile *profile)
{
	m->side[l].profile = *profile;
}

void media_peer(struct media *m, enum leg l, const struct sp_addr *peer)
{
	m->side[l].addr.peer = *peer;
}

void media_solo(struct media *m, enum leg real)
{
	m->solo = true;
	m->real = real;
	m->side[OTHER_LEG(real)].addr = m->side[real].addr;
	memset(&m->side[OTHER_LEG(real)].profile, 0,
	       sizeof(m->side[real].profile)); /* plain */
}

void media_here(struct media *m, enum leg l, struct sp_addr *out)
{
	struct media_why ignored;

	memset(out, 0, sizeof(*out));
	if (!media_addr_pick(m, l, &ignored))
		*out = m->side[l].local;
}

void media_settle(struct media *m)
{
	if (m->offer && !m->answered)
		return;
	state_free(m->offer);
	state_free(m->base);
	m->offer = m->base = NULL;
	m->answered = false;
	for (int x = LEG_A; x <= LEG_B; x++) { /* it has arrived */
		state_free(m->side[x].was);
		m->side[x].was = NULL;
	}
}

void media_rollback(struct media *m)
{
	struct media_why why;
	bool opened = media_offer_opens(m);

	state_free(m->offer);
	m->offer = NULL;
	if (opened)
		media_streams_program(m, &why);
	if (m->answered && media_program(m, m->base, &why) == 0)
		m->base = NULL;
	state_free(m->base);
	m->base = NULL;
	m->answered = false;
	for (int x = LEG_A; x <= LEG_B; x++)
		m->side[x].lines = m->had_lines[x];
}
