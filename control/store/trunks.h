/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/trunks.h - trunks, routes, numbers of users and what they may
 * dial, in the store.
 *
 * As store/policy.h: names are taken as given, a change returns when it is
 * committed and can be read, and is made by a person, so the event loop waits.
 * A trunk's password is kept as it is, since a carrier's realm isn't known
 * before its first challenge, may change, and may ask for another hash; the
 * database is readable by control alone. Control's thread.
 *
 * Errors: ENOENT, EEXIST, EBUSY, EIO (the database). */
#pragma once
#include "control/policy/policy.h"
#include "control/store/store.h"
#include "control/trunk/route.h"
#include "control/trunk/settings.h"

struct store_trunk {
	struct trunk_settings set;
	char password[TRUNK_PASSWORD_MAX]; /* wipe it */
};

int store_trunk_add(struct store *s, const struct store_trunk *t);
/** In the place of the one of that name. */
int store_trunk_set(struct store *s, const struct store_trunk *t);
/** EBUSY: a route leads to it. */
int store_trunk_remove(struct store *s, const char *name);
int store_trunk_get(struct store *s, const char *name, struct store_trunk *out);
int store_trunk_list(struct store *s,
		     void (*f)(const struct store_trunk *, void *), void *arg);

/** EEXIST: such a prefix leads to that trunk already (or is blocked). */
int store_route_add(struct store *s, const struct route *r);
/** trunk "": every route with the prefix. */
int store_route_remove(struct store *s, const char *prefix, const char *trunk);
/** By prefix, priority, trunk. */
int store_route_list(struct store *s, void (*f)(const struct route *, void *),
		     void *arg);

/* A number of ours: who rings when it is called from outside. */
struct store_did {
	char number[NUMBER_MAX]; /* +E.164 */
	char user[POLICY_USER_MAX + 1];
	char group[POLICY_NAME_MAX + 1]; /* one of both is "" */
};

int store_did_add(struct store *s, const struct store_did *d);
int store_did_remove(struct store *s, const char *number);
int store_did_get(struct store *s, const char *number, struct store_did *out);
int store_did_list(struct store *s, void (*f)(const struct store_did *, void *),
		   void *arg);
/** Is the number that user's own? user's first one: number "". */
int store_did_of(struct store *s, const char *user, const char *number,
		 char out[NUMBER_MAX]);

/** What a user may dial: POLICY_DIAL_INTERNAL unless it has been set. */
enum policy_dial store_dial_get(struct store *s, const char *user);
int store_dial_set(struct store *s, const char *user, enum policy_dial d);
