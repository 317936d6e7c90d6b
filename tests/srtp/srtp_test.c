/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of dataplane/srtp/srtp.h: one table of cases, run over every
 * backend and every isa that the CPU has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/srtp/pair.h"

static void round_trip(void **state)
{
	static const unsigned payloads[] = {0,	1,   15,  16,  17,  31,
					    80, 160, 161, 480, 1200};
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		const struct sp_suite_info *info = sp_suite_info(*suite);
		uint16_t seq = 1;

		for (unsigned i = 0; i < 11; i++) {
			for (int words = -1; words < 3; words++) {
				struct packet want = make_rtp_long(
					9, seq++, payloads[i], i, words);
				struct packet p = want;

				assert_int_equal(run1(u, RTP_SEAL, x.tx, &p),
						 SRTP_OK);
				assert_int_equal(p.len,
						 want.len + info->tag_len);
				assert_memory_equal(p.data, want.data,
						    want.len - payloads[i]);
				assert_int_equal(run1(u, RTP_OPEN, x.rx, &p),
						 SRTP_OK);
				assert_same(&p, &want);
			}
		}
		pair_close(u, &x);
	}
}

/* SRTCP's tag stays at 80 bits where SRTP's has 32. */
static void rtcp_round_trip(void **state)
{
	static const unsigned payloads[] = {0, 4, 20, 44, 100, 1000};
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);

		for (unsigned i = 0; i < 6; i++) {
			struct packet want = make_rtcp(77, payloads[i]);
			struct packet p = want;

			assert_int_equal(run1(u, RTCP_SEAL, x.tx, &p), SRTP_OK);
			assert_int_equal(
				p.len, want.len + (is_aead(*suite) ? 20 : 14));
			assert_memory_equal(p.data, want.data, 8);
			if (payloads[i] > 8)
				assert_memory_not_equal(
					p.data + 8, want.data + 8, payloads[i]);
			assert_int_equal(run1(u, RTCP_OPEN, x.rx, &p), SRTP_OK);
			assert_same(&p, &want);
		}
		pair_close(u, &x);
	}
}

/* The packet that libsrtp publishes for AES-CM-128 with HMAC-SHA1-80, from the
 * master key of RFC 3711 B.3. */
static void reference_packet(void **state)
{
	struct subject *u = *state;
	struct srtp_master m = {.suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80};
	struct packet plain, sealed, p;
	struct pair x;

	unhex("e1f97a0d3e018be0d64fa32c06de4139", m.key, sizeof(m.key));
	unhex("0ec675ad498afeebb6960b3aabe6", m.salt, sizeof(m.salt));
	plain.len = unhex("800f1234decafbadcafebabe"
			  "abababababababababababababababab",
			  plain.data, BUF);
	sealed.len = unhex("800f1234decafbadcafebabe"
			   "4e55dc4ce79978d88ca4d215949d2402"
			   "b78d6acc99ea179b8dbb",
			   sealed.data, BUF);
	x = pair_open(u, &m, 64);
	p = plain;
	assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_OK);
	assert_same(&p, &sealed);
	assert_int_equal(run1(u, RTP_OPEN, x.rx, &p), SRTP_OK);
	assert_same(&p, &plain);
	pair_close(u, &x);
}

static void rollover(void **state)
{
	struct subject *u = *state;
	struct srtp_state st;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 128);
		struct packet late = {0}, p;

		for (uint32_t i = 65500; i < 65536 + 40; i++) {
			p = sealed_rtp(u, &x, 5, i);
			if (i == 65530)
				late = p;
			else
				assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		}
		assert_int_equal(open_rtp(u, &x, &late), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &late), SRTP_REPLAY);
		assert_int_equal(u->b->session_state(x.rx, &st, 1), 1);
		assert_int_equal(st.roc, 1);
		assert_int_equal(st.seq, 39);
		pair_close(u, &x);
	}
}

/* A receiver that comes in when the counter has turned needs to be told, and
 * only the next SSRC starts from what it was told. */
