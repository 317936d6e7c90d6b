/* SPDX-License-Identifier: Apache-2.0 */
/* The window and the index estimate, against models that are too slow to ship:
 * a flat array of flags, and the text of RFC 3711 appendix A. */
#include <string.h>
#include "dataplane/srtp/index.h"
#include "dataplane/srtp/replay.h"
#include "tests/srtp/cases.h"

#define SPAN 200000 /* indices that the model covers */

static void replay_model(unsigned size, unsigned ring, uint64_t seed)
{
	static bool seen[SPAN];
	uint64_t word[SRTP_WINDOW_MAX / 64] = {0};
	struct replay w = {word, ring / 64 - 1, size};
	struct rng r = {seed};
	uint64_t top = 5;

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < 40000; i++) {
		unsigned kind = rng_below(&r, 100);
		uint64_t index, reach = kind < 2 ? 3 * size : 5;
		bool old;

		if (kind < 60)
			index = top + rng_below(&r, reach);
		else
			index = top - rng_below(&r, size + 3);
		if (index >= SPAN)
			break;
		old = index <= top && (top - index >= size || seen[index]);
		assert_int_equal(replay_seen(w, top, index), old);
		if (old)
			continue;
		seen[index] = true;
		top = replay_commit(w, top, index);
		for (unsigned k = 0; k < 4; k++) {
			uint64_t x = top - rng_below(&r, size);

			if (x <= top)
				assert_int_equal(replay_seen(w, top, x),
						 seen[x]);
		}
	}
}

void replay_exhaustive(void **state)
{
	(void)state;
	for (unsigned size = 64, ring = 64; size <= 1024; size += 64) {
		while (ring < size)
			ring *= 2;
		for (unsigned k = 0; k < 4; k++)
			replay_model(size, ring, size + k + 1);
	}
}

/* RFC 3711 appendix A, and 2^48 indices that don't go below 0. */
static uint64_t estimate_model(uint64_t top, uint16_t seq)
{
	const uint32_t s_l = top & 0xffff;
	int64_t v = top >> 16;

	if (s_l < 32768) {
		if ((int32_t)seq - (int32_t)s_l > 32768 && v > 0)
			v--;
	} else if ((int32_t)s_l - 32768 > (int32_t)seq) {
		v++;
	}
	return (uint64_t)v << 16 | seq;
}

void index_estimates(void **state)
{
	static const uint64_t tops[] = {
		0,	 1,	  0x7fff,  0x8000,  0x8001,	   0xffff,
		0x10000, 0x17fff, 0x18000, 0x1ffff, 0xfffffffe8000};

	(void)state;
	for (unsigned i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		for (uint32_t seq = 0; seq < 0x10000; seq++)
			assert_int_equal(index_estimate(tops[i], seq),
					 estimate_model(tops[i], seq));
}
