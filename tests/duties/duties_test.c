/* SPDX-License-Identifier: Apache-2.0 */
/* control/duties over a fake sallyport-media: what is wanted is made, and made
 * again; what nobody wants goes; what makes no sense ends the connection and
 * nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "control/duties/duties.h"
#include "control/log.h"
#include "tests/duties/fake_media.h"
#include "tests/media/loop.h"

#define PATIENCE 3000 /* ms */

static struct fake_media *fake;
static struct duties *d;
static struct {
	unsigned ups, downs, events, failures;
	char failed[DUTY_ID_MAX], error[32], event[64];
	enum duty kind;
	uint64_t call;
} heard;

static void on_up(bool up, void *arg)
{
	(void)arg;
	*(up ? &heard.ups : &heard.downs) += 1;
}

static void on_failed(enum duty kind, const char *id, uint64_t call,
		      const char *error, const char *message, void *arg)
{
	(void)message;
	(void)arg;
	heard.failures++;
	heard.kind = kind;
	heard.call = call;
	snprintf(heard.failed, sizeof(heard.failed), "%s", id);
	snprintf(heard.error, sizeof(heard.error), "%s", error);
}

static void on_event(const char *name, const json_t *event, void *arg)
{
	(void)event;
	(void)arg;
	heard.events++;
	snprintf(heard.event, sizeof(heard.event), "%s", name);
}

static const struct duties_handlers handlers = {on_up, on_failed, on_event};

static void start(void)
{
	struct duties_config c = {fake_media_path(fake), 2};

	memset(&heard, 0, sizeof(heard));
	assert_int_equal(duties_alloc(&d, &c), 0);
	duties_handlers(d, &handlers, NULL);
}

static bool is_up(void *arg)
{
	(void)arg;
	return duties_up(d, NULL) && heard.ups > heard.downs;
}

static bool is_down(void *arg)
{
	(void)arg;
	return !duties_up(d, NULL) && heard.downs > 0;
}

static int up(void **state)
{
	(void)state;
	fake = fake_media_new();
	start();
	duties_ready(d);
	assert_true(loop_until(is_up, NULL, PATIENCE));
	return 0;
}

static int down(void **state)
{
	(void)state;
	duties_free(d);
	fake_media_free(fake);
	return 0;
}

static int set(enum duty kind, const char *id, int n)
{
	struct duty_why why;

	return duty_set(d, kind, id, 7, false, json_pack("{s:i}", "n", n),
			&why);
}

struct there {
	const char *kind, *id;
	int n; /* -1: not there */
};

static bool is_there(void *arg)
{
	const struct there *t = arg;
	json_t *j = fake_media_get(fake, t->kind, t->id);
	bool ok = t->n < 0
			  ? !j
			  : json_integer_value(json_object_get(j, "n")) == t->n;

	json_decref(j);
	return ok;
}

static void comes(const char *kind, const char *id, int n)
{
	struct there t = {kind, id, n};

	if (!loop_until(is_there, &t, PATIENCE))
		fail_msg("%s %s isn't as wanted (%d)", kind, id, n);
}

static void test_set_change_remove(void **state)
{
	unsigned asked;

	(void)state;
	assert_int_equal(set(DUTY_ROOM, "r", 1), 0);
	assert_int_equal(set(DUTY_PORT, "1", 1), 0);
	assert_int_equal(set(DUTY_RECORDING, "x", 1), 0);
	comes("recording", "x", 1);
	comes("room", "r", 1);
	assert_int_equal(set(DUTY_PORT, "1", 2), 0);
	comes("port", "1", 2);
	asked = fake_media_asked(fake, "port.set");
	assert_int_equal(set(DUTY_PORT, "1", 2), 0); /* no change, no word */
	duty_remove(d, DUTY_PORT, "1");
	comes("port", "1", -1);
	assert_int_equal(fake_media_asked(fake, "port.set"), asked);
	assert_false(duty_wanted(d, DUTY_PORT, "1"));
	assert_true(duty_wanted(d, DUTY_ROOM, "r"));
}

