/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit or is not there: short packets, no room, too many SSRCs,
 * the last index, unknown suites, memory. */
#include <stdlib.h>
#include <string.h>
#include "tests/srtp/pair.h"

void ssrc_full(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct pair y = pair_of(u, *suite, 64);
		struct packet p;

		for (unsigned i = 0; i < SRTP_SSRC_MAX; i++) {
			p = sealed_rtp(u, &x, 100 + i, 1);
			assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		}
		p = make_rtp(99, 1, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SSRC_FULL);
		p = make_rtcp(99, 40);
		assert_int_equal(run1(u, RTCP_SEAL, x.tx, &p), SRTP_SSRC_FULL);
		p = sealed_rtp(u, &y, 99, 1);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_SSRC_FULL);
		p = sealed_rtp(u, &y, 98, 1);
		p.data[20] ^= 1;
		assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_TAG);
		p = sealed_rtp(u, &x, 107, 2);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		pair_close(u, &x);
		pair_close(u, &y);
	}
}

/* Room for two, until there is more: what is there goes on, and the third is
 * heard from then on. */
void ssrc_near(void **state)
{
	struct subject *u = *state;

	for (unsigned window = 64; window <= 1024; window *= 4) {
		struct srtp_master m =
			make_master(SP_SUITE_AEAD_AES_128_GCM, 7, 0);
		struct pair x = {
			u->b->session_new(u->e, &m, SRTP_TX, window, &u->mem),
			u->b->session_new(u->e, &m, SRTP_RX, window, &u->mem)};
		struct pair y = pair_open(u, &m, window);
		struct packet p, again;
		struct srtp_state st[SRTP_SSRC_MAX];

		for (unsigned i = 0; i < SRTP_SSRC_NEAR; i++) {
			p = sealed_rtp(u, &x, 100 + i, 1);
			assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		}
		p = make_rtp(110, 1, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SSRC_FULL);
		again = sealed_rtp(u, &y, 110, 1);
		assert_int_equal(open_rtp(u, &x, &again), SRTP_SSRC_FULL);

		assert_true(u->b->session_widen(x.tx));
		assert_true(u->b->session_widen(x.rx));
		assert_true(u->b->session_widen(x.rx)); /* once is enough */
		assert_int_equal(open_rtp(u, &x, &again), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &again), SRTP_REPLAY);
		for (unsigned i = 0; i < SRTP_SSRC_NEAR; i++) {
			p = make_rtp(100 + i, 1, 40);
			assert_int_equal(run1(u, RTP_SEAL, x.tx, &p),
					 SRTP_INDEX_USED);
			p = sealed_rtp(u, &x, 100 + i, 2);
			assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
			assert_int_equal(open_rtp(u, &x, &p), SRTP_REPLAY);
		}
		assert_int_equal(u->b->session_state(x.rx, st, SRTP_SSRC_MAX),
				 SRTP_SSRC_NEAR + 1);
		assert_int_equal(st[SRTP_SSRC_NEAR].ssrc, 110);
		pair_close(u, &x);
		pair_close(u, &y);
	}
}

/* Every length below the shortest that can be, header fields that promise more
 * than there is. The octets are in a block of just that size, for ASan. */
void short_packets(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		for (unsigned mki_len = 0; mki_len < 5; mki_len += 4) {
			struct srtp_master m = make_master(*suite, 7, mki_len);
			struct pair x = pair_open(u, &m, 64);
			const struct sp_suite_info *info =
				sp_suite_info(*suite);

			for (unsigned op = RTP_SEAL; op <= RTCP_OPEN; op++) {
				unsigned least = op < RTCP_SEAL ? 12 : 8;

				if (op == RTP_OPEN)
					least += info->tag_len + mki_len;
				if (op == RTCP_OPEN)
					least += info->rtcp_tag_len + mki_len +
						 4;
				for (unsigned len = 0; len < least; len++) {
					uint8_t *data = malloc(len + !len);
					struct srtp_pkt pkt = {.s = x.rx,
							       .data = data,
							       .len = len,
							       .room = len};

					if (op == RTP_SEAL || op == RTCP_SEAL)
						pkt.s = x.tx;
					memset(data, 0x80, len);
					assert_int_equal(run(u, op, &pkt, 1),
							 0);
					assert_int_equal(pkt.verdict,
							 SRTP_SHORT);
					free(data);
				}
			}
			pair_close(u, &x);
		}
	}
}

