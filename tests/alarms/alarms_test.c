/* SPDX-License-Identifier: Apache-2.0 */
/* control/alarms: each condition raises one alarm, told once, and clears it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "control/alarms/alarms.h"
#include "control/certificate.h"
#include "control/config.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/events.h"
#include "control/firmware/firmware.h"
#include "control/libre.h"
#include "control/trunk/trunk.h"

/* The gateway around it. */
static struct {
	bool dataplane, media, link;
	const char *trunk;    /* state */
	bool disabled;	      /* that trunk */
	const char *firmware; /* what it says; NULL: nothing */
	uint64_t wrong, expected, now, free_mib;
	struct sp_greeting greeting;
	tmr_h *h;
	void *arg;
} world;

bool dp_connected(const struct dp *dp)
{
	(void)dp;
	return world.dataplane;
}

const struct sp_greeting *dp_greeting(const struct dp *dp)
{
	(void)dp;
	return &world.greeting;
}

int dp_list_ports(struct dp *dp, void (*f)(const struct sp_port *, void *),
		  void *arg)
{
	struct sp_port p = {.name = "trunk0", .link_up = world.link};

	(void)dp;
	f(&p, arg);
	return SP_OK;
}

int dp_list_verdicts(struct dp *dp,
		     void (*f)(const struct sp_verdict_count *, void *),
		     void *arg)
{
	const struct sp_verdict_count wrong = {.severity = 2,
					       .count = world.wrong};
	const struct sp_verdict_count expected = {.severity = 0,
						  .count = world.expected};

	(void)dp;
	f(&wrong, arg);
	f(&expected, arg);
	return SP_OK;
}

bool duties_up(const struct duties *d, struct duty_why *why)
{
	(void)d;
	(void)why;
	return world.media;
}

json_t *trunks_json(const struct trunks *ts)
{
	(void)ts;
	return json_pack("[{s:s, s:s, s:s, s:b}]", "name", "carrier", "state",
			 world.trunk, "why", "no answer to OPTIONS", "enabled",
			 !world.disabled);
}

bool firmware_attention(const struct firmware *f, char *about, size_t n_about,
			char *text, size_t n_text)
{
	(void)f;
	snprintf(about, n_about, "slot B");
	snprintf(text, n_text, "%s", world.firmware ? world.firmware : "");
	return world.firmware;
}

uint64_t __wrap_tmr_jiffies(void);
uint64_t __wrap_tmr_jiffies(void)
{
	return world.now;
}

void __wrap_tmr_start(struct tmr *t, uint64_t delay, tmr_h *h, void *arg);
void __wrap_tmr_start(struct tmr *t, uint64_t delay, tmr_h *h, void *arg)
{
	(void)t;
	(void)delay;
	world.h = h;
	world.arg = arg;
}

int __wrap_statvfs(const char *path, struct statvfs *v);
int __wrap_statvfs(const char *path, struct statvfs *v)
{
	(void)path;
	*v = (struct statvfs){.f_frsize = 1 << 20,
			      .f_blocks = 10000,
			      .f_bavail = world.free_mib};
	return 0;
}

struct fixture {
	struct alarms *a;
	struct events *events;
	uint64_t seen;
	struct config config;
	char folder[64], certificate[128];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&world, 0, sizeof(world));
	world.dataplane = world.media = world.link = true;
	world.trunk = "up";
	world.now = 1000000;
	world.free_mib = 5000;
	world.wrong = 7;
	world.greeting.instance = 1;
	snprintf(f->folder, sizeof(f->folder), "/tmp/alarms_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->certificate, sizeof(f->certificate), "%s/https.crt",
		 f->folder);
	f->config.media.socket = f->folder;
	f->events = events_new();
	assert_int_equal(alarms_alloc(&f->a,
				      &(struct alarms_config){
					      .events = f->events,
					      .config = &f->config,
					      .state = f->folder,
					      .trunks = (struct trunks *)f,
					      .firmware = (struct firmware *)f,
				      }),
			 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char key[160];

	alarms_free(f->a);
	events_free(f->events);
	snprintf(key, sizeof(key), "%s/key", f->folder);
	unlink(key);
	unlink(f->certificate);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void look(void)
{
	world.now += 2000;
	world.h(world.arg);
}

/* The next event has to be this one, about that. */
static void expect(struct fixture *f, const char *kind, const char *alarm,
		   const char *about)
{
	const struct event *e = events_after(f->events, f->seen);
	json_t *j;

	assert_non_null(e);
	f->seen = e->number;
	assert_string_equal(e->kind, kind);
	j = json_loads(e->text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "name")),
			    alarm);
	assert_string_equal(json_string_value(json_object_get(j, "about")),
			    about);
	json_decref(j);
}

static void expect_silence(struct fixture *f)
{
	assert_null(events_after(f->events, f->seen));
}

/* Raised once, still there, cleared once. */
static void comes_and_goes(struct fixture *f, enum alarm kind,
			   const char *about, void (*end)(void))
{
	look();
	expect(f, "alarm-raised", alarm_name(kind), about);
	look();
	expect_silence(f);
	assert_int_equal(alarms_count(f->a, kind), 1);
	end();
	look();
	expect(f, "alarm-cleared", alarm_name(kind), about);
	look();
	expect_silence(f);
	assert_int_equal(alarms_count(f->a, kind), 0);
}

