/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/forwards.h - where a user's calls go beside the user's own
 * phones. As store/policy.h: what is written is taken as given, and a change
 * returns when it is committed. Control's thread. */
#pragma once
#include "control/store/store.h"

#define FORWARD_AFTER_DEFAULT 20  /* seconds */
#define FORWARD_ALSO_MAX      8	  /* who rings beside the user */
#define FORWARD_TO_MAX	      272 /* octets of an address, with the NUL */

/* Addresses: an AOR, a telephone number, an extension, or "voicemail"; "": not
 * forwarded. */
struct store_forward {
	char always[FORWARD_TO_MAX];
	char busy[FORWARD_TO_MAX];
	char no_answer[FORWARD_TO_MAX]; /* also where no phone is there */
	unsigned after;			/* seconds that is */
	char also[FORWARD_ALSO_MAX][FORWARD_TO_MAX]; /* ring at once; "" ends */
};

/** @return 0; ENOENT: none is set (out is then all empty); EIO. */
int store_forward_get(struct store *s, const char *user,
		      struct store_forward *out);
/** @return 0, ENOENT: no such user, EIO. */
int store_forward_set(struct store *s, const char *user,
		      const struct store_forward *f);
