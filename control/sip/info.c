/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/info.c - INFO, relayed with its body unread. RFC 6086; the
 * messages of the end-to-end handshake, E2EE.md. */
#include "control/sip/alone.h"

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

/* Record: on, off. @return false: it asks for neither, or is for the other
 * side: nothing is recorded here that could be ended. */
static bool record(struct door *d, struct listener *l, struct session *s,
		   const struct sip_msg *m)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(m, "Record");
	struct call *c = s->br->b->call;
	struct answer a = {.status = 200};
	struct feature_answer may;
	struct duty_why why;
	bool on;

	if (!hdr || !c)
		return false;
	on = pl_strcasecmp(&hdr->val, "on") == 0;
	if (!on && (pl_strcasecmp(&hdr->val, "off") != 0 || !call_recorded(c)))
		return false;
	if (on) {
		may = call_may(c, FEATURE_RECORDING, call_party(c, s->side),
			       "INFO with Record: on");
		if (!may.allowed) {
			door_refuse_feature(d, l, m, &may);
			return true;
		}
	}
	if (call_record(c, on, call_party(c, s->side),
			on ? "INFO with Record: on" : "INFO with Record: off",
			&why) == 0)
		door_reply(d, l, m, &a);
	else
		door_refuse_feature(d, l, m,
				    &(struct feature_answer){
					    .status = why.status,
					    .name = "recording",
					    .error = why.name,
					    .reason = why.text,
				    });
	return true;
}

void verb_info(struct door *d, struct listener *l, struct session *s,
	       const struct sip_msg *m)
{
	if (message_body(m).l > INFO_BODY_MAX)
		door_refuse(d, l, m, 413, "that body is too large to relay");
	else if (message_has_sdp(m))
		door_refuse(d, l, m, 415, "INFO doesn't negotiate media");
	else if (session_alone(s))
		alone_info(s, l, m);
	else if (relay_may(s, l, m) && !record(d, l, s, m) &&
		 !refuse_feature(d, l, s, m, NULL) &&
		 (!is_handshake(m) || handshake_may(s, l, m)))
		relay_start(s, l, m, NULL, NULL, false, true);
}
