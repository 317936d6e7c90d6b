/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and DTLS as they arrive, by the transport's id, and what comes of them:
 * an answer, a peer that is nominated, keys. Whoever sent a datagram may be
 * anyone; ice.h and dtls.h say what each believes. */
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/log.h"

#define BUCKETS	   4096 /* a power of two; ids are random */
#define FIRST_DTLS 20	/* RFC 7983: the first octet */
#define LAST_DTLS  63
#define LAST_STUN  3

/* Of all calls; control's thread. */
static struct transport *listed[BUCKETS];

static struct transport **bucket(uint64_t id)
{
	return &listed[id % BUCKETS];
}

static struct transport *find(uint64_t id)
{
	struct transport *t = *bucket(id);

	while (t && t->id != id)
		t = t->next;
	return t;
}

/* What a state's first m-line on this transport says; NULL: none is. */
static struct mleg *first_leg(struct state *st, const struct transport *t)
{
	for (unsigned i = 0; st && i < st->n; i++)
		if (st->line[i].flow && st->line[i].leg[t->leg].tp == t)
			return &st->line[i].leg[t->leg];
	return NULL;
}

static void changed(struct media *m)
{
	if (m->changed)
		m->changed(m->changed_arg);
}

/* Whom it may hear and send to has changed. */
static void moved(struct transport *t)
{
	struct media *m = t->m;
	struct mleg *leg = first_leg(m->cur, t);
	char text[SP_TEXT_MAX] = "";

	if (!leg)
		return; /* not answered yet: the answer programs it */
	if (media_transport_program(m, m->cur, t, text) != SP_OK)
		log_warn(m->call, "the dataplane refused a transport: %s",
			 text);
	if (t->dtls)
		session_begin(t->dtls, t, leg);
	changed(m);
}

static void on_stun(struct transport *t, const struct sp_datagram *d)
{
	uint8_t reply[STUN_REPLY_MAX];
	enum ice_result r;
	size_t n;

	if (!t->ice)
		return;
	r = ice_recv(&t->ice->ice, d->rtcp, &d->addr, d->data, d->len,
		     media_now(), reply, &n);
	if (n)
		dp_inject(t->dp, t->id, d->rtcp, &d->addr, reply, n);
	if (r == ICE_NOMINATED)
		moved(t);
}

static void on_dtls(struct transport *t, const struct sp_datagram *d)
{
	struct mleg *leg = first_leg(t->m->cur, t);

	if (!leg)
		leg = first_leg(t->m->offer, t);
	if (t->dtls && leg)
		session_recv(t->dtls, d, leg, t->ice);
}

static void on_punt(const struct sp_datagram *d, void *arg)
{
	struct transport *t = find(d->id);

	(void)arg;
	if (!t || !d->len)
		return;
	if (d->data[0] <= LAST_STUN)
		on_stun(t, d);
	else if (d->data[0] >= FIRST_DTLS && d->data[0] <= LAST_DTLS)
		on_dtls(t, d);
}

void media_punt_list(struct transport *t)
{
	if (find(t->id) == t)
		return;
	t->next = *bucket(t->id);
	*bucket(t->id) = t;
	dp_punt_handler(t->dp, on_punt, NULL);
}

void media_punt_unlist(struct transport *t)
{
	struct transport **at = bucket(t->id);

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

void media_punt_use(struct transport *t, const struct mleg *leg)
{
	if (t->ice != leg->ice) {
		agent_drop(&t->ice);
		t->ice = agent_ref(leg->ice);
	}
	if (t->dtls != leg->dtls) {
		session_drop(&t->dtls);
		t->dtls = session_ref(leg->dtls);
	}
	if (t->ice || t->dtls)
		media_punt_list(t);
}

static void keys_into(struct state *st, struct session *s)
{
	for (unsigned i = 0; st && i < 2 * st->n; i++) {
		struct mleg *leg = &st->line[i / 2].leg[i % 2];

		if (leg->dtls == s)
			session_keys(s, leg);
	}
}

void media_punt_keys(struct media *m, struct session *s)
{
	char text[SP_TEXT_MAX] = "";

	keys_into(m->cur, s);
	keys_into(m->base, s);
	keys_into(m->offer, s);
	for (unsigned i = 0; i < 2 * m->cur->n; i++) {
		struct mleg *leg = &m->cur->line[i / 2].leg[i % 2];

		if (!leg->tp || leg->dtls != s ||
		    first_leg(m->cur, leg->tp) != leg)
			continue;
		log_info(m->call, "DTLS-SRTP: keys for %s on leg %c",
			 m->cur->line[i / 2].kind, i % 2 ? 'B' : 'A');
		if (media_transport_program(m, m->cur, leg->tp, text) != SP_OK)
			log_warn(m->call,
				 "the dataplane refused DTLS-SRTP keys: %s",
				 text);
	}
	changed(m);
}

void media_punt_early(struct media *m, struct state *st, enum leg x)
{
	char text[SP_TEXT_MAX];

	/* nothing is programmed before it is known whether it bears the mark */
	if (m->e2ee.state == E2EE_OFFERED)
		return;
	for (unsigned i = 0; i < st->n; i++) {
		struct mleg *leg = &st->line[i].leg[x];
		struct transport *t = leg->tp;

		if (!st->line[i].flow || t->ice || t->dtls ||
		    !(leg->ice || leg->dtls))
			continue;
		media_punt_use(t, leg);
		if (!t->programmed)
			media_transport_program(m, st, t, text);
		if (t->dtls)
			session_begin(t->dtls, t, leg);
	}
}

void media_on_change(struct media *m, void (*f)(void *arg), void *arg)
{
	m->changed = f;
	m->changed_arg = arg;
}

void media_tick(struct media *m)
{
	for (unsigned i = 0; i < 2 * m->cur->n; i++) {
		struct transport *t = m->cur->line[i / 2].leg[i % 2].tp;

		if (!t || !t->ice || !t->sending ||
		    ice_peer(&t->ice->ice, 0, media_now()))
			continue;
		log_info(
			m->call,
			"ICE: no check from the peer for %u s, its media stops",
			ICE_CONSENT_MS / 1000);
		moved(t);
	}
}