void header_promises(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p;

		p = make_rtp(5, 1, 20);
		p.data[0] = 0x86; /* six CSRCs, room for five */
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SHORT);
		p = make_rtp(5, 1, 3);
		p.data[0] = 0x90; /* an extension, no room for its head */
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SHORT);
		p = make_rtp_long(5, 1, 0, 0, 2);
		p.data[15] = 3; /* three words, room for two */
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SHORT);
		p.data[14] = p.data[15] = 0xff;
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_SHORT);

		p = make_rtp(5, 1, 0);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_OK);
		p.data[0] = 0x81; /* the CSRC would be the tag */
		assert_int_equal(run1(u, RTP_OPEN, x.rx, &p), SRTP_SHORT);
		pair_close(u, &x);
	}
}

void no_room(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct srtp_master m = make_master(*suite, 7, 4);
		struct srtp_session *s = open_session(u, &m, SRTP_TX, 64);
		struct packet p = make_rtp(5, 1, 40);
		struct srtp_pkt pkt = {.s = s, .data = p.data, .len = 52};
		const struct sp_suite_info *info = sp_suite_info(*suite);

		pkt.room = 52 + info->tag_len + 4 - 1;
		assert_int_equal(run(u, RTP_SEAL, &pkt, 1), 0);
		assert_int_equal(pkt.verdict, SRTP_NO_ROOM);
		pkt.room++; /* and the index is still to be had */
		assert_int_equal(run(u, RTP_SEAL, &pkt, 1), 1);

		p = make_rtcp(5, 40);
		pkt.len = 48;
		pkt.room = 48 + 4 + info->rtcp_tag_len + 4 - 1;
		assert_int_equal(run(u, RTCP_SEAL, &pkt, 1), 0);
		assert_int_equal(pkt.verdict, SRTP_NO_ROOM);
		pkt.room++;
		assert_int_equal(run(u, RTCP_SEAL, &pkt, 1), 1);
		u->b->session_free(s);
	}
}

void rtcp_replay(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p[5], q;
		struct srtp_state st;

		for (unsigned i = 0; i < 5; i++) {
			p[i] = make_rtcp(5, 20);
			assert_int_equal(run1(u, RTCP_SEAL, x.tx, &p[i]),
					 SRTP_OK);
		}
		for (unsigned i = 0; i < 10; i++) {
			static const uint8_t order[] = {2, 0, 4, 2, 1,
							0, 3, 4, 1, 3};
			static const bool fresh[] = {1, 1, 1, 0, 1,
						     0, 1, 0, 0, 0};

			q = p[order[i]];
			q.data[9] ^= fresh[i];
			if (fresh[i]) {
				assert_int_equal(run1(u, RTCP_OPEN, x.rx, &q),
						 SRTP_BAD_TAG);
				q = p[order[i]];
			}
			assert_int_equal(run1(u, RTCP_OPEN, x.rx, &q),
					 fresh[i] ? SRTP_OK : SRTP_REPLAY);
		}
		assert_int_equal(u->b->session_state(x.tx, &st, 1), 1);
		assert_int_equal(st.rtcp_index, 5);
		pair_close(u, &x);
	}
}

/* Every suite in one burst, good and bad, many sessions: order is kept. */
void mixed_burst(void **state)
{
	struct subject *u = *state;
	struct pair x[8] = {0};
	struct packet p[SRTP_BURST_MAX], want[SRTP_BURST_MAX];
	struct srtp_pkt pkt[SRTP_BURST_MAX];
	unsigned n = 0, good = 0, last;

	FOR_SUITES(suite)
	x[n++] = pair_of(u, *suite, 64);
	for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
		want[i] = make_rtp(5 + i % 3, 100 + i, (i * 37) % 300);
		p[i] = want[i];
		pkt[i] = (struct srtp_pkt){.s = x[i * 5 % n].tx,
					   .data = p[i].data,
					   .cookie = &want[i],
					   .len = p[i].len,
					   .room = BUF};
	}
	assert_int_equal(run(u, RTP_SEAL, pkt, SRTP_BURST_MAX), SRTP_BURST_MAX);
	for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
		assert_ptr_equal(pkt[i].cookie, &want[i]);
		assert_int_equal(pkt[i].verdict, SRTP_OK);
		pkt[i].s = x[i * 5 % n].rx;
		if (i % 7 == 3)
			pkt[i].data[pkt[i].len - 1] ^= 1;
		else
			good++;
	}
	assert_int_equal(run(u, RTP_OPEN, pkt, SRTP_BURST_MAX), good);
	last = 0;
	for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
		struct packet *w = pkt[i].cookie;

		assert_int_equal(pkt[i].verdict,
				 i < good ? SRTP_OK : SRTP_BAD_TAG);
		if (i && i != good)
			assert_true((unsigned)(w - want) > last);
		last = w - want;
		if (i < good) {
			assert_int_equal(pkt[i].len, w->len);
			assert_memory_equal(pkt[i].data, w->data, w->len);
		}
	}
	for (unsigned i = 0; i < n; i++)
		pair_close(u, &x[i]);
}

