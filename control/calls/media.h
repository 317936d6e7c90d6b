/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/media.h - the media of one call: SDP in, SDP out, flows
 * programmed. Every front door negotiates through this. RFC 3264, 4568, 5761.
 *
 * Two legs, A (who called) and B. For each m-line there is a transport on each
 * leg, both owned by one worker, and a stream each way. media_offer takes an
 * offer that came from one leg and makes the one for the other leg; what it
 * reserves is in place (ports, keys) but nothing flows until media_answer
 * commits it; media_rollback forgets a declined offer and leaves the media as
 * they were before it; media_settle says that the answer was the final one.
 * SDP texts hold keys: who frees one wipes it. Control's thread only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/calls/media_profile.h"
#include "dataplane/abi/abi.h"

struct dp;     /* control/dataplane/dp.h: the client of the abi */
struct duties; /* control/duties/duties.h: the client of sallyport-media */
struct media;

enum leg { LEG_A, LEG_B };
#define OTHER_LEG(l) ((l) == LEG_A ? LEG_B : LEG_A)

/* Why not, for SIP and for people. */
struct media_why {
	int status;	/* SIP status: 400, 488, 500, 503 ... */
	char text[160]; /* one sentence, nothing secret in it */
	bool no_codec;	/* for want of a common codec */
	bool stays;	/* an end-to-end encrypted call was to be changed into
			 * something else: it goes on as it was */
};

struct media_leg_addr {
	struct sp_addr local; /* signalling's local address: picks the media
				  * address (same address, else the one whose
				  * network holds the peer's) */
	struct sp_addr peer;  /* where signalling comes from */
};

/** @return NULL: no memory. call: id for the transports' call field. */
struct media *media_new(struct dp *dp, uint64_t call,
			const struct media_leg_addr addr[2],
			const struct media_profile profile[2]);
/** Who transcodes and records for it; without, neither is possible. Also after
 * media_load, before duties_ready(). */
void media_duties(struct media *m, struct duties *d);
/** Of a call from the store, after media_duties: what sallyport-media puts into
 * its streams, or is copied, goes on. */
void media_restored(struct media *m);
/** Removes its flows, frees its ports, wipes its keys. */
void media_free(struct media *m);
/** B is known only after a fork or a registration look-up: set it anew, before
 * the first answer. */
void media_leg(struct media *m, enum leg l, const struct media_leg_addr *addr,
	       const struct media_profile *profile);

/** Leg `l` of m, which has negotiated nothing yet, is the phone that is leg
 * `was` of other media: to it this is the same SDP session, so origin and
 * version go on (RFC 3264 section 8), there are never fewer m-lines than it
 * had, and a key that it repeats goes on with the counter that it had. */
int media_heir(struct media *m, enum leg l, const struct media *other,
	       enum leg was);

/** Only leg `real` is somebody's; the other is the gateway itself. There is one
 * transport for each m-line, and one stream on it, a loop that sallyport-media
 * takes (SP_DIVERT_TAKE): what arrives goes there, what leaves comes from there.
 * Before the first offer. */
void media_solo(struct media *m, enum leg real);

/* What sallyport-media plays to a phone. */
enum play { PLAY_SILENCE, PLAY_FILE, PLAY_ROOM };
/** What the only leg hears from now on. name: of the file, or of the room. */
void media_play(struct media *m, enum play what, const char *name);
/** What leaves on m-line i to the only leg from now on: what arrives on the port
 * of another stream. After the m-line has been offered. */
void media_source(struct media *m, unsigned i, uint64_t stream);
/** What a leg hears whom the other has put on hold: a file; NULL: nothing. Before
 * the first offer. */
void media_music(struct media *m, const char *file);

/** Our media address for that leg; family 0: there is none. */
void media_here(struct media *m, enum leg l, struct sp_addr *out);

/** The profile of a leg from its next offer or answer on. */
void media_set_profile(struct media *m, enum leg l,
		       const struct media_profile *profile);
/** Where that leg is, as its answer shows: nothing else of it changes. */
void media_peer(struct media *m, enum leg l, const struct sp_addr *peer);