static void late_join(void **state)
{
	struct subject *u = *state;
	struct srtp_state st[2];

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p;

		u->b->session_roc(x.tx, 70000);
		p = sealed_rtp(u, &x, 5, 40000);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_TAG);
		u->b->session_roc(x.rx, 69999);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_TAG);
		u->b->session_roc(x.rx, 70000);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		p = sealed_rtp(u, &x, 6, 10);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		assert_int_equal(u->b->session_state(x.rx, st, 2), 2);
		assert_int_equal(st[0].ssrc, 5);
		assert_int_equal(st[0].roc, 70000);
		assert_int_equal(st[0].seq, 40000);
		assert_int_equal(st[1].ssrc, 6);
		assert_int_equal(st[1].roc, 0);
		pair_close(u, &x);
	}
}

/* The window is as wide as asked, to the packet, on both sides. */
static void window_edges(void **state)
{
	static const unsigned asked[] = {0, 64, 65, 128, 192, 256, 1000, 1024};
	static const unsigned has[] = {64, 64, 128, 128, 192, 256, 1024, 1024};
	struct subject *u = *state;
	const uint16_t suite = SP_SUITE_AEAD_AES_128_GCM;

	for (unsigned i = 0; i < 8; i++) {
		struct pair x = pair_of(u, suite, asked[i]);
		struct packet in, out, now, p;

		out = sealed_rtp(u, &x, 5, 3000 - has[i]);
		in = sealed_rtp(u, &x, 5, 3000 - has[i] + 1);
		now = sealed_rtp(u, &x, 5, 3000);
		assert_int_equal(open_rtp(u, &x, &now), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &out), SRTP_REPLAY);
		assert_int_equal(open_rtp(u, &x, &in), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &in), SRTP_REPLAY);

		p = make_rtp(5, 3000 - has[i], 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_INDEX_USED);
		p = make_rtp(5, 3000 - has[i] + 2, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_OK);
		p = make_rtp(5, 3000 - has[i] + 2, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_INDEX_USED);
		pair_close(u, &x);
	}
}

static void second_window(void **state)
{
	struct subject *u = *state;
	struct pair x = pair_of(u, SP_SUITE_AEAD_AES_256_GCM, 1024);
	struct packet p, in, out;

	for (unsigned ssrc = 1; ssrc <= SRTP_SSRC_MAX; ssrc++) {
		const unsigned w = ssrc == 1 ? 1024 : 256;

		out = sealed_rtp(u, &x, ssrc, 5000 - w);
		in = sealed_rtp(u, &x, ssrc, 5000 - w + 1);
		p = sealed_rtp(u, &x, ssrc, 5000);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &out), SRTP_REPLAY);
		assert_int_equal(open_rtp(u, &x, &in), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &in), SRTP_REPLAY);
	}
	pair_close(u, &x);
}

/* One burst with a packet thrice, and another that is not its twin. */
static void twins(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p[5], sealed;
		struct srtp_pkt pkt[5];

		for (unsigned i = 0; i < 5; i++) {
			p[i] = make_rtp(5, i == 3 ? 101 : 100, 40);
			pkt[i] = (struct srtp_pkt){.s = x.tx,
						   .data = p[i].data,
						   .cookie = &p[i],
						   .len = p[i].len,
						   .room = BUF};
		}
		assert_int_equal(run(u, RTP_SEAL, pkt, 5), 2);
		assert_ptr_equal(pkt[0].cookie, &p[0]);
		assert_ptr_equal(pkt[1].cookie, &p[3]);
		for (unsigned i = 2; i < 5; i++)
			assert_int_equal(pkt[i].verdict, SRTP_INDEX_USED);

		sealed = p[0];
		sealed.len = pkt[0].len;
		for (unsigned i = 0; i < 5; i++) {
			p[i] = sealed;
			pkt[i] = (struct srtp_pkt){.s = x.rx,
						   .data = p[i].data,
						   .cookie = &p[i],
						   .len = p[i].len,
						   .room = BUF};
		}
		p[1].data[20] ^= 1; /* a forgery is no twin */
		assert_int_equal(run(u, RTP_OPEN, pkt, 5), 1);
		assert_ptr_equal(pkt[0].cookie, &p[0]);
		assert_int_equal(pkt[0].len, 52);
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(pkt[i].verdict, SRTP_REPLAY);
		pair_close(u, &x);
	}
}

/* What a forger sends moves nothing: not the window, not the counter, and no
 * SSRC is followed for it. */
