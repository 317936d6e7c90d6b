/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/refuse.c - what this door knows, and doesn't do. */
#include "control/features/features.h"
#include "control/log.h"
#include "control/sip/door.h"

void verb_not_allowed(struct door *d, struct listener *l, struct session *s,
		      const struct sip_msg *m)
{
	struct answer a = {.status = 405};
	struct mbuf *mb = mbuf_alloc(128);

	(void)s;
	if (mb && !allow_print(mb, ~0u)) {
		a.headers = mb;
		door_reply(d, l, m, &a);
	}
	mem_deref(mb);
}

/* Features of a call, by the SIP shape in which they are asked for. */
static bool shape_of(const struct sip_msg *m, enum feature *f)
{
	const struct sip_hdr *to = sip_msg_hdr(m, SIP_HDR_REFER_TO);
	struct pl replaces;

	if (message_is(m, "REFER")) {
		*f = to && !re_regex(to->val.p, to->val.l,
				     "Replaces=", &replaces)
			     ? FEATURE_TRANSFER_CONSULTATIVE
			     : FEATURE_TRANSFER_BLIND;
		return true;
	}
	if (sip_msg_hdr(m, SIP_HDR_REPLACES)) {
		*f = FEATURE_TRANSFER_CONSULTATIVE;
		return true;
	}
	if (sip_msg_hdr(m, SIP_HDR_JOIN)) {
		*f = FEATURE_ADD_PARTICIPANT;
		return true;
	}
	return false;
}

bool refuse_feature(struct door *d, struct listener *l, const struct sip_msg *m)
{
	struct feature_answer a;
	enum feature f;

	if (!shape_of(m, &f))
		return false;
	a = features_may(CALL_ORDINARY, f);
	log_info(0, "%s asked for: %s", a.name,
		 a.allowed ? "no SIP shape of it is served" : a.error);
	door_refuse(d, l, m, a.allowed ? 501 : (uint16_t)a.status,
		    a.allowed ? "not served by SIP" : a.reason);
	return true;
}

void verb_refer(struct door *d, struct listener *l, struct session *s,
		const struct sip_msg *m)
{
	(void)s;
	refuse_feature(d, l, m);
}
