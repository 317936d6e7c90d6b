/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/media_recv.c - one kind's receiver: which step a packet is of,
 * whether it was seen, and the ratchet that moves only when one authenticates.
 *
 * Steps ahead are derived when a packet first names them and kept aside, so a
 * forger can make us derive each of the 31 once, not once for each packet. */
#include "control/e2ee/media_int.h"
#include "control/e2ee/secret.h"

#define WORDS (MEDIA_WINDOW / 64)

struct window { /* bit ctr % MEDIA_WINDOW, for counters down from `top` */
	bool any;
	uint64_t top; /* highest counter accepted */
	uint64_t bits[WORDS];
};

struct slot {
	struct step_key base;	/* len 0: not derived; the key is elsewhere */
	struct sframe_key *key; /* NULL: not made */
};

struct receiver {
	const struct sframe_suite *suite;
	uint8_t kind;
	struct slot at[1 + MEDIA_AHEAD]; /* [0] is the current step */
	struct window window;
	struct sframe_key *before; /* the step before; NULL: none, or over */
	struct window before_window;
	uint64_t before_until;
};

static bool window_fresh(const struct window *w, uint64_t ctr)
{
	if (!w->any || ctr > w->top)
		return true;
	if (w->top - ctr >= MEDIA_WINDOW)
		return false;
	return !(w->bits[ctr / 64 % WORDS] >> ctr % 64 & 1);
}

static void window_take(struct window *w, uint64_t ctr)
{
	if (!w->any || (ctr > w->top && ctr - w->top >= MEDIA_WINDOW)) {
		memset(w->bits, 0, sizeof(w->bits));
		w->top = ctr;
		w->any = true;
	}
	while (w->top < ctr) {
		w->top++;
		w->bits[w->top / 64 % WORDS] &= ~(UINT64_C(1) << w->top % 64);
	}
	w->bits[ctr / 64 % WORDS] |= UINT64_C(1) << ctr % 64;
}

struct receiver *receiver_new(uint16_t suite, enum e2ee_kind kind,
			      const uint8_t base[E2EE_BASE_KEY])
{
	struct receiver *r = secret_alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->suite = sframe_suite(suite);
	r->kind = (uint8_t)kind;
	r->at[0].base.len = E2EE_BASE_KEY;
	memcpy(r->at[0].base.key, base, E2EE_BASE_KEY);
	return r;
}

void receiver_free(struct receiver *r)
{
	if (!r)
		return;
	for (unsigned d = 0; d <= MEDIA_AHEAD; d++)
		sframe_key_free(r->at[d].key);
	sframe_key_free(r->before);
	secret_free(r);
}

/* The key d steps ahead; derived with those between where it isn't yet. */
static struct sframe_key *key_ahead(struct receiver *r, unsigned d)
{
	struct slot *s = &r->at[d];
	unsigned from = d;

	while (!r->at[from].base.len) /* [0] always is */
		from--;
	for (; from < d; from++) {
		r->at[from + 1].base = r->at[from].base;
		step_next(&r->at[from + 1].base, r->suite);
	}
	if (!s->key)
		s->key = sframe_key_new(r->suite, SFRAME_OPEN,
					media_kid(s->base.step, r->kind),
					s->base.key, s->base.len);
	return s->key;
}

static void drop_before(struct receiver *r)
{
	sframe_key_free(r->before);
	r->before = NULL;
}

/* A packet d >= 1 steps ahead was authentic: that step is the current one, and
 * the one right before it, whatever was received of it, the step before. */
static void adopt(struct receiver *r, unsigned d, uint64_t now)
{
	struct window none = {.any = false};

	drop_before(r);
	r->before = key_ahead(r, d - 1); /* NULL without memory: then none */
	r->at[d - 1].key = NULL;
	r->before_window = d == 1 ? r->window : none;
	r->before_until = now + MEDIA_BEFORE_MS;
	r->window = none;
	for (unsigned i = 0; i < d; i++)
		sframe_key_free(r->at[i].key);
	memmove(r->at, r->at + d, (1 + MEDIA_AHEAD - d) * sizeof(r->at[0]));
	sodium_memzero(r->at + 1 + MEDIA_AHEAD - d, d * sizeof(r->at[0]));
}

void receiver_tick(struct receiver *r, uint64_t now)
{
	if (r->before && now >= r->before_until)
		drop_before(r);
}

static void inner_read(const uint8_t *p, size_t n, struct media_frame *f)
{
	f->marker = p[0] >> 7;
	f->codec = p[0] & 0x7f;
	f->timestamp = (uint32_t)e2ee_get16(p + 1) << 16 | e2ee_get16(p + 3);
	f->payload = p + MEDIA_INNER;
	f->len = n - MEDIA_INNER;
}

/* What can be said of a packet before any key is touched. */
static enum media_verdict screen(const struct receiver *r, const uint8_t *p,
				 size_t n, size_t room, struct sframe_header *h)
{
	if (!sframe_header_read(p, n, h) || h->kid > 0xff)
		return MEDIA_HEADER;
	if ((h->kid & 3) != r->kind)
		return MEDIA_KIND;
	if (n < h->len + MEDIA_INNER + r->suite->nt)
		return MEDIA_SHORT;
	if (room < n - h->len - r->suite->nt)
		return MEDIA_NO_ROOM;
	return MEDIA_OK;
}

enum media_verdict receiver_open(struct receiver *r, uint64_t now,
				 const uint8_t *p, size_t n, uint8_t *out,
				 size_t room, struct media_frame *f)
{
	const uint8_t kind = r->kind;
	struct sframe_header h;
	enum media_verdict v = screen(r, p, n, room, &h);
	struct window none = {.any = false}, *w = &none;
	struct sframe_key *key;
	unsigned d;
	size_t len;

	if (v)
		return v;
	receiver_tick(r, now);
	d = (unsigned)((h.kid >> 2) - r->at[0].base.step) & 63;
	if (d > MEDIA_AHEAD && (d != 63 || !r->before))
		return MEDIA_STEP;
	if (d == 0)
		w = &r->window;
	else if (d == 63)
		w = &r->before_window;
	if (!window_fresh(w, h.ctr))
		return MEDIA_REPLAY;
	key = d == 63 ? r->before : key_ahead(r, d);
	if (!key)
		return MEDIA_FAILED;
	if (!sframe_open(key, &h, &kind, 1, p, n, out, &len))
		return MEDIA_TAG;
	f->step = r->at[0].base.step + (d == 63 ? UINT64_MAX : d); /* -1 */
	f->ctr = h.ctr;
	if (d && d != 63) {
		adopt(r, d, now);
		w = &r->window;
	}
	window_take(w, h.ctr);
	inner_read(out, len, f);
	return MEDIA_OK;
}
