/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee_course_test.c - the course of a handshake: SDP, `required`,
 * when there are keys, when the lock shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "tests/e2ee/pair.h"

static struct pair p;

static int setup(void **state)
{
	(void)state;
	pair_init(&p, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_free(&p);
	return 0;
}

static struct e2ee_result sdp(int side, const char *text)
{
	return e2ee_sdp(p.side[side], text, strlen(text), p.now);
}

static void assert_said(struct e2ee_result r, enum e2ee_act act,
			enum e2ee_reason why)
{
	if (r.act != act || r.reason != why)
		fail_msg("act %d, %s", r.act, e2ee_reason_name(r.reason));
}

/* ---- a=e2ee ---- */

static void base64url(void **state)
{
	static const struct {
		const char *text;
		enum e2ee_reason why;
		size_t n;
	} cases[] = {
		{"AA", E2EE_R_NONE, 1},
		{"AAA", E2EE_R_NONE, 2},
		{"AAAA", E2EE_R_NONE, 3},
		{"-_-_", E2EE_R_NONE, 3},
		{"", E2EE_R_ATTRIBUTE, 0},
		{"A", E2EE_R_ATTRIBUTE, 0}, /* six bits are no octet */
		{"AAAAA", E2EE_R_ATTRIBUTE, 0},
		{"AB", E2EE_R_ATTRIBUTE, 0}, /* bits left over, not zero */
		{"AAB", E2EE_R_ATTRIBUTE, 0},
		{"AQ", E2EE_R_NONE, 1},
		{"AAE", E2EE_R_NONE, 2},
		{"AA==", E2EE_R_ATTRIBUTE, 0}, /* padding */
		{"AAA=", E2EE_R_ATTRIBUTE, 0},
		{"+/AA", E2EE_R_ATTRIBUTE, 0}, /* base64, not base64url */
		{"AA AA", E2EE_R_ATTRIBUTE, 0},
		{"AAAA ", E2EE_R_ATTRIBUTE, 0},
		{" AAAA", E2EE_R_ATTRIBUTE, 0},
		{"AAAA\r", E2EE_R_ATTRIBUTE, 0},
	};
	uint8_t msg[E2EE_MSG_MAX], back[E2EE_MSG_MAX];
	char text[E2EE_ATTR_MAX + 2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum e2ee_reason why = e2ee_attr_decode(
			cases[i].text, strlen(cases[i].text), msg, &n);

		if (why != cases[i].why || (!why && n != cases[i].n))
			fail_msg("\"%s\": %s", cases[i].text,
				 e2ee_reason_name(why));
	}
	assert_int_equal(e2ee_attr_decode("A\0AA", 4, msg, &n),
			 E2EE_R_ATTRIBUTE);
	for (size_t len = 1; len <= sizeof(msg); len += len < 64 ? 1 : 63) {
		for (size_t i = 0; i < len; i++)
			msg[i] = (uint8_t)(i * 37 + len);
		n = e2ee_attr_encode(text, sizeof(text), msg, len);
		assert_int_equal(n, E2EE_B64(len));
		assert_int_equal(e2ee_attr_decode(text, n, back, &n), 0);
		assert_int_equal(n, len);
		assert_memory_equal(msg, back, len);
	}
	memset(text, 'A', sizeof(text));
	assert_int_equal(e2ee_attr_decode(text, E2EE_ATTR_MAX, msg, &n), 0);
	assert_int_equal(n, E2EE_MSG_MAX);
	assert_int_equal(e2ee_attr_decode(text, E2EE_ATTR_MAX + 1, msg, &n),
			 E2EE_R_SIZE);
	assert_int_equal(e2ee_attr_encode(text, 4, msg, 3), 0);
}

static void find_in_sdp(void **state)
{
	static const struct {
		const char *text, *value;
		enum e2ee_reason why;
	} cases[] = {
		{"v=0\r\na=e2ee:AAAA\r\nm=audio\r\n", "AAAA", E2EE_R_NONE},
		{"v=0\na=e2ee:AAAA\n", "AAAA", E2EE_R_NONE},
		{"a=e2ee:AAAA", "AAAA", E2EE_R_NONE},
		{"", NULL, E2EE_R_NONE},
		{"v=0\r\nm=audio\r\n", NULL, E2EE_R_NONE},
		{"a=e2eex:AA\r\na=xe2ee:AA\r\na=E2EE:AA\r\n", NULL,
		 E2EE_R_NONE},
		{"s=a=e2ee:AAAA\r\n", NULL, E2EE_R_NONE},
		{"a=e2ee:\r\n", "", E2EE_R_NONE}, /* decoding refuses it */
		{"a=e2ee\r\n", NULL, E2EE_R_ATTRIBUTE},
		{"m=audio\r\na=e2ee:AAAA\r\n", NULL, E2EE_R_ATTRIBUTE},
		{"a=e2ee:AAAA\r\na=e2ee:AAAA\r\n", NULL,
		 E2EE_R_SECOND_ATTRIBUTE},
		{"a=e2ee:AAAA\r\nm=audio\r\na=e2ee:AAAA\r\n", NULL,
		 E2EE_R_SECOND_ATTRIBUTE},
		{"a=e2ee:AAAA\r\na=e2ee\r\n", NULL, E2EE_R_SECOND_ATTRIBUTE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct e2ee_view v;
		enum e2ee_reason why;
		bool ok = e2ee_attr_find(cases[i].text, strlen(cases[i].text),
					 &v, &why);

		if (ok == (cases[i].why != E2EE_R_NONE) || why != cases[i].why)
			fail_msg("case %zu: %s", i, e2ee_reason_name(why));
		if (!ok)
			continue;
		assert_int_equal(v.p != NULL, cases[i].value != NULL);
		if (v.p) {
			assert_int_equal(v.n, strlen(cases[i].value));
			assert_memory_equal(v.p, cases[i].value, v.n);
		}
	}
}

/* ---- INVITE and 2xx with and without ---- */

static void ordinary(void **state)
{
	(void)state;
	assert_true(pair_start(&p));
	assert_said(sdp(PAIR_R, pair_sdp(NULL, 0)), E2EE_ORDINARY, 0);
	assert_said(sdp(PAIR_I, pair_sdp(NULL, 0)), E2EE_ORDINARY, 0);
	for (int s = 0; s < PAIR_SIDES; s++) {
		char value[E2EE_ATTR_ROOM];

		assert_null(media_new(p.side[s], NULL));
		assert_int_equal(
			e2ee_attribute(p.side[s], value, sizeof(value)), 0);
		assert_said(e2ee_feed(p.side[s], p.msg[0], 1, p.now),
			    E2EE_REFUSE, E2EE_R_ORDER);
		/* a new handshake needs a new call */
		assert_said(sdp(s, "a=e2ee:AAAA\r\n"), E2EE_ORDINARY, 0);
	}
}

/* A delayed offer: an INVITE without SDP. */
static void no_sdp(void **state)
{
	(void)state;
	assert_true(pair_start(&p));
	assert_said(e2ee_sdp(p.side[PAIR_R], NULL, 0, p.now), E2EE_ORDINARY, 0);
}

static void required(void **state)
{
	(void)state;
	p.config[PAIR_I].required = p.config[PAIR_R].required = true;
	assert_true(pair_start(&p));
	assert_said(sdp(PAIR_R, pair_sdp(NULL, 0)), E2EE_REFUSE,
		    E2EE_R_REQUIRED); /* 488, before it rings */
	assert_said(sdp(PAIR_I, pair_sdp(NULL, 0)), E2EE_END,
		    E2EE_R_REQUIRED); /* ACK, BYE */
	assert_null(media_new(p.side[PAIR_I], NULL));
	/* the peer's old phone is nobody's guess */
	for (int i = 0; i < 3; i++) {
		assert_true(pair_start(&p));
		sdp(PAIR_R, pair_sdp(NULL, 0));
		sdp(PAIR_I, pair_sdp(NULL, 0));
	}
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_int_equal(p.msg[1][6], 1);
	assert_int_equal(p.msg[2][4], 1);
}

/* What isn't an a=e2ee of ours isn't none either. */
static void broken_attribute(void **state)
{
	static const struct {
		const char *sdp;
		enum e2ee_reason why;
	} cases[] = {
		{"a=e2ee:AAA=\r\n", E2EE_R_ATTRIBUTE},
		{"a=e2ee:\r\n", E2EE_R_ATTRIBUTE},
		{"a=e2ee\r\n", E2EE_R_ATTRIBUTE},
		{"m=audio\r\na=e2ee:AAAA\r\n", E2EE_R_ATTRIBUTE},
		{"a=e2ee:AAAA\r\na=e2ee:AAAA\r\n", E2EE_R_SECOND_ATTRIBUTE},
		{"a=e2ee:AAAA\r\n", E2EE_R_MALFORMED},
	};

	(void)state;
	p.config[PAIR_I].guard = p.config[PAIR_R].guard = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(pair_start(&p));
		assert_said(sdp(PAIR_R, cases[i].sdp), E2EE_REFUSE,
			    cases[i].why);
		assert_said(sdp(PAIR_I, cases[i].sdp), E2EE_END, cases[i].why);
	}
}

/* Every later SDP repeats M1 or M2; otherwise 488, and the call stays. */
static void later_sdp(void **state)
{
	char m1[1024], m2[1024], both[2048];

	(void)state;
	assert_true(pair_upto(&p, 2));
	snprintf(m1, sizeof(m1), "%s", pair_sdp(p.msg[1], p.len[1]));
	snprintf(m2, sizeof(m2), "%s", pair_sdp(p.msg[2], p.len[2]));
	snprintf(both, sizeof(both), "%.*s%s", (int)(strstr(m1, "m=") - m1), m1,
		 strstr(m1, "a=e2ee"));
	assert_int_equal(pair_deliver(&p, 2).act, E2EE_SEND);
	for (int m = 3; m <= 6; m++) {
		p.msg[1][70] ^= 1;
		p.msg[2][70] ^= 1;
		assert_said(sdp(PAIR_R, pair_sdp(p.msg[1], p.len[1])),
			    E2EE_REFUSE, E2EE_R_SDP_CHANGED);
		assert_said(sdp(PAIR_I, pair_sdp(p.msg[2], p.len[2])),
			    E2EE_REFUSE, E2EE_R_SDP_CHANGED);
		p.msg[1][70] ^= 1;
		p.msg[2][70] ^= 1;
		for (int s = 0; s < PAIR_SIDES; s++) {
			const char *bad[] = {
				pair_sdp(NULL, 0),
				"",
				both,
				s == PAIR_I ? m1 : m2, /* the own one */
				"a=e2ee:AAAA\r\n",
				"a=e2ee:A\r\n",
			};

			for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]);
			     i++)
				assert_said(sdp(s, bad[i]), E2EE_REFUSE,
					    E2EE_R_SDP_CHANGED);
			assert_said(sdp(s, s == PAIR_I ? m2 : m1), E2EE_WAIT,
				    0);
		}
		if (m <= 5)
			pair_deliver(&p, m);
	}
	assert_said(e2ee_media_seen(p.side[PAIR_I], p.now), E2EE_LOCK, 0);
	assert_true(e2ee_locked(p.side[PAIR_R]));
}

