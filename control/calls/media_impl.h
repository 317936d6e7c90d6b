/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/media_impl.h - shared by calls/media*.c, by nobody else.
 *
 * A state is what has been negotiated: one struct mline for each m-line. The
 * media have up to three: `cur`, in force in the dataplane; `offer`, reserved
 * for an offer that is out; `base`, what a decline goes back to. Ports and keys
 * belong to no state alone: they are counted, and go with the last that holds
 * them.
 *
 *   media_offer.c    an offer in, a state reserved
 *   media_answer.c   its answer in, the state completed
 *   media_heir.c     a phone that comes from another call
 *   media_keys.c     which a=crypto, which keys
 *   media_dtls.c     DTLS-SRTP: fingerprints, roles, associations
 *   media_ice.c      ICE-lite: credentials, candidates
 *   media_bundle.c   BUNDLE: which m-lines share a transport, and whose is what
 *   media_punt.c     STUN and DTLS as they arrive, and what comes of them
 *   media_codec.c    which codecs; transcoding where none is in common
 *   media_codec_sdp.c what of that the other leg reads
 *   media_force.c    codecs that a profile wants, and no others
 *   media_told.c     codecs of an answer that the offerer is told of
 *   media_tongue.c   what each leg speaks: kept, shared, saved and loaded
 *   media_duty.c     what sallyport-media is to do
 *   media_insert.c   what is played in the place of a leg's sound
 *   media_notice.c   legs are told that the call is recorded
 *   media_ssrc.c     SSRCs that SDP announces, or had better not
 *   media_rate.c     codecs, and what they may send at most
 *   media_addr.c     our address, the peers' addresses
 *   media_rewrite.c  the SDP for the other leg
 *   media_e2ee.c     a=e2ee as it passes
 *   media_program.c  the dataplane
 *   media_save.c     JSON and back
 *   media_save_keying.c of it ICE, DTLS-SRTP and BUNDLE
 *   media_info.c     for lists and people */
#pragma once
#include <jansson.h>
#include "control/calls/media.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/keying/fingerprint.h"
#include "control/keying/hopkey.h"
#include "control/keying/ice.h"
#include "control/sdp/sdp.h"

#define MEDIA_SUITES_MAX 8
#define MEDIA_CODECS_MAX 32
#define MEDIA_SPOKEN_MAX 8
#define MEDIA_ADDED_MAX	 8
#define CODEC_FMTP_MAX	 64 /* octets; a longer a=fmtp is none to us */
#define NO_PT		 0xff

#define MEDIA_MID_URI "urn:ietf:params:rtp-hdrext:sdes:mid"

#define MEDIA_FINGERPRINTS 4
#define MID_MAX		   17 /* octets of a mid, with the NUL */

struct assoc; /* control/keying/dtls.h */
struct media;
struct session; /* an association of a transport: media_dtls.c */

/* ICE on one transport, shared by count as keys are. */
struct agent {
	unsigned refs;
	struct ice ice;
};

/* A transport of ours on one leg: a pair of ports, and what was agreed on them.
 * Several m-lines share it where they are bundled (RFC 9143). */
struct transport {
	unsigned refs;
	struct transport *next; /* media_punt.c's, where it is listed */
	struct media *m;
	enum leg leg;
	struct agent *ice;    /* in force; NULL: without ICE */
	struct session *dtls; /* in force; NULL: none */
	bool sending;	      /* has somebody to send to */
	struct dp *dp;
	uint64_t id;
	uint8_t media;	 /* index into the greeting */
	uint16_t port;	 /* local RTP port */
	bool programmed; /* is in the dataplane */
	bool used;	 /* has been there at some time */
};

/* The two streams of an m-line, in the dataplane when programmed. */
struct flow {
	unsigned refs;
	struct dp *dp;
	struct duties *duties; /* NULL: has none, and never had */
	uint32_t generation;   /* of its streams, while diverted */
	bool port[2];	       /* sallyport-media has a port for stream[l], */
	bool sent[2];	       /* which has sent something, at least once */
	enum media_insert notice[2]; /* of the call's being recorded: who hears
				      * what leg l sends is just being told,
				      * by INSERT_FILE, or (a tone) by
				      * INSERT_PASS */
	bool transcoding;	     /* holds a place among them */
	uint64_t source;    /* on media with one leg: the stream whose port it
				* hears; 0: what is played there */
	uint64_t stream[2]; /* ids; [l]: from leg l to the other */
	uint64_t from[2];   /* transport that the stream was made on */
	uint32_t ssrc_xor;
	bool made[2];		  /* [l]: in the place of what leg l sends
				   * sallyport-media has sent, some time */
	bool programmed;	  /* is in the dataplane */
	struct sp_stats stats[2]; /* latest read */
	uint64_t since[2];	  /* ms: when media from leg l began to be
				* expected; 0: not expected */
};

