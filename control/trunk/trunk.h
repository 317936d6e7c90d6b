/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/trunk.h - the carriers: who they are, whether they are there,
 * how many calls they have, and how each wants to be spoken to.
 *
 * Trunks are read from the store, kept alive (OPTIONS), registered where that is
 * asked for (RFC 3261 section 10.2), and found by name, by a number's route, or
 * by the address that a request comes from. Above sip/'s stack and below its
 * door, which makes calls of it. Objects are libre's: mem_ref, mem_deref.
 * Control's thread only. */
#pragma once
#include <jansson.h>
#include "control/sip/message.h"
#include "control/sip/stack.h"
#include "control/store/trunks.h"
#include "control/trunk/number.h"
#include "control/trunk/route.h"

struct audit;
struct events;
struct trunk;
struct trunks;

enum trunk_state {
	TRUNK_OFF,    /* disabled, or no listener of ours reaches it */
	TRUNK_TRYING, /* nothing is known yet: calls go there */
	TRUNK_UP,
	TRUNK_DOWN, /* calls go there only where all else has failed */
};

struct trunks_config {
	struct stack *stack;
	struct store *store;
	struct audit *audit;
	struct events *events;
	const char *domain;	 /* ours */
	const char *location;	 /* URI for Geolocation, or NULL */
	struct number_plan plan; /* its strings outlive the trunks */
};

int trunks_alloc(struct trunks **tsp, const struct trunks_config *cfg);
void trunks_free(struct trunks *ts); /* also NULL; no request is sent */
/** A trunk was added, changed or removed in the store: begin, begin anew, or
 * end it. Calls on it go on as they are. */
void trunks_changed(struct trunks *ts, const char *name);
/** The routes were changed. */
void trunks_routes_changed(struct trunks *ts);

struct trunk *trunks_find(const struct trunks *ts, const char *name);
/** The trunk from whose addresses m comes; one that takes calls from there.
 * NULL: it is none's. */
struct trunk *trunks_source(const struct trunks *ts, const struct sip_msg *m);
const struct number_plan *trunks_plan(const struct trunks *ts);

const char *trunk_name(const struct trunk *t);
const struct trunk_settings *trunk_set(const struct trunk *t);
const char *trunk_password(const struct trunk *t);
struct media_profile trunk_profile(const struct trunk *t);
enum trunk_state trunk_state(const struct trunk *t);
const char *trunk_why(const struct trunk *t); /* of its state; a sentence */
/** It answered: it is there. */
void trunk_heard(struct trunk *t);
/** It let a call wait for an answer: ask it whether it is there. */
void trunk_suspect(struct trunk *t);
/** Settings, state and calls, without the password; a new reference. */
json_t *trunk_json(const struct trunk *t);
json_t *trunks_json(const struct trunks *ts);

/* One call on a trunk: counts until it is over. Its holders share it; the last
 * mem_deref is its end as well. */
struct trunk_line;

/** May another call be taken? emergency: regardless of the limit.
 * @return NULL: the limit has been reached, or there is no memory. */
struct trunk_line *trunk_line_new(struct trunk *t, bool emergency);
void trunk_line_over(struct trunk_line *line); /* also NULL, also twice */
struct trunk *trunk_line_trunk(const struct trunk_line *line);
bool trunk_full(const struct trunk *t, bool emergency);

/* out.c: a number's way out. */

/* Who calls, as far as the trunk is to know. */
struct trunk_caller {
	char number[NUMBER_MAX]; /* +E.164; "": none of its own */
	char display[128];
	bool anonymous; /* RFC 3323 id: the called party isn't to know */
};

/* What is sent. */
struct trunk_invite {
	char uri[MESSAGE_URI_MAX];
	char from[512], to[512]; /* name-addr */
	char lines[1024];	 /* P-Asserted-Identity, Privacy ... */
};

/** Fill in the INVITE of a number on a trunk. */
void trunk_invite(struct trunk_invite *out, const struct trunk *t,
		  const struct number *number, const struct trunk_caller *from,
		  bool emergency);
/** Where its requests go. @return false: no listener of ours reaches it. */
bool trunk_hop(const struct trunk *t, struct hop *hop);

struct trunks_way {
	bool emergency, blocked;
	char prefix[NUMBER_MAX];
	struct trunk *trunk[ROUTE_TRUNKS]; /* borrowed */
	unsigned n;
};

/** The trunks for a number, in the order in which they are to be tried: those
 * that are down after the others; for an emergency number every other trunk
 * after its own. Disabled ones are left out. */
void trunks_way(const struct trunks *ts, const struct number *number,
		struct trunks_way *way);
bool trunks_is_emergency(const struct trunks *ts, const struct number *number);
/** What would be done with a dialled text, for people; user (may be NULL): by
 * whom. A new reference. */
json_t *trunks_test(const struct trunks *ts, const char *dialled,
		    const char *user);

/* in.c: a call that comes in. */

/** The number that it is for, as the Request-URI or else To has it, that is
 * one of ours. @return false: none; did has the number that was called, or "".
 */
bool trunk_called(const struct trunks *ts, const struct trunk *t,
		  const struct sip_msg *m, struct store_did *did);
/** Who calls: P-Asserted-Identity, else From; "" and anonymous where Privacy
 * asks for it, or it is no number. */
void trunk_calling(const struct trunks *ts, const struct trunk *t,
		   const struct sip_msg *m, struct trunk_caller *out);

/** Does the sender of m ask for its identity to be withheld (RFC 3323)? */
bool trunk_privacy(const struct sip_msg *m);

/* ask.c: requests whose challenge is answered with the trunk's credentials. */

/** As ctxn_send; a 401 or 407 is answered, once with each challenge, and h
 * hears what comes then. mb has a CSeq line, whose number goes up with each
 * try, as *seq does, so take it from the response. What is still under way is
 * in owner, and must have been dropped (ctxn_drop) before owner is flushed. */
int trunk_ask(struct trunk *t, struct list *owner, struct ctxn **cp,
	      const struct hop *hop, const char *method, const char *uri,
	      struct mbuf *mb, uint32_t *seq, ctxn_h *h, void *arg);
