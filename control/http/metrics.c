/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: Prometheus' text format 0.0.4. Names and units by its
 * conventions: base units, _total for what only grows, what it is about as
 * labels of few values. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/alarms/alarms.h"
#include "control/calls/totals.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/http/impl.h"
#include "control/sip/sip.h"
#include "control/store/store.h"
#include "version.h"

#define PREFIX "sallyport_"

__attribute__((format(printf, 2, 3))) static void say(FILE *f, const char *fmt,
						      ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	say(f, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help,
	    name, type);
}

static void one(FILE *f, const char *name, const char *type, const char *help,
		uint64_t value)
{
	head(f, name, type, help);
	say(f, PREFIX "%s %" PRIu64 "\n", name, value);
}

/* A label's value: what would end it is escaped. */
static void label(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', f);
		fputc(*text == '\n' ? ' ' : *text, f);
	}
}

/* ----------------------------------------------------------------- calls */

static void binding_count(const struct store_binding *b, void *arg)
{
	*(uint64_t *)arg += b->expires > (int64_t)time(NULL);
}

static void calls_say(FILE *f, const struct http_context *ctx)
{
	struct calls_totals t;
	struct duty_why why;
	uint64_t devices = 0;

	calls_totals(ctx->calls, &t);
	head(f, "calls", "gauge", "Calls in progress.");
	say(f,
	    PREFIX "calls{state=\"ringing\",encryption=\"hop\"} %u\n" PREFIX
		   "calls{state=\"up\",encryption=\"hop\"} %u\n" PREFIX
		   "calls{state=\"up\",encryption=\"end-to-end\"} %u\n",
	    t.ringing, t.up - t.up_e2ee, t.up_e2ee);
	one(f, "calls_begun_total", "counter", "Calls that were begun.",
	    t.begun);
	head(f, "calls_ended_total", "counter",
	     "Calls that have ended, by what became of them.");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		say(f, PREFIX "calls_ended_total{outcome=\"%s\"} %" PRIu64 "\n",
		    outcome_names[i], t.ended[i]);
	one(f, "calls_end_to_end_total", "counter",
	    "Calls that have ended and were end-to-end encrypted.", t.e2ee);
	one(f, "features_refused_total", "counter",
	    "Features that end-to-end encrypted calls refused.", t.refused);
	one(f, "conversation_seconds_total", "counter",
	    "Seconds between answer and end, of calls that have ended.",
	    t.seconds);
	store_binding_list(ctx->store, NULL, binding_count, &devices);
	one(f, "registered_devices", "gauge", "Devices that are registered.",
	    devices);
	if (ctx->duties) {
		one(f, "media_up", "gauge",
		    "1 where sallyport-media is connected.",
		    duties_up(ctx->duties, &why));
		one(f, "transcoded_calls", "gauge", "Calls being transcoded.",
		    duties_transcodings(ctx->duties));
	}
}

static void guard_say(FILE *f, const struct http_context *ctx)
{
	json_t *counters, *bans, *v;
	const char *name;

	if (!ctx->sip)
		return;
	counters = door_guard_counters(ctx->sip);
	bans = door_bans(ctx->sip);
	head(f, "sip_guard_total", "counter",
	     "What the SIP door's limits passed, dropped and refused.");
	json_object_foreach (counters, name, v) {
		say(f, PREFIX "sip_guard_total{what=\"");
		label(f, name);
		say(f, "\"} %lld\n", (long long)json_integer_value(v));
	}
	one(f, "sip_banned_sources", "gauge", "Sources that are banned.",
	    json_array_size(bans));
	json_decref(counters);
	json_decref(bans);
}

static void alarms_say(FILE *f, const struct alarms *a)
{
	if (!a)
		return;
	head(f, "alarm", "gauge", "1 where there is such an alarm.");
	for (unsigned k = 0; k < ALARM_KINDS; k++)
		say(f, PREFIX "alarm{name=\"%s\"} %d\n",
		    alarm_name((enum alarm)k),
		    alarms_count(a, (enum alarm)k) > 0);
}

/* ------------------------------------------------------------- dataplane */

#define PORTS_MAX 16

struct ports {
	struct sp_port port[PORTS_MAX];
	unsigned n;
};

static void port_item(const struct sp_port *p, void *arg)
{
	struct ports *l = arg;

	if (l->n < PORTS_MAX)
		l->port[l->n++] = *p;
}

/* One family for each field of struct sp_port that counts. */
static const struct {
	const char *name, *help;
	size_t offset;
} port_fields[] = {
#define FIELD(name, field, help)                            \
	{                                                   \
		name, help, offsetof(struct sp_port, field) \
	}
	FIELD("port_receive_packets_total", rx_packets, "Packets received."),
	FIELD("port_receive_bytes_total", rx_octets, "Octets received."),
	FIELD("port_transmit_packets_total", tx_packets, "Packets sent."),
	FIELD("port_transmit_bytes_total", tx_octets, "Octets sent."),
	FIELD("port_receive_missed_total", rx_missed,
	      "Packets that the device dropped for want of buffers."),
	FIELD("port_transmit_dropped_total", tx_dropped,
	      "Packets that the device didn't take."),
	FIELD("port_to_kernel_packets_total", to_kernel,
	      "Packets given to the kernel."),
	FIELD("port_from_kernel_packets_total", from_kernel,
	      "Packets taken from the kernel."),
#undef FIELD
};

