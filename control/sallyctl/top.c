/* SPDX-License-Identifier: Apache-2.0 */
/* sallyctl top: calls and ports, live. Rates are of the time between two
 * looks. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

#define COLUMNS(c) (sizeof(c) / sizeof((c)[0]))

/* What two looks are compared by. */
struct look {
	double at; /* seconds, monotonic */
	json_t *stats, *ports, *calls;
};

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void look_free(struct look *l)
{
	json_decref(l->stats);
	json_decref(l->ports);
	json_decref(l->calls);
	memset(l, 0, sizeof(*l));
}

static enum exit_status look_take(const struct invocation *in, struct look *l)
{
	const char *socket = in->option[OPTION_SOCKET];
	enum exit_status end;

	end = client_request(socket, "GET", "/stats", NULL, &l->stats);
	if (end == EXIT_DONE)
		end = client_request(socket, "GET", "/ports", NULL, &l->ports);
	if (end == EXIT_DONE)
		end = client_request(socket, "GET", "/calls", NULL, &l->calls);
	l->at = now();
	return end;
}

static double number(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

/* How fast a counter of the port has grown. */
static void rate(struct grid *g, const struct look *a, const struct look *b,
		 size_t port, const char *key, double unit)
{
	const json_t *before = json_array_get(a->ports, port);
	const json_t *after = json_array_get(b->ports, port);

	if (!before || b->at <= a->at)
		grid_text(g, NULL);
	else
		grid_printf(g, "%.1f",
			    (number(after, key) - number(before, key)) /
				    (b->at - a->at) * unit);
}

static void ports_show(const struct look *a, const struct look *b)
{
	static const struct column columns[] = {
		{"PORT", 0},	   {"ROLE", 0},	     {"LINK", 0},
		{"IN kpps", 1},	   {"IN Mbit/s", 1}, {"OUT kpps", 1},
		{"OUT Mbit/s", 1}, {"MISSED", 1},    {"UNSENT", 1},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *p;
	size_t i;

	json_array_foreach (b->ports, i, p) {
		grid_text(g, show_text(p, "name"));
		grid_text(g, show_text(p, "role"));
		grid_text(g, json_is_true(json_object_get(p, "link_up"))
				     ? "up"
				     : "down");
		rate(g, a, b, i, "rx_packets", 1e-3);
		rate(g, a, b, i, "rx_octets", 8e-6);
		rate(g, a, b, i, "tx_packets", 1e-3);
		rate(g, a, b, i, "tx_octets", 8e-6);
		grid_count(g, (json_int_t)number(p, "rx_missed"));
		grid_count(g, (json_int_t)number(p, "tx_dropped"));
	}
	grid_print(g, "No ports.");
}

/* Discards since the look before, those that matter. */
static void verdicts_show(const struct look *a, const struct look *b)
{
	const json_t *before = json_object_get(a->stats, "verdicts");
	const json_t *after = json_object_get(b->stats, "verdicts");
	json_t *v;
	size_t i;

	printf("discarded now:");
	json_array_foreach (after, i, v) {
		double n = number(v, "count") -
			   number(json_array_get(before, i), "count");

		if (a->stats && n > 0 &&
		    strcmp(show_text(v, "severity"), "expected") != 0)
			printf("  %s %.0f/s", show_text(v, "name"),
			       n / (b->at - a->at));
	}
	printf("\n\n");
}

static double worst_jitter(const json_t *call, double *lost)
{
	json_t *m, *s;
	double jitter = 0;
	size_t i, k;

	*lost = 0;
	json_array_foreach (json_object_get(call, "media"), i, m) {
		json_array_foreach (json_object_get(m, "streams"), k, s) {
			if (number(s, "jitter_ms") > jitter)
				jitter = number(s, "jitter_ms");
			*lost += number(s, "lost");
		}
	}
	return jitter;
}

static void calls_show(const struct look *b, unsigned rows)
{
	static const struct column columns[] = {
		{"CALL", 1},	  {"STATE", 0}, {"FROM", 0},	  {"TO", 0},
		{"PROTECTED", 0}, {"UP s", 1},	{"JITTER ms", 1}, {"LOST", 1},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *c;
	size_t i;

	json_array_foreach (b->calls, i, c) {
		double lost, jitter = worst_jitter(c, &lost);
		time_t answered = (time_t)number(c, "answered");

		if (i == rows)
			break;
		grid_printf(g, "%.0f", number(c, "id"));
		grid_text(g, show_text(c, "state"));
		grid_text(g, show_text(c, "from"));
		grid_text(g, show_text(c, "to"));
		grid_text(g, json_is_true(json_object_get(c, "e2ee"))
				     ? "end to end"
				     : "hop by hop");
		if (answered)
			grid_printf(g, "%ld", (long)(time(NULL) - answered));
		else
			grid_text(g, NULL);
		grid_printf(g, "%.1f", jitter);
		grid_printf(g, "%.0f", lost);
	}
	grid_print(g, "No call is in progress.");
	if (json_array_size(b->calls) > rows)
		printf("... and %zu more\n", json_array_size(b->calls) - rows);
}

static void frame(const struct look *a, const struct look *b, unsigned rows)
{
	char at[16];
	time_t t = time(NULL);
	struct tm tm;

	strftime(at, sizeof(at), "%H:%M:%S", localtime_r(&t, &tm));
	printf("sallyport %s   calls %.0f   transports %.0f of %.0f   "
	       "workers %.0f\n\n",
	       at, number(b->stats, "calls"), number(b->stats, "transports"),
	       number(b->stats, "transports_max"), number(b->stats, "workers"));
	ports_show(a, b);
	putchar('\n');
	verdicts_show(a, b);
	calls_show(b, rows);
}

static unsigned rows_left(const struct look *b)
{
	struct winsize w = {0};
	unsigned taken = 9 + (unsigned)json_array_size(b->ports);

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_row)
		w.ws_row = 24;
	return w.ws_row > taken + 3 ? w.ws_row - taken : 3;
}

/* A second, or until a key. @return false: q was pressed. */
static bool pause_for(int ms, bool keys)
{
	struct pollfd p = {STDIN_FILENO, POLLIN, 0};
	char c;

	if (poll(keys ? &p : NULL, keys ? 1 : 0, ms) <= 0)
		return !ended;
	return read(STDIN_FILENO, &c, 1) == 1 && c != 'q' && c != 'Q';
}

/* A screen of its own, no echo; puts both back. */
static void screen(bool on, const struct termios *before)
{
	struct termios raw = *before;

	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	tcsetattr(STDIN_FILENO, TCSANOW, on ? &raw : before);
	fputs(on ? "\033[?1049h\033[?25l" : "\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

enum exit_status top(const struct invocation *in)
{
	struct look a = {0}, b = {0};
	struct termios before;
	bool live = !in->option[OPTION_ONCE] && isatty(STDOUT_FILENO) &&
		    tcgetattr(STDIN_FILENO, &before) == 0;
	enum exit_status end = look_take(in, &a);

	signal(SIGINT, on_end);
	signal(SIGTERM, on_end);
	if (live && end == EXIT_DONE)
		screen(true, &before);
	while (end == EXIT_DONE && pause_for(1000, live)) {
		end = look_take(in, &b);
		if (end != EXIT_DONE)
			break;
		if (live)
			fputs("\033[H\033[J", stdout);
		frame(&a, &b, live ? rows_left(&b) : 1000);
		fflush(stdout);
		look_free(&a);
		a = b;
		memset(&b, 0, sizeof(b));
		if (!live)
			break;
	}
	if (live)
		screen(false, &before);
	look_free(&a);
	look_free(&b);
	return end;
}
