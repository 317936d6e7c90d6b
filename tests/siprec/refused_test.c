/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls: a fork, a notice, a subscription that comes to nothing takes
 * nothing else along. The rest of the call is made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/calls/subscription.h"
#include "control/events.h"

#define A    (1u << LEG_A)
#define B    (1u << LEG_B)
#define BOTH (A | B)

/* The gateway around it. */
static struct {
	unsigned deaf;		/* legs that can't be told */
	unsigned plays;		/* and those that a notice plays to */
	bool no_fork, no_media; /* out of memory; it can't be taken up */
	unsigned begun, ended, medias;
	char said[512]; /* events, a blank behind each */
} world;

static struct calls calls;
static struct path path;
static struct call *c;
static struct duty_why why;

/* ------------------------------------------------------------- made up here */

void events_publish(struct events *e, const char *kind, json_t *data)
{
	size_t n = strlen(world.said);

	(void)e;
	snprintf(world.said + n, sizeof(world.said) - n, "%s ", kind);
	json_decref(data);
}

void audit_add(struct audit *a, const char *event, json_t *more)
{
	(void)a;
	(void)event;
	json_decref(more);
}

bool duties_up(const struct duties *d, struct duty_why *no)
{
	(void)d;
	(void)no;
	return true;
}

struct feature_answer call_may(struct call *call, enum feature f,
			       const char *by, const char *how)
{
	(void)call;
	(void)f;
	(void)by;
	(void)how;
	return (struct feature_answer){.allowed = true};
}

int call_copy(struct call *call, struct media_why *no)
{
	(void)call;
	(void)no;
	return 0;
}

void call_save(struct call *call)
{
	(void)call;
}

enum call_kind call_kind(const struct call *call)
{
	(void)call;
	return CALL_ORDINARY;
}

const char *call_party(const struct call *call, enum leg l)
{
	return l == LEG_A ? call->from : call->to;
}

struct call *calls_find(const struct calls *cs, uint64_t id)
{
	(void)cs;
	(void)id;
	return c;
}

/* Streams 10 and 20. */
unsigned media_ports(const struct media *m, struct media_port out[], unsigned n)
{
	(void)m;
	(void)n;
	for (int l = LEG_A; l <= LEG_B; l++)
		out[l] = (struct media_port){.stream = 10u + 10u * (unsigned)l,
					     .from = (enum leg)l,
					     .kind = "audio",
					     .codec = "PCMA",
					     .flows = true};
	return 2;
}

int media_notice(struct media *m, enum leg to, const char *file,
		 struct media_why *no)
{
	(void)m;
	(void)file;
	if (world.deaf & (1u << to)) {
		no->status = 503;
		snprintf(no->text, sizeof(no->text), "no port");
		return -1;
	}
	world.plays |= 1u << to;
	return 1;
}

int media_notice_ended(struct media *m, uint64_t stream)
{
	int leg = stream == 10 ? LEG_A : LEG_B;

	(void)m;
	if (!(world.plays & (1u << leg)))
		return -1;
	world.plays &= ~(1u << leg);
	return leg;
}

void media_notice_end(struct media *m)
{
	(void)m;
	world.plays = 0;
}

struct fork_media *fork_media_new(struct call *call,
				  const struct fork_stream stream[], unsigned n,
				  const struct media_leg_addr *to,
				  const struct media_profile *profile)
{
	(void)call;
	(void)stream;
	(void)n;
	(void)to;
	(void)profile;
	world.medias++;
	return malloc(1);
}

struct fork_media *fork_media_load(struct call *call, const json_t *saved)
{
	(void)call;
	if (!json_is_true(saved))
		return NULL;
	world.medias++;
	return malloc(1);
}

void fork_media_free(struct fork_media *f)
{
	if (f)
		world.medias--;
	free(f);
}

int fork_media_offer(struct fork_media *f, char **sdp, struct media_why *no)
{
	(void)f;
	(void)no;
	*sdp = NULL;
	return 0;
}

int fork_media_answer(struct fork_media *f, const char *sdp, size_t len,
		      struct media_why *no)
{
	(void)f;
	(void)sdp;
	(void)len;
	(void)no;
	return 0;
}

