/* SPDX-License-Identifier: Apache-2.0 */
/* The SDP editor: what is taken, what is refused and where, what is kept. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "control/sdp/sdp.h"

#define HEAD                           \
	"v=0\r\n"                      \
	"o=- 1 2 IN IP4 192.0.2.1\r\n" \
	"s=-\r\n"                      \
	"c=IN IP4 192.0.2.1\r\n"       \
	"t=0 0\r\n"

static struct sdp *must(const char *text)
{
	struct sdp_error e;
	struct sdp *s = sdp_parse(text, strlen(text), &e);

	if (!s)
		print_error("line %u: %s\n", e.line, e.text);
	assert_non_null(s);
	return s;
}

static void prints(struct sdp *s, const char *want)
{
	char *got = sdp_print(s);

	assert_string_equal(got, want);
	free(got);
	sdp_free(s);
}

static void kept_as_it_came(void **state)
{
	static const char *const same[] = {
		HEAD,
		HEAD "m=audio 5004 RTP/AVP 0\r\na=sendrecv\r\n",
		HEAD "x=what we don't know\r\nb=AS:64\r\nk=prompt\r\n"
		     "m=audio 5004 RTP/AVP 0 8 96\r\ni=title\r\n"
		     "c=IN IP6 2001:db8::1\r\ny=odd\r\na=made-up:x y z\r\n"
		     "m=video 0 RTP/SAVPF 97\r\n"
		     "m=application 9 TCP/BFCP *\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		prints(must(same[i]), same[i]);
	/* LF, no final newline, empty lines at the end: CRLF once written */
	prints(must("v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nt=0 0\n"
		    "m=audio 5004 RTP/AVP 0"),
	       "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
	       "m=audio 5004 RTP/AVP 0\r\n");
	prints(must(HEAD "\r\n\r\n"), HEAD);
}

static void refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *what;
		unsigned line;
	} bad[] = {
		{"", "empty", 0},
		{"\r\n\r\n", "empty", 0},
		{"v=1\r\n", "only v=0", 1},
		{"o=- 1 2 IN IP4 192.0.2.1\r\nv=0\r\n", "first line", 1},
		{"v=0\r\ns=-\r\n", "no o=", 0},
		{"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n", "no s=", 0},
		{"v=0\r\no=- 1 2 IN IP4\r\n", "six fields", 2},
		{HEAD "o=- 1 2 IN IP4 192.0.2.1\r\n", "second time", 6},
		{HEAD "v=0\r\n", "second time", 6},
		{HEAD "m=audio 5004 RTP/AVP\r\n", "without a format", 6},
		{HEAD "m=audio 5004\r\n", "needs kind", 6},
		{HEAD "m=audio 65536 RTP/AVP 0\r\n", "port", 6},
		{HEAD "m=audio -1 RTP/AVP 0\r\n", "port", 6},
		{HEAD "m=audio 5004/2 RTP/AVP 0\r\n", "several ports", 6},
		{HEAD "\r\nm=audio 5004 RTP/AVP 0\r\n", "not a letter", 6},
		{HEAD "M=audio 5004 RTP/AVP 0\r\n", "not a letter", 6},
		{HEAD "a sendrecv\r\n", "not a letter", 6},
		{HEAD "m=audio 5004 RTP/AVP 0\r\nc=IN IP5 1.2.3.4\r\n",
		 "neither IP4", 7},
		{HEAD "m=audio 5004 RTP/AVP 0\r\nc=IN IP4\r\n", "c= needs", 7},
		{HEAD "a=x\ry\r\n", "lone CR", 6},
	};
	struct sdp_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(sdp_parse(bad[i].text, strlen(bad[i].text), &e));
		if (e.line != bad[i].line || !strstr(e.text, bad[i].what))
			print_error("case %zu: line %u: %s\n", i, e.line,
				    e.text);
		assert_int_equal(e.line, bad[i].line);
		assert_non_null(strstr(e.text, bad[i].what));
	}
	/* a bounded view: what follows it is never read */
	assert_null(sdp_parse(HEAD "a=x\0y", sizeof(HEAD "a=x\0y") - 1, &e));
	assert_non_null(strstr(e.text, "NUL"));
}

