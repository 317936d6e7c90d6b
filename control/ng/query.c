/* SPDX-License-Identifier: Apache-2.0 */
/* query, list and statistics: what goes on, in the words that proxies read. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/subscription.h"
#include "control/ng/impl.h"
#include "dataplane/abi/suite.h"

#define LIST_DEFAULT 32

static json_t *text(const char *s)
{
	return json_stringn_nocheck(s, strlen(s));
}

static void add(json_t *o, const char *key, json_int_t n)
{
	json_object_set_new(
		o, key,
		json_integer(json_integer_value(json_object_get(o, key)) + n));
}

/* The member of that name, an object; made where it is missing. */
static json_t *member(json_t *o, const char *key)
{
	json_t *m = json_object_get(o, key);

	if (!m) {
		m = json_object();
		json_object_set_new_nocheck(o, key, m);
	}
	return m;
}

static json_t *endpoint(const struct sp_addr *a)
{
	char out[INET6_ADDRSTRLEN] = "";

	if (a->family)
		inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, out,
			  sizeof(out));
	return json_pack("{s:s, s:s, s:i}", "family",
			 a->family == 6 ? "IPv6" : "IPv4", "address", out,
			 "port", (int)a->port);
}

static const char *suite(uint16_t id)
{
	const struct sp_suite_info *info = sp_suite_info(id);

	return info ? info->name : "";
}

/* Packets that arrived, and octets: the RTP of one stream. */
static json_t *stream(const struct media_info *m, enum leg x)
{
	const struct sp_stats *st = &m->stats[x];

	return json_pack(
		"{s:i, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:{s:I, s:I, s:I}}",
		"local port", (int)m->local[x].port, "local",
		endpoint(&m->local[x]), "endpoint",
		endpoint(st->source.family ? &st->source : &m->peer[x]),
		"advertised endpoint", endpoint(&m->peer[x]), "crypto suite",
		suite(m->suite_rx[x]), "codec", m->codec[x], "SSRC",
		(json_int_t)st->ssrc, "silent ms", (json_int_t)st->silent_ms,
		"stats", "packets", (json_int_t)st->packets_in, "bytes",
		(json_int_t)st->octets_in, "errors", (json_int_t)st->dropped);
}

/* What the quality of this SSRC was, for the proxies' MOS variables: tenths. */
static void quality(json_t *reply, const struct sp_stats *st)
{
	uint64_t expected = st->packets_in + st->lost;
	char ssrc[16];
	json_t *q;

	if (!st->ssrc)
		return;
	snprintf(ssrc, sizeof(ssrc), "%" PRIu32, st->ssrc);
	q = json_pack("{s:i, s:I, s:I, s:I, s:i}", "MOS",
		      (int)(st->mos + 5) / 10, "jitter",
		      (json_int_t)(st->jitter_us / 1000), "packet loss",
		      (json_int_t)(expected ? st->lost * 100 / expected : 0),
		      "round-trip time", (json_int_t)st->rtt_us, "samples", 1);
	json_object_set_new_nocheck(
		member(reply, "SSRC"), ssrc,
		json_pack("{s:I, s:I, s:I, s:O, s:O, s:o}", "packets",
			  (json_int_t)st->packets_in, "bytes",
			  (json_int_t)st->octets_in, "cumulative loss",
			  (json_int_t)st->lost, "average MOS", q, "lowest MOS",
			  q, "highest MOS", q));
}

static void total(json_t *reply, const struct sp_stats *st)
{
	json_t *totals = member(reply, "totals");
	json_t *rtp = member(totals, "RTP"), *rtcp = member(totals, "RTCP");

	add(rtp, "packets", (json_int_t)st->packets_in);
	add(rtp, "bytes", (json_int_t)st->octets_in);
	add(rtp, "errors", (json_int_t)st->dropped);
	add(rtcp, "packets", (json_int_t)st->rtcp_in);
}

static void tag(struct ng_request *rq, const struct ng_session *s, enum leg x,
		const struct media_info info[], unsigned n)
{
	json_t *t = member(member(rq->reply, "tags"), s->tag[x]);
	json_t *medias = json_array();

	for (unsigned i = 0; i < n; i++) {
		if (!info[i].active)
			continue;
		json_array_append_new(
			medias, json_pack("{s:i, s:s, s:s, s:[o]}", "index",
					  (int)i + 1, "type", info[i].kind,
					  "protocol", info[i].proto[x],
					  "streams", stream(&info[i], x)));
		total(rq->reply, &info[i].stats[x]);
		quality(rq->reply, &info[i].stats[x]);
	}
	json_object_set_new(t, "tag", text(s->tag[x]));
	json_object_set_new(t, "created", json_integer(s->created));
	json_object_set_new(t, "medias", medias);
	if (s->branch)
		json_object_set_new(t, "via-branch", text(s->branch));
	if (s->tag[OTHER_LEG(x)])
		json_object_set_new(t, "in dialogue with",
				    text(s->tag[OTHER_LEG(x)]));
}

static void add_to(json_t *o, const char *key, json_t *item)
{
	json_t *list = json_object_get(o, key);

	if (!list) {
		list = json_array();
		json_object_set_new(o, key, list);
	}
	json_array_append_new(list, item);
}

