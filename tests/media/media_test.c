/* SPDX-License-Identifier: Apache-2.0 */
/* Offer and answer: SDP in, SDP out, and what the dataplane was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/media/loop.h"
#include "tests/media/talk.h"

#define KEY_1		 "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
#define KEY_2		 "inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj"
#define CRYPTO(tag, key) "a=crypto:" tag " AES_CM_128_HMAC_SHA1_80 " key "\r\n"

#define HEAD_A                            \
	"v=0\r\n"                         \
	"o=alice 1 1 IN IP4 10.1.0.9\r\n" \
	"s=a call\r\n"                    \
	"c=IN IP4 10.1.0.9\r\n"           \
	"t=0 0\r\n"
#define HEAD_B                          \
	"v=0\r\n"                       \
	"o=bob 5 5 IN IP4 10.2.0.9\r\n" \
	"s=-\r\n"                       \
	"c=IN IP4 10.2.0.9\r\n"         \
	"t=0 0\r\n"
#define AUDIO_A HEAD_A "m=audio 4000 RTP/AVP 0 8\r\n"
#define AUDIO_B HEAD_B "m=audio 6000 RTP/AVP 0\r\n"
#define SRTP_B	HEAD_B "m=audio 6000 RTP/SAVP 0\r\n" CRYPTO("1", KEY_2)

/* A thin client's plain offer becomes SRTP with SDES at headquarters. */
static void plain_to_sdes(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	assert_string_equal(talk_offer(t, LEG_A,
				       HEAD_A
				       "a=x-unknown:kept\r\n"
				       "m=audio 4000 RTP/AVP 0 96 101\r\n"
				       "a=rtpmap:96 opus/48000/2\r\n"
				       "a=fmtp:96 useinbandfec=1\r\n"
				       "a=rtpmap:101 telephone-event/8000\r\n"
				       "a=ptime:20\r\n"
				       "a=made-up\r\n"
				       "a=sendrecv\r\n"),
			    "v=0\n"
			    "o=sallyport ID 1 IN IP4 10.2.0.1\n"
			    "s=-\n"
			    "c=IN IP4 10.2.0.1\n"
			    "t=0 0\n"
			    "a=x-unknown:kept\n"
			    "m=audio PORT RTP/SAVP 0 96 101\n"
			    "a=rtpmap:96 opus/48000/2\n"
			    "a=fmtp:96 useinbandfec=1\n"
			    "a=rtpmap:101 telephone-event/8000\n"
			    "a=ptime:20\n"
			    "a=made-up\n"
			    "a=sendrecv\n"
			    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\n");
	/* nothing flows before the answer */
	assert_string_equal(talk_flows(t), "");
	assert_string_equal(
		talk_answer(t, LEG_B,
			    HEAD_B
			    "m=audio 6000 RTP/SAVP 96 101\r\n"
			    "a=rtpmap:96 opus/48000/2\r\n"
			    "a=rtpmap:101 telephone-event/8000\r\n" CRYPTO(
				    "1", KEY_2)),
		"v=0\n"
		"o=sallyport ID 1 IN IP4 10.1.0.1\n"
		"s=-\n"
		"c=IN IP4 10.1.0.1\n"
		"t=0 0\n"
		"m=audio PORT RTP/AVP 96 101\n"
		"a=rtpmap:96 opus/48000/2\n"
		"a=rtpmap:101 telephone-event/8000\n");
	assert_string_equal(
		talk_flows(t),
		"A dscp 46 peer 10.1.0.9/32:4000 rtcp 10.1.0.9/32:4001 "
		"rx plain tx plain\n"
		"A>B clock 48000\n"
		"B dscp 46 peer 10.2.0.9/32:6000 rtcp 10.2.0.9/32:6001 "
		"rx AES_CM_128_HMAC_SHA1_80 tx AES_CM_128_HMAC_SHA1_80\n"
		"B>A clock 48000\n");
}

/* The keys that are programmed are those of the SDP, each on its side, and
 * the ports too. */
static void keys_and_ports_are_those_of_the_sdp(void **state)
{
	static const uint8_t key_2[16] = "70xwPH5@/,L:S1wY";
	struct talk *t = *state;
	struct sp_transport a, b;
	char ours[128];
	unsigned port_b;

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AUDIO_A);
	talk_key(t, 0, ours);
	port_b = (unsigned)atoi(talk_line(t, "m=audio ", 0));
	talk_answer(t, LEG_B, SRTP_B);
	a = talk_transport(t, LEG_A);
	b = talk_transport(t, LEG_B);
	assert_int_equal(b.rtp_port, port_b);
	assert_int_equal(a.rtp_port, atoi(talk_line(t, "m=audio ", 0)));
	assert_int_equal(a.rtp_port / 2 % 2, b.rtp_port / 2 % 2);
	assert_memory_equal(b.rx.key, key_2, 16);
	assert_int_equal(a.rx.id + a.tx.id, 0);
	assert_int_not_equal(b.rx.id, b.tx.id);
	/* ours, from base64 by hand: the first three octets */
	{
		static const char abc[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789+/";
		unsigned v = 0;

		for (int i = 0; i < 4; i++)
			v = v << 6 | (unsigned)(strchr(abc, ours[7 + i]) - abc);
		assert_int_equal(b.tx.key[0], v >> 16);
		assert_int_equal(b.tx.key[1], v >> 8 & 255);
		assert_int_equal(b.tx.key[2], v & 255);
	}
}

/* What one hop says to the next about itself doesn't pass. */
static void hop_attributes_are_taken_out(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	assert_string_equal(
		talk_offer(t, LEG_A,
			   HEAD_A
			   "a=e2ee:AQEAAgABAAA\r\n"
			   "a=group:BUNDLE 0\r\n"
			   "a=group:LS 0 1\r\n"
			   "a=ice-lite\r\n"
			   "a=fingerprint:sha-256 AA:BB\r\n"
			   "a=key-mgmt:mikey AQAF\r\n"
			   "k=clear:secret\r\n"
			   "m=audio 4000 RTP/AVP 0\r\n"
			   "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY_1
			   "\r\n"
			   "a=pcfg:1 t=1 a=1\r\n"
			   "a=tcap:1 RTP/SAVP\r\n"
			   "a=candidate:1 1 UDP 1 10.1.0.9 4000 typ host\r\n"
			   "a=end-of-candidates\r\n"
			   "a=ice-ufrag:x\r\n"
			   "a=ice-pwd:y\r\n"
			   "a=setup:actpass\r\n"
			   "a=mid:0\r\n"
			   "a=rtcp:4009\r\n" CRYPTO(
				   "1", KEY_1) "a=ssrc:1 cname:x\r\n"),
		"v=0\n"
		"o=sallyport ID 1 IN IP4 10.2.0.1\n"
		"s=-\n"
		"c=IN IP4 10.2.0.1\n"
		"t=0 0\n"
		"a=group:LS 0 1\n"
		"m=audio PORT RTP/AVP 0\n"
		"a=mid:0\n");
	talk_answer(t, LEG_B, AUDIO_B);
	/* a=rtcp is where RTCP goes */
	assert_non_null(strstr(talk_flows(t), "rtcp 10.1.0.9/32:4009 "));
}

/* a=e2ee passes as it came, once policy has allowed so. */
static void e2ee_passes_when_allowed(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	media_allow_e2ee(t->m, true, NULL);
	talk_offer(t, LEG_A,
		   HEAD_A "a=e2ee:AQEAAgABAAA\r\n"
			  "m=audio 4000 RTP/AVP 0\r\n");
	assert_string_equal(talk_line(t, "a=e2ee:", 0), "AQEAAgABAAA");
	talk_answer(t, LEG_B,
		    HEAD_B "a=e2ee:AgE\r\n"
			   "m=audio 6000 RTP/AVP 0\r\n");
	assert_string_equal(talk_line(t, "a=e2ee:", 0), "AgE");
}

static void rtcp_mux_by_leg(void **state)
{
	static const struct {
		const char *offer, *answer, *out, *back, *flows;
	} cases[] = {
		{"a=rtcp-mux\r\n", "a=rtcp-mux\r\n", "a=rtcp-mux\n",
		 "a=rtcp-mux\n",
		 "A dscp 46 peer 10.1.0.9/32:4000 mux 10.1.0.9/32:4000 "
		 "rx plain tx plain\n"
		 "A>B clock 8000\n"
		 "B dscp 46 peer 10.2.0.9/32:6000 mux 10.2.0.9/32:6000 "
		 "rx plain tx plain\n"
		 "B>A clock 8000\n"},
		/* the far side has none: ours with the near side stays */
		{"a=rtcp-mux\r\n", "", "a=rtcp-mux\n", "a=rtcp-mux\n",
		 "A dscp 46 peer 10.1.0.9/32:4000 mux 10.1.0.9/32:4000 "
		 "rx plain tx plain\n"
		 "A>B clock 8000\n"
		 "B dscp 46 peer 10.2.0.9/32:6000 rtcp 10.2.0.9/32:6001 "
		 "rx plain tx plain\n"
		 "B>A clock 8000\n"},
		/* not offered: an answer can't bring it in */
		{"", "a=rtcp-mux\r\n", "", "",
		 "A dscp 46 peer 10.1.0.9/32:4000 rtcp 10.1.0.9/32:4001 "
		 "rx plain tx plain\n"
		 "A>B clock 8000\n"
		 "B dscp 46 peer 10.2.0.9/32:6000 rtcp 10.2.0.9/32:6001 "
		 "rx plain tx plain\n"
		 "B>A clock 8000\n"},
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sdp[1024];
		const char *got;

		talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
		sprintf(sdp, AUDIO_A "%s", cases[i].offer);
		got = talk_offer(t, LEG_A, sdp);
		assert_string_equal(
			strstr(got, "m=audio") +
				strlen("m=audio PORT RTP/AVP 0 8\n"),
			cases[i].out);
		sprintf(sdp, AUDIO_B "%s", cases[i].answer);
		got = talk_answer(t, LEG_B, sdp);
		assert_string_equal(strstr(got, "m=audio") +
					    strlen("m=audio PORT RTP/AVP 0\n"),
				    cases[i].back);
		assert_string_equal(talk_flows(t), cases[i].flows);
	}
}

/* Audio taken, video refused, something that we don't carry, one that is
 * switched off: each m-line keeps its place. */
static void several_m_lines(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	assert_string_equal(
		strstr(talk_offer(t, LEG_A,
				  HEAD_A "m=audio 4000 RTP/AVP 0\r\n"
					 "m=video 4002 RTP/AVPF 97\r\n"
					 "c=IN IP4 10.1.0.10\r\n"
					 "b=AS:2000\r\n"
					 "a=rtpmap:97 H264/90000\r\n"
					 "a=rtcp-fb:97 nack pli\r\n"
					 "m=application 4004 TCP/BFCP *\r\n"
					 "m=audio 0 RTP/AVP 8\r\n"),
		       "m="),
		"m=audio PORT RTP/AVP 0\n"
		"m=video PORT RTP/AVPF 97\n"
		"c=IN IP4 10.2.0.1\n"
		"b=AS:2000\n"
		"a=rtpmap:97 H264/90000\n"
		"a=rtcp-fb:97 nack pli\n"
		"m=application 0 TCP/BFCP *\n"
		"m=audio 0 RTP/AVP 8\n");
	assert_string_equal(strstr(talk_answer(t, LEG_B,
					       HEAD_B
					       "m=audio 6000 RTP/AVP 0\r\n"
					       "m=video 6002 RTP/AVPF 97\r\n"
					       "a=rtpmap:97 H264/90000\r\n"
					       "m=application 0 TCP/BFCP *\r\n"
					       "m=audio 0 RTP/AVP 8\r\n"),
				   "m="),
			    "m=audio PORT RTP/AVP 0\n"
			    "m=video PORT RTP/AVPF 97\n"
			    "a=rtpmap:97 H264/90000\n"
			    "m=application 0 TCP/BFCP *\n"
			    "m=audio 0 RTP/AVP 8\n");
	assert_string_equal(
		talk_flows(t),
		"A dscp 34 peer 10.1.0.10/32:4002 rtcp 10.1.0.10/32:4003 "
		"rx plain tx plain\n"
		"A dscp 46 peer 10.1.0.9/32:4000 rtcp 10.1.0.9/32:4001 "
		"rx plain tx plain\n"
		"A>B clock 8000\n"
		"A>B clock 90000\n"
		"B dscp 34 peer 10.2.0.9/32:6002 rtcp 10.2.0.9/32:6003 "
		"rx plain tx plain\n"
		"B dscp 46 peer 10.2.0.9/32:6000 rtcp 10.2.0.9/32:6001 "
		"rx plain tx plain\n"
		"B>A clock 8000\n"
		"B>A clock 90000\n");
}

static void bad_sdp(void **state)
{
	static const struct {
		const char *sdp;
		int status;
		const char *words;
	} offers[] = {
		{"", 400, "SDP: empty"},
		{"v=0\r\nrubbish\r\n", 400, "SDP line 2: not a letter"},
		{HEAD_A, 488, "no media"},
		{HEAD_A "m=audio 0 RTP/AVP 0\r\n", 488, "no media"},
		{HEAD_A "m=text 4000 RTP/AVP 98\r\n", 488, "not text"},
		{HEAD_A "m=audio 4000 TCP/MRCPv2 1\r\n", 488,
		 "isn't supported"},
		{"v=0\r\no=a 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\n"
		 "m=audio 4000 RTP/AVP 0\r\n",
		 400, "no c= line"},
		{HEAD_A "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 a.example\r\n", 488,
		 "must be an address"},
		{HEAD_A "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n", 488,
		 "none that media"},
		{HEAD_A "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
		 488, "none that media"},
		{HEAD_A "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9\r\n",
		 488, "IPv6"},
	};
	static const struct {
		const char *sdp;
		int status;
		const char *words;
	} answers[] = {
		{"v=0\r\n", 400, "no o= line"},
		{HEAD_B, 488, "0 m-lines where 1"},
		{AUDIO_B "m=video 0 RTP/AVP 34\r\n", 488, "2 m-lines where 1"},
		{HEAD_B "m=video 6000 RTP/AVP 0\r\n", 488, "isn't the audio"},
		{HEAD_B "m=audio 6000 RTP/SAVP 0\r\n", 488, "another profile"},
		{HEAD_B "m=audio 6000 RTP/AVP 9\r\n", 488, "codec in common"},
		{HEAD_B "m=audio 6000 RTP/AVP 101\r\n"
			"a=rtpmap:101 telephone-event/8000\r\n",
		 488, "codec in common"},
		{HEAD_B "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n",
		 488, "codec in common"},
	};
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		talk_offer_refused(t, LEG_A, offers[i].sdp, offers[i].status,
				   offers[i].words);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		talk_offer(t, LEG_A,
			   AUDIO_A "a=rtpmap:101 telephone-event/8000\r\n");
		talk_answer_refused(t, LEG_B, answers[i].sdp, answers[i].status,
				    answers[i].words);
		assert_string_equal(talk_flows(t), "");
		/* and a good one afterwards still counts */
		talk_answer(t, LEG_B, AUDIO_B);
		talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	}
}

