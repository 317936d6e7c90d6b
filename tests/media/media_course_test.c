/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a call's media: offers that follow, hold, early answers, going
 * back, glare. */
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
#define VIDEO_A HEAD_A "m=video 4000 RTP/AVP 34\r\n"
#define VIDEO_B HEAD_B "m=video 6000 RTP/SAVP 34\r\n" CRYPTO("1", KEY_2)
#define SRTP_B	HEAD_B "m=audio 6000 RTP/SAVP 0\r\n" CRYPTO("1", KEY_2)

static void video_refused_then_added(void **state)
{
	struct talk *t = *state;
	struct sp_transport before, after;

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A,
		   HEAD_A "m=audio 4000 RTP/AVP 0\r\n"
			  "m=video 4002 RTP/AVP 34\r\n");
	assert_non_null(strstr(talk_answer(t, LEG_B,
					   AUDIO_B "m=video 0 RTP/AVP 34\r\n"),
			       "m=video 0 RTP/AVP 34\n"));
	assert_null(strstr(talk_flows(t), "dscp 34"));
	before = talk_transport(t, LEG_A);

	/* the other side adds it: from leg B this time */
	talk_offer(t, LEG_B, AUDIO_B "m=video 6002 RTP/AVP 34\r\n");
	talk_answer(t, LEG_A,
		    HEAD_A "m=audio 4000 RTP/AVP 0\r\n"
			   "m=video 4002 RTP/AVP 34\r\n");
	assert_non_null(strstr(talk_flows(t), "dscp 34"));
	assert_true(fake_transport(t->fake, before.id, &after));
	assert_memory_equal(&before, &after, sizeof(after)); /* untouched */

	/* and takes it away */
	talk_offer(t, LEG_B, AUDIO_B "m=video 0 RTP/AVP 34\r\n");
	talk_answer(t, LEG_A,
		    HEAD_A "m=audio 4000 RTP/AVP 0\r\n"
			   "m=video 0 RTP/AVP 34\r\n");
	assert_null(strstr(talk_flows(t), "dscp 34"));
	assert_true(fake_transport(t->fake, before.id, &after));
	talk_offer_refused(t, LEG_B, AUDIO_B, 488, "fewer m-lines");
}

/* Hold in its three ways; media goes only where both sides say so. */
static void hold(void **state)
{
	static const struct {
		const char *head, *dir, *seen, *answer;
		bool a_to_b, b_to_a; /* blocked */
	} cases[] = {
		{HEAD_A, "a=sendonly\r\n", "a=sendonly\n", "a=recvonly\r\n",
		 false, true},
		{HEAD_A, "a=inactive\r\n", "a=inactive\n", "a=inactive\r\n",
		 true, true},
		{HEAD_A, "a=recvonly\r\n", "a=recvonly\n", "a=sendonly\r\n",
		 true, false},
		/* the other side may want less than was offered */
		{HEAD_A, "a=sendrecv\r\n", "a=sendrecv\n", "a=recvonly\r\n",
		 false, true},
		{HEAD_A, "", "", "", false, false},
		/* as RFC 2543 had it, told on as RFC 3264 has it */
		{"v=0\r\no=alice 1 2 IN IP4 10.1.0.9\r\ns=-\r\n"
		 "c=IN IP4 0.0.0.0\r\nt=0 0\r\n",
		 "a=sendrecv\r\n", "a=sendonly\n", "a=recvonly\r\n", false,
		 true},
		/* and the other side may not heed it */
		{"v=0\r\no=alice 1 2 IN IP4 10.1.0.9\r\ns=-\r\n"
		 "c=IN IP4 0.0.0.0\r\nt=0 0\r\n",
		 "a=sendrecv\r\n", "a=sendonly\n", "a=sendrecv\r\n", false,
		 true},
		{"v=0\r\no=alice 1 2 IN IP4 10.1.0.9\r\ns=-\r\n"
		 "c=IN IP4 0.0.0.0\r\nt=0 0\r\n",
		 "a=inactive\r\n", "a=inactive\n", "a=inactive\r\n", true,
		 true},
	};
	struct talk *t = *state;
	struct sp_transport a = {0}, b = {0};

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sdp[1024];
		const char *got;

		sprintf(sdp, "%sm=audio 4000 RTP/AVP 0\r\n%s", cases[i].head,
			cases[i].dir);
		got = talk_offer(t, LEG_A, sdp);
		assert_non_null(strstr(got, cases[i].seen));
		sprintf(sdp, "%s%s", SRTP_B, cases[i].answer);
		talk_answer(t, LEG_B, sdp);
		assert_int_equal(talk_stream(t, LEG_A).blocked,
				 cases[i].a_to_b);
		assert_int_equal(talk_stream(t, LEG_B).blocked,
				 cases[i].b_to_a);
		/* ports and keys stay through all of it */
		if (i > 0) {
			assert_int_equal(talk_transport(t, LEG_A).id, a.id);
			assert_int_equal(talk_transport(t, LEG_B).rx.id,
					 b.rx.id);
			assert_int_equal(talk_transport(t, LEG_B).tx.id,
					 b.tx.id);
		}
		a = talk_transport(t, LEG_A);
		b = talk_transport(t, LEG_B);
		assert_int_equal(a.peer_rtp.addr[3], 9); /* never 0.0.0.0 */
	}
}

