/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/door.h - shared by the files of sip/ above the stack.
 *
 * A bridge is a call as SIP sees it: the caller's INVITE and, for each phone
 * that rings, a branch. A branch is a pair of sessions (dialogs): the one that
 * we are towards the caller, with a To tag of its own as a forking proxy would
 * show, and the one towards that phone; and the media between them. The first
 * 2xx makes its branch the call; the others are cancelled. */
#pragma once
#include "control/calls/call.h"
#include "control/sip/dialog.h"
#include "control/sip/digest.h"
#include "control/sip/sip.h"
#include "control/sip/stack.h"
#include "control/store/store.h"
#include "control/timer.h"

#define DOOR_BUCKETS 4096 /* a power of two */
#define FORK_MAX     8	  /* phones that ring at once for one user */
#define RELAYS_MAX   16	  /* unanswered requests in one call */

struct hunt;
struct siprec;
struct trunk;
struct trunk_line;
struct trunks;

struct door {
	struct door_config cfg;
	struct stack *stack;
	char *origins[CONFIG_ORIGINS_MAX + 1]; /* NULL-terminated */
	struct digest *digest;
	struct trunks *trunks;
	struct siprec *siprec; /* NULL: no recorder is configured */
	struct list sessions[DOOR_BUCKETS]; /* by Call-ID */
	struct list bridges;
	struct list parks, focuses; /* alone.h */
	struct list untidy;	    /* those in which something is over */
	struct mqueue *later;	    /* to look at them from the event loop */
	struct tmr expire;	    /* registrations */
	bool stopping;
};

struct session {
	struct le le; /* in the door's table */
	struct branch *br;
	enum leg side;
	struct dialog dlg;
	struct hop hop;
	unsigned methods; /* METHOD_*: what the peer takes */

	struct stxn *confirm; /* INVITE answered 2xx, its ACK not here yet */
	struct timer repeat;  /* of that 2xx */
	unsigned interval;    /* ms */
	unsigned waited;      /* ms */
	char *bye_after;      /* reason of a BYE that waits for that ACK */

	bool owes_ack; /* a 2xx came that we haven't acknowledged */
	bool acked;    /* ack_seq and ack_sdp say how we did */
	uint32_t ack_seq;
	char *ack_sdp;
	struct ctxn *bye;

	struct trunk_line *line; /* it is a trunk; NULL: a phone */
	struct list asks;	 /* requests that it may challenge */

	struct refer *refer;	   /* that it has sent, refer.c */
	struct reoffer *reoffer;   /* an INVITE of our own, join.h */
	struct join *join;	   /* is to come to another call */
	struct subscription *sub;  /* of the REFER that it sent */
	struct {		   /* session timer, refresh.c */
		uint32_t interval; /* seconds; 0: none was agreed */
		uint32_t min;	   /* the peer's Min-SE, where it said so */
		bool ours;	   /* to refresh; else the peer's */
		struct timer timer;
		uint64_t lapses; /* ms */
		struct ctxn *ct; /* a refresh that isn't answered yet */
		bool invite;	 /* it is a re-INVITE */
		char *sdp; /* that the peer has from us; kept where it takes no
			    * UPDATE */
	} se;
};

#define TARGET_NAME_MAX 640

/* What a branch rings: a phone where it registered (target.c), a trunk (pstn.c),
 * or whatever else can be sent an INVITE. Copies, but for the line. */
struct target {
	struct hop hop;
	char uri[MESSAGE_URI_MAX];  /* Request-URI */
	char from[TARGET_NAME_MAX]; /* name-addr, without tag */
	char to[TARGET_NAME_MAX];
	char routes[STORE_PATH_MAX];  /* as in store.h */
	struct media_profile profile; /* of the media there */
	char lines[1024];	      /* headers of its INVITE, whole */
	struct trunk_line *line;      /* NULL: no trunk */
};

struct branch {
	struct le le;
	struct bridge *b;
	struct session *s[2]; /* never NULL; one without remote tag is nobody */
	struct path *path;    /* the call's once it is up */
	struct ctxn *invite;  /* towards the phone */
	uint32_t invite_seq;
	uint32_t rseq;	 /* of the latest reliable 18x, 0: none */
	char *offer;	 /* that the INVITE carries; free() */
	char *early_sdp; /* for the caller, from an unreliable 18x */
	uint16_t status; /* final refusal, 0: none yet */
	char reason[128];
	struct mbuf *refusal; /* headers to pass on with it */
	struct list relays;
	bool given_up;	     /* the call has been sent on to others */
	struct reinvite *re; /* in progress */
	char *lines;	     /* of its INVITE, as the target has them */
};