enum keying {
	KEYING_PLAIN,
	KEYING_SDES,
	KEYING_DTLS,
	KEYING_RELAY, /* DTLS-SRTP between the peers themselves */
};

enum setup { HOLDCONN, ACTIVE, PASSIVE, ACTPASS }; /* a=setup, RFC 4145 */

/* One leg of an m-line: what the peer said, and what we say to it. */
struct mleg {
	struct transport *tp; /* as long as the m-line has a flow */
	char proto[24]; /* profile in this leg's m-lines; "": as it came */
	enum keying keying;
	bool mux;	  /* RTCP on the RTP port */
	bool no_recv;	  /* c=0.0.0.0: hold as RFC 2543 had it */
	enum sdp_dir dir; /* what the peer does */
	struct sp_addr rtp, rtcp;
	struct hopkey *rx, *tx;
	uint32_t tag; /* of the a=crypto that an answer to it names */
	struct hopkey *offered[MEDIA_SUITES_MAX]; /* ours, in an offer to it */
	unsigned n_offered;
	uint32_t max_pps, max_octets; /* of what it sends */
	/* DTLS-SRTP */
	struct session *dtls;
	struct fingerprint fp[MEDIA_FINGERPRINTS]; /* of the peer */
	uint8_t n_fp;
	enum setup setup; /* ours, in the SDP to this leg */
	/* ICE and BUNDLE; mid "": this leg has none */
	struct agent *ice;
	char mid[MID_MAX];
	bool bundled;			/* shares its transport, or may */
	uint32_t ssrc[SP_STREAM_SSRCS]; /* that it says it sends with */
	uint8_t n_ssrc;
};

struct codec {
	char name[24];
	uint32_t clock, channels;
	uint8_t pt;
	char fmtp[CODEC_FMTP_MAX];
};

/* What a leg speaks, so that sallyport-media can understand and answer it. Those
 * of an m-line's two legs are one block, shared by count among the states that
 * have it, and never changed once it is kept. */
struct tongue {
	struct codec codec; /* that we send to it */
	uint8_t event_pt;   /* of RFC 4733 towards it, or NO_PT */
	uint8_t ptime;	    /* ms, towards it */
	unsigned n;
	struct codec *spoken; /* that it may send */
};

/* While they are being found out. */
struct tongues {
	struct tongue of[2];
	struct codec spoken[2][MEDIA_SPOKEN_MAX];
};

struct mline {
	char kind[16];
	struct flow *flow; /* NULL: refused or switched off */
	struct mleg leg[2];
	struct codec codec; /* first common one of the answer */
	/* of the offer, for the answer to be checked against; shared by count
	 * among the states that have it */
	const struct codec *codecs;
	unsigned n_codecs;
	uint64_t pts[2]; /* payload types of both sides, as in abi.h */
	uint8_t mid_ext; /* id of the MID header extension; 0: none */
	/* payload types of the codecs that we have added to the offer, in the
	 * order of media_codec.c's table; NO_PT: not added */
	uint8_t added[MEDIA_ADDED_MAX];
	bool two_way; /* both sides have spoken: what is one-way now is a hold */
	bool transcoded; /* the legs have no codec in common */
	bool told;	 /* the answer passes with some of its codecs only */
	struct tongue *tongue; /* of each leg; never NULL */
	const char *refusal;   /* why it has no flow, or NULL; static */
	unsigned ptime;	       /* ms, the offer's; 0: not said */
	uint64_t bandwidth; /* bits a second, the offerer's b=; 0: not said */
};

struct state {
	unsigned n; /* up to SDP_MEDIA_MAX */
	struct mline line[];
};

