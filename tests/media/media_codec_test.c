/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs: what is added to an offer, when it is transcoded and when never, and
 * what sallyport-media is told; over a fake dataplane and a fake
 * sallyport-media. Long, since all of it needs these two fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "control/duties/duties.h"
#include "control/log.h"
#include "tests/duties/fake_media.h"
#include "tests/media/loop.h"
#include "tests/media/talk.h"

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
#define OPUS_A                                          \
	HEAD_A "m=audio 4000 RTP/AVP 111 101\r\n"       \
	       "a=rtpmap:111 opus/48000/2\r\n"          \
	       "a=fmtp:111 useinbandfec=1\r\n"          \
	       "a=rtpmap:101 telephone-event/48000\r\n" \
	       "a=ptime:20\r\n"
#define PCMU_B HEAD_B "m=audio 6000 RTP/AVP 0\r\n"

static struct fake_media *fake;
static struct duties *d;

static bool is_up(void *arg)
{
	(void)arg;
	return duties_up(d, NULL);
}

static bool is_away(void *arg)
{
	(void)arg;
	return !duties_up(d, NULL);
}

static int up(void **state)
{
	struct duties_config c = {.transcodings = 1};

	fake = fake_media_new();
	c.socket = fake_media_path(fake);
	assert_int_equal(duties_alloc(&d, &c), 0);
	duties_ready(d);
	assert_true(loop_until(is_up, NULL, 3000));
	return talk_set_up(state);
}

static int down(void **state)
{
	int r = talk_tear_down(state);

	assert_int_equal(duties_transcodings(d), 0);
	loop_for(20);
	assert_int_equal(fake_media_count(fake, "port"), 0);
	duties_free(d);
	fake_media_free(fake);
	return r;
}

static void call(struct talk *t)
{
	talk_call(t, MEDIA_PLAIN, MEDIA_PLAIN);
	media_duties(t->m, d);
}

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

static void hasnt(const char *text, const char *line)
{
	if (strstr(text, line))
		fail_msg("\"%s\" in:\n%s", line, text);
}

static bool has_ports(void *arg)
{
	return fake_media_count(fake, "port") == *(unsigned *)arg;
}

/* The request for the stream from a leg, without its seq. */
static json_t *port(struct talk *t, enum leg from)
{
	char id[DUTY_ID_MAX];
	unsigned two = 2;
	json_t *j;

	assert_true(loop_until(has_ports, &two, 1000));
	j = fake_media_get(fake, "port",
			   duty_port_id(talk_stream(t, from).id, id));
	assert_non_null(j);
	return j;
}

static void says(const json_t *port, const char *path, const char *want)
{
	char *text =
		json_dumps(json_object_get(port, path),
			   JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, want);
	free(text);
}