static void forgeries(void **state)
{
	struct subject *u = *state;
	struct srtp_state st;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p = sealed_rtp(u, &x, 5, 10), bad;
		struct packet next = sealed_rtp(u, &x, 5, 11);

		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
		for (unsigned at = 1; at < p.len; at++) {
			bad = sealed_rtp(u, &x, 6, 100 + at);
			bad.data[at] ^= 0x10;
			assert_int_equal(open_rtp(u, &x, &bad), SRTP_BAD_TAG);
		}
		bad = sealed_rtp(u, &x, 5, 30000);
		bad.data[bad.len - 1] ^= 1;
		assert_int_equal(open_rtp(u, &x, &bad), SRTP_BAD_TAG);
		assert_int_equal(u->b->session_state(x.rx, &st, 1), 1);
		assert_int_equal(st.seq, 10);
		assert_int_equal(open_rtp(u, &x, &next), SRTP_OK);
		pair_close(u, &x);
	}
}

/* A joiner's first burst, over the rollover: what comes later in the burst
 * gets its index from what came before. A forgery in front changes nothing. */
static void first_burst_rolls(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct pair x = pair_of(u, *suite, 64);
		struct packet p[7], want[7];
		struct srtp_pkt pkt[7];
		struct srtp_state st;

		u->b->session_roc(x.tx, 3);
		u->b->session_roc(x.rx, 3);
		for (unsigned i = 0; i < 7; i++) {
			want[i] = make_rtp(5, 65533 + i, 60);
			p[i] = want[i];
			assert_int_equal(run1(u, RTP_SEAL, x.tx, &p[i]),
					 SRTP_OK);
			pkt[i] = (struct srtp_pkt){.s = x.rx,
						   .data = p[i].data,
						   .cookie = &want[i],
						   .len = p[i].len,
						   .room = BUF};
		}
		p[0].data[30] ^= 1;
		assert_int_equal(run(u, RTP_OPEN, pkt, 7), 6);
		assert_int_equal(pkt[6].verdict, SRTP_BAD_TAG);
		for (unsigned i = 0; i < 6; i++) {
			struct packet *w = pkt[i].cookie;

			assert_ptr_equal(w, &want[i + 1]);
			assert_int_equal(pkt[i].len, w->len);
			assert_memory_equal(pkt[i].data, w->data, w->len);
		}
		assert_int_equal(u->b->session_state(x.rx, &st, 1), 1);
		assert_int_equal(st.roc, 4);
		assert_int_equal(st.seq, 3);
		pair_close(u, &x);
	}
}

static void key_spent(void **state)
{
	struct subject *u = *state;
	struct srtp_state st;

	FOR_SUITES(suite)
	{
		struct srtp_master m = make_master(*suite, 7, 0);
		struct packet p, more;
		struct pair x, y;

		y = pair_open(u, &m, 64); /* knows of no limit */
		m.packets = 3;
		x = pair_open(u, &m, 64);
		for (unsigned i = 0; i < 3; i++) {
			p = sealed_rtp(u, &x, 5, i);
			assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
			assert_int_equal(u->b->session_state(x.tx, &st, 1), 1);
			assert_int_equal(st.left, 2 - i);
		}
		p = make_rtp(5, 3, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p), SRTP_KEY_SPENT);
		assert_int_equal(run1(u, RTP_SEAL, y.tx, &p), SRTP_OK);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_KEY_SPENT);
		/* each SSRC has its own share of the keystream */
		more = sealed_rtp(u, &x, 6, 3);
		assert_int_equal(open_rtp(u, &x, &more), SRTP_OK);

		for (unsigned i = 0; i < 4; i++) {
			p = make_rtcp(5, 20);
			assert_int_equal(run1(u, RTCP_SEAL, x.tx, &p),
					 i < 3 ? SRTP_OK : SRTP_KEY_SPENT);
			p = make_rtcp(5, 20);
			assert_int_equal(run1(u, RTCP_SEAL, y.tx, &p), SRTP_OK);
			assert_int_equal(run1(u, RTCP_OPEN, x.rx, &p),
					 i < 3 ? SRTP_OK : SRTP_KEY_SPENT);
		}
		pair_close(u, &x);
		pair_close(u, &y);
	}
}

