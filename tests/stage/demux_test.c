/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle: packets find their m-line by MID, by an SSRC once seen with one, by
 * the SSRCs and payload types that control knows; RTCP finds it by the media
 * that it speaks of. RFC 9143 section 9.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/flow_lab.h"

enum { BUNDLE = 1, AUDIO, VIDEO };		      /* transports */
enum { TO_AUDIO = 11, TO_VIDEO, OF_AUDIO, OF_VIDEO }; /* streams */

static struct sp_stream by_mid(uint64_t id, uint64_t to, const char *mid,
			       unsigned pt)
{
	struct sp_stream s = lab_stream(id, BUNDLE, to);

	s.match = SP_MATCH_MID;
	s.mid_ext = 4;
	s.mid_len = (uint8_t)strlen(mid);
	memcpy(s.mid, mid, s.mid_len);
	s.pts[pt / 64] = 1ull << (pt % 64);
	return s;
}

/* A browser's bundle at the access side, two ports of a phone at the trunk. */
static const struct flow *bundle(void)
{
	struct sp_transport b =
		lab_transport(BUNDLE, ACCESS4, 20000, "10.1.0.7:4");
	struct sp_transport a =
		lab_transport(AUDIO, TRUNK4, 20000, "10.2.0.7:4");
	struct sp_transport v =
		lab_transport(VIDEO, TRUNK4, 20004, "10.2.0.7:8");
	struct sp_stream s;

	lab_add(&b);
	lab_add(&a);
	lab_add(&v);
	s = by_mid(TO_AUDIO, AUDIO, "0", 111);
	s.n_ssrcs = 1;
	s.ssrcs[0] = 500;
	lab_add_stream(&s);
	s = by_mid(TO_VIDEO, VIDEO, "video-1", 96);
	s.pts[97 / 64] |= 1ull << (97 % 64);
	lab_add_stream(&s);
	s = lab_stream(OF_AUDIO, AUDIO, BUNDLE);
	lab_add_stream(&s);
	s = lab_stream(OF_VIDEO, VIDEO, BUNDLE);
	s.ssrc_xor = 0xff;
	lab_add_stream(&s);
	return flow_on(ACCESS4, 20000);
}

struct packet {
	uint32_t ssrc;
	uint8_t pt;
	const char *ext; /* its words, profile first; NULL: none */
	size_t ext_len;
	uint64_t stream; /* 0: nobody's */
};

static uint64_t find(const struct flow *f, const struct packet *p)
{
	uint8_t rtp[64] = {0x80, p->pt};
	size_t n = 12;
	struct stream *s;

	rtp[8] = (uint8_t)(p->ssrc >> 24);
	rtp[9] = (uint8_t)(p->ssrc >> 16);
	rtp[10] = (uint8_t)(p->ssrc >> 8);
	rtp[11] = (uint8_t)p->ssrc;
	if (p->ext) {
		rtp[0] |= 0x10;
		memcpy(rtp + n, p->ext, p->ext_len);
		n += p->ext_len;
	}
	s = demux_rtp(f, rtp, n);
	return s ? s->id : 0;
}

#define EXT(octets) octets, sizeof(octets) - 1

/* RFC 8285, one-octet headers: words, id and length, what it holds. */
#define ELEMENT(words, head, rest) EXT("\xbe\xde\0" words head rest)

static const struct packet course[] = {
	/* a MID, whatever the payload type says */
	{1, 111, ELEMENT("\1", "\x40", "0\0\0"), TO_AUDIO},
	{2, 111,
	 EXT("\xbe\xde\0\3"
	     "\x10\xaa"
	     "\x46"
	     "video-1\0\0"),
	 TO_VIDEO},
	/* then without: the SSRC is known */
	{1, 96, NULL, 0, TO_AUDIO},
	{2, 5, NULL, 0, TO_VIDEO},
	/* two-octet headers */
	{3, 5,
	 EXT("\x10\x00\0\3"
	     "\x04\x07"
	     "video-1\0\0\0"),
	 TO_VIDEO},
	/* a MID that moves the SSRC */
	{1, 5, ELEMENT("\1", "\x40", "0\0\0"), TO_AUDIO},
	{1, 5, ELEMENT("\2", "\x46", "video-1"), TO_VIDEO},
	{1, 5, NULL, 0, TO_VIDEO},
	/* without any MID: SSRC of the SDP, then payload types */
	{500, 5, NULL, 0, TO_AUDIO},
	{6, 111, NULL, 0, TO_AUDIO},
	{7, 97, NULL, 0, TO_VIDEO},
	{7, 111, NULL, 0, TO_VIDEO}, /* it has been seen */
	{8, 5, NULL, 0, 0},
	/* another's extension, another's profile, a MID of nobody */
	{9, 96, ELEMENT("\1", "\x50", "0\0\0"), TO_VIDEO},
	{10, 96,
	 EXT("\xab\xcd\0\1"
	     "\x40"
	     "0\0\0"),
	 TO_VIDEO},
	{11, 111, ELEMENT("\1", "\x40", "7\0\0"), TO_AUDIO},
	/* elements that go beyond their extension; RFC 8285's 15 */
	{12, 111, ELEMENT("\1", "\x46", "vid"), TO_AUDIO},
	{13, 111,
	 EXT("\x10\x00\0\1"
	     "\0\0\0\x04"),
	 TO_AUDIO},
	{14, 111,
	 EXT("\xbe\xde\0\2"
	     "\xf0\0"
	     "\x46"
	     "video"),
	 TO_AUDIO},
	/* the beginning of a MID is another MID */
	{15, 111, ELEMENT("\2", "\x44", "video\0\0"), TO_AUDIO},
};

