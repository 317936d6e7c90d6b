/* SPDX-License-Identifier: Apache-2.0 */
/* control/main.c - sallyport-control: starts the parts, in order, and stops
 * them. README.md beside this file says what they are. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "control/alarms/alarms.h"
#include "control/audit/audit.h"
#include "control/calls/call.h"
#include "control/config.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/events.h"
#include "control/firmware/firmware.h"
#include "control/hep/hep.h"
#include "control/http/http.h"
#include "control/libre.h"
#include "control/log.h"
#include "control/logsinks.h"
#include "control/ng/ng.h"
#include "control/notify.h"
#include "control/settings/settings.h"
#include "control/sip/sip.h"
#include "control/store/store.h"
#include "dataplane/abi/yaml.h"
#include "version.h"

#define CONFIG_PATH "/etc/sallyport/sallyport.yaml"
#define FIRMWARE    "/run/sallyport-firmware"
#define FILES_MAX   16384 /* file descriptors: a TCP phone needs one */
#define DRAIN_MS    300	  /* for what is still to be said at the end */

/* Static, so that what is left to the next start stays reachable. */
static struct {
	struct config *config;
	struct store *store;
	struct audit *audit;
	struct events *events;
	struct dp *dp;
	struct duties *duties;
	struct calls *calls;
	struct door *sip;
	struct ng *ng;
	struct http *http;
	struct settings *settings;
	struct alarms *alarms;
	struct firmware *firmware;
	struct hep *hep;
	struct tmr drain;
	const char *config_path;
	char state[PATH_MAX]; /* folder of what is kept */
} control;

static void usage(FILE *f)
{
	fputs("usage: sallyport-control [--config FILE] [--check]\n"
	      "  -c, --config FILE  configuration, else " CONFIG_PATH "\n"
	      "  -t, --check        check the configuration and stop\n"
	      "  -v, --version\n"
	      "  -h, --help\n",
	      f);
}

/* Hop keys are in this process: nothing of it may reach a core file, and no
 * other process of the same user may look into it. */
static int harden(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		return errno;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur =
			files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return 0;
}

static void on_dataplane_event(const struct sp_event *e, void *arg)
{
	(void)arg;
	alarms_dataplane(control.alarms, e);
	log_debug(0, "dataplane: event %u about transport %" PRIu64, e->kind,
		  e->id);
}

static void on_dataplane_up(bool fresh, void *arg)
{
	(void)arg;
	calls_dataplane_up(control.calls, fresh);
	events_publish(control.events, "dataplane-up",
		       json_pack("{s:b}", "fresh", fresh));
}

/* The folder of the database is that of what is kept, where the configuration
 * names no other place. */
static void state_folder(const struct config *c)
{
	const char *slash = strrchr(c->database, '/');

	snprintf(control.state, sizeof(control.state), "%.*s",
		 (int)(slash - c->database), c->database);
}

static int open_audit(const struct config *c, char *err, size_t errlen)
{
	char path[PATH_MAX + 16];
	int e;

	snprintf(path, sizeof(path), "%s/audit.log", control.state);
	e = audit_open(&control.audit, c->audit ? c->audit : path, err, errlen);
	if (!e)
		audit_file_max(control.audit, (uint64_t)c->audit_size << 20);
	return e;
}

/* When was the program that reads this section started? */
static int64_t section_started(const char *section, void *arg)
{
	const struct sp_greeting *g = dp_greeting(control.dp);

	(void)arg;
	if (!strcmp(section, "dataplane"))
		return g ? g->started : 0;
	return duties_since(control.duties);
}

static void log_as_configured(void)
{
	const char *name = control.config->log;
	enum log_level level = LEVEL_INFO;

	if (!name || log_level_parse(name, &level))
		log_set_level(level);
}

