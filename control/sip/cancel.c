/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/cancel.c - CANCEL of nothing. RFC 3261 section 9.2.
 *
 * libre answers the CANCEL of an INVITE that is there, and tells the owner of
 * its transaction: a new call's is bridge.c, a re-INVITE's reinvite.c. */
#include "control/sip/door.h"

void verb_cancel(struct door *d, struct listener *l, struct session *s,
		 const struct sip_msg *m)
{
	(void)s;
	door_refuse(d, l, m, 481, NULL);
}
