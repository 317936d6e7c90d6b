/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/opus.h - Opus packets of one size, from any phone.
 *
 * RFC 6716 section 3.2. A phone that codes at a variable rate, or falls silent,
 * would tell by its packets' sizes what is said (E2EE.md, "Media"); `proxy`
 * doesn't transcode, but it can pad. Pure; reads what strangers sent. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** p[0..n) padded to size octets. @return size, or 0: longer already, or no
 * Opus packet. */
size_t opus_pad(uint8_t *out, size_t size, const uint8_t *p, size_t n);
/** 20 ms of silence in size octets. @return as above. */
size_t opus_silence(uint8_t *out, size_t size);
