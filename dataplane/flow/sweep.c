/* SPDX-License-Identifier: Apache-2.0 */
/* What control ought to hear of: sources learned, silence, rollover counters,
 * keys near their end. And room for further SSRCs, before they come. Looks at what
 * workers leave behind without disturbing them, a slice of the table at a time, and
 * says each change once. */
#include <string.h>
#include <rte_cycles.h>
#include "dataplane/flow/internal.h"
#include "dataplane/flow/source.h"

enum {
	SLICE = 4096, /* transports in one sweep: about a millisecond */
	KEY_WARN = 8, /* warn when this part of the lifetime is left */
};

struct sweep {
	struct table *t;
	void (*f)(void *arg, const struct sp_event *e);
	void *arg;
	uint64_t now;
};

static void say(const struct sweep *w, const struct transport *x,
		enum sp_event_kind kind, uint32_t ssrc, uint64_t value,
		const struct endpoint *addr)
{
	struct sp_event e = {
		.kind = (uint16_t)kind,
		.ssrc = ssrc,
		.id = x->spec.id,
		.value = value,
	};

	if (addr) {
		e.addr.family = addr->family;
		e.addr.prefix = addr->family == 6 ? 128 : 32;
		e.addr.port = rte_be_to_cpu_16(addr->port);
		memcpy(e.addr.addr, addr->addr, sizeof(e.addr.addr));
	}
	w->f(w->arg, &e);
}

static void sweep_source(const struct sweep *w, struct transport *x)
{
	uint32_t gen = __atomic_load_n(&x->run->source_gen, __ATOMIC_RELAXED);

	/* Until a packet has come, run still obeys the rule before. */
	if (x->spec.source == SP_SOURCE_STRICT || gen != x->flow->source_gen)
		return;
	for (unsigned side = 0; side < 2; side++) {
		struct endpoint e = source_read(x->run, side);

		if (e.family && !endpoint_same(&e, &x->told.source[side]))
			say(w, x, SP_EVENT_SOURCE, 0, side, &e);
		x->told.source[side] = e;
	}
}

static void sweep_silence(const struct sweep *w, struct transport *x)
{
	struct told *told = &x->told;
	uint32_t last = __atomic_load_n(&x->run->last, __ATOMIC_RELAXED);
	uint32_t since = last ? last : told->since;
	/* What the worker noted just now may be ahead of us. */
	int32_t quiet = (int32_t)(flow_moment(w->now) - since);
	uint64_t limit = x->spec.silent_ms * (w->t->index.hz / 1000);
	bool news = last != told->last;

	told->last = last;
	if (news && !told->flowing) {
		told->flowing = true;
		told->silent = false;
		say(w, x, SP_EVENT_MEDIA, 0, 0, NULL);
	} else if (limit && !told->silent && quiet > 0 &&
		   (uint64_t)quiet << FLOW_MOMENT_BITS > limit) {
		told->flowing = false;
		told->silent = true;
		say(w, x, SP_EVENT_SILENT, 0, 0, NULL);
	}
}

/* What was said of an SSRC; roc: of one not met before. @return NULL: no memory
 * now, so the next sweep says it. */
static struct told_roc *told_roc(struct told *told, uint32_t ssrc, uint32_t roc)
{
	struct told_roc *t = &told->first;

	for (unsigned i = 0; i < told->n; i++) {
		t = i ? &told->more[i - 1] : &told->first;
		if (t->ssrc == ssrc)
			return t;
	}
	if (told->n && !told->more)
		told->more = calloc(SRTP_SSRC_MAX - 1, sizeof(*told->more));
	if (told->n && !told->more)
		return NULL;
	if (told->n == SRTP_SSRC_MAX)
		t = &told->first; /* the session has let one go as well */
	else
		t = told->n ? &told->more[told->n - 1] : t;
	told->n += told->n < SRTP_SSRC_MAX;
	*t = (struct told_roc){ssrc, roc};
	return t;
}

static void sweep_roc(const struct sweep *w, struct transport *x,
		      const struct srtp_state *st)
{
	struct told_roc *t = told_roc(&x->told, st->ssrc, x->spec.rx_roc);

	if (t && t->roc != st->roc) {
		say(w, x, SP_EVENT_ROC, st->ssrc, st->roc, NULL);
		t->roc = st->roc;
	}
}

/* The SSRC that is nearest its end of a key; NULL: all have long to go. */
static const struct srtp_state *near_end(const struct keys *ks,
					 const struct srtp_state st[],
					 unsigned n)
{
	const struct srtp_state *least = NULL;
	uint64_t life = 0;

	for (unsigned i = 0; i < ks->n; i++) {
		uint64_t l = keys_at(ks, i)->packets ? keys_at(ks, i)->packets
						     : 1ull << 48;

		life = l > life ? l : life;
	}
	for (unsigned i = 0; i < n; i++)
		if (st[i].left <= life / KEY_WARN &&
		    (!least || st[i].left < least->left))
			least = &st[i];
	return least;
}

/* Once for each time that it comes near; another key takes it away again. */
static void sweep_keys(const struct sweep *w, struct transport *x,
		       const struct srtp_state st[], unsigned n,
		       enum srtp_dir dir)
{
	const struct srtp_state *s = near_end(&x->keys[dir], st, n);

	if (s && !x->told.key_end[dir]) {
		x->told.warnings[dir]++;
		say(w, x, SP_EVENT_KEY_END, s->ssrc, s->left, NULL);
	}
	x->told.key_end[dir] = s != NULL;
}

static void sweep_sessions(const struct sweep *w, struct transport *x)
{
	const struct srtp_backend *b = w->t->srtp;
	struct srtp_state st[SRTP_SSRC_MAX];
	unsigned n;

	n = x->rx ? b->session_state(x->rx, st, SRTP_SSRC_MAX) : 0;
	if (n >= SRTP_SSRC_NEAR)
		b->session_widen(x->rx); /* or at the next sweep */
	for (unsigned i = 0; i < n; i++)
		sweep_roc(w, x, &st[i]);
	sweep_keys(w, x, st, n, SRTP_RX);
	n = x->tx ? b->session_state(x->tx, st, SRTP_SSRC_MAX) : 0;
	if (n >= SRTP_SSRC_NEAR)
		b->session_widen(x->tx);
	sweep_keys(w, x, st, n, SRTP_TX);
}

void table_sweep(struct table *t,
		 void (*f)(void *arg, const struct sp_event *e), void *arg)
{
	struct sweep w = {t, f, arg, rte_rdtsc()};
	const void *key;
	void *p;

	reclaim(t);
	for (unsigned i = 0; i < SLICE; i++) {
		if (rte_hash_iterate(t->transports, &key, &p, &t->sweep_at) <
		    0) {
			t->sweep_at = 0;
			return;
		}
		sweep_source(&w, p);
		sweep_silence(&w, p);
		sweep_sessions(&w, p);
	}
}