/* What takes effect at once has: those are told who keep a copy of it. */
static void on_settings(enum settings_live what, void *arg)
{
	(void)arg;
	switch (what) {
	case LIVE_LOG:
		log_as_configured();
		break;
	case LIVE_CALLS:
		calls_media_timeout(control.calls,
				    control.config->media_timeout);
		break;
	case LIVE_DUTIES:
		duties_limit(control.duties,
			     control.config->media.transcodings);
		break;
	case LIVE_GUARD:
		door_limits(control.sip);
		break;
	case LIVE_SESSIONS:
		http_sessions(control.http);
		break;
	case LIVE_HTTPS:
		http_listeners(control.http);
		break;
	case LIVE_READ:
	case LIVE_KINDS:
		break;
	}
}

static int start_settings(struct config *c)
{
	char err[PATH_MAX + 64];
	int e = settings_alloc(&control.settings,
			       &(struct settings_parts){
				       .path = control.config_path,
				       .config = c,
				       .audit = control.audit,
				       .started = section_started,
				       .live = on_settings,
			       },
			       err, sizeof(err));

	if (e)
		log_error(0, "configuration: %s", err);
	return e;
}

static int start_http(const struct config *c)
{
	const struct http_context ctx = {
		.calls = control.calls,
		.dp = control.dp,
		.store = control.store,
		.audit = control.audit,
		.sip = control.sip,
		.trunks = door_trunks(control.sip),
		.realm = c->domain,
		.events = control.events,
		.https = &c->https,
		.state = control.state,
		.duties = control.duties,
		.settings = control.settings,
		.alarms = control.alarms,
		.firmware = control.firmware,
	};
	char err[256] = "";
	int e = http_alloc(&control.http, c->api, &ctx);

	if (e) {
		log_error(0, "control API on %s: %s", c->api, strerror(e));
		return e;
	}
	e = http_secure(control.http, err, sizeof(err));
	if (e)
		log_error(0, "control API: %s", err);
	return e;
}

/* What is kept, and the other programs' sides. */
static int start_below(const struct config *c)
{
	char err[512] = "";
	int e;

	state_folder(c);
	control.events = events_new();
	if (!control.events)
		return ENOMEM;
	e = store_open(&control.store, c->database, err, sizeof(err));
	if (e) {
		log_error(0, "database: %s", err);
		return e;
	}
	e = open_audit(c, err, sizeof(err));
	if (e) {
		log_error(0, "audit log: %s", err);
		return e;
	}
	e = dp_alloc(&control.dp, c->dataplane, on_dataplane_event,
		     on_dataplane_up, NULL);
	if (e) {
		log_error(0, "dataplane client: %s", strerror(e));
		return e;
	}
	e = duties_alloc(&control.duties,
			 &(struct duties_config){c->media.socket,
						 c->media.transcodings});
	if (e) {
		log_error(0, "media client: %s", strerror(e));
		return e;
	}
	return 0;
}

static void on_call_ended(const json_t *record, void *arg)
{
	(void)arg;
	hep_ended(control.hep, record);
}

/* Calls, and the doors in front of them. */
static int start_calls(struct config *c)
{
	char err[512] = "";
	int e;

	e = calls_alloc(&control.calls,
			&(struct calls_config){
				.dp = control.dp,
				.store = control.store,
				.audit = control.audit,
				.media_timeout = c->media_timeout,
				.duties = control.duties,
				.music = c->calls.music,
				.notice = c->calls.notice,
				.notice_every = c->calls.notice_every,
				.events = control.events,
				.ended = on_call_ended,
			});
	if (e) {
		log_error(0, "calls: %s", strerror(e));
		return e;
	}
	e = hep_open(&control.hep, &c->hep, err, sizeof(err));
	if (e) {
		log_error(0, "%s", err);
		return e;
	}
	e = door_alloc(&control.sip,
		       &(struct door_config){
			       .calls = control.calls,
			       .store = control.store,
			       .domain = c->domain,
			       .sip = &c->sip,
			       .pstn = &c->pstn,
			       .events = control.events,
			       .sip_calls = &c->calls,
			       .folder = control.state,
			       .audit = control.audit,
			       .hep = control.hep,
			       .siprec = &c->siprec,
		       },
		       err, sizeof(err));
	if (e) {
		log_error(0, "%s", err);
		return e;
	}
	e = ng_alloc(&control.ng,
		     &(struct ng_door_config){control.calls, control.dp,
					      &c->ng},
		     err, sizeof(err));
	if (e) {
		log_error(0, "%s", err);
		return e;
	}
	return 0;
}

