/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/main.c - sallyport-media: starts the parts in order, then waits
 * for packets, for control and for the next 10 ms. README.md says what it is. */
#include <errno.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "control/log.h"
#include "control/notify.h"
#include "control/media/media.h"
#include "dataplane/abi/yaml.h"
#include "version.h"

#define CONFIG_PATH "/etc/sallyport/sallyport.yaml"
/* So many ticks are made up for where the machine was busy elsewhere; more are
 * let go, and what is heard has a gap. */
#define CATCH_UP    10
#define TIDY_US	    500000

static struct media media = {.listen = -1, .peer = -1, .pass = -1};

static void usage(FILE *f)
{
	fputs("usage: sallyport-media [--config FILE] [--check]\n"
	      "  -c, --config FILE  configuration, else " CONFIG_PATH "\n"
	      "  -t, --check        check the configuration and stop\n"
	      "  -v, --version\n"
	      "  -h, --help\n",
	      f);
}

/* What people say is in this process: nothing of it may reach a core file, and
 * no other process of the same user may look into it. */
static bool harden(void)
{
	const struct rlimit none = {0, 0};

	return !setrlimit(RLIMIT_CORE, &none) && !prctl(PR_SET_DUMPABLE, 0) &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void send_packet(const struct port *p, bool rtcp, const uint8_t *data,
			size_t n, void *arg)
{
	struct media *m = arg;

	link_send(&m->link, p->want.worker, p->want.id, p->want.generation,
		  rtcp, data, n);
}

static void take_packet(const struct divert_item *item, unsigned worker,
			const uint8_t *data, void *arg)
{
	struct media *m = arg;

	engine_packet(
		m->engine, item->stream, item->generation, (uint16_t)worker,
		(item->kind == DIVERT_RTCP ? PACKET_RTCP : 0u) |
			(item->flags & DIVERT_COPIED ? PACKET_COPIED : 0u),
		data, item->len, now_us());
}

static void say_dataplane(struct media *m)
{
	engine_event(m->engine, "dataplane", "{s:b}", "up", link_up(&m->link));
}

static void say_codecs(void)
{
	const struct codec *c;

	for (unsigned i = 0; (c = codec_at(i)); i++)
		if (c->kind == CODEC_AUDIO)
			log_info(0, "codec %s: %s, %s", c->name,
				 codec_decodes(c) ? "decoded" : "not decoded",
				 codec_encodes(c) ? "encoded" : "not encoded");
}

static bool start(struct media *m)
{
	const struct media_config *c = m->config;
	/* A call that is transcoded has two ports. */
	const struct engine_limits limits = {c->ports, c->rooms,
					     c->transcodings * 2};
	const struct engine_handlers h = {send_packet, server_event, m};
	unsigned char random[8];
	int e;

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(m->instance, sizeof(m->instance), random,
		       sizeof(random));
	m->started = now_us();
	link_init(&m->link, c->divert);
	codec_probe();
	say_codecs();
	m->engine = engine_new(&limits, &h);
	if (!m->engine) {
		log_error(0, "no memory");
		return false;
	}
	player_load(&m->engine->player, c->music);
	m->recordings = recordings_new(m->engine, &c->recording);
	if (!m->recordings) {
		log_error(0, "no memory");
		return false;
	}
	e = server_open(m);
	if (e)
		log_error(0, "control's socket %s: %s", c->socket, strerror(e));
	return !e;
}

/* Ports send their BYE into the rings before those are let go. */
static void stop(struct media *m)
{
	recordings_free(m->recordings);
	server_close(m);
	engine_free(m->engine);
	link_close(&m->link);
}

enum {
	POLL_SIGNAL,
	POLL_TIMER,
	POLL_LISTEN,
	POLL_PEER,
	POLL_LINK,
	POLL_WAKE,
	POLL_COUNT
};

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* somebody else's wake-up */
}

static void packets(struct media *m)
{
	if (link_up(&m->link) && !link_read(&m->link, take_packet, m))
		say_dataplane(m);
}

