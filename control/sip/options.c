/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/options.c - OPTIONS, RFC 3261 section 11: what we take. Phones
 * and proxies use it as a sign of life, so it is answered to anybody. */
#include "control/sip/door.h"

void verb_options(struct door *d, struct listener *l, struct session *s,
		  const struct sip_msg *m)
{
	bool later = d->stopping || (!s && calls_draining(d->cfg.calls));
	struct answer a = {.status = later ? 503 : 200};
	struct mbuf *mb;

	if (!door_extensions(d, l, m))
		return;
	if (s && !dialog_sequence(&s->dlg, m)) {
		door_refuse(d, l, m, 500, "CSeq is older than the last");
		return;
	}
	mb = mbuf_alloc(256);
	if (mb && !allow_print(mb, ~0u) &&
	    !mbuf_write_str(mb, "Accept: application/sdp\r\n"
				"Accept-Encoding: identity\r\n"
				"Supported: 100rel, timer\r\n")) {
		a.headers = mb;
		door_reply(d, l, m, &a);
	}
	mem_deref(mb);
}