static void port_labels(FILE *f, const char *name, const struct sp_port *p)
{
	say(f, PREFIX "%s{port=\"", name);
	label(f, p->name);
	say(f, "\",role=\"");
	label(f, p->role);
	say(f, "\"} ");
}

static void ports_say(FILE *f, struct dp *dp)
{
	struct ports l = {.n = 0};

	if (dp_list_ports(dp, port_item, &l) != SP_OK)
		return;
	for (size_t i = 0; i < sizeof(port_fields) / sizeof(*port_fields);
	     i++) {
		head(f, port_fields[i].name, "counter", port_fields[i].help);
		for (unsigned k = 0; k < l.n; k++) {
			port_labels(f, port_fields[i].name, &l.port[k]);
			say(f, "%" PRIu64 "\n",
			    *(const uint64_t *)((const char *)&l.port[k] +
						port_fields[i].offset));
		}
	}
	head(f, "port_link_up", "gauge", "1 where the link is up.");
	for (unsigned k = 0; k < l.n; k++) {
		port_labels(f, "port_link_up", &l.port[k]);
		say(f, "%u\n", l.port[k].link_up);
	}
}

static void verdict_item(const struct sp_verdict_count *v, void *arg)
{
	static const char *const severities[] = {"expected", "notice", "wrong"};

	say(arg, PREFIX "discarded_packets_total{verdict=\"");
	label(arg, v->name);
	say(arg, "\",severity=\"%s\"} %" PRIu64 "\n",
	    severities[v->severity % 3], v->count);
}

/* ------------------------------------------------------- its workers' load */

struct workers {
	struct sp_worker worker[SP_WORKER_MAX];
	unsigned n;
};

static void worker_item(const struct sp_worker *w, void *arg)
{
	struct workers *l = arg;

	if (l->n < SP_WORKER_MAX)
		l->worker[l->n++] = *w;
}

static void worker_counter(FILE *f, const struct workers *l, const char *name,
			   const char *help, size_t offset)
{
	head(f, name, "counter", help);
	for (unsigned i = 0; i < l->n; i++)
		say(f, PREFIX "%s{worker=\"%u\",lcore=\"%u\"} %" PRIu64 "\n",
		    name, l->worker[i].id, l->worker[i].lcore,
		    *(const uint64_t *)((const char *)&l->worker[i] + offset));
}

/* Turns that found a packet, of all turns, is how busy a worker that polls is:
 * the time that a CPU spends there is always all of it. */
static void workers_say(FILE *f, struct dp *dp)
{
	struct workers l = {.n = 0};

	if (dp_list_workers(dp, worker_item, &l) != SP_OK)
		return;
	worker_counter(f, &l, "worker_turns_total",
		       "Turns that a worker has taken.",
		       offsetof(struct sp_worker, turns));
	worker_counter(f, &l, "worker_idle_turns_total",
		       "Turns of a worker that found no packet.",
		       offsetof(struct sp_worker, idle_turns));
}

static void transport_count(const struct sp_transport *t, void *arg)
{
	(void)t;
	++*(uint64_t *)arg;
}

static void dataplane_say(FILE *f, struct dp *dp)
{
	const struct sp_greeting *g = dp_greeting(dp);
	uint64_t transports = 0;

	one(f, "dataplane_connected", "gauge",
	    "1 where the dataplane is connected.", dp_connected(dp));
	if (!g || !dp_connected(dp))
		return;
	one(f, "dataplane_start_time_seconds", "gauge",
	    "When the dataplane was started, UNIX time.", g->started);
	one(f, "dataplane_workers", "gauge", "Workers of the dataplane.",
	    g->n_workers);
	one(f, "transports_max", "gauge", "Transports that there may be.",
	    g->transports_max);
	if (dp_list_transports(dp, transport_count, &transports) == SP_OK)
		one(f, "transports", "gauge", "Transports in the dataplane.",
		    transports);
	head(f, "discarded_packets_total", "counter",
	     "Packets that went no further, by verdict.");
	dp_list_verdicts(dp, verdict_item, f);
	ports_say(f, dp);
	workers_say(f, dp);
}

void api_metrics(const struct request *rq, struct reply *rp)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	if (!f) {
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	head(f, "build_info", "gauge", "1, with the version as label.");
	say(f, PREFIX "build_info{version=\"%s\"} 1\n", SP_VERSION);
	calls_say(f, rq->ctx);
	guard_say(f, rq->ctx);
	alarms_say(f, rq->ctx->alarms);
	dataplane_say(f, rq->ctx->dp);
	if (fclose(f) != 0) {
		free(text);
		reply_error(rp, 500, "no-memory", "Out of memory");
		return;
	}
	rp->status = 200;
	rp->type = "text/plain; version=0.0.4; charset=utf-8";
	rp->text = text;
}
