/* SPDX-License-Identifier: Apache-2.0 */
/* The text form, least recently used first, each line ended by a newline:
 *   sallyport-e2ee-peers 1
 *   peer <AOR>
 *   key <Ed25519 public key, hexadecimal> seen|verified     (0 to 8 of them)
 */
#include "control/e2ee/peers.h"
#include "control/e2ee/wire.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	  "sallyport-e2ee-peers 1"
#define LINE_ROOM (4 + 2 * PEERS_KEY_LEN + 16 + E2EE_AOR_MAX)

struct key {
	uint8_t key[PEERS_KEY_LEN];
	bool verified;
};

struct peer { /* keys: the longest unused first */
	char aor[E2EE_AOR_MAX + 1];
	unsigned n;
	struct key k[PEERS_KEYS];
};

struct peers { /* p: the longest unused first */
	struct peer *p;
	size_t n, room;
	bool changed;
};

struct peers *peers_new(void)
{
	return calloc(1, sizeof(struct peers));
}

void peers_free(struct peers *ps)
{
	if (!ps)
		return;
	free(ps->p);
	free(ps);
}

static struct peer *find(const struct peers *ps, const char *aor)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!strcmp(ps->p[i].aor, aor))
			return &ps->p[i];
	return NULL;
}

static struct key *find_key(struct peer *p, const uint8_t key[PEERS_KEY_LEN])
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (!memcmp(p->k[i].key, key, PEERS_KEY_LEN))
			return &p->k[i];
	return NULL;
}

static bool any_verified(const struct peer *p)
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (p->k[i].verified)
			return true;
	return false;
}

enum peers_trust peers_judge(const struct peers *ps, const char *aor,
			     const uint8_t key[PEERS_KEY_LEN])
{
	struct peer *p = find(ps, aor);
	const struct key *k = find_key(p, key);

	if (k)
		return k->verified ? PEERS_VERIFIED : PEERS_KNOWN;
	if (any_verified(p))
		return PEERS_REFUSE;
	return p && p->n ? PEERS_NEW : PEERS_FIRST;
}

static void drop_peer(struct peers *ps, struct peer *p)
{
	struct peer *end = ps->p + ps->n--;

	memmove(p, p + 1, (size_t)(end - (p + 1)) * sizeof(*p));
}

static void drop_key(struct peer *p, struct key *k)
{
	struct key *end = p->k + p->n--;

	memmove(k, k + 1, (size_t)(end - (k + 1)) * sizeof(*k));
}

static bool make_room(struct peers *ps)
{
	struct peer *more;
	size_t room = ps->room ? 2 * ps->room : 16;

	if (ps->n == PEERS_MAX) {
		for (size_t i = 0; i < ps->n; i++)
			if (!any_verified(&ps->p[i])) {
				drop_peer(ps, &ps->p[i]);
				return true;
			}
		return false;
	}
	if (ps->n < ps->room)
		return true;
	more = realloc(ps->p, room * sizeof(*more));
	if (!more)
		return false;
	ps->p = more;
	ps->room = room;
	return true;
}

/* The record of aor, as the latest used; made where there is none. */
static struct peer *touch(struct peers *ps, const char *aor)
{
	struct peer *p = find(ps, aor), copy = {.n = 0};

	if (p) {
		copy = *p;
		drop_peer(ps, p);
	} else if (!make_room(ps)) {
		return NULL;
	}
	p = &ps->p[ps->n++];
	*p = copy;
	strncpy(p->aor, aor, E2EE_AOR_MAX);
	return p;
}

bool peers_remember(struct peers *ps, const char *aor,
		    const uint8_t key[PEERS_KEY_LEN])
{
	struct key k = {.verified = false}, *old;
	struct peer *p;

	if (peers_judge(ps, aor, key) == PEERS_REFUSE)
		return false;
	p = touch(ps, aor);
	if (!p)
		return false;
	memcpy(k.key, key, PEERS_KEY_LEN);
	old = find_key(p, key);
	if (old) {
		k = *old;
		drop_key(p, old);
	} else if (p->n == PEERS_KEYS) {
		drop_key(p, &p->k[0]); /* none is verified: see above */
	}
	p->k[p->n++] = k;
	ps->changed = true;
	return true;
}

bool peers_verify(struct peers *ps, const char *aor,
		  const uint8_t key[PEERS_KEY_LEN], bool verified)
{
	struct key *k = find_key(find(ps, aor), key);

	if (!k)
		return false;
	k->verified = verified;
	ps->changed = true;
	return true;
}