/* The answerer may number a codec otherwise (RFC 3264 section 6.1). */
static void codecs_match_by_name(void **state)
{
	struct talk *t = *state;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A,
		   HEAD_A "m=audio 4000 RTP/AVP 96 13\r\n"
			  "a=rtpmap:96 OPUS/48000/2\r\n");
	talk_answer(t, LEG_B,
		    HEAD_B "m=audio 6000 RTP/AVP 13 111\r\n"
			   "a=rtpmap:111 opus/48000/2\r\n");
	{
		struct media_info info[4];

		assert_int_equal(media_describe(t->m, info, 4), 1);
		assert_string_equal(info[0].codec[LEG_A], "opus/48000/2");
		assert_string_equal(info[0].kind, "audio");
		assert_true(info[0].active);
	}
}

/* Limits hold what the SDP promised, and not much more. */
static void policing(void **state)
{
	struct talk *t = *state;
	struct sp_transport a, b;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AUDIO_A);
	talk_answer(t, LEG_B, AUDIO_B);
	a = talk_transport(t, LEG_A);
	/* G.711 at 20 ms is 50 packets of 172 octets a second */
	assert_in_range(a.max_pps, 100, 300);
	assert_in_range(a.max_octets, 2 * 50 * 172, 6 * 50 * 172);

	talk_offer(t, LEG_A, AUDIO_A "a=ptime:10\r\n");
	talk_answer(t, LEG_B, AUDIO_B);
	assert_in_range(talk_transport(t, LEG_B).max_pps, 200, 600);

	/* b= bounds what the other side sends */
	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A,
		   HEAD_A "m=video 4000 RTP/AVP 34\r\n"
			  "b=AS:40000\r\n");
	talk_answer(t, LEG_B, HEAD_B "m=video 6000 RTP/AVP 34\r\n");
	a = talk_transport(t, LEG_A);
	b = talk_transport(t, LEG_B);
	assert_in_range(b.max_octets, 5000000, 15000000);
	assert_in_range(a.max_octets, 1000000, 4000000); /* the default */
}