struct bridge {
	struct le le;
	struct door *d;
	struct call *call; /* NULL once it has ended */
	struct stxn *st;   /* the caller's INVITE; NULL: nobody's began it */
	bool delayed;	   /* there is no offer yet when phones are rung */
	struct list branches;
	struct branch *up;
	struct timer ring;
	struct hunt *hunt;	 /* over trunks, or NULL */
	struct trunk_line *line; /* the caller is a trunk */
	struct le untidy;	 /* in the door's list */

	struct join *join;   /* legs come from other calls, join.h */
	struct park *park;   /* it is parked, alone.h, */
	struct focus *focus; /* or in a conference: */
	bool alone;	     /* whoever it rings has nobody on the other leg */
	struct forward *forward; /* who has sent it on, forward.h */
	bool beside; /* what is being dialled rings beside others: no end of
		      * the call if it can't be had */
	struct caller *caller; /* who is put through to whom it rings, dial.h */
	char *referred_by;     /* who wanted it so, a URI, or NULL */
};

/* door.c */
struct session *door_session(struct door *d, const struct sip_msg *m,
			     bool response);
/** The dialog with these tags; ours is the first. */
struct session *door_dialog(struct door *d, const struct pl *callid,
			    const struct pl *local_tag,
			    const struct pl *remote_tag);
void door_add_session(struct door *d, struct session *s);
/** The one that a Replaces or Join names: callid;to-tag=ours;from-tag=theirs,
 * RFC 3891 section 3, RFC 3911 section 4. */
struct session *door_named(struct door *d, const struct pl *val);
/** Answer at once: without a transaction, except in a dialog of ours. */
void door_reply(struct door *d, struct listener *l, const struct sip_msg *m,
		const struct answer *a);
/** Refuse at once; text (may be NULL) goes into Reason and
 * Warning. */
void door_refuse(struct door *d, struct listener *l, const struct sip_msg *m,
		 uint16_t status, const char *text);
/** Does m require nothing that we don't know? Else it has been answered 420. */
bool door_extensions(struct door *d, struct listener *l,
		     const struct sip_msg *m);
/** Reason and Warning lines (and Retry-After with 503). */
int refusal_headers(struct mbuf *mb, const struct listener *l, uint16_t status,
		    const char *text);
/** The same with the stable name of a refusal in the Reason. */
void door_refuse_feature(struct door *d, struct listener *l,
			 const struct sip_msg *m,
			 const struct feature_answer *a);
void answer_refuse_feature(struct stxn *st, const struct feature_answer *a);
void answer_refuse(struct stxn *st, uint16_t status, uint64_t tag,
		   const char *text);

enum {
	METHOD_PRACK = 1 << 0,
	METHOD_UPDATE = 1 << 1,
	METHOD_INFO = 1 << 2,
};
/** Which of them the sender takes, by its Allow. */
unsigned methods_of(const struct sip_msg *m);
int allow_print(struct mbuf *mb, unsigned methods);
extern const char *const supported[]; /* option tags, NULL-terminated */

/* pass.c: what passes from one side to the other. */
enum {
	PASS_INVITE = 1 << 0,	     /* a new call's, to the phone */
	PASS_INVITE_ANSWER = 1 << 1, /* its answers, to the caller */
	PASS_REINVITE = 1 << 2,
	PASS_REQUEST = 1 << 3, /* another request within a call */
	PASS_ANSWER = 1 << 4,  /* its answer */
};
/** Copy the header lines of m that pass there. */
int pass_headers(struct mbuf *mb, const struct sip_msg *m, unsigned where);
/** Does the text have the address that m came from, or is to be reached at? */
bool tells_where(const struct sip_msg *m, const struct pl *text);

/* bans.c */
guard_ban_h door_ban_changed;
/** Does the sender call itself what scanners do, and is it to get no answer? */
bool door_is_scanner(struct door *d, const struct sip_msg *m);

/* auth.c */
/** Who sent this? Where the credentials don't do, it has been answered.
 * @return true: u is the user. */