/* In the order that each needs the one before. */
static int start(void)
{
	struct config *c = control.config;
	int e = start_below(c);

	if (!e)
		e = start_calls(c);
	if (e)
		return e;
	calls_load(control.calls);
	hep_reports(control.hep, control.calls);
	dp_ready(control.dp);
	duties_ready(control.duties);
	e = firmware_alloc(&control.firmware,
			   &(struct firmware_config){
				   .folder =
					   c->firmware ? c->firmware : FIRMWARE,
				   .state = control.state,
				   .calls = control.calls,
				   .audit = control.audit,
				   .events = control.events,
			   });
	if (!e)
		e = alarms_alloc(&control.alarms,
				 &(struct alarms_config){
					 .dp = control.dp,
					 .duties = control.duties,
					 .trunks = door_trunks(control.sip),
					 .events = control.events,
					 .firmware = control.firmware,
					 .config = c,
					 .state = control.state,
				 });
	if (!e)
		e = start_settings(c);
	return e ? e : start_http(c);
}

/* Calls that are up, with their media and keys in the dataplane, are left as
 * they are: the next start takes them over. */
static void stop(void)
{
	tmr_cancel(&control.drain);
	notify_watchdog_stop();
	if (control.http)
		http_free(control.http);
	settings_free(control.settings);
	alarms_free(control.alarms);
	control.alarms = NULL;
	firmware_free(control.firmware);
	ng_free(control.ng);
	door_free(control.sip);
	hep_close(control.hep);
	control.hep = NULL;
	calls_free(control.calls);
	duties_free(control.duties);
	if (control.dp)
		dp_free(control.dp);
	store_close(control.store);
	audit_close(control.audit);
	events_free(control.events);
}

static void drained(void *arg)
{
	(void)arg;
	re_cancel();
}

static void on_signal(int sig)
{
	if (tmr_isrunning(&control.drain)) {
		re_cancel(); /* asked twice */
		return;
	}
	log_info(0, "stopping (signal %d); calls that are up go on", sig);
	notify_say("STOPPING=1");
	door_stop(control.sip);
	ng_stop(control.ng);
	tmr_start(&control.drain, DRAIN_MS, drained, NULL);
}

static int run(void)
{
	int e = libre_init();

	if (e) {
		log_error(0, "event loop: %s", strerror(e));
		return e;
	}
	fd_setsize(FILES_MAX);
	tmr_init(&control.drain);
	e = start();
	if (!e) {
		log_info(0, "sallyport-control %s is ready", SP_VERSION);
		notify_say("READY=1");
		notify_watchdog();
		e = re_main(on_signal);
	}
	stop();
	libre_close();
	return e;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 't'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = CONFIG_PATH;
	char err[CONF_ERROR_MAX];
	bool only_check = false;
	int opt, e;

	while ((opt = getopt_long(argc, argv, "c:tvh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 't':
			only_check = true;
			break;
		case 'v':
			puts("sallyport-control " SP_VERSION);
			return 0;
		default:
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (!only_check && settings_recover(path))
		fprintf(stderr,
			"%s is as it was before: nobody had confirmed the new "
			"one\n",
			path);
	control.config_path = path;
	control.config = config_load(path, err);
	if (!control.config) {
		fprintf(stderr, "%s\n", err);
		return 2;
	}
	if (only_check) {
		config_free(control.config);
		puts("the configuration is good");
		return 0;
	}
	log_as_configured();
	/* its stream is stderr's, too, where there is no socket */
	if (log_is_journal())
		log_journal(LOG_JOURNAL);
	if (control.config->syslog)
		log_syslog(control.config->syslog);
	e = harden();
	if (e)
		log_error(0, "hardening: %s", strerror(e));
	else
		e = run();
	config_free(control.config);
	return e ? 1 : 0;
}