static json_t *other(const char *tag, size_t len)
{
	return json_pack("{s:o, s:s}", "tag", json_stringn_nocheck(tag, len),
			 "type", "pub/sub");
}

/* Who hears this session beside its parties. */
static void subscribers(struct ng_request *rq, const struct ng_session *s)
{
	struct subscription_info in[SUBSCRIPTIONS_MAX];
	unsigned n = call_subscriptions(s->call, in, SUBSCRIPTIONS_MAX);
	json_t *tags = member(rq->reply, "tags");

	for (unsigned i = 0; i < n; i++) {
		json_t *t = json_object(), *id;

		id = json_stringn_nocheck(in[i].tag.p, in[i].tag.l);
		json_object_set_nocheck(tags, json_string_value(id), t);
		json_object_set_new(t, "tag", id);
		json_object_set_new(t, "created", json_integer(s->created));
		json_object_set_new(t, "medias", json_array());
		for (int x = LEG_A; x <= LEG_B; x++) {
			if (!(in[i].hears & (1u << x)) || !s->tag[x])
				continue;
			add_to(t, "subscriptions",
			       other(s->tag[x], strlen(s->tag[x])));
			add_to(member(tags, s->tag[x]), "subscribers",
			       other(in[i].tag.p, in[i].tag.l));
		}
		json_decref(t);
	}
}

void ng_query_session(struct ng_request *rq, struct ng_session *s)
{
	struct media_info info[NG_MEDIA_MAX];
	json_t *r = rq->reply;
	unsigned n = 0;

	if (s->up)
		n = path_describe(s->path, info, NG_MEDIA_MAX);
	if (!json_object_get(r, "created"))
		json_object_set_new(r, "created", json_integer(s->created));
	json_object_set_new(r, "last signal", json_integer(s->signal));
	member(r, "tags");
	member(r, "SSRC");
	add(member(member(r, "totals"), "RTP"), "packets", 0);
	add(member(member(r, "totals"), "RTCP"), "packets", 0);
	tag(rq, s, LEG_A, info, n);
	if (s->tag[LEG_B])
		tag(rq, s, LEG_B, info, n);
	subscribers(rq, s);
}

const char *ng_query(struct ng_request *rq)
{
	struct ng_session *s = NULL;
	unsigned n = 0;

	if (!rq->f.call_id.l)
		return ng_fail(rq, "No call-id in message");
	while ((s = ng_session_next(rq->ng, rq->f.call_id, s))) {
		if (rq->f.from_tag.l && ng_session_leg(s, rq->f.from_tag) < 0)
			continue;
		ng_query_session(rq, s);
		n++;
	}
	return n ? "ok" : ng_fail(rq, "Unknown call-id");
}

const char *ng_list(struct ng_request *rq)
{
	int limit = rq->f.limit >= 0 ? rq->f.limit : LIST_DEFAULT;
	json_t *seen = json_object(), *calls = json_array();
	struct le *le;

	for (unsigned i = 0; i < NG_BUCKETS; i++) {
		LIST_FOREACH (&rq->ng->sessions[i], le) {
			const struct ng_session *s = le->data;

			if (json_array_size(calls) >= (size_t)limit)
				break;
			if (json_object_get(seen, s->call_id))
				continue;
			json_object_set_new_nocheck(seen, s->call_id,
						    json_true());
			json_array_append_new(calls, text(s->call_id));
		}
	}
	json_decref(seen);
	json_object_set_new(rq->reply, "calls", calls);
	return "ok";
}

const char *ng_statistics(struct ng_request *rq)
{
	const struct ng_counts *c = &rq->ng->counts;
	unsigned up = 0;
	struct le *le;

	for (unsigned i = 0; i < NG_BUCKETS; i++)
		LIST_FOREACH (&rq->ng->sessions[i], le)
			up += ((const struct ng_session *)le->data)->up;
	json_object_set_new(
		rq->reply, "statistics",
		json_pack(
			"{s:{s:i, s:i, s:i, s:i}, s:{s:I, s:I, s:I, s:I, s:I, "
			"s:I}, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}",
			"currentstatistics", "sessionsown", (int)rq->ng->count,
			"sessionsforeign", 0, "sessionstotal",
			(int)rq->ng->count, "sessionsup", (int)up,
			"totalstatistics", "uptime",
			(json_int_t)(time(NULL) - rq->ng->started),
			"managedsessions", (json_int_t)c->sessions,
			"answeredsessions", (json_int_t)c->answered,
			"timeoutsessions", (json_int_t)c->ended_by_gateway,
			"totalcallduration", (json_int_t)c->seconds,
			"rejectedsessions", (json_int_t)c->load_limit,
			"controlstatistics", "requests",
			(json_int_t)c->requests, "repeated",
			(json_int_t)c->repeated, "offers",
			(json_int_t)c->offers, "answers",
			(json_int_t)c->answers, "deletes",
			(json_int_t)c->deletes, "errors", (json_int_t)c->errors,
			"refusedsources", (json_int_t)c->refused_source, "junk",
			(json_int_t)c->junk));
	return "ok";
}
