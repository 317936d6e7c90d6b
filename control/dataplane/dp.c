/* SPDX-License-Identifier: Apache-2.0 */
/* The public verbs: what is wanted, kept and sent on. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/dataplane/dp_internal.h"

int dp_alloc(struct dp **dpp, const char *socket_path, dp_event_h *eventh,
	     dp_up_h *uph, void *arg)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	if (!dp)
		return ENOMEM;
	dp->link = (struct link){.fd = -1, .event = dp_session_event};
	dp->link.punted = dp_session_punted;
	dp->link.arg = dp;
	dp->events_end = &dp->events;
	dp->datagrams_end = &dp->datagrams;
	dp->eventh = eventh;
	dp->uph = uph;
	dp->arg = arg;
	dp->path = strdup(socket_path);
	dp->wants = wants_new();
	dp->ports = media_ports_new();
	if (!dp->path || !dp->wants || !dp->ports) {
		dp_free(dp);
		return ENOMEM;
	}
	dp_session_start(dp);
	*dpp = dp;
	return 0;
}

void dp_free(struct dp *dp)
{
	if (!dp)
		return;
	tmr_cancel(&dp->tmr);
	tmr_cancel(&dp->tmr_event);
	if (dp->link.fd >= 0)
		fd_close(dp->link.fd);
	link_close(&dp->link);
	while (dp->events) {
		struct dp_event_item *item = dp->events;

		dp->events = item->next;
		free(item);
	}
	while (dp->datagrams) {
		struct dp_datagram_item *item = dp->datagrams;

		dp->datagrams = item->next;
		free(item);
	}
	media_ports_free(dp->ports);
	wants_free(dp->wants);
	free(dp->path);
	free(dp);
}

bool dp_connected(const struct dp *dp)
{
	return dp->state == DP_UP;
}

const struct sp_greeting *dp_greeting(const struct dp *dp)
{
	return dp->greeted ? &dp->greeting : NULL;
}

void dp_ready(struct dp *dp)
{
	if (dp->ready)
		return;
	dp->ready = true;
	if (dp->state == DP_GREETED)
		dp_session_up(dp);
}

const struct dp_summary *dp_summary(const struct dp *dp)
{
	return &dp->summary;
}

int dp_request(struct dp *dp, uint16_t type, const void *body,
	       uint16_t item_type,
	       void (*item)(const union sp_body *b, void *arg), void *arg,
	       char text[SP_TEXT_MAX])
{
	/* before the GREETING nothing may be asked */
	if (dp->state >= DP_GREETED) {
		int status = link_request(&dp->link, type, body, item_type,
					  item, arg, text);

		if (status >= 0)
			return status;
		dp_session_down(dp);
	}
	if (text)
		snprintf(text, SP_TEXT_MAX, "the dataplane doesn't answer");
	return DP_AWAY;
}

/* --------------------------------------------------------- transports */

/* A key that is passed without its octets, and is the one that we have. */
static void key_octets_keep(struct sp_key *k, const struct sp_key *had)
{
	if (k->id != had->id || want_key_known(k))
		return;
	memcpy(k->key, had->key, sizeof(k->key));
	memcpy(k->salt, had->salt, sizeof(k->salt));
}

/* A transport without its keys' octets can only be one that is there already:
 * nothing may ever be sealed with a key of zeros. */
static bool keys_usable(const struct sp_transport *next, const struct want *w)
{
	bool there = w && !w->lost;

	return (want_key_known(&next->rx) ||
		(there && next->rx.id == w->t.rx.id)) &&
	       (want_key_known(&next->tx) ||
		(there && next->tx.id == w->t.tx.id));
}

int dp_transport_set(struct dp *dp, const struct sp_transport *t,
		     char text[SP_TEXT_MAX])
{
	struct want *w = wants_find(dp->wants, false, t->id);
	struct sp_transport next = *t;
	bool add = !w || w->lost;
	int status = SP_OK;

	if (w) {
		key_octets_keep(&next.rx, &w->t.rx);
		key_octets_keep(&next.tx, &w->t.tx);
		if (next.rx.id == w->t.rx.id)
			next.rx_roc = w->t.rx_roc;
	}
	if (!keys_usable(&next, w)) {
		if (text)
			snprintf(text, SP_TEXT_MAX,
				 "the keys aren't known any more");
		return SP_EINVAL;
	}
	if (dp->state == DP_UP) {
		if (add || !want_transport_same(&next, &w->t))
			status = dp_request(dp,
					    add ? SP_TRANSPORT_ADD
						: SP_TRANSPORT_CHANGE,
					    &next, 0, NULL, NULL, text);
	} else if (!w) {
		status = DP_AWAY;
		if (text)
			snprintf(text, SP_TEXT_MAX, "the dataplane is away");
	}
	if (status == SP_OK || (status == DP_AWAY && w)) {
		status = SP_OK;
		if (!w)
			w = wants_add(dp->wants, false, t->id);
		if (w) {
			w->t = next;
			w->made = w->made || dp->state == DP_UP;
			w->lost = false;
		} else {
			status = SP_ENOSPC;
			dp_request(dp, SP_TRANSPORT_REMOVE,
				   &(struct sp_id){t->id}, 0, NULL, NULL, NULL);
		}
	}
	sodium_memzero(&next, sizeof(next));
	return status;
}