/* What a leg is, apart from any m-line. */
struct side {
	struct media_leg_addr addr;
	struct media_profile profile;
	int media;	      /* index into the greeting; -1: not chosen */
	struct sp_addr local; /* that media address */
	struct media_manner manner;
	enum media_insert insert; /* in the place of what it sends, */
	char insert_file[DUTY_ID_MAX];
	bool insert_loop;
	bool no_digits;		   /* of it go on */
	bool blocked;		   /* what it sends goes nowhere */
	uint64_t session, version; /* of our o= towards it */
	uint8_t digest[16];	   /* of the latest SDP to it */
	bool heir;		   /* it came from another call */
	unsigned lines;		   /* m-lines of the SDP session with it */
	struct state *was;	   /* on the call that it came from, or NULL;
				    * only `kind` and `rx` of that leg */
	uint32_t was_roc[SDP_MEDIA_MAX];
};

#define E2EE_HASH  32 /* octets */
#define E2EE_INFOS 3  /* M3, M4, M5 */

/* What passed of the end-to-end handshake. */
struct e2ee {
	enum e2ee_state state;
	bool allowed;		    /* by policy */
	const char *refusal;	    /* why not; static */
	uint8_t hash[2][E2EE_HASH]; /* of each leg's a=e2ee */
	uint8_t info[E2EE_INFOS][E2EE_HASH];
	uint8_t copies[E2EE_INFOS];
	uint8_t passed; /* how many of the messages in INFO */
};

struct media {
	struct dp *dp;
	struct duties *duties; /* NULL: there is no sallyport-media */
	bool copy;	       /* to it, of what both legs say */
	uint64_t call;
	struct e2ee e2ee;
	struct side side[2];
	struct state *cur;     /* never NULL */
	struct state *base;    /* NULL: no offer is out */
	struct state *offer;   /* NULL: no offer is out */
	unsigned lines[2];     /* m-lines of the offer, on each leg */
	unsigned had_lines[2]; /* of the SDP sessions before it */
	enum leg offerer;
	uint16_t port; /* whose worker owns all others; 0: none was taken */
	void (*changed)(void *arg); /* something that a restart must know */
	void *changed_arg;
	bool answered; /* the offer has been, though not finally */
	bool solo;     /* only one leg is a phone's: */
	enum leg real;
	enum play play; /* and that is what it hears */
	char play_name[DUTY_ID_MAX];
	char music[DUTY_ID_MAX];   /* for who is on hold; "": none */
	struct media_codecs *told; /* of answers; NULL: all */
	char notice[DUTY_ID_MAX];  /* file of the latest notice; "": a tone */
};

/* Is there anybody on this leg? */
static inline bool media_has(const struct media *m, int x)
{
	return !m->solo || x == (int)m->real;
}

/** @return -1, with status and sentence put into why. */
__attribute__((format(printf, 3, 4))) int media_no(struct media_why *why,
						   int status, const char *fmt,
						   ...);

/* media.c: states. */
struct state *state_copy(const struct state *s); /* NULL: no memory */
struct state *state_new(unsigned n);		 /* n refused lines */
void state_free(struct state *s);
/** Let go of what an m-line holds; it is then refused. */
void mline_clear(struct mline *l);
/** Let go of the keys that were only offered. */
void mleg_settle(struct mleg *leg);
/** Ports, ids: a flow, and a transport on each leg that has none of a bundle
 * already. @return 0, or -1 with why. */
int mline_reserve(struct media *m, struct mline *l, struct media_why *why);
/** The same flow and transports as another state's m-line. */
void mline_share(struct mline *l, const struct mline *had);
void flow_drop(struct flow **f);
struct transport *transport_ref(struct transport *t);
void transport_drop(struct transport **t);

/* media_addr.c */
/** Choose the media address of a leg, if that hasn't been done. */
int media_addr_pick(struct media *m, enum leg l, struct media_why *why);
/** Where the peer of this leg wants its media: rtp, rtcp, no_recv. */
int media_addr_peer(const struct media *m, enum leg l, const struct sdp *s,
		    unsigned i, struct mleg *out, struct media_why *why);

/* media_heir.c */
/** Switched-off m-lines, until there are as many as leg `to` has had. @return 0,
 * or -1 with why. */
int media_heir_pad(const struct media *m, enum leg to, struct sdp *s,
		   struct media_why *why);
