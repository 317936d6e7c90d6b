/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/guard.h - how much one source may ask of the SIP door.
 *
 * A source is an IPv4 address or an IPv6 /64. Each has a bucket of requests, a
 * count of connections and of handshakes that aren't done, and a count of
 * failed authentications; who fails too often is banned for a while. Nothing
 * is parsed to find that out. Requests beyond the rate are dropped and not
 * answered; over UDP no ban comes of that, since anybody can write a packet
 * with somebody else's address on it. A failure counts when the nonce was given
 * to that very source, which a forger can't have heard.
 *
 * Sources that have authenticated may send, and fail, ten times as much. Those
 * in the allow-list are never limited. The table has a fixed size and forgets
 * who has been quiet for longest; bans are kept apart. Pure: the caller brings
 * the time (ms). One thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/libre.h"

struct guard;

struct guard_config {
	unsigned rate;	      /* requests a second; a burst may be 4 times it */
	unsigned failures;    /* failed authentications within a minute */
	unsigned connections; /* at once, of one source */
	unsigned half_open;   /* without a message yet, of one source */
	unsigned ban;	      /* seconds */
	char *const *allow;   /* "10.1.0.0/16", "2001:db8::/32" */
	unsigned allow_count;
};

enum guard_count { /* counters, in the order of guard_counter_name() */
		   GUARD_PASSED,
		   GUARD_RATE, /* packets dropped, their source over its rate */
		   GUARD_BANNED, /* packets and connections dropped: banned */
		   GUARD_CONNECTIONS, /* connections refused: too many */
		   GUARD_HALF_OPEN,   /* the same, too many that say nothing */
		   GUARD_SCANNERS,    /* requests dropped by their User-Agent */
		   GUARD_FAILURES,    /* failed authentications */
		   GUARD_BANS,	      /* bans begun */
		   GUARD_COUNTS
};

/* A ban begins (or ends): until 0, reason NULL. */
typedef void guard_ban_h(const struct sa *source, uint64_t until,
			 const char *reason, void *arg);

int guard_alloc(struct guard **gp, const struct guard_config *cfg,
		guard_ban_h *h, void *arg);

/** Other limits from now on; the allow-list stays. */
void guard_limits(struct guard *g, const struct guard_config *cfg);

/** "10.0.0.0/8" or a single address. */
bool guard_prefix_parse(const char *text, struct sa *sa, unsigned *bits);
/** Never limit this one; n times called, n times to be taken back. */
int guard_allow(struct guard *g, const struct sa *sa);
void guard_disallow(struct guard *g, const struct sa *sa);

/** May this datagram (or message on a connection) be read? */
bool guard_packet(struct guard *g, const struct sa *src, uint64_t now);
/** May this connection be accepted? True: to be given back, with whether a
 * message had come over it. */
bool guard_open(struct guard *g, const struct sa *src, uint64_t now);
void guard_settled(struct guard *g, const struct sa *src);
void guard_closed(struct guard *g, const struct sa *src, bool settled);

void guard_authenticated(struct guard *g, const struct sa *src, uint64_t now);
void guard_wrong_password(struct guard *g, const struct sa *src, uint64_t now);
void guard_count(struct guard *g, enum guard_count what);

struct guard_ban {
	struct sa source; /* port 0; of IPv6 the /64 */
	uint64_t until;	  /* ms */
	char reason[96];
};

/** @return 0, EPERM (in the allow-list), ENOMEM. seconds 0: the usual. */
int guard_ban(struct guard *g, const struct sa *src, unsigned seconds,
	      const char *reason, uint64_t now);
int guard_unban(struct guard *g, const struct sa *src); /* ENOENT */
void guard_list(struct guard *g, uint64_t now,
		void (*f)(const struct guard_ban *b, void *arg), void *arg);
uint64_t guard_counter(const struct guard *g, enum guard_count what);
const char *guard_counter_name(enum guard_count what);
