/* SPDX-License-Identifier: Apache-2.0 */
/* The dataplane's client against a dataplane of the tests' own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "control/dataplane/dp.h"
#include "control/dataplane/ports.h"
#include "tests/media/fake_dp.h"
#include "tests/media/loop.h"

struct rig {
	struct fake_dp *fake;
	struct dp *dp;
	unsigned ups, fresh, events;
	struct sp_event last;
};

static void on_event(const struct sp_event *e, void *arg)
{
	struct rig *r = arg;

	r->events++;
	r->last = *e;
}

static void on_up(bool fresh, void *arg)
{
	struct rig *r = arg;

	r->ups++;
	r->fresh += fresh;
}

static bool is_up(void *arg)
{
	struct rig *r = arg;

	return r->ups > 0 && dp_connected(r->dp);
}

static bool is_down(void *arg)
{
	return !dp_connected(((struct rig *)arg)->dp);
}

static bool has_event(void *arg)
{
	return ((struct rig *)arg)->events > 0;
}

/* Connect with the rig's dataplane, ready or not. */
static void client(struct rig *r, bool ready)
{
	assert_int_equal(
		dp_alloc(&r->dp, fake_path(r->fake), on_event, on_up, r), 0);
	if (ready)
		dp_ready(r->dp);
}

static void up_again(struct rig *r)
{
	r->ups = 0;
	assert_true(loop_until(is_up, r, 3000));
}

static int set_up(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.fake = fake_start(NULL);
	*state = &r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	dp_free(r->dp);
	fake_stop(r->fake);
	return 0;
}

static struct sp_transport plain(uint64_t id, uint8_t media, uint16_t port)
{
	return (struct sp_transport){
		.id = id,
		.call = 7,
		.media_addr = media,
		.source = SP_SOURCE_LEARN,
		.rtp_port = port,
		.peer_rtp = {4, 32, 4000, {10, 1, 0, 9}},
		.peer_rtcp = {4, 32, 4001, {10, 1, 0, 9}},
		.silent_ms = 5000,
	};
}

static struct sp_transport srtp(uint64_t id, uint8_t media, uint16_t port)
{
	struct sp_transport t = plain(id, media, port);

	t.rx = (struct sp_key){.id = id * 10 + 1,
			       .suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80,
			       .key = {1, 2, 3}};
	t.tx = (struct sp_key){.id = id * 10 + 2,
			       .suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80,
			       .key = {4, 5, 6}};
	return t;
}

static struct sp_stream between(uint64_t id, uint64_t from, uint64_t to)
{
	return (struct sp_stream){
		.id = id,
		.from = from,
		.to = to,
		.match = SP_MATCH_ANY,
		.out_pt = SP_PT_KEEP,
		.clock = 8000,
	};
}

/* A plain leg (1), an SRTP leg (2), streams 11 from 1 and 12 from 2. */
static void call_set(struct rig *r)
{
	struct sp_transport a = plain(1, 0, 20000), b = srtp(2, 1, 20004);
	struct sp_stream ab = between(11, 1, 2), ba = between(12, 2, 1);
	char text[SP_TEXT_MAX];

	assert_int_equal(dp_transport_set(r->dp, &a, text), SP_OK);
	assert_int_equal(dp_transport_set(r->dp, &b, text), SP_OK);
	assert_int_equal(dp_stream_set(r->dp, &ab, text), SP_OK);
	assert_int_equal(dp_stream_set(r->dp, &ba, text), SP_OK);
}

