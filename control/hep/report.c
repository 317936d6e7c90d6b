/* SPDX-License-Identifier: Apache-2.0 */
#include "control/hep/report.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/sip/addr.h"

#define NTP_EPOCH 2208988800u /* 1900 to 1970, seconds */

/* "opus/48000/2" */
static double clock_of(const json_t *leg)
{
	const char *codec = json_string_value(json_object_get(leg, "codec"));
	const char *slash = codec ? strchr(codec, '/') : NULL;
	double clock = slash ? strtod(slash + 1, NULL) : 0;

	return clock > 0 ? clock : 8000;
}

static json_t *body_of(const json_t *stream, const json_t *leg)
{
	json_int_t ssrc = 0, packets = 0, octets = 0, lost = 0;
	double jitter = 0;
	json_t *j;

	if (json_unpack((json_t *)stream, "{s:I, s:I, s:I, s:I, s:F}", "ssrc",
			&ssrc, "packets_in", &packets, "octets_in", &octets,
			"lost", &lost, "jitter_ms", &jitter) ||
	    packets == 0)
		return NULL;
	j = json_pack("{s:{s:I, s:i, s:I, s:I}, s:I, s:i, s:i, s:[{s:I, s:I, "
		      "s:I, s:I}]}",
		      "sender_information", "ntp_timestamp_sec",
		      (json_int_t)time(NULL) + NTP_EPOCH, "ntp_timestamp_usec",
		      0, "packets", packets, "octets", octets, "ssrc", ssrc,
		      "type", 200, "report_count", 1, "report_blocks",
		      "source_ssrc", ssrc, "fraction_lost",
		      lost * 256 / (lost + packets), "packets_lost", lost,
		      "ia_jitter",
		      (json_int_t)(jitter * clock_of(leg) / 1000.0));
	if (j && json_is_number(json_object_get(stream, "mos")))
		json_object_set(j, "mos", json_object_get(stream, "mos"));
	return j;
}

static bool address(const json_t *leg, const char *key, struct sa *sa)
{
	const char *text = json_string_value(json_object_get(leg, key));

	return text && sip_addr_parse(sa, text);
}

static void medium(const json_t *call, const json_t *m,
		   void (*f)(const struct hep_report *r, void *arg), void *arg)
{
	for (size_t x = 0; x < 2; x++) {
		json_t *leg = json_array_get(json_object_get(m, "legs"), x);
		json_t *body = body_of(
			json_array_get(json_object_get(m, "streams"), x), leg);
		struct hep_report r = {
			.correlation = json_string_value(json_array_get(
				json_object_get(call, "call_ids"), x)),
			.body = body,
		};

		if (body && address(leg, "peer", &r.src) &&
		    address(leg, "local", &r.dst))
			f(&r, arg);
		json_decref(body);
	}
}

void hep_reports_make(const json_t *calls,
		      void (*f)(const struct hep_report *r, void *arg),
		      void *arg)
{
	json_t *call, *m;
	size_t i, k;

	json_array_foreach ((json_t *)calls, i, call)
		json_array_foreach (json_object_get(call, "media"), k, m)
			if (json_is_true(json_object_get(m, "active")))
				medium(call, m, f, arg);
}