int dp_transport_keep(struct dp *dp, const struct sp_transport *t)
{
	struct want *w = wants_find(dp->wants, false, t->id);

	if (w)
		return SP_EEXIST;
	w = wants_add(dp->wants, false, t->id);
	if (!w)
		return SP_ENOSPC;
	w->t = *t;
	w->made = true;
	return SP_OK;
}

int dp_transport_remove(struct dp *dp, uint64_t id)
{
	struct want *w = wants_find(dp->wants, false, id);

	if (!w)
		return SP_ENOENT;
	wants_remove(dp->wants, w);
	/* what can't be said now, the next reconciliation says */
	if (dp->state == DP_UP)
		dp_request(dp, SP_TRANSPORT_REMOVE, &(struct sp_id){id}, 0,
			   NULL, NULL, NULL);
	return SP_OK;
}

bool dp_transport_lost(const struct dp *dp, uint64_t id)
{
	const struct want *w = wants_find(dp->wants, false, id);

	return w && w->lost;
}

uint32_t dp_transport_roc(const struct dp *dp, uint64_t id)
{
	const struct want *w = wants_find(dp->wants, false, id);

	return w ? w->t.rx_roc : 0;
}

uint64_t dp_transport_silent(const struct dp *dp, uint64_t id)
{
	const struct want *w = wants_find(dp->wants, false, id);

	if (!w || !w->silent_at || dp->state != DP_UP)
		return 0;
	return tmr_jiffies() - w->silent_at;
}

/* ------------------------------------------------------------ streams */

/* What bears the end-to-end mark is never diverted. The dataplane says so as
 * well; this is for when it is away. */
static bool marked(const struct dp *dp, const struct sp_stream *s)
{
	const struct want *from = wants_find(dp->wants, false, s->from);
	const struct want *to = wants_find(dp->wants, false, s->to);

	return (from && from->t.flags & SP_TRANSPORT_E2EE) ||
	       (to && to->t.flags & SP_TRANSPORT_E2EE);
}

int dp_stream_set(struct dp *dp, const struct sp_stream *s,
		  char text[SP_TEXT_MAX])
{
	struct want *w = wants_find(dp->wants, true, s->id);
	struct sp_stream next = *s;
	bool add = !w || w->lost;
	int status = SP_OK;

	if (s->divert && marked(dp, s)) {
		if (text)
			snprintf(text, SP_TEXT_MAX,
				 "divert: the end-to-end mark forbids it");
		return SP_EMARKED;
	}
	if (w) /* the mask is this file's business once the stream exists */
		next.ssrc_xor = w->s.ssrc_xor;
	if (dp->state == DP_UP) {
		const struct want *to = wants_find(dp->wants, false, s->to);

		if (add && w && to && to->t.tx.suite != SP_SUITE_PLAIN)
			next.ssrc_xor = 1 + randombytes_uniform(UINT32_MAX);
		if (add || memcmp(&next, &w->s, sizeof(next)) != 0)
			status = dp_request(
				dp, add ? SP_STREAM_ADD : SP_STREAM_CHANGE,
				&next, 0, NULL, NULL, text);
	} else if (!w) {
		status = DP_AWAY;
		if (text)
			snprintf(text, SP_TEXT_MAX, "the dataplane is away");
	}
	if (status != SP_OK && !(status == DP_AWAY && w))
		return status;
	if (!w)
		w = wants_add(dp->wants, true, s->id);
	if (!w) {
		dp_request(dp, SP_STREAM_REMOVE, &(struct sp_id){s->id}, 0,
			   NULL, NULL, NULL);
		return SP_ENOSPC;
	}
	w->s = next;
	w->made = w->made || dp->state == DP_UP;
	w->lost = false;
	return SP_OK;
}

