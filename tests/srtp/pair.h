/* SPDX-License-Identifier: Apache-2.0 */
/* tests/srtp/pair.h - a sender and its receiver, for the cases of srtp_test. */
#pragma once
#include "tests/srtp/cases.h"

/* Two sessions with the same keys: what one seals the other opens. */
struct pair {
	struct srtp_session *tx, *rx;
};

static inline struct pair pair_open(struct subject *u,
				    const struct srtp_master *m,
				    unsigned window)
{
	return (struct pair){open_session(u, m, SRTP_TX, window),
			     open_session(u, m, SRTP_RX, window)};
}

static inline void pair_close(struct subject *u, struct pair *x)
{
	u->b->session_free(x->tx);
	u->b->session_free(x->rx);
}

static inline struct pair pair_of(struct subject *u, uint16_t suite,
				  unsigned window)
{
	struct srtp_master m = make_master(suite, 7, 0);

	return pair_open(u, &m, window);
}

static inline struct packet sealed_rtp(struct subject *u, struct pair *x,
				       uint32_t ssrc, uint16_t seq)
{
	struct packet p = make_rtp(ssrc, seq, 40);

	assert_int_equal(run1(u, RTP_SEAL, x->tx, &p), SRTP_OK);
	return p;
}

/* Opens a copy, and sees that it is what was sealed. */
static inline uint8_t open_rtp(struct subject *u, struct pair *x,
			       const struct packet *sealed)
{
	struct packet p = *sealed, want;
	uint8_t v = run1(u, RTP_OPEN, x->rx, &p);

	if (v != SRTP_OK)
		return v;
	want = make_rtp((uint32_t)p.data[8] << 24 | p.data[9] << 16 |
				p.data[10] << 8 | p.data[11],
			p.data[2] << 8 | p.data[3], 40);
	assert_same(&p, &want);
	return v;
}

#define FOR_SUITES(s) for (const uint16_t *s = all_suites; *s; s++)
