/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/pstn.h - calls to and from the PSTN, as the door makes them.
 *
 * A number is hunted over its trunks: each is rung as a branch of its own, the
 * next one where the one before couldn't (trunk/route.h, route_falls_back). A
 * call from a trunk rings the user, or the group, whose number was called. */
#pragma once
#include "control/sip/door.h"
#include "control/trunk/trunk.h"

/** Does the URI, as a Request-URI has it, dial a number? n says which, also
 * where it leads nowhere. */
bool pstn_number(const struct door *d, const struct uri *u,
		 const struct pl *uri, struct number *n);
/** Lead a call whose caller is known (dial.h) to a number. It asks the gate
 * (features), then what may be dialled (policy) by the user who calls or, where
 * it is put through, who wanted it so; a refusal ends the call with its reason.
 * A number that is one of ours rings who has it. how: the shape in which it was
 * asked for ("INVITE to a number"). */
void pstn_dial(struct bridge *b, const struct number *n, const char *how);

/* Of calls that are up. */

#define PSTN_REASON_MAX 256
/** Is that side a trunk that is down? */
bool pstn_gone(void *bridge, enum leg l);
/** Which trunk a call is on, for lists and records. A call_door's describe. */
void pstn_describe(void *bridge, json_t *call);
/** Why the gateway ends a call: with what is known of its trunk. @return reason
 * or text. */
const char *pstn_reason(const struct bridge *b, const char *reason,
			char text[PSTN_REASON_MAX]);

/* Called by branch.c and bridge.c. h may be NULL in all of them. */

/** A branch has failed; status: as its trunk said it. @return true: it was
 * seen to here. */
bool hunt_failed(struct hunt *h, struct branch *br, uint16_t status,
		 const char *reason);
/** It has said something. */
void hunt_progress(struct hunt *h, const struct branch *br, uint16_t status);
/** The call has been answered, or is over. */
void hunt_stop(struct hunt *h);

/** An INVITE from a trunk's address. @return false: it is none's. */
bool carrier_invite(struct door *d, struct listener *l,
		    const struct sip_msg *m);