bool peers_once(const struct peers *ps, const char *aor)
{
	return find(ps, aor) != NULL;
}

bool peers_forget(struct peers *ps, const char *aor, const uint8_t *key)
{
	struct peer *p = find(ps, aor);
	struct key *k = key ? find_key(p, key) : NULL;

	if (!p || (key && !k))
		return false;
	if (k)
		drop_key(p, k);
	else
		drop_peer(ps, p);
	ps->changed = true;
	return true;
}

void peers_each(const struct peers *ps,
		void (*f)(void *arg, const char *aor, const uint8_t *key,
			  bool verified),
		void *arg)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct peer *p = &ps->p[i];

		if (!p->n)
			f(arg, p->aor, NULL, false);
		for (unsigned j = 0; j < p->n; j++)
			f(arg, p->aor, p->k[j].key, p->k[j].verified);
	}
}

bool peers_changed(struct peers *ps)
{
	bool changed = ps->changed;

	ps->changed = false;
	return changed;
}

static char *append(char *o, const char *text)
{
	size_t n = strlen(text);

	memcpy(o, text, n);
	return o + n;
}

char *peers_write(const struct peers *ps, size_t *len)
{
	size_t lines = 1 + ps->n * (1 + PEERS_KEYS);
	char *text = malloc(lines * LINE_ROOM), *o = text;
	char hex[2 * PEERS_KEY_LEN + 1];

	if (!text)
		return NULL;
	o = append(o, MAGIC "\n");
	for (size_t i = 0; i < ps->n; i++) {
		const struct peer *p = &ps->p[i];

		o = append(o, "peer ");
		o = append(o, p->aor);
		o = append(o, "\n");
		for (unsigned j = 0; j < p->n; j++) {
			sodium_bin2hex(hex, sizeof(hex), p->k[j].key,
				       PEERS_KEY_LEN);
			o = append(o, "key ");
			o = append(o, hex);
			o = append(o, p->k[j].verified ? " verified\n"
						       : " seen\n");
		}
	}
	*o = 0;
	*len = (size_t)(o - text);
	return text;
}

static bool starts(struct e2ee_view *v, const char *text)
{
	size_t n = strlen(text);

	if (v->n < n || memcmp(v->p, text, n))
		return false;
	v->p += n;
	v->n -= n;
	return true;
}

static bool read_peer(struct peers *ps, struct e2ee_view aor)
{
	struct peer *p;

	if (!e2ee_aor_valid(aor.p, aor.n) || ps->n == PEERS_MAX ||
	    !make_room(ps))
		return false;
	p = &ps->p[ps->n];
	memset(p, 0, sizeof(*p));
	memcpy(p->aor, aor.p, aor.n);
	if (find(ps, p->aor))
		return false;
	ps->n++;
	return true;
}

static bool read_key(struct peers *ps, struct e2ee_view v)
{
	struct peer *p = ps->n ? &ps->p[ps->n - 1] : NULL;
	struct key k = {.verified = false};
	char again[2 * PEERS_KEY_LEN + 1];
	size_t got;

	if (!p || p->n == PEERS_KEYS || v.n < 2 * PEERS_KEY_LEN ||
	    sodium_hex2bin(k.key, PEERS_KEY_LEN, (const char *)v.p,
			   2 * PEERS_KEY_LEN, NULL, &got, NULL) ||
	    got != PEERS_KEY_LEN)
		return false;
	sodium_bin2hex(again, sizeof(again), k.key, PEERS_KEY_LEN);
	if (!starts(&v, again)) /* capitals */
		return false;
	k.verified = v.n && starts(&v, " verified");
	if (!k.verified && !starts(&v, " seen"))
		return false;
	if (v.n || find_key(p, k.key))
		return false;
	p->k[p->n++] = k;
	return true;
}

static bool read_line(struct peers *ps, unsigned line, struct e2ee_view v)
{
	if (line == 1)
		return starts(&v, MAGIC) && !v.n;
	if (starts(&v, "peer "))
		return read_peer(ps, v);
	return starts(&v, "key ") && read_key(ps, v);
}

struct peers *peers_read(const char *text, size_t len, unsigned *line)
{
	struct peers *ps = peers_new();
	const char *p = text, *end = text + len;

	*line = 0;
	if (!ps)
		return NULL;
	do {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct e2ee_view v = {(const uint8_t *)p, 0};

		++*line;
		v.n = nl ? (size_t)(nl - p) : 0;
		if (!nl || !read_line(ps, *line, v)) {
			peers_free(ps);
			return NULL;
		}
		p = nl + 1;
	} while (p < end);
	return ps;
}
