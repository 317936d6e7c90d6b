/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/ack.c - ACK of a 2xx: the call is confirmed on this side, and
 * where the INVITE had no offer, here is the answer (RFC 3261 section 13.2.1).
 * ACKs of refusals never come here: libre's transactions take them. */
#include <stdlib.h>
#include "control/sip/alone.h"

/* The answer to the offer that the other side's 2xx made. */
static void pass_answer(struct session *s, struct session *other,
			const struct sip_msg *m)
{
	struct branch *br = s->br;
	struct pl body = message_body(m);
	struct media_why why = {.status = 488,
				.text = "the ACK had no answer to the offer"};
	char *sdp = NULL;

	if (message_has_sdp(m) &&
	    !path_answer(br->path, s->side, body.p, body.l, true, &sdp, &why)) {
		session_ack(other, other->ack_seq, sdp);
		free(sdp);
		return;
	}
	/* The 2xx stands, so there is a call; it can only be ended. */
	session_ack(other, other->ack_seq, NULL);
	bridge_end(br->b, CALL_BY_GATEWAY, (uint16_t)why.status, why.text,
		   NULL);
}

void verb_ack(struct door *d, struct listener *l, struct session *s,
	      const struct sip_msg *m)
{
	struct session *other;

	(void)d;
	(void)l;
	if (!s || !session_confirmed(s, m))
		return;
	other = s->br->s[OTHER_LEG(s->side)];
	if (s->br->b->call) {
		if (session_alone(s))
			alone_ack(s, m);
		else if (other->owes_ack)
			pass_answer(s, other, m);
		if (s->br->b->call)
			call_save(s->br->b->call);
	}
	bridge_tidy(s->br->b);
}
