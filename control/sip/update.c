/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/update.c - UPDATE: a new offer, also before the call is
 * answered; without one, a sign of life. RFC 3311. */
#include <stdlib.h>
#include "control/sip/alone.h"

static void sign_of_life(struct session *s, struct listener *l,
			 const struct sip_msg *m)
{
	struct answer a = {.status = 200};
	struct stxn *st = stxn_new(l, m, NULL, NULL);
	struct mbuf *mb = mbuf_alloc(128);

	if (st && mb && !session_contact(s, mb) && !refresh_answer(s, m, mb)) {
		a.headers = mb;
		stxn_answer(st, &a);
	}
	mem_deref(mb);
	mem_deref(st);
	if (s->br->b->up == s->br)
		call_save(s->br->b->call);
}

void verb_update(struct door *d, struct listener *l, struct session *s,
		 const struct sip_msg *m)
{
	struct pl body = message_body(m);
	struct media_why why;
	char *sdp;
	int status;

	if (body.l && !message_has_sdp(m)) {
		door_refuse(d, l, m, 415, "UPDATE with another body than SDP");
		return;
	}
	if (refresh_refuse(d, l, m) || !relay_may(s, l, m))
		return;
	if (!body.l) {
		sign_of_life(s, l, m);
		return;
	}
	if (session_alone(s)) {
		alone_update(s, l, m);
		return;
	}
	status = path_may_offer(s->br->path, s->side);
	if (refresh_inviting(s->br) || reoffer_out(s) ||
	    reoffer_out(s->br->s[OTHER_LEG(s->side)]))
		status = 491;
	if (status) { /* section 5.2 */
		door_refuse(d, l, m, (uint16_t)status,
			    "another offer is still to be answered");
		return;
	}
	if (path_offer(s->br->path, s->side, body.p, body.l, &sdp, &why)) {
		door_refuse(d, l, m, (uint16_t)why.status, why.text);
		return;
	}
	relay_start(s, l, m, NULL, sdp, true, false);
	free(sdp);
}
