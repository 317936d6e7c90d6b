/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys, and when none; what happens when the dataplane is short of
 * something, away, or started anew; what a restart of control keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "tests/media/loop.h"
#include "tests/media/talk.h"

#define KEY_1			"inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
#define KEY_2			"inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj"
#define KEY_G			"inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw" /* no padding */
#define CM80			"AES_CM_128_HMAC_SHA1_80"
#define CM32			"AES_CM_128_HMAC_SHA1_32"
#define GCM			"AEAD_AES_128_GCM"
#define CRYPTO(tag, suite, key) "a=crypto:" tag " " suite " " key "\r\n"

#define HEAD_A                            \
	"v=0\r\n"                         \
	"o=alice 1 1 IN IP4 10.1.0.9\r\n" \
	"s=-\r\n"                         \
	"c=IN IP4 10.1.0.9\r\n"           \
	"t=0 0\r\n"
#define HEAD_B                          \
	"v=0\r\n"                       \
	"o=bob 5 5 IN IP4 10.2.0.9\r\n" \
	"s=-\r\n"                       \
	"c=IN IP4 10.2.0.9\r\n"         \
	"t=0 0\r\n"
#define AVP_A  HEAD_A "m=audio 4000 RTP/AVP 0\r\n"
#define SAVP_A HEAD_A "m=audio 4000 RTP/SAVP 0\r\n"
#define AVP_B  HEAD_B "m=audio 6000 RTP/AVP 0\r\n"
#define SAVP_B HEAD_B "m=audio 6000 RTP/SAVP 0\r\n"

static const uint16_t gcm_first[8] = {SP_SUITE_AEAD_AES_128_GCM,
				      SP_SUITE_AES_CM_128_HMAC_SHA1_80};

/* What an offerer says, under each profile of its device: refused with which
 * words, or answered with what. The other leg is plain. */
static void offerer_by_profile(void **state)
{
	static const struct {
		enum media_security profile;
		const char *offer;
		const char *refusal; /* NULL: taken */
		const char *answer;  /* its m-line and keys */
	} cases[] = {
		{MEDIA_PLAIN, AVP_A, NULL, "m=audio PORT RTP/AVP 0\n"},
		{MEDIA_PLAIN, AVP_A CRYPTO("1", CM80, KEY_1), NULL,
		 "m=audio PORT RTP/AVP 0\n"},
		{MEDIA_PLAIN, SAVP_A CRYPTO("1", CM80, KEY_1),
		 "set up for plain RTP", NULL},
		{MEDIA_SDES, AVP_A, "set up for SRTP", NULL},
		{MEDIA_SDES, SAVP_A CRYPTO("1", CM80, KEY_1), NULL,
		 "m=audio PORT RTP/SAVP 0\na=crypto:1 " CM80 " inline:KEY\n"},
		/* SRTP "if you can", as some phones offer it */
		{MEDIA_SDES, AVP_A CRYPTO("1", CM80, KEY_1), NULL,
		 "m=audio PORT RTP/AVP 0\na=crypto:1 " CM80 " inline:KEY\n"},
		{MEDIA_EITHER, AVP_A, NULL, "m=audio PORT RTP/AVP 0\n"},
		{MEDIA_EITHER, AVP_A CRYPTO("1", CM80, KEY_1), NULL,
		 "m=audio PORT RTP/AVP 0\na=crypto:1 " CM80 " inline:KEY\n"},
		{MEDIA_EITHER, AVP_A CRYPTO("1", "AES_NEW", KEY_1), NULL,
		 "m=audio PORT RTP/AVP 0\n"},
		{MEDIA_EITHER, SAVP_A CRYPTO("7", CM80, KEY_1), NULL,
		 "m=audio PORT RTP/SAVP 0\na=crypto:7 " CM80 " inline:KEY\n"},
		/* its first that the profile has */
		{MEDIA_SDES,
		 SAVP_A CRYPTO("1", CM32, KEY_1) CRYPTO("2", CM80, KEY_2)
			 CRYPTO("3", GCM, KEY_G),
		 NULL,
		 "m=audio PORT RTP/SAVP 0\na=crypto:2 " CM80 " inline:KEY\n"},
		{MEDIA_SDES, SAVP_A CRYPTO("3", GCM, KEY_G), NULL,
		 "m=audio PORT RTP/SAVP 0\na=crypto:3 " GCM " inline:KEY\n"},
		{MEDIA_SDES, SAVP_A, "no a=crypto", NULL},
		{MEDIA_SDES, SAVP_A CRYPTO("1", CM32, KEY_1), "profile", NULL},
		{MEDIA_SDES, SAVP_A CRYPTO("1", "NULL_HMAC_SHA1_80", KEY_1),
		 "NULL suite", NULL},
		{MEDIA_EITHER, SAVP_A CRYPTO("1", "F8_128_HMAC_SHA1_80", KEY_1),
		 "F8", NULL},
		{MEDIA_SDES,
		 SAVP_A CRYPTO("1", CM80, KEY_1 " UNENCRYPTED_SRTCP"),
		 "RTCP open", NULL},
		{MEDIA_EITHER,
		 HEAD_A "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
			"a=fingerprint:sha-256 AA\r\n",
		 "offers only DTLS-SRTP", NULL},
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_call_suites(t, cases[i].profile, gcm_first, MEDIA_PLAIN,
				 NULL);
		if (cases[i].refusal) {
			talk_offer_refused(t, LEG_A, cases[i].offer, 488,
					   cases[i].refusal);
			continue;
		}
		assert_null(
			strstr(talk_offer(t, LEG_A, cases[i].offer), "crypto"));
		assert_non_null(strstr(t->text, "RTP/AVP "));
		assert_string_equal(strstr(talk_answer(t, LEG_B, AVP_B), "m="),
				    cases[i].answer);
		if (strstr(cases[i].answer, "crypto"))
			assert_non_null(strstr(talk_flows(t), "rx A"));
		else
			assert_null(strstr(talk_flows(t), "rx A"));
	}
}

