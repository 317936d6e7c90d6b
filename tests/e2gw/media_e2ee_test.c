/* SPDX-License-Identifier: Apache-2.0 */
/* a=e2ee as it passes, the mark in the dataplane, the handshake's INFO. */
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

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD_A                        \
	"v=0\r\n"                     \
	"o=- 1 1 IN IP4 10.1.0.9\r\n" \
	"s=-\r\n"                     \
	"c=IN IP4 10.1.0.9\r\n"       \
	"t=0 0\r\n"
#define HEAD_B                        \
	"v=0\r\n"                     \
	"o=- 1 1 IN IP4 10.2.0.9\r\n" \
	"s=-\r\n"                     \
	"c=IN IP4 10.2.0.9\r\n"       \
	"t=0 0\r\n"
#define AUDIO  "m=audio 4000 RTP/AVP 0\r\n"
#define VIDEO  "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
#define SCREEN VIDEO "a=content:slides\r\n"

/* M1 with suite 1 and these flags; what follows is nobody's business here. */
#define M1	    "a=e2ee:AQEAAgABAAA\r\n"
#define M1_REQUIRED "a=e2ee:AQEAAgABAQA\r\n"
#define M1_OTHER    "a=e2ee:AQEAAgABAAB\r\n"
#define M2	    "a=e2ee:AgE\r\n"
#define M2_OTHER    "a=e2ee:AgI\r\n"

static void start(struct talk *t, bool allowed)
{
	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	media_allow_e2ee(t->m, allowed,
			 allowed ? NULL
				 : "The called user hasn't turned it on");
}

/* A call that is end-to-end encrypted. */
static void start_on(struct talk *t)
{
	start(t, true);
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO);
	media_settle(t->m);
	assert_int_equal(media_e2ee(t->m), E2EE_ON);
}

static bool passed(const struct talk *t, const char *line)
{
	return strstr(t->raw, line) != NULL;
}

/* Every transport that there is bears the mark, or none does. */
static void assert_marked(struct talk *t, bool marked, unsigned transports)
{
	static struct sp_transport all[FAKE_MAX];
	unsigned n = fake_transports(t->fake, all);

	assert_int_equal(n, transports);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(!!(all[i].flags & SP_TRANSPORT_E2EE), marked);
}

static void both_messages_pass(void **state)
{
	struct talk *t = *state;

	start(t, true);
	assert_int_equal(media_e2ee(t->m), E2EE_UNDECIDED);
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO VIDEO SCREEN);
	assert_true(passed(t, M1));
	assert_true(passed(t, "a=content:slides\r\n"));
	assert_int_equal(media_e2ee(t->m), E2EE_OFFERED);
	assert_marked(t, false, 0); /* nothing is there yet */
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO VIDEO SCREEN);
	assert_true(passed(t, M2));
	assert_int_equal(media_e2ee(t->m), E2EE_ON);
	assert_marked(t, true, 6);
}

/* Who isn't asked for it or doesn't take part has an ordinary call. */
static void ordinary_calls(void **state)
{
	static const struct {
		bool allowed;
		const char *offer, *answer;
	} cases[] = {
		{true, HEAD_A AUDIO, HEAD_B AUDIO},
		{true, HEAD_A AUDIO, HEAD_B M2 AUDIO},
		{true, HEAD_A M1 AUDIO, HEAD_B AUDIO},
		{true, HEAD_A M1_REQUIRED AUDIO, HEAD_B AUDIO},
		{false, HEAD_A M1 AUDIO, HEAD_B AUDIO},
		{false, HEAD_A M1 AUDIO, HEAD_B M2 AUDIO},
		{false, HEAD_A AUDIO, HEAD_B M2 AUDIO},
	};
	struct talk *t = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		start(t, cases[i].allowed);
		talk_offer(t, LEG_A, cases[i].offer);
		if (!cases[i].allowed)
			assert_false(passed(t, "a=e2ee"));
		talk_answer(t, LEG_B, cases[i].answer);
		assert_false(passed(t, "a=e2ee"));
		assert_int_equal(media_e2ee(t->m), E2EE_OFF);
		assert_marked(t, false, 2);
		/* a new handshake needs a new call */
		talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
		assert_false(passed(t, "a=e2ee"));
		talk_answer(t, LEG_B, HEAD_B M2 AUDIO);
		assert_false(passed(t, "a=e2ee"));
		assert_marked(t, false, 2);
	}
}

