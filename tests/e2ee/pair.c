/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2ee/pair.h"
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void draw(void *arg, enum e2ee_random what, uint8_t *out, size_t n)
{
	struct pair_rng *rng = arg;
	uint8_t seed[randombytes_SEEDBYTES] = {0};

	memcpy(seed, &rng->seed, sizeof(rng->seed));
	seed[16] = (uint8_t)what;
	seed[17] = (uint8_t)rng->drawn++;
	randombytes_buf_deterministic(out, n, seed);
}

void pair_init(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	if (sodium_init() < 0)
		return;
	for (unsigned s = 0; s < PAIR_SIDES; s++) {
		uint8_t id[32] = {(uint8_t)(s + 1)};

		p->id[s] = identity_from_seed(id);
		p->guard[s] = guard_new();
		p->rng[s].seed = 2 * seed + s;
		p->config[s] = (struct e2ee_config){
			.side = s == PAIR_I ? E2EE_I : E2EE_R,
			.identity = p->id[s],
			.own_aor = s == PAIR_I ? ALICE : BOB,
			.peer_aor = s == PAIR_I ? BOB : ALICE,
			.media = {{5, 5, 5}},
			.guard = p->guard[s],
			.random = draw,
			.arg = &p->rng[s],
		};
	}
	p->now = 1000;
}

void pair_free(struct pair *p)
{
	for (unsigned s = 0; s < PAIR_SIDES; s++) {
		e2ee_free(p->side[s]);
		identity_free(p->id[s]);
		guard_free(p->guard[s]);
		peers_free(p->peers[s]);
	}
}

bool pair_start(struct pair *p)
{
	enum e2ee_reason why;

	for (unsigned s = 0; s < PAIR_SIDES; s++) {
		e2ee_free(p->side[s]);
		p->config[s].peers = p->peers[s];
		p->side[s] = e2ee_new(&p->config[s], p->now, &why);
		if (!p->side[s])
			return false;
	}
	return true;
}

const char *pair_sdp(const uint8_t *msg, size_t len)
{
	static char sdp[E2EE_ATTR_MAX + 256];
	char value[E2EE_ATTR_MAX + 1];
	bool has = len && e2ee_attr_encode(value, sizeof(value), msg, len);

	snprintf(sdp, sizeof(sdp),
		 "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		 "%s%s%sm=audio 4000 RTP/AVP 96\r\na=sendrecv\r\n",
		 has ? "a=e2ee:" : "", has ? value : "", has ? "\r\n" : "");
	return sdp;
}

/* What a side puts into its SDP becomes message m. */
static void take_attribute(struct pair *p, int m, const struct e2ee *from)
{
	char value[E2EE_ATTR_MAX + 1];
	size_t n = e2ee_attribute(from, value, sizeof(value));

	p->len[m] = 0;
	if (n)
		e2ee_attr_decode(value, n, p->msg[m], &p->len[m]);
}

struct e2ee_result pair_deliver(struct pair *p, int m)
{
	struct e2ee *to = pair_to(p, m);
	struct e2ee_result r;

	if (m <= 2) {
		const char *sdp = pair_sdp(p->msg[m], p->len[m]);

		r = e2ee_sdp(to, sdp, strlen(sdp), p->now);
		if (m == 1 && r.act == E2EE_WAIT) {
			r = e2ee_answer(to, p->now);
			take_attribute(p, 2, to);
		}
	} else {
		/* Loops that deliver up to M5 end there. */
		/* cppcheck-suppress arrayIndexOutOfBoundsCond */
		r = e2ee_feed(to, p->msg[m], p->len[m], p->now);
	}
	if (r.act == E2EE_SEND) {
		assert(m < 5); /* M5 is the last */
		memcpy(p->msg[m + 1], r.msg, r.len);
		p->len[m + 1] = r.len;
	}
	p->last = r;
	return r;
}

bool pair_upto(struct pair *p, int m)
{
	static const enum e2ee_act expected[] = {
		[1] = E2EE_WAIT,
		[2] = E2EE_SEND,
		[3] = E2EE_SEND,
		[4] = E2EE_SEND,
	};

	if (!p->side[PAIR_I] && !pair_start(p))
		return false;
	take_attribute(p, 1, p->side[PAIR_I]);
	for (int i = 1; i < m; i++)
		if (pair_deliver(p, i).act != expected[i])
			return false;
	return p->len[m] != 0;
}

bool pair_lock(struct pair *p)
{
	if (!pair_upto(p, 5) || pair_deliver(p, 5).act != E2EE_LOCK)
		return false;
	p->last = e2ee_media_seen(p->side[PAIR_I], p->now);
	return p->last.act == E2EE_LOCK;
}
