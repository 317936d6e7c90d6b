/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/reason.h"
#include <stdio.h>

static const struct {
	const char *name, *text;
} reasons[E2EE_REASONS] = {
	[E2EE_R_NONE] = {"none", "Nothing is wrong"},
	[E2EE_R_ATTRIBUTE] = {"attribute",
			      "The a=e2ee attribute can't be read"},
	[E2EE_R_SECOND_ATTRIBUTE] = {"second-attribute",
				     "The SDP has a second a=e2ee attribute"},
	[E2EE_R_SIZE] = {"message-size", "A message is larger than 4 KiB"},
	[E2EE_R_MALFORMED] = {"malformed", "A message is cut short or garbled"},
	[E2EE_R_TRAILING] = {"trailing-octets",
			     "A message has trailing octets"},
	[E2EE_R_VERSION] = {"version", "The peer speaks another version"},
	[E2EE_R_FLAGS] = {"flags", "A flag that doesn't exist is set"},
	[E2EE_R_SUITE] = {"suite", "There is no cipher suite in common"},
	[E2EE_R_KEM] = {"kem-field", "A KEM field isn't empty in suite 1"},
	[E2EE_R_SIDE] = {"wrong-side", "A message came from the wrong side"},
	[E2EE_R_ORDER] = {"order", "A message came out of order"},
	[E2EE_R_DIFFERS] = {"repeat-differs",
			    "A message was repeated with other content"},
	[E2EE_R_LOW_ORDER] = {"low-order-key",
			      "The peer's X25519 key is of low order"},
	[E2EE_R_AEAD] = {"aead", "A sealed message doesn't authenticate"},
	[E2EE_R_COMMITMENT] = {"commitment",
			       "The peer isn't who it committed to be"},
	[E2EE_R_SIGNATURE] = {"signature", "The peer's signature is wrong"},
	[E2EE_R_AOR] = {"aor", "An address of record isn't well-formed"},
	[E2EE_R_OWN_AOR] = {"own-aor",
			    "The peer isn't the one that was called"},
	[E2EE_R_PEER_AOR] = {"peer-aor", "The peer meant to talk to another"},
	[E2EE_R_MEDIA_LIST] = {"media-list", "The peer's media list is wrong"},
	[E2EE_R_OWN_IDENTITY] = {"own-identity",
				 "The peer shows this endpoint's own identity"},
	[E2EE_R_IDENTITY] = {"identity-changed",
			     "The peer's identity isn't the verified one"},
	[E2EE_R_TIME_M3] = {"time-m3", "The caller's M3 didn't come in time"},
	[E2EE_R_TIME_M4] = {"time-m4", "The callee's M4 didn't come in time"},
	[E2EE_R_TIME_M5] = {"time-m5", "The caller's M5 didn't come in time"},
	[E2EE_R_TIME_MEDIA] = {"time-media",
			       "No end-to-end encrypted media came in time"},
	[E2EE_R_INFO_REFUSED] = {"info-refused",
				 "A handshake message was refused"},
	[E2EE_R_PEER_ENDED] = {"peer-ended",
			       "The peer ended the call within the handshake"},
	[E2EE_R_REQUIRED] = {"required", "End-to-end encryption is required"},
	[E2EE_R_SDP_CHANGED] = {"sdp-changed",
				"The a=e2ee attribute changed during the call"},
	[E2EE_R_BUSY] = {"busy", "Another handshake is still going on"},
	[E2EE_R_BLOCKED] = {"blocked",
			    "Too many handshakes with this peer failed"},
	[E2EE_R_CONFIG] = {"config", "The call was set up with wrong values"},
	[E2EE_R_INTERNAL] = {"internal", "Memory or cryptography failed"},
};

const char *e2ee_reason_name(enum e2ee_reason r)
{
	return (unsigned)r < E2EE_REASONS ? reasons[r].name : "unknown";
}

const char *e2ee_reason_text(enum e2ee_reason r)
{
	return (unsigned)r < E2EE_REASONS ? reasons[r].text : "Unknown";
}

size_t e2ee_reason_header(enum e2ee_reason r, char *out, size_t room)
{
	int n = snprintf(out, room, "SIP;cause=488;text=\"e2ee %s: %s\"",
			 e2ee_reason_name(r), e2ee_reason_text(r));

	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}
