/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/reason.h - why a handshake failed: stable names, plain words.
 *
 * E2EE.md, "The course of a handshake". A name never changes its meaning: it
 * goes into the Reason header of the BYE or 488, into logs and into --json.
 * None of them carries anything secret. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum e2ee_reason {
	E2EE_R_NONE,
	/* what was received can't be read */
	E2EE_R_ATTRIBUTE,
	E2EE_R_SECOND_ATTRIBUTE,
	E2EE_R_SIZE,
	E2EE_R_MALFORMED,
	E2EE_R_TRAILING,
	E2EE_R_VERSION,
	E2EE_R_FLAGS,
	E2EE_R_SUITE,
	E2EE_R_KEM,
	/* it can, but it may not come now, or from there */
	E2EE_R_SIDE,
	E2EE_R_ORDER,
	E2EE_R_DIFFERS,
	/* it isn't what was promised, or not from whom it says */
	E2EE_R_LOW_ORDER,
	E2EE_R_AEAD,
	E2EE_R_COMMITMENT,
	E2EE_R_SIGNATURE,
	E2EE_R_AOR,
	E2EE_R_OWN_AOR,
	E2EE_R_PEER_AOR,
	E2EE_R_MEDIA_LIST,
	E2EE_R_OWN_IDENTITY,
	E2EE_R_IDENTITY,
	/* time, and the other side */
	E2EE_R_TIME_M3,
	E2EE_R_TIME_M4,
	E2EE_R_TIME_M5,
	E2EE_R_TIME_MEDIA,
	E2EE_R_INFO_REFUSED,
	E2EE_R_PEER_ENDED,
	/* not begun, or no ordinary call allowed instead */
	E2EE_R_REQUIRED,
	E2EE_R_SDP_CHANGED,
	E2EE_R_BUSY,
	E2EE_R_BLOCKED,
	E2EE_R_CONFIG,
	E2EE_R_INTERNAL,
	E2EE_REASONS
};

/** Stable, [a-z0-9-]. */
const char *e2ee_reason_name(enum e2ee_reason r);
/** One sentence for people. */
const char *e2ee_reason_text(enum e2ee_reason r);
/** The value of a Reason header (RFC 3326), NUL-terminated.
 * @return its length, 0 if room is too small (128 are enough). */
size_t e2ee_reason_header(enum e2ee_reason r, char *out, size_t room);