/* What the gateway offers, by the profile of the other leg's device. */
static void offeree_by_profile(void **state)
{
	static const struct {
		enum media_security profile;
		bool suites;
		const char *proto;
		const char *offer;
	} cases[] = {
		{MEDIA_PLAIN, true, "RTP/AVP", "m=audio PORT RTP/AVP 0\n"},
		{MEDIA_SDES, false, "RTP/AVP",
		 "m=audio PORT RTP/SAVP 0\na=crypto:1 " CM80 " inline:KEY\n"},
		{MEDIA_SDES, true, "RTP/AVP",
		 "m=audio PORT RTP/SAVP 0\na=crypto:1 " GCM " inline:KEY\n"
		 "a=crypto:2 " CM80 " inline:KEY\n"},
		{MEDIA_EITHER, false, "RTP/AVPF",
		 "m=audio PORT RTP/SAVPF 0\na=crypto:1 " CM80 " inline:KEY\n"},
		{MEDIA_PLAIN, false, "RTP/AVPF", "m=audio PORT RTP/AVPF 0\n"},
	};
	struct talk *t = *state;
	char sdp[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_call_suites(t, MEDIA_PLAIN, NULL, cases[i].profile,
				 cases[i].suites ? gcm_first : NULL);
		sprintf(sdp, HEAD_A "m=audio 4000 %s 0\r\n", cases[i].proto);
		assert_string_equal(strstr(talk_offer(t, LEG_A, sdp), "m="),
				    cases[i].offer);
	}
}

