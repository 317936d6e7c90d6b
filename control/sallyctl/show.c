/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the API as tables for people. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"
#include "version.h"

#define COLUMNS(c) (sizeof(c) / sizeof((c)[0]))

static const char *text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

const char *show_text(const json_t *j, const char *key)
{
	return text(j, key);
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static double real(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static const char *when(json_int_t unix_time, char out[32])
{
	time_t t = (time_t)unix_time;
	struct tm tm;

	if (!unix_time || !localtime_r(&t, &tm) ||
	    !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		return "-";
	return out;
}

/* Seconds as 1:02:03 or 2:03. */
static void duration(struct grid *g, json_int_t s)
{
	if (s < 0)
		s = 0;
	if (s >= 3600)
		grid_printf(g, "%d:%02d:%02d", (int)(s / 3600),
			    (int)(s / 60 % 60), (int)(s % 60));
	else
		grid_printf(g, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

void show_version(const json_t *j, const struct invocation *in)
{
	char at[32];

	(void)in;
	printf("sallyctl   %s\n"
	       "control    %s (API %s)\n",
	       SP_VERSION, text(j, "version"), text(j, "api"));
	if (json_is_true(json_object_get(j, "dataplane_connected")))
		printf("dataplane  connected, started %s\n",
		       when(number(j, "dataplane_started"), at));
	else
		printf("dataplane  not connected\n");
}

/* ----------------------------------------------------------- calls, records */

/* "audio opus/48000/2, plain | AES_CM_128_HMAC_SHA1_80" */
static void media(struct grid *g, const json_t *call)
{
	json_t *line;
	char out[512] = "";
	size_t i, n = 0;

	json_array_foreach (json_object_get(call, "media"), i, line) {
		const json_t *legs = json_object_get(line, "legs");
		const json_t *a = json_array_get(legs, 0);
		const json_t *b = json_array_get(legs, 1);
		bool other = json_is_true(json_object_get(line, "transcoded"));

		if (!json_is_true(json_object_get(line, "active")) ||
		    n >= sizeof(out))
			continue;
		n += (size_t)snprintf(out + n, sizeof(out) - n,
				      "%s%s %s%s%s, %s | %s", n ? "; " : "",
				      text(line, "kind"), text(a, "codec"),
				      other ? " to " : "",
				      other ? text(b, "codec") : "",
				      text(a, "suite_rx"), text(b, "suite_rx"));
	}
	if (json_is_string(json_object_get(call, "recording")) &&
	    n < sizeof(out))
		snprintf(out + n, sizeof(out) - n, "; recorded");
	grid_text(g, out);
}

static void call_row(struct grid *g, const json_t *c)
{
	json_int_t answered = number(c, "answered");

	grid_printf(g, "%" JSON_INTEGER_FORMAT, number(c, "id"));
	grid_text(g, text(c, "state"));
	grid_text(g, text(c, "from"));
	grid_text(g, text(c, "to"));
	grid_text(g, json_is_true(json_object_get(c, "e2ee")) ? "end to end"
							      : "hop by hop");
	if (answered)
		duration(g, (json_int_t)time(NULL) - answered);
	else
		grid_text(g, NULL);
	media(g, c);
}

static const struct column call_columns[] = {
	{"ID", 1},
	{"STATE", 0},
	{"FROM", 0},
	{"TO", 0},
	{"PROTECTED", 0},
	{"UP", 1},
	{"MEDIA (caller's leg | callee's)", 0},
};

void show_calls(const json_t *j, const struct invocation *in)
{
	struct grid *g = grid_new(call_columns, COLUMNS(call_columns));
	json_t *c;
	size_t i;

	(void)in;
	json_array_foreach (j, i, c)
		call_row(g, c);
	grid_print(g, "No call is in progress.");
}

void show_call(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"MEDIA", 0},	{"FROM", 0}, {"PACKETS IN", 1}, {"OUT", 1},
		{"DROPPED", 1}, {"LOST", 1}, {"JITTER ms", 1},
	};
	struct grid *g = grid_new(call_columns, COLUMNS(call_columns));
	json_t *line, *s;
	size_t i, k;

	(void)in;
	call_row(g, j);
	grid_print(g, "");
	printf("\n");
	g = grid_new(columns, COLUMNS(columns));
	json_array_foreach (json_object_get(j, "media"), i, line) {
		json_array_foreach (json_object_get(line, "streams"), k, s) {
			grid_text(g, text(line, "kind"));
			grid_text(g, k ? "callee" : "caller");
			grid_count(g, number(s, "packets_in"));
			grid_count(g, number(s, "packets_out"));
			grid_count(g, number(s, "dropped"));
			grid_count(g, number(s, "lost"));
			grid_printf(g, "%.1f", real(s, "jitter_ms"));
		}
	}
	grid_print(g, "It has no media yet.");
}

void show_records(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"ID", 1},     {"STARTED", 0}, {"FROM", 0},	{"TO", 0},
		{"LASTED", 1}, {"STATUS", 1},  {"ENDED BY", 0}, {"REASON", 0},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	char at[32];
	json_t *r;
	size_t i;

	json_array_foreach (j, i, r) {
		grid_printf(g, "%" JSON_INTEGER_FORMAT, number(r, "id"));
		grid_text(g, when(number(r, "started"), at));
		grid_text(g, text(r, "from"));
		grid_text(g, text(r, "to"));
		duration(g, number(r, "seconds"));
		grid_printf(g, "%" JSON_INTEGER_FORMAT, number(r, "status"));
		grid_text(g, text(r, "ended_by"));
		grid_text(g, text(r, "reason"));
	}
	grid_print(g, in->option[OPTION_SEARCH] || in->option[OPTION_FROM] ||
				      in->option[OPTION_UNTIL] ||
				      in->option[OPTION_KIND]
			      ? "No call record fits."
			      : "There are no call records yet.");
}

void show_ended(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("Call %" JSON_INTEGER_FORMAT " is being ended.\n",
	       number(j, "ended"));
}

/* ------------------------------------------------------------- dataplane */

static void flow_row(struct grid *g, const json_t *t, const json_t *s)
{
	const json_t *silent = json_object_get(s, "silent_ms");

	grid_printf(g, "%" JSON_INTEGER_FORMAT, number(t, "call"));
	grid_text(g, text(t, "local"));
	grid_text(g, text(t, "peer"));
	grid_text(g, text(s, "source"));
	grid_text(g, text(t, "suite_rx"));
	grid_text(g, text(t, "suite_tx"));
	grid_text(g, json_is_true(json_object_get(t, "e2ee")) ? "e2ee" : NULL);
	grid_count(g, number(s, "packets_in"));
	grid_count(g, number(s, "dropped"));
	grid_count(g, number(s, "lost"));
	grid_printf(g, "%.1f", real(s, "jitter_ms"));
	if (json_is_number(json_object_get(s, "mos")))
		grid_printf(g, "%.1f", real(s, "mos"));
	else
		grid_text(g, "");
	if (json_is_true(json_object_get(s, "blocked")))
		grid_text(g, "on hold");
	else if (!json_is_integer(silent))
		grid_text(g, "nothing yet");
	else if (json_integer_value(silent) < 1000)
		grid_text(g, "flowing");
	else
		grid_printf(g, "silent %.0f s",
			    (double)json_integer_value(silent) / 1000);
}

void show_flows(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"CALL", 1},	   {"LOCAL", 0},      {"PEER", 0},
		{"HEARD FROM", 0}, {"ARRIVES AS", 0}, {"LEAVES AS", 0},
		{"MARK", 0},	   {"PACKETS", 1},    {"DROPPED", 1},
		{"LOST", 1},	   {"JITTER ms", 1},  {"MOS", 1},
		{"MEDIA", 0},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *t, *s;
	size_t i, k;

	(void)in;
	json_array_foreach (j, i, t) {
		json_array_foreach (json_object_get(t, "streams"), k, s)
			flow_row(g, t, s);
	}
	grid_print(g, "The dataplane has no flows.");
}

void show_ports(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"PORT", 0},	 {"ROLE", 0},	   {"DRIVER", 0},
		{"MAC", 0},	 {"LINK", 0},	   {"MTU", 1},
		{"RECEIVED", 1}, {"SENT", 1},	   {"MISSED", 1},
		{"UNSENT", 1},	 {"TO KERNEL", 1}, {"FROM KERNEL", 1},
	};
	static const char *const counts[] = {
		"rx_packets", "tx_packets", "rx_missed",
		"tx_dropped", "to_kernel",  "from_kernel",
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *p;
	size_t i;

	(void)in;
	json_array_foreach (j, i, p) {
		grid_text(g, text(p, "name"));
		grid_text(g, text(p, "role"));
		grid_text(g, text(p, "driver"));
		grid_text(g, text(p, "mac"));
		grid_text(g, json_is_true(json_object_get(p, "link_up"))
				     ? "up"
				     : "down");
		grid_printf(g, "%" JSON_INTEGER_FORMAT, number(p, "mtu"));
		for (size_t c = 0; c < COLUMNS(counts); c++)
			grid_count(g, number(p, counts[c]));
	}
	grid_print(g, "The dataplane has no ports.");
}

