/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/alone.h - phones that are alone in their call: parked, or in a
 * conference. RFC 4579 (conferencing for user agents), 5359 (park).
 *
 * Their call has one session and a path with one leg (path_solo); what they hear
 * comes from sallyport-media. They keep the dialog that they had, so being
 * parked or merged looks to them like any re-INVITE. Control's thread only. */
#pragma once
#include "control/sip/join.h"

/* alone.c: such a call, whoever it is for. */

bool session_alone(const struct session *s);
/** Answer b's INVITE: the caller is alone from now on. @return false: it has
 * been refused, and b has ended. */
bool alone_answer(struct bridge *b);
/** Move s, by a re-INVITE, to the new call b, where it is alone. h as for
 * join_new. @return false: it can't be begun; b has ended. */
bool alone_move(struct bridge *b, struct session *s, const char *reason,
		join_h *h, void *arg);
/** A phone that b has rung has answered, and is alone. */
void alone_rung(struct branch *br, const struct sip_msg *m);
/** What a phone that is alone sends. */
void alone_reinvite(struct session *s, struct listener *l,
		    const struct sip_msg *m);
void alone_update(struct session *s, struct listener *l,
		  const struct sip_msg *m);
void alone_info(struct session *s, struct listener *l, const struct sip_msg *m);
void alone_ack(struct session *s, const struct sip_msg *m);

/* focus.c: conferences. The focus (RFC 4579) is a number, or made for a merge;
 * its room is sallyport-media's. */

struct focus;

/** The conference of this number, made if there is none. @return NULL: it is no
 * number of a conference (status 0), or it can't be had, why says so. */
struct focus *focus_dialled(struct door *d, const char *user,
			    struct media_why *why);
/** b's INVITE to it. */
void focus_invited(struct focus *f, struct bridge *b);
/** Ring somebody for it, in the name of `by`; h hears of it. @return 0, or -1
 * with why. */
int focus_call(struct focus *f, const struct uri *uri, const char *aor,
	       const char *by, join_h *h, void *arg, struct media_why *why);
/** A conference of all sessions of these calls (b may be NULL), or the one that
 * one of them is in. A party that both have comes with its first call. @return
 * NULL with why. */
struct focus *focus_of(struct bridge *a, struct bridge *b,
		       struct media_why *why);
/** b is up. */
void focus_entered(struct bridge *b);
/** b, which is in one, has ended; or has never come up. */
void focus_left(struct bridge *b);
const char *focus_uri(const struct focus *f);
bool focus_load(struct bridge *b, const json_t *saved);
json_t *focus_save(const struct bridge *b);
json_t *focus_list(struct door *d);

/* park.c */

struct park;

/** Is it an orbit's number, or the word that stands for any? */
bool park_is_orbit(const struct door *d, const struct pl *user);
/** Park s in this orbit ("park" or "": a free one), for `by`. h hears how it
 * went, as of a join. @return its orbit; NULL with why. */
const char *park_session(struct session *s, const char *orbit, const char *by,
			 join_h *h, void *arg, struct media_why *why);
/** b's INVITE to an orbit: whoever is parked there, for its caller. */
void park_retrieve(struct bridge *b, const char *orbit);
/** b, which is parked, has ended. */
void park_left(struct bridge *b);
const char *park_orbit(const struct bridge *b);
bool park_load(struct bridge *b, const json_t *saved);
json_t *park_save(const struct bridge *b);
json_t *park_list(struct door *d);
