/* SPDX-License-Identifier: Apache-2.0 */
/* Flows for a packet generator: as many as asked for, between two peers that
 * need no signalling, at ports that can be known beforehand. Stream i arrives
 * at the first media port + 2 * i of both sides, and its peers have the same
 * port; plain towards the access side, sealed towards the trunk with keys that
 * nobody is told. They hang on no call, so they are refused while there is one,
 * and a restart of control ends them. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/call.h"
#include "control/dataplane/dp.h"
#include "control/http/impl.h"

#define BENCH_ID    UINT64_C(0x1be4c400000000) /* and on: below 2^53 */
#define BENCH_MAX   32768
#define BENCH_SUITE "AES_CM_128_HMAC_SHA1_80"

enum side { ACCESS, TRUNK, SIDES };

static const char *const roles[SIDES] = {"access", "trunk"};

/* What is programmed now; control has one thread. */
static struct {
	unsigned n;
	uint8_t media[SIDES];
	uint16_t first;
} bench;

struct bench_request {
	unsigned flows;
	uint16_t suite;
	struct sp_addr peer[SIDES]; /* without port */
};

static uint64_t transport_id(enum side side, unsigned i)
{
	return BENCH_ID + 4 * (uint64_t)i + side;
}

static uint64_t stream_id(enum side from, unsigned i)
{
	return BENCH_ID + 4 * (uint64_t)i + SIDES + from;
}

/* @return false: no such suite. */
static bool suite_read(const char *name, uint16_t *out)
{
	const struct sp_suite_info *suite = sp_suite_named(name, strlen(name));

	*out = suite ? suite->id : SP_SUITE_PLAIN;
	return suite || strcmp(name, "plain") == 0;
}

/* The first IPv4 media address of each side. */
static bool media_find(const struct sp_greeting *g, uint8_t media[SIDES])
{
	for (int side = 0; side < SIDES; side++) {
		unsigned i = 0;

		while (i < g->n_media &&
		       (g->media[i].addr.family != 4 ||
			strcmp(g->media[i].role, roles[side])))
			i++;
		if (i == g->n_media)
			return false;
		media[side] = (uint8_t)i;
	}
	return true;
}

/* Who a side's peer is: said, or .100 of the gateway's network. */
static bool peer_read(const json_t *said, const struct sp_addr *gateway,
		      struct sp_addr *out)
{
	const char *text = json_string_value(said);

	*out = *gateway;
	out->prefix = 32;
	out->addr[3] = 100;
	return !said || (text && inet_pton(AF_INET, text, out->addr) == 1);
}

static bool refuse(struct reply *rp, const char *why)
{
	reply_error(rp, 400, "bad-bench", "%s", why);
	return false;
}

static bool members_known(const json_t *body, struct reply *rp)
{
	static const char known[] = " flows suite access trunk ";
	char word[16];
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)body, key, v) {
		int n = snprintf(word, sizeof(word), " %s ", key);

		if (n < (int)sizeof(word) && strstr(known, word))
			continue;
		reply_error(rp, 400, "unknown-member", "A bench has no %s",
			    key);
		return false;
	}
	return true;
}

static bool body_read(const json_t *body, const struct sp_greeting *g,
		      struct bench_request *out, struct reply *rp)
{
	const json_t *suite = json_object_get(body, "suite");
	const char *name = suite ? json_string_value(suite) : BENCH_SUITE;
	json_int_t n = json_integer_value(json_object_get(body, "flows"));
	unsigned ports;

	if (!members_known(body, rp))
		return false;
	if (!media_find(g, bench.media))
		return refuse(rp, "It takes an IPv4 address on the access "
				  "and on the trunk side");
	ports = (g->media[bench.media[ACCESS]].udp_last -
		 g->media[bench.media[ACCESS]].udp_first + 1u) /
		2;
	if (n < 1 || n > BENCH_MAX || n > ports)
		return refuse(rp, "flows is a number from 1 to half the media "
				  "ports of an address");
	if (2 * n > g->transports_max || 2 * n > g->streams_max)
		return refuse(rp, "The dataplane is configured for fewer "
				  "transports or streams");
	out->flows = (unsigned)n;
	if (!name || !suite_read(name, &out->suite))
		return refuse(rp, "suite is an SRTP suite by its SDES name, or "
				  "plain");
	for (int side = 0; side < SIDES; side++)
		if (!peer_read(json_object_get(body, roles[side]),
			       &g->media[bench.media[side]].addr,
			       &out->peer[side]))
			return refuse(rp, "access and trunk are IPv4 addresses "
					  "of the peers");
	bench.first = g->media[bench.media[ACCESS]].udp_first;
	return true;
}