/** The key that m-line i of this leg has just said: if it is the one that the
 * phone used on the call before, its rollover counter is that one's. */
void media_heir_key(const struct media *m, enum leg x, unsigned i,
		    struct mleg *leg);

/* media_keys.c */
/** Does the profile hold this suite? */
bool media_suite_allowed(const struct media_profile *p, uint16_t suite);
/** The offerer's a=crypto: the first that its profile allows; keys for both
 * directions. had: the leg in force, or NULL. @return 0, ENOENT with why: none
 * to be had, or ENOMEM. */
int media_keys_from_offer(const struct media_profile *p, const struct sdp *s,
			  unsigned i, const struct mleg *had, struct mleg *out,
			  struct media_why *why);
/** Our keys for an offer to this leg. @return 0 or ENOMEM. */
int media_keys_to_offer(const struct media_profile *p, const struct mleg *had,
			struct mleg *out);
/** The answer's a=crypto against our offer. had as above. */
int media_keys_from_answer(const struct sdp *s, unsigned i,
			   const struct mleg *had, struct mleg *out,
			   struct media_why *why);

/* media_codec.c */
/** Remember what the offer's m-line proposes. @return 0 or ENOMEM. */
int media_codecs_offered(const struct sdp *s, unsigned i, struct mline *l);
/** Which codecs the offer for leg `to` has besides, since they can be made of
 * what the offerer speaks. had: the line in force, or NULL. After
 * media_codecs_offered. */
void media_codecs_add(const struct media *m, const struct sdp *s,
		      const struct mline *had, enum leg to, struct mline *l);
/** The answer's first codec that was offered, or else what is to be transcoded;
 * and the limits for both legs. @return 0, or -1 with why. */
int media_codecs_answered(const struct media *m, const struct sdp *s,
			  unsigned i, enum leg answerer, struct mline *l,
			  struct media_why *why);
/** The formats of an m-line towards leg `to`: those added to the offer go in,
 * and in an answer those that the offerer hasn't heard of come out. @return 0,
 * or errno. */
int media_codecs_rewrite(const struct media *m, struct sdp *s, unsigned i,
			 const struct mline *l, enum leg to, bool answer);
/** One that an SDP names; out->fmtp "" where it has none, or a long one. */
void media_codec_keep(const struct sdp *s, unsigned i,
		      const struct sdp_codec *c, struct codec *out);
/** As the offerer named it; NULL: it didn't. */
const struct codec *media_codec_offered(const struct mline *l,
					const struct codec *a);
/** The next that we have added to the offer, from *k = 0 on. @return false: no
 * more. */
bool media_codec_added(const struct mline *l, unsigned *k, struct codec *out);
/** Is it one that we might add? */
bool media_codec_known(const struct codec *c);
/** Does it carry no media of its own (digits, comfort noise, redundancy)? */
bool media_codec_auxiliary(const char *name);

/* media_force.c: list is struct media_profile's `codecs`. */
/** Is it a codec that the list wants, or is there no list? */
bool media_forces(const char *list, const char *name);
/** Are codecs ours to choose here? */
bool media_may_force(const struct media *m);
/** An m-line's formats as the list has them. @return 0 or errno. */
int media_force(struct sdp *s, unsigned i, const char *list);
/** The offer of a leg, as its profile would have it. @return 0 or errno. */
int media_force_offered(const struct media *m, enum leg from, struct sdp *s);

/* media_told.c */
/** The codec's place among those that the offerer is told of; -1: it isn't. */
int media_told_rank(const struct media *m, const struct codec *c);
/** Is there anything to choose on this m-line? */
bool media_told_applies(const struct media *m, const struct mline *l);

/* media_tongue.c */
/** The m-line's legs speak nothing yet; what they do is put into the draft. */
void media_tongues_begin(struct mline *l, struct tongues *draft);
/** What they spoke is forgotten; the draft stays. */
void media_tongues_clear(struct mline *l);
/** Keep what the draft has, or (ok false) nothing. @return 0 or ENOMEM. */
int media_tongues_keep(struct mline *l, bool ok);
/** An m-line that is new; one that has been copied with its octets; one that
 * goes. */
