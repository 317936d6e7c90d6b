/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/media_int.h"
#include "control/e2ee/secret.h"
#include <stdlib.h>

struct media {
	struct sender *tx[E2EE_KINDS];	 /* NULL: not in our list */
	struct receiver *rx[E2EE_KINDS]; /* NULL: not in the peer's list */
	uint64_t count[E2EE_KINDS][MEDIA_VERDICTS];
};

const char *media_verdict_name(enum media_verdict v)
{
	static const char *const names[MEDIA_VERDICTS] = {
		[MEDIA_OK] = "ok",	     [MEDIA_NOT_LISTED] = "not-listed",
		[MEDIA_SHORT] = "short",     [MEDIA_HEADER] = "header",
		[MEDIA_KIND] = "kind",	     [MEDIA_STEP] = "step",
		[MEDIA_REPLAY] = "replay",   [MEDIA_TAG] = "tag",
		[MEDIA_NO_ROOM] = "no-room", [MEDIA_FAILED] = "failed",
	};

	return (unsigned)v < MEDIA_VERDICTS ? names[v] : "unknown";
}

void step_next(struct step_key *s, const struct sframe_suite *suite)
{
	static const char label[] = "SFrame 1.0 Ratchet";
	size_t nh = hkdf_size(suite->hash);
	uint8_t prk[HKDF_MAX];

	hkdf_extract(suite->hash, prk, NULL, 0, s->key, s->len);
	hkdf_expand(suite->hash, s->key, nh, prk, label, sizeof(label) - 1);
	sodium_memzero(s->key + nh, sizeof(s->key) - nh);
	sodium_memzero(prk, sizeof(prk));
	s->len = nh;
	s->step++;
}

static bool make_sender(struct media *m, const struct e2ee *h,
			enum e2ee_kind kind, const struct media_limits *limits)
{
	enum e2ee_dir dir =
		e2ee_side_of(h) == E2EE_I ? E2EE_I_TO_R : E2EE_R_TO_I;
	uint16_t suite = e2ee_own_media(h)->suite[kind];
	uint8_t base[E2EE_BASE_KEY];

	if (!suite)
		return true;
	if (e2ee_key(h, dir, kind, base))
		m->tx[kind] = sender_new(suite, kind, base, limits);
	sodium_memzero(base, sizeof(base));
	return m->tx[kind] != NULL;
}

static bool make_receiver(struct media *m, const struct e2ee *h,
			  enum e2ee_kind kind)
{
	enum e2ee_dir dir =
		e2ee_side_of(h) == E2EE_I ? E2EE_R_TO_I : E2EE_I_TO_R;
	uint16_t suite = e2ee_peer_media(h)->suite[kind];
	uint8_t base[E2EE_BASE_KEY];

	if (!suite)
		return true;
	if (e2ee_key(h, dir, kind, base))
		m->rx[kind] = receiver_new(suite, kind, base);
	sodium_memzero(base, sizeof(base));
	return m->rx[kind] != NULL;
}

struct media *media_new(const struct e2ee *h, const struct media_limits *limits)
{
	static const struct media_limits standard = {MEDIA_STEP_PACKETS,
						     MEDIA_STEP_MS};
	struct media *m;

	if (!e2ee_peer_media(h))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	for (unsigned k = 0; k < E2EE_KINDS; k++)
		if (!make_sender(m, h, k, limits ? limits : &standard) ||
		    !make_receiver(m, h, k)) {
			media_free(m);
			return NULL;
		}
	return m;
}

void media_free(struct media *m)
{
	if (!m)
		return;
	for (unsigned k = 0; k < E2EE_KINDS; k++) {
		sender_free(m->tx[k]);
		receiver_free(m->rx[k]);
	}
	free(m);
}

enum media_verdict media_seal(struct media *m, enum e2ee_kind kind,
			      uint64_t now, const struct media_frame *f,
			      uint8_t *out, size_t room, size_t *len)
{
	*len = 0;
	if ((unsigned)kind >= E2EE_KINDS || !m->tx[kind])
		return MEDIA_NOT_LISTED;
	return sender_seal(m->tx[kind], now, f, out, room, len);
}

enum media_verdict media_open(struct media *m, enum e2ee_kind kind,
			      uint64_t now, const uint8_t *p, size_t n,
			      uint8_t *out, size_t room, struct media_frame *f)
{
	enum media_verdict v = MEDIA_NOT_LISTED;

	if ((unsigned)kind >= E2EE_KINDS)
		return v;
	if (m->rx[kind])
		v = receiver_open(m->rx[kind], now, p, n, out, room, f);
	m->count[kind][v]++;
	return v;
}

void media_tick(struct media *m, enum e2ee_kind kind, uint64_t now)
{
	if ((unsigned)kind < E2EE_KINDS && m->rx[kind])
		receiver_tick(m->rx[kind], now);
}

uint64_t media_count(const struct media *m, enum e2ee_kind kind,
		     enum media_verdict v)
{
	return m->count[kind][v];
}

bool media_digit_pad(const uint8_t event[MEDIA_DIGIT], uint8_t *out,
		     size_t size)
{
	if (size < MEDIA_DIGIT)
		return false;
	memset(out, 0, size);
	memcpy(out, event, MEDIA_DIGIT);
	return true;
}

bool media_digit_read(const uint8_t *p, size_t n, uint8_t event[MEDIA_DIGIT])
{
	if (n < MEDIA_DIGIT ||
	    !sodium_is_zero(p + MEDIA_DIGIT, n - MEDIA_DIGIT))
		return false;
	memcpy(event, p, MEDIA_DIGIT);
	return true;
}
