// SPDX-License-Identifier: Apache-2.0
/* dataplane/app/main.c - sallyport-dataplane: up in order, the main lcore's
 * duties, down in reverse. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include "dataplane/app/config.h"
#include "dataplane/app/control_socket.h"
#include "dataplane/app/divert_socket.h"
#include "dataplane/app/eal.h"
#include "dataplane/app/log.h"
#include "dataplane/app/notify.h"
#include "dataplane/app/workers.h"
#include "dataplane/port/adjacency.h"
#include "dataplane/port/reserve.h"
#include "version.h"

#define EXIT_WRONG 2 /* configuration or arguments, which no restart mends */

#define TURN_MS	       1 /* of the main lcore, when it has nothing to do */
#define TICKS_A_SECOND 10

struct dataplane {
	struct config config;
	struct eal eal;
	struct ports ports;
	struct reserve reserve;
	struct adjacencies *adjacencies;
	struct workers workers;
	struct table *table;
	struct control_socket *control;
	struct divert_socket *divert; /* NULL: not configured */
	int signals;		      /* signalfd */
};

static const char usage[] =
	"Usage: sallyport-dataplane [--config FILE] [--check]\n"
	"\n"
	"Carries media between the ports that FILE describes, sealing it and\n"
	"opening it as sallyport-control says. Runs until SIGTERM or SIGINT.\n"
	"\n"
	"  -c, --config FILE  default " CONFIG_PATH "\n"
	"      --check        say whether FILE is right, and end\n"
	"      --version\n"
	"      --help\n";

/** Hop keys must not reach a core file, nor another's debugger. */
static void keep_memory_private(void)
{
	static const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		log_line(LOG_WARNING, "switching core dumps off: %s",
			 strerror(errno));
}

/** Signals are read in the main lcore's turn; no thread is interrupted. */
static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		log_line(LOG_ERR, "waiting for signals: %s", strerror(errno));
	return fd;
}

static bool all_virtual(const struct config *c)
{
	for (unsigned i = 0; i < c->ports; i++)
		if (config_is_pci(c->port[i].device))
			return false;
	return true;
}

static const char *cpu_isa(void)
{
	static const struct {
		enum rte_cpu_flag_t flag;
		const char *name;
	} isa[] = {{RTE_CPUFLAG_AVX512F, "AVX-512"},
		   {RTE_CPUFLAG_AVX2, "AVX2"},
		   {RTE_CPUFLAG_AVX, "AVX"}};

	for (unsigned i = 0; i < RTE_DIM(isa); i++)
		if (rte_cpu_get_flag_enabled(isa[i].flag) > 0)
			return isa[i].name;
	return "SSE";
}

static void say_what_is_up(const struct dataplane *d)
{
	char ports[64 * PORT_MAX];
	int at = 0;

	for (unsigned i = 0; i < d->ports.n; i++) {
		const struct port *p = &d->ports.port[i];

		at += snprintf(ports + at, sizeof(ports) - (size_t)at,
			       "%s%s (%s, %s)", i ? ", " : "", p->cfg.name,
			       p->cfg.role, p->cfg.device);
		if (at >= (int)sizeof(ports))
			break;
	}
	log_line(LOG_INFO,
		 "up: ports %s; %u worker%s%s; media ports %u-%u; %s; SRTP by "
		 "%s on a CPU with %s",
		 ports, d->workers.n, d->workers.n > 1 ? "s" : "",
		 d->eal.shared ? " beside the main lcore" : "",
		 d->config.udp_first, d->config.udp_last,
		 d->eal.huge_mib ? "hugepages" : "no hugepages",
		 srtp_ipsec_mb.name, cpu_isa());
}

/** @return whether to stop. */
static bool signal_came(int fd)
{
	struct signalfd_siginfo s;

	return read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s);
}

/** Wait for something to do, at most ms. @return whether to stop. */
static bool wait_and_read(struct dataplane *d, int ms)
{
	struct pollfd p[5] = {
		{.fd = d->signals, .events = POLLIN},
		{.fd = adjacencies_fd(d->adjacencies), .events = POLLIN},
	};
	unsigned n = 2, control_fds;
	int fd[2];

	control_fds = control_socket_fds(d->control, fd);
	for (unsigned i = 0; i < control_fds; i++)
		p[n++] = (struct pollfd){.fd = fd[i], .events = POLLIN};
	if (d->divert)
		p[n] = (struct pollfd){.fd = divert_socket_fd(d->divert),
				       .events = POLLIN};
	if (poll(p, n + (d->divert != NULL), ms) <= 0)
		return false; /* EINTR comes round again */
	if (p[1].revents)
		adjacencies_read(d->adjacencies);
	for (unsigned i = 2; i < n; i++)
		if (p[i].revents) {
			control_socket_read(d->control);
			break;
		}
	if (d->divert && p[n].revents)
		divert_socket_read(d->divert);
	return p[0].revents && signal_came(d->signals);
}

/** What is due ten times a second, and once. */
static void tick(struct dataplane *d, unsigned ticks, bool watchdog)
{
	control_socket_tick(d->control);
	if (ticks % TICKS_A_SECOND)
		return;
	adjacencies_tick(d->adjacencies);
	if (workers_alive(&d->workers) && watchdog)
		notify("WATCHDOG=1");
}