unsigned fork_media_streams(const struct fork_media *f,
			    struct fork_stream out[], unsigned n)
{
	(void)f;
	(void)out;
	(void)n;
	return 0;
}

void fork_media_mirror(struct fork_media *f)
{
	(void)f;
}

void fork_media_peer(struct fork_media *f, const struct sp_addr *peer)
{
	(void)f;
	(void)peer;
}

void fork_media_to(struct fork_media *f, struct sp_addr *out)
{
	(void)f;
	memset(out, 0, sizeof(*out));
}

void fork_media_source(struct fork_media *f, unsigned i,
		       const struct fork_stream *stream)
{
	(void)f;
	(void)i;
	(void)stream;
}

void fork_media_tick(struct fork_media *f)
{
	(void)f;
}

bool fork_media_restored(struct fork_media *f)
{
	(void)f;
	return true;
}

json_t *fork_media_save(const struct fork_media *f)
{
	(void)f;
	return json_true();
}

static void *fork_begin(void *arg, struct call *call)
{
	(void)call;
	if (world.no_fork)
		return NULL;
	world.begun++;
	return arg;
}

static void fork_over(void *fork)
{
	(void)fork;
	world.ended++;
}

static void fork_moved(void *fork)
{
	(void)fork;
}

/* ------------------------------------------------------------------ helpers */

static int setup(void **state)
{
	static const struct fork_client client = {
		.begin = fork_begin, .end = fork_over, .changed = fork_moved};

	(void)state;
	memset(&world, 0, sizeof(world));
	memset(&calls, 0, sizeof(calls));
	calls.cfg.notice = NOTICE_TONE;
	calls_fork_client(&calls, &client, &world);
	c = calloc(1, sizeof(*c));
	*c = (struct call){.all = &calls, .state = CALL_UP, .path = &path};
	strcpy(c->from, "sip:alice@sip.test");
	strcpy(c->to, "sip:bob@sip.test");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	c->state = CALL_ENDED;
	fork_end(c);
	subscriptions_end(c, "call ended");
	notice_end(c);
	free(c);
	assert_int_equal(world.begun, world.ended);
	assert_int_equal(world.medias, 0);
	return 0;
}

/* What time does. */
static void due(struct tmr *t)
{
	tmr_h *h = t->th;

	assert_non_null(h);
	tmr_cancel(t);
	h(c);
}

static void says(const char *events)
{
	assert_string_equal(world.said, events);
	world.said[0] = '\0';
}

/* ---------------------------------------------------------------- forks */

static int forked(enum fork_use use, const char *by)
{
	return call_fork(c, use, true, by, "test", &why);
}

static void second_use(void **state)
{
	void *fork;

	(void)state;
	/* nobody is told for it, so nobody need be reached */
	world.deaf = BOTH;
	assert_int_equal(forked(FORK_TRANSCRIPTION, CALL_POLICY), 0);
	says("fork-started ");
	fork = c->fork;
	assert_non_null(fork);
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), -1);
	assert_string_equal(why.name, "notice");
	assert_int_equal(why.status, 503);
	/* the first is as it was, and of the second nothing is left */
	assert_ptr_equal(c->fork, fork);
	assert_int_equal(call_forked(c), 1u << FORK_TRANSCRIPTION);
	assert_int_equal(world.ended, 0);
	says("");
	assert_int_equal(call_forward(c, A, true, "ada", "test", &why), -1);
	assert_int_equal(c->forward_from, 0);
	assert_int_equal(call_forked(c), 1u << FORK_TRANSCRIPTION);
	assert_int_equal(world.ended, 0);
	call_fork(c, FORK_TRANSCRIPTION, false, "ada", "test", &why);
	assert_int_equal(world.ended, 1);
	says("fork-stopped ");
}

static void first_use(void **state)
{
	(void)state;
	world.deaf = B; /* alice is told already when that shows */
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), -1);
	assert_int_equal(call_forked(c), 0);
	assert_null(c->fork);
	assert_int_equal(world.begun, 1);
	assert_int_equal(world.ended, 1);
	assert_int_equal(world.plays, 0);
	assert_int_equal(c->telling, 0);
	world.deaf = 0;
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), 0);
	assert_int_equal(world.plays, BOTH);
	says("fork-started ");
}

