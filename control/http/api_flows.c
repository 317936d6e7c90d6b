/* SPDX-License-Identifier: Apache-2.0 */
/* What the dataplane has and counts: transports with their streams, ports,
 * verdicts. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "control/calls/call.h"
#include "control/dataplane/dp.h"
#include "control/http/impl.h"

static void dataplane_away(struct reply *rp)
{
	reply_error(rp, 503, "dataplane-away",
		    "The dataplane isn't connected; is sallyport-dataplane "
		    "running?");
}

static json_t *addr_json(const struct sp_addr *a)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 10];

	if (!a->family)
		return json_null();
	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, ip, sizeof(ip));
	snprintf(text, sizeof(text), a->family == 6 ? "[%s]:%u" : "%s:%u", ip,
		 a->port);
	return json_string(text);
}

static json_t *local_json(const struct sp_greeting *g,
			  const struct sp_transport *t)
{
	struct sp_addr a = {0};

	if (g && t->media_addr < g->n_media)
		a = g->media[t->media_addr].addr;
	a.port = t->rtp_port;
	return addr_json(&a);
}

static const char *suite_name(uint16_t id)
{
	const struct sp_suite_info *s = sp_suite_info(id);

	return s ? s->name : "plain";
}

/* -------------------------------------------------------------- GET /flows */

struct flows {
	const struct sp_greeting *g;
	json_t *list;	 /* of transports */
	json_t *by_id;	 /* the same, by id as text */
	json_t *streams; /* in the order of the list of streams */
};

static void transport_item(const struct sp_transport *t, void *arg)
{
	struct flows *f = arg;
	char id[24];
	json_t *j;

	j = json_pack("{s:I, s:I, s:o, s:o, s:o, s:b, s:b, s:s, s:s, s:i, s:I, "
		      "s:I, s:[]}",
		      "id", (json_int_t)t->id, "call", (json_int_t)t->call,
		      "local", local_json(f->g, t), "peer",
		      addr_json(&t->peer_rtp), "peer_rtcp",
		      addr_json(&t->peer_rtcp), "rtcp_mux",
		      !!(t->flags & SP_TRANSPORT_RTCP_MUX), "e2ee",
		      !!(t->flags & SP_TRANSPORT_E2EE), "suite_rx",
		      suite_name(t->rx.suite), "suite_tx",
		      suite_name(t->tx.suite), "dscp", t->dscp, "max_pps",
		      (json_int_t)t->max_pps, "max_octets",
		      (json_int_t)t->max_octets, "streams");
	snprintf(id, sizeof(id), "%llu", (unsigned long long)t->id);
	json_object_set(f->by_id, id, j);
	json_array_append_new(f->list, j);
}

static void stream_item(const struct sp_stream *s, void *arg)
{
	static const char *const how[] = {"none", "copy", "take"};
	struct flows *f = arg;
	char from[24];
	json_t *j;

	j = json_pack("{s:I, s:I, s:b, s:I, s:s}", "id", (json_int_t)s->id,
		      "to", (json_int_t)s->to, "blocked", s->blocked, "clock",
		      (json_int_t)s->clock, "divert",
		      s->divert <= SP_DIVERT_TAKE ? how[s->divert] : "?");
	snprintf(from, sizeof(from), "%llu", (unsigned long long)s->from);
	json_array_append(
		json_object_get(json_object_get(f->by_id, from), "streams"), j);
	json_array_append_new(f->streams, j);
}

static void stats_add(json_t *stream, struct dp *dp)
{
	uint64_t id =
		(uint64_t)json_integer_value(json_object_get(stream, "id"));
	struct sp_stats s;
	json_t *j;

	if (dp_stats(dp, id, &s) != SP_OK)
		return; /* gone meanwhile */
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, "
		      "s:o, s:o, s:I, s:o}",
		      "packets_in", (json_int_t)s.packets_in, "octets_in",
		      (json_int_t)s.octets_in, "packets_out",
		      (json_int_t)s.packets_out, "octets_out",
		      (json_int_t)s.octets_out, "rtcp_in",
		      (json_int_t)s.rtcp_in, "rtcp_out", (json_int_t)s.rtcp_out,
		      "dropped", (json_int_t)s.dropped, "lost",
		      (json_int_t)s.lost, "ssrc", (json_int_t)s.ssrc,
		      "jitter_ms", s.jitter_us / 1000.0, "rtt_ms",
		      s.rtt_us / 1000.0, "silent_ms",
		      s.silent_ms == UINT32_MAX ? json_null()
						: json_integer(s.silent_ms),
		      "source", addr_json(&s.source), "roc",
		      (json_int_t)s.rx_roc, "mos",
		      s.mos ? json_real(s.mos / 100.0) : json_null());
	json_object_update_missing_new(stream, j);
}