static void test_made_again(void **state)
{
	struct duty_why why;

	(void)state;
	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(set(DUTY_PORT, id, i), 0);
	}
	assert_int_equal(set(DUTY_RECORDING, "x", 1), 0);
	comes("port", "4", 4);
	fake_media_crash(fake, true);
	assert_true(loop_until(is_down, NULL, PATIENCE));
	/* what is wanted can be changed and taken back; new is refused */
	assert_int_equal(set(DUTY_PORT, "0", 10), 0);
	duty_remove(d, DUTY_PORT, "1");
	assert_int_equal(
		duty_set(d, DUTY_PORT, "9", 7, false, json_object(), &why), -1);
	assert_string_equal(why.name, "media-away");
	assert_int_equal(why.status, 503);
	assert_int_equal(duty_set(d, DUTY_PORT, "8", 7, true,
				  json_pack("{s:i}", "n", 8), &why),
			 0);
	fake_media_crash(fake, false);
	comes("port", "8", 8);
	comes("port", "0", 10);
	comes("port", "4", 4);
	comes("port", "1", -1);
	/* but a recording ended with it */
	assert_true(loop_until(is_up, NULL, PATIENCE));
	loop_for(50);
	assert_int_equal(heard.failures, 1);
	assert_string_equal(heard.failed, "x");
	assert_string_equal(heard.error, "gone");
	assert_int_equal(heard.call, 7);
	assert_false(duty_wanted(d, DUTY_RECORDING, "x"));
}

/* Control restarts: what goes on there is left, what nobody wants is ended. */
static void test_found_again(void **state)
{
	struct duty_why why;

	(void)state;
	for (int i = 0; i < 7; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		fake_media_plant(fake, "port", id);
	}
	fake_media_plant(fake, "recording", "keep");
	fake_media_plant(fake, "recording", "stray");
	fake_media_plant(fake, "room", "stray");
	duties_free(d);
	start();
	assert_int_equal(duty_set(d, DUTY_PORT, "3", 7, true,
				  json_pack("{s:i}", "n", 3), &why),
			 0);
	assert_int_equal(duty_set(d, DUTY_RECORDING, "keep", 7, true,
				  json_object(), &why),
			 0);
	duties_ready(d);
	comes("port", "3", 3);
	comes("port", "6", -1);
	comes("recording", "stray", -1);
	comes("room", "stray", -1);
	assert_int_equal(fake_media_count(fake, "port"), 1);
	assert_int_equal(fake_media_asked(fake, "record.start"), 0);
	assert_int_equal(heard.failures, 0);
	assert_true(duty_wanted(d, DUTY_RECORDING, "keep"));
}

static bool failed_once(void *arg)
{
	(void)arg;
	return heard.failures == 1;
}

static void test_refused(void **state)
{
	(void)state;
	fake_media_refuse(fake, "port.set", "limit");
	assert_int_equal(set(DUTY_PORT, "1", 1), 0);
	assert_true(loop_until(failed_once, NULL, PATIENCE));
	assert_int_equal(heard.kind, DUTY_PORT);
	assert_string_equal(heard.failed, "1");
	assert_string_equal(heard.error, "limit");
	assert_false(duty_wanted(d, DUTY_PORT, "1"));
}

/* A refusal of what has been replaced meanwhile says nothing of its
 * successor. */
static void test_refused_too_late(void **state)
{
	(void)state;
	fake_media_refuse(fake, "port.set", "limit");
	assert_int_equal(set(DUTY_PORT, "1", 1), 0);
	fake_media_refuse(fake, NULL, NULL);
	assert_int_equal(set(DUTY_PORT, "1", 2), 0);
	comes("port", "1", 2);
	loop_for(50);
	assert_int_equal(heard.failures, 0);
	assert_true(duty_wanted(d, DUTY_PORT, "1"));
}

static bool event_came(void *arg)
{
	return strcmp(heard.event, arg) == 0;
}

static void test_events(void **state)
{
	(void)state;
	fake_media_say(fake, "{\"event\": \"digit\", \"port\": \"1\"}");
	assert_true(loop_until(event_came, "digit", PATIENCE));
}