static void ticks(struct media *m, int timer)
{
	static uint64_t tidied;
	uint64_t n = 0, now = now_us();

	if (read(timer, &n, sizeof(n)) != sizeof(n) || !n)
		return;
	if (n > 1)
		m->engine->counters.late_ticks += n - 1;
	if (n > CATCH_UP)
		n = CATCH_UP;
	for (uint64_t i = n; i-- > 0;)
		engine_tick(m->engine, now - i * FRAME_US);
	if (link_try(&m->link, now))
		say_dataplane(m);
	if (now - tidied < TIDY_US)
		return;
	tidied = now;
	recordings_tidy(m->recordings);
}

/* @return false: a signal says to stop. */
static bool turn(struct media *m, int signals, int timer)
{
	struct pollfd p[POLL_COUNT] = {
		[POLL_SIGNAL] = {signals, POLLIN, 0},
		[POLL_TIMER] = {timer, POLLIN, 0},
		[POLL_LISTEN] = {m->listen, POLLIN, 0},
		[POLL_PEER] = {m->peer, POLLIN, 0},
		[POLL_LINK] = {m->link.fd, POLLIN, 0},
		[POLL_WAKE] = {m->link.wake, POLLIN, 0},
	};
	uint64_t begun;

	if (poll(p, POLL_COUNT, 1000) < 0)
		return errno == EINTR;
	begun = now_us();
	if (p[POLL_WAKE].revents)
		drain(m->link.wake);
	packets(m); /* before the tick that plays them */
	if (p[POLL_TIMER].revents)
		ticks(m, timer);
	if (p[POLL_PEER].revents)
		server_read(m);
	if (p[POLL_LISTEN].revents)
		server_accept(m);
	if (p[POLL_LINK].revents && link_up(&m->link) && link_ended(&m->link))
		say_dataplane(m);
	m->worked += now_us() - begun;
	return !p[POLL_SIGNAL].revents;
}

/* Half of what systemd gives it, or never. */
static uint64_t watchdog_interval(void)
{
	const char *text = getenv("WATCHDOG_USEC");

	return text ? strtoull(text, NULL, 10) / 2 : 0;
}

/* Before the first thread: all have them blocked, and only run's reads them. */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool run(struct media *m, int signals)
{
	const struct itimerspec every = {
		.it_interval.tv_nsec = FRAME_US * 1000,
		.it_value.tv_nsec = FRAME_US * 1000,
	};
	uint64_t watchdog = watchdog_interval(), told = 0;
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (timer < 0 || signals < 0 ||
	    timerfd_settime(timer, 0, &every, NULL)) {
		log_error(0, "timer: %s", strerror(errno));
		return false;
	}
	log_info(0, "sallyport-media %s is ready", SP_VERSION);
	notify_say("READY=1");
	while (turn(m, signals, timer)) {
		if (watchdog && now_us() - told > watchdog) {
			told = now_us();
			notify_say("WATCHDOG=1");
		}
	}
	log_info(0, "stopping");
	notify_say("STOPPING=1");
	close(timer);
	close(signals);
	return true;
}

static int serve(struct media *m)
{
	int signals = signals_open();
	bool good = false;

	if (!harden())
		log_error(0, "hardening: %s", strerror(errno));
	else if (start(m))
		good = run(m, signals);
	stop(m);
	return good ? 0 : 1;
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
	struct media_config *config;
	char err[CONF_ERROR_MAX];
	enum log_level level;
	bool only_check = false;
	int opt, status = 0;

	while ((opt = getopt_long(argc, argv, "c:tvh", options, NULL)) != -1) {
		if (opt == 'c') {
			path = optarg;
		} else if (opt == 't') {
			only_check = true;
		} else if (opt == 'v') {
			puts("sallyport-media " SP_VERSION);
			return 0;
		} else {
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	av_log_set_level(AV_LOG_QUIET);
	if (sodium_init() < 0)
		return 1;
	config = media_config_load(path, err);
	if (!config) {
		fprintf(stderr, "%s\n", err);
		return 2;
	}
	media.config = config;
	if (config->log && log_level_parse(config->log, &level))
		log_set_level(level);
	if (only_check)
		puts("the configuration is good");
	else
		status = serve(&media);
	media_config_free(config);
	return status;
}
