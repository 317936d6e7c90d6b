/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/replay.h - which of the last packets were seen.
 *
 * RFC 3711 section 3.3.2. Check, authenticate, commit: replay_seen says before
 * authentication whether the work is worth while, and says it again right
 * before replay_commit, since a twin of the packet may have been committed
 * between the two. The sender uses the same window to see that no index goes
 * out twice.
 *
 * The bits stand in a ring of 64-bit words, a power of two of them; bit index
 * modulo the ring is the packet's. Exact: a window of `size` packets accepts
 * top - size + 1 and refuses top - size. Owned by one worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/srtp/hint.h"

struct replay {
	uint64_t *word;
	uint32_t mask; /* words - 1 */
	uint32_t size; /* packets, at most 64 * words */
};

/** True if index was committed before, or lies behind the window. */
static inline bool replay_seen(struct replay w, uint64_t top, uint64_t index)
{
	if (likely(index > top))
		return false;
	if (top - index >= w.size)
		return true;
	return w.word[(index >> 6) & w.mask] >> (index & 63) & 1;
}

/* Forget first .. last, both included. */
static inline void replay_clear(struct replay w, uint64_t first, uint64_t last)
{
	const uint64_t ring = 64 * ((uint64_t)w.mask + 1);

	if (last - first >= ring)
		first = last - ring + 1;
	for (uint64_t i = first >> 6; i <= last >> 6; i++) {
		uint64_t bits = ~UINT64_C(0);

		if (i == first >> 6)
			bits &= ~UINT64_C(0) << (first & 63);
		if (i == last >> 6)
			bits &= ~UINT64_C(0) >> (63 - (last & 63));
		w.word[i & w.mask] &= ~bits;
	}
}

static inline void replay_mark(struct replay w, uint64_t index)
{
	w.word[(index >> 6) & w.mask] |= UINT64_C(1) << (index & 63);
}

/* After a gap, or out of order. */
COLD uint64_t replay_commit_odd(struct replay w, uint64_t top, uint64_t index)
{
	if (index > top)
		replay_clear(w, top + 1, index - 1);
	replay_mark(w, index);
	return index > top ? index : top;
}

/** Note index, which is the one behind top. @return the new top. */
static inline uint64_t replay_next(struct replay w, uint64_t index)
{
	replay_mark(w, index);
	return index;
}

/** Note index, that replay_seen has not seen. @return the new top. */
static inline uint64_t replay_commit(struct replay w, uint64_t top,
				     uint64_t index)
{
	if (unlikely(index != top + 1))
		return replay_commit_odd(w, top, index);
	return replay_next(w, index);
}