/* Who offers to hear again hears what the other side sends along with its
 * answer, and before that is read; a declined offer leaves all as it was. */
static void resume_opens_at_once(void **state)
{
	static const struct {
		const char *offer, *answer;
		bool before, after; /* blocked from B to A */
	} cases[] = {
		{"a=sendonly\r\n", "a=recvonly\r\n", false, true},
		{"a=inactive\r\n", "a=inactive\r\n", true, true},
		{"a=sendrecv\r\n", NULL, false, true}, /* declined */
		{"a=sendrecv\r\n", "a=recvonly\r\n", false, true},
		{"a=inactive\r\n", NULL, true, true},
		{"a=recvonly\r\n", "a=sendonly\r\n", false, false},
	};
	struct talk *t = *state;
	char sdp[1024];

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AUDIO_A);
	talk_answer(t, LEG_B, SRTP_B);
	media_settle(t->m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sprintf(sdp, "%s%s", AUDIO_A, cases[i].offer);
		talk_offer(t, LEG_A, sdp);
		assert_int_equal(talk_stream(t, LEG_B).blocked,
				 cases[i].before);
		if (cases[i].answer) {
			sprintf(sdp, "%s%s", SRTP_B, cases[i].answer);
			talk_answer(t, LEG_B, sdp);
			media_settle(t->m);
		} else {
			media_rollback(t->m);
		}
		assert_int_equal(talk_stream(t, LEG_B).blocked, cases[i].after);
	}
	/* what is blocked for another reason stays so */
	assert_int_equal(media_block(t->m, LEG_B, true, &t->why), 0);
	talk_offer(t, LEG_A, AUDIO_A "a=inactive\r\n");
	talk_answer(t, LEG_B, SRTP_B "a=inactive\r\n");
	media_settle(t->m);
	talk_offer(t, LEG_A, AUDIO_A);
	assert_int_equal(talk_stream(t, LEG_B).blocked, 1);
}

/* o= is ours: stable, and its version moves only when something else does. */
static void origin(void **state)
{
	struct talk *t = *state;
	char first[256];

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AUDIO_A);
	talk_answer(t, LEG_B, SRTP_B);
	media_settle(t->m);
	snprintf(first, sizeof(first), "%s", talk_line(t, "o=", 0));
	assert_null(strstr(t->raw, "bob"));

	/* B refreshes with the same: the same goes to A, o= included */
	talk_offer(t, LEG_B, SRTP_B);
	assert_string_equal(talk_line(t, "o=", 0), first);
	talk_answer(t, LEG_A, AUDIO_A);
	media_settle(t->m);
	/* and with something else */
	talk_offer(t, LEG_B, SRTP_B "a=sendonly\r\n");
	assert_string_not_equal(talk_line(t, "o=", 0), first);
	assert_non_null(strstr(t->text, "o=sallyport ID 2 "));
}

/* 183, then 200 with something else; then a decline of a re-offer that an
 * early answer had already put in place. */
