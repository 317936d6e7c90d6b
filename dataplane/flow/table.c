/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: made, freed, looked into, listed. See table.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_jhash.h>
#include "dataplane/abi/divert.h"
#include "dataplane/app/log.h"
#include "dataplane/flow/emodel.h"
#include "dataplane/flow/internal.h"
#include "dataplane/flow/source.h"

int refuse(char text[SP_TEXT_MAX], int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, SP_TEXT_MAX, fmt, ap);
	va_end(ap);
	return status;
}

const struct flow_index *table_index(const struct table *t)
{
	return &t->index;
}

static void *find(const struct rte_hash *h, uint64_t id)
{
	void *p;

	return rte_hash_lookup_data(h, &id, &p) >= 0 ? p : NULL;
}

struct transport *transport_find(const struct table *t, uint64_t id)
{
	return find(t->transports, id);
}

struct stream_rec *stream_find(const struct table *t, uint64_t id)
{
	return find(t->streams, id);
}

static struct rte_hash *ids_new(const char *what, const void *owner,
				uint32_t entries)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = name,
		.entries = entries < 64 ? 64 : entries,
		.key_len = sizeof(uint64_t),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		/* or a full bucket would refuse an id below the limit */
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	snprintf(name, sizeof(name), "%s%p", what, owner);
	return rte_hash_create(&p);
}

/* The place of every media port, empty. */
static int index_fill(struct table *t, struct ports *ps)
{
	struct flow_index *x = &t->index;
	struct sp_media_addr m[SP_MEDIA_ADDR_MAX];
	unsigned n;

	memset(m, 0, sizeof(m));
	x->hz = rte_get_tsc_hz();
	x->punt = rate_make(SP_PUNT_PPS, 0, x->hz);
	x->back = rate_make(DIVERT_BACK_PPS, 0, x->hz);
	x->udp_first = t->lim.udp_first;
	x->udp_span = (uint16_t)(t->lim.udp_last - t->lim.udp_first + 1);
	n = ports_media(ps, t->lim.udp_first, t->lim.udp_last, m);
	if (n > SP_MEDIA_ADDR_MAX)
		n = SP_MEDIA_ADDR_MAX;
	for (unsigned i = 0; i < n; i++) {
		bool six = m[i].addr.family == 6;
		struct flow_address *a =
			six ? &x->v6[x->n6++] : &x->v4[x->n4++];

		memcpy(a->addr, m[i].addr.addr, six ? 16 : 4);
		a->port = calloc(x->udp_span, sizeof(a->port[0]));
		if (!a->port)
			return -1;
		t->media[i] = a;
		t->media_family[i] = m[i].addr.family;
	}
	t->lim.media_addrs = n;
	return 0;
}

struct table *table_new(const struct table_limits *lim, struct ports *ps,
			struct adjacencies *as, struct rte_rcu_qsbr *qsbr,
			const struct srtp_backend *srtp)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t) {
		log_line(LOG_ERR, "making the flow table: no memory");
		return NULL;
	}
	t->lim = *lim;
	t->as = as;
	t->qsbr = qsbr;
	t->srtp = srtp;
	t->retired_end = &t->retired;
	if (lim->udp_first % 2 != 0 || lim->udp_last % 2 != 1 ||
	    lim->udp_first > lim->udp_last) {
		log_line(LOG_ERR,
			 "media ports %u-%u: must be first even, last odd",
			 lim->udp_first, lim->udp_last);
		goto fail;
	}
	t->arena = arena_new();
	if (!t->arena || index_fill(t, ps) != 0) {
		log_line(LOG_ERR, "making the index of media ports: no memory");
		goto fail;
	}
	t->mem = arena_mem(t->arena);
	t->transports = ids_new("tr", t, lim->transports);
	t->streams = ids_new("st", t, lim->streams);
	if (!t->transports || !t->streams || taken_new(t)) {
		log_line(LOG_ERR,
			 "making room for %u transports and %u streams: %s; "
			 "try more memory",
			 lim->transports, lim->streams,
			 rte_strerror(rte_errno));
		goto fail;
	}
	t->engine = srtp->engine_new(NULL);
	if (!t->engine) {
		log_line(LOG_ERR, "starting the %s engine: this CPU can't",
			 srtp->name);
		goto fail;
	}
	table_show(t);
	return t;
fail:
	table_free(t);
	return NULL;
}

static void records_free(struct table *t)
{
	const void *key;
	uint32_t at = 0;
	void *p;

	while (t->streams && rte_hash_iterate(t->streams, &key, &p, &at) >= 0) {
		struct stream_rec *s = p;

		retire(t, RETIRED_STREAM_RUN, s->stream->run);
		retire(t, RETIRED_STREAM, s->stream);
		free(s);
	}
	for (at = 0; t->transports &&
		     rte_hash_iterate(t->transports, &key, &p, &at) >= 0;) {
		struct transport *x = p;

		flow_withdraw(t, x);
		transport_free(x);
	}
}