bool auth_check(struct door *d, struct listener *l, const struct sip_msg *m,
		struct store_user *u);
/** Has m the trunk's user name and password? Else it has been answered. */
bool auth_trunk(struct door *d, struct listener *l, const struct sip_msg *m,
		const struct trunk *t);
/** Is the URI in our domain (or one of our addresses)? */
bool is_our_uri(const struct door *d, const struct uri *u);

/* One for each verb; s is NULL outside of a dialog. */
typedef void verb_h(struct door *d, struct listener *l, struct session *s,
		    const struct sip_msg *m);
verb_h verb_register, verb_invite, verb_reinvite, verb_ack, verb_bye,
	verb_cancel, verb_prack, verb_update, verb_info, verb_options,
	verb_refer, verb_event, verb_not_allowed;

/* refuse.c */
/* A feature that a request asks for. */
struct asked {
	enum feature feature;
	struct call *call; /* of which it is; NULL: none of ours */
	const char *how;
	const char *by;	       /* AOR */
	struct session *named; /* by Replaces or Join; NULL: none of ours */
};

/** Does m ask for one? s: the dialog that it is in; else by: the authenticated
 * user's AOR. */
bool feature_asked(struct door *d, struct session *s, const struct sip_msg *m,
		   const char *by, struct asked *a);
/** May it be had? Else the request has been answered so. */
bool feature_refused(struct door *d, struct listener *l,
		     const struct sip_msg *m, const struct asked *a);
/** Both, where no such request is served: a REFER, an INVITE with Replaces or
 * Join, or towards the PSTN within a call, an INFO with Record: on: asks the
 * gate of features and answers. s: the dialog that it is in; else by: the
 * authenticated user's AOR, or NULL. @return false: m asks for nothing of the
 * kind. */
bool refuse_feature(struct door *d, struct listener *l, struct session *s,
		    const struct sip_msg *m, const char *by);

/* refer.c */
/** The session of who has sent a REFER is over. */
void refer_forget(struct session *s);

/* target.c */
/** The phone of callee that has registered so; `from` is the caller's
 * name-addr. @return false: it can't be rung (its listener has gone). */
bool target_phone(struct target *t, const struct door *d,
		  const struct store_binding *to, const char *from,
		  const struct store_user *callee);
/** A user's name-addr, "Alice" <sip:alice@domain>. @return false: no room. */
bool user_name_addr(char out[TARGET_NAME_MAX], const struct door *d,
		    const struct store_user *u);

/* session.c */
/** Nobody yet. @return NULL: no memory. */
struct session *session_alloc(struct branch *br, enum leg side);
/** Each takes the other's place in its branch: how a phone comes to another
 * call while its dialog goes on. */
void session_swap(struct session *a, struct session *b);
/** A request's first lines: identity, Contact, Max-Forwards. */
struct mbuf *session_headers(struct session *s, const char *method,
			     uint32_t seq, unsigned max_forwards);
int session_contact(const struct session *s, struct mbuf *mb);
/** Put a body's lines and the body under the headers. type NULL: none. */
int session_body(struct mbuf *mb, const char *type, const char *body,
		 size_t len);
/** Answer 2xx to an INVITE and repeat it until the ACK (RFC 3261 13.3.1.4). */
int session_confirm(struct session *s, struct stxn *st, const char *sdp);
/** The ACK for it is here. @return false: no such 2xx is waiting. */
bool session_confirmed(struct session *s, const struct sip_msg *ack);
/** The AOR of its peer, as the call has it. */
const char *session_aor(const struct session *s);
/** The local tag as answers carry it. */
uint64_t session_tag(const struct session *s);
/** A 2xx to our INVITE came whose ACK needs the other side's answer. */
void session_owes_ack(struct session *s, uint32_t seq);
/** No ACK is waited for any more. */
void session_unconfirm(struct session *s);
/** A request from the peer: where it is, and its target, may have changed. */
void session_moved(struct session *s, struct listener *l,
		   const struct sip_msg *m);
/** A response from the peer. */
void session_heard(struct session *s, const struct sip_msg *m);
/** Send a request of the dialog, or that begins it; mb has session_headers'
 * lines. As ctxn_send; a trunk's challenge is answered, and then the request's
 * number is the response's. */