static void early_answers_and_rollback(void **state)
{
	struct talk *t = *state;
	struct sp_transport b, b2;
	char before[4096];

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, AUDIO_A);
	talk_answer(t, LEG_B, SRTP_B);
	b = talk_transport(t, LEG_B);
	/* another branch of the fork answers: another key and address */
	talk_answer(t, LEG_B,
		    "v=0\r\no=bob 9 9 IN IP4 10.2.0.8\r\ns=-\r\n"
		    "c=IN IP4 10.2.0.8\r\nt=0 0\r\n"
		    "m=audio 6000 RTP/SAVP 8\r\n" CRYPTO("1", KEY_1));
	b2 = talk_transport(t, LEG_B);
	assert_int_equal(b2.id, b.id);
	assert_int_not_equal(b2.rx.id, b.rx.id);
	assert_int_equal(b2.peer_rtp.addr[3], 8);
	media_settle(t->m);
	strcpy(before, talk_flows(t));
	talk_answer_refused(t, LEG_B, SRTP_B, 500, "no offer");

	/* declined at once */
	talk_offer(t, LEG_B,
		   HEAD_B "m=audio 7000 RTP/SAVP 0\r\n" CRYPTO(
			   "1",
			   KEY_2) "m=video 7002 RTP/SAVP 34\r\n" CRYPTO("1",
									KEY_2));
	assert_string_equal(talk_flows(t), before);
	media_rollback(t->m);
	assert_string_equal(talk_flows(t), before);
	talk_answer_refused(t, LEG_A, AUDIO_A, 500, "no offer");

	/* declined after an early answer */
	talk_offer(t, LEG_A,
		   HEAD_A "m=audio 4100 RTP/AVP 0\r\na=sendonly\r\n"
			  "m=video 4102 RTP/AVP 34\r\n");
	talk_answer(
		t, LEG_B,
		HEAD_B "m=audio 6000 RTP/SAVP 0\r\n" CRYPTO(
			"1",
			KEY_2) "m=video 6002 RTP/SAVP 34\r\n" CRYPTO("1",
								     KEY_2));
	assert_non_null(strstr(talk_flows(t), "dscp 34"));
	media_rollback(t->m);
	assert_string_equal(talk_flows(t), before);
	assert_int_equal(talk_transport(t, LEG_B).rx.id, b2.rx.id);
}

static bool is_connected_anew(void *arg)
{
	struct talk *t = arg;

	return dp_connected(t->dp) && dp_summary(t->dp)->added;
}

/* Refused by one answer, taken by a later one to the same offer: the key that
 * was offered has been in use, so its indices may not begin anew. */
static void flows_made_once_more(void **state)
{
	struct talk *t = *state;
	struct sp_transport b, c;
	char want[64];
	uint32_t mask;

	talk_call(t, MEDIA_PLAIN, MEDIA_SDES);
	talk_offer(t, LEG_A, VIDEO_A);
	talk_answer(t, LEG_B, VIDEO_B);
	b = talk_transport(t, LEG_B);
	assert_int_equal(talk_stream(t, LEG_A).ssrc_xor, 0);
	talk_answer(t, LEG_B, HEAD_B "m=video 0 RTP/SAVP 34\r\n");
	assert_string_equal(talk_flows(t), "");
	talk_answer(t, LEG_B, VIDEO_B);
	c = talk_transport(t, LEG_B);
	assert_int_equal(c.tx.id, b.tx.id);
	mask = talk_stream(t, LEG_A).ssrc_xor;
	assert_int_not_equal(mask, 0);
	/* and SDP that announces SSRCs says the masked ones */
	media_settle(t->m);
	talk_offer(t, LEG_A,
		   VIDEO_A "a=ssrc-group:FID 70 4294967295\r\n"
			   "a=ssrc:70 cname:a b\r\na=ssrc:x cname:y\r\n");
	snprintf(want, sizeof(want), "FID %u %u", 70 ^ mask, ~mask);
	assert_string_equal(talk_line(t, "a=ssrc-group:", 0), want);
	snprintf(want, sizeof(want), "%u cname:a b", 70 ^ mask);
	assert_string_equal(talk_line(t, "a=ssrc:", 0), want);
	assert_string_equal(talk_line(t, "a=ssrc:", 1), "x cname:y");
	/* also when the dataplane has begun anew, with others */
	fake_restart(t->fake);
	assert_true(loop_until(is_connected_anew, t, 3000));
	assert_int_not_equal(talk_stream(t, LEG_A).ssrc_xor, mask);
	mask = talk_stream(t, LEG_A).ssrc_xor;
	talk_offer(t, LEG_A, VIDEO_A "a=ssrc:70 cname:a b\r\n");
	snprintf(want, sizeof(want), "%u cname:a b", 70 ^ mask);
	assert_string_equal(talk_line(t, "a=ssrc:", 0), want);
}

static void glare_and_replacement(void **state)
{
	struct talk *t = *state;
	char first[64];

	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	talk_offer(t, LEG_A, AUDIO_A);
	snprintf(first, sizeof(first), "%s", talk_line(t, "m=", 0));
	talk_offer_refused(t, LEG_B, AUDIO_B, 491, "waiting");
	/* the same side says it anew, before any answer */
	talk_offer(t, LEG_A, AUDIO_A);
	talk_answer(t, LEG_B, AUDIO_B);
	assert_string_not_equal(talk_line(t, "m=", 0), first);
}

int main(void)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, talk_set_up, talk_tear_down)
	const struct CMUnitTest tests[] = {
		LIVE(video_refused_then_added),	  LIVE(hold),
		LIVE(resume_opens_at_once),	  LIVE(origin),
		LIVE(early_answers_and_rollback), LIVE(flows_made_once_more),
		LIVE(glare_and_replacement),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("media_course", tests, NULL, NULL);
	loop_close();
	return failed;
}
