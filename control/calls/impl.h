/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/impl.h - shared by the files of calls/, by nobody else. */
#pragma once
#include "control/libre.h"
#include "control/calls/call.h"
#include "control/calls/totals.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/media/protocol.h"
#include "control/store/store.h"

#define CALL_AOR_MAX   STORE_AOR_MAX
#define CALL_BUCKETS   4096 /* a power of two */
#define CALL_DOORS_MAX 4
#define CALL_MEDIA_MAX 16

struct path {
	struct call *call;
	struct media *media;
	bool open;	   /* an offer is out, */
	enum leg offerer;  /* from this leg, */
	bool answered;	   /* and has been answered, though not finally */
	bool negotiated;   /* some offer has been */
	struct solo *solo; /* solo.c; NULL: two legs */
};

struct call {
	struct le le; /* in a bucket of calls->hash */
	struct calls *all;
	const struct call_door *door;
	void *arg;   /* the door's */
	uint64_t id; /* grows with time, below 2^53 (JSON) */
	enum call_state state;
	char from[CALL_AOR_MAX], to[CALL_AOR_MAX];
	int64_t started, answered;	 /* UNIX seconds; 0: not */
	struct path *path;		 /* NULL until CALL_UP */
	bool e2ee_offered;		 /* an M1 has passed */
	unsigned refused[FEATURE_COUNT]; /* of its features, so often */
	char recording[DUTY_ID_MAX];	 /* "": it isn't recorded */
	unsigned recordings;		 /* so far */
	bool paused;			 /* nothing is kept for now */
	uint64_t tracks;	/* tells those of this one from others */
	unsigned told, telling; /* that it is: legs, by bit */
	struct tmr notice_end, notice_next;
	bool complies;		   /* a party's compliance recording applies */
	unsigned forked;	   /* for what, enum fork_use's bits (fork.h) */
	unsigned forward_from;	   /* whom FORK_FORWARDING is about: 1 << leg */
	void *fork;		   /* the client's; NULL: none */
	uint64_t fork_streams;	   /* tells its streams from others, */
	unsigned fork_flows;	   /* and which of them flow */
	struct list subscriptions; /* subscription.c */
	bool emergency;
};

struct calls {
	struct calls_config cfg;
	struct list hash[CALL_BUCKETS];
	unsigned count;
	struct calls_totals totals;
	const struct fork_client *forks; /* NULL: nobody takes forks */
	void *forks_arg;
	uint64_t last_id;
	struct {
		const struct call_door *door;
		void *arg;
	} doors[CALL_DOORS_MAX];
	unsigned n_doors;
	struct tmr watch;
	bool draining; /* no new calls */
};

struct call *calls_find(const struct calls *cs, uint64_t id);
/** Calls f for each; f may end the call it is given, and no other. */
void calls_each(struct calls *cs, void (*f)(struct call *c, void *arg),
		void *arg);
struct call *call_link(struct calls *cs, const struct call_door *door,
		       uint64_t id, const char *from, const char *to);
/** The path of a saved call, NULL: can't be had. */
struct path *path_load(struct call *c, const char *json);
int64_t call_now(void); /* UNIX seconds */

/* list.c: as the control API shows them. */
json_t *call_describe(struct call *c);
/* evidence.c: what of a call belongs into the audit log. */
void evidence_up(struct call *c);
void evidence_end(struct call *c, const char *ended_by, int status,
		  const char *reason);
/** What policy says of its two parties, told to the media. */
void call_ask_policy(struct call *c, struct media *m);
/** Does compliance recording apply to a party? */
bool call_complies(struct call *c);
/* recording.c */
void recording_up(struct call *c);	/* answered */
void recording_changed(struct call *c); /* other media, maybe */
void recording_end(struct call *c);
/** It can't be written any more; error "gone": it can, but not in that file. */
void recording_failed(struct call *c, const char *id, const char *error,
		      const char *message);
void recording_save(const struct call *c, json_t *j);
void recording_load(struct call *c, const json_t *j);
/* notice.c: parties are told that the call is recorded or forked. */
/** Whether anything has changed about that: who hears something, or whether they
 * are to be told at all. @return 0, or -1 with why: somebody can't be told. */
int notice_give(struct call *c, struct duty_why *why);
/** The same, where a failure is no reason to do anything but to report it. */
void notice_look(struct call *c);
void notice_up(struct call *c); /* answered */
/** @return false: nobody was being told by that stream. */
bool notice_ended(struct call *c, uint64_t stream);
void notice_lost(struct call *c); /* sallyport-media has gone */
/** It can't give this one; it is tried again. */
void notice_failed(struct call *c);
void notice_end(struct call *c);
void notice_save(const struct call *c, json_t *j);
void notice_load(struct call *c, const json_t *j);
/* fork.c */
void fork_up(struct call *c);
void fork_changed(struct call *c);
void fork_end(struct call *c);
json_t *fork_describe(const struct call *c); /* new reference */
void fork_save(const struct call *c, json_t *j);
void fork_load(struct call *c, const json_t *j);
struct fork_stream;
/** The audio of these parties (1 << leg each), as far as it is copied. @return how
 * many, at most n. */
unsigned call_audio_streams(struct call *c, unsigned legs,
			    struct fork_stream *out, unsigned n);
/* subscription.c */
void subscriptions_changed(struct call *c);
void subscriptions_tick(struct call *c);
/** The dataplane is there again. */
void subscriptions_restored(struct call *c);
void subscriptions_end(struct call *c, const char *reason);
/** Does anybody hear it beside its parties? */
bool subscriptions_heard(const struct call *c);
json_t *subscriptions_describe(const struct call *c); /* new reference */
void subscriptions_save(const struct call *c, json_t *j);
void subscriptions_load(struct call *c, const json_t *j);
/** Copies of what is said go to sallyport-media if it is recorded, forked or
 * subscribed to. @return 0, or -1 with why. */
int call_copy(struct call *c, struct media_why *why);
/* duty.c: what sallyport-media says. */
void duty_listen(struct calls *cs);
/* record.c */
const char *record_by(enum call_by by); /* "caller" */
void record_write(struct call *c, enum call_by by, int status,
		  const char *reason);
/* solo.c: what a path with one leg has beside its media. */
void solo_gone(struct path *p);		 /* what it has at sallyport-media */
json_t *solo_save(const struct path *p); /* new reference; null: two legs */
bool solo_load(struct path *p, const json_t *saved);
/** The phone's offer, as its other end gets it. */
void solo_heard(struct path *p, enum leg from, const char *offer);
/* watch.c: ends calls whose media has gone. */
void watch_start(struct calls *cs);
