/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/multipart.h - one part of a MIME multipart body. RFC 2046 section
 * 5.1, RFC 5621. Pure, in bounded views; fuzzed by tests/fuzz/sip_transport.c.
 */
#pragma once
#include <stdbool.h>
#include "control/libre.h"

/** The first part of that type which is sent as it is (7bit, 8bit, binary).
 * @param params  of the multipart's Content-Type: the boundary is in there
 * @return false: none, or no multipart */
bool multipart_find(const struct pl *body, const struct pl *params,
		    const char *type, const char *subtype, struct pl *part);
