/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/csum.h - the Internet checksum, RFC 1071. Pure.
 *
 * Sums are of 16-bit words as they lie in memory (the sum doesn't care about
 * octet order), kept in 64 bits and folded once at the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t csum_vector __attribute__((vector_size(16)));

/** Add p[0..n) to a running sum. All but the last part must be even. */
static inline uint64_t csum_add(uint64_t sum, const void *p, size_t n)
{
	const uint8_t *b = p;
	csum_vector v, low = {0, 0}, high = {0, 0};
	uint64_t word = 0;

	/* Halves of 64-bit words, each in sums of its own: none can carry
	 * within 64 KiB, and two are added in one instruction. */
	for (; n >= sizeof(v); n -= sizeof(v), b += sizeof(v)) {
		memcpy(&v, b, sizeof(v));
		low += v & 0xffffffff;
		high += v >> 32;
	}
	low += high;
	sum += low[0] + low[1];
	if (n & 8) {
		memcpy(&word, b, 8);
		sum += (word & 0xffffffff) + (word >> 32);
		b += 8;
	}
	if (n & 4) {
		uint32_t v4;

		memcpy(&v4, b, 4);
		sum += v4;
		b += 4;
	}
	if (n & 2) {
		uint16_t v2;

		memcpy(&v2, b, 2);
		sum += v2;
		b += 2;
	}
	if (n & 1) {
		uint16_t v1 = 0;

		memcpy(&v1, b, 1);
		sum += v1;
	}
	return sum;
}

/** The sum of two words, not inverted. */
static inline uint16_t csum_two(uint16_t a, uint16_t b)
{
	uint16_t sum;
	const bool carry = __builtin_add_overflow(a, b, &sum);

	return (uint16_t)(sum + carry);
}

/** To 16 bits, not inverted. */
static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
