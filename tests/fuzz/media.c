/* SPDX-License-Identifier: Apache-2.0 */
/* Offer and answer as strangers might send them, through the whole negotiation:
 * first octet: the profiles of the two legs, and whether policy allows a=e2ee
 * (from 128 on); then an offer, a line "=", an
 * answer, a line "=", an offer from the other leg. The dataplane is a stub that
 * checks what it is given.
 *
 * Whatever comes: what goes out parses, holds no key of the other hop and
 * nothing of its ICE or DTLS (but where both legs pass it through); a transport
 * of DTLS-SRTP has no peer before it has keys; a=e2ee only where policy allows
 * it, once, and as it came; all transports bear the mark or none does, and none
 * loses it; a leg never has keys for one direction only; and what was refused
 * leaves nothing behind. */
#define _GNU_SOURCE /* memmem */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media.h"
#include "control/dataplane/dp.h"
#include "control/sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int transports, streams, ports;

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ------------------------------------------------ a dataplane that agrees */

#define SEEN 64

static uint64_t seen_t[SEEN], seen_s[SEEN];

/* @return true: it wasn't there. */
static bool put(uint64_t *seen, uint64_t id)
{
	uint64_t *empty = NULL;

	for (int i = 0; i < SEEN; i++) {
		if (seen[i] == id)
			return false;
		if (!seen[i])
			empty = &seen[i];
	}
	must(empty != NULL);
	*empty = id;
	return true;
}

static bool drop(uint64_t *seen, uint64_t id)
{
	for (int i = 0; i < SEEN; i++) {
		if (seen[i] == id) {
			seen[i] = 0;
			return true;
		}
	}
	return false;
}

bool dp_connected(const struct dp *dp)
{
	(void)dp;
	return true;
}

const struct sp_greeting *dp_greeting(const struct dp *dp)
{
	static const struct sp_greeting g = {
		.instance = 1,
		.n_workers = 1,
		.n_media = 2,
		.media = {{.addr = {4, 24, 0, {10, 1, 0, 1}}},
			  {.addr = {4, 24, 0, {10, 2, 0, 1}}}},
	};

	(void)dp;
	return &g;
}

/* What the call's transports bear: nothing yet, no mark, the mark. */
static int marks;

int dp_transport_set(struct dp *dp, const struct sp_transport *t,
		     char text[SP_TEXT_MAX])
{
	(void)dp;
	(void)text;
	must(t->id && t->rtp_port % 2 == 0 && t->media_addr < 2);
	must((t->rx.suite == SP_SUITE_PLAIN) ==
	     (t->tx.suite == SP_SUITE_PLAIN));
	must(t->rx.suite == t->tx.suite);
	must(t->rx.suite == SP_SUITE_PLAIN || t->rx.id != t->tx.id);
	must(t->rx.suite == SP_SUITE_PLAIN ||
	     memcmp(t->rx.key, t->tx.key, SP_KEY_MAX) != 0);
	must(t->peer_rtp.family == 0 || t->peer_rtp.family == 4);
	if (t->peer_rtp.family) {
		must(t->peer_rtp.prefix == 32);
		must(t->peer_rtp.addr[0] != 127 && t->peer_rtp.addr[0] < 224);
		must(t->dtls != SP_PUNT_CONTROL || t->rx.suite);
	}
	must(!marks || marks == (t->flags & SP_TRANSPORT_E2EE ? 2 : 1));
	marks = t->flags & SP_TRANSPORT_E2EE ? 2 : 1;
	transports += put(seen_t, t->id);
	return SP_OK;
}

int dp_transport_remove(struct dp *dp, uint64_t id)
{
	(void)dp;
	transports -= drop(seen_t, id);
	return SP_OK;
}

int dp_stream_set(struct dp *dp, const struct sp_stream *s,
		  char text[SP_TEXT_MAX])
{
	(void)dp;
	(void)text;
	must(s->id && s->from != s->to);
	must(s->match != SP_MATCH_MID || s->mid_len <= SP_MID_MAX);
	must(s->n_ssrcs <= SP_STREAM_SSRCS);
	streams += put(seen_s, s->id);
	return SP_OK;
}

bool dp_stream_mask(const struct dp *dp, uint64_t id, uint32_t *mask)
{
	(void)dp;
	(void)id;
	(void)mask;
	return false;
}

int dp_stream_remove(struct dp *dp, uint64_t id)
{
	(void)dp;
	streams -= drop(seen_s, id);
	return SP_OK;
}

int dp_ports_take(struct dp *dp, const uint8_t media[2], uint16_t port[2])
{
	(void)dp;
	(void)media;
	ports += 2;
	port[0] = (uint16_t)(20000 + 2 * (ports % 1000));
	port[1] = (uint16_t)(port[0] + 2);
	return 0;
}

int dp_ports_take_with(struct dp *dp, uint8_t media, uint16_t with,
		       uint16_t *port)
{
	(void)dp;
	(void)media;
	ports++;
	*port = (uint16_t)(with + 4);
	return 0;
}

void dp_punt_handler(struct dp *dp, dp_punt_h *h, void *arg)
{
	(void)dp;
	(void)h;
	(void)arg;
}

int dp_inject(struct dp *dp, uint64_t transport, bool rtcp,
	      const struct sp_addr *to, const void *data, size_t len)
{
	(void)dp;
	(void)rtcp;
	(void)data;
	must(transport && to->family && len && len <= SP_DATAGRAM_MAX);
	return SP_OK;
}

void dp_ports_give(struct dp *dp, uint8_t media, uint16_t port)
{
	(void)dp;
	(void)media;
	(void)port;
	ports--;
}

void dp_ports_keep(struct dp *dp, uint8_t media, uint16_t port)
{
	(void)dp;
	(void)media;
	(void)port;
	ports++;
}

