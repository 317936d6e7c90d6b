/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/info.c - INFO, relayed with its body unread. RFC 6086; the
 * messages of the end-to-end handshake, E2EE.md. */
#include "control/sip/door.h"

#define INFO_BODY_MAX 8192

static bool is_handshake(const struct sip_msg *m)
{
	return msg_ctype_cmp(&m->ctyp, "application", "sallyport-e2ee");
}

/* One message of the handshake: what it is and whose turn, no more. */
static bool handshake_may(struct session *s, struct listener *l,
			  const struct sip_msg *m)
{
	struct branch *br = s->br;
	struct pl body = message_body(m);
	struct media_why why;

	if (!path_e2ee_info(br->path, s->side, body.p, body.l, &why))
		return true;
	door_refuse(br->b->d, l, m, (uint16_t)why.status, why.text);
	return false;
}

void verb_info(struct door *d, struct listener *l, struct session *s,
	       const struct sip_msg *m)
{
	if (message_body(m).l > INFO_BODY_MAX)
		door_refuse(d, l, m, 413, "that body is too large to relay");
	else if (message_has_sdp(m))
		door_refuse(d, l, m, 415, "INFO doesn't negotiate media");
	else if (relay_may(s, l, m) && !refuse_feature(d, l, s, m, NULL) &&
		 (!is_handshake(m) || handshake_may(s, l, m)))
		relay_start(s, l, m, NULL, NULL, false, true);
}