static void answers_that_are_refused(void **state)
{
	static const struct {
		const char *answer, *words;
	} cases[] = {
		{AVP_B, "another profile"},
		{AVP_B CRYPTO("1", GCM, KEY_G), "another profile"},
		{SAVP_B, "no a=crypto"},
		{SAVP_B CRYPTO("3", CM80, KEY_1), "tag that wasn't offered"},
		{SAVP_B CRYPTO("1", CM80, KEY_1), "another suite"},
		{SAVP_B CRYPTO("2", CM80, KEY_1) CRYPTO("1", GCM, KEY_G),
		 "more than one"},
		{SAVP_B CRYPTO("2", "NULL_HMAC_SHA1_80", KEY_1), "NULL suite"},
		{SAVP_B CRYPTO("2", "AES_NEW", KEY_1), "unknown suite"},
		{SAVP_B CRYPTO("2", CM80, KEY_1 " KDR=3"), "derivation"},
		{SAVP_B CRYPTO("2", CM80, "inline:c2hvcnQ"), "length"},
	};
	struct talk *t = *state;
	char ours[128], sdp[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_call_suites(t, MEDIA_PLAIN, NULL, MEDIA_SDES, gcm_first);
		talk_offer(t, LEG_A, AVP_A);
		talk_answer_refused(t, LEG_B, cases[i].answer, 488,
				    cases[i].words);
		assert_string_equal(talk_flows(t), "");
	}
	/* our own key, given back: one keystream for both directions */
	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AVP_A);
	talk_key(t, 0, ours);
	sprintf(sdp, SAVP_B "a=crypto:1 " CM80 " %s\r\n", ours);
	talk_answer_refused(t, LEG_B, sdp, 488, "our own key");
}

/* A key that is repeated is the same key; another is a new one, and then ours
 * is new as well. */
static void keys_over_re_offers(void **state)
{
	struct talk *t = *state;
	struct sp_transport b, c;
	char first[128], again[128];

	talk_call_suites(t, MEDIA_PLAIN, NULL, MEDIA_SDES, gcm_first);
	talk_offer(t, LEG_A, AVP_A);
	talk_key(t, 1, first);
	talk_answer(t, LEG_B, SAVP_B CRYPTO("2", CM80, KEY_1));
	b = talk_transport(t, LEG_B);

	/* A re-offers: the key in use goes out again, alone */
	talk_offer(t, LEG_A, AVP_A "a=sendonly\r\n");
	talk_key(t, 0, again);
	assert_string_equal(first, again);
	assert_null(strstr(t->text, GCM));
	assert_non_null(strstr(t->text, "a=crypto:2 "));
	talk_answer(t, LEG_B, SAVP_B CRYPTO("2", CM80, KEY_1));
	c = talk_transport(t, LEG_B);
	assert_int_equal(c.rx.id, b.rx.id);
	assert_int_equal(c.tx.id, b.tx.id);

	/* B re-offers with its key: nothing changes */
	talk_offer(t, LEG_B, SAVP_B CRYPTO("4", CM80, KEY_1));
	talk_answer(t, LEG_A, AVP_A);
	assert_non_null(strstr(t->text, "a=crypto:4 " CM80));
	talk_key(t, 0, again);
	assert_string_equal(first, again);
	c = talk_transport(t, LEG_B);
	assert_int_equal(c.rx.id, b.rx.id);
	assert_int_equal(c.tx.id, b.tx.id);

	/* and with another */
	talk_offer(t, LEG_B, SAVP_B CRYPTO("4", CM80, KEY_2));
	talk_answer(t, LEG_A, AVP_A);
	talk_key(t, 0, again);
	assert_string_not_equal(first, again);
	c = talk_transport(t, LEG_B);
	assert_int_not_equal(c.rx.id, b.rx.id);
	assert_int_not_equal(c.tx.id, b.tx.id);
	assert_int_equal(c.rx_roc, 0);
}

