/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/hop.h - SRTP on the LAN leg, keyed by SDES. RFC 3711, 4568.
 *
 * libsrtp2, one suite (AES_CM_128_HMAC_SHA1_80), which every gateway speaks.
 * It protects the hop to the gateway; end-to-end encryption is inside it and
 * knows nothing of it. Keys are in locked memory while we hold them; libsrtp2
 * keeps and wipes its own copy. Main thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOP_OVERHEAD 32	 /* octets that protecting adds at most */
#define HOP_LINE_MAX 128 /* of an a=crypto value */

struct hop;

/** Our own key made, the peer's still to come. @return NULL: no memory. */
struct hop *hop_new(void);
void hop_free(struct hop *h);
/** The value of a=crypto that tells our key. */
void hop_offer(const struct hop *h, unsigned tag, char out[HOP_LINE_MAX]);
/** The value of the peer's a=crypto. tag: its number, which an answer repeats.
 * The same value again changes nothing.
 * @return false: another suite, session parameters, or a malformed key. */
bool hop_accept(struct hop *h, const char *value, size_t len, unsigned *tag);

/** In place; *len grows by HOP_OVERHEAD at most, or shrinks. @return false:
 * not authentic, replayed, or no key yet. */
bool hop_protect(struct hop *h, uint8_t *rtp, int *len);
bool hop_unprotect(struct hop *h, uint8_t *rtp, int *len);
bool hop_protect_rtcp(struct hop *h, uint8_t *rtcp, int *len);
bool hop_unprotect_rtcp(struct hop *h, uint8_t *rtcp, int *len);
