/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dataplane/want.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/keying/vault.h"

#define BUCKETS 8192u

struct wants {
	struct vault *vault;
	struct want *bucket[BUCKETS];
};

struct wants *wants_new(void)
{
	struct wants *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->vault = vault_new(sizeof(struct want));
	if (!w->vault) {
		free(w);
		return NULL;
	}
	return w;
}

void wants_free(struct wants *w)
{
	if (!w)
		return;
	vault_free(w->vault);
	free(w);
}

/* Ids are random, so their low bits spread by themselves. */
static struct want **bucket_of(struct wants *w, uint64_t id)
{
	return &w->bucket[(id ^ id >> 32) % BUCKETS];
}

struct want *wants_find(const struct wants *w, bool stream, uint64_t id)
{
	struct want *x = *bucket_of((struct wants *)w, id);

	while (x && (x->id != id || x->stream != stream))
		x = x->next;
	return x;
}

struct want *wants_add(struct wants *w, bool stream, uint64_t id)
{
	struct want **b = bucket_of(w, id), *x = vault_take(w->vault);

	if (!x)
		return NULL;
	x->id = id;
	x->stream = stream;
	x->next = *b;
	*b = x;
	return x;
}

void wants_remove(struct wants *w, struct want *x)
{
	struct want **p = bucket_of(w, x->id);

	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	vault_give(w->vault, x);
}

void wants_each(const struct wants *w, bool stream,
		void (*f)(struct want *x, void *arg), void *arg)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct want *x = w->bucket[i]; x; x = x->next)
			if (x->stream == stream)
				f(x, arg);
}

bool want_key_known(const struct sp_key *k)
{
	return k->suite == SP_SUITE_PLAIN || k->id == 0 ||
	       !sodium_is_zero(k->key, sizeof(k->key));
}

static bool addr_same(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       a->port == b->port &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool key_same(const struct sp_key *a, const struct sp_key *b)
{
	return a->id == b->id && a->suite == b->suite &&
	       a->packets == b->packets && a->mki_len == b->mki_len &&
	       memcmp(a->mki, b->mki, sizeof(a->mki)) == 0;
}

bool want_transport_same(const struct sp_transport *a,
			 const struct sp_transport *b)
{
	return a->id == b->id && a->call == b->call &&
	       a->media_addr == b->media_addr && a->flags == b->flags &&
	       a->source == b->source && a->dscp == b->dscp &&
	       a->rtp_port == b->rtp_port && a->stun == b->stun &&
	       a->dtls == b->dtls && addr_same(&a->peer_rtp, &b->peer_rtp) &&
	       addr_same(&a->peer_rtcp, &b->peer_rtcp) &&
	       a->max_pps == b->max_pps && a->max_octets == b->max_octets &&
	       key_same(&a->rx, &b->rx) && key_same(&a->tx, &b->tx) &&
	       a->silent_ms == b->silent_ms;
}