void media_codecs_init(struct mline *l);
void media_codecs_ref(struct mline *l);
void media_codecs_drop(struct mline *l);
/** For restarts: what an m-line's legs speak. */
json_t *media_codecs_save(const struct mline *l);
bool media_codecs_load(json_t *j, struct mline *l);

/* media_insert.c */
/** What leg `from` is replaced by on this m-line. */
enum media_insert media_inserted(const struct media *m, const struct mline *l,
				 enum leg from);
/** Would sallyport-media put in what is wanted now? Asked before anything is
 * changed in the dataplane. @return 0, or -1 with why. */
int media_may_insert(struct media *m, struct mline *l, enum leg from,
		     struct media_why *why);
/** As the source of its port. */
json_t *media_insert_source(const struct media *m, const struct mline *l,
			    enum leg from);
/* media_program.c */
/** The streams in force once more: what they do has changed. */
int media_streams_program(struct media *m, struct media_why *why);

/* media_duty.c */
/** How its streams are diverted. enum sp_divert */
uint8_t media_divert(const struct media *m, const struct mline *l,
		     enum leg from);
/** Does the other leg of this m-line hear music, since `from` has put it on
 * hold? */
bool media_on_hold(const struct media *m, const struct mline *l, enum leg from);
/** May it, if from does? */
bool media_may_play(const struct media *m, const struct mline *l);
/** What sallyport-media is told of it. @return a new reference, or NULL. */
json_t *media_port_json(const struct media *m, const struct mline *l,
			enum leg from);
/** Tell sallyport-media what it has to do with the stream from this leg. */
void media_duty_set(const struct media *m, struct mline *l, enum leg from);
/** Nothing any more, with both. */
void media_duty_drop(struct flow *f);

/* media_rate.c */
/** What an m-line's legs may send at most. ptime: ms, bits: a second, both of
 * the answer; the bandwidths are those that each leg has named. */
void media_limits(struct mline *l, uint64_t bits, const uint64_t bandwidth[2],
		  unsigned ptime);
uint32_t media_codec_bits(const struct codec *c);

/* media_offer.c */
/* A transport profile of m-lines: RFC 3551, 3711, 4585, 5124, 5764. */
struct profile {
	const char *name;
	enum keying keying;
	bool feedback;
};
/** @return NULL: unknown. */
const struct profile *media_profile_find(struct sdp_view name);

/* media_dtls.c */
/** Does the m-line, or its session, have a fingerprint? */
bool media_dtls_said(const struct sdp *s, unsigned i);
/** The offerer's fingerprints and setup: an association, the one in force where
 * it is still the same. had: the leg in force, or NULL. @return 0, or -1 with
 * why. */
int media_dtls_from_offer(struct media *m, enum leg l, const struct sdp *s,
			  unsigned i, const struct mleg *had, struct mleg *out,
			  struct media_why *why);
/** Ours, for an offer to this leg. @return 0, or -1 with why. */
int media_dtls_to_offer(struct media *m, enum leg l, const struct mleg *had,
			struct mleg *out, struct media_why *why);
int media_dtls_from_answer(struct media *m, enum leg l, const struct sdp *s,
			   unsigned i, struct mleg *out, struct media_why *why);
/** Our lines. @return 0 or errno. */
int media_dtls_print(struct sdp *s, unsigned i, const struct mleg *leg);
struct session *session_ref(struct session *s);
void session_drop(struct session **s);
/** The association may begin: what it needs of its peer is known. */
void session_begin(struct session *s, struct transport *t,
		   const struct mleg *leg);
void session_recv(struct session *s, const struct sp_datagram *d,
		  const struct mleg *leg, const struct agent *ice);
/** Its keys and where its peer is, into the leg, if they are there. */
void session_keys(struct session *s, struct mleg *leg);

/* media_ice.c */
/** The offerer's credentials: an agent of ours, the one in force where they
 * haven't changed. */
int media_ice_from_offer(const struct media *m, enum leg l, const struct sdp *s,
			 unsigned i, const struct mleg *had, struct mleg *out,
			 struct media_why *why);
int media_ice_to_offer(const struct media *m, enum leg l,
		       const struct mleg *had, struct mleg *out,
		       struct media_why *why);
int media_ice_from_answer(const struct media *m, enum leg l,
			  const struct sdp *s, unsigned i, struct mleg *out,
			  struct media_why *why);