/** The main lcore's duties, until a signal ends them. */
static void run(struct dataplane *d)
{
	uint64_t step = rte_get_timer_hz() / TICKS_A_SECOND;
	uint64_t next = rte_get_timer_cycles() + step;
	bool watchdog = notify_watchdog();
	unsigned ticks = 0, moved = 0;

	while (!wait_and_read(d, moved ? 0 : TURN_MS)) {
		moved = companions_poll(&d->ports);
		control_socket_turn(d->control);
		if (d->divert)
			divert_socket_turn(d->divert);
		adjacencies_work(d->adjacencies);
		if (rte_get_timer_cycles() < next)
			continue;
		next += step;
		tick(d, ++ticks, watchdog);
	}
}

/** @return 0; -1 with the reason logged. */
static int divert_up(struct dataplane *d)
{
	struct divert_socket_config c = {
		.path = d->config.divert,
		.group = d->config.divert_group,
		.slots = d->config.divert_slots,
	};

	if (!c.path)
		return 0;
	d->divert = divert_socket_new(&c, d->workers.w, d->workers.n,
				      d->workers.qsbr);
	return d->divert ? 0 : -1;
}

/* The parts of serve, each with what it is made from. */

static int workers_up(struct dataplane *d)
{
	const struct config *c = &d->config;
	struct workers_options options = {
		.rest = c->rest,
		.rx_burst = c->rx_burst,
	};

	if (c->rest == REST_AUTO)
		options.rest = all_virtual(c) ? REST_ALWAYS : REST_NEVER;
	return workers_new(&d->workers, &d->eal, &options, &d->ports,
			   &srtp_ipsec_mb);
}

static int table_up(struct dataplane *d)
{
	const struct config *c = &d->config;
	struct sp_media_addr media[SP_MEDIA_ADDR_MAX];
	const struct table_limits limits = {
		.transports = c->transports,
		.streams = c->streams,
		.udp_first = c->udp_first,
		.udp_last = c->udp_last,
		.replay_window = c->replay_window,
		.workers = d->workers.n,
		.media_addrs = ports_media(&d->ports, c->udp_first, c->udp_last,
					   media),
	};

	d->table = table_new(&limits, &d->ports, d->adjacencies,
			     d->workers.qsbr, &srtp_ipsec_mb);
	return d->table ? 0 : -1;
}

static int control_up(struct dataplane *d)
{
	const struct config *c = &d->config;
	const struct control_socket_config socket = {
		.path = c->socket,
		.group = c->group,
		.udp_first = c->udp_first,
		.udp_last = c->udp_last,
		.transports = c->transports,
		.streams = c->streams,
	};

	d->control = control_socket_new(&socket, d->table, &d->ports,
					d->workers.w, d->workers.n);
	return d->control ? 0 : -1;
}

/* All is there: reserve the ports, turn, and put them back. */
static int turn(struct dataplane *d)
{
	const struct config *c = &d->config;
	int rc = EXIT_FAILURE;
	char note[256]; /* beside the socket, which is ours by now */

	snprintf(note, sizeof(note), "%s.reserved", c->socket);
	reserve_ports(&d->reserve, c->udp_first, c->udp_last, note);
	if (!workers_start(&d->workers, d->table)) {
		say_what_is_up(d);
		notify("READY=1");
		run(d);
		notify("STOPPING=1");
		rc = EXIT_SUCCESS;
	}
	workers_stop(&d->workers);
	reserve_restore(&d->reserve);
	return rc;
}

static int serve(struct dataplane *d)
{
	int rc = EXIT_FAILURE;

	d->signals = signals_open();
	if (d->signals < 0)
		return rc;
	if (eal_start(&d->eal, &d->config))
		goto no_eal;
	if (ports_up(&d->ports, d->config.port, d->config.ports,
		     d->eal.workers))
		goto no_ports;
	d->adjacencies = adjacencies_new(&d->ports);
	if (!d->adjacencies)
		goto no_adjacencies;
	if (workers_up(d))
		goto no_workers;
	if (table_up(d))
		goto no_table;
	if (control_up(d))
		goto no_control;
	if (divert_up(d))
		goto no_divert;
	rc = turn(d);
	divert_socket_free(d->divert);
no_divert:
	control_socket_free(d->control);
no_control:
	table_free(d->table);
no_table:
	workers_free(&d->workers);
no_workers:
	adjacencies_free(d->adjacencies);
no_adjacencies:
	ports_down(&d->ports);
no_ports:
	eal_stop();
	if (rc == EXIT_SUCCESS)
		log_line(LOG_INFO, "down, nothing left behind");
no_eal:
	close(d->signals);
	return rc;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct dataplane d;
	const char *path = CONFIG_PATH;
	char err[CONF_ERROR_MAX];
	bool check = false;
	int o, rc;

	while ((o = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		switch (o) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			puts("sallyport-dataplane " SP_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_WRONG;
		}
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_WRONG;
	}
	if (config_load(&d.config, path, err)) {
		log_line(LOG_ERR, "%s", err);
		return EXIT_WRONG;
	}
	if (check)
		printf("%s: the dataplane section is right\n", path);
	keep_memory_private();
	rc = check ? EXIT_SUCCESS : serve(&d);
	config_free(&d.config);
	return rc;
}
