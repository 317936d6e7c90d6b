/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/join.h - bringing phones together that are in different calls:
 * transfer, retrieval, pickup, conference. RFC 3725 (third-party call control),
 * 3515 and 3892 (REFER), 3891 (Replaces), 5589 (transfer).
 *
 * Every phone keeps the dialog that it has. A join makes a new call with media
 * of its own, asks one leg for an offer (a re-INVITE without SDP), gives that
 * to the other and its answer back, and only then moves the sessions to the new
 * call and ends those that they came from. Until then nothing has changed, so
 * whatever fails leaves people where they were. Control's thread only. */
#pragma once
#include "control/sip/door.h"

/* reoffer.c: an INVITE of our own within a dialog. */

struct reoffer;

/* How it ended. status: 200 with m, its 2xx, and the ACK is then owed to the
 * session (session_ack); else the status, m its response or NULL. */
typedef void reoffer_h(uint16_t status, const struct sip_msg *m, void *arg);

/** Offer sdp to the peer; NULL: ask it for an offer. Waits until nothing else is
 * under way in the dialog, and tries again after 491, as RFC 3261 section 14.1
 * has it. One at a time for a session. @return 0, EBUSY, ENOMEM. */
int reoffer_start(struct session *s, const char *sdp, reoffer_h *h, void *arg);
/** Don't care any more; h isn't called. Where the phone agrees nevertheless, its
 * call is mended. */
void reoffer_drop(struct session *s);
/** Has one been sent and not been answered? */
bool reoffer_out(const struct session *s);

/* join.c */

struct join;

/* status: 1xx of who is called; 200: joined, the sessions have moved; else it
 * failed, and they are where they were. The join is gone after the latter two. */
typedef void join_h(struct join *j, uint16_t status, const char *reason,
		    void *arg);

/** Join into the new call b. leg: sessions that come from other calls; NULL:
 * who has sent b's INVITE (leg A), or whoever b's branches ring (leg B).
 * reason: what the calls that they leave end with. Where both are known go on
 * with join_start; else ring (dial.h), and the first 2xx goes on with it.
 * @return NULL: no memory, or one of them is being moved already. */
struct join *join_new(struct bridge *b, struct session *const leg[2],
		      const char *reason, join_h *h, void *arg);
void join_start(struct join *j);
/** A phone that was rung for it: progress, and its 2xx, whose offer is sdp by
 * now for leg A. */
void join_progress(struct join *j, uint16_t status);
void join_answered(struct join *j, struct branch *br, const struct sip_msg *m,
		   const char *sdp);
/** Its new call is over: it failed. For bridge_end. */
void join_failed(struct join *j, uint16_t status, const char *reason);
/** A phone has been told of other media than its call has: both sides of that
 * call agree anew (leg B is asked, as in a join), or it ends. */
void join_mend(struct session *s);
/** One of its sessions is over. */
void join_lost(struct session *s, const char *reason);
/** Has one of the phones that ring been chosen? */
bool join_decided(const struct join *j);
/** A phone that was rung for it is alone in its call: alone.h. */
void join_alone(struct join *j, struct branch *br);
struct bridge *join_bridge(const struct join *j);
/** The session that will be this leg. */
struct session *join_leg(const struct join *j, enum leg l);

/* A new call that nobody's INVITE began. from, to: AORs. */
struct bridge *bridge_originate(struct door *d, const char *from,
				const char *to);
/** The branch of a call whose both legs exist already: of b's INVITE, if it has
 * one, and of the sessions of its join. */
struct branch *branch_between(struct bridge *b,
			      const struct media_profile *caller);

/* takeover.c */
/** Who has sent b's INVITE gets y, whose call ends for the other with reason. */
void takeover(struct bridge *b, struct session *y, const char *reason);
/** An INVITE with Replaces, of user u, that the gate lets through. */
void invite_replaces(struct door *d, struct listener *l,
		     const struct sip_msg *m, const struct store_user *u,
		     const struct asked *a);

/** The same with Join: all three in a conference. */
void invite_join(struct door *d, struct listener *l, const struct sip_msg *m,
		 const struct store_user *u, const struct asked *a);

/* subscription.c: the subscription that a REFER makes, RFC 3515 section 2.4. */

/** From now on the peer is told. id: the REFER's CSeq. @return 0, EBUSY. */
int subscription_new(struct session *s, uint32_t id);
/** NOTIFY: how far it is; a final status ends it. lines: more header lines of
 * the fragment, or NULL. Nothing where there is none. */
void subscription_tell(struct session *s, uint16_t status, const char *phrase,
		       const char *lines);
bool subscription_busy(const struct session *s);
void subscription_end(struct session *s);
