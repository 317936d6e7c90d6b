/* SPDX-License-Identifier: Apache-2.0 */
/* control/features/features.h - the one gate for what a call may use.
 *
 * One table (features.c) that people can read: each feature, the SIP shapes in
 * which it is asked for, whether it needs plain media, what a call whose media
 * is end-to-end encrypted answers, and whether it has been built. Everything
 * that would add a feature to a call asks features_may() first and does what
 * it says. Pure; any thread; the strings are static. */
#pragma once
#include <stdbool.h>

enum call_kind {
	CALL_ORDINARY,
	CALL_E2EE, /* a=e2ee in offer and answer: end-to-end encrypted */
};

enum feature {
	FEATURE_HOLD,
	FEATURE_RECORDING,
	FEATURE_CAPTIONS,
	FEATURE_TRANSCRIPTION,
	FEATURE_TRANSCODING,
	FEATURE_TRANSFER_BLIND,
	FEATURE_TRANSFER_SAFE,
	FEATURE_TRANSFER_CONSULTATIVE,
	FEATURE_TRANSFER_DEVICE,
	FEATURE_COMPANION,
	FEATURE_PARK,
	FEATURE_MERGE,
	FEATURE_ADD_PARTICIPANT,
	FEATURE_PSTN,
	FEATURE_FORWARD,
	FEATURE_VOICEMAIL,
	FEATURE_SIMULTANEOUS_RING,
	FEATURE_PICKUP,
	FEATURE_QUEUE,
	FEATURE_MONITORING,
	FEATURE_MUSIC,
	FEATURE_COUNT
};

struct feature_info {
	const char *name;  /* stable: lower case, hyphens; for APIs, audit */
	const char *title; /* for people, as a noun */
	const char *asked; /* the shapes in which it is asked for */
	bool needs_plain;  /* needs media that the appliance can read, or a
			    * third party that has no part in the keys */
	bool built;	   /* this release has it for ordinary calls */
	int e2ee_status;   /* SIP status on an end-to-end encrypted call;
			    * 0: allowed there too */
	const char *e2ee_reason; /* sentence of its Reason header */
	const char *e2ee_error;	 /* stable names of the refusals */
	const char *later_error;
	const char *later_reason;
};

struct feature_answer {
	bool allowed;
	int status;	    /* SIP status to refuse with; 200 if allowed */
	const char *name;   /* the feature's stable name */
	const char *error;  /* stable name of the refusal: "e2ee-<name>",
				 * "not-built-<name>"; NULL if allowed */
	const char *reason; /* one sentence; NULL if allowed */
};

/** May a call of this kind use the feature? The one deciding function. */
struct feature_answer features_may(enum call_kind kind, enum feature f);
/** The table's row; NULL when there is none. */
const struct feature_info *feature_info(enum feature f);
/** By stable name. @return FEATURE_COUNT: no such feature. */
enum feature feature_find(const char *name);