static void no_memory(void **state)
{
	(void)state;
	world.no_fork = true;
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), -1);
	assert_int_equal(why.status, 500);
	assert_int_equal(call_forked(c), 0);
	assert_int_equal(world.plays, 0);
	says("");
}

/* -------------------------------------------------------------- notices */

static void tone_that_sticks(void **state)
{
	(void)state;
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), 0);
	says("fork-started ");
	assert_true(notice_ended(c, 10));
	says("notice-given ");
	/* into bob's silence there is nothing to put it */
	due(&c->notice_end);
	assert_int_equal(world.plays, 0);
	assert_int_equal(c->told, A);
	says("");
	due(&c->notice_next);
	assert_int_equal(world.plays, B); /* alice has heard it */
	assert_true(notice_ended(c, 20));
	says("notice-given ");
	assert_int_equal(c->told, BOTH);
	assert_false(tmr_isrunning(&c->notice_end));
	assert_false(tmr_isrunning(&c->notice_next));
}

static void file_that_sticks(void **state)
{
	(void)state;
	calls.cfg.notice = "notice.wav";
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), 0);
	says("fork-started ");
	due(&c->notice_end);
	assert_int_equal(world.plays, 0);
	assert_int_equal(c->told, BOTH);
	says("notice-given ");
	assert_false(tmr_isrunning(&c->notice_next));
}

static void port_that_fails(void **state)
{
	(void)state;
	notice_failed(c); /* nobody is being told */
	assert_false(tmr_isrunning(&c->notice_next));
	assert_int_equal(forked(FORK_CAPTIONS, "ada"), 0);
	notice_failed(c);
	assert_int_equal(world.plays, 0);
	due(&c->notice_next);
	assert_int_equal(world.plays, BOTH);
}

/* ---------------------------------------------------------- subscriptions */

static const struct pl TAG = {"t", 1}, OTHER = {"u", 1};

static void subscribe(struct pl tag)
{
	struct subscription_wish w = {
		.tag = tag, .hears = BOTH, .by = "ng", .how = "test"};
	char *sdp;

	assert_int_equal(call_subscribe(c, &w, &sdp, &why), 0);
}

static int answer(struct pl tag)
{
	struct sp_addr peer = {0};

	return call_subscription_answer(c, tag, &peer, "", 0, "ng", &why);
}

static void subscription_nobody_hears_of(void **state)
{
	(void)state;
	world.deaf = BOTH;
	subscribe(TAG);
	assert_int_equal(answer(TAG), -1);
	assert_false(call_subscribed(c, TAG));
	assert_int_equal(world.medias, 0);
	says(""); /* it never began */
}

static void subscription_answered_anew(void **state)
{
	(void)state;
	subscribe(TAG);
	subscribe(OTHER);
	assert_int_equal(answer(TAG), 0);
	assert_int_equal(answer(OTHER), 0);
	says("subscription-started subscription-started ");
	notice_failed(c);
	world.deaf = BOTH;
	assert_int_equal(answer(TAG), -1);
	assert_string_equal(why.name, "notice");
	assert_false(call_subscribed(c, TAG));
	assert_true(call_subscribed(c, OTHER));
	says("subscription-stopped "); /* it was there */
}

static void subscription_that_cannot_be_loaded(void **state)
{
	json_t *saved =
		json_pack("{s:[{s:s, s:i, s:b}, {s:s, s:i, s:b}]}",
			  "subscriptions", "tag", "dA==", "hears", 3, "media",
			  0, "tag", "dQ==", "hears", 3, "media", 1);

	(void)state;
	c->told = BOTH;
	subscriptions_load(c, saved);
	json_decref(saved);
	assert_false(call_subscribed(c, TAG));
	assert_true(call_subscribed(c, OTHER));
	assert_true(subscriptions_heard(c));
	/* those who are told already aren't told again because of it */
	assert_int_equal(c->told, BOTH);
	assert_int_equal(world.plays, 0);
	says("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(second_use),
		T(first_use),
		T(no_memory),
		T(tone_that_sticks),
		T(file_that_sticks),
		T(port_that_fails),
		T(subscription_nobody_hears_of),
		T(subscription_answered_anew),
		T(subscription_that_cannot_be_loaded),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
