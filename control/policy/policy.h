/* SPDX-License-Identifier: Apache-2.0 */
/* control/policy/policy.h - whether somebody may: one deciding function for
 * each question, asked by everything that needs the answer.
 *
 * E2EE.md, "Policy". Decides from facts that are given to it (store/policy.h
 * reads them), so it is pure; any thread; the strings in an answer are static.
 * What a call may use once it exists is control/features' question. README.md
 * beside this file is for administrators. */
#pragma once
#include <stdbool.h>

#define POLICY_GLOBAL	"Global" /* always there */
#define POLICY_NAME_MAX 64	 /* octets of an identity, or a group's name */
#define POLICY_USER_MAX 64	 /* of the user part of an AOR */

/* What a policy says of end-to-end encrypted calls. */
enum policy_calling {
	POLICY_DISABLED,
	POLICY_DISABLED_USER_OVERRIDE, /* users may turn it on */
	POLICY_CALLING_COUNT
};

/** "Disabled", "DisabledUserOverride". */
const char *policy_calling_name(enum policy_calling c);
/** In letters of either case. @return POLICY_CALLING_COUNT: neither. */
enum policy_calling policy_calling_find(const char *name);
/** Is it fit for an identity or a group's name: 1 to POLICY_NAME_MAX of
 * letters, digits and ._+-? */
bool policy_name_valid(const char *name);

/* By which grant a policy is a user's. */
enum policy_grant { POLICY_BY_USER, POLICY_BY_GROUP, POLICY_BY_GLOBAL };

/** "user", "group", "global". */
const char *policy_grant_name(enum policy_grant g);

/* All that decides about one user. */
struct policy_subject {
	bool known; /* a user of ours */
	char policy[POLICY_NAME_MAX + 1];
	enum policy_calling calling;
	enum policy_grant by;
	char group[POLICY_NAME_MAX + 1]; /* BY_GROUP: which, and its rank */
	unsigned rank;
	bool on;	 /* the user's own switch */
	bool compliance; /* compliance recording applies */
};

struct policy_answer {
	bool allowed;
	int status;	    /* SIP status to refuse with; 200 if allowed */
	const char *error;  /* the rule that decided, a stable name; NULL if
			     * allowed */
	const char *reason; /* one sentence; NULL if allowed */
};

/** May these two end-to-end encrypt a call? Where not, a=e2ee is taken out of
 * the offer and the call becomes an ordinary one, unless the caller requires
 * it. */
struct policy_answer policy_e2ee(const struct policy_subject *caller,
				 const struct policy_subject *callee);
/** May caller (an authenticated user) call callee (a user of ours)? NULL: not
 * (yet) known. */
struct policy_answer policy_call_allowed(const char *caller,
					 const char *callee);

/* What a user may dial to the telephone network. Each has what the one before
 * has; a class is given to a user by an administrator. */
enum policy_dial {
	POLICY_DIAL_INTERNAL, /* nothing there: the default */
	POLICY_DIAL_NATIONAL,
	POLICY_DIAL_INTERNATIONAL,
	POLICY_DIALS
};

/** "internal", "national", "international". */
const char *policy_dial_name(enum policy_dial d);
/** @return POLICY_DIALS: none of them. */
enum policy_dial policy_dial_find(const char *name);
/** May a user of this class dial a number for which `needs` is needed? An
 * emergency number everybody may. */
struct policy_answer policy_pstn(enum policy_dial has, enum policy_dial needs,
				 bool emergency);