static void connects_and_programs(void **state)
{
	struct rig *r = *state;
	struct sp_transport t;
	struct sp_stream s;

	client(r, false);
	assert_null(dp_greeting(r->dp));
	loop_for(50);
	assert_non_null(dp_greeting(r->dp));
	assert_false(dp_connected(r->dp)); /* not before dp_ready */
	t = plain(9, 0, 20000);
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), DP_AWAY);
	dp_ready(r->dp);
	assert_true(loop_until(is_up, r, 1000));
	assert_int_equal(r->fresh, 0);
	call_set(r);
	assert_true(fake_transport(r->fake, 2, &t));
	assert_int_equal(t.tx.key[1], 5); /* the octets arrive */
	assert_true(fake_stream(r->fake, 11, &s));

	/* what hasn't changed isn't said again */
	fake_count(r->fake, SP_TRANSPORT_CHANGE);
	fake_count(r->fake, SP_STREAM_CHANGE);
	call_set(r);
	assert_int_equal(fake_count(r->fake, SP_TRANSPORT_CHANGE), 0);
	assert_int_equal(fake_count(r->fake, SP_STREAM_CHANGE), 0);
	s = between(11, 1, 2);
	s.blocked = 1;
	assert_int_equal(dp_stream_set(r->dp, &s, NULL), SP_OK);
	assert_int_equal(fake_count(r->fake, SP_STREAM_CHANGE), 1);

	assert_int_equal(dp_transport_remove(r->dp, 77), SP_ENOENT);
	assert_int_equal(dp_stream_remove(r->dp, 11), SP_OK);
	assert_int_equal(dp_stream_remove(r->dp, 12), SP_OK);
	assert_int_equal(dp_transport_remove(r->dp, 1), SP_OK);
	assert_int_equal(dp_transport_remove(r->dp, 2), SP_OK);
	assert_false(fake_transport(r->fake, 1, &t));
}

static void refusals_leave_things_as_they_were(void **state)
{
	struct rig *r = *state;
	struct sp_transport t = plain(1, 0, 20000), other = plain(5, 0, 20000);
	char text[SP_TEXT_MAX] = "";

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	assert_int_equal(dp_transport_set(r->dp, &other, text), SP_EEXIST);
	assert_int_equal(dp_transport_remove(r->dp, 5), SP_ENOENT);

	fake_refuse(r->fake, SP_TRANSPORT_CHANGE, SP_ENOSPC);
	t.dscp = 46;
	assert_int_equal(dp_transport_set(r->dp, &t, text), SP_ENOSPC);
	assert_string_equal(text, "as the test wants it");
	assert_true(dp_connected(r->dp));
	assert_true(fake_transport(r->fake, 1, &t));
	assert_int_equal(t.dscp, 0);
	/* the client, too, still wants the old: nothing differs */
	fake_hang_up(r->fake);
	up_again(r);
	assert_int_equal(dp_summary(r->dp)->left, 4);
}

static void reconciles(void **state)
{
	struct rig *r = *state;
	struct sp_transport t, stray = plain(66, 0, 25000);
	struct sp_transport stray2 = plain(67, 1, 25000);
	struct sp_stream s, stray_s = between(68, 66, 67);
	const struct dp_summary *sum;

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	fake_plant(r->fake, &stray);
	fake_plant(r->fake, &stray2);
	fake_plant_stream(r->fake, &stray_s);
	fake_count(r->fake, SP_TRANSPORT_ADD);
	fake_count(r->fake, SP_TRANSPORT_CHANGE);

	/* while it is away: one changes, one goes (with its streams) */
	fake_away(r->fake, true);
	assert_true(loop_until(is_down, r, 1000));
	t = plain(1, 0, 20000);
	t.dscp = 46;
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), SP_OK);
	s = between(12, 2, 1);
	s.blocked = 1;
	assert_int_equal(dp_stream_set(r->dp, &s, NULL), SP_OK);
	assert_int_equal(dp_stream_remove(r->dp, 11), SP_OK);
	t = plain(3, 0, 20008);
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), DP_AWAY);
	fake_away(r->fake, false);
	up_again(r);

	sum = dp_summary(r->dp);
	assert_int_equal(r->fresh, 0);
	assert_int_equal(sum->left, 1);	   /* transport 2, untouched */
	assert_int_equal(sum->changed, 2); /* transport 1, stream 12 */
	assert_int_equal(sum->removed, 4); /* stream 11, the strays */
	assert_int_equal(sum->added, 0);
	assert_int_equal(sum->failed, 0);
	assert_int_equal(fake_count(r->fake, SP_TRANSPORT_CHANGE), 1);
	assert_int_equal(fake_count(r->fake, SP_TRANSPORT_ADD), 0);
	assert_true(fake_transport(r->fake, 1, &t) && t.dscp == 46);
	assert_true(fake_stream(r->fake, 12, &s) && s.blocked);
	assert_false(fake_stream(r->fake, 11, &s));
	assert_false(fake_transport(r->fake, 66, &t));
	assert_false(fake_transport(r->fake, 67, &t));
}