/* Each side repeats its own message in every SDP. */
static void own_attribute(void **state)
{
	char first[2][E2EE_ATTR_ROOM], again[E2EE_ATTR_ROOM];

	(void)state;
	assert_true(pair_upto(&p, 1));
	assert_int_equal(e2ee_attribute(p.side[PAIR_R], again, sizeof(again)),
			 0); /* not answered yet */
	assert_true(pair_upto(&p, 2));
	for (int s = 0; s < PAIR_SIDES; s++)
		assert_true(e2ee_attribute(p.side[s], first[s],
					   E2EE_ATTR_ROOM) > 90);
	for (int m = 2; m <= 5; m++) {
		pair_deliver(&p, m);
		for (int s = 0; s < PAIR_SIDES; s++) {
			e2ee_attribute(p.side[s], again, sizeof(again));
			assert_string_equal(again, first[s]);
		}
	}
	e2ee_answer(p.side[PAIR_R], p.now); /* a second time: no new M2 */
	e2ee_attribute(p.side[PAIR_R], again, sizeof(again));
	assert_string_equal(again, first[PAIR_R]);
	assert_int_equal(e2ee_attribute(p.side[PAIR_R], again, 20), 0);
}

/* ---- when there are keys, and when the lock shows ---- */

static bool has_media(int side)
{
	struct media *m = media_new(p.side[side], NULL);

	media_free(m);
	return m != NULL;
}

