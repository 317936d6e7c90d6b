/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/events.c - SUBSCRIBE, NOTIFY and PUBLISH outside of a dialog. RFC
 * 6665, 3903.
 *
 * Phones subscribe to message waiting, to each other's lights and to their
 * makers' own, and go on asking until they are told that there is no such event
 * package: 489 is what they take for that, 405 isn't. Some keep a translator's
 * way open by NOTIFY, and want no more than an answer. The only subscriptions
 * here are those that a REFER makes (subscription.c). */
#include "control/sip/door.h"

void verb_event(struct door *d, struct listener *l, struct session *s,
		const struct sip_msg *m)
{
	const struct sip_hdr *event = sip_msg_hdr(m, SIP_HDR_EVENT);
	struct answer a = {.status = 489};
	struct mbuf *mb = mbuf_alloc(32);

	(void)s;
	if (event && message_is(m, "NOTIFY") &&
	    !pl_strcasecmp(&event->val, "keep-alive"))
		a.status = 200;
	if (mb && !mbuf_write_str(mb, "Allow-Events: refer\r\n")) {
		a.headers = mb;
		door_reply(d, l, m, &a);
	}
	mem_deref(mb);
}