static void added_behind_and_transcoded(void **state)
{
	struct talk *t = *state;
	char want[512];
	const char *out;
	json_t *p;

	call(t);
	out = talk_offer(t, LEG_A, OPUS_A);
	has(out, "m=audio PORT RTP/AVP 111 101 9 8 0 96\n");
	has(out, "a=rtpmap:111 opus/48000/2\n");
	has(out, "a=rtpmap:0 PCMU/8000\n");
	has(out, "a=rtpmap:96 telephone-event/8000\n");
	hasnt(out, "AMR-WB"); /* no encoder for it */
	out = talk_answer(t, LEG_B,
			  HEAD_B "m=audio 6000 RTP/AVP 0 100\r\n"
				 "a=rtpmap:100 telephone-event/8000\r\n"
				 "a=ptime:40\r\n");
	has(out, "m=audio PORT RTP/AVP 111 101\n");
	has(out, "a=rtpmap:111 opus/48000/2\n");
	has(out, "a=rtpmap:101 telephone-event/48000\n");
	hasnt(out, "PCMU");
	hasnt(out, "ptime");
	assert_true(media_transcoded(t->m));
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	assert_int_equal(talk_stream(t, LEG_B).divert, SP_DIVERT_TAKE);
	assert_int_equal(duties_transcodings(d), 1);

	p = port(t, LEG_A);
	says(p, "in",
	     "[{\"channels\":2,\"clock\":48000,\"codec\":\"opus\",\"fmtp\":"
	     "\"useinbandfec=1\",\"pt\":111},{\"channels\":1,\"clock\":48000,"
	     "\"codec\":\"telephone-event\",\"pt\":101}]");
	snprintf(
		want, sizeof(want),
		"{\"channels\":1,\"clock\":8000,\"codec\":\"PCMU\",\"pt\":0,"
		"\"ptime\":40,\"reports_on\":\"%llu\",\"telephone_event\":100}",
		(unsigned long long)talk_stream(t, LEG_B).id);
	says(p, "out", want);
	snprintf(want, sizeof(want), "{\"port\":\"%llu\"}",
		 (unsigned long long)talk_stream(t, LEG_A).id);
	says(p, "source", want);
	assert_int_equal(json_integer_value(json_object_get(p, "generation")),
			 talk_stream(t, LEG_A).generation);
	json_decref(p);
	p = port(t, LEG_B);
	/* it sends digits by the number that it was offered */
	says(p, "in",
	     "[{\"channels\":1,\"clock\":8000,\"codec\":\"PCMU\",\"pt\":0},"
	     "{\"channels\":1,\"clock\":8000,\"codec\":\"telephone-event\","
	     "\"pt\":96}]");
	json_decref(p);
}

static void one_in_common_is_relayed(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	talk_offer(t, LEG_A, OPUS_A);
	out = talk_answer(t, LEG_B,
			  HEAD_B "m=audio 6000 RTP/AVP 8 111 0\r\n"
				 "a=rtpmap:111 opus/48000/2\r\n");
	has(out, "m=audio PORT RTP/AVP 111\n"); /* of ours it hears nothing */
	assert_false(media_transcoded(t->m));
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_NONE);
	assert_int_equal(duties_transcodings(d), 0);
}

/* Numbers in use, in whatever sense, and on whatever m-line. */
static void numbers_never_collide(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	out = talk_offer(t, LEG_A,
			 HEAD_A "m=audio 4000 RTP/AVP 8 101\r\n"
				"a=rtpmap:8 opus/48000/2\r\n"
				"a=rtpmap:101 telephone-event/8000\r\n"
				"m=video 4002 RTP/AVP 96 97\r\n"
				"a=rtpmap:96 VP8/90000\r\n"
				"a=rtpmap:97 H264/90000\r\n");
	has(out, "m=audio PORT RTP/AVP 8 101 9 98 0\n");
	has(out, "a=rtpmap:98 PCMA/8000\n");
	has(out, "m=video PORT RTP/AVP 96 97\n"); /* nothing is added */
	/* the answer's numbers are others than the offer's: each sends by the
	 * other's */
	out = talk_answer(t, LEG_B,
			  HEAD_B "m=audio 6000 RTP/AVP 98 101\r\n"
				 "a=rtpmap:98 PCMA/8000\r\n"
				 "a=rtpmap:101 telephone-event/8000\r\n"
				 "m=video 0 RTP/AVP 96\r\n");
	has(out, "m=audio PORT RTP/AVP 8\n");
	has(out, "a=rtpmap:8 opus/48000/2\n");
	assert_true(media_transcoded(t->m));
}

static void not_more_than_allowed(void **state)
{
	struct talk *t = *state;

	call(t);
	duties_transcoding(d, true);
	hasnt(talk_offer(t, LEG_A, OPUS_A), "PCMU");
	talk_answer_refused(t, LEG_B, PCMU_B, 488, "codec in common");
	duties_transcoding(d, false);
	/* the place is taken between offer and answer */
	call(t);
	has(talk_offer(t, LEG_A, OPUS_A), "PCMU");
	duties_transcoding(d, true);
	talk_answer_refused(t, LEG_B, PCMU_B, 503, "which is the limit");
	duties_transcoding(d, false);
}