void table_free(struct table *t)
{
	if (!t)
		return;
	table_show(NULL);
	records_free(t);
	reclaim_all(t);
	rte_hash_free(t->taken);
	rte_hash_free(t->streams);
	rte_hash_free(t->transports);
	if (t->engine)
		t->srtp->engine_free(t->engine);
	for (unsigned i = 0; i < t->index.n4; i++)
		free(t->index.v4[i].port);
	for (unsigned i = 0; i < t->index.n6; i++)
		free(t->index.v6[i].port);
	arena_free(t->arena);
	free(t);
}

bool table_transport_next(const struct table *t, uint32_t *at,
			  struct sp_transport *out)
{
	const void *key;
	void *p;

	if (rte_hash_iterate(t->transports, &key, &p, at) < 0)
		return false;
	transport_say(p, out);
	return true;
}

bool table_stream_next(const struct table *t, uint32_t *at,
		       struct sp_stream *out)
{
	const void *key;
	void *p;

	if (rte_hash_iterate(t->streams, &key, &p, at) < 0)
		return false;
	*out = ((const struct stream_rec *)p)->spec;
	return true;
}

int table_local(const struct table *t, uint64_t id, bool rtcp,
		struct sp_addr *from, uint8_t *dscp)
{
	const struct transport *x = transport_find(t, id);

	if (!x)
		return SP_ENOENT;
	*from = (struct sp_addr){
		.family = t->media_family[x->spec.media_addr],
		.port = (uint16_t)(x->spec.rtp_port + rtcp),
	};
	memcpy(from->addr, t->media[x->spec.media_addr]->addr,
	       sizeof(from->addr));
	*dscp = x->spec.dscp;
	return SP_OK;
}

int table_transports(struct table *t,
		     int (*f)(void *arg, const struct sp_transport *x),
		     void *arg)
{
	struct sp_transport x;
	uint32_t at = 0;
	int r = 0;

	while (r == 0 && table_transport_next(t, &at, &x))
		r = f(arg, &x);
	return r;
}

int table_streams(struct table *t,
		  int (*f)(void *arg, const struct sp_stream *x), void *arg)
{
	struct sp_stream x;
	uint32_t at = 0;
	int r = 0;

	while (r == 0 && table_stream_next(t, &at, &x))
		r = f(arg, &x);
	return r;
}

/* One value of a worker's: whole, if not the very latest. */
#define READ(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

static uint32_t roc_of(const struct table *t, const struct transport *x,
		       uint32_t ssrc)
{
	struct srtp_state st[SRTP_SSRC_MAX];
	unsigned n =
		x->rx ? t->srtp->session_state(x->rx, st, SRTP_SSRC_MAX) : 0;

	for (unsigned i = 0; i < n; i++)
		if (st[i].ssrc == ssrc)
			return st[i].roc;
	return x->spec.rx_roc;
}

static struct sp_addr abi_addr(const struct endpoint *e)
{
	struct sp_addr a = {
		.family = e->family,
		.prefix = e->family == 6   ? 128
			  : e->family == 4 ? 32
					   : 0,
		.port = rte_be_to_cpu_16(e->port),
	};

	memcpy(a.addr, e->addr, sizeof(a.addr));
	return a;
}

int table_stats(struct table *t, uint64_t stream, struct sp_stats *out)
{
	const struct stream_rec *s = stream_find(t, stream);
	const struct stream_run *r;
	uint64_t last, hz = t->index.hz, now = rte_rdtsc();
	uint32_t clock;
	struct endpoint e;

	memset(out, 0, sizeof(*out));
	if (!s)
		return SP_ENOENT;
	r = s->stream->run;
	clock = s->spec.clock ? s->spec.clock : STREAM_CLOCK_DEFAULT;
	e = source_read(s->from->run, SIDE_RTP);
	last = READ(r->last);
	*out = (struct sp_stats){
		.id = stream,
		.packets_in = READ(r->packets_in),
		.octets_in = READ(r->octets_in),
		.packets_out = READ(r->packets_out),
		.octets_out = READ(r->octets_out),
		.rtcp_in = READ(r->rtcp_in),
		.rtcp_out = READ(r->rtcp_out),
		.dropped = READ(r->dropped),
		.lost = stats_lost(r),
		.ssrc = READ(r->ssrc),
		.jitter_us = (uint32_t)((uint64_t)(READ(r->jitter) >> 4) *
					1000000 / clock),
		.silent_ms = UINT32_MAX,
		.rtt_us = (uint32_t)((uint64_t)READ(r->rtt) * 1000000 >> 16),
		.source = abi_addr(&e),
		.rx_roc = roc_of(t, s->from, READ(r->ssrc)),
	};
	out->key_warnings =
		s->from->told.warnings[SRTP_RX] + s->to->told.warnings[SRTP_TX];
	out->mos = (uint16_t)emodel_mos(out->packets_in, out->lost,
					out->rtt_us / 2 + out->jitter_us);
	if (last)
		out->silent_ms =
			now > last ? (uint32_t)((now - last) / (hz / 1000)) : 0;
	return SP_OK;
}
