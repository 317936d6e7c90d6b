/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ng/cache.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/libre.h"

#define BUCKETS 16384 /* a power of two */

struct entry {
	struct le hash, age;
	uint64_t at; /* ms */
	char *answer;
	size_t len;
	size_t key_len;
	uint8_t key[]; /* source, cookie */
};

struct cache {
	struct list bucket[BUCKETS];
	struct list age; /* oldest first */
	size_t count, octets;
	uint8_t secret[crypto_shorthash_KEYBYTES];
};

struct cache *cache_new(void)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (c && sodium_init() >= 0) {
		crypto_shorthash_keygen(c->secret);
		return c;
	}
	free(c);
	return NULL;
}

static void drop(struct cache *c, struct entry *e)
{
	list_unlink(&e->hash);
	list_unlink(&e->age);
	c->count--;
	c->octets -= sizeof(*e) + e->key_len + e->len;
	sodium_memzero(e->answer, e->len);
	free(e->answer);
	free(e);
}

static struct entry *oldest(struct cache *c)
{
	struct le *le = list_head(&c->age);

	return le ? le->data : NULL;
}

void cache_free(struct cache *c)
{
	struct entry *e;

	if (!c)
		return;
	while ((e = oldest(c)))
		drop(c, e);
	free(c);
}

void cache_expire(struct cache *c, uint64_t now)
{
	struct entry *e;

	while ((e = oldest(c)) && now - e->at >= CACHE_MS)
		drop(c, e);
}

/* Cookies are strangers' choice: a keyed hash, so that none can pile up. */
static struct list *bucket_of(struct cache *c, const uint8_t *key, size_t len)
{
	uint64_t h = 0;

	crypto_shorthash((unsigned char *)&h, key, len, c->secret);
	return &c->bucket[h & (BUCKETS - 1)];
}

#define KEY_MAX (CACHE_SOURCE_MAX + 255)

static size_t key_make(uint8_t key[KEY_MAX], const void *source,
		       size_t source_len, const char *cookie, size_t cookie_len)
{
	if (source_len > CACHE_SOURCE_MAX || cookie_len > 255)
		return 0;
	memset(key, 0, CACHE_SOURCE_MAX);
	memcpy(key, source, source_len);
	memcpy(key + CACHE_SOURCE_MAX, cookie, cookie_len);
	return CACHE_SOURCE_MAX + cookie_len;
}

static struct entry *find(const struct list *l, const uint8_t *key, size_t n)
{
	struct le *le;

	LIST_FOREACH (l, le) {
		struct entry *e = le->data;

		if (e->key_len == n && memcmp(e->key, key, n) == 0)
			return e;
	}
	return NULL;
}

const char *cache_find(struct cache *c, const void *source, size_t source_len,
		       const char *cookie, size_t cookie_len, uint64_t now,
		       size_t *len)
{
	uint8_t key[KEY_MAX];
	size_t n = key_make(key, source, source_len, cookie, cookie_len);
	struct entry *e;

	cache_expire(c, now);
	e = n ? find(bucket_of(c, key, n), key, n) : NULL;
	if (!e)
		return NULL;
	*len = e->len;
	return e->answer;
}

const char *cache_put(struct cache *c, const void *source, size_t source_len,
		      const char *cookie, size_t cookie_len, uint64_t now,
		      char *answer, size_t len)
{
	uint8_t key[KEY_MAX];
	size_t n = key_make(key, source, source_len, cookie, cookie_len);
	struct entry *e = n ? calloc(1, sizeof(*e) + n) : NULL, *had;
	struct list *l;

	if (!e) {
		sodium_memzero(answer, len);
		free(answer);
		return NULL;
	}
	l = bucket_of(c, key, n);
	had = find(l, key, n);
	if (had)
		drop(c, had);
	e->at = now;
	e->answer = answer;
	e->len = len;
	e->key_len = n;
	memcpy(e->key, key, n);
	list_append(l, &e->hash, e);
	list_append(&c->age, &e->age, e);
	c->count++;
	c->octets += sizeof(*e) + n + len;
	while (oldest(c) != e &&
	       (c->octets > CACHE_OCTETS || c->count > CACHE_ENTRIES))
		drop(c, oldest(c));
	return e->answer;
}
