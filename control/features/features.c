/* SPDX-License-Identifier: Apache-2.0 */
/* The table of features and the gate in front of them. */
#include "control/features/features.h"
#include <stddef.h>
#include <string.h>

#define NAMED(n, t)                                         \
	.name = (n), .title = (t), .e2ee_error = "e2ee-" n, \
	.later_error = "not-built-" n,                      \
	.later_reason = t " (" n ") isn't built in this release"
#define E2EE_ANSWERS(status, sentence) \
	.e2ee_status = (status),       \
	.e2ee_reason = "An end-to-end encrypted call " sentence

/* An end-to-end encrypted call answers 403 to whatever would bring a third
 * party or the appliance to its media, 488 where the media can't be had. */
static const struct feature_info table[FEATURE_COUNT] = {
	[FEATURE_HOLD] =
		{
			NAMED("hold", "Hold"),
			.asked = "re-INVITE or UPDATE, sendonly or inactive",
			.needs_plain = false,
			.built = true,
		},
	[FEATURE_RECORDING] =
		{
			NAMED("recording", "Recording"),
			.asked = "INFO with Record: on; API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be recorded"),
		},
	[FEATURE_CAPTIONS] =
		{
			NAMED("live-captions", "Live captions"),
			.asked = "API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't have live captions"),
		},
	[FEATURE_TRANSCRIPTION] =
		{
			NAMED("transcription", "Transcription"),
			.asked = "API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be transcribed"),
		},
	[FEATURE_TRANSCODING] =
		{
			NAMED("transcoding", "Transcoding"),
			.asked = "an answer without a common codec",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(488, "can't be transcoded"),
		},
	[FEATURE_TRANSFER_BLIND] =
		{
			NAMED("transfer-blind", "Blind transfer"),
			.asked = "REFER",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be transferred"),
		},
	[FEATURE_TRANSFER_SAFE] =
		{
			NAMED("transfer-safe", "Safe transfer"),
			.asked = "API",
			.needs_plain = true,
			.built = false,
			E2EE_ANSWERS(403, "can't be transferred"),
		},
	[FEATURE_TRANSFER_CONSULTATIVE] =
		{
			NAMED("transfer-consultative", "Consultative transfer"),
			.asked = "REFER with Replaces; INVITE with Replaces",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be transferred"),
		},
	[FEATURE_TRANSFER_DEVICE] =
		{
			NAMED("transfer-device", "Transfer to another device"),
			.asked = "INVITE with Replaces from the same user",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403,
				     "stays on the device that it began on"),
		},
	[FEATURE_COMPANION] =
		{
			NAMED("companion", "Companion device"),
			.asked = "INVITE with Join from the same user",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't add a companion device"),
		},
	[FEATURE_PARK] =
		{
			NAMED("park", "Park"),
			.asked = "REFER to an orbit, or to the user part "
				 "park; API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be parked"),
		},
	[FEATURE_MERGE] =
		{
			NAMED("merge", "Merge"),
			.asked = "API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be merged with another"),
		},
	[FEATURE_ADD_PARTICIPANT] =
		{
			NAMED("add-participant", "Adding a participant"),
			.asked = "INVITE with Join; REFER in a "
				 "conference; API",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "has two parties only"),
		},
	[FEATURE_PSTN] =
		{
			NAMED("pstn", "Bridging to the PSTN"),
			.asked =
				"INVITE to tel: or a number; INVITE from a trunk",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(488, "can't be bridged to the PSTN"),
		},
	[FEATURE_FORWARD] =
		{
			NAMED("forward", "Forwarding"),
			.asked = "a phone's 3xx; a user's rules (API)",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be forwarded"),
		},
	[FEATURE_VOICEMAIL] =
		{
			NAMED("voicemail", "Forwarding to voicemail"),
			.asked = "a user's rules (API)",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't go to voicemail"),
		},
	[FEATURE_SIMULTANEOUS_RING] =
		{
			NAMED("simultaneous-ring", "Simultaneous ring"),
			.asked = "a user's rules (API)",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "rings the called user only"),
		},
	[FEATURE_PICKUP] =
		{
			NAMED("pickup", "Call pickup"),
			.asked = "INVITE with Replaces, while it rings",
			.needs_plain = true,
			.built = false,
			E2EE_ANSWERS(403, "can't be picked up by others"),
		},
	[FEATURE_QUEUE] =
		{
			NAMED("queue", "Queues"),
			.asked = "API",
			.needs_plain = true,
			.built = false,
			E2EE_ANSWERS(403, "can't wait in a queue"),
		},
	[FEATURE_MONITORING] =
		{
			NAMED("monitoring", "Monitoring"),
			.asked = "ng: subscribe request, start "
				 "forwarding",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403, "can't be listened to"),
		},
	[FEATURE_MUSIC] =
		{
			NAMED("music", "Music from the gateway"),
			.asked = "hold; park; an empty conference",
			.needs_plain = true,
			.built = true,
			E2EE_ANSWERS(403,
				     "can't be played music by the gateway"),
		},
};

const struct feature_info *feature_info(enum feature f)
{
	return (unsigned)f < FEATURE_COUNT ? &table[f] : NULL;
}

enum feature feature_find(const char *name)
{
	for (int f = 0; f < FEATURE_COUNT; f++)
		if (strcmp(table[f].name, name) == 0)
			return f;
	return FEATURE_COUNT;
}

struct feature_answer features_may(enum call_kind kind, enum feature f)
{
	const struct feature_info *info = feature_info(f);
	struct feature_answer a = {
		.status = 501,
		.name = "unknown",
		.error = "not-built-unknown",
		.reason = "There is no such feature",
	};

	if (!info)
		return a;
	a.name = info->name;
	/* the refusal of an end-to-end call comes first: it must not depend on
	 * what this release happens to have built */
	if (kind == CALL_E2EE && info->e2ee_status) {
		a.status = info->e2ee_status;
		a.error = info->e2ee_error;
		a.reason = info->e2ee_reason;
	} else if (!info->built) {
		a.error = info->later_error;
		a.reason = info->later_reason;
	} else {
		a.allowed = true;
		a.status = 200;
		a.error = a.reason = NULL;
	}
	return a;
}