static void not_while_it_is_away(void **state)
{
	struct talk *t = *state;

	fake_media_crash(fake, true);
	assert_true(loop_until(is_away, NULL, 3000));
	call(t);
	hasnt(talk_offer(t, LEG_A, OPUS_A), "PCMU");
	fake_media_crash(fake, false);
	assert_true(loop_until(is_up, NULL, 3000));
	has(talk_offer(t, LEG_A, OPUS_A), "PCMU");
	talk_answer(t, LEG_B, PCMU_B);
}

/* Nothing is added to what may come to be end-to-end encrypted. */
static void never_end_to_end(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	media_allow_e2ee(t->m, true, NULL);
	out = talk_offer(t, LEG_A,
			 HEAD_A "a=e2ee:AQEAAgABAAA\r\n"
				"m=audio 4000 RTP/AVP 111\r\n"
				"a=rtpmap:111 opus/48000/2\r\n");
	has(out, "a=e2ee:AQEAAgABAAA\n");
	hasnt(out, "PCMU");
	talk_answer_refused(t, LEG_B, PCMU_B, 488, "codec in common");
}

/* It speaks nothing that could be made into anything. */
static void nothing_to_make_it_of(void **state)
{
	struct talk *t = *state;

	call(t);
	hasnt(talk_offer(t, LEG_A,
			 HEAD_A "m=audio 4000 RTP/AVP 18 101\r\n"
				"a=rtpmap:101 telephone-event/8000\r\n"),
	      "PCMU");
}

static void offers_that_follow(void **state)
{
	struct talk *t = *state;
	const char *out;
	json_t *p;

	call(t);
	talk_offer(t, LEG_A, OPUS_A);
	talk_answer(t, LEG_B, PCMU_B);
	/* from the other side: opus by the number that alice knows */
	out = talk_offer(t, LEG_B, PCMU_B "a=sendonly\r\n");
	has(out, "m=audio PORT RTP/AVP 0 111 9 8\n");
	talk_answer(t, LEG_A, OPUS_A "a=recvonly\r\n");
	assert_true(media_transcoded(t->m));
	p = port(t, LEG_A);
	says(p, "source", "null"); /* on hold */
	json_decref(p);
	/* alice learns PCMU: no more of it */
	talk_offer(t, LEG_B, PCMU_B);
	talk_answer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0\r\n");
	assert_false(media_transcoded(t->m));
	assert_int_equal(duties_transcodings(d), 0);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_NONE);
	/* and forgets it again; a declined offer changes nothing */
	talk_offer(t, LEG_A, OPUS_A);
	talk_answer(t, LEG_B, PCMU_B);
	media_rollback(t->m);
	assert_false(media_transcoded(t->m));
	talk_offer(t, LEG_A, OPUS_A);
	talk_answer(t, LEG_B, PCMU_B);
	assert_true(media_transcoded(t->m));
}

/* SSRCs that the phones announce: not passed on, since what is heard may be
 * sallyport-media's; but for the phone's own that comes back after such. */
static void ssrc_announced_once_heard_others(void **state)
{
	static const char says[] = "a=ssrc:70 cname:a\r\n";
	struct talk *t = *state;
	char offer[512], held[528];

	call(t);
	media_music(t->m, "hold.wav");
	snprintf(offer, sizeof(offer), "%s%s", OPUS_A, says);
	snprintf(held, sizeof(held), "%sa=sendonly\r\n", offer);
	hasnt(talk_offer(t, LEG_A, offer), "a=ssrc");
	hasnt(talk_answer(t, LEG_B, PCMU_B "a=ssrc:71 cname:b\r\n"), "a=ssrc");
	assert_true(media_transcoded(t->m));
	hasnt(talk_offer(t, LEG_A, offer), "a=ssrc");
	hasnt(talk_answer(t, LEG_B, OPUS_A), "a=ssrc");
	assert_false(media_transcoded(t->m));
	/* sallyport-media was heard, the phone is */
	has(talk_offer(t, LEG_A, offer), "a=ssrc:70 ");
	talk_answer(t, LEG_B, OPUS_A);
	hasnt(talk_offer(t, LEG_A, held), "a=ssrc");
	talk_answer(t, LEG_B, OPUS_A "a=recvonly\r\n");
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	has(talk_offer(t, LEG_A, offer), "a=ssrc:70 ");
	talk_answer(t, LEG_B, OPUS_A);
}

