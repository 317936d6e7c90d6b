/* SPDX-License-Identifier: Apache-2.0 */
/* Several master keys of one direction, told apart by MKI (RFC 3711 section
 * 3.1, RFC 4568 section 6.1): one is added, used, and later retired. The
 * session goes on, and so do its counters; no version of the flow changes. */
#include <stdlib.h>
#include <string.h>
#include "dataplane/flow/internal.h"

typedef unsigned long long ull;

static_assert(SP_KEYS_MAX == SRTP_KEYS_MAX, "as many as a session has");

struct srtp_master key_master(const struct sp_key *k)
{
	struct srtp_master m = {
		.suite = k->suite,
		.mki_len = k->mki_len,
		.packets = k->packets,
	};

	memcpy(m.mki, k->mki, sizeof(m.mki));
	memcpy(m.key, k->key, sizeof(m.key));
	memcpy(m.salt, k->salt, sizeof(m.salt));
	return m;
}

static struct kept_key kept(const struct sp_key *k)
{
	struct kept_key r = {.id = k->id,
			     .packets = k->packets,
			     .suite = k->suite,
			     .mki_len = k->mki_len};

	memcpy(r.mki, k->mki, sizeof(r.mki));
	return r;
}

/* As the abi has it, without octets. */
static struct sp_key shown(const struct kept_key *k)
{
	struct sp_key r = {.id = k->id,
			   .packets = k->packets,
			   .suite = k->suite,
			   .mki_len = k->mki_len};

	memcpy(r.mki, k->mki, sizeof(r.mki));
	return r;
}

void keys_begin(struct keys *ks, const struct sp_key *k)
{
	ks->n = k->suite != SP_SUITE_PLAIN;
	ks->named = 0;
	if (ks->n)
		ks->first = kept(k);
}

void keys_end(struct keys *ks)
{
	free(ks->more);
	ks->more = NULL;
	ks->n = 0;
}

const struct kept_key *keys_find(const struct keys *ks, uint64_t id)
{
	for (unsigned i = 0; i < ks->n; i++)
		if (keys_at(ks, i)->id == id)
			return keys_at(ks, i);
	return NULL;
}

bool keys_new(const struct keys *ks, const struct sp_key *k)
{
	return k->suite == SP_SUITE_PLAIN ? ks->n > 0 : !keys_find(ks, k->id);
}

struct sp_key keys_named(const struct keys *ks)
{
	return ks->n ? shown(keys_at(ks, ks->named))
		     : (struct sp_key){.suite = SP_SUITE_PLAIN};
}

/* @return SP_OK, or why this key can't stand beside those that are there. */
static int check_add(const struct keys *ks, const struct sp_key *k,
		     char text[SP_TEXT_MAX])
{
	const struct kept_key *first = &ks->first;

	if (ks->n == 0)
		return refuse(text, SP_EINVAL, "dir: plain, has no keys");
	if (keys_find(ks, k->id))
		return refuse(text, SP_EEXIST, "key.id: %llu is there",
			      (ull)k->id);
	if (k->suite != first->suite)
		return refuse(text, SP_EINVAL,
			      "key.suite: 0x%04x, those there have 0x%04x",
			      k->suite, first->suite);
	if (k->mki_len == 0 || k->mki_len != first->mki_len)
		return refuse(text, SP_EINVAL,
			      "key.mki_len: %u, those there have %u",
			      k->mki_len, first->mki_len);
	for (unsigned i = 0; i < ks->n; i++)
		if (memcmp(keys_at(ks, i)->mki, k->mki, k->mki_len) == 0)
			return refuse(text, SP_EEXIST,
				      "key.mki: key %llu has it",
				      (ull)keys_at(ks, i)->id);
	if (ks->n == SP_KEYS_MAX)
		return refuse(text, SP_ENOSPC, "full: %u keys", ks->n);
	return SP_OK;
}

int table_key_add(struct table *t, const struct sp_key_add *a,
		  char text[SP_TEXT_MAX])
{
	struct transport *x = transport_find(t, a->id);
	enum srtp_dir dir = a->dir == SP_RX ? SRTP_RX : SRTP_TX;
	struct srtp_master m;
	struct keys *ks;
	bool made;
	int r;

	reclaim(t);
	if (!x)
		return refuse(text, SP_ENOENT, "id: no transport %llu",
			      (ull)a->id);
	r = validate_key_add(a, text);
	ks = &x->keys[dir];
	if (r == SP_OK)
		r = check_add(ks, &a->key, text);
	if (r != SP_OK)
		return r;
	if (!ks->more)
		ks->more = calloc(SP_KEYS_MAX - 1, sizeof(*ks->more));
	if (!ks->more)
		return refuse(text, SP_ENOSPC, "no memory for another key");
	m = key_master(&a->key);
	made = t->srtp->session_key(t->engine, dir == SRTP_RX ? x->rx : x->tx,
				    &m);
	explicit_bzero(&m, sizeof(m));
	/* A retired one stands in the way until no worker can be using it. */
	if (!made)
		return refuse(text, SP_ENOSPC,
			      "no room for a key yet, or no memory: try again");
	*keys_at(ks, ks->n) = kept(&a->key);
	if (dir == SRTP_TX)
		ks->named = ks->n; /* the one in use */
	ks->n++;
	return SP_OK;
}

int table_key_retire(struct table *t, const struct sp_key_retire *a,
		     char text[SP_TEXT_MAX])
{
	struct transport *x = transport_find(t, a->id);
	enum srtp_dir dir = a->dir == SP_RX ? SRTP_RX : SRTP_TX;
	const struct kept_key *k;
	struct ended_key *e;
	struct keys *ks;
	unsigned at;

	reclaim(t);
	if (!x)
		return refuse(text, SP_ENOENT, "id: no transport %llu",
			      (ull)a->id);
	if (a->dir != SP_RX && a->dir != SP_TX)
		return refuse(text, SP_EINVAL, "dir: %u is none", a->dir);
	ks = &x->keys[dir];
	k = keys_find(ks, a->key);
	if (!k)
		return refuse(text, SP_ENOENT, "key: %llu isn't there",
			      (ull)a->key);
	if (ks->n == 1 || (dir == SRTP_TX && k == keys_at(ks, ks->named)))
		return refuse(text, SP_EBUSY, "key: %llu is the %s",
			      (ull)a->key,
			      ks->n == 1 ? "only one" : "one that is used");
	e = malloc(sizeof(*e));
	if (!e)
		return refuse(text, SP_ENOSPC, "no memory to retire a key");
	e->s = dir == SRTP_RX ? x->rx : x->tx;
	memcpy(e->mki, k->mki, sizeof(e->mki));
	t->srtp->session_key_end(e->s, e->mki);
	for (at = 0; keys_at(ks, at) != k; at++)
		;
	if (ks->named == at)
		ks->named = 0;
	ks->named -= ks->named > at;
	for (ks->n--; at < ks->n; at++)
		*keys_at(ks, at) = *keys_at(ks, at + 1);
	retire(t, RETIRED_KEY, e);
	return SP_OK;
}