/* A burst to seal that goes over the rollover, sessions with and without MKI and
 * long headers in turn, and in between what may not go out: that comes back as it
 * was, and the others can be opened. */
void refused_between(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct srtp_master m = make_master(*suite, 7, 0);
		struct srtp_master named = make_master(*suite, 8, 4);
		struct pair x[2] = {pair_open(u, &m, 128),
				    pair_open(u, &named, 128)};
		struct packet p[SRTP_BURST_MAX], want[SRTP_BURST_MAX];
		struct srtp_pkt pkt[SRTP_BURST_MAX];
		unsigned good = 0;

		for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
			const unsigned seq = 65530 + i - (i % 8 == 5);

			want[i] = make_rtp_long(5, (uint16_t)seq, 40 + i,
						i % 4 == 3 ? 2 : 0,
						i % 3 ? -1 : 1);
			if (i % 8 == 6)
				want[i].len = 11;
			p[i] = want[i];
			pkt[i] = (struct srtp_pkt){
				.s = x[i % 16 / 12].tx,
				.data = p[i].data,
				.cookie = &want[i],
				.len = p[i].len,
				.room = i % 8 == 7 ? p[i].len + 3 : BUF};
			good += i % 8 < 5;
		}
		assert_int_equal(run(u, RTP_SEAL, pkt, SRTP_BURST_MAX), good);
		for (unsigned i = 0; i < SRTP_BURST_MAX; i++) {
			const struct packet *w = pkt[i].cookie;
			const unsigned was = (unsigned)(w - want);
			static const uint8_t why[8] = {[5] = SRTP_INDEX_USED,
						       [6] = SRTP_SHORT,
						       [7] = SRTP_NO_ROOM};

			assert_int_equal(pkt[i].verdict, why[was % 8]);
			if (i < good) {
				pkt[i].s = x[was % 16 / 12].rx;
				continue;
			}
			assert_int_equal(pkt[i].len, w->len);
			assert_memory_equal(pkt[i].data, w->data, w->len);
		}
		assert_int_equal(run(u, RTP_OPEN, pkt, good), good);
		for (unsigned i = 0; i < good; i++) {
			const struct packet *w = pkt[i].cookie;

			assert_int_equal(pkt[i].len, w->len);
			assert_memory_equal(pkt[i].data, w->data, w->len);
		}
		pair_close(u, &x[0]);
		pair_close(u, &x[1]);
	}
}

void unknown_suites(void **state)
{
	struct subject *u = *state;
	static const uint16_t ids[] = {SP_SUITE_PLAIN, 3, 4, 5, 6, 9, 0x105};

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct srtp_master m = {.suite = ids[i]};

		assert_null(u->b->session_new(u->e, &m, SRTP_TX, 64, &u->mem));
	}
	assert_null(u->b->engine_new("vax"));
}

/* A key's 2^48 indices and not one more: the counter does not come round. */
void last_index(void **state)
{
	struct subject *u = *state;
	struct pair x = pair_of(u, SP_SUITE_AEAD_AES_256_GCM, 64);
	struct packet p;

	u->b->session_roc(x.tx, 0xffffffff);
	u->b->session_roc(x.rx, 0xffffffff);
	p = sealed_rtp(u, &x, 5, 65535);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	p = make_rtp(5, 0, 40);
	assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_KEY_SPENT);
	pair_close(u, &x);
}

/* What a stream costs: two legs, two directions, the largest windows. */
void memory(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair a = pair_of(u, *suite, SRTP_WINDOW_MAX), b;

		u->peak = u->in_use;
		b = pair_of(u, *suite, SRTP_WINDOW_MAX);
		/* each block rounded up to its alignment */
		assert_true((u->in_use / 4 + 63) / 64 * 64 * 4 < 8192);
		pair_close(u, &a);
		pair_close(u, &b);
		assert_int_equal(u->in_use, 0);
	}
}
