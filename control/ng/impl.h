/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/impl.h - shared by the files of ng/.
 *
 * A session is one pair of parties as the proxy sees it: a call-id and two
 * tags, of the one who offered first (leg A) and of the other (leg B, not known
 * before its answer), and a branch where the proxy names one. It is one call of
 * the call model, with one path. A call that forks with an offer for each branch
 * has a session for each. */
#pragma once
#include <time.h>
#include "control/calls/call.h"
#include "control/dataplane/dp.h"
#include "control/ng/cache.h"
#include "control/ng/flags.h"
#include "control/ng/listen.h"
#include "control/ng/ng.h"
#include "control/ng/wire.h"
#include "control/sdp/sdp.h"
#include "control/sip/addr.h"
#include "control/store/store.h"

#define NG_BUCKETS	  16384 /* a power of two */
#define NG_NETWORKS_MAX	  32
#define NG_INTERFACES_MAX 16
#define NG_ID_MAX	  512 /* octets of a call-id, tag or branch */
#define NG_MEDIA_MAX	  16

struct ng_session {
	struct le le;	     /* in the door's table, by call-id */
	struct le waiting;   /* to be deleted */
	struct le dialling;  /* digits are being sent, */
	uint64_t dialled[2]; /* ms: until then, to that leg; 0: none */
	struct ng *ng;
	struct call *call;
	struct path *path; /* the call's once it is up */
	bool up;
	bool record;		 /* when it is */
	char *call_id, *branch;	 /* branch NULL: none was named */
	char *tag[2];		 /* of each leg; B's NULL before its answer */
	int64_t created, signal; /* UNIX seconds: first, latest word of it */
	uint64_t delete_at;	 /* ms */
};

/* Counted since start; `statistics` shows them. */
struct ng_counts {
	uint64_t requests, repeated, errors, refused_source, junk;
	uint64_t offers, answers, deletes, load_limit;
	uint64_t sessions, answered, ended_by_gateway;
	uint64_t seconds; /* of sessions that have ended */
};

struct ng {
	struct ng_door_config cfg;
	struct cache *cache;
	char *answer; /* the latest that isn't in the cache */
	size_t answer_len;
	struct list sessions[NG_BUCKETS];
	unsigned count, limit;
	uint8_t secret[16]; /* of the table's hash */
	struct list waiting, dialling;
	struct list listeners;
	struct ng_network allow[NG_NETWORKS_MAX];
	unsigned n_allow;
	struct ng_interface interface[NG_INTERFACES_MAX];
	unsigned n_interface;
	struct tmr tick;
	uint64_t told_at;    /* ms: when a stranger was last logged */
	struct list unknown; /* flags that have been logged */
	int64_t started;
	bool stopping;
	struct ng_counts counts;
};

/* ---------------------------------------------------------------- door.c */

/** One request from there, and its answer. *len: octets; the result is good
 * until the next call; NULL: there is no answer. */
const char *ng_serve(struct ng *ng, const struct sa *from,
		     const struct wire_message *m, size_t *len);
/** May this address speak to us? A stranger is counted, and logged at times. */
bool ng_allowed(struct ng *ng, const struct sa *from);

/* udp.c, tcp.c, http.c: @return 0 or errno; freed with their door's list. */
int ng_udp_listen(struct ng *ng, const struct sa *addr);
int ng_tcp_listen(struct ng *ng, const struct sa *addr);
int ng_http_listen(struct ng *ng, const struct sa *addr);

/* ------------------------------------------------------------ commands.c */

struct ng_request {
	struct ng *ng;
	struct ng_flags f;
	const char *by; /* who asks, for logs and the audit: "ng 10.0.0.1" */
	json_t *reply;
};

/** Carry out what rq->f.command says; rq->reply is filled in. */
void ng_command(struct ng_request *rq);

/* A command; what it returns is `result`, NULL: it has called ng_fail. */
typedef const char *command_h(struct ng_request *rq);
command_h ng_offer, ng_answer, ng_delete, ng_query, ng_list, ng_statistics,
	ng_recording_start, ng_recording_stop, ng_recording_pause,
	ng_block_dtmf, ng_unblock_dtmf, ng_block_media, ng_unblock_media,
	ng_silence_media, ng_unsilence_media, ng_forwarding_start,
	ng_forwarding_stop, ng_play_media, ng_stop_media, ng_play_dtmf,
	ng_subscribe_request, ng_subscribe_answer, ng_unsubscribe;