static void all_is_well(void **state)
{
	struct fixture *f = *state;
	json_t *list;

	for (int i = 0; i < 5; i++)
		look();
	expect_silence(f);
	list = alarms_json(f->a);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void dataplane_is_back(void)
{
	world.dataplane = true;
}

static void dataplane(void **state)
{
	world.dataplane = false;
	comes_and_goes(*state, ALARM_DATAPLANE, "sallyport-dataplane",
		       dataplane_is_back);
}

static void media_is_back(void)
{
	world.media = true;
}

static void media(void **state)
{
	world.media = false;
	comes_and_goes(*state, ALARM_MEDIA, "sallyport-media", media_is_back);
}

static void media_not_configured(void **state)
{
	struct fixture *f = *state;

	world.media = false;
	f->config.media.socket = NULL;
	look();
	expect_silence(f);
}

static void link_is_back(void)
{
	world.link = true;
}

static void port(void **state)
{
	world.link = false;
	comes_and_goes(*state, ALARM_PORT, "trunk0", link_is_back);
}

static void trunk_is_back(void)
{
	world.trunk = "trying";
}

static void trunk(void **state)
{
	world.trunk = "down";
	comes_and_goes(*state, ALARM_TRUNK, "carrier", trunk_is_back);
}

/* No listener reaches it. */
static void trunk_off(void **state)
{
	world.trunk = "off";
	comes_and_goes(*state, ALARM_TRUNK, "carrier", trunk_is_back);
}

static void trunk_disabled(void **state)
{
	world.trunk = "off";
	world.disabled = true;
	look();
	expect_silence(*state);
}

static void firmware_is_well(void)
{
	world.firmware = NULL;
}

static void firmware(void **state)
{
	world.firmware = "Version 3.0 is installed, and waits for a restart";
	comes_and_goes(*state, ALARM_FIRMWARE, "slot B", firmware_is_well);
}

static void disk_is_freed(void)
{
	world.free_mib = 501;
}

static void disk(void **state)
{
	struct fixture *f = *state;

	world.free_mib = 499;
	comes_and_goes(f, ALARM_DISK, f->folder, disk_is_freed);
}

static void ten_minutes(void)
{
	world.now += 600000;
}

static void key(void **state)
{
	struct fixture *f = *state;
	struct sp_event e = {.kind = SP_EVENT_ROC, .id = 42};

	alarms_dataplane(f->a, &e);
	look();
	expect_silence(f);
	e.kind = SP_EVENT_KEY_END;
	for (int i = 0; i < 100; i++)
		alarms_dataplane(f->a, &e);
	comes_and_goes(f, ALARM_KEY, "transport 42", ten_minutes);
}

static void many_keys(void **state)
{
	struct fixture *f = *state;
	struct sp_event e = {.kind = SP_EVENT_KEY_END};

	for (e.id = 1; e.id <= 1000; e.id++) {
		world.now++;
		alarms_dataplane(f->a, &e);
	}
	look();
	assert_int_equal(alarms_count(f->a, ALARM_KEY), 32);
}

static void one_minute(void)
{
	world.now += 60000;
}

static void drops(void **state)
{
	struct fixture *f = *state;

	world.expected = 1000; /* never an alarm */
	look();
	expect_silence(f);
	world.wrong++;
	comes_and_goes(f, ALARM_DROPS, "verdicts", one_minute);
	/* another dataplane has counted other things */
	world.greeting.instance = 2;
	world.wrong = 100;
	look();
	expect_silence(f);
}

static struct fixture *current;

/* P-256, self-signed, notAfter before notBefore: openssl x509 -days -1 */
static const char ended_pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBEjCBuQIUTPjJONArpldmBKBDiRuTDoF34KgwCgYIKoZIzj0EAwIwDDEKMAgG\n"
	"A1UEAwwBeDAeFw0yNjExMjEyMzE2MDVaFw0yNjExMjAyMzE2MDVaMAwxCjAIBgNV\n"
	"BAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATMR9bMgxg8nBJazhxMxp1E\n"
	"MoNztkl6UZC+/lG9ZIsENyLNGyD5ikIEilFLTEblOrAoAEPgx4cBtjkqpzkRycB5\n"
	"MAoGCCqGSM49BAMCA0gAMEUCIEo5ac/K69BDJ7OnZtBrYVn8zSDbCgRpUuaDLjww\n"
	"3BcHAiEAn3Qo69/JwSuLtROM2GyEjQTSP/m9NF/F7eakYx1kRHo=\n"
	"-----END CERTIFICATE-----\n";

static void another_certificate(void)
{
	const char *names[] = {"gateway.test"};
	char key_path[160], err[160] = "";
	struct timespec at[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};

	snprintf(key_path, sizeof(key_path), "%s/key", current->folder);
	assert_int_equal(certificate_make(current->certificate, key_path, names,
					  1, err, sizeof(err)),
			 0);
	utimensat(0, current->certificate, at, 0); /* not of this second */
}

static void certificate(void **state)
{
	FILE *to;

	current = *state;
	to = fopen(current->certificate, "w");
	assert_non_null(to);
	fputs(ended_pem, to);
	fclose(to);
	comes_and_goes(current, ALARM_CERTIFICATE, current->certificate,
		       another_certificate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(all_is_well), T(dataplane),
		T(media),	T(media_not_configured),
		T(port),	T(trunk),
		T(disk),	T(key),
		T(many_keys),	T(drops),
		T(certificate), T(firmware),
		T(trunk_off),	T(trunk_disabled),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
