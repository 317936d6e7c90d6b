/* SPDX-License-Identifier: Apache-2.0 */
/* control/hep/report.h - what the dataplane has counted of each stream, as the
 * JSON of an RTCP report that Homer reads. Loss is since the stream began. What
 * isn't known (the highest sequence number, the other side's report) isn't in
 * it. Pure. */
#pragma once
#include <jansson.h>
#include "control/libre.h"

struct hep_report {
	struct sa src, dst;	 /* from where the media comes, to where */
	const char *correlation; /* Call-ID of that leg, or NULL */
	const json_t *body;
};

/** calls: as calls_json. f is called for each stream of which a packet came. */
void hep_reports_make(const json_t *calls,
		      void (*f)(const struct hep_report *r, void *arg),
		      void *arg);