/** Called when something has changed that a restart must know, other than by
 * offer and answer: keys by DTLS, a peer nominated by ICE. */
void media_on_change(struct media *m, void (*changed)(void *arg), void *arg);
/** Look after what time changes: consent of ICE peers. Every few seconds. */
void media_tick(struct media *m);

/* How a leg's packets are treated, where that isn't the ordinary way. Takes
 * effect with the next answer. */
struct media_manner {
	uint8_t source; /* enum sp_source_rule; 0: learned */
	bool marked;	/* with the DSCP that follows, */
	uint8_t dscp;	/* 0..63; else by the kind of media */
};
void media_manner(struct media *m, enum leg l, const struct media_manner *how);

/** Nothing that arrives from that leg goes on, until it is let through again.
 * @return 0, or -1 with why. */
int media_block(struct media *m, enum leg from, bool blocked,
		struct media_why *why);

/* What sallyport-media can put in the place of what a leg would hear. */
enum media_insert {
	INSERT_NOTHING, /* the other, as it is */
	INSERT_FILE,	/* of the music folder */
	INSERT_SILENCE, /* packets of it */
	INSERT_ITSELF,	/* the other, by way of sallyport-media, so that digits
			 * can be put in */
	INSERT_PASS,	/* the same, packet by packet as it comes, so that a
			 * tone can be put into some; a notice's only */
};
/** What leg `to` hears from now on, once the file has ended the other again.
 * Whoever says so has asked the gate. @return 0, or -1 with why and all as it
 * was. */
int media_insert(struct media *m, enum leg to, enum media_insert what,
		 const char *file, bool loop, struct media_why *why);
enum media_insert media_insert_at(const struct media *m, enum leg to);
/** Digits (RFC 4733) of that leg don't go on, or do again. */
int media_no_digits(struct media *m, enum leg from, bool none,
		    struct media_why *why);
/** Digits to that leg, of ms each; something is inserted there. */
int media_digits(struct media *m, enum leg to, const char *digits, unsigned ms,
		 struct media_why *why);
/** The file of that stream has ended. @return false: none of these. */
bool media_insert_ended(struct media *m, uint64_t stream);

/** An offer from leg `from`; *out (malloc'd) is the offer for the other leg.
 * @return 0, or -1 with why filled in and nothing changed. */
int media_offer(struct media *m, enum leg from, const char *sdp, size_t len,
		char **out, struct media_why *why);

/* Codecs by name, best first; clock 0: any. n 0: no word on them. */
#define MEDIA_TOLD_MAX 24
struct media_codecs {
	unsigned n;
	struct {
		char name[24];
		uint32_t clock;
	} codec[MEDIA_TOLD_MAX];
};
/** Of an answer's audio and video codecs, those that the offerer is told of, as
 * if it had offered no others: one that the answerer hasn't, but the offerer has
 * offered, is had by transcoding, and so is what the answerer would send else.
 * Where that can't be, the answer stays as it came. For the answers that follow.
 * NULL: all. */
void media_told(struct media *m, const struct media_codecs *codecs);

/** The answer to it, from leg `from`; *out is the answer for the offerer.
 * Commits: flows are programmed before this returns. May be called again for
 * the same offer (18x, then 2xx). @return as above. */
int media_answer(struct media *m, enum leg from, const char *sdp, size_t len,
		 char **out, struct media_why *why);
/** An answer to this leg that refuses every m-line. malloc'd; NULL: the offer is
 * no SDP. Changes nothing but the version of our o=. */
char *media_refusal(struct media *m, enum leg to, const char *sdp, size_t len);
/** The offer was declined (or timed out): everything is as before it, also what
 * an early answer had committed. */
void media_rollback(struct media *m);
/** The answer was final: what was kept for another one, or for going back, is
 * let go (the ports of refused m-lines). The next offer settles too. */
void media_settle(struct media *m);

/* End-to-end encryption, E2EE.md "The course of a handshake": a=e2ee passes
 * unread where policy allows it, and every transport of the call bears the
 * mark once M2 has passed. */