/* M1 is in the INVITE, or nowhere. */
static void an_offer_from_the_called_side(void **state)
{
	struct talk *t = *state;

	start(t, true);
	talk_offer(t, LEG_B, HEAD_B M1 AUDIO);
	assert_false(passed(t, "a=e2ee"));
	talk_answer(t, LEG_A, HEAD_A M2 AUDIO);
	assert_false(passed(t, "a=e2ee"));
	assert_int_equal(media_e2ee(t->m), E2EE_OFF);
}

static void required_but_not_allowed(void **state)
{
	struct talk *t = *state;

	start(t, false);
	talk_offer_refused(t, LEG_A, HEAD_A M1_REQUIRED AUDIO, 403,
			   "hasn't turned it on; this call requires it");
	/* nothing came of it: the same without is an ordinary call */
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	assert_false(passed(t, "a=e2ee"));
}

static void odd_attributes(void **state)
{
	static const struct {
		const char *offer, *words;
	} cases[] = {
		{HEAD_A M1 M1 AUDIO, "second"},
		{HEAD_A M1 AUDIO M1, "m-line"},
		{HEAD_A AUDIO M1, "m-line"},
		{HEAD_A AUDIO VIDEO M1, "m-line"},
		{HEAD_A "a=e2ee\r\n" AUDIO, "base64url|M1"},
		{HEAD_A "a=e2ee:\r\n" AUDIO, "M1"},
		{HEAD_A "a=e2ee:AQEAAgABAAA=\r\n" AUDIO, "base64url"},
		{HEAD_A "a=e2ee:AQEAAgAB+AA\r\n" AUDIO, "base64url"},
		{HEAD_A "a=e2ee:AQEAAg ABAA\r\n" AUDIO, "base64url"},
		{HEAD_A M2 AUDIO, "M1"},
		{HEAD_A "a=e2ee:AQ\r\n" AUDIO, "cut short"},
		{HEAD_A "a=e2ee:AQEAAg\r\n" AUDIO, "cut short"},
		{HEAD_A "a=e2ee:AQEAAgAB\r\n" AUDIO, "cut short"},
		{HEAD_A "a=e2ee:AQH__wABAAA\r\n" AUDIO, "cut short"},
	};
	struct talk *t = *state;

	start(t, true);
	for (size_t i = 0; i < COUNT(cases); i++)
		talk_offer_refused(
			t, LEG_A, cases[i].offer, 488,
			strchr(cases[i].words, '|') ? "" : cases[i].words);
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	for (const char *const *answer =
		     (const char *const[]){HEAD_B M2 M2 AUDIO, HEAD_B M1 AUDIO,
					   HEAD_B AUDIO M2,
					   HEAD_B "a=e2ee:\r\n" AUDIO, NULL};
	     *answer; answer++)
		talk_answer_refused(t, LEG_B, *answer, 488, "a=e2ee");
	assert_marked(t, false, 0);
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO);
	assert_marked(t, true, 2);
}