int dp_transport_keep(struct dp *dp, const struct sp_transport *t)
{
	(void)dp;
	transports += put(seen_t, t->id);
	return SP_OK;
}

int dp_stream_keep(struct dp *dp, const struct sp_stream *s)
{
	(void)dp;
	streams += put(seen_s, s->id);
	return SP_OK;
}

bool dp_transport_lost(const struct dp *dp, uint64_t id)
{
	(void)dp;
	(void)id;
	return false;
}

uint32_t dp_transport_roc(const struct dp *dp, uint64_t id)
{
	(void)dp;
	(void)id;
	return 0;
}

uint64_t dp_transport_silent(const struct dp *dp, uint64_t id)
{
	(void)dp;
	(void)id;
	return 0;
}

int dp_stats(struct dp *dp, uint64_t stream, struct sp_stats *out)
{
	(void)dp;
	memset(out, 0, sizeof(*out));
	out->id = stream;
	return SP_OK;
}

/* ------------------------------------------------------------------- checks */

/* What goes out: parses, and has no attribute of the hop that it came from but
 * those that are made anew. */
static void check_out(char *out, const char *in, size_t in_len, bool e2ee,
		      bool relay)
{
	static const char *const never[] = {"acap", "key-mgmt", "cryptex",
					    "rid", "simulcast"};
	static const char *const anew[] = {"fingerprint", "ice-ufrag",
					   "ice-pwd", "tls-id"};
	unsigned n = 0;
	struct sdp_error e;
	struct sdp *s = sdp_parse(out, strlen(out), &e);
	struct sdp_attr a;

	must(s || strlen(out) > SDP_SIZE_MAX || e.line > SDP_LINES_MAX);
	for (int sec = SDP_SESSION; s && sec < (int)sdp_media_count(s); sec++) {
		for (unsigned pos = 0; sdp_attr_next(s, sec, &pos, &a);) {
			for (size_t i = 0; i < sizeof(never) / sizeof(*never);
			     i++)
				must(!sdp_view_eq(a.name, never[i]));
			for (size_t i = 0; i < sizeof(anew) / sizeof(*anew);
			     i++)
				must(relay || !sdp_view_eq(a.name, anew[i]) ||
				     !memmem(in, in_len, a.value.p,
					     a.value.len));
			if (sdp_view_eq(a.name, "e2ee"))
				must(e2ee && sec == SDP_SESSION && !n++ &&
				     memmem(in, in_len, a.value.p,
					    a.value.len));
			if (sdp_view_eq(a.name, "crypto"))
				must(!memmem(in, in_len, a.value.p,
					     a.value.len));
		}
	}
	sdp_free(s);
	free(out);
}

/* Cut the next part, up to a line "=". */
static size_t part(const char *p, size_t len, size_t *next)
{
	const char *at = len ? memmem(p, len, "\n=\n", 3) : NULL;

	*next = at ? (size_t)(at - p) + 3 : len;
	return at ? (size_t)(at - p) + 1 : len;
}

static struct media *call_new(uint8_t kinds)
{
	static const struct media_leg_addr addr[2] = {
		{{4, 24, 5060, {10, 1, 0, 1}}, {4, 32, 5060, {10, 1, 0, 9}}},
		{{4, 24, 5060, {10, 2, 0, 1}}, {4, 32, 5060, {10, 2, 0, 9}}},
	};
	struct media_profile p[2] = {
		{.security = kinds % MEDIA_SECURITIES,
		 .suites = {SP_SUITE_AEAD_AES_128_GCM,
			    SP_SUITE_AES_CM_128_HMAC_SHA1_80}},
		{.security = kinds / MEDIA_SECURITIES % MEDIA_SECURITIES,
		 .browser = kinds % 2},
	};

	struct media *m = media_new(NULL, 1, addr, p);

	media_allow_e2ee(m, kinds >= 128, "not allowed");
	marks = 0;
	return m;
}

static struct media *save_and_load(struct media *m)
{
	enum e2ee_state was = media_e2ee(m);
	char *json = media_save(m);
	struct media *again;

	must(json != NULL);
	media_free(m);
	again = media_load(NULL, json);
	must(again != NULL);
	must(media_e2ee(again) == was);
	free(json);
	return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum e2ee_state was = E2EE_UNDECIDED;
	const char *p = (const char *)data + 1;
	struct media_info info[SDP_MEDIA_MAX];
	struct media_why why;
	struct media *m;
	size_t n, next;
	char *out;

	if (size < 2)
		return 0;
	m = call_new(data[0]);
	size--;
	for (int turn = 0; turn < 4 && size; turn++) {
		/* offer from A, answer from B, offer from B, answer from A */
		enum leg from = turn == 1 || turn == 2 ? LEG_B : LEG_A;
		int err;

		n = part(p, size, &next);
		err = turn % 2 == 0 ? media_offer(m, from, p, n, &out, &why)
				    : media_answer(m, from, p, n, &out, &why);
		if (err) {
			must(out == NULL && why.status >= 400 && why.text[0]);
			if (turn % 2)
				media_rollback(m);
		} else {
			check_out(out, p, n, data[0] >= 128,
				  data[0] % MEDIA_SECURITIES ==
					  MEDIA_PASSTHROUGH);
			if (turn % 2)
				media_settle(m);
		}
		must(was < E2EE_ON || media_e2ee(m) == was);
		was = media_e2ee(m);
		must(was != E2EE_ON || data[0] >= 128);
		must(!marks || marks == (was == E2EE_ON ? 2 : 1));
		p += next;
		size -= next;
	}
	media_describe(m, info, SDP_MEDIA_MAX);
	m = save_and_load(m);
	media_free(m);
	must(transports == 0 && streams == 0 && ports == 0);
	return 0;
}