void api_flows(const struct request *rq, struct reply *rp)
{
	struct dp *dp = rq->ctx->dp;
	struct flows f = {dp_greeting(dp), json_array(), json_object(),
			  json_array()};
	json_t *stream;
	size_t i;

	if (dp_list_transports(dp, transport_item, &f) == SP_OK &&
	    dp_list_streams(dp, stream_item, &f) == SP_OK) {
		json_array_foreach (f.streams, i, stream)
			stats_add(stream, dp);
		reply_ok(rp, json_incref(f.list));
	} else {
		dataplane_away(rp);
	}
	json_decref(f.list);
	json_decref(f.by_id);
	json_decref(f.streams);
}

/* -------------------------------------------------------------- GET /ports */

static void port_item(const struct sp_port *p, void *arg)
{
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0],
		 p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	json_array_append_new(
		arg,
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:I, s:I, s:I, "
			  "s:I, s:I, s:I, s:I, s:I}",
			  "name", p->name, "role", p->role, "driver", p->driver,
			  "mac", mac, "link_up", p->link_up, "queues",
			  p->queues, "mtu", p->mtu, "rx_packets",
			  (json_int_t)p->rx_packets, "rx_octets",
			  (json_int_t)p->rx_octets, "tx_packets",
			  (json_int_t)p->tx_packets, "tx_octets",
			  (json_int_t)p->tx_octets, "rx_missed",
			  (json_int_t)p->rx_missed, "tx_dropped",
			  (json_int_t)p->tx_dropped, "to_kernel",
			  (json_int_t)p->to_kernel, "from_kernel",
			  (json_int_t)p->from_kernel));
}

void api_ports(const struct request *rq, struct reply *rp)
{
	json_t *list = json_array();

	if (dp_list_ports(rq->ctx->dp, port_item, list) == SP_OK) {
		reply_ok(rp, list);
	} else {
		json_decref(list);
		dataplane_away(rp);
	}
}

/* -------------------------------------------------------------- GET /stats */

static void verdict_item(const struct sp_verdict_count *v, void *arg)
{
	static const char *const severities[] = {"expected", "notice", "wrong"};

	json_array_append_new(
		arg,
		json_pack("{s:s, s:I, s:s, s:s, s:s}", "name", v->name, "count",
			  (json_int_t)v->count, "unit", v->unit, "severity",
			  severities[v->severity % 3], "meaning", v->meaning));
}

static void worker_item(const struct sp_worker *w, void *arg)
{
	json_array_append_new(arg, json_pack("{s:i, s:i, s:I, s:I}", "worker",
					     w->id, "lcore", w->lcore, "turns",
					     (json_int_t)w->turns, "idle_turns",
					     (json_int_t)w->idle_turns));
}

struct totals {
	json_int_t rx_packets, rx_octets, tx_packets, tx_octets;
	unsigned transports;
};

static void port_total(const struct sp_port *p, void *arg)
{
	struct totals *t = arg;

	t->rx_packets += (json_int_t)p->rx_packets;
	t->rx_octets += (json_int_t)p->rx_octets;
	t->tx_packets += (json_int_t)p->tx_packets;
	t->tx_octets += (json_int_t)p->tx_octets;
}

static void transport_total(const struct sp_transport *x, void *arg)
{
	(void)x;
	((struct totals *)arg)->transports++;
}

void api_stats(const struct request *rq, struct reply *rp)
{
	struct dp *dp = rq->ctx->dp;
	const struct sp_greeting *g = dp_greeting(dp);
	json_t *verdicts = json_array(), *load = json_array();
	struct totals t = {0};

	if (dp_list_verdicts(dp, verdict_item, verdicts) != SP_OK ||
	    dp_list_workers(dp, worker_item, load) != SP_OK ||
	    dp_list_ports(dp, port_total, &t) != SP_OK ||
	    dp_list_transports(dp, transport_total, &t) != SP_OK || !g) {
		json_decref(verdicts);
		json_decref(load);
		dataplane_away(rp);
		return;
	}
	reply_ok(rp,
		 json_pack("{s:i, s:i, s:I, s:i, s:I, s:{s:I, s:I, s:I, s:I}, "
			   "s:o, s:o}",
			   "calls", (int)calls_count(rq->ctx->calls),
			   "transports", (int)t.transports, "transports_max",
			   (json_int_t)g->transports_max, "workers",
			   g->n_workers, "dataplane_started",
			   (json_int_t)g->started, "ports", "rx_packets",
			   t.rx_packets, "rx_octets", t.rx_octets, "tx_packets",
			   t.tx_packets, "tx_octets", t.tx_octets, "verdicts",
			   verdicts, "worker_load", load));
}