static bool is_connected(void *arg)
{
	return dp_connected(((struct talk *)arg)->dp);
}

static void taken_up_again(void **state)
{
	struct talk *t = *state;
	struct sp_stream before;
	json_t *had, *p;
	char *saved;

	call(t);
	talk_offer(t, LEG_A, OPUS_A);
	talk_answer(t, LEG_B, PCMU_B);
	media_settle(t->m);
	before = talk_stream(t, LEG_A);
	had = port(t, LEG_A);
	saved = media_save(t->m);
	/* with the line cut, nothing that goes here is told there */
	fake_away(t->fake, true);
	loop_for(50);
	media_free(t->m);
	dp_free(t->dp);
	fake_away(t->fake, false);
	assert_int_equal(dp_alloc(&t->dp, fake_path(t->fake), NULL, NULL, NULL),
			 0);
	t->m = media_load(t->dp, saved);
	free(saved);
	assert_non_null(t->m);
	media_duties(t->m, d);
	dp_ready(t->dp);
	assert_true(loop_until(is_connected, t, 3000));
	assert_int_equal(fake_count(t->fake, SP_STREAM_CHANGE), 0);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	assert_true(media_transcoded(t->m));
	assert_int_equal(duties_transcodings(d), 1);
	p = port(t, LEG_A);
	json_object_del(p, "seq");
	json_object_del(had, "seq");
	/* not known before the dataplane is there; packets will tell */
	json_object_del(p, "worker");
	json_object_del(had, "worker");
	assert_true(json_equal(p, had));
	assert_int_equal(json_integer_value(json_object_get(p, "generation")),
			 before.generation);
	json_decref(p);
	json_decref(had);
}

static void copies(void **state)
{
	struct talk *t = *state;
	struct media_port ports[4];
	struct media_why why;
	json_t *p;

	call(t);
	talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0 8\r\n");
	talk_answer(t, LEG_B, PCMU_B);
	assert_int_equal(media_ports(t->m, ports, 4), 0);
	assert_int_equal(media_copy(t->m, true, &why), 0);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_COPY);
	assert_int_equal(media_ports(t->m, ports, 4), 2);
	p = port(t, LEG_B);
	says(p, "in",
	     "[{\"channels\":1,\"clock\":8000,\"codec\":\"PCMU\",\"pt\":0}]");
	assert_null(json_object_get(p, "out"));
	json_decref(p);
	/* what comes later is copied as well */
	talk_offer(t, LEG_A, OPUS_A);
	talk_answer(t, LEG_B, PCMU_B);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	assert_int_equal(media_copy(t->m, false, &why), 0);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0 8\r\n");
	talk_answer(t, LEG_B, PCMU_B);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_NONE);
	assert_int_equal(media_ports(t->m, ports, 4), 0);
}

/* The port that has played is kept, so that its next music comes from the same
 * sender; it has nothing to say meanwhile. */
static void music_from_the_same_sender(void **state)
{
	struct talk *t = *state;
	struct media_port ports[4];
	char id[DUTY_ID_MAX];
	json_t *p;

	call(t);
	media_music(t->m, "hold.wav");
	talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0\r\n");
	talk_answer(t, LEG_B, PCMU_B);
	for (unsigned i = 0; i < 3; i++) {
		unsigned one = 1;

		talk_offer(t, LEG_A,
			   HEAD_A "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n");
		talk_answer(t, LEG_B, PCMU_B "a=recvonly\r\n");
		assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
		talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0\r\n");
		talk_answer(t, LEG_B, PCMU_B);
		assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_NONE);
		assert_true(loop_until(has_ports, &one, 1000));
		assert_int_equal(media_ports(t->m, ports, 4), 0);
	}
	loop_for(50);
	p = fake_media_get(fake, "port",
			   duty_port_id(talk_stream(t, LEG_A).id, id));
	assert_non_null(p);
	assert_null(json_object_get(p, "out"));
	assert_int_equal(fake_media_asked(fake, "port.remove"), 0);
	json_decref(p);
}