static void addresses(void **state)
{
	static const struct {
		struct sp_addr local, peer;
		const char *conn; /* of the offer */
		const char *ours; /* of the answer */
		const char *flow;
	} cases[] = {
		/* signalling at a media address */
		{{4, 24, 5060, {10, 1, 0, 1}},
		 {4, 32, 5060, {10, 1, 0, 9}},
		 "IN IP4 10.1.0.9",
		 "IN IP4 10.1.0.1",
		 "A dscp 46 peer 10.1.0.9/32:4000"},
		/* signalling elsewhere: the network that the peer is in */
		{{4, 32, 5060, {192, 0, 2, 1}},
		 {4, 32, 5060, {10, 1, 0, 9}},
		 "IN IP4 10.1.0.9",
		 "IN IP4 10.1.0.1",
		 "A dscp 46 peer 10.1.0.9/32:4000"},
		/* neither: the first of the family */
		{{4, 32, 5060, {192, 0, 2, 1}},
		 {4, 32, 5060, {192, 0, 2, 9}},
		 "IN IP4 192.0.2.9",
		 "IN IP4 10.1.0.1",
		 "A dscp 46 peer 192.0.2.9/32:4000"},
		/* media of another host than signalling: what c= says */
		{{4, 32, 5060, {10, 1, 0, 1}},
		 {4, 32, 5060, {10, 1, 0, 9}},
		 "IN IP4 198.51.100.7",
		 "IN IP4 10.1.0.1",
		 "A dscp 46 peer 198.51.100.7/32:4000"},
		/* behind a NAT: from where the signalling comes */
		{{4, 32, 5060, {10, 1, 0, 1}},
		 {4, 32, 5060, {203, 0, 113, 5}},
		 "IN IP4 192.168.1.2",
		 "IN IP4 10.1.0.1",
		 "A dscp 46 peer 203.0.113.5/32:4000"},
		{{6,
		  64,
		  5060,
		  {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
		 {6,
		  128,
		  5060,
		  {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}},
		 "IN IP6 2001:db8:1::9",
		 "IN IP6 2001:db8:1::1",
		 "C dscp 46 peer IPv6:4000"},
	};
	struct talk *t = *state;
	struct media_leg_addr usual = t->addr[LEG_A];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sdp[1024];

		t->addr[LEG_A].local = cases[i].local;
		t->addr[LEG_A].peer = cases[i].peer;
		talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
		sprintf(sdp,
			"v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=%s\r\n"
			"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
			cases[i].conn);
		talk_offer(t, LEG_A, sdp);
		talk_answer(t, LEG_B, AUDIO_B);
		assert_string_equal(talk_line(t, "c=", 0), cases[i].ours);
		assert_non_null(strstr(talk_line(t, "o=", 0), cases[i].ours));
		if (!strstr(talk_flows(t), cases[i].flow))
			print_error("case %zu: %s", i, talk_flows(t));
		assert_non_null(strstr(talk_flows(t), cases[i].flow));
	}
	t->addr[LEG_A] = usual;
}

/* B's address and profile are known only after the look-up. */
static void the_other_leg_is_known_late(void **state)
{
	struct talk *t = *state;
	struct media_leg_addr b = t->addr[LEG_B];
	struct media_profile p = {.security = MEDIA_SDES};

	t->addr[LEG_B] = t->addr[LEG_A];
	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AUDIO_A);
	assert_string_equal(talk_line(t, "c=", 0), "IN IP4 10.1.0.1");
	media_leg(t->m, LEG_B, &b, &p);
	talk_offer(t, LEG_A, AUDIO_A);
	assert_string_equal(talk_line(t, "c=", 0), "IN IP4 10.2.0.1");
	assert_non_null(strstr(t->text, "RTP/SAVP"));
	talk_answer(t, LEG_B, SRTP_B);
	t->addr[LEG_B] = b;
}

int main(void)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, talk_set_up, talk_tear_down)
	const struct CMUnitTest tests[] = {
		LIVE(plain_to_sdes),
		LIVE(keys_and_ports_are_those_of_the_sdp),
		LIVE(hop_attributes_are_taken_out),
		LIVE(e2ee_passes_when_allowed),
		LIVE(rtcp_mux_by_leg),
		LIVE(several_m_lines),
		LIVE(bad_sdp),
		LIVE(codecs_match_by_name),
		LIVE(policing),
		LIVE(addresses),
		LIVE(the_other_leg_is_known_late),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("media", tests, NULL, NULL);
	loop_close();
	return failed;
}
