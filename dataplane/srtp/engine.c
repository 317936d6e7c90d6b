/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include "dataplane/srtp/engine.h"

struct srtp_engine *srtp_engine_alloc(const struct srtp_suite *suites,
				      unsigned n, size_t room)
{
	const size_t own = (sizeof(struct srtp_engine) + 63) & ~(size_t)63;
	const size_t size = (own + room + 4095) & ~(size_t)4095;
	struct srtp_engine *e;

	if (n > SRTP_LANES)
		return NULL;
	e = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e == MAP_FAILED)
		return NULL;
	/* Best effort: without the privilege it works, only less guarded. */
	(void)mlock(e, size);
	(void)madvise(e, size, MADV_DONTDUMP);
	e->suites = suites;
	e->n_suites = n;
	e->size = size;
	e->crypto = (uint8_t *)e + own;
	return e;
}

void srtp_engine_release(struct srtp_engine *e)
{
	size_t size = e->size;

	explicit_bzero(e, size);
	munmap(e, size);
}
