/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/dial.h - whom a call rings. Control's thread only. */
#pragma once
#include "control/sip/door.h"

struct store_did;

/* Who calls, as those who are rung see it. */
struct caller {
	char user[DIGEST_USER_MAX + 1]; /* "": nobody of ours */
	char name[TARGET_NAME_MAX];	/* name-addr */
	struct media_profile profile;
	struct sa at; /* where it signals from: is not rung itself */
};

/** The caller of b, from now on. @return false: no memory, or its name is too
 * long. */
bool bridge_caller(struct bridge *b, const struct store_user *u,
		   const struct hop *at);
/** The peer of a session that is to be joined to b. aor: who that is. */
bool bridge_caller_session(struct bridge *b, const struct session *s,
			   const char *aor);
/** A trunk, whose name-addr is what phones are told. */
bool bridge_caller_trunk(struct bridge *b, const char *name,
			 const struct media_profile *profile);
/** Nobody's phone: this URI, in the name of `by`. */
bool bridge_caller_name(struct bridge *b, const char *uri, const char *by);
/** Ring the phones of the user of this name. Where that can't be done the call
 * ends, with the status and the reason. */
void dial_user(struct bridge *b, const char *name);
/** The same of who has the number: a user, or all members of a group. */
void dial_did(struct bridge *b, const struct store_did *did);
/** The same, from what a URI says: a user of ours, or a number (pstn.h). text:
 * the URI as it stands; how: the shape in which it was asked for. */
void dial_uri(struct bridge *b, const struct uri *uri, const struct pl *text,
	      const char *how);
