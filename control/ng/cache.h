/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/cache.h - answers by cookie, for requests that are sent again.
 *
 * A proxy that hears nothing repeats its request with the same cookie; the same
 * answer goes out again, and nothing is done twice. Bounded in time, number and
 * octets: the oldest go first. Cookies of different addresses don't meet.
 * Answers hold keys, so they are wiped. No clock of its own. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CACHE_MS	 30000 /* longer than any proxy repeats */
#define CACHE_ENTRIES	 65536
#define CACHE_OCTETS	 (32u << 20)
#define CACHE_SOURCE_MAX 16 /* octets that name an address */

struct cache;

struct cache *cache_new(void); /* NULL: no memory */
void cache_free(struct cache *c);
/** @return the answer, the cache's, *len octets; NULL: none. now: ms. */
const char *cache_find(struct cache *c, const void *source, size_t source_len,
		       const char *cookie, size_t cookie_len, uint64_t now,
		       size_t *len);
/** Keep an answer; takes it over (malloc'd). @return it, until the next call of
 * this file; NULL: no memory, it has been wiped and freed. */
const char *cache_put(struct cache *c, const void *source, size_t source_len,
		      const char *cookie, size_t cookie_len, uint64_t now,
		      char *answer, size_t len);
/** Let go of what is too old. */
void cache_expire(struct cache *c, uint64_t now);