/** {"result": "error", "error-reason": ...} @return NULL. */
__attribute__((format(printf, 2, 3))) const char *ng_fail(struct ng_request *rq,
							  const char *fmt, ...);
/** What the media said: "load limit" where another node may do better. */
const char *ng_fail_media(struct ng_request *rq, const struct media_why *why);
/** The gate's refusal: its name, status and reason. */
const char *ng_fail_feature(struct ng_request *rq,
			    const struct feature_answer *a);
/** What the call model said of a feature for which it has asked the gate. */
const char *ng_fail_duty(struct ng_request *rq, enum feature f,
			 const struct duty_why *why);

/* offer.c */
/** The SDP of the request; NULL: it is none, and the request has failed. */
struct sdp *ng_sdp_parsed(struct ng_request *rq);
/** A text with keys in it: wiped. Also NULL. */
void ng_text_free(char *text);

/* ------------------------------------------------------------- session.c */

/** The first session of that call-id after s (NULL: from the start). */
struct ng_session *ng_session_next(struct ng *ng, struct pl call_id,
				   const struct ng_session *s);
/** Which leg has this tag? @return -1: neither. */
int ng_session_leg(const struct ng_session *s, struct pl tag);
/** @return NULL: no memory. path is NULL still. */
struct ng_session *ng_session_new(struct ng *ng, const struct ng_flags *f,
				  const char *from, const char *to);
/** The same text as was kept? kept may be NULL. */
bool ng_session_text_is(const char *kept, struct pl text);
/** Keep a copy, of printable octets. @return false: no memory. */
bool ng_session_text_set(char **kept, struct pl text);
/** Over: the call ends, and s is gone. */
void ng_session_end(struct ng_session *s, enum call_by by, int status,
		    const char *reason);
/** The session that a command is about: by call-id, tags and branch.
 * *leg: which of its legs from-tag is, A where there is no from-tag. NULL: none,
 * and the request has failed. */
struct ng_session *ng_session_wanted(struct ng_request *rq, enum leg *leg);
extern const struct call_door ng_call_door;

/* save.c */
json_t *ng_session_save(void *arg);
void *ng_session_load(void *ng, struct call *c, struct path *p,
		      const json_t *saved);

/* profile.c: what flags and SDP say of one leg. */
struct ng_wish {
	struct media_leg_addr addr;
	struct media_profile profile;
	struct media_manner manner;
};
/** The leg that the SDP came from. */
void ng_wish_from(const struct ng *ng, const struct ng_flags *f,
		  const struct sdp *s, struct ng_wish *w);
/** The leg that it goes to. offered: that of the SDP. */
void ng_wish_to(const struct ng *ng, const struct ng_flags *f,
		const struct sdp *s, const struct ng_wish *from,
		struct ng_wish *w);
/** Where a copy of what a party says goes to: as that party's leg of this m-line,
 * but for what the flags say. */
void ng_wish_subscriber(const struct ng *ng, const struct ng_flags *f,
			const struct media_info *m, enum leg party,
			struct ng_wish *w);

/* edit.c: flags that change the SDP before the call model has it. */
/** @return 0, or -1 with why. */
int ng_edit_offer(struct sdp *s, const struct ng_flags *f,
		  struct media_why *why);
bool ng_edit_needed(const struct ng_flags *f);
/** Take codecs out of an offer that goes to the other side, which stay the
 * offerer's: the gateway transcodes. Takes `text`; @return NULL: no memory. */
char *ng_edit_mask(const struct ng_flags *f, char *text);
bool ng_mask_needed(const struct ng_flags *f);
/** Both, on an offer of the gateway's own. Takes `text`; @return NULL: no
 * memory. */
char *ng_edit_own(const struct ng_flags *f, char *text);
/** Of an answer's codecs, those that the offerer is told of. @return false: no
 * flag has a word on them. */
bool ng_edit_answer(const struct ng_flags *f, const struct sdp *s,
		    struct media_codecs *out);
/** All media come from where the request did. */
int ng_edit_source(struct sdp *s, const struct sp_addr *addr);

/* media.c */
/** Where the last digit has been sent, media go their own way again. */
void ng_dialled(struct ng *ng, uint64_t now);

/* query.c */
/** Put what `query` says of this session into rq->reply. */
void ng_query_session(struct ng_request *rq, struct ng_session *s);
