/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/sip.h - the SIP front door: registrar and back-to-back user
 * agent. RFC 3261, 3262 (PRACK), 3311 (UPDATE), 6086 (INFO), 3581, 6026.
 *
 * Control's thread. README.md beside this file says how a call goes. */
#pragma once
#include <jansson.h>
#include "control/config.h"

struct audit;
struct calls;
struct door;
struct events;
struct hep;
struct store;
struct trunks;

struct door_config {
	struct calls *calls;
	struct store *store;
	const char *domain;		/* and digest realm */
	const struct config_sip *sip;	/* outlives the door */
	const struct config_pstn *pstn; /* so does this */
	struct events *events;
	const struct config_calls *sip_calls; /* and this */
	const char *folder; /* for certificates that are made here */
	struct audit *audit;
	struct hep *hep;		    /* NULL: nothing is mirrored */
	const struct config_siprec *siprec; /* and this */
};

/** Open the listeners and stand in front of calls. err gets a sentence.
 * @return 0 or errno. */
int door_alloc(struct door **dp, const struct door_config *cfg, char *err,
	       size_t errlen);
/** The configuration's limits of one source have changed. */
void door_limits(struct door *d);
/** Refuse what is new, and end what has not been answered yet. Calls that are
 * up stay up: they are taken over by the next start. */
void door_stop(struct door *d);
/** Its trunks, for the control API; the door's. */
struct trunks *door_trunks(const struct door *d);
void door_free(struct door *d);

/* What operators do with calls. by: who asks, for the audit log. */

struct door_why {
	int status;	   /* of HTTP, or SIP's of what was refused */
	const char *error; /* stable name, static */
	char text[160];
};

/** Park a party (an AOR; NULL: leg B) of a call with two, in this orbit ("": a
 * free one, which comes in out). The other is hung up once that has worked.
 * @return 0: it has been begun; -1 with why. */
int door_park(struct door *d, uint64_t id, const char *who, const char *orbit,
	      const char *by, char *out, size_t size, struct door_why *why);
/** One conference of all parties of both; out: its URI. */
int door_merge(struct door *d, uint64_t id, uint64_t other, const char *by,
	       char *out, size_t size, struct door_why *why);
/** Ring somebody for a conference of all of this call's; out: its URI. */
int door_add(struct door *d, uint64_t id, const char *aor, const char *by,
	     char *out, size_t size, struct door_why *why);
/** Put a party through to whom this URI is. */
int door_transfer(struct door *d, uint64_t id, const char *who, const char *to,
		  const char *by, struct door_why *why);
/** [{"orbit", "call", "parked", "by"}], [{"conference", "uri", "parties":
 * [{"call", "aor"}]}]. New references. */
json_t *door_parked(struct door *d);
json_t *door_conferences(struct door *d);

/* Who is banned (guard.h). Addresses as text; of IPv6, the /64. */

/** [{"source", "reason", "seconds"}], seconds: that are left. New reference. */
json_t *door_bans(struct door *d);
/** What was passed, dropped and refused: {"passed": 1, ...}. New reference. */
json_t *door_guard_counters(struct door *d);
/** seconds 0: as long as usual. @return 0, EINVAL (no address), EPERM (it is in
 * the allow-list), ENOMEM. */
int door_ban(struct door *d, const char *source, unsigned seconds,
	     const char *reason);
int door_unban(struct door *d, const char *source); /* EINVAL, ENOENT */
