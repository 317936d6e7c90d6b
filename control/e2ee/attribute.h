/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/attribute.h - a=e2ee in SDP: base64url, and where it may stand.
 *
 * E2EE.md, "Messages"; RFC 8866 for lines, RFC 4648 section 5 for base64url.
 * One encoding of each message only: no padding, no white space, no bits left
 * over. Pure functions over bounded views, any thread. */
#pragma once
#include "control/e2ee/wire.h"

#define E2EE_ATTR_NAME "e2ee"
#define E2EE_B64(n)    (((n)*4 + 2) / 3) /* characters for n octets */
#define E2EE_ATTR_MAX  E2EE_B64(E2EE_MSG_MAX)
#define E2EE_ATTR_ROOM (E2EE_B64(E2EE_M2_OWN) + 1) /* for what we send */

/** Decode an attribute's value, the part after "a=e2ee:", into msg.
 * @return E2EE_R_NONE and the length in *n, E2EE_R_ATTRIBUTE or E2EE_R_SIZE. */
enum e2ee_reason e2ee_attr_decode(const char *value, size_t len,
				  uint8_t msg[E2EE_MSG_MAX], size_t *n);
/** Encode msg[0..n), NUL-terminated. @return characters, 0 if room is less
 * than E2EE_B64(n) + 1. */
size_t e2ee_attr_encode(char *out, size_t room, const uint8_t *msg, size_t n);

/** Find the one session-level a=e2ee of an SDP; the value points into it.
 * @return true with value->p NULL where there is none, false with *why for one
 * that is second, without a value, or below an m= line. */
bool e2ee_attr_find(const char *sdp, size_t len, struct e2ee_view *value,
		    enum e2ee_reason *why);