static void test_rtp(void **state)
{
	const struct flow *f = bundle();

	(void)state;
	assert_null(flow_only(f));
	for (size_t i = 0; i < RTE_DIM(course); i++)
		if (find(f, &course[i]) != course[i].stream)
			fail_msg("packet %zu", i);
}

/* The table is small, and what is learned outlives a change of the flow. */
static void test_memory(void **state)
{
	const struct flow *f = bundle();
	struct packet p = {1, 5,
			   EXT("\xbe\xde\0\1"
			       "\x40"
			       "0\0\0"),
			   TO_AUDIO};
	char text[SP_TEXT_MAX];

	(void)state;
	assert_int_equal(find(f, &p), TO_AUDIO);
	assert_int_equal(table_stream_remove(lab.t, OF_VIDEO, text), SP_OK);
	assert_int_equal(table_stream_remove(lab.t, TO_VIDEO, text), SP_OK);
	f = flow_on(ACCESS4, 20000);
	assert_int_equal(demux_seen(f, 1)->id, TO_AUDIO);
	for (p.ssrc = 2; p.ssrc <= DEMUX_SSRCS + 1; p.ssrc++)
		assert_int_equal(find(f, &p), TO_AUDIO);
	assert_null(demux_seen(f, 1)); /* the oldest */
	assert_non_null(demux_seen(f, 2));
}

static void test_rtcp(void **state)
{
	static const uint8_t pli_video[] = {
		0x80, 201, 0, 1, 0, 0, 0, 1, /* RR, empty */
		0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 70 ^ 0xff}; /* PLI */
	static const uint8_t rr_audio[] = {0x81, 201, 0, 7, 0, 0, 0, 2, 0, 0, 0,
					   60,	 0,   0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0,	 0,   0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t bye[] = {0x81, 203, 0, 1, 0, 0, 0, 2};
	static const uint8_t unknown[] = {0x81, 203, 0, 1, 0, 0, 0, 99};
	static const uint8_t cut[] = {0x81, 206, 0, 2, 0, 0, 0, 1};
	static const struct packet audio = {1, 5,
					    EXT("\xbe\xde\0\1"
						"\x40"
						"0\0\0"),
					    TO_AUDIO};
	static const struct packet video = {2, 5,
					    EXT("\xbe\xde\0\2"
						"\x46"
						"video-1"),
					    TO_VIDEO};
	const struct flow *f = bundle();

	(void)state;
	find(f, &audio);
	find(f, &video);
	/* what the phone sends the browser: audio 60, video 70 */
	flow_on(TRUNK4, 20000)->stream[0]->run->started = 1;
	flow_on(TRUNK4, 20000)->stream[0]->run->ssrc = 60;
	flow_on(TRUNK4, 20004)->stream[0]->run->started = 1;
	flow_on(TRUNK4, 20004)->stream[0]->run->ssrc = 70;
	/* by what it is about, though the audio's sender says it */
	assert_int_equal(demux_rtcp(f, pli_video, sizeof(pli_video))->id,
			 TO_VIDEO);
	assert_int_equal(demux_rtcp(f, rr_audio, sizeof(rr_audio))->id,
			 TO_AUDIO);
	/* else by its sender */
	assert_int_equal(demux_rtcp(f, bye, sizeof(bye))->id, TO_VIDEO);
	assert_int_equal(demux_rtcp(f, cut, sizeof(cut))->id, TO_AUDIO);
	assert_null(demux_rtcp(f, unknown, sizeof(unknown)));
}

static void test_refusals(void **state)
{
	struct sp_stream s;
	char text[SP_TEXT_MAX];

	(void)state;
	bundle();
	s = by_mid(20, AUDIO, "0", 30);
	refused(table_stream_add(lab.t, &s, text), SP_EEXIST, text, "match:");
	s = by_mid(20, AUDIO, "x", 96);
	refused(table_stream_add(lab.t, &s, text), SP_EEXIST, text, "match:");
	s = by_mid(20, AUDIO, "x", 30);
	s.n_ssrcs = 1;
	s.ssrcs[0] = 500;
	refused(table_stream_add(lab.t, &s, text), SP_EEXIST, text, "match:");
	s.n_ssrcs = SP_STREAM_SSRCS + 1;
	refused(table_stream_add(lab.t, &s, text), SP_EINVAL, text, "n_ssrcs:");
	s.n_ssrcs = 0;
	s.mid_len = SP_MID_MAX + 1;
	refused(table_stream_add(lab.t, &s, text), SP_EINVAL, text, "mid_len:");
	s = lab_stream(20, BUNDLE, AUDIO);
	s.match = SP_MATCH_MID;
	refused(table_stream_add(lab.t, &s, text), SP_EINVAL, text, "match:");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, flow_lab_up, flow_lab_down)
	static const struct CMUnitTest tests[] = {
		T(test_rtp),
		T(test_memory),
		T(test_rtcp),
		T(test_refusals),
	};

	lab_start();
	return cmocka_run_group_tests_name("demux", tests, NULL, NULL);
}
