/* SPDX-License-Identifier: Apache-2.0 */
/* Browsers: what Chromium offers and answers, made into what a phone with plain
 * RTP understands and back; BUNDLE, ICE, fingerprints, and that nothing flows
 * before there are keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <re.h>
#include "tests/media/chromium.h"
#include "tests/media/loop.h"
#include "tests/media/talk.h"

static void call(struct talk *t, const struct media_profile *a,
		 const struct media_profile *b)
{
	const struct media_profile p[2] = {*a, *b};

	media_free(t->m);
	t->m = media_new(t->dp, 7, t->addr, p);
	assert_non_null(t->m);
}

static const struct media_profile automatic = {.security = MEDIA_AUTO};
static const struct media_profile browser = {.security = MEDIA_AUTO,
					     .browser = true};
static const struct media_profile plain = {.security = MEDIA_PLAIN};

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void has(struct talk *t, const char *what, unsigned times)
{
	if (count(t->raw, what) != times)
		print_error("%s\n", t->raw);
	assert_int_equal(count(t->raw, what), times);
}

/* "what" but in its own place anew: never the other side's. */
static void nothing_of_the_browser(struct talk *t)
{
	has(t, "4ZcD", 0);
	has(t, "FqbYB9Ty6oqyrYSDqxNZMtz5", 0);
	has(t, CHROMIUM_PRINT, 0);
}

static struct sp_transport only_on(struct talk *t, enum leg l)
{
	static struct sp_transport tr[FAKE_MAX];
	unsigned n = fake_transports(t->fake, tr), found = 0;
	struct sp_transport got = {0};

	for (unsigned i = 0; i < n; i++)
		if (tr[i].media_addr == (int)l) {
			got = tr[i];
			found++;
		}
	assert_int_equal(found, 1);
	return got;
}

/* The two streams that leave the bundle, by SSRC and payload type. */
static void demultiplexed(struct talk *t, uint64_t bundle)
{
	static struct sp_stream st[FAKE_MAX];
	unsigned n = fake_streams(t->fake, st), found = 0;

	assert_int_equal(n, 4);
	for (unsigned i = 0; i < n; i++) {
		const struct sp_stream *s = &st[i];
		bool audio = s->ssrcs[0] == 3570614608u;

		if (s->from != bundle) {
			assert_int_equal(s->to, bundle);
			assert_int_equal(s->match, SP_MATCH_ANY);
			continue;
		}
		found++;
		assert_int_equal(s->match, SP_MATCH_MID);
		assert_int_equal(s->mid_ext, 0);
		assert_int_equal(s->mid_len, 0);
		assert_true(audio || s->ssrcs[0] == 2231627014u);
		assert_int_equal(s->n_ssrcs, audio ? 1 : 2);
		assert_int_equal(s->pts[1] >> (111 - 64) & 1, audio);
		assert_int_equal(s->pts[1] >> (102 - 64) & 1, !audio);
	}
	assert_int_equal(found, 2);
}

static void chromium_calls_a_phone(void **state)
{
	struct talk *t = *state;
	struct sp_transport tr;

	call(t, &automatic, &plain);
	talk_offer(t, LEG_A, chromium_offer);
	has(t, "RTP/AVP ", 2);
	nothing_of_the_browser(t);
	has(t, "a=group", 0);
	has(t, "a=ice", 0);
	has(t, "a=fingerprint", 0);
	has(t, "a=extmap:3 http://www.ietf.org/id/draft-holmer", 2);
	has(t, "a=fmtp:97 apt=96", 1);
	/* what is heard may be ours at any time, what is seen is never */
	has(t, "a=ssrc:3570614608 ", 0);
	has(t, "a=ssrc:2231627014 ", 2);
	has(t, "sdes:mid", 0);
	talk_answer(t, LEG_B, phone_video);
	has(t, " UDP/TLS/RTP/SAVPF ", 2);
	has(t, "a=group:BUNDLE 0 1\r\n", 1);
	has(t, "a=mid:0\r\n", 1);
	has(t, "a=mid:1\r\n", 1);
	has(t, "a=rtcp-mux\r\n", 2);
	has(t, "a=ice-lite\r\n", 1);
	has(t, "a=setup:active\r\n", 2);
	has(t, "a=fingerprint:sha-256 ", 2);
	has(t, " typ host\r\n", 2);
	has(t, "c=IN IP4 10.1.0.1\r\n", 1);
	assert_string_equal(talk_line(t, "m=audio ", 0) + 5,
			    " UDP/TLS/RTP/SAVPF 0");
	assert_int_equal(atoi(talk_line(t, "m=audio ", 0)),
			 atoi(talk_line(t, "m=video ", 0)));
	tr = only_on(t, LEG_A);
	assert_int_equal(tr.stun, SP_PUNT_CONTROL);
	assert_int_equal(tr.dtls, SP_PUNT_CONTROL);
	assert_int_equal(tr.source, SP_SOURCE_STRICT);
	assert_int_equal(tr.peer_rtp.family, 0);
	assert_int_equal(tr.flags, SP_TRANSPORT_RTCP_MUX);
	demultiplexed(t, tr.id);
	/* the phone holds: what the browser has, it goes on having */
	talk_offer(t, LEG_B, phone_video);
	has(t, " UDP/TLS/RTP/SAVPF ", 2);
	has(t, "a=group:BUNDLE 0 1\r\n", 1);
	has(t, "a=ice-lite\r\n", 1);
	has(t, "a=ice-ufrag:", 2);
	has(t, "a=mid:1\r\n", 1);
}

