/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/subscription.h - somebody beside the two parties who hears what
 * they say: a copy of the audio of one of them, or of each on an m-line of its
 * own, made by sallyport-media and sent from transports of its own.
 *
 * A subscription is the call's: it ends with it at the latest, and outlives a
 * restart of control as it does. It has a tag by which whoever asked for it
 * knows it. What becomes of it never touches the call. An end-to-end encrypted
 * call has none: the gate (features.h, monitoring) is asked here. Control's
 * thread only. */
#pragma once
#include "control/calls/fork.h"
#include "control/libre.h"

#define SUBSCRIPTIONS_MAX 8 /* of a call */

/* Who is to be heard, and by whom. */
struct subscription_wish {
	struct pl tag;	/* any octets but NUL */
	unsigned hears; /* 1 << enum leg each */
	struct media_leg_addr to;
	struct media_profile profile;
	const char *by, *how; /* who asks: as call_may */
};

/** Of a call that is up; one that has the tag goes first. *sdp (malloc'd; it may
 * hold keys: wipe it) is the offer for who subscribes, nothing is sent before
 * its answer. @return 0, or -1 with why. */
int call_subscribe(struct call *c, const struct subscription_wish *w,
		   char **sdp, struct duty_why *why);
/** Who subscribes answers, or says something else later on. peer: where that came
 * from; family 0: not known. @return 0, or -1 with why and all as it was. */
int call_subscription_answer(struct call *c, struct pl tag,
			     const struct sp_addr *peer, const char *sdp,
			     size_t len, const char *by, struct duty_why *why);
/** @return 0, or ENOENT. */
int call_unsubscribe(struct call *c, struct pl tag, const char *by);
/** Is there one of that tag? */
bool call_subscribed(const struct call *c, struct pl tag);

/* One as it is; the tag is good until it ends. */
struct subscription_info {
	struct pl tag;
	unsigned hears;
	bool answered;
};
/** @return how many, at most n. */
unsigned call_subscriptions(const struct call *c,
			    struct subscription_info out[], unsigned n);
/** What it is offered, m-line by m-line. @return how many, at most n. */
unsigned call_subscription_streams(const struct call *c, struct pl tag,
				   struct fork_stream out[], unsigned n);
