/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/secret.h - memory for secrets: locked, between guard pages, left
 * out of core dumps, wiped when freed. libsodium's secure heap. Any thread. */
#pragma once
#include <sodium.h>
#include <string.h>

/** n zero octets, aligned for anything. @return NULL: no memory, or libsodium
 * can't start. secret_free takes NULL too. */
static inline void *secret_alloc(size_t n)
{
	void *p;

	if (sodium_init() < 0)
		return NULL;
	/* sodium_malloc ends the block at a page's end, so its size is what
	 * aligns it. */
	n = (n + 63) & ~(size_t)63;
	p = sodium_malloc(n);
	return p ? memset(p, 0, n) : NULL;
}

static inline void secret_free(void *p)
{
	sodium_free(p);
}
