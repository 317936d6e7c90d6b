/* SPDX-License-Identifier: Apache-2.0 */
/* control/hep/packet.h - a HEP3 packet: chunks of vendor 0, as "HEP/EEP: Homer
 * encapsulation protocol", revision 36, has them. Pure. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/libre.h"

#define HEP_PACKET_MAX 65000 /* octets of a datagram */

enum hep_type { HEP_SIP = 1, HEP_RTCP_JSON = 5 };

struct hep_packet {
	enum hep_type type;
	bool udp; /* else TCP */
	const struct sa *src, *dst;
	uint32_t seconds, microseconds; /* when, UNIX time */
	uint32_t id;			/* of who captures */
	const char *password;		/* or NULL */
	const char *correlation;	/* Call-ID, or NULL */
	const uint8_t *payload;
	size_t len;
};

/** @return octets in out; 0: it would be too long, or the addresses differ in
 * family. */
size_t hep_write(const struct hep_packet *p, uint8_t out[HEP_PACKET_MAX]);
