/* SPDX-License-Identifier: Apache-2.0 */
/* The engine against libsrtp2, on made-up calls.
 *
 * Each case is a few sessions of random suites with a few senders each. Both
 * backends seal every packet; RTP has to come out the same to the octet. Then
 * what one of them sealed goes through a bad network (loss, reordering,
 * duplication, flipped bits, cut ends) to receivers of both backends, to the
 * engine in bursts of any size and mix. For each packet both have to agree
 * whether it is taken, on its octets, and in the end on where each SSRC stands.
 *
 * SRTP_SEED sets where the cases start and SRTP_CASES how many there are; one
 * that fails says how to repeat it. Compared is whether, not why: of two
 * reasons each may name the other. Left out, since libsrtp2 differs by intent
 * or mistake (backend_libsrtp2.c): the octets of SRTCP, whose index starts at 1
 * there; SRTCP reordered by more than 64; SRTCP with MKI in the _32 suites; the
 * E bit; a change of keys. libsrtp2 2.5 derives the session keys of the AES-192
 * suites as if they were AES-256, against RFC 6188: the engine's get the same
 * ones here, and are held to the RFC's vectors in srtp_test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dataplane/srtp/engine.h"
#include "tests/srtp/harness.h"

#define SESSIONS 4
#define SENDERS	 10 /* more than a session follows */
#define PACKETS	 400

struct item {
	struct packet p;
	unsigned session;
	bool rtcp;
	uint64_t due; /* place in the order of arrival */
};

struct sender {
	uint32_t ssrc;
	uint16_t seq;
};

struct call {
	uint16_t suite;
	struct srtp_session *tx[2], *rx[2]; /* 0: engine, 1: oracle */
	struct sender sender[SENDERS];
	unsigned senders, late; /* late: packets before the receivers join */
	bool rtcp;
};

struct world {
	struct rng r;
	struct subject *u[2];
	struct call call[SESSIONS];
	unsigned calls;
	struct item item[PACKETS * 2];
	unsigned n;
};

static struct subject all[8];
static unsigned n_all;
static uint64_t seed, repeat; /* repeat: the case at work */
static unsigned long taken, refused;

/* libsrtp2's session keys for AES-192: the key derivation of AES-256, with a
 * master key that runs on into the salt, and a salt that runs on into zeros. */
static void rekey_192(struct subject *u, struct srtp_session *s,
		      const struct srtp_master *m)
{
	const struct srtp_suite *a256 = srtp_suite_find(
		u->e->suites, u->e->n_suites, SP_SUITE_AES_256_CM_HMAC_SHA1_80);
	struct srtp_raw raw[2] = {{{0}, {0}, {0}}};
	uint8_t master[48] = {0};

	memcpy(master, m->key, 24);
	memcpy(master + 24, m->salt, 14);
	for (unsigned label = 0; label < 6; label++) {
		struct srtp_raw *x = &raw[label / 3];
		uint8_t *out[] = {x->enc, x->auth, x->salt};
		const unsigned len[] = {24, SRTP_AUTH_KEY, 14};
		uint8_t iv[16] = {0};

		memcpy(iv, master + 32, 14);
		iv[7] ^= label;
		a256->keystream(u->e, a256, master, iv, out[label % 3],
				len[label % 3]);
	}
	s->suite->expand(u->e, s->suite, &raw[0], s->key);
	key_of(s->suite, s->key)->rtcp = raw[1];
}

static void start_call(struct world *w, struct call *c)
{
	static const unsigned windows[] = {64, 128, 192, 256, 512, 1024};
	struct rng *r = &w->r;
	const unsigned mki = rng_below(r, 3) ? 0 : 1 + rng_below(r, 8);
	const unsigned window = windows[rng_below(r, 6)];
	struct srtp_master m;
	uint32_t roc = 0;

	c->suite = all_suites[rng_below(r, 8)];
	m = make_master(c->suite, rng_below(r, 256), mki);
	if (rng_below(r, 8) == 0)
		m.packets = 1 + rng_below(r, 60);
	if (rng_below(r, 2))
		roc = rng_below(r, 4) ? rng_below(r, 100000) : 0xfffffff0;
	c->rtcp = !mki || sp_suite_info(c->suite)->tag_len >= 10;
	c->senders = rng_below(r, 4) ? 1 + rng_below(r, 3) : SENDERS;
	c->late = rng_below(r, 3) ? 0 : rng_below(r, 60);
	for (unsigned i = 0; i < c->senders; i++) {
		c->sender[i].ssrc = rng_next(r);
		c->sender[i].seq = rng_below(r, 2) ? 65536 - rng_below(r, 80)
						   : rng_below(r, 65536);
	}
	for (unsigned b = 0; b < 2; b++) {
		c->tx[b] = open_session(w->u[b], &m, SRTP_TX, window);
		c->rx[b] = open_session(w->u[b], &m, SRTP_RX, window);
		w->u[b]->b->session_roc(c->tx[b], roc);
		w->u[b]->b->session_roc(c->rx[b], roc);
	}
	if (sp_suite_info(c->suite)->key_len == 24) {
		rekey_192(w->u[0], c->tx[0], &m);
		rekey_192(w->u[0], c->rx[0], &m);
	}
}