/* 4 KiB decoded, and not an octet more. */
static void size(void **state)
{
	static uint8_t msg[4097] = {1, 1, 0, 2, 0, 1, 0};
	static char value[6000], sdp[8000];
	struct talk *t = *state;

	for (unsigned n = 4097; n >= 4096; n--) {
		char *out;
		int err;

		start(t, true);
		sodium_bin2base64(value, sizeof(value), msg, n,
				  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		snprintf(sdp, sizeof(sdp), HEAD_A "a=e2ee:%s\r\n" AUDIO, value);
		err = media_offer(t->m, LEG_A, sdp, strlen(sdp), &out, &t->why);
		assert_int_equal(err, n > 4096 ? -1 : 0);
		if (err)
			assert_int_equal(t->why.status, 488);
		else
			assert_non_null(strstr(out, value)); /* every octet */
		free(out);
	}
}

/* E2EE.md, "The course of a handshake", 5. */
static void later_sdp_repeats_it(void **state)
{
	static const struct {
		enum leg from;
		const char *sdp;
	} bad[] = {
		{LEG_A, HEAD_A AUDIO},
		{LEG_A, HEAD_A M1_OTHER AUDIO},
		{LEG_A, HEAD_A M2 AUDIO},
		{LEG_A, HEAD_A M1 M1 AUDIO},
		{LEG_B, HEAD_B AUDIO},
		{LEG_B, HEAD_B M2_OTHER AUDIO},
		{LEG_B, HEAD_B M1 AUDIO},
		{LEG_A, HEAD_A M1_REQUIRED AUDIO},
		{LEG_A, HEAD_A "a=e2ee\r\n" AUDIO},
	};
	struct talk *t = *state;
	char before[4096];

	start_on(t);
	snprintf(before, sizeof(before), "%s", talk_flows(t));
	for (size_t i = 0; i < COUNT(bad); i++) {
		talk_offer_refused(t, bad[i].from, bad[i].sdp, 488, "a=e2ee");
		assert_int_equal(media_e2ee(t->m), E2EE_ON);
		assert_string_equal(talk_flows(t), before);
	}
	/* an answer that lacks it leaves the call as it was, too */
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO "a=sendonly\r\n");
	talk_answer_refused(t, LEG_B, HEAD_B AUDIO "a=recvonly\r\n", 488,
			    "a=e2ee");
	assert_true(t->why.stays);
	media_rollback(t->m);
	assert_string_equal(talk_flows(t), before);
	assert_marked(t, true, 2);
}

/* Hold, and video from the other side: repeated, so they pass; what is new is
 * marked from the first. Policy may have changed meanwhile. */
static void later_sdp_that_does(void **state)
{
	struct talk *t = *state;

	start_on(t);
	media_allow_e2ee(t->m, false, "not any more");
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO "a=sendonly\r\n");
	assert_true(passed(t, M1));
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO "a=recvonly\r\n");
	assert_true(passed(t, M2));
	media_settle(t->m);
	talk_offer(t, LEG_B, HEAD_B M2 AUDIO VIDEO);
	assert_true(passed(t, M2));
	talk_answer(t, LEG_A, HEAD_A M1 AUDIO VIDEO);
	assert_true(passed(t, M1));
	assert_marked(t, true, 4);
}

static void an_18x_is_no_place_for_m2(void **state)
{
	struct talk *t = *state;

	start(t, true);
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	media_e2ee_drop(t->m);
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO);
	assert_false(passed(t, "a=e2ee"));
	assert_int_equal(media_e2ee(t->m), E2EE_OFF);
	assert_marked(t, false, 2);
	/* and no way back from a call that is on */
	start_on(t);
	media_e2ee_drop(t->m);
	assert_int_equal(media_e2ee(t->m), E2EE_ON);
}

/* ------------------------------------------------------------------- INFO */

struct step {
	enum leg from;
	const char *body;
	int status; /* 0: passes */
};

static void info_steps(struct talk *t, const struct step *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = media_e2ee_info(t->m, s[i].from, s[i].body,
					  strlen(s[i].body), &t->why);

		if (err != (s[i].status ? -1 : 0) ||
		    (err && t->why.status != s[i].status))
			fail_msg("step %zu: %d %s", i, err ? t->why.status : 0,
				 t->why.text);
	}
}