static void limits(void **state)
{
	static char big[SDP_SIZE_MAX + 64];
	struct sdp_error e;
	struct sdp *s;
	size_t n;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, HEAD "a=", strlen(HEAD) + 2);
	assert_null(sdp_parse(big, SDP_SIZE_MAX + 1, &e));
	assert_string_equal(e.text, "too long");
	s = sdp_parse(big, SDP_SIZE_MAX, &e);
	assert_non_null(s);
	sdp_free(s);

	n = strlen(HEAD);
	for (int i = 0; i <= SDP_MEDIA_MAX; i++)
		n += (size_t)sprintf(big + n, "m=audio 9 RTP/AVP 0\r\n");
	assert_null(sdp_parse(big, n, &e));
	assert_int_equal(e.line, 5 + SDP_MEDIA_MAX + 1);
	assert_string_equal(e.text, "too many m= lines");

	n = strlen(HEAD);
	for (int i = 5; i <= SDP_LINES_MAX; i++)
		n += (size_t)sprintf(big + n, "a=x\n");
	assert_null(sdp_parse(big, n, &e));
	assert_string_equal(e.text, "too many lines");
	assert_int_equal(e.line, SDP_LINES_MAX + 1);
}

static void reads_media(void **state)
{
	struct sdp *s = must(HEAD "b=AS:128\r\n"
				  "a=recvonly\r\n"
				  "m=audio 5004 RTP/SAVP 0 96 101 200 x\r\n"
				  "b=TIAS:64000\r\n"
				  "a=rtpmap:96 opus/48000/2\r\n"
				  "a=fmtp:96 useinbandfec=1; stereo=0\r\n"
				  "a=rtpmap:101 telephone-event/8000\r\n"
				  "a=sendonly\r\n"
				  "m=video 0 RTP/AVP 34\r\n"
				  "c=IN IP6 2001:db8::7\r\n"
				  "m=audio 7000 RTP/AVP 97\r\n"
				  "c=IN IP4 phone.example\r\n");
	struct sdp_mline ml;
	struct sdp_codec c;
	struct sdp_addr a;
	struct sdp_view v;
	unsigned pos = 0;

	(void)state;
	assert_int_equal(sdp_media_count(s), 3);
	sdp_mline(s, 0, &ml);
	assert_true(sdp_view_eq(ml.kind, "audio"));
	assert_true(sdp_view_eq(ml.proto, "RTP/SAVP"));
	assert_int_equal(ml.port, 5004);
	assert_true(sdp_view_eq(ml.fmts, "0 96 101 200 x"));

	assert_true(sdp_codec_next(s, 0, &pos, &c));
	assert_true(sdp_view_eq(c.name, "PCMU") && c.clock == 8000);
	assert_true(sdp_codec_next(s, 0, &pos, &c));
	assert_true(sdp_view_ieq(c.name, "OPUS") && c.clock == 48000);
	assert_int_equal(c.channels, 2);
	assert_true(sdp_codec_next(s, 0, &pos, &c));
	assert_true(sdp_view_eq(c.name, "telephone-event"));
	assert_false(sdp_codec_next(s, 0, &pos, &c)); /* 200, x: no types */
	assert_true(sdp_fmtp(s, 0, 96, &v));
	assert_true(sdp_view_eq(v, "useinbandfec=1; stereo=0"));
	assert_false(sdp_fmtp(s, 0, 9, &v));

	assert_int_equal(sdp_dir(s, 0), SDP_SENDONLY);
	assert_int_equal(sdp_dir(s, 1), SDP_RECVONLY); /* the session's */
	assert_int_equal(sdp_bandwidth(s, 0), 64000);
	assert_int_equal(sdp_bandwidth(s, 1), 128000);

	assert_true(sdp_conn(s, 0, &a));
	assert_int_equal(a.family, 4);
	assert_memory_equal(a.addr, "\xc0\x00\x02\x01", 4);
	assert_true(sdp_conn(s, 1, &a));
	assert_int_equal(a.family, 6);
	assert_true(sdp_conn(s, 2, &a));
	assert_int_equal(a.family, 0); /* a name */
	pos = 0;
	assert_true(sdp_codec_next(s, 2, &pos, &c));
	assert_int_equal(c.name.len, 0); /* dynamic, without rtpmap */
	sdp_free(s);

	s = must("v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nm=audio 9 RTP/AVP 0\n");
	assert_false(sdp_conn(s, 0, &a));
	assert_int_equal(sdp_dir(s, 0), SDP_SENDRECV);
	sdp_free(s);
}