static void lock_not_earlier(void **state)
{
	(void)state;
	assert_true(pair_start(&p));
	for (int m = 1; m <= 5; m++) {
		assert_true(m > 1 || pair_upto(&p, 1));
		for (int s = 0; s < PAIR_SIDES; s++) {
			assert_false(e2ee_locked(p.side[s]));
			assert_null(e2ee_code(p.side[s]));
			assert_false(e2ee_verify(p.side[s]));
			assert_int_equal(has_media(s), s == PAIR_I && m == 5);
		}
		/* SFrame that would come now locks nothing */
		if (m < 5)
			assert_said(e2ee_media_seen(p.side[PAIR_I], p.now),
				    E2EE_WAIT, 0);
		assert_said(e2ee_media_seen(p.side[PAIR_R], p.now), E2EE_WAIT,
			    0);
		assert_int_equal(e2ee_peer_aor(p.side[PAIR_R]) != NULL, m > 3);
		assert_int_equal(e2ee_peer_aor(p.side[PAIR_I]) != NULL, m > 4);
		pair_deliver(&p, m);
	}
	assert_true(e2ee_locked(p.side[PAIR_R]));
	assert_true(has_media(PAIR_R));
	assert_false(e2ee_locked(p.side[PAIR_I]));
	assert_said(e2ee_media_seen(p.side[PAIR_I], p.now), E2EE_LOCK, 0);
	assert_said(e2ee_media_seen(p.side[PAIR_I], p.now), E2EE_WAIT, 0);
	assert_true(e2ee_locked(p.side[PAIR_I]));
	assert_string_equal(e2ee_code(p.side[PAIR_I]),
			    e2ee_code(p.side[PAIR_R]));
	assert_int_equal(strlen(e2ee_code(p.side[PAIR_I])), 23);
	assert_string_equal(e2ee_peer_aor(p.side[PAIR_R]), ALICE);
	assert_string_equal(e2ee_peer_aor(p.side[PAIR_I]), BOB);
}