/* Taken for the time of a tone, and given back as it came. */
static void told_that_it_is_recorded(void **state)
{
	struct talk *t = *state;
	struct media_why why;
	uint64_t stream;
	json_t *p;

	call(t);
	talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0 8\r\n");
	talk_answer(t, LEG_B, PCMU_B);
	assert_int_equal(media_copy(t->m, true, &why), 0);
	stream = talk_stream(t, LEG_A).id;
	assert_int_equal(media_notice_ended(t->m, stream), -1);
	assert_int_equal(media_notice(t->m, LEG_B, NULL, &why), 1);
	assert_int_equal(fake_media_asked(fake, "port.notice"), 1);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_TAKE);
	assert_int_equal(talk_stream(t, LEG_B).divert, SP_DIVERT_COPY);
	p = port(t, LEG_A);
	says(p, "source", "{\"pass\":true}");
	assert_null(json_object_get(p, "out"));
	json_decref(p);
	assert_int_equal(media_notice_ended(t->m, stream), LEG_B);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_COPY);
	/* a file takes the place, and where it is gone all is as before */
	assert_int_equal(media_notice(t->m, LEG_B, "told.wav", &why), 1);
	p = port(t, LEG_A);
	says(p, "source", "{\"file\":\"told.wav\",\"loop\":false}");
	json_decref(p);
	media_notice_end(t->m);
	assert_int_equal(talk_stream(t, LEG_A).divert, SP_DIVERT_COPY);
	fake_media_refuse(fake, "port.notice", "not-found");
	assert_int_equal(media_notice(t->m, LEG_A, NULL, &why), -1);
	assert_int_equal(talk_stream(t, LEG_B).divert, SP_DIVERT_COPY);
	/* who is on hold hears nothing that it could be put into */
	fake_media_refuse(fake, NULL, NULL);
	talk_offer(t, LEG_A, HEAD_A "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n");
	talk_answer(t, LEG_B, PCMU_B "a=inactive\r\n");
	assert_int_equal(media_notice(t->m, LEG_B, NULL, &why), 0);
}

static void video_goes_without_loss_of_audio(void **state)
{
	struct talk *t = *state;
	struct media_info info[2];
	const char *out;

	call(t);
	talk_offer(t, LEG_A,
		   OPUS_A "m=video 4002 RTP/AVP 96\r\n"
			  "a=rtpmap:96 VP8/90000\r\n");
	out = talk_answer(t, LEG_B,
			  PCMU_B "m=video 6002 RTP/AVP 97\r\n"
				 "a=rtpmap:97 H264/90000\r\n");
	has(out, "m=video 0 RTP/AVP");
	assert_true(media_transcoded(t->m));
	assert_int_equal(media_describe(t->m, info, 2), 2);
	assert_false(info[1].active);
	assert_non_null(strstr(info[1].refusal, "video isn't transcoded"));
	assert_string_equal(info[0].codec[LEG_A], "opus/48000/2");
	assert_string_equal(info[0].codec[LEG_B], "PCMU/8000");
}

static void force(struct talk *t, enum leg l, const char *codecs)
{
	struct media_profile p = {.security = MEDIA_PLAIN};

	snprintf(p.codecs, sizeof(p.codecs), "%s", codecs);
	media_set_profile(t->m, l, &p);
}

#define BOTH_A                                      \
	HEAD_A "m=audio 4000 RTP/AVP 111 0 101\r\n" \
	       "a=rtpmap:111 opus/48000/2\r\n"      \
	       "a=rtpmap:101 telephone-event/48000\r\n"

/* Towards it nothing else is offered, in its order, though there would be one
 * in common; digits stay. */
