/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/index.h - the packet index from a sequence number.
 *
 * RFC 3711 section 3.3.1 and appendix A. An index is ROC << 16 | SEQ, 48 bits;
 * top is the highest index of the SSRC so far. Pure functions. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/srtp/hint.h"

#define INDEX_LIMIT (UINT64_C(1) << 48) /* the first index that isn't one */

/** The index nearest to top that ends in seq; INDEX_LIMIT and more: there is
 * none left. Of two that are as near the RFC takes the one with top's own
 * counter. */
static inline uint64_t index_estimate(uint64_t top, uint16_t seq)
{
	const int16_t ahead = (int16_t)(seq - (uint16_t)top);
	uint64_t index = top + (uint64_t)(int64_t)ahead;

	if (unlikely(ahead == INT16_MIN) && !(top & 0x8000))
		index += 0x10000;
	/* Before the first rollover there is nothing to fall back to: a large
	 * step is one forward. The RFC's modulo would make it ROC 2^32 - 1. */
	if (unlikely(index >= INDEX_LIMIT) && (int64_t)index < 0)
		index += 0x10000;
	return index;
}

/** Is it the one right behind top, and with the same rollover counter, as nearly
 * all are? Then it is top + 1, and below INDEX_LIMIT. */
static inline bool index_is_next(uint64_t top, uint16_t seq)
{
	return likely((uint16_t)top + 1u == seq);
}

static inline uint64_t index_first(uint32_t roc, uint16_t seq)
{
	return (uint64_t)roc << 16 | seq;
}