/* An INFO that gets no 2xx, and a BYE, at each point. */
static void refused_or_ended(void **state)
{
	(void)state;
	p.config[PAIR_I].guard = p.config[PAIR_R].guard = NULL;
	for (int m = 3; m <= 5; m++)
		for (int s = 0; s < PAIR_SIDES; s++) {
			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, m));
			assert_said(e2ee_refused(p.side[s], p.now), E2EE_END,
				    E2EE_R_INFO_REFUSED);
			assert_false(has_media(s));
			assert_true(pair_start(&p));
			assert_true(pair_upto(&p, m));
			assert_said(e2ee_peer_ended(p.side[s], p.now), E2EE_END,
				    E2EE_R_PEER_ENDED);
		}
	assert_true(pair_start(&p));
	assert_true(pair_lock(&p));
	assert_said(e2ee_peer_ended(p.side[PAIR_I], p.now), E2EE_WAIT, 0);
}

/* ---- set-up ---- */

static void config(void **state)
{
	struct e2ee_config bad[6];
	enum e2ee_reason why;

	(void)state;
	for (int i = 0; i < 6; i++)
		bad[i] = p.config[PAIR_R];
	bad[0].own_aor = "sip:Bob@hq.example";
	bad[1].peer_aor = "sip:anonymous";
	bad[2].peer_aor = NULL;
	bad[3].media.suite[E2EE_AUDIO] = 0;
	bad[4].media.suite[E2EE_VIDEO] = 2;
	bad[5].identity = NULL;
	for (int i = 0; i < 6; i++) {
		assert_null(e2ee_new(&bad[i], 0, &why));
		assert_int_equal(why, E2EE_R_CONFIG);
	}
	assert_true(pair_start(&p)); /* and none holds the guard's place */
}

static void reasons(void **state)
{
	char header[128];

	(void)state;
	for (int r = 0; r < E2EE_REASONS; r++) {
		const char *name = e2ee_reason_name(r);

		assert_true(strlen(name) > 1);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"
					      "0123456789"),
				 strlen(name));
		for (int other = 0; other < r; other++)
			assert_string_not_equal(name, e2ee_reason_name(other));
		assert_true(e2ee_reason_header(r, header, sizeof(header)) > 0);
	}
	assert_string_equal(e2ee_reason_name(999), "unknown");
	e2ee_reason_header(E2EE_R_COMMITMENT, header, sizeof(header));
	assert_string_equal(header,
			    "SIP;cause=488;text=\"e2ee commitment: The peer "
			    "isn't who it committed to be\"");
	assert_int_equal(e2ee_reason_header(E2EE_R_AEAD, header, 20), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(base64url),	TEST(find_in_sdp),
		TEST(ordinary),		TEST(no_sdp),
		TEST(required),		TEST(broken_attribute),
		TEST(later_sdp),	TEST(own_attribute),
		TEST(lock_not_earlier), TEST(refused_or_ended),
		TEST(config),		TEST(reasons),
	};

	return cmocka_run_group_tests_name("e2ee course", tests, NULL, NULL);
}