static void a_phone_calls_chromium(void **state)
{
	struct talk *t = *state;
	struct sp_transport tr;
	char first[16];

	call(t, &plain, &browser);
	talk_offer(t, LEG_A, phone_video);
	has(t, " UDP/TLS/RTP/SAVPF ", 2);
	has(t, "a=group:BUNDLE 0 1\r\n", 1);
	has(t, "a=setup:actpass\r\n", 2);
	has(t, "a=ice-lite\r\n", 1);
	has(t, "a=ice-ufrag:", 2);
	has(t, "a=rtcp-mux\r\n", 2);
	/* until it is known that they share one, each has its own */
	snprintf(first, sizeof(first), "%s", talk_line(t, "m=audio ", 0));
	assert_int_not_equal(atoi(first), atoi(talk_line(t, "m=video ", 0)));
	talk_answer(t, LEG_B, chromium_answer);
	media_settle(t->m);
	nothing_of_the_browser(t);
	has(t, "a=group", 0);
	has(t, "a=mid", 0);
	has(t, " RTP/AVP ", 2);
	tr = only_on(t, LEG_B);
	assert_int_equal(tr.rtp_port, atoi(first));
	assert_int_equal(tr.peer_rtp.family, 0);
	demultiplexed(t, tr.id);
	/* a hold, and back: nothing moves */
	talk_offer(t, LEG_A, phone_video);
	assert_int_equal(atoi(talk_line(t, "m=audio ", 0)), tr.rtp_port);
	assert_int_equal(atoi(talk_line(t, "m=video ", 0)), tr.rtp_port);
	has(t, "a=group:BUNDLE 0 1\r\n", 1);
	talk_answer(t, LEG_B, chromium_answer);
	assert_int_equal(only_on(t, LEG_B).id, tr.id);
	demultiplexed(t, tr.id);
}

/* Without ICE it is known where the peer is; it is nobody all the same until
 * there are keys. */
static void nobody_before_keys(void **state)
{
	static const char offer[] =
		"v=0\r\no=a 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\n"
		"c=IN IP4 10.1.0.9\r\nm=audio 4000 UDP/TLS/RTP/SAVP 0\r\n"
		"a=rtcp-mux\r\na=setup:active\r\n"
		"a=fingerprint:sha-256 " CHROMIUM_PRINT "\r\n";
	static const char answer[] = "v=0\r\no=b 1 1 IN IP4 10.2.0.9\r\ns=-\r\n"
				     "t=0 0\r\nc=IN IP4 10.2.0.9\r\n"
				     "m=audio 6000 RTP/AVP 0\r\n";
	struct talk *t = *state;
	struct sp_transport tr;

	call(t, &automatic, &plain);
	talk_offer(t, LEG_A, offer);
	talk_answer(t, LEG_B, answer);
	has(t, "a=setup:passive\r\n", 1);
	tr = only_on(t, LEG_A);
	assert_int_equal(tr.dtls, SP_PUNT_CONTROL);
	assert_int_equal(tr.stun, SP_PUNT_DROP);
	assert_int_equal(tr.peer_rtp.family, 0);
	assert_int_equal(tr.peer_rtcp.family, 0);
	assert_int_equal(tr.rx.suite, SP_SUITE_PLAIN);
}

/* One m-line leaves the bundle, and comes back to it. */
static void a_bundle_parts(void **state)
{
	struct talk *t = *state;
	char *apart = strdup(chromium_offer), *group;

	group = strstr(apart, "a=group:BUNDLE 0 1");
	memcpy(group + strlen("a=group:BUNDLE 0"), "  ", 2);
	call(t, &automatic, &plain);
	for (unsigned i = 0; i < 4; i++) {
		static struct sp_transport tr[FAKE_MAX];

		talk_offer(t, LEG_A, i % 2 ? apart : chromium_offer);
		talk_answer(t, LEG_B, phone_video);
		assert_int_equal(fake_transports(t->fake, tr), i % 2 ? 4 : 3);
		has(t,
		    i % 2 ? "a=group:BUNDLE 0\r\n" : "a=group:BUNDLE 0 1\r\n",
		    1);
	}
	free(apart);
}