void show_stats(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"COUNT", 1}, {"VERDICT", 0}, {"", 0}, {"MEANING", 0}};
	const json_t *ports = json_object_get(j, "ports");
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *v;
	size_t i;

	printf("calls       %" JSON_INTEGER_FORMAT "\n"
	       "transports  %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
	       "\n"
	       "workers     %" JSON_INTEGER_FORMAT "\n"
	       "received    %" JSON_INTEGER_FORMAT
	       " packets, %" JSON_INTEGER_FORMAT " octets\n"
	       "sent        %" JSON_INTEGER_FORMAT
	       " packets, %" JSON_INTEGER_FORMAT " octets\n\n",
	       number(j, "calls"), number(j, "transports"),
	       number(j, "transports_max"), number(j, "workers"),
	       number(ports, "rx_packets"), number(ports, "rx_octets"),
	       number(ports, "tx_packets"), number(ports, "tx_octets"));
	json_array_foreach (json_object_get(j, "verdicts"), i, v) {
		const char *severity = text(v, "severity");

		if (!number(v, "count") && !in->option[OPTION_ALL])
			continue;
		grid_count(g, number(v, "count"));
		grid_text(g, text(v, "name"));
		grid_text(g, severity && strcmp(severity, "expected") != 0
				     ? severity
				     : " ");
		grid_text(g, text(v, "meaning"));
	}
	grid_print(g, "No packet has been discarded.");
}