static void end_call(struct world *w, struct call *c)
{
	for (unsigned b = 0; b < 2; b++) {
		struct srtp_state st[2][SRTP_SSRC_MAX];
		unsigned n;

		n = w->u[0]->b->session_state(c->rx[0], st[0], SRTP_SSRC_MAX);
		assert_int_equal(n, w->u[1]->b->session_state(c->rx[1], st[1],
							      SRTP_SSRC_MAX));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(st[0][i].ssrc, st[1][i].ssrc);
			assert_int_equal(st[0][i].roc, st[1][i].roc);
			assert_int_equal(st[0][i].seq, st[1][i].seq);
			assert_int_equal(st[0][i].left, st[1][i].left);
			assert_int_equal(st[0][i].rtcp_index,
					 st[1][i].rtcp_index);
		}
	}
	for (unsigned b = 0; b < 2; b++) {
		w->u[b]->b->session_free(c->tx[b]);
		w->u[b]->b->session_free(c->rx[b]);
	}
}

/* Seals one packet by both. @return whether it was, and is now in *out. */
static bool seal_both(struct world *w, struct call *c, bool rtcp,
		      const struct packet *plain, struct packet *out)
{
	struct packet p[2] = {*plain, *plain};
	const enum op op = rtcp ? RTCP_SEAL : RTP_SEAL;
	uint8_t v[2];

	for (unsigned b = 0; b < 2; b++)
		v[b] = run1(w->u[b], op, c->tx[b], &p[b]);
	assert_int_equal(v[0] == SRTP_OK, v[1] == SRTP_OK);
	if (v[0] != SRTP_OK)
		return false;
	assert_int_equal(p[0].len, p[1].len);
	if (!rtcp)
		assert_memory_equal(p[0].data, p[1].data, p[0].len);
	*out = p[rng_below(&w->r, 2)];
	return true;
}

static void next_seq(struct rng *r, struct sender *x)
{
	const unsigned kind = rng_below(r, 200);

	if (kind == 0)
		x->seq += rng_below(r, 40000); /* a jump */
	else if (kind < 4)
		x->seq -= rng_below(r, 5); /* sent before */
	else
		x->seq++;
}

/* The receivers come in now, and are told the counter. */
static void join(struct world *w, struct call *c)
{
	struct srtp_state st;

	if (!w->u[1]->b->session_state(c->tx[1], &st, 1))
		return;
	for (unsigned b = 0; b < 2; b++)
		w->u[b]->b->session_roc(c->rx[b], st.roc);
}

/* One packet sent: sealed, and put to the network. */
static void send_one(struct world *w, unsigned reorder)
{
	struct rng *r = &w->r;
	const unsigned k = rng_below(r, w->calls);
	struct call *c = &w->call[k];
	struct sender *x = &c->sender[rng_below(r, c->senders)];
	struct item *it = &w->item[w->n];
	struct packet plain;

	it->session = k;
	it->rtcp = c->rtcp && rng_below(r, 12) == 0;
	if (it->rtcp) {
		plain = make_rtcp(x->ssrc, 4 * rng_below(r, 60));
	} else {
		next_seq(r, x);
		plain = make_rtp_long(x->ssrc, x->seq,
				      rng_below(r, 6) ? rng_below(r, 300)
						      : rng_below(r, 1400),
				      rng_below(r, 6) ? 0 : rng_below(r, 16),
				      rng_below(r, 4) ? -1
						      : (int)rng_below(r, 20));
	}
	if (!seal_both(w, c, it->rtcp, &plain, &it->p))
		return;
	if (c->late) {
		if (--c->late == 0)
			join(w, c);
		return;
	}
	if (rng_below(r, 20) == 0)
		return; /* lost */
	it->due = 8 * (uint64_t)w->n + rng_below(r, 8 * reorder + 1);
	w->n++;
	if (rng_below(r, 15) == 0) {
		w->item[w->n] = *it;
		it = &w->item[w->n];
		it->due += rng_below(r, 2) ? 0 : rng_below(r, 400);
		w->n++;
	}
	if (rng_below(r, 25) == 0)
		it->p.data[rng_below(r, it->p.len)] ^= 1 << rng_below(r, 8);
	if (rng_below(r, 50) == 0)
		it->p.len = rng_below(r, it->p.len);
}

