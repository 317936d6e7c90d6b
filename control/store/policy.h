/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/policy.h - policies, groups, grants and switches in the store.
 *
 * E2EE.md, "Policy". Names are taken as they are given: the control API checks
 * their form, and that what a grant names is there. A change returns when it
 * is committed and can be read; whoever makes one is a person, so the event
 * loop waits for the disk as it does for `users add`. Identities and names of
 * groups are compared in letters of either case. Control's thread.
 *
 * Errors: ENOENT (no such thing), EEXIST, EBUSY, EIO (the database). */
#pragma once
#include "control/policy/policy.h"
#include "control/store/store.h"

#define STORE_DESCRIPTION_MAX 256 /* octets, with the NUL */

struct store_policy {
	char identity[POLICY_NAME_MAX + 1];
	char description[STORE_DESCRIPTION_MAX];
	enum policy_calling calling;
};

int store_policy_new(struct store *s, const struct store_policy *p);
/** Takes the identity from p, and puts the rest in its place. */
int store_policy_set(struct store *s, const struct store_policy *p);
/** EBUSY: it is granted to somebody. Global isn't removed, it goes back to what
 * it was at first. */
int store_policy_remove(struct store *s, const char *identity);
int store_policy_get(struct store *s, const char *identity,
		     struct store_policy *out);
/** Global first, then by identity. */
int store_policy_list(struct store *s,
		      void (*f)(const struct store_policy *, void *),
		      void *arg);

int store_group_add(struct store *s, const char *group);
/** With its members and its grant. */
int store_group_remove(struct store *s, const char *group);
bool store_group_there(struct store *s, const char *group);
int store_group_list(struct store *s,
		     void (*f)(const char *group, unsigned members, void *arg),
		     void *arg);
int store_member_add(struct store *s, const char *group, const char *user);
int store_member_remove(struct store *s, const char *group, const char *user);
int store_member_list(struct store *s, const char *group,
		      void (*f)(const char *user, void *arg), void *arg);

/** To a user: takes the place of an earlier one. */
int store_grant_user(struct store *s, const char *user, const char *identity);
int store_revoke_user(struct store *s, const char *user);
/** To a group, at a rank of 1, 2, 3 ...: the grants from there on move down by
 * one. 0, or one beyond the last: it goes last. A group has one grant at most,
 * so an earlier one of its own goes first. */
int store_grant_group(struct store *s, const char *group, const char *identity,
		      unsigned rank);
/** The ranks behind it move up. */
int store_revoke_group(struct store *s, const char *group);

struct store_grant {
	enum policy_grant to;
	char name[POLICY_NAME_MAX + 1]; /* of the user or group */
	char policy[POLICY_NAME_MAX + 1];
	unsigned rank; /* of a group's */
};

/** Users' by name, then groups' by rank. */
int store_grant_list(struct store *s,
		     void (*f)(const struct store_grant *, void *), void *arg);

/* What is switched for one user; both are off at first. */
enum store_switch { SWITCH_E2EE, SWITCH_COMPLIANCE };

int store_switch_set(struct store *s, const char *user, enum store_switch w,
		     bool on);

/** The facts about a user, for policy_e2ee. @return 0 or EIO; also of nobody:
 * known is false then. */
int store_policy_subject(struct store *s, const char *user,
			 struct policy_subject *out);
