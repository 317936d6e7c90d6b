/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/hint.h - what the compiler cannot know of the packet loop.
 *
 * Beside AES-GCM at 28 ns a packet the engine may spend 5: which way a branch
 * goes in a healthy call, and what is worth a copy at each place, counts. */
#pragma once

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* For each packet. Also for prefetches: gcc takes a function of them for one
 * without effect, and its calls away. */
#define HOT	    static inline __attribute__((always_inline))
/* Once a call, or never. */
#define COLD	    static __attribute__((noinline, cold))