static void forced_on_who_is_called(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	force(t, LEG_B, "PCMA G722");
	out = talk_offer(t, LEG_A, BOTH_A);
	has(out, "m=audio PORT RTP/AVP 8 9 101 96\n");
	hasnt(out, "opus");
	hasnt(out, "PCMU");
	out = talk_answer(t, LEG_B, HEAD_B "m=audio 6000 RTP/AVP 8\r\n");
	has(out, "m=audio PORT RTP/AVP 111 101\n");
	assert_true(media_transcoded(t->m));
}

/* It is heard as if it had no other; what it hasn't can't be forced. */
static void forced_on_who_calls(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	force(t, LEG_A, "pcmu");
	out = talk_offer(t, LEG_A, BOTH_A);
	has(out, "m=audio PORT RTP/AVP 0 101 ");
	out = talk_answer(t, LEG_B,
			  HEAD_B "m=audio 6000 RTP/AVP 9\r\n"
				 "a=rtpmap:9 G722/8000\r\n");
	has(out, "m=audio PORT RTP/AVP 0\n");
	assert_true(media_transcoded(t->m));
}

static void forced_in_vain(void **state)
{
	struct talk *t = *state;

	call(t);
	force(t, LEG_A, "PCMA");
	has(talk_offer(t, LEG_A, BOTH_A), "m=audio PORT RTP/AVP 111 0 101 ");
}

/* What is the peers' own affair stays so. */
static void never_forced_end_to_end(void **state)
{
	struct talk *t = *state;

	call(t);
	media_allow_e2ee(t->m, true, NULL);
	force(t, LEG_A, "PCMU");
	force(t, LEG_B, "PCMA");
	has(talk_offer(t, LEG_A,
		       HEAD_A "a=e2ee:AQEAAgABAAA\r\n"
			      "m=audio 4000 RTP/AVP 111 0\r\n"
			      "a=rtpmap:111 opus/48000/2\r\n"),
	    "m=audio PORT RTP/AVP 111 0\n");
}

/* ------------------------------------------- what the offerer is told of */

#define TWO_A                                       \
	HEAD_A "m=audio 4000 RTP/AVP 111 0 101\r\n" \
	       "a=rtpmap:111 opus/48000/2\r\n"      \
	       "a=rtpmap:0 PCMU/8000\r\n"           \
	       "a=rtpmap:101 telephone-event/8000\r\n"
#define TWO_B                                     \
	HEAD_B "m=audio 6000 RTP/AVP 96 0 97\r\n" \
	       "a=rtpmap:96 opus/48000/2\r\n"     \
	       "a=rtpmap:0 PCMU/8000\r\n"         \
	       "a=rtpmap:97 telephone-event/8000\r\n"

static const struct media_codecs pcmu = {
	2, {{"pcmu", 8000}, {"telephone-event", 48000}}};

/* The answerer would send Opus: it is made into what the offerer hears of. */
static void told_of_another(void **state)
{
	struct talk *t = *state;
	const char *out;
	char want[256];
	json_t *p;

	call(t);
	talk_offer(t, LEG_A, TWO_A);
	media_told(t->m, &pcmu);
	out = talk_answer(t, LEG_B, TWO_B);
	has(out, "m=audio PORT RTP/AVP 0 101\n");
	hasnt(out, "opus");
	assert_true(media_transcoded(t->m));
	p = port(t, LEG_B);
	/* by the numbers of the offer */
	says(p, "in",
	     "[{\"channels\":2,\"clock\":48000,\"codec\":\"opus\",\"pt\":111},"
	     "{\"channels\":1,\"clock\":8000,\"codec\":\"PCMU\",\"pt\":0},"
	     "{\"channels\":1,\"clock\":8000,\"codec\":\"telephone-event\","
	     "\"pt\":101}]");
	json_decref(p);
	p = port(t, LEG_A);
	snprintf(want, sizeof(want), "\"opus\"");
	says(json_object_get(p, "out"), "codec", want);
	says(json_object_get(p, "out"), "pt", "96");
	json_decref(p);
	/* another answer to the same offer, and no word on codecs */
	media_told(t->m, NULL);
	has(talk_answer(t, LEG_B, TWO_B), "m=audio PORT RTP/AVP 96 0 97\n");
	assert_false(media_transcoded(t->m));
}

