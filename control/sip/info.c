/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/info.c - INFO, relayed with its body unread. RFC 6086. */
#include "control/sip/door.h"

#define INFO_BODY_MAX 8192

void verb_info(struct door *d, struct listener *l, struct session *s,
	       const struct sip_msg *m)
{
	if (message_body(m).l > INFO_BODY_MAX)
		door_refuse(d, l, m, 413, "that body is too large to relay");
	else if (message_has_sdp(m))
		door_refuse(d, l, m, 415, "INFO doesn't negotiate media");
	else if (relay_may(s, l, m))
		relay_start(s, l, m, NULL, NULL, false, true);
}
