/* SPDX-License-Identifier: Apache-2.0 */
/* control/hep/hep.h - a mirror of signalling and of media's reports for a
 * collector (Homer, sngrep): HEP version 3, over UDP. Off unless configured.
 *
 * What is said to a collector leaves the appliance in the clear, so keys never
 * are: mask.h. A collector that is away, or slow, costs nothing but the datagrams:
 * none is kept. The password (chunk 14) is in each of them as it is. Control's
 * thread. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "control/libre.h"

#define HEP_REPORT_SECONDS 5

struct calls;
struct config_hep;
struct hep;

/** NULL in *hp where no collector is configured. err gets a sentence.
 * @return 0 or errno. */
int hep_open(struct hep **hp, const struct config_hep *cfg, char *err,
	     size_t errlen);
void hep_close(struct hep *h); /* also NULL */
/** Every five seconds, a report on each stream of each call. */
void hep_reports(struct hep *h, struct calls *calls);
/** A call has ended: the last report on each of its streams. call: as
 * calls_json has one. h may be NULL. */
void hep_ended(struct hep *h, const json_t *call);
/** A SIP message on its way; udp: else TCP, whatever is above it. h may be
 * NULL. */
void hep_sip(struct hep *h, bool udp, const struct sa *src,
	     const struct sa *dst, const uint8_t *p, size_t len);