/* The answerer's first is told: nothing is transcoded, others are left out. */
static void told_of_the_first(void **state)
{
	static const struct media_codecs opus = {
		3, {{"opus", 0}, {"G722", 0}, {"telephone-event", 0}}};
	struct talk *t = *state;

	call(t);
	talk_offer(t, LEG_A, TWO_A);
	media_told(t->m, &opus);
	has(talk_answer(t, LEG_B, TWO_B), "m=audio PORT RTP/AVP 96 97\n");
	assert_false(media_transcoded(t->m));
	/* without digits */
	media_told(t->m, &(struct media_codecs){1, {{"opus", 48000}}});
	has(talk_answer(t, LEG_B, TWO_B), "m=audio PORT RTP/AVP 96\n");
}

/* Where it can't be, or would leave nothing, the answer is as it came. */
static void told_in_vain(void **state)
{
	static const struct media_codecs neither = {1, {{"G722", 8000}}};
	struct talk *t = *state;
	const char *had = "m=audio PORT RTP/AVP 96 0 97\n";

	call(t);
	talk_offer(t, LEG_A, TWO_A);
	media_told(t->m, &neither);
	has(talk_answer(t, LEG_B, TWO_B), had);
	fake_media_crash(fake, true);
	assert_true(loop_until(is_away, NULL, 3000));
	media_told(t->m, &pcmu);
	has(talk_answer(t, LEG_B, TWO_B), had);
	assert_false(media_transcoded(t->m));
}

static void never_told_end_to_end(void **state)
{
	struct talk *t = *state;
	const char *out;

	call(t);
	media_allow_e2ee(t->m, true, NULL);
	talk_offer(t, LEG_A,
		   "v=0\r\no=alice 1 1 IN IP4 10.1.0.9\r\ns=-\r\n"
		   "c=IN IP4 10.1.0.9\r\nt=0 0\r\n"
		   "a=e2ee:AQEAAgABAHdoYXRldmVy\r\n"
		   "m=audio 4000 RTP/AVP 111 0\r\n"
		   "a=rtpmap:111 opus/48000/2\r\n");
	media_told(t->m, &pcmu);
	out = talk_answer(t, LEG_B,
			  "v=0\r\no=bob 5 5 IN IP4 10.2.0.9\r\ns=-\r\n"
			  "c=IN IP4 10.2.0.9\r\nt=0 0\r\n"
			  "a=e2ee:AgEAAXdoYXRldmVy\r\n"
			  "m=audio 6000 RTP/AVP 111 0\r\n"
			  "a=rtpmap:111 opus/48000/2\r\n");
	assert_int_equal(media_e2ee(t->m), E2EE_ON);
	has(out, "m=audio PORT RTP/AVP 111 0\n");
	assert_false(media_transcoded(t->m));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(added_behind_and_transcoded),
		T(one_in_common_is_relayed),
		T(numbers_never_collide),
		T(not_more_than_allowed),
		T(not_while_it_is_away),
		T(never_end_to_end),
		T(nothing_to_make_it_of),
		T(offers_that_follow),
		T(ssrc_announced_once_heard_others),
		T(taken_up_again),
		T(copies),
		T(music_from_the_same_sender),
		T(told_that_it_is_recorded),
		T(video_goes_without_loss_of_audio),
		T(forced_on_who_is_called),
		T(forced_on_who_calls),
		T(forced_in_vain),
		T(never_forced_end_to_end),
		T(told_of_another),
		T(told_of_the_first),
		T(told_in_vain),
		T(never_told_end_to_end),
	};
	int failed;

	log_set_level(LEVEL_ERROR);
	loop_init();
	failed = cmocka_run_group_tests_name("media_codec", tests, NULL, NULL);
	loop_close();
	return failed;
}
