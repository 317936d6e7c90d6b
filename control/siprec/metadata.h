/* SPDX-License-Identifier: Apache-2.0 */
/* control/siprec/metadata.h - who speaks on which stream of a recording session.
 * RFC 7865: always the whole ("complete"), never a part. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "control/libre.h"

#define METADATA_TYPE	 "application/rs-metadata+xml"
#define METADATA_REQUEST "rs-metadata-request+xml" /* of application/ */
#define METADATA_ID	 16			   /* octets, RFC 7865 6.10 */

struct metadata_party {
	uint8_t id[METADATA_ID];
	const char *aor; /* a URI; what XML can't have in it is escaped */
};

struct metadata_stream {
	uint8_t id[METADATA_ID];
	const char *label; /* of its m-line */
	unsigned from;	   /* who speaks, index into parties */
	bool flows;	   /* the other one hears it */
};

struct metadata {
	uint8_t session[METADATA_ID];
	uint64_t call;	/* the gateway's id, as records and lists have it */
	time_t started; /* the call was answered */
	time_t joined;	/* the recording session began */
	struct metadata_party party[2];
	const struct metadata_stream *stream;
	unsigned streams;
	const char *const *uses; /* what it is for: "transcription" ... */
	unsigned n_uses;
};

/** Append the document to mb. @return 0 or ENOMEM. */
int metadata_print(struct mbuf *mb, const struct metadata *m);