/* The last packet of a key's life and one more, in one burst. */
static void key_spent_in_burst(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct srtp_master m = make_master(*suite, 7, 0);
		struct packet p[4];
		struct srtp_pkt pkt[4];
		struct pair x, y;

		y = pair_open(u, &m, 64);
		m.packets = 2;
		x = pair_open(u, &m, 64);
		for (unsigned i = 0; i < 4; i++) {
			p[i] = sealed_rtp(u, &y, 5, i);
			pkt[i] = (struct srtp_pkt){.s = x.rx,
						   .data = p[i].data,
						   .len = p[i].len,
						   .room = BUF};
		}
		p[0].data[20] ^= 1;
		assert_int_equal(run(u, RTP_OPEN, pkt, 4), 2);
		assert_int_equal(pkt[2].verdict, SRTP_BAD_TAG);
		assert_int_equal(pkt[3].verdict, SRTP_KEY_SPENT);
		pair_close(u, &x);
		pair_close(u, &y);
	}
}

enum { CORE = 1, ORACLE = 2, BOTH = CORE | ORACLE };

static const struct {
	const char *name;
	void (*f)(void **state);
	unsigned on;
} cases[] = {
	{"RFC 3711 B.2, RFC 6188: keystream", vector_keystream, CORE},
	{"RFC 3711 B.3, RFC 6188: key derivation", vector_kdf, CORE},
	{"RFC 7714 16, 17: packets", vector_gcm, CORE},
	{"the window against a model", replay_exhaustive, CORE},
	{"the index against appendix A", index_estimates, CORE},
	{"RTP there and back, CSRCs, extensions", round_trip, BOTH},
	{"RTCP there and back, 80-bit tags", rtcp_round_trip, BOTH},
	{"libsrtp's reference packet", reference_packet, BOTH},
	{"rollover, and a straggler from before it", rollover, BOTH},
	{"late join with a given counter", late_join, BOTH},
	{"window edges, both sides", window_edges, BOTH},
	{"windows of further SSRCs", second_window, BOTH},
	{"twins in one burst", twins, BOTH},
	{"forgeries move nothing", forgeries, BOTH},
	{"a joiner's first burst rolls over", first_burst_rolls, BOTH},
	{"key spent", key_spent, BOTH},
	{"key spent within a burst", key_spent_in_burst, BOTH},
	{"the last index of all", last_index, CORE},
	{"SSRCs full", ssrc_full, BOTH},
	{"room for more SSRCs", ssrc_near, CORE},
	{"MKI, and a change of keys by it", mki, BOTH},
	{"keys that end, and others after them", keys_end, BOTH},
	{"what ends stays ended", key_ends_for_good, BOTH},
	{"the latest key is heard of first", late_key_first, BOTH},
	{"keys that cannot be added", keys_refused, BOTH},
	{"lifetimes by key", lifetimes_by_key, CORE},
	{"short packets", short_packets, BOTH},
	{"headers that promise too much", header_promises, BOTH},
	{"no room to seal", no_room, BOTH},
	{"RTCP replay", rtcp_replay, BOTH},
	{"all suites in one burst", mixed_burst, BOTH},
	{"refused ones within a burst", refused_between, BOTH},
	{"unknown suites and isas", unknown_suites, BOTH},
	{"memory of a stream", memory, CORE},
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))
#define MAX	8

int main(void)
{
	static struct subject u[MAX];
	static struct CMUnitTest t[MAX * N_CASES];
	static char names[MAX * N_CASES][96];
	unsigned n = subjects(u, MAX), k = 0;
	int failed;

	for (unsigned i = 0; i < n; i++) {
		const bool core = u[i].b == &srtp_ipsec_mb;

		for (unsigned c = 0; c < N_CASES; c++) {
			if (!(cases[c].on & (core ? CORE : ORACLE)))
				continue;
			snprintf(names[k], sizeof(names[k]), "%s%s%s: %s",
				 u[i].b->name, *u[i].isa ? " " : "", u[i].isa,
				 cases[c].name);
			t[k] = (struct CMUnitTest){.name = names[k],
						   .test_func = cases[c].f,
						   .initial_state = &u[i]};
			k++;
		}
	}
	failed = _cmocka_run_group_tests("srtp", t, k, NULL, NULL);
	subjects_free(u, n);
	return failed;
}