int dp_stream_keep(struct dp *dp, const struct sp_stream *s)
{
	struct want *w = wants_find(dp->wants, true, s->id);

	if (w)
		return SP_EEXIST;
	w = wants_add(dp->wants, true, s->id);
	if (!w)
		return SP_ENOSPC;
	w->s = *s;
	w->made = true;
	return SP_OK;
}

bool dp_stream_mask(const struct dp *dp, uint64_t id, uint32_t *mask)
{
	const struct want *w = wants_find(dp->wants, true, id);

	if (w)
		*mask = w->s.ssrc_xor;
	return w;
}

int dp_stream_remove(struct dp *dp, uint64_t id)
{
	struct want *w = wants_find(dp->wants, true, id);

	if (!w)
		return SP_ENOENT;
	wants_remove(dp->wants, w);
	if (dp->state == DP_UP)
		dp_request(dp, SP_STREAM_REMOVE, &(struct sp_id){id}, 0, NULL,
			   NULL, NULL);
	return SP_OK;
}

/* ------------------------------------------------------ STUN and DTLS */

void dp_punt_handler(struct dp *dp, dp_punt_h *h, void *arg)
{
	dp->punth = h;
	dp->punt_arg = arg;
}

int dp_inject(struct dp *dp, uint64_t transport, bool rtcp,
	      const struct sp_addr *to, const void *data, size_t len)
{
	struct sp_datagram d = {
		.id = transport,
		.addr = *to,
		.rtcp = rtcp,
		.len = (uint16_t)len,
	};

	if (len == 0 || len > sizeof(d.data))
		return SP_EINVAL;
	if (dp->state != DP_UP)
		return DP_AWAY;
	memcpy(d.data, data, len);
	return dp_request(dp, SP_INJECT, &d, 0, NULL, NULL, NULL);
}

/* -------------------------------------------------------------- ports */

int dp_ports_take(struct dp *dp, const uint8_t media[2], uint16_t port[2])
{
	if (dp->state != DP_UP)
		return ENOTCONN;
	return media_ports_take(dp->ports, &dp->greeting, media,
				randombytes_random(), tmr_jiffies(), port);
}

int dp_ports_take_with(struct dp *dp, uint8_t media, uint16_t with,
		       uint16_t *port)
{
	if (dp->state != DP_UP)
		return ENOTCONN;
	return media_ports_take_with(dp->ports, &dp->greeting, media, with,
				     randombytes_random(), tmr_jiffies(), port);
}

void dp_ports_give(struct dp *dp, uint8_t media, uint16_t port)
{
	media_ports_give(dp->ports, media, port, tmr_jiffies());
}

void dp_ports_keep(struct dp *dp, uint8_t media, uint16_t port)
{
	media_ports_keep(dp->ports, media, port);
}

/* ---------------------------------------------------------- reads, lists */

static void stats_item(const union sp_body *b, void *arg)
{
	*(struct sp_stats *)arg = b->stats;
}

int dp_stats(struct dp *dp, uint64_t stream, struct sp_stats *out)
{
	return dp_request(dp, SP_STREAM_STATS, &(struct sp_id){stream},
			  SP_STATS_ITEM, stats_item, out, NULL);
}

/* A list's function and its argument, through the link's untyped item. */
struct lister {
	union {
		void (*transport)(const struct sp_transport *, void *);
		void (*stream)(const struct sp_stream *, void *);
		void (*port)(const struct sp_port *, void *);
		void (*verdict)(const struct sp_verdict_count *, void *);
		void (*worker)(const struct sp_worker *, void *);
	} f;
	void *arg;
};

#define LISTER(verb, type, field, TYPE)                                      \
	static void field##_item(const union sp_body *b, void *arg)          \
	{                                                                    \
		struct lister *l = arg;                                      \
                                                                             \
		l->f.field(&b->field, l->arg);                               \
	}                                                                    \
	int verb(struct dp *dp, void (*f)(const struct type *, void *),      \
		 void *arg)                                                  \
	{                                                                    \
		struct lister l = {.f.field = f, .arg = arg};                \
                                                                             \
		return dp_request(dp, SP_##TYPE##_LIST, NULL,                \
				  SP_##TYPE##_ITEM, field##_item, &l, NULL); \
	}

LISTER(dp_list_transports, sp_transport, transport, TRANSPORT)
LISTER(dp_list_streams, sp_stream, stream, STREAM)
LISTER(dp_list_ports, sp_port, port, PORT)
LISTER(dp_list_verdicts, sp_verdict_count, verdict, VERDICT)
LISTER(dp_list_workers, sp_worker, worker, WORKER)