static void edits_in_place(void **state)
{
	static const uint8_t here[16] = {198, 51, 100, 9};
	struct sdp *s = must(HEAD "a=e2ee:AQ\r\n"
				  "m=audio 5004 RTP/AVP 0\r\n"
				  "c=IN IP4 192.0.2.9\r\n"
				  "a=crypto:1 x\r\n"
				  "a=keep\r\n"
				  "a=crypto:2 y\r\n"
				  "a=sendrecv\r\n"
				  "m=video 6000 RTP/AVP 34\r\n");
	struct sdp_addr a = {.family = 4, .addr = {198, 51, 100, 9}};

	(void)state;
	assert_int_equal(sdp_attr_remove(s, SDP_SESSION, "e2ee"), 1);
	assert_int_equal(sdp_attr_remove(s, 0, "crypto"), 2);
	assert_int_equal(sdp_attr_remove(s, 1, "crypto"), 0);
	assert_int_equal(sdp_attr_add(s, 0, "crypto:1 ours"), 0);
	assert_int_equal(sdp_attr_add(s, 0, "two\r\nlines"), EINVAL);
	assert_int_equal(sdp_attr_add(s, 0, ""), EINVAL);
	assert_int_equal(sdp_dir_set(s, 0, SDP_INACTIVE), 0);
	assert_int_equal(sdp_mline_set(s, 0, 20000, "RTP/SAVP"), 0);
	assert_int_equal(sdp_mline_set(s, 1, 0, NULL), 0);
	assert_int_equal(sdp_conn_set(s, &a), 0);
	assert_int_equal(sdp_origin_set(s, "sallyport", 7, 8, 4, here), 0);
	prints(s, "v=0\r\n"
		  "o=sallyport 7 8 IN IP4 198.51.100.9\r\n"
		  "s=-\r\n"
		  "c=IN IP4 198.51.100.9\r\n"
		  "t=0 0\r\n"
		  "m=audio 20000 RTP/SAVP 0\r\n"
		  "c=IN IP4 198.51.100.9\r\n"
		  "a=keep\r\n"
		  "a=crypto:1 ours\r\n"
		  "a=inactive\r\n"
		  "m=video 0 RTP/AVP 34\r\n");
}

static void edits_have_limits(void **state)
{
	static char fmts[SDP_LINE_MAX * 2], text[sizeof(fmts) + 256];
	struct sdp *s;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(fmts); i += 2)
		memcpy(fmts + i, "0 ", 3);
	sprintf(text, HEAD "m=audio 5004 RTP/AVP %s\r\n", fmts);
	s = must(text);
	assert_int_equal(sdp_mline_set(s, 0, 0, NULL), EMSGSIZE);
	sdp_free(s);

	s = must(HEAD "m=audio 5004 RTP/AVP 0\r\n");
	for (int i = 6; i < SDP_LINES_MAX; i++)
		assert_int_equal(sdp_attr_add(s, 0, "x"), 0);
	assert_int_equal(sdp_attr_add(s, 0, "x"), EMSGSIZE);
	assert_int_equal(sdp_attr_remove(s, 0, "x"), SDP_LINES_MAX - 6);
	assert_int_equal(sdp_attr_add(s, 0, "x"), 0);
	sdp_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_as_it_came),
		cmocka_unit_test(refused_with_its_line),
		cmocka_unit_test(limits),
		cmocka_unit_test(reads_media),
		cmocka_unit_test(edits_in_place),
		cmocka_unit_test(edits_have_limits),
	};

	return cmocka_run_group_tests_name("sdp", tests, NULL, NULL);
}
