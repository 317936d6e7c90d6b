/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/call.h - one call model for every front door.
 *
 * A call has two legs and their media. Front doors drive it by the verbs here;
 * it asks policy and features, and keeps itself in the store. Legal transitions
 * stand in one table (call.c). Control's thread only. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "control/calls/media.h"
#include "control/duties/duties.h"
#include "control/features/features.h"

struct audit;
struct call;
struct calls;
struct dp;
struct events;
struct store;

/* For the control API: one object for each call in progress: id, state, from,
 * to, started (UNIX seconds), answered, media: [{kind, active, legs: [{codec,
 * suite_rx, suite_tx} x2], streams: [{from, packets_in, octets_in, lost,
 * jitter_ms, ...} x2]}]. The caller owns the result. */
json_t *calls_json(struct calls *cs);
json_t *call_json(struct calls *cs, uint64_t id); /* NULL: no such call */
/** End it from our side: BYE both ways, reason as RFC 3326 text. @return 0 or
 * ENOENT. */
int calls_hangup(struct calls *cs, uint64_t id, const char *reason);
/** Somebody asks for a feature by the control API; a is what the gate says.
 * by: who asks, for the audit log. @return 0 or ENOENT. */
int calls_feature(struct calls *cs, uint64_t id, enum feature f, const char *by,
		  struct feature_answer *a);
/** Record a call, or no longer, by the control API. @return 0, ENOENT, or EPERM
 * with why. */
int calls_record(struct calls *cs, uint64_t id, bool on, const char *by,
		 struct duty_why *why);
unsigned calls_count(const struct calls *cs);
/** The machine is to be started again: front doors take no new calls from now on,
 * but for emergency calls; or they take them again. */
#define CALLS_DRAINING "the gateway is about to be started again"
void calls_drain(struct calls *cs, bool on);
bool calls_draining(const struct calls *cs);
/** Is there an emergency call in progress? (One that a restart of control has
 * restored isn't known as such.) */
bool calls_emergency(struct calls *cs);
/** As calls_hangup, all of them. */
void calls_hangup_all(struct calls *cs, const char *reason);

/* All calls of the appliance. */

#define NOTICE_TONE "tone"

struct calls_config {
	struct dp *dp;
	struct store *store;
	struct audit *audit;
	unsigned media_timeout; /* seconds without media on both sides */
	struct events *events;
	struct duties *duties; /* sallyport-media's client; NULL: none */
	const char *music;     /* file for who is on hold; NULL: none */
	const char *notice;    /* of recording: NOTICE_TONE or a file; NULL */
	unsigned notice_every; /* seconds; 0: once */
	/* Each call's record, when it ends; may be NULL. */
	void (*ended)(const json_t *record, void *arg);
	void *arg;
};

int calls_alloc(struct calls **csp, const struct calls_config *cfg);
/** Forgets the calls without ending them: their media and their place in the
 * store stay for the next start, which is what a stop of control means. */
void calls_free(struct calls *cs);
/** Take up the calls that the store has; every door has been added by then,
 * dp_ready() comes after. */
void calls_load(struct calls *cs);
/** Calls without media end after so many seconds from now on. */
void calls_media_timeout(struct calls *cs, unsigned seconds);
/** The dataplane is there again; fresh: restarted, so keys may be lost. */
void calls_dataplane_up(struct calls *cs, bool fresh);

/* For front doors. */

struct path; /* one way that a call's media may go: leg A, and one leg B */

struct call_door {
	const char *name; /* "sip"; saved with each call, so never changed */
	/* End it towards both peers and say call_end(). arg: the call's. */
	void (*hangup)(void *arg, int status, const char *reason);
	/* What it takes to serve both peers after a restart; new reference. */
	json_t *(*save)(void *arg);
	/* A saved call is back: @return its arg, or NULL: can't be served. */
	void *(*load)(void *door, struct call *c, struct path *p,
		      const json_t *saved);
	/* What it knows beyond the model, for lists and records; may be NULL.
	 * Adds members to the call's object. */
	void (*describe)(void *arg, json_t *call);
	/* Is that peer known to be out of reach? Then a call whose media from
	 * there has gone is over, whatever the other side still sends. May be
	 * NULL: never. */
	bool (*gone)(void *arg, enum leg l);
};

int calls_add_door(struct calls *cs, const struct call_door *door, void *arg);

enum call_state { CALL_NEW, CALL_RINGING, CALL_UP, CALL_ENDED };
enum call_by { CALL_BY_CALLER, CALL_BY_CALLEE, CALL_BY_GATEWAY };

/** from, to: AORs. @return NULL: no memory. Ends by call_end(). */
struct call *call_new(struct calls *cs, const struct call_door *door, void *arg,
		      const char *from, const char *to);
uint64_t call_id(const struct call *c);
/** It is an emergency call. */
void call_emergency(struct call *c);
/** Somebody else than was dialled: who was parked there, whom it is forwarded
 * to. */
void call_reaches(struct call *c, const char *aor);
void call_ringing(struct call *c);
/** Answered: p is its media from now on, and the call's to free. */
void call_up(struct call *c, struct path *p);
/** Something that a restart must know has changed. */
void call_save(struct call *c);
/** Over, or it never came about: writes the record, frees the media and the
 * call. status: SIP's, 200 where it was up; reason: a sentence or NULL. */
void call_end(struct call *c, enum call_by by, int status, const char *reason);

/* End-to-end encryption. */

/** Of its media; before there is an answer: of what has been offered. */
enum call_kind call_kind(const struct call *c);
const char *call_party(const struct call *c, enum leg l); /* AOR */
/** Has this SDP an a=e2ee for the session? */
bool call_offers_e2ee(const char *sdp, size_t len);
/** The caller's offer, before anybody is known who could answer it: where it
 * has an M1 that policy lets the caller send, the call is to be end-to-end
 * encrypted. */