/* A key that differs is a change; the octets alone are never compared. */
static void keys_match_by_id(void **state)
{
	struct rig *r = *state;
	struct sp_transport t = srtp(2, 1, 20004);

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	fake_away(r->fake, true);
	assert_true(loop_until(is_down, r, 1000));
	t.tx.id = 99;
	t.tx.key[0] = 77;
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), SP_OK);
	fake_away(r->fake, false);
	up_again(r);
	assert_int_equal(dp_summary(r->dp)->changed, 1);
	assert_int_equal(dp_summary(r->dp)->left, 3);
	assert_true(fake_transport(r->fake, 2, &t));
	assert_int_equal(t.tx.id, 99);
	assert_int_equal(t.tx.key[0], 77);
}

/* The dataplane starts anew: everything is made again, with a fresh mask
 * towards SRTP, and the rollover counter that was heard of. */
static void restart_of_the_dataplane(void **state)
{
	struct rig *r = *state;
	struct sp_event roc = {.kind = SP_EVENT_ROC, .id = 2, .value = 5};
	struct sp_transport t;
	struct sp_stream s;
	uint32_t mask, said;

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	assert_true(fake_stream(r->fake, 11, &s));
	assert_int_equal(s.ssrc_xor, 0);
	assert_false(dp_stream_mask(r->dp, 13, &said));
	fake_event(r->fake, &roc);
	assert_true(loop_until(has_event, r, 1000));
	assert_int_equal(dp_transport_roc(r->dp, 2), 5);

	fake_restart(r->fake);
	up_again(r);
	assert_int_equal(r->fresh, 1);
	assert_int_equal(dp_summary(r->dp)->added, 4);
	assert_int_equal(dp_summary(r->dp)->removed, 0);
	assert_true(fake_transport(r->fake, 2, &t));
	assert_int_equal(t.rx_roc, 5);
	assert_int_equal(t.rx.key[0], 1);
	assert_true(fake_stream(r->fake, 11, &s)); /* towards SRTP */
	mask = s.ssrc_xor;
	assert_int_not_equal(mask, 0);
	assert_true(dp_stream_mask(r->dp, 11, &said));
	assert_int_equal(said, mask);
	assert_true(fake_stream(r->fake, 12, &s)); /* towards plain */
	assert_int_equal(s.ssrc_xor, 0);

	/* an owner that says the stream again doesn't bring back old masks */
	s = between(11, 1, 2);
	s.blocked = 1;
	assert_int_equal(dp_stream_set(r->dp, &s, NULL), SP_OK);
	assert_true(fake_stream(r->fake, 11, &s));
	assert_int_equal(s.ssrc_xor, mask);
	fake_restart(r->fake);
	up_again(r);
	assert_true(fake_stream(r->fake, 11, &s));
	assert_int_not_equal(s.ssrc_xor, mask);
}