/* A check written by libre, from where the browser is. */
static void check(struct talk *t, const struct sp_transport *tr, uint8_t tid,
		  const char *ufrag, const char *pwd, uint16_t port)
{
	struct sp_datagram d = {
		.id = tr->id,
		.addr = {4, 32, port, {10, 1, 0, 9}},
	};
	struct mbuf *mb = mbuf_alloc(512);
	uint8_t id[STUN_TID_SIZE];
	char username[64];
	uint64_t tie = 1;
	uint32_t priority = 1;

	memset(id, tid, sizeof(id));
	snprintf(username, sizeof(username), "%s:4ZcD", ufrag);
	assert_int_equal(stun_msg_encode(mb, STUN_METHOD_BINDING,
					 STUN_CLASS_REQUEST, id, NULL,
					 (const uint8_t *)pwd, strlen(pwd),
					 true, 0, 4, STUN_ATTR_USERNAME,
					 username, STUN_ATTR_PRIORITY,
					 &priority, STUN_ATTR_CONTROLLING, &tie,
					 STUN_ATTR_USE_CAND, (void *)1),
			 0);
	d.len = (uint16_t)mb->end;
	memcpy(d.data, mb->buf, mb->end);
	mem_deref(mb);
	fake_punt(t->fake, &d);
}

static bool is_injected(void *arg)
{
	struct talk *t = arg;

	return fake_injected(t->fake).len > 0;
}

/* ICE alone, with plain RTP: the peer is whom a right check nominates. */
static void ice_decides_where_media_goes(void **state)
{
	static const struct media_profile p = {.security = MEDIA_PLAIN,
					       .ice = SWITCH_ON};
	static const char offer[] =
		"v=0\r\no=a 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\n"
		"c=IN IP4 10.1.0.9\r\nm=audio 4000 RTP/AVP 0\r\n"
		"a=rtcp-mux\r\na=ice-ufrag:4ZcD\r\n"
		"a=ice-pwd:FqbYB9Ty6oqyrYSDqxNZMtz5\r\n"
		"a=candidate:1 1 UDP 1 10.1.0.9 4000 typ host\r\n";
	static const char answer[] = "v=0\r\no=b 1 1 IN IP4 10.2.0.9\r\ns=-\r\n"
				     "t=0 0\r\nc=IN IP4 10.2.0.9\r\n"
				     "m=audio 6000 RTP/AVP 0\r\n";
	struct talk *t = *state;
	struct sp_transport tr;
	char ufrag[32], pwd[64], *json;

	call(t, &p, &plain);
	talk_offer(t, LEG_A, offer);
	talk_answer(t, LEG_B, answer);
	snprintf(ufrag, sizeof(ufrag), "%s", talk_line(t, "a=ice-ufrag:", 0));
	snprintf(pwd, sizeof(pwd), "%s", talk_line(t, "a=ice-pwd:", 0));
	tr = only_on(t, LEG_A);
	assert_int_equal(tr.peer_rtp.family, 0); /* whatever c= says */
	check(t, &tr, 1, ufrag, "FqbYB9Ty6oqyrYSDqxNZMtz5", 4000);
	check(t, &tr, 2, "4ZcDx", pwd, 4000);
	loop_for(50);
	assert_int_equal(fake_injected(t->fake).len, 0);
	assert_int_equal(only_on(t, LEG_A).peer_rtp.family, 0);
	check(t, &tr, 3, ufrag, pwd, 4321);
	assert_true(loop_until(is_injected, t, 1000));
	tr = only_on(t, LEG_A);
	assert_int_equal(tr.peer_rtp.port, 4321);
	assert_int_equal(tr.source, SP_SOURCE_STRICT);
	/* the same again, from a thief */
	check(t, &tr, 3, ufrag, pwd, 666);
	loop_for(50);
	assert_int_equal(only_on(t, LEG_A).peer_rtp.port, 4321);

	/* the same credentials after a restart: who was nominated still is */
	json = media_save(t->m);
	assert_non_null(json);
	fake_away(t->fake, true);
	loop_for(50);
	media_free(t->m);
	dp_free(t->dp);
	fake_away(t->fake, false);
	assert_int_equal(dp_alloc(&t->dp, fake_path(t->fake), NULL, NULL, NULL),
			 0);
	t->m = media_load(t->dp, json);
	free(json);
	assert_non_null(t->m);
	dp_ready(t->dp);
	loop_for(100);
	assert_int_equal(dp_summary(t->dp)->changed, 0);
	assert_int_equal(dp_summary(t->dp)->left, 4);
	/* its checks are answered, and nobody else takes its place */
	check(t, &tr, 4, ufrag, pwd, 666);
	check(t, &tr, 5, ufrag, pwd, 4321);
	loop_for(50);
	assert_int_equal(fake_injected(t->fake).addr.port, 4321);
	assert_int_equal(only_on(t, LEG_A).peer_rtp.port, 4321);
	talk_offer(t, LEG_A, offer);
	talk_answer(t, LEG_B, answer);
	assert_string_equal(talk_line(t, "a=ice-pwd:", 0), pwd);
}

