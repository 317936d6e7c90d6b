/* SPDX-License-Identifier: Apache-2.0 */
/* Transports: added, changed, removed. The port and the media address stay for
 * a transport's life; a key id stays with its session; the mark never comes
 * off. */
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include "dataplane/flow/internal.h"

typedef unsigned long long ull;

void transport_free(struct transport *x)
{
	keys_end(&x->keys[SRTP_RX]);
	keys_end(&x->keys[SRTP_TX]);
	free(x->told.more);
	free(x);
}

void transport_widen(const struct table *t, const struct transport *x)
{
	if (x->rx && x->flow->n_streams > 1)
		t->srtp->session_widen(x->rx);
	if (x->tx && x->to > 1)
		t->srtp->session_widen(x->tx);
}

/* A session for a key that is new here. @return false: no memory. */
static bool session_make(struct table *t, const struct sp_key *k,
			 enum srtp_dir dir, uint32_t roc,
			 struct srtp_session **out)
{
	struct srtp_master m;

	*out = NULL;
	if (k->suite == SP_SUITE_PLAIN)
		return true;
	m = key_master(k);
	*out = t->srtp->session_new(t->engine, &m, dir, t->lim.replay_window,
				    &t->mem);
	explicit_bzero(&m, sizeof(m));
	if (*out && roc)
		t->srtp->session_roc(*out, roc);
	return *out != NULL;
}

static struct transport_spec spec_of(const struct sp_transport *x)
{
	return (struct transport_spec){
		.id = x->id,
		.call = x->call,
		.media_addr = x->media_addr,
		.flags = x->flags,
		.source = x->source,
		.dscp = x->dscp,
		.rtp_port = x->rtp_port,
		.stun = x->stun,
		.dtls = x->dtls,
		.peer_rtp = x->peer_rtp,
		.peer_rtcp = x->peer_rtcp,
		.max_pps = x->max_pps,
		.max_octets = x->max_octets,
		.rx_roc = x->rx_roc,
		.silent_ms = x->silent_ms,
	};
}

void transport_say(const struct transport *x, struct sp_transport *out)
{
	const struct transport_spec *s = &x->spec;

	*out = (struct sp_transport){
		.id = s->id,
		.call = s->call,
		.media_addr = s->media_addr,
		.flags = s->flags,
		.source = s->source,
		.dscp = s->dscp,
		.rtp_port = s->rtp_port,
		.stun = s->stun,
		.dtls = s->dtls,
		.peer_rtp = s->peer_rtp,
		.peer_rtcp = s->peer_rtcp,
		.max_pps = s->max_pps,
		.max_octets = s->max_octets,
		.rx = keys_named(&x->keys[SRTP_RX]),
		.tx = keys_named(&x->keys[SRTP_TX]),
		.rx_roc = s->rx_roc,
		.silent_ms = s->silent_ms,
	};
}

/* A key that is there names them all. */
static void spec_keep(struct transport *x, const struct sp_transport *spec)
{
	x->spec = spec_of(spec);
	if (keys_new(&x->keys[SRTP_RX], &spec->rx))
		keys_begin(&x->keys[SRTP_RX], &spec->rx);
	if (keys_new(&x->keys[SRTP_TX], &spec->tx))
		keys_begin(&x->keys[SRTP_TX], &spec->tx);
}

static int check_free(const struct table *t, const struct sp_transport *x,
		      char text[SP_TEXT_MAX])
{
	const struct flow *f;

	if (transport_find(t, x->id))
		return refuse(text, SP_EEXIST, "id: transport %llu is there",
			      (ull)x->id);
	f = t->media[x->media_addr]->port[x->rtp_port - t->index.udp_first];
	if (f)
		return refuse(text, SP_EEXIST,
			      "rtp_port: %u is transport %llu's", x->rtp_port,
			      (ull)f->id);
	if (t->n_transports >= t->lim.transports)
		return refuse(text, SP_ENOSPC, "full: %u transports",
			      t->n_transports);
	return SP_OK;
}

int table_transport_add(struct table *t, const struct sp_transport *spec,
			char text[SP_TEXT_MAX])
{
	struct transport *x;
	struct flow *f = NULL;
	int r;

	reclaim(t);
	r = validate_transport(t, spec, text);
	if (r == SP_OK)
		r = check_free(t, spec, text);
	if (r != SP_OK)
		return r;

	x = calloc(1, sizeof(*x));
	if (!x)
		goto no_memory;
	spec_keep(x, spec);
	x->told.since = flow_moment(rte_rdtsc());
	x->run = arena_take(t->arena, sizeof(*x->run), RTE_CACHE_LINE_SIZE);
	if (!x->run ||
	    !session_make(t, &spec->rx, SRTP_RX, spec->rx_roc, &x->rx) ||
	    !session_make(t, &spec->tx, SRTP_TX, 0, &x->tx))
		goto no_memory;
	f = flow_build(t, x, NULL, 0);
	if (!f || rte_hash_add_key_data(t->transports, &spec->id, x) != 0)
		goto no_memory;
	t->n_transports++;
	flow_publish(t, x, f);
	return SP_OK;

no_memory:
	discard(t, RETIRED_FLOW, f);
	if (x) {
		discard(t, RETIRED_SESSION, x->tx);
		discard(t, RETIRED_SESSION, x->rx);
		discard(t, RETIRED_FLOW_RUN, x->run);
	}
	free(x);
	return refuse(text, SP_ENOSPC, "no memory for another transport");
}