/* Control starts anew: what it kept without keys matches by key id. */
static void restart_of_control(void **state)
{
	struct rig *r = *state;
	struct sp_transport a = plain(1, 0, 20000), b = srtp(2, 1, 20004), t;
	struct sp_stream ab = between(11, 1, 2), ba = between(12, 2, 1), s;
	struct sp_stats st = {.id = 12, .silent_ms = 9000, .rx_roc = 3};
	uint32_t mask;

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	fake_restart(r->fake); /* so that a mask is in use */
	up_again(r);
	dp_free(r->dp);
	fake_stats(r->fake, &st);

	memset(b.rx.key, 0, sizeof(b.rx.key));
	memset(b.tx.key, 0, sizeof(b.tx.key));
	client(r, false);
	assert_int_equal(dp_transport_keep(r->dp, &a), SP_OK);
	assert_int_equal(dp_transport_keep(r->dp, &b), SP_OK);
	assert_int_equal(dp_transport_keep(r->dp, &b), SP_EEXIST);
	assert_int_equal(dp_stream_keep(r->dp, &ab), SP_OK);
	assert_int_equal(dp_stream_keep(r->dp, &ba), SP_OK);
	fake_count(r->fake, SP_STREAM_CHANGE);
	dp_ready(r->dp);
	up_again(r);
	assert_int_equal(dp_summary(r->dp)->left, 4);
	assert_int_equal(fake_count(r->fake, SP_STREAM_CHANGE), 0);
	assert_false(dp_transport_lost(r->dp, 2));
	/* events that were missed: read from the statistics */
	assert_int_equal(dp_transport_roc(r->dp, 2), 3);
	assert_in_range(dp_transport_silent(r->dp, 2), 9000, 12000);
	assert_int_equal(dp_transport_silent(r->dp, 1), 0);

	/* a change goes through without the octets, the mask stays */
	b.dscp = 46;
	assert_int_equal(dp_transport_set(r->dp, &b, NULL), SP_OK);
	assert_true(fake_stream(r->fake, 11, &s));
	mask = s.ssrc_xor;
	assert_int_not_equal(mask, 0);
	ab.blocked = 1;
	assert_int_equal(dp_stream_set(r->dp, &ab, NULL), SP_OK);
	assert_true(fake_stream(r->fake, 11, &s));
	assert_true(s.blocked);
	assert_int_equal(s.ssrc_xor, mask);

	/* and when the dataplane restarts too, the keys are gone */
	fake_restart(r->fake);
	up_again(r);
	assert_true(dp_transport_lost(r->dp, 2));
	assert_false(dp_transport_lost(r->dp, 1));
	assert_int_equal(dp_summary(r->dp)->lost, 3); /* 2, 11, 12 */
	assert_false(fake_transport(r->fake, 2, &t));

	/* it can't be made with a key of zeros, only with new ones */
	fake_count(r->fake, SP_TRANSPORT_ADD);
	assert_int_equal(dp_transport_set(r->dp, &b, NULL), SP_EINVAL);
	t = b;
	t.id = 9;
	t.rtp_port = 20012;
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), SP_EINVAL);
	assert_int_equal(fake_count(r->fake, SP_TRANSPORT_ADD), 0);
	assert_true(dp_transport_lost(r->dp, 2));
	t = srtp(2, 1, 20004);
	t.rx.id = 500;
	t.tx.id = 501;
	assert_int_equal(dp_transport_set(r->dp, &t, NULL), SP_OK);
	assert_int_equal(dp_stream_set(r->dp, &ab, NULL), SP_OK);
	assert_int_equal(dp_stream_set(r->dp, &ba, NULL), SP_OK);
	assert_false(dp_transport_lost(r->dp, 2));
	assert_true(fake_stream(r->fake, 12, &s));
}

static void silence(void **state)
{
	struct rig *r = *state;
	struct sp_event silent = {.kind = SP_EVENT_SILENT, .id = 1};
	struct sp_event media = {.kind = SP_EVENT_MEDIA, .id = 1};

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	assert_int_equal(dp_transport_silent(r->dp, 1), 0);
	fake_event(r->fake, &silent);
	assert_true(loop_until(has_event, r, 1000));
	assert_int_equal(r->last.kind, SP_EVENT_SILENT);
	assert_in_range(dp_transport_silent(r->dp, 1), 5000, 6000);
	r->events = 0;
	fake_event(r->fake, &media);
	assert_true(loop_until(has_event, r, 1000));
	assert_int_equal(dp_transport_silent(r->dp, 1), 0);
}

/* Events that the dataplane had to drop: the client looks for itself. */
static void overrun(void **state)
{
	struct rig *r = *state;
	struct sp_event over = {.kind = SP_EVENT_OVERRUN};
	struct sp_transport t, stray = plain(66, 0, 25000);
	struct sp_stats st = {.id = 12, .rx_roc = 8};

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	fake_plant(r->fake, &stray);
	fake_stats(r->fake, &st);
	fake_event(r->fake, &over);
	assert_true(loop_until(has_event, r, 1000));
	assert_false(fake_transport(r->fake, 66, &t));
	assert_int_equal(dp_transport_roc(r->dp, 2), 8);
	assert_true(dp_connected(r->dp));
	assert_int_equal(r->ups, 1); /* it never went away */
}

static void a_dataplane_that_stops_answering(void **state)
{
	struct rig *r = *state;
	struct sp_transport t = plain(3, 0, 20008);
	struct sp_stats st;
	char text[SP_TEXT_MAX] = "";

	client(r, true);
	assert_true(loop_until(is_up, r, 1000));
	fake_mute(r->fake, true);
	assert_int_equal(dp_transport_set(r->dp, &t, text), DP_AWAY);
	assert_string_equal(text, "the dataplane doesn't answer");
	assert_false(dp_connected(r->dp));
	assert_int_equal(dp_stats(r->dp, 11, &st), DP_AWAY);
	fake_mute(r->fake, false);
	up_again(r);
	/* what it did hear while mute is claimed by nobody */
	assert_false(fake_transport(r->fake, 3, &t));
}

