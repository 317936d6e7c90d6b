/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/fork.h - a call's plain audio, forked: each speaker apart, to a
 * recorder or a speech service outside.
 *
 * A call is forked for one or more uses, each of which asks the gate. Who takes
 * the fork there is the client (control/siprec), which begins one when the first
 * use is wanted and ends it with the last. What becomes of a fork never touches
 * its call. Control's thread only. */
#pragma once
#include "control/calls/call.h"

enum fork_use {
	FORK_TRANSCRIPTION,
	FORK_CAPTIONS,
	FORK_FORWARDING, /* of one party, or both: call_forward() */
	FORK_USES
};

extern const char *const fork_use_names[FORK_USES]; /* "transcription" */

#define FORK_STREAMS_MAX 16
#define FORK_LABEL_MAX	 4 /* octets, with the NUL */

/* What one speaker says on one m-line. */
struct fork_stream {
	char label[FORK_LABEL_MAX]; /* of its m-line, RFC 4574 */
	enum leg from;		    /* who speaks */
	uint64_t stream;	    /* its id in the dataplane */
	bool flows;		    /* the other side hears it just now */
	char codec[24];		    /* that it speaks, as SDP names it */
};

#define FORK_BOTH (1u << LEG_A | 1u << LEG_B) /* whose streams are meant */

/* Who takes forks. A fork is the client's; end() lets go of it. None of these
 * is called from within a function of this file that the client has called. */
struct fork_client {
	/* A call is to be forked. It may take its time, and try again. @return
	 * NULL: no memory. */
	void *(*begin)(void *arg, struct call *c);
	/* The streams are the same; which of them flow may be others. */
	void (*changed)(void *fork);
	/* The call has ended, or isn't to be forked any more. */
	void (*end)(void *fork);
	/* What a restart must know to end it; new reference. */
	json_t *(*save)(void *fork);
	/* From before a restart: end it. The call's fork is begun anew. */
	void (*forget)(void *arg, const json_t *saved);
	/* Are the calls of this AOR to be forked for transcription? */
	bool (*wanted)(void *arg, const char *aor);
	/* For lists: its state, as members of an object; new reference. */
	json_t *(*describe)(void *fork);
};

/** NULL: there is none any more (which ends no fork). */
void calls_fork_client(struct calls *cs, const struct fork_client *client,
		       void *arg);

/** Fork it for a use, or no longer; once more is no error. It asks the gate. by,
 * how: as call_may. @return 0, or -1 with why. */
int call_fork(struct call *c, enum fork_use use, bool on, const char *by,
	      const char *how, struct duty_why *why);
/** The same by the control API. @return 0, ENOENT, or EPERM with why. */
int calls_fork(struct calls *cs, uint64_t id, enum fork_use use, bool on,
	       const char *by, struct duty_why *why);
/** Forward what these parties (1 << enum leg each) say, beside those that are
 * forwarded already, or no longer. As call_fork. */
int call_forward(struct call *c, unsigned legs, bool on, const char *by,
		 const char *how, struct duty_why *why);
/** For what is it forked? enum fork_use's bits. */
unsigned call_forked(const struct call *c);
time_t call_answered(const struct call *c);
/** Said by the client: something that people want to hear of. kind: static,
 * "fork-connected" or "fork-failed". */
void call_fork_tell(struct call *c, const char *kind, const char *reason);
/** Said by the client, which has let go of the fork: there will be none. */
void call_fork_over(struct call *c, const char *reason);
/** What there is to fork: the audio of those whom the fork is about. @return how
 * many, at most n. */
unsigned call_fork_streams(struct call *c, struct fork_stream out[],
			   unsigned n);

/* The media of a fork: an m-line for each stream towards who takes it, sent
 * from a transport of its own by sallyport-media. */

struct fork_media;

/** Of these streams, which are copied. @return NULL: no memory. c must outlive
 * it. */
struct fork_media *fork_media_new(struct call *c,
				  const struct fork_stream stream[], unsigned n,
				  const struct media_leg_addr *to,
				  const struct media_profile *profile);
void fork_media_free(struct fork_media *f); /* also NULL */
/** The offer (malloc'd; it may hold keys: wipe it), its answer, its refusal. */
int fork_media_offer(struct fork_media *f, char **sdp, struct media_why *why);
int fork_media_answer(struct fork_media *f, const char *sdp, size_t len,
		      struct media_why *why);
void fork_media_decline(struct fork_media *f);
/** Offer each speaker's own codec first, before the first offer. */
void fork_media_mirror(struct fork_media *f);
/** Where it signals from, as its answer shows. */
void fork_media_peer(struct fork_media *f, const struct sp_addr *peer);
/** Where the first m-line's media go; family 0: nowhere yet. */
void fork_media_to(struct fork_media *f, struct sp_addr *out);
/** What is on its m-lines. @return how many, at most n. */
unsigned fork_media_streams(const struct fork_media *f,
			    struct fork_stream out[], unsigned n);
/** Another stream in the place of that of m-line i: streams go with the m-lines
 * of their call, and others come back. */
void fork_media_source(struct fork_media *f, unsigned i,
		       const struct fork_stream *stream);
/** What time changes (ICE): every few seconds. */
void fork_media_tick(struct fork_media *f);
/** The dataplane is there again. @return false: without its keys. */
bool fork_media_restored(struct fork_media *f);
/** For restarts of control: what is in force; new reference. */
json_t *fork_media_save(const struct fork_media *f);
/** @return NULL: it can't be taken up. */
struct fork_media *fork_media_load(struct call *c, const json_t *saved);
/** Who takes it offers something else (as an offer of ours), and the answer. */
int fork_media_offered(struct fork_media *f, const char *sdp, size_t len,
		       char **out, struct media_why *why);
