/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/prack.c - PRACK: the caller has a reliable 18x. RFC 3262.
 *
 * Relayed end to end: RSeq goes through as the phone chose it, and so do its
 * repeats, so whatever got lost on either hop is made good by the phone. */
#include <stdio.h>
#include <stdlib.h>
#include "control/sip/door.h"

void verb_prack(struct door *d, struct listener *l, struct session *s,
		const struct sip_msg *m)
{
	struct branch *br = s->br;
	struct pl body = message_body(m);
	uint32_t rseq, cseq;
	struct media_why why;
	char lines[48], *sdp = NULL;
	bool offered = false;
	int err = 0;

	if (!message_rack(m, &rseq, &cseq) || s->side != LEG_A || !br->rseq ||
	    rseq > br->rseq || !br->b->st ||
	    cseq != stxn_request(br->b->st)->cseq.num) {
		door_refuse(d, l, m, 481, NULL);
		return;
	}
	if (body.l && !message_has_sdp(m)) {
		door_refuse(d, l, m, 415, "PRACK with another body than SDP");
		return;
	}
	if (!relay_may(s, l, m))
		return;
	if (body.l && path_awaits_answer_to(br->path, LEG_B)) {
		err = path_answer(br->path, LEG_A, body.p, body.l, true, &sdp,
				  &why);
	} else if (body.l) { /* section 5: another offer */
		why.status = path_may_offer(br->path, LEG_A);
		snprintf(why.text, sizeof(why.text),
			 "another offer is still to be answered");
		offered = !why.status;
		err = why.status ? -1
				 : path_offer(br->path, LEG_A, body.p, body.l,
					      &sdp, &why);
	}
	if (err) {
		door_refuse(d, l, m, (uint16_t)why.status, why.text);
		return;
	}
	snprintf(lines, sizeof(lines), "RAck: %u %u INVITE\r\n", rseq,
		 br->invite_seq);
	relay_start(s, l, m, lines, sdp, offered, false);
	free(sdp);
}