static void count_verdict(const struct sp_verdict_count *v, void *arg)
{
	assert_string_equal(v->name, "bad-tag");
	(*(unsigned *)arg)++;
}

static void count_stream(const struct sp_stream *s, void *arg)
{
	(void)s;
	(*(unsigned *)arg)++;
}

static void reads_and_lists(void **state)
{
	struct rig *r = *state;
	struct sp_stats st = {.id = 11, .packets_in = 42};
	struct sp_stats got;
	unsigned n = 0;

	client(r, true);
	assert_int_equal(dp_list_streams(r->dp, count_stream, &n), DP_AWAY);
	assert_true(loop_until(is_up, r, 1000));
	call_set(r);
	fake_stats(r->fake, &st);
	assert_int_equal(dp_stats(r->dp, 11, &got), SP_OK);
	assert_int_equal(got.packets_in, 42);
	assert_int_equal(dp_stats(r->dp, 4711, &got), SP_ENOENT);
	assert_int_equal(dp_list_streams(r->dp, count_stream, &n), SP_OK);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(dp_list_verdicts(r->dp, count_verdict, &n), SP_OK);
	assert_int_equal(n, 1);
}

/* ------------------------------------------------------ ports, without I/O */

static void ports_have_one_owner(void **state)
{
	struct sp_greeting g = {.n_workers = 3, .n_media = 2};
	struct media_ports *mp = media_ports_new();
	const uint8_t two[2] = {0, 1}, one[2] = {0, 0}, none[2] = {0, 2};
	uint16_t p[2], seen = 0;
	unsigned n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		g.media[i].udp_first = 20000;
		g.media[i].udp_last = 20059; /* 30 pairs, 10 a worker */
	}
	for (n = 0; media_ports_take(mp, &g, two, n * 7919, 1, p) == 0; n++) {
		assert_int_equal(p[0] % 2 + p[1] % 2, 0);
		assert_in_range(p[0], 20000, 20058);
		assert_in_range(p[1], 20000, 20058);
		assert_int_equal((p[0] >> 1) % 3, (p[1] >> 1) % 3);
		seen |= (uint16_t)(1 << (p[0] >> 1) % 3);
	}
	assert_int_equal(n, 30); /* every pair, in the end */
	assert_int_equal(seen, 7);
	assert_int_equal(media_ports_take(mp, &g, two, 5, 1, p), ENOSPC);
	assert_int_equal(media_ports_take(mp, &g, none, 5, 1, p), EINVAL);

	/* a freed pair rests first */
	media_ports_give(mp, 0, 20010, 1000);
	media_ports_give(mp, 1, 20010, 1000);
	assert_int_equal(media_ports_take(mp, &g, two, 5,
					  999 + PORTS_QUARANTINE_MS, p),
			 ENOSPC);
	assert_int_equal(media_ports_take(mp, &g, two, 5,
					  1000 + PORTS_QUARANTINE_MS, p),
			 0);
	assert_int_equal(p[0], 20010);
	assert_int_equal(p[1], 20010);

	/* both legs on one address: two pairs of it */
	media_ports_give(mp, 0, 20010, 0);
	media_ports_give(mp, 0, 20016, 0);
	assert_int_equal(media_ports_take(mp, &g, one, 5, 1 << 20, p), 0);
	assert_int_not_equal(p[0], p[1]);
	media_ports_give(mp, 0, 20016, 0);
	assert_int_equal(media_ports_take(mp, &g, one, 5, 1 << 20, p), ENOSPC);
	media_ports_keep(mp, 0, 20016);
	media_ports_give(mp, 1, 20010, 0);
	assert_int_equal(media_ports_take(mp, &g, two, 5, 1 << 20, p), ENOSPC);
	media_ports_free(mp);
}

int main(void)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LIVE(connects_and_programs),
		LIVE(refusals_leave_things_as_they_were),
		LIVE(reconciles),
		LIVE(keys_match_by_id),
		LIVE(restart_of_the_dataplane),
		LIVE(restart_of_control),
		LIVE(silence),
		LIVE(overrun),
		LIVE(a_dataplane_that_stops_answering),
		LIVE(reads_and_lists),
		cmocka_unit_test(ports_have_one_owner),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("dp", tests, NULL, NULL);
	loop_close();
	return failed;
}