static int by_due(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->due < y->due ? -1 : x->due > y->due;
}

/* A burst of n items of one kind to both receivers. */
static void receive(struct world *w, struct item *it, unsigned n)
{
	struct srtp_pkt pkt[SRTP_BURST_MAX];
	static struct packet p[2][SRTP_BURST_MAX];
	uint8_t verdict[2][SRTP_BURST_MAX];

	for (unsigned b = 0; b < 2; b++) {
		for (unsigned i = 0; i < n; i++) {
			p[b][i] = it[i].p;
			pkt[i] = (struct srtp_pkt){
				.s = w->call[it[i].session].rx[b],
				.data = p[b][i].data,
				.cookie = &p[b][i],
				.len = p[b][i].len,
				.room = BUF};
		}
		run(w->u[b], it->rtcp ? RTCP_OPEN : RTP_OPEN, pkt, n);
		for (unsigned i = 0; i < n; i++) {
			struct packet *x = pkt[i].cookie;

			x->len = pkt[i].len;
			verdict[b][x - p[b]] = pkt[i].verdict;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		const bool ok = verdict[0][i] == SRTP_OK;

		assert_int_equal(ok, verdict[1][i] == SRTP_OK);
		if (ok)
			assert_same(&p[0][i], &p[1][i]);
		taken += ok;
		refused += !ok;
	}
}

static void one_case(struct world *w)
{
	const unsigned reorder = rng_below(&w->r, 2) ? rng_below(&w->r, 6)
						     : rng_below(&w->r, 120);
	const unsigned most = rng_below(&w->r, 2) ? SRTP_BURST_MAX : 4;
	unsigned at = 0, sent = 20 + rng_below(&w->r, PACKETS - 20);

	w->n = 0;
	w->calls = 1 + rng_below(&w->r, SESSIONS);
	for (unsigned i = 0; i < w->calls; i++)
		start_call(w, &w->call[i]);
	for (unsigned i = 0; i < sent; i++)
		send_one(w, reorder);
	qsort(w->item, w->n, sizeof(w->item[0]), by_due);
	while (at < w->n) {
		const unsigned limit = 1 + rng_below(&w->r, most);
		unsigned n = 1;

		while (n < limit && at + n < w->n &&
		       w->item[at + n].rtcp == w->item[at].rtcp)
			n++;
		receive(w, &w->item[at], n);
		at += n;
	}
	for (unsigned i = 0; i < w->calls; i++)
		end_call(w, &w->call[i]);
}

static unsigned number(const char *name, unsigned fallback)
{
	const char *s = getenv(name);

	return s && *s ? strtoul(s, NULL, 0) : fallback;
}

static void cross(void **state)
{
	static struct world w;
	const unsigned cases = number("SRTP_CASES", 1000);
	uint64_t from = seed;

	/* Each isa has cases of its own, unless one is to be repeated. */
	w.u[0] = *state;
	if (!getenv("SRTP_SEED"))
		from += cases * (unsigned)(w.u[0] - all);
	w.u[1] = &all[n_all - 1];
	taken = refused = 0;
	for (unsigned i = 0; i < cases; i++) {
		w.r.x = (from + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		rng_next(&w.r);
		repeat = from + i;
		one_case(&w);
	}
	repeat = 0;
	printf("# %u cases, %lu packets taken, %lu refused\n", cases, taken,
	       refused);
	assert_true(taken > refused);
	assert_true(refused > 0);
}

static int tell(void **state)
{
	(void)state;
	if (repeat)
		printf("# SRTP_SEED=%lu SRTP_CASES=1 repeats this\n",
		       (unsigned long)repeat);
	return 0;
}

int main(void)
{
	static struct CMUnitTest t[8];
	static char names[8][64];
	int failed;

	seed = number("SRTP_SEED", (unsigned)time(NULL));
	printf("# SRTP_SEED=%lu\n", (unsigned long)seed);
	n_all = subjects(all, 8);
	for (unsigned i = 0; i + 1 < n_all; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %s against %s",
			 all[i].b->name, *all[i].isa ? all[i].isa : "(best)",
			 all[n_all - 1].b->name);
		t[i] = (struct CMUnitTest){.name = names[i],
					   .test_func = cross,
					   .teardown_func = tell,
					   .initial_state = &all[i]};
	}
	failed =
		_cmocka_run_group_tests("srtp_cross", t, n_all - 1, NULL, NULL);
	subjects_free(all, n_all);
	return failed;
}