static void refused(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} cases[] = {
		{"a=fingerprint:sha-256 AB", "a=fingerprint:sha-1   AB",
		 "too weak"},
		{"a=ice-ufrag:4ZcD", "a=ice-ufrag:4Zc!", "ICE credentials"},
		{"a=setup:actpass", "a=setup:passiv3", "a=setup"},
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *sdp = strdup(chromium_offer), *at = sdp;
		size_t n = strlen(cases[i].from);

		while ((at = strstr(at, cases[i].from)))
			memcpy(at, cases[i].to, n);
		call(t, &automatic, &plain);
		talk_offer_refused(t, LEG_A, sdp, 488, cases[i].words);
		free(sdp);
	}
	call(t, &(struct media_profile){.security = MEDIA_DTLS}, &plain);
	talk_offer_refused(
		t, LEG_A,
		"v=0\r\no=a 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\n"
		"c=IN IP4 10.1.0.9\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
		"a=setup:actpass\r\na=fingerprint:sha-1 "
		"4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB"
		"\r\n",
		488, "too weak");
	talk_offer_refused(t, LEG_A, phone_video, 488, "set up for DTLS-SRTP");
	call(t,
	     &(struct media_profile){.security = MEDIA_PLAIN, .ice = SWITCH_ON},
	     &plain);
	talk_offer_refused(t, LEG_A, phone_video, 488, "set up for ICE");
	call(t, &plain, &browser);
	talk_offer(t, LEG_A, phone_video);
	talk_answer_refused(t, LEG_B, chromium_offer, 488, "actpass");
	media_rollback(t->m);
}

/* Both ends by themselves: what they said of DTLS and ICE passes. */
static void relayed(void **state)
{
	static const struct media_profile p = {.security = MEDIA_PASSTHROUGH};
	struct talk *t = *state;
	static struct sp_transport tr[FAKE_MAX];

	call(t, &p, &p);
	talk_offer(t, LEG_A,
		   "v=0\r\no=a 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\n"
		   "c=IN IP4 10.1.0.9\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
		   "a=setup:actpass\r\na=fingerprint:sha-256 " CHROMIUM_PRINT
		   "\r\na=ice-ufrag:4ZcD\r\n"
		   "a=ice-pwd:FqbYB9Ty6oqyrYSDqxNZMtz5\r\n"
		   "a=candidate:1 1 UDP 1 10.1.0.9 4000 typ host\r\n"
		   "a=rtcp-mux\r\n");
	has(t, CHROMIUM_PRINT, 1);
	has(t, "a=setup:actpass", 1);
	has(t, "a=ice-ufrag:4ZcD", 1);
	has(t, "10.1.0.9", 0);
	has(t, " 10.2.0.1 ", 1); /* the one candidate */
	talk_answer(t, LEG_B,
		    "v=0\r\no=b 1 1 IN IP4 10.2.0.9\r\ns=-\r\nt=0 0\r\n"
		    "c=IN IP4 10.2.0.9\r\nm=audio 6000 UDP/TLS/RTP/SAVPF 0\r\n"
		    "a=setup:active\r\na=fingerprint:sha-256 " CHROMIUM_PRINT
		    "\r\na=rtcp-mux\r\n");
	has(t, "a=setup:active", 1);
	assert_int_equal(fake_transports(t->fake, tr), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tr[i].dtls, SP_PUNT_RELAY);
		assert_int_equal(tr[i].stun, SP_PUNT_RELAY);
		assert_int_equal(tr[i].peer_rtp.family, 4);
		assert_int_equal(tr[i].rx.suite, SP_SUITE_PLAIN);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, talk_set_up, talk_tear_down)
	const struct CMUnitTest tests[] = {
		T(chromium_calls_a_phone),
		T(a_phone_calls_chromium),
		T(nobody_before_keys),
		T(a_bundle_parts),
		T(ice_decides_where_media_goes),
		T(refused),
		T(relayed),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_close();
	return failed;
}