/* ----------------------------------------------------------------- users */

static void suites(struct grid *g, const json_t *user)
{
	json_t *s;
	char out[512] = "";
	size_t i, n = 0;
	const char *media_kind = text(user, "media");

	if (media_kind && strcmp(media_kind, "plain") == 0) {
		grid_text(g, NULL);
		return;
	}
	json_array_foreach (json_object_get(user, "suites"), i, s) {
		if (n < sizeof(out))
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s",
					      n ? ", " : "",
					      json_string_value(s));
	}
	grid_text(g, out);
}

void show_users(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"NAME", 0}, {"MEDIA", 0}, {"DISPLAY", 0}, {"SUITES", 0}};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *u;
	size_t i;

	(void)in;
	json_array_foreach (j, i, u) {
		grid_text(g, text(u, "name"));
		grid_text(g, text(u, "media"));
		grid_text(g, text(u, "display"));
		suites(g, u);
	}
	grid_print(g, "There are no users; \"sallyctl users add NAME\" makes "
		      "one.");
}

void show_added(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("User %s is there (media: %s).\n", text(j, "name"),
	       text(j, "media"));
}

void show_removed(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("User %s is gone.\n", text(j, "removed"));
}

void show_registrations(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"USER", 0},	  {"CONTACT", 0},    {"FROM", 0},
		{"TRANSPORT", 0}, {"EXPIRES IN", 1}, {"DEVICE", 0},
	};
	struct grid *g = grid_new(columns, COLUMNS(columns));
	json_t *r;
	size_t i;

	(void)in;
	json_array_foreach (j, i, r) {
		grid_text(g, text(r, "user"));
		grid_text(g, text(r, "contact"));
		grid_text(g, text(r, "source"));
		grid_text(g, text(r, "transport"));
		duration(g, number(r, "expires_in"));
		grid_text(g, text(r, "user_agent"));
	}
	grid_print(g, "No device is registered.");
}