int session_send(struct session *s, struct ctxn **cp, const char *method,
		 struct mbuf *mb, ctxn_h *h, void *arg);
/** Acknowledge the 2xx to our INVITE number seq; sdp may be NULL. */
void session_ack(struct session *s, uint32_t seq, const char *sdp);
/** BYE, as soon as it may be sent. */
void session_bye(struct session *s, const char *reason);
/** What a BYE waited for has come. */
void session_bye_due(struct session *s);
void session_reset(struct session *s);
bool session_busy(const struct session *s);

/* branch.c */
struct branch *branch_alloc(struct bridge *b);
/** A branch from the bridge's caller, whose devices' profile is given, to
 * `to`, which is copied. @return NULL: no memory, or no dialog can begin. */
struct branch *branch_new(struct bridge *b, const struct media_profile *caller,
			  const struct target *to);
/** Send the INVITE. @return 0, or -1 with why. */
int branch_invite(struct branch *br, struct media_why *why);
/** It won't be this phone: note why. m: its response, or NULL. */
void branch_refused(struct branch *br, uint16_t status, const char *reason,
		    const struct sip_msg *m);
void branch_cancel(struct branch *br);
/** What a 2xx to an INVITE, from leg `from`, means for the negotiation.
 * offered: it is to make the offer, since the INVITE had none. *sdp: for the
 * other leg, or NULL. @return 0, or -1 with why. */
int branch_accept_sdp(struct branch *br, enum leg from, bool offered,
		      const struct sip_msg *m, char **sdp,
		      struct media_why *why);

/* bridge.c */
struct bridge *bridge_alloc(struct door *d);
struct bridge *bridge_new(struct door *d, struct listener *l,
			  const struct sip_msg *m, const char *from,
			  const char *to);
void bridge_up(struct bridge *b, struct branch *br, const char *sdp);
/** The call is over (or never came about): everybody who doesn't know is told.
 * knows: the leg that ended it, NULL: nobody knows. */
void bridge_end(struct bridge *b, enum call_by by, uint16_t status,
		const char *reason, const struct session *knows);
/** Is there one that may still answer? */
bool bridge_rings(const struct bridge *b);
/** When no phone is left to ring, the best refusal goes to the caller. */
void bridge_refuse(struct bridge *b);
/** Free what is over, later. */
void bridge_tidy(struct bridge *b);
void bridges_tidy(int id, void *data, void *door); /* an mqueue_h */
extern const struct call_door sip_call_door;

/* refresh.c: session timers. */
/** Does m ask for an interval that is too short? It has been answered 422. */
bool refresh_refuse(struct door *d, struct listener *l,
		    const struct sip_msg *m);
/** The header lines of a 2xx to m, an INVITE or UPDATE of s's peer. */
int refresh_answer(struct session *s, const struct sip_msg *m, struct mbuf *mb);
/** The header lines of an INVITE or UPDATE of ours to s's peer, and what its
 * 2xx says. */
int refresh_offer(const struct session *s, struct mbuf *mb);
void refresh_agreed(struct session *s, const struct sip_msg *m);
/** Is that refusal a 422, after which a longer interval can be offered? */
bool refresh_too_short(struct session *s, const struct sip_msg *m);
/** Is a re-INVITE of ours on the way, on either side? */
bool refresh_inviting(const struct branch *br);
void refresh_restored(struct session *s);
void refresh_stop(struct session *s);
/** s's peer has this session description from us, and has agreed to it. */
void session_said(struct session *s, const char *sdp);

/* save.c */
json_t *bridge_save(void *arg);
void *bridge_load(void *door, struct call *c, struct path *p,
		  const json_t *saved);

/* relay.c: requests in a dialog that the other side answers. */
struct relay;
/** Take m to the other side. sdp: its body for there, already negotiated;
 * else m's own body goes, if pass. offered: sdp is an offer of the path. */
void relay_start(struct session *from, struct listener *l,
		 const struct sip_msg *m, const char *lines, const char *sdp,
		 bool offered, bool pass);
/** Those that wait are answered so. */
void relays_end(struct branch *br, uint16_t status);
/** Checks that every relayed request needs; what fails has been answered. */
bool relay_may(struct session *s, struct listener *l, const struct sip_msg *m);

/* reinvite.c */
void reinvite_end(struct branch *br);
