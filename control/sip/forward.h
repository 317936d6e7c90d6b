/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/forward.h - calls that go elsewhere than to who was called:
 * always, busy, no answer, deflected by a phone; and who else rings. RFC 7044
 * (History-Info), RFC 5806 (Diversion). Control's thread. */
#pragma once
#include "control/sip/door.h"
#include "control/store/forwards.h"

struct forward; /* a bridge's; NULL: nobody's rules are in force */

/* The rules of the user who is about to be rung. */

/** Take them up. @return true: the call goes elsewhere at once, or has ended. */
bool forward_always(struct bridge *b, const char *user);
/** Who else is to ring, one by one; NULL: no more. */
const char *forward_also(struct bridge *b, unsigned i);
/** Phones ring: from now on counts how long nobody answers. */
void forward_rings(struct bridge *b);

/** No phone took the call, with this status (the best of all). @return true: it
 * goes elsewhere. */
bool forward_refused(struct bridge *b, uint16_t status);
/** A phone says where it should go. @return false: it isn't followed. */
bool forward_deflected(struct bridge *b, const struct sip_msg *m);
/** The user who has sent it on last, who answers for it; NULL: nobody has. */
const char *forward_by(const struct bridge *b);
/** What a phone that is rung is told of it: whole lines. @return 0 or errno. */
int forward_print(const struct bridge *b, struct mbuf *mb);
/** The call is answered, or over. */
void forward_stop(struct bridge *b);

/** An address as it is kept (forwards.h): may it be? */
bool forward_address_ok(const char *text);