static void messages_pass_in_order(void **state)
{
	static const struct step steps[] = {
		{LEG_A, "\4four", 400}, /* not A's to send */
		{LEG_B, "\4four", 400}, /* not yet */
		{LEG_B, "\3three", 400}, {LEG_A, "\5five", 400},
		{LEG_A, "\1one", 400},	 {LEG_A, "\2two", 400},
		{LEG_A, "\6six", 400},	 {LEG_A, "\xff", 400},
		{LEG_A, "", 413},	 {LEG_A, "\3three", 0},
		{LEG_A, "\3three", 0},	 /* a copy */
		{LEG_A, "\3THREE", 400}, /* another */
		{LEG_A, "\5five", 400},	 {LEG_B, "\4four", 0},
		{LEG_A, "\3three", 0},	 {LEG_A, "\5five", 0},
		{LEG_B, "\5five", 400},	 {LEG_B, "\4", 400},
		{LEG_B, "\4four", 0},	 {LEG_A, "\3three", 0},
		{LEG_A, "\3three", 503}, /* the fifth of it */
		{LEG_A, "\5five", 0},
	};
	struct talk *t = *state;

	start_on(t);
	info_steps(t, steps, COUNT(steps));
}

static void messages_have_a_size(void **state)
{
	static const uint8_t big[4097] = {3};
	struct talk *t = *state;

	start_on(t);
	assert_int_equal(media_e2ee_info(t->m, LEG_A, big, 4097, &t->why), -1);
	assert_int_equal(t->why.status, 413);
	assert_int_equal(media_e2ee_info(t->m, LEG_A, big, 4096, &t->why), 0);
}

static void no_messages_on_other_calls(void **state)
{
	static const struct step steps[] = {{LEG_A, "\3three", 488}};
	struct talk *t = *state;

	start(t, true);
	info_steps(t, steps, 1);
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	info_steps(t, steps, 1); /* M2 first */
	talk_answer(t, LEG_B, HEAD_B AUDIO);
	info_steps(t, steps, 1);
}

/* --------------------------------------------------------------- restarts */

static void saved_and_back(void **state)
{
	static const struct step before[] = {{LEG_A, "\3three", 0},
					     {LEG_B, "\4four", 0}};
	static const struct step after[] = {{LEG_A, "\3THREE", 400},
					    {LEG_A, "\3three", 0},
					    {LEG_A, "\5five", 0}};
	struct talk *t = *state;
	char *json;

	start_on(t);
	info_steps(t, before, COUNT(before));
	json = media_save(t->m);
	assert_non_null(json);

	/* control restarts, the dataplane doesn't: with the line cut, nothing
	 * that goes here is told there */
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
	assert_true(dp_connected(t->dp));
	assert_int_equal(dp_summary(t->dp)->changed, 0);
	assert_int_equal(dp_summary(t->dp)->left, 4);
	assert_marked(t, true, 2);
	assert_int_equal(media_e2ee(t->m), E2EE_ON);
	info_steps(t, after, COUNT(after));
	talk_offer_refused(t, LEG_A, HEAD_A AUDIO, 488, "a=e2ee");
	talk_offer(t, LEG_A, HEAD_A M1 AUDIO);
	talk_answer(t, LEG_B, HEAD_B M2 AUDIO);
	assert_marked(t, true, 2);
}

int main(void)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, talk_set_up, talk_tear_down)
	const struct CMUnitTest tests[] = {
		LIVE(both_messages_pass),
		LIVE(ordinary_calls),
		LIVE(an_offer_from_the_called_side),
		LIVE(required_but_not_allowed),
		LIVE(odd_attributes),
		LIVE(size),
		LIVE(later_sdp_repeats_it),
		LIVE(later_sdp_that_does),
		LIVE(an_18x_is_no_place_for_m2),
		LIVE(messages_pass_in_order),
		LIVE(messages_have_a_size),
		LIVE(no_messages_on_other_calls),
		LIVE(saved_and_back),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("media_e2ee", tests, NULL, NULL);
	loop_close();
	return failed;
}
