/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/list.c - calls as JSON, for the control API and the records. */
#include <arpa/inet.h>
#include <stdio.h>
#include "control/calls/impl.h"
#include "dataplane/abi/suite.h"

static const char *const states[] = {
	[CALL_NEW] = "new",
	[CALL_RINGING] = "ringing",
	[CALL_UP] = "up",
	[CALL_ENDED] = "ended",
};

static const char *suite_name(uint16_t id)
{
	const struct sp_suite_info *info = sp_suite_info(id);

	return info ? info->name : "plain";
}

/* "10.1.0.1:20000", "[2001:db8::1]:20000" */
static json_t *addr_json(const struct sp_addr *a)
{
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];

	if (a->family != 4 && a->family != 6)
		return json_null();
	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, host,
		  sizeof(host));
	snprintf(text, sizeof(text), a->family == 6 ? "[%s]:%u" : "%s:%u", host,
		 a->port);
	return json_string(text);
}

static json_t *leg_json(const struct media_info *m, enum leg l)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "codec", m->codec[l],
			 "suite_rx", suite_name(m->suite_rx[l]), "suite_tx",
			 suite_name(m->suite_tx[l]), "local",
			 addr_json(&m->local[l]), "peer",
			 addr_json(&m->peer[l]));
}

static json_t *stream_json(const struct media_info *m, enum leg from)
{
	const struct sp_stats *s = &m->stats[from];

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
			 " s:f, s:f, s:o}",
			 "from", from == LEG_A ? "a" : "b", "id",
			 (json_int_t)m->stream[from], "packets_in",
			 (json_int_t)s->packets_in, "octets_in",
			 (json_int_t)s->octets_in, "packets_out",
			 (json_int_t)s->packets_out, "octets_out",
			 (json_int_t)s->octets_out, "rtcp_in",
			 (json_int_t)s->rtcp_in, "dropped",
			 (json_int_t)s->dropped, "lost", (json_int_t)s->lost,
			 "ssrc", (json_int_t)s->ssrc, "jitter_ms",
			 s->jitter_us / 1000.0, "rtt_ms", s->rtt_us / 1000.0,
			 "mos",
			 s->mos ? json_real(s->mos / 100.0) : json_null());
}

static json_t *media_json(struct media *m)
{
	struct media_info info[CALL_MEDIA_MAX];
	unsigned n = media_describe(m, info, CALL_MEDIA_MAX);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:b, s:b, s:s?, s:[o, o], s:[o, o]}",
				  "kind", info[i].kind, "active",
				  info[i].active, "transcoded",
				  info[i].transcoded, "reason", info[i].refusal,
				  "legs", leg_json(&info[i], LEG_A),
				  leg_json(&info[i], LEG_B), "streams",
				  stream_json(&info[i], LEG_A),
				  stream_json(&info[i], LEG_B)));
	return list;
}

json_t *call_describe(struct call *c)
{
	json_t *j =
		json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:o}", "id",
			  (json_int_t)c->id, "door", c->door->name, "state",
			  states[c->state], "from", c->from, "to", c->to,
			  "e2ee", call_kind(c) == CALL_E2EE, "started",
			  (json_int_t)c->started, "answered",
			  (json_int_t)c->answered, "media",
			  c->path ? media_json(c->path->media) : json_array());

	if (j) {
		json_object_set_new(
			j, "transcoded",
			json_boolean(c->path &&
				     media_transcoded(c->path->media)));
		json_object_set_new(j, "recording",
				    c->recording[0] ? json_string(c->recording)
						    : json_null());
		json_object_set_new(j, "fork", fork_describe(c));
		json_object_set_new(j, "subscriptions",
				    subscriptions_describe(c));
		json_object_set_new(j, "recordings",
				    json_integer(c->recordings));
	}
	if (j && c->door->describe)
		c->door->describe(c->arg, j);
	return j;
}

static void append(struct call *c, void *list)
{
	json_array_append_new(list, call_describe(c));
}

json_t *calls_json(struct calls *cs)
{
	json_t *list = json_array();

	if (list)
		calls_each(cs, append, list);
	return list;
}

json_t *call_json(struct calls *cs, uint64_t id)
{
	struct call *c = calls_find(cs, id);

	return c ? call_describe(c) : NULL;
}