static bool same_addr(const struct sp_addr *a, const struct sp_addr *b)
{
	if (a->family == 0 && b->family == 0)
		return true;
	return a->family == b->family && a->prefix == b->prefix &&
	       a->port == b->port && memcmp(a->addr, b->addr, 16) == 0;
}

static int check_key(const char *name, const struct keys *have,
		     const struct sp_key *is, char text[SP_TEXT_MAX])
{
	const struct kept_key *was = keys_find(have, is->id);

	if (!was)
		return SP_OK;
	if (was->suite != is->suite || was->mki_len != is->mki_len ||
	    memcmp(was->mki, is->mki, was->mki_len) != 0)
		return refuse(text, SP_EINVAL,
			      "%s: suite or MKI differ, the id doesn't", name);
	return SP_OK;
}

/* What a change may not change. */
static int check_change(const struct transport *x,
			const struct sp_transport *spec, char text[SP_TEXT_MAX])
{
	bool was = x->spec.flags & SP_TRANSPORT_E2EE;
	bool is = spec->flags & SP_TRANSPORT_E2EE;
	int r;

	if (spec->media_addr != x->spec.media_addr ||
	    spec->rtp_port != x->spec.rtp_port)
		return refuse(text, SP_EINVAL,
			      "%s: stays for a transport's life",
			      spec->rtp_port != x->spec.rtp_port
				      ? "rtp_port"
				      : "media_addr");
	if (was && !is)
		return refuse(text, SP_EMARKED,
			      "flags: the end-to-end mark never comes off");
	/* Both ends of a stream bear the mark or neither does, so a mark on
	 * one end of an existing pair would break that. */
	if (is && !was && (x->to > 0 || x->flow->n_streams > 0))
		return refuse(text, SP_EMARKED,
			      "flags: mark both transports before a stream");
	r = check_key("rx", &x->keys[SRTP_RX], &spec->rx, text);
	return r != SP_OK ? r
			  : check_key("tx", &x->keys[SRTP_TX], &spec->tx, text);
}

static void told_restart(struct told *t, bool new_rx, bool new_tx)
{
	if (new_rx) {
		t->n = 0;
		t->key_end[SRTP_RX] = false;
	}
	if (new_tx)
		t->key_end[SRTP_TX] = false;
}

int table_transport_change(struct table *t, const struct sp_transport *spec,
			   char text[SP_TEXT_MAX])
{
	struct transport *x = transport_find(t, spec->id), next;
	bool new_rx, new_tx;
	struct flow *f = NULL;
	int r;

	reclaim(t);
	if (!x)
		return refuse(text, SP_ENOENT, "id: no transport %llu",
			      (ull)spec->id);
	r = validate_transport(t, spec, text);
	if (r == SP_OK)
		r = check_change(x, spec, text);
	if (r != SP_OK)
		return r;

	new_rx = keys_new(&x->keys[SRTP_RX], &spec->rx);
	new_tx = keys_new(&x->keys[SRTP_TX], &spec->tx);
	next = *x;
	spec_keep(&next, spec);
	if (new_rx)
		next.rx = NULL;
	if (new_tx)
		next.tx = NULL;
	if (new_rx &&
	    !session_make(t, &spec->rx, SRTP_RX, spec->rx_roc, &next.rx))
		goto no_memory;
	if (new_tx && !session_make(t, &spec->tx, SRTP_TX, 0, &next.tx))
		goto no_memory;
	f = flow_build(t, &next, x->flow->stream, x->flow->n_streams);
	if (!f)
		goto no_memory;
	if (new_rx || spec->source == SP_SOURCE_FOLLOW ||
	    spec->source != x->spec.source ||
	    ((spec->flags ^ x->spec.flags) & SP_TRANSPORT_RTCP_MUX) ||
	    !same_addr(&spec->peer_rtp, &x->spec.peer_rtp) ||
	    !same_addr(&spec->peer_rtcp, &x->spec.peer_rtcp))
		f->source_gen = ++t->source_gen;
	flow_publish(t, &next, f);
	if (new_rx)
		retire(t, RETIRED_SESSION, x->rx);
	if (new_tx)
		retire(t, RETIRED_SESSION, x->tx);
	told_restart(&next.told, new_rx, new_tx);
	*x = next;
	transport_widen(t, x);
	return SP_OK;

no_memory:
	if (new_tx)
		discard(t, RETIRED_SESSION, next.tx);
	if (new_rx)
		discard(t, RETIRED_SESSION, next.rx);
	return refuse(text, SP_ENOSPC, "no memory for the change");
}

int table_transport_remove(struct table *t, uint64_t id, char text[SP_TEXT_MAX])
{
	struct transport *x = transport_find(t, id);

	reclaim(t);
	if (!x)
		return refuse(text, SP_ENOENT, "id: no transport %llu",
			      (ull)id);
	if (x->to > 0 || x->flow->n_streams > 0)
		return refuse(text, SP_EBUSY,
			      "transport %llu: %u streams from it, %u to it",
			      (ull)id, x->flow->n_streams, x->to);
	rte_hash_del_key(t->transports, &id);
	t->n_transports--;
	flow_withdraw(t, x);
	transport_free(x);
	return SP_OK;
}
