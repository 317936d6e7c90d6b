/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/csum.h - the Internet checksum, RFC 1071. Pure.
 *
 * Sums are of 16-bit words as they lie in memory (the sum doesn't care about
 * octet order), kept in 64 bits and folded once at the end. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Add p[0..n) to a running sum. All but the last part must be even. */
static inline uint64_t csum_add(uint64_t sum, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t other = 0;
	uint32_t v[2];
	uint16_t half;

	/* Words of 32 bits in two sums: neither carries nor waits for the
	 * other. 64 KiB of them stay far below 64 bits. */
	for (; n >= 8; n -= 8, b += 8) {
		memcpy(v, b, 8);
		sum += v[0];
		other += v[1];
	}
	sum += other;
	if (n & 4) {
		memcpy(v, b, 4);
		sum += v[0];
		b += 4;
	}
	if (n & 2) {
		memcpy(&half, b, 2);
		sum += half;
		b += 2;
	}
	if (n & 1) {
		half = 0;
		memcpy(&half, b, 1);
		sum += half;
	}
	return sum;
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
