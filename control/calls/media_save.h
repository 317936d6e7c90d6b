/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/media_save.h - shared by calls/media_save*.c: parts of a call's
 * media as JSON, and back. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include "control/calls/media_impl.h"

json_t *media_addr_json(const struct sp_addr *a);
/** @return false: no address in there. family 0: none was. */
bool media_addr_load(json_t *j, struct sp_addr *out);
/** ICE, DTLS-SRTP and BUNDLE of a leg. Their absence in *j (a call of an earlier
 * version) leaves the leg as it is. */
json_t *media_keying_json(const struct mleg *g);
void media_keying_load(json_t *j, struct mleg *g);