void call_heard_offer(struct call *c, const char *sdp, size_t len);
/** May this call use the feature? Asks the gate (features.h); a refusal on an
 * end-to-end encrypted call is put on record. by: who asks (an AOR, "uid 0");
 * how: the shape ("REFER"). c NULL: no call of ours is concerned. */
struct feature_answer call_may(struct call *c, enum feature f, const char *by,
			       const char *how);

#define CALL_POLICY "policy" /* who asks, where nobody does */

/** Record it, or no longer; once more is no error. It asks the gate. by, how: as
 * call_may. @return 0, or -1 with why. */
int call_record(struct call *c, bool on, const char *by, const char *how,
		struct duty_why *why);
bool call_recorded(const struct call *c);
/** What is said from now on isn't kept, or is again. by, how: as call_may.
 * @return 0, or -1 with why: it isn't recorded, or for compliance. */
int call_record_pause(struct call *c, bool paused, const char *by,
		      const char *how, struct duty_why *why);
bool call_record_paused(const struct call *c);

/** media_new for a leg B that may come to be the call's. @return NULL: no
 * memory. */
struct path *path_new(struct call *c, const struct media_leg_addr addr[2],
		      const struct media_profile profile[2]);
void path_free(struct path *p); /* also NULL */
/** The phone on leg l of this new path comes from another call, where it was
 * leg `was` of that path: media_heir. @return 0 or ENOMEM. */
int path_heir(struct path *p, enum leg l, const struct path *other,
	      enum leg was);
/** As media_leg, media_peer, media_manner, media_block, media_describe. */
void path_leg(struct path *p, enum leg l, const struct media_leg_addr *addr,
	      const struct media_profile *profile);
void path_peer(struct path *p, enum leg l, const struct sp_addr *peer);
void path_manner(struct path *p, enum leg l, const struct media_manner *how);
int path_block(struct path *p, enum leg from, bool blocked,
	       struct media_why *why);
unsigned path_describe(struct path *p, struct media_info info[], unsigned n);
/** As media_insert, media_no_digits, media_digits. */
int path_insert(struct path *p, enum leg to, enum media_insert what,
		const char *file, bool loop, struct media_why *why);
enum media_insert path_insert_at(const struct path *p, enum leg to);
int path_no_digits(struct path *p, enum leg from, bool none,
		   struct media_why *why);
int path_digits(struct path *p, enum leg to, const char *digits, unsigned ms,
		struct media_why *why);
/** Its door can't say who the parties are, so policy can't be asked: never
 * end-to-end encrypted. reason: a static sentence. Before the first offer. */
void path_deny_e2ee(struct path *p, const char *reason);

/* A path with one leg: a phone that speaks with nobody's phone, but is parked,
 * in a conference or hears something; what it hears comes from sallyport-media,
 * which gets what it says (media_solo). solo.c. */

/** Only leg `real` is a phone's. Before the first offer. @return 0 or ENOMEM. */
int path_solo(struct path *p, enum leg real);
bool path_is_solo(const struct path *p);
/** What it hears from now on. name: of the file of the music folder, or of the
 * room (which has to be there); "" for silence. */
void path_play(struct path *p, enum play what, const char *name);
/** The phone has offered (path_offer): its answer, made here. */
int path_answer_self(struct path *p, char **out, struct media_why *why);
/** The phone is to be offered something, made here. */
int path_offer_self(struct path *p, char **out, struct media_why *why);
/** Rooms are sallyport-media's: make one, and let it go. @return 0, or -1: it
 * isn't there, why says so. */
int calls_room(struct calls *cs, const char *name, struct media_why *why);
void calls_room_gone(struct calls *cs, const char *name);

/* Offer and answer, RFC 3264: one offer at a time over both legs. */

/** May `from` offer now? @return 0; 491: the other leg's offer is open (glare,
 * RFC 3261 section 14.2); 500: its own is (try again later). */
int path_may_offer(const struct path *p, enum leg from);
/** Is there an offer from that leg still to be answered? */
bool path_awaits_answer_to(const struct path *p, enum leg from);
/** Has any offer been answered yet? */
bool path_negotiated(const struct path *p);
/** media_set_profile: how media on a leg is to be from the next offer on. */
void path_profile(struct path *p, enum leg l,
		  const struct media_profile *profile);
/** media_told: which of the codecs of answers the offerer is told of. */
void path_told(struct path *p, const struct media_codecs *codecs);
/** As media_offer, media_answer. final: no other answer to this offer can come
 * (2xx, reliable 18x); else a later one takes its place. */
int path_offer(struct path *p, enum leg from, const char *sdp, size_t len,
	       char **out, struct media_why *why);
int path_answer(struct path *p, enum leg from, const char *sdp, size_t len,
		bool final, char **out, struct media_why *why);
/** No further answer comes. @return false: there never was one. */
bool path_settle(struct path *p);
/** The offer was refused. */
void path_decline(struct path *p);

/** An answer that refuses every m-line of what this leg offers, for an offer
 * that has to be answered though nobody takes it. malloc'd; NULL: no SDP. */
char *path_refusal(struct path *p, enum leg from, const char *sdp, size_t len);

/** Is it end-to-end encrypted, or may it become so? media.h */
enum e2ee_state path_e2ee(const struct path *p);
/** The answer comes in an 18x, where no M2 may stand. */
void path_e2ee_drop(struct path *p);
/** May a handshake message in INFO pass? media_e2ee_info. */
int path_e2ee_info(struct path *p, enum leg from, const void *body, size_t len,
		   struct media_why *why);