static void key_make(struct sp_key *k, uint16_t suite)
{
	const struct sp_suite_info *s = sp_suite_info(suite);

	if (!s)
		return;
	k->id = (uint64_t)randombytes_random() << 32 | randombytes_random();
	k->id |= 1; /* never 0 */
	k->suite = suite;
	randombytes_buf(k->key, s->key_len);
	randombytes_buf(k->salt, s->salt_len);
}

static int transport_set(struct dp *dp, const struct bench_request *b,
			 enum side side, unsigned i, char text[SP_TEXT_MAX])
{
	const uint16_t port = (uint16_t)(bench.first + 2 * i);
	struct sp_transport t = {
		.id = transport_id(side, i),
		.call = BENCH_ID,
		.media_addr = bench.media[side],
		.flags = SP_TRANSPORT_RTCP_MUX,
		.source = SP_SOURCE_STRICT,
		.dscp = 46,
		.rtp_port = port,
		.peer_rtp = b->peer[side],
	};
	int status;

	t.peer_rtp.port = port;
	if (side == TRUNK) {
		key_make(&t.rx, b->suite);
		key_make(&t.tx, b->suite);
	}
	status = dp_transport_set(dp, &t, text);
	sodium_memzero(&t, sizeof(t));
	return status;
}

static int flow_set(struct dp *dp, const struct bench_request *b, unsigned i,
		    char text[SP_TEXT_MAX])
{
	int status = SP_OK;

	for (int side = 0; side < SIDES && status == SP_OK; side++) {
		dp_ports_keep(dp, bench.media[side],
			      (uint16_t)(bench.first + 2 * i));
		status = transport_set(dp, b, side, i, text);
	}
	for (int side = 0; side < SIDES && status == SP_OK; side++) {
		struct sp_stream s = {
			.id = stream_id(side, i),
			.from = transport_id(side, i),
			.to = transport_id(!side, i),
			.match = SP_MATCH_ANY,
			.out_pt = SP_PT_KEEP,
		};

		status = dp_stream_set(dp, &s, text);
	}
	return status;
}

/* Also what is there only in part. */
static void flows_remove(struct dp *dp)
{
	for (unsigned i = 0; i < bench.n; i++) {
		for (int side = 0; side < SIDES; side++)
			dp_stream_remove(dp, stream_id(side, i));
		for (int side = 0; side < SIDES; side++) {
			dp_transport_remove(dp, transport_id(side, i));
			dp_ports_give(dp, bench.media[side],
				      (uint16_t)(bench.first + 2 * i));
		}
	}
	bench.n = 0;
}

static json_t *described(const struct sp_greeting *g,
			 const struct bench_request *b)
{
	char local[SIDES][INET_ADDRSTRLEN], peer[SIDES][INET_ADDRSTRLEN];

	for (int side = 0; side < SIDES; side++) {
		inet_ntop(AF_INET, g->media[bench.media[side]].addr.addr,
			  local[side], sizeof(local[side]));
		inet_ntop(AF_INET, b->peer[side].addr, peer[side],
			  sizeof(peer[side]));
	}
	return json_pack("{s:i, s:i, s:i, s:{s:s, s:s}, s:{s:s, s:s}}", "flows",
			 (int)b->flows, "first_port", bench.first, "last_port",
			 bench.first + 2 * ((int)b->flows - 1), "access",
			 "gateway", local[ACCESS], "peer", peer[ACCESS],
			 "trunk", "gateway", local[TRUNK], "peer", peer[TRUNK]);
}

void api_bench_set(const struct request *rq, struct reply *rp)
{
	struct dp *dp = rq->ctx->dp;
	const struct sp_greeting *g = dp_greeting(dp);
	char text[SP_TEXT_MAX] = "";
	struct bench_request b;

	if (!g || !dp_connected(dp)) {
		reply_error(rp, 503, "dataplane-away",
			    "The dataplane isn't connected");
		return;
	}
	if (calls_count(rq->ctx->calls)) {
		reply_error(rp, 409, "calls-in-progress",
			    "A bench needs a gateway without calls");
		return;
	}
	flows_remove(dp);
	if (!body_read(rq->body, g, &b, rp))
		return;
	while (bench.n < b.flows) {
		int status = flow_set(dp, &b, bench.n++, text);

		if (status == SP_OK)
			continue;
		reply_error(rp, 503, "bench-failed", "Flow %u: %s", bench.n,
			    text[0] ? text : "no answer");
		flows_remove(dp);
		return;
	}
	change_recorded(rq, "bench-flows", described(g, &b));
	reply_ok(rp, described(g, &b));
}

void api_bench_clear(const struct request *rq, struct reply *rp)
{
	unsigned n = bench.n;

	flows_remove(rq->ctx->dp);
	if (n)
		change_recorded(rq, "bench-cleared",
				json_pack("{s:i}", "flows", (int)n));
	reply_ok(rp, json_pack("{s:i}", "removed", (int)n));
}