static void both_legs_sdes(void **state)
{
	struct talk *t = *state;
	struct sp_transport a, b;
	char to_b[128], to_a[128];

	talk_call_suites(t, MEDIA_SDES, gcm_first, MEDIA_EITHER, NULL);
	talk_offer(t, LEG_A, SAVP_A CRYPTO("1", GCM, KEY_G "|2^31|1:1"));
	talk_key(t, 0, to_b);
	assert_null(strstr(t->raw, KEY_G)); /* A's key isn't told to B */
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_2));
	talk_key(t, 0, to_a);
	assert_null(strstr(t->raw, KEY_2));
	assert_string_not_equal(to_a, to_b);
	a = talk_transport(t, LEG_A);
	b = talk_transport(t, LEG_B);
	assert_int_equal(a.rx.suite, SP_SUITE_AEAD_AES_128_GCM);
	assert_int_equal(a.tx.suite, SP_SUITE_AEAD_AES_128_GCM);
	assert_int_equal(b.rx.suite, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(a.rx.packets, 1u << 31);
	assert_int_equal(a.rx.mki_len, 1);
	assert_int_equal(a.rx.mki[0], 1);
	assert_int_equal(a.tx.mki_len, 0);
	assert_int_equal(a.rx.key[15], 15);
	assert_int_equal(a.rx.salt[11], 27);
}

/* -------------------------------------------------- the dataplane, short */

static void no_free_port(void **state)
{
	struct fake_options o = {
		.udp_first = 20000, .udp_last = 20003, .workers = 1};
	struct talk *t = *state;
	struct media *first;

	dp_free(t->dp);
	fake_stop(t->fake);
	t->fake = fake_start(&o);
	assert_int_equal(dp_alloc(&t->dp, fake_path(t->fake), NULL, NULL, t),
			 0);
	dp_ready(t->dp);
	loop_for(100);
	assert_true(dp_connected(t->dp));

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, AVP_B);
	first = t->m;
	t->m = NULL;
	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	/* two m-lines would need two pairs: one is free, so neither is had */
	talk_offer_refused(t, LEG_A, AVP_A "m=video 4002 RTP/AVP 34\r\n", 503,
			   "No media port is free");
	/* what was taken meanwhile rests, and is then to be had again */
	talk_offer_refused(t, LEG_A, AVP_A, 503, "No media port is free");
	loop_for(3100);
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, AVP_B);
	media_free(first);
}

/* Ports of a refused m-line are free once the answer is final. */
static void ports_of_refused_lines(void **state)
{
	struct talk *t = *state;
	const uint8_t media[2] = {0, 1};
	uint16_t p[2];
	unsigned taken = 0, again = 0;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AVP_A "m=video 4002 RTP/AVP 34\r\n");
	talk_answer(t, LEG_B, AVP_B "m=video 0 RTP/AVP 34\r\n");
	while (dp_ports_take(t->dp, media, p) == 0)
		taken++;
	assert_int_equal(taken, 5000 - 2);
	media_settle(t->m);
	loop_for(3100);
	while (dp_ports_take(t->dp, media, p) == 0)
		again++;
	assert_int_equal(again, 1);
}

static void the_dataplane_is_away(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AVP_A);
	fake_away(t->fake, true);
	loop_for(100);
	talk_answer_refused(t, LEG_B, AVP_B, 503, "dataplane is away");
	talk_offer_refused(t, LEG_A, AVP_A, 503, "dataplane is away");
	fake_away(t->fake, false);
	talk_up(t);
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, AVP_B);
}

/* It refuses in the middle: nothing of the new is left, all of the old is. */
static void the_dataplane_refuses(void **state)
{
	static const uint16_t requests[] = {SP_TRANSPORT_ADD, SP_STREAM_ADD,
					    SP_TRANSPORT_CHANGE};
	struct talk *t = *state;
	char before[4096];

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AVP_A);
	fake_refuse(t->fake, SP_STREAM_ADD, SP_ENOSPC);
	talk_answer_refused(t, LEG_B, AVP_B, 503, "as the test wants it");
	assert_string_equal(talk_flows(t), "");
	talk_answer(t, LEG_B, AVP_B);
	media_settle(t->m);
	strcpy(before, talk_flows(t));
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		talk_offer(t, LEG_A,
			   HEAD_A "m=audio 4100 RTP/AVP 0\r\na=sendonly\r\n"
				  "m=video 4002 RTP/AVP 34\r\n");
		fake_refuse(t->fake, requests[i], SP_EINVAL);
		talk_answer_refused(t, LEG_B,
				    AVP_B "m=video 6002 RTP/AVP 34\r\n", 500,
				    "as the test wants it");
		assert_string_equal(talk_flows(t), before);
		media_rollback(t->m);
	}
}

