/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/impl.h - shared by the files of trunk/, by nobody else. */
#pragma once
#include "control/timer.h"
#include "control/trunk/challenge.h"
#include "control/trunk/trunk.h"

#define SOURCES_MAX 64

struct source {
	struct sa addr;
	unsigned prefix; /* bits */
};

struct registration; /* register.c */
struct keepalive;    /* keepalive.c */

struct trunk {
	struct le le;
	struct trunks *all; /* NULL: it has been removed */
	struct trunk_settings set;
	char password[TRUNK_PASSWORD_MAX];
	struct sa addr;
	struct source source[SOURCES_MAX];
	unsigned n_sources;
	struct hop hop; /* via NULL: no listener */
	bool guarded;	/* its addresses are exempt from the limits */

	enum trunk_state state;
	bool registered, alive, silent; /* what the two below have found */
	char why[128];
	int64_t since; /* UNIX seconds, of the state */
	unsigned calls;

	struct challenge challenge; /* the latest, for the next request */
	struct registration *registration;
	struct keepalive *keepalive;
};

struct trunks {
	struct trunks_config cfg;
	struct list list;
	struct route *routes;
	unsigned n_routes;
	struct timer look; /* for a way to those that have none */
};

/** Something that decides about the state has changed. why: of being down. */
void trunk_judge(struct trunk *t, const char *why);

/* register.c */
/** Register, and stay so. @return 0 or errno. */
int registration_start(struct trunk *t);
/** Give it back (Expires: 0) without waiting for the answer. */
void registration_end(struct trunk *t);
/** Seconds that it is still good for; 0: it isn't. */
unsigned registration_left(const struct trunk *t);

/* keepalive.c */
int keepalive_start(struct trunk *t);
void keepalive_now(struct trunk *t);

/** Why a request never reached it, for people. */
const char *trunk_unreached(const struct trunk *t, int err);

/** The header lines of a request outside of a dialog, up to its CSeq. tag: of
 * From. NULL: no memory. */
struct mbuf *trunk_headers(const struct trunk *t, const char *method,
			   const char *uri, const char *callid, const char *tag,
			   uint32_t seq);
/** The carrier's domain, or its address. */
const char *trunk_host(const struct trunk *t);