int media_ice_print(struct sdp *s, unsigned i, const struct side *side,
		    const struct mleg *leg);
struct agent *agent_new(void);
struct agent *agent_ref(struct agent *a);
void agent_drop(struct agent **a);

/* media_bundle.c */
/** Is the m-line in a bundle, as this SDP has it? */
bool media_bundle_said(const struct sdp *s, unsigned i);
/** Which m-line before has the transport that this one shares on leg x; -1: it
 * has its own. */
int media_bundle_tag(const struct sdp *s, const struct state *st, enum leg x,
		     unsigned i);
/** Was m-line i bundled with one before, which it isn't any more? */
bool media_bundle_left(const struct state *had, unsigned i, enum leg x);
/** Take everything that belongs to the transport from the m-line that has it. */
void media_bundle_join(struct mleg *leg, const struct mleg *tag);
/** By what packets from leg x are told apart, as its SDP has it. */
void media_bundle_learn(const struct sdp *s, unsigned i, struct mline *l,
			enum leg x);
/** Which m-lines of an offer to this leg may be bundled, and their mids. */
void media_bundle_offer(const struct media *m, struct state *st, enum leg to);
/** a=group and a=mid for leg `to`. @return 0 or errno. */
int media_bundle_print(enum leg to, struct sdp *s, const struct state *st);
/** Do other m-lines share this leg's transport? */
bool media_bundle_shared(const struct state *st, const struct mline *l,
			 enum leg x);
void media_bundle_match(const struct state *st, const struct mline *l,
			enum leg from, struct sp_stream *out);

/* media_ssrc.c */
/** Are payload types all by which m-lines are told apart on this leg, so that MID
 * isn't used there? Of the leg only `keying` counts. */
bool media_by_type(const struct sdp *s, const struct mleg *leg);
/** What the m-line says of SSRCs and MID, towards leg `to`: nothing that may be
 * untrue. @return 0 or errno. */
int media_ssrc_rewrite(struct sdp *s, unsigned i, const struct media *m,
		       const struct mline *l, enum leg to);

/* media_punt.c */
/** Hear of it by its id, as long as it lives. */
void media_punt_list(struct transport *t);
void media_punt_unlist(struct transport *t);
/** What its first m-line of the state says is in force from now on. */
void media_punt_use(struct transport *t, const struct mleg *leg);
/** A session has keys, or has come to nothing. */
void media_punt_keys(struct media *m, struct session *s);
/** Before there is an answer: let what the peer sends at once be heard. */
void media_punt_early(struct media *m, struct state *st, enum leg x);

/* media_e2ee.c */
/** What an offer or answer from this leg means for end-to-end encryption; *e
 * becomes what holds once that SDP is passed on. @return 0, or -1 with why. */
int media_e2ee_heard(enum leg from, bool answer, const struct sdp *s,
		     struct e2ee *e, struct media_why *why);

/* media_rewrite.c */
/** Make of this document, heard from the other leg, the one for leg `to`, as
 * the state has it. answer: towards the offerer. *out malloc'd. */
int media_rewrite(struct media *m, enum leg to, bool answer, struct sdp *s,
		  const struct state *st, char **out, struct media_why *why);

/* media_program.c */
/** Put the state into the dataplane in the place of cur, and make it cur;
 * where that fails, cur is put back. Takes the state over if it succeeds. */
int media_program(struct media *m, struct state *next, struct media_why *why);
/** A transport of leg x as the dataplane gets it: what the first of the state's
 * m-lines on it says, and rates for all of them. Holds keys: wipe it. */
void media_transport(const struct media *m, const struct state *st,
		     const struct transport *t, enum leg x,
		     struct sp_transport *out);
void media_stream(const struct media *m, const struct state *st,
		  const struct mline *l, enum leg from, struct sp_stream *out);
/** Tell the dataplane once more what cur says of this transport. */
int media_transport_program(struct media *m, const struct state *st,
			    struct transport *t, char text[SP_TEXT_MAX]);
/** Should media from this leg arrive and be passed on? */
bool media_flows(const struct mline *l, enum leg from);
/** Does an offer that is out, and unanswered, let its sender hear more than
 * cur does? */
bool media_offer_opens(const struct media *m);
uint64_t media_now(void); /* ms, monotonic */