/* ------------------------------------------------------------- restarts */

static void answered_call(struct talk *t)
{
	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1));
	media_settle(t->m);
}

static void the_dataplane_restarts(void **state)
{
	struct talk *t = *state;
	struct sp_transport b;
	struct sp_event roc = {.kind = SP_EVENT_ROC, .value = 2};

	answered_call(t);
	b = talk_transport(t, LEG_B);
	roc.id = b.id;
	talk_event(t, &roc);
	fake_restart(t->fake);
	talk_up(t);
	assert_int_equal(talk_transport(t, LEG_B).rx.id, b.rx.id);
	assert_int_equal(talk_transport(t, LEG_B).rx_roc, 2);
	assert_int_not_equal(talk_stream(t, LEG_A).ssrc_xor, 0);
	assert_int_equal(talk_stream(t, LEG_B).ssrc_xor, 0);
	assert_false(media_keys_lost(t->m));
	/* hold and resume change nothing of that */
	talk_offer(t, LEG_A, AVP_A "a=sendonly\r\n");
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1));
	assert_int_not_equal(talk_stream(t, LEG_A).ssrc_xor, 0);
}

/* As kill -9 has it: the media are gone here, and still there. */
static void control_restarts(struct talk *t, bool dataplane_too)
{
	char *json = media_save(t->m), *again;

	assert_non_null(json);
	assert_null(strstr(json, "d0Rm"));
	/* with the line cut, nothing that goes here is told there */
	fake_away(t->fake, true);
	loop_for(50);
	assert_false(dp_connected(t->dp));
	media_free(t->m);
	dp_free(t->dp);
	t->dp = NULL;
	fake_away(t->fake, false);
	if (dataplane_too)
		fake_restart(t->fake);
	assert_int_equal(dp_alloc(&t->dp, fake_path(t->fake), NULL, NULL, NULL),
			 0);
	t->m = media_load(t->dp, json);
	assert_non_null(t->m);
	again = media_save(t->m);
	assert_non_null(again);
	dp_ready(t->dp);
	loop_for(100);
	assert_true(dp_connected(t->dp));
	free(json);
	free(again);
}

static void control_restarts_alone(void **state)
{
	struct talk *t = *state;
	struct sp_transport b, c;
	char before[4096];
	uint16_t p[2];
	const uint8_t media[2] = {0, 1};

	answered_call(t);
	b = talk_transport(t, LEG_B);
	strcpy(before, talk_flows(t));
	fake_count(t->fake, SP_TRANSPORT_CHANGE);
	fake_count(t->fake, SP_STREAM_CHANGE);
	control_restarts(t, false);
	assert_string_equal(talk_flows(t), before);
	assert_int_equal(fake_count(t->fake, SP_TRANSPORT_CHANGE), 0);
	assert_int_equal(fake_count(t->fake, SP_STREAM_CHANGE), 0);
	assert_false(media_keys_lost(t->m));
	c = talk_transport(t, LEG_B);
	assert_memory_equal(&c, &b, sizeof(c));
	for (int i = 0; i < 4999; i++) { /* its ports are its own */
		assert_int_equal(dp_ports_take(t->dp, media, p), 0);
		assert_int_not_equal(p[1], b.rtp_port);
	}
	/* a re-offer works; keys that aren't known any more are replaced, and
	 * the peer's counter goes on from where it was heard of */
	{
		struct sp_event roc = {
			.kind = SP_EVENT_ROC, .id = b.id, .value = 9};

		fake_event(t->fake, &roc);
		loop_for(50);
	}
	talk_offer(t, LEG_A, AVP_A "a=sendonly\r\n");
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1));
	c = talk_transport(t, LEG_B);
	assert_int_equal(c.id, b.id);
	assert_int_not_equal(c.rx.id, b.rx.id);
	assert_int_not_equal(c.tx.id, b.tx.id);
	assert_int_equal(c.rx_roc, 9);
	/* an o= that moves on */
	assert_non_null(strstr(talk_line(t, "o=", 0), " 2 IN IP4"));
}

