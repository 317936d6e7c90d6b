/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/media_send.c - one kind's sender: counters, and the ratchet that
 * moves only when there is something to send. */
#include "control/e2ee/media_int.h"
#include "control/e2ee/secret.h"

struct sender {
	const struct sframe_suite *suite;
	struct media_limits limits;
	struct step_key base;
	struct sframe_key *key; /* of base's step */
	uint64_t ctr;		/* next one */
	uint64_t since;		/* when the step's first packet was sent */
	uint8_t kind;
};

static struct sframe_key *key_of(const struct sender *s,
				 const struct step_key *base)
{
	return sframe_key_new(s->suite, SFRAME_SEAL,
			      media_kid(base->step, s->kind), base->key,
			      base->len);
}

struct sender *sender_new(uint16_t suite, enum e2ee_kind kind,
			  const uint8_t base[E2EE_BASE_KEY],
			  const struct media_limits *limits)
{
	struct sender *s = secret_alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->suite = sframe_suite(suite);
	s->limits = *limits;
	s->kind = (uint8_t)kind;
	s->base.len = E2EE_BASE_KEY;
	memcpy(s->base.key, base, E2EE_BASE_KEY);
	s->key = key_of(s, &s->base);
	if (!s->key) {
		secret_free(s);
		return NULL;
	}
	return s;
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	sframe_key_free(s->key);
	secret_free(s);
}

/* By one, however long it is ago: the receiver can't know of steps on which
 * nothing was sent. */
static bool step(struct sender *s)
{
	struct step_key next = s->base;
	struct sframe_key *key;

	step_next(&next, s->suite);
	key = key_of(s, &next);
	if (key) {
		sframe_key_free(s->key);
		s->key = key;
		s->base = next;
		s->ctr = 0;
	}
	sodium_memzero(&next, sizeof(next));
	return key != NULL;
}

enum media_verdict sender_seal(struct sender *s, uint64_t now,
			       const struct media_frame *f, uint8_t *out,
			       size_t room, size_t *len)
{
	const uint8_t kind = s->kind;
	uint8_t *inner;
	size_t head;

	if (room < MEDIA_OVERHEAD || f->len > room - MEDIA_OVERHEAD)
		return MEDIA_NO_ROOM;
	if (s->ctr && (s->ctr >= s->limits.step_packets ||
		       now - s->since >= s->limits.step_ms))
		if (!step(s))
			return MEDIA_FAILED;
	if (!s->ctr)
		s->since = now;
	head = sframe_header_size(media_kid(s->base.step, kind), s->ctr);
	inner = out + head;
	inner[0] = (uint8_t)((f->marker ? 0x80 : 0) | (f->codec & 0x7f));
	e2ee_put16(inner + 1, (uint16_t)(f->timestamp >> 16));
	e2ee_put16(inner + 3, (uint16_t)f->timestamp);
	if (f->len)
		memcpy(inner + MEDIA_INNER, f->payload, f->len);
	/* The counter is spent whether or not it works out. */
	*len = sframe_seal(s->key, s->ctr++, &kind, 1, inner,
			   MEDIA_INNER + f->len, out, room);
	return *len ? MEDIA_OK : MEDIA_FAILED;
}