enum e2ee_state {
	E2EE_UNDECIDED, /* no offer yet */
	E2EE_OFFERED,	/* an M1 has passed; its answer takes effect only when
			 * it is final */
	E2EE_ON,	/* M2 has passed: the call is end-to-end encrypted */
	E2EE_OFF,	/* it is an ordinary call, and stays one */
};

/** What policy says, before the first offer; else it isn't allowed. refusal: a
 * static sentence for where it isn't. */
void media_allow_e2ee(struct media *m, bool allowed, const char *refusal);
enum e2ee_state media_e2ee(const struct media *m);
/** The answer comes where no M2 may stand (18x): the call is an ordinary one. */
void media_e2ee_drop(struct media *m);
/** May this INFO of the handshake pass? Size, type, order, rate. @return 0, or
 * -1 with why. */
int media_e2ee_info(struct media *m, enum leg from, const void *body,
		    size_t len, struct media_why *why);

/* Copies of what both legs say go to sallyport-media, from now on and for
 * m-lines that come later; or no longer. Never on an end-to-end encrypted call.
 * @return 0, or -1 with why and all as it was. */
int media_copy(struct media *m, bool on, struct media_why *why);
/** Leg `to` is told, by a tone put into what it hears, or by a file of the music
 * folder in its place (file; NULL: a tone; on media with one leg always). It
 * ends by itself. @return on how many m-lines it has begun, 0: nothing is heard
 * there just now; -1 with why. */
int media_notice(struct media *m, enum leg to, const char *file,
		 struct media_why *why);
/** The notice on that stream has ended. @return the leg that was told, -1: there
 * was no notice. */
int media_notice_ended(struct media *m, uint64_t stream);
/** No notice goes on. */
void media_notice_end(struct media *m);
/** Is any of its m-lines transcoded? */
bool media_transcoded(const struct media *m);
/** The streams whose packets sallyport-media gets, and from which leg they
 * are. @return how many, at most n. */
struct media_port {
	uint64_t stream;
	enum leg from;
	const char *kind;  /* "audio", "video" */
	const char *codec; /* that the leg speaks; good until it changes */
	bool flows;	   /* the other leg hears it just now */
};
unsigned media_ports(const struct media *m, struct media_port out[],
		     unsigned n);

/* One m-line, for lists, records and people. */
struct media_info {
	char kind[16];	      /* "audio", "video" */
	char codec[2][48];    /* first codec of each leg's answer */
	uint16_t suite_rx[2]; /* hop suite by leg, what the peer sends */
	uint16_t suite_tx[2];
	uint64_t stream[2];	  /* stream ids: from leg A, from leg B */
	struct sp_stats stats[2]; /* latest read */
	char proto[2][24];	  /* profile of each leg's m-line */
	uint8_t dir[2];		  /* what each leg does: enum sdp_dir */
	struct sp_addr local[2];  /* our address and port towards each leg */
	struct sp_addr peer[2];	  /* as signalled by each leg */
	bool active;
	bool transcoded;
	const char *refusal; /* why it isn't active; NULL: not known */
};
/** Statistics are read from the dataplane; when it is away, the last known.
 * @return m-lines filled in, at most n. */
unsigned media_describe(struct media *m, struct media_info info[], unsigned n);
/** @return true when every direction that should flow has been silent for so
 * long, as far as the dataplane says. */
bool media_silent(const struct media *m, uint32_t ms);
/** The same of what one leg should send. */
bool media_silent_from(const struct media *m, enum leg from, uint32_t ms);
/** Why a leg has had no keys for so long, as its DTLS handshake came to nothing;
 * NULL: it isn't so. Static. */
const char *media_dtls_refused(const struct media *m, uint32_t ms);

/** For restarts: everything but the keys, as JSON (malloc'd); and back. After
 * media_load the media is as saved, its transports matched by key id. Where
 * keys are needed that were lost (dataplane restarted too), media_keys_lost()
 * says so and only a re-offer mends it. */
char *media_save(const struct media *m);
struct media *media_load(struct dp *dp, const char *json);
bool media_keys_lost(const struct media *m);