static void both_restart(void **state)
{
	struct talk *t = *state;

	answered_call(t);
	control_restarts(t, true);
	assert_true(media_keys_lost(t->m));
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1));
	assert_false(media_keys_lost(t->m));
	assert_non_null(strstr(talk_flows(t), "rx " CM80));
}

static void load_refuses_rubbish(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"save\":1}",
		"{\"save\":2,\"call\":1}",
		"{\"save\":1,\"call\":1,\"side\":[1,2],\"line\":[]}",
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(media_load(t->dp, bad[i]));
}

/* ------------------------------------------------------------- silence */

static void silence(void **state)
{
	struct talk *t = *state;
	struct sp_event e = {.kind = SP_EVENT_SILENT};
	struct media_info info[4];
	struct sp_stats st = {.packets_in = 42};

	answered_call(t);
	loop_for(20);
	assert_false(media_silent(t->m, 10)); /* nobody said so */
	e.id = talk_transport(t, LEG_A).id;
	talk_event(t, &e);
	assert_false(media_silent(t->m, 10)); /* one side is heard */
	e.id = talk_transport(t, LEG_B).id;
	talk_event(t, &e);
	assert_true(media_silent(t->m, 10));
	assert_false(media_silent(t->m, 60000));
	/* on hold nothing is expected */
	talk_offer(t, LEG_A, AVP_A "a=inactive\r\n");
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1) "a=inactive\r\n");
	assert_false(media_silent(t->m, 10));
	/* and after it, silence counts from its end */
	talk_offer(t, LEG_A, AVP_A);
	talk_answer(t, LEG_B, SAVP_B CRYPTO("1", CM80, KEY_1));
	assert_false(media_silent(t->m, 200));
	loop_for(250);
	assert_true(media_silent(t->m, 200));
	e.kind = SP_EVENT_MEDIA;
	talk_event(t, &e);
	assert_false(media_silent(t->m, 200));

	st.id = talk_stream(t, LEG_B).id;
	fake_stats(t->fake, &st);
	assert_int_equal(media_describe(t->m, info, 4), 1);
	assert_int_equal(info[0].stream[LEG_B], st.id);
	assert_int_equal(info[0].stats[LEG_B].packets_in, 42);
	assert_int_equal(info[0].suite_rx[LEG_A], SP_SUITE_PLAIN);
	assert_int_equal(info[0].suite_tx[LEG_B],
			 SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	/* the dataplane away: the last known */
	fake_away(t->fake, true);
	loop_for(50);
	assert_int_equal(media_describe(t->m, info, 4), 1);
	assert_int_equal(info[0].stats[LEG_B].packets_in, 42);
	assert_false(media_silent(t->m, 200));
	fake_away(t->fake, false);
	talk_up(t);
}

int main(void)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, talk_set_up, talk_tear_down)
	const struct CMUnitTest tests[] = {
		LIVE(offerer_by_profile),	LIVE(offeree_by_profile),
		LIVE(answers_that_are_refused), LIVE(keys_over_re_offers),
		LIVE(both_legs_sdes),		LIVE(no_free_port),
		LIVE(ports_of_refused_lines),	LIVE(the_dataplane_is_away),
		LIVE(the_dataplane_refuses),	LIVE(the_dataplane_restarts),
		LIVE(control_restarts_alone),	LIVE(both_restart),
		LIVE(load_refuses_rubbish),	LIVE(silence),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("media_security", tests, NULL,
					     NULL);
	loop_close();
	return failed;
}