/* Whatever it says, control survives it, and connects again. */
static void test_nonsense(void **state)
{
	static const char *const says[] = {
		"x",
		"[]",
		"{\"seq\": 1, \"seq\": 2}",
		"{\"seq\": 99, \"ok\": true}",
		"{\"seq\": \"1\", \"ok\": true}",
		"{\"ok\": true}",
		"{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		heard.ups = heard.downs = 0;
		fake_media_say(fake, says[i]);
		if (!loop_until(is_down, NULL, PATIENCE))
			fail_msg("%s was believed", says[i]);
		heard.downs = 0;
		assert_true(loop_until(is_up, NULL, PATIENCE));
	}
	fake_media_say(fake, "{\"event\": 7}"); /* no name: nobody's */
	loop_for(20);
	assert_int_equal(heard.events, 0);
	assert_true(duties_up(d, NULL));
}

static void test_ask(void **state)
{
	struct duty_why why;
	json_t *j;
	int fd;

	(void)state;
	j = duty_ask(d, json_pack("{s:s}", "do", "status"), &fd, &why);
	assert_true(json_is_true(json_object_get(j, "ok")));
	assert_int_equal(fd, -1);
	json_decref(j);
	fake_media_refuse(fake, "status", "busy");
	j = duty_ask(d, json_pack("{s:s}", "do", "status"), NULL, &why);
	assert_string_equal(json_string_value(json_object_get(j, "error")),
			    "busy");
	json_decref(j);
	fake_media_mute(fake, true);
	j = duty_ask(d, json_pack("{s:s}", "do", "status"), NULL, &why);
	assert_null(j);
	assert_string_equal(why.name, "media-away");
}

/* Five seconds without an answer: it hangs. */
static void test_hangs(void **state)
{
	(void)state;
	fake_media_mute(fake, true);
	/* also where nothing was to be said */
	assert_true(loop_until(is_down, NULL, 8000));
	fake_media_mute(fake, false);
	assert_true(loop_until(is_up, NULL, PATIENCE));
	fake_media_mute(fake, true);
	assert_int_equal(set(DUTY_PORT, "1", 1), 0);
	assert_true(loop_until(is_down, NULL, 8000));
	fake_media_mute(fake, false);
	assert_true(loop_until(is_up, NULL, PATIENCE));
	comes("port", "1", 1);
}

static void test_what_it_can(void **state)
{
	struct duty_why why;

	(void)state;
	assert_true(duties_codec(d, "OPUS"));
	assert_false(duties_codec(d, "AMR-WB")); /* can't encode */
	assert_false(duties_codec(d, "G729"));
	assert_true(duties_can_record(d, &why));
	assert_true(duties_can_transcode(d, &why));
	duties_transcoding(d, true);
	duties_transcoding(d, true);
	assert_false(duties_can_transcode(d, &why));
	assert_string_equal(why.name, "transcoding-limit");
	duties_transcoding(d, false);
	assert_true(duties_can_transcode(d, &why));
}

static void test_without(void **state)
{
	struct duties_config c = {NULL, 2};
	struct duties *none;
	struct duty_why why;

	(void)state;
	assert_int_equal(duties_alloc(&none, &c), 0);
	duties_ready(none);
	loop_for(20);
	assert_false(duties_up(none, &why));
	assert_int_equal(why.status, 501);
	assert_false(duties_codec(none, "opus"));
	duties_free(none);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	static const struct CMUnitTest tests[] = {
		T(test_set_change_remove),
		T(test_made_again),
		T(test_found_again),
		T(test_refused),
		T(test_refused_too_late),
		T(test_events),
		T(test_nonsense),
		T(test_ask),
		T(test_hangs),
		T(test_what_it_can),
		cmocka_unit_test(test_without),
	};
	int failed;

	log_set_level(LEVEL_ERROR);
	loop_init();
	failed = cmocka_run_group_tests_name("duties", tests, NULL, NULL);
	loop_close();
	return failed;
}
