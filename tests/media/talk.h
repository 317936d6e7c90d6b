/* SPDX-License-Identifier: Apache-2.0 */
/* tests/media/talk.h - a call's media between two made-up phones: leg A at
 * 10.1.0.9 (access), leg B at 10.2.0.9 (trunk); what comes out, written so that
 * it can be compared. */
#pragma once
#include "control/calls/media.h"
#include "control/dataplane/dp.h"
#include "tests/media/fake_dp.h"

struct talk {
	struct fake_dp *fake;
	struct dp *dp;
	struct media *m;
	struct media_leg_addr addr[2];
	char text[16384]; /* latest SDP, normalised (see talk_offer) */
	char raw[16384];  /* and as it came out */
	struct media_why why;
};

/* cmocka's set-up and tear-down: a fake dataplane and a client of it. */
int talk_set_up(void **state);
int talk_tear_down(void **state);

/** Start a call. suites of NULL: AES_CM_128_HMAC_SHA1_80 only. */
void talk_call(struct talk *t, enum media_security a, enum media_security b);
void talk_call_suites(struct talk *t, enum media_security a,
		      const uint16_t suites_a[8], enum media_security b,
		      const uint16_t suites_b[8]);

/** An offer; asserts that it is taken. @return what goes to the other leg, with
 * our ports as PORT, our keys as KEY, and o= as "o=sallyport ID <version>". */
const char *talk_offer(struct talk *t, enum leg from, const char *sdp);
const char *talk_answer(struct talk *t, enum leg from, const char *sdp);
/** The same, asserting that it is refused with this status and that the
 * sentence holds these words. */
void talk_offer_refused(struct talk *t, enum leg from, const char *sdp,
			int status, const char *words);
void talk_answer_refused(struct talk *t, enum leg from, const char *sdp,
			 int status, const char *words);

/** The value of the nth (from 0) line of the latest SDP as it came out that
 * begins with this; asserted to be there. */
const char *talk_line(struct talk *t, const char *start, unsigned nth);
/** The inline:... of the nth a=crypto of the latest SDP. */
void talk_key(struct talk *t, unsigned nth, char out[128]);

/** What the dataplane has for the call, one line for each transport (by local
 * port's address and media) and stream, sorted. */
const char *talk_flows(struct talk *t);
/** The transport of a leg's nth m-line that is there; asserted. */
struct sp_transport talk_transport(struct talk *t, enum leg l);
struct sp_stream talk_stream(struct talk *t, enum leg from);

/** An event from the dataplane, waited for. */
void talk_event(struct talk *t, const struct sp_event *e);
/** Wait until the client is connected (again). */
void talk_up(struct talk *t);
