/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/stack.h - transports and transactions. RFC 3261 sections 17 and
 * 18, RFC 6026; RFC 7118 (WebSocket), RFC 5626 (connections as flows).
 *
 * Messages, sockets' events, TCP and TLS are libre's; transports and
 * transactions stand on them here, and not on libre's own: those cut datagrams
 * at 8 KiB, keep every retransmission in one sorted list, let anybody connect
 * as often as he likes, verify the other side's certificate against nothing,
 * and have WebSocket only for clients.
 *
 * A listener is one local address; requests leave from the very address that
 * the phone registered with. A request to a phone behind a connection goes by
 * that connection, and over WebSocket by no other way.
 *
 * Objects are libre's: mem_ref, mem_deref. Control's thread only. */
#pragma once
#include "control/config.h"
#include "control/sip/addr.h"
#include "control/sip/guard.h"
#include "control/sip/message.h"

#define STACK_NAME_MAX 128 /* octets of a host name, NUL included */

struct hep;
struct stack;
struct listener; /* one local address, with one or more transports */

/* The request is the callee's to answer; m lives until it returns, unless a
 * reference is taken (stxn_new does). */
typedef void stack_request_h(struct listener *l, const struct sip_msg *m,
			     void *arg);
/* A response that no transaction waits for: 2xx to INVITE, repeated. */
typedef void stack_stray_h(struct listener *l, const struct sip_msg *m,
			   void *arg);

/* A connection over which a user registered (stack_flow_user) has gone. */
typedef void stack_lost_h(struct listener *l, enum sip_tp tp,
			  const struct sa *peer, const char *user, void *arg);

struct stack_config {
	const char *software; /* for Server */
	const char *domain;   /* names a certificate that is made here */
	const char *folder;   /* where that is kept */
	const struct config_sip *sip;
	char *const *origins; /* of WebSocket, NULL-terminated; NULL: any */
	unsigned idle;	      /* seconds a connection may be silent, at least */
	stack_request_h *reqh;
	stack_stray_h *strayh;
	stack_lost_h *losth;
	guard_ban_h *banh;
	struct hep *hep; /* where messages are mirrored to; NULL: nowhere */
	void *arg;	 /* of all of these */
};

int stack_alloc(struct stack **sp, const struct stack_config *cfg);
/** The configuration's limits of one source have changed. */
void stack_limits(struct stack *s);
/** Listen on one more. err gets a sentence. @return 0 or errno. */
int stack_listen(struct stack *s, const struct sip_listen *where, char *err,
		 size_t errlen);
struct guard *stack_guard(struct stack *s);
/** Datagrams that the kernel had no room for. */
uint64_t stack_overflow(const struct stack *s);
/** NULL: none there. */
struct listener *stack_find(const struct stack *s, const struct sa *local,
			    enum sip_tp tp);
/** The same, at any port. */
struct listener *stack_towards(const struct stack *s, const struct sa *local,
			       enum sip_tp tp);
/** The address of ours that the kernel would send from, towards peer.
 * @return false: no way there. */
bool stack_local_towards(struct sa *local, const struct sa *peer);
/** Is it an address of ours, on any transport? port 0: any. */
bool stack_is_local(const struct stack *s, const struct sa *addr);
const struct sa *listener_addr(const struct listener *l);

/* Where requests to a phone go. */
struct hop {
	struct listener *via;
	enum sip_tp tp;
	struct sa peer;
	struct sa other; /* tried when peer can't be reached; unset: nothing */
	char name[STACK_NAME_MAX]; /* that the certificate of a TLS connection
				    * which we make must bear; "": its address */
};

/** The way back to who sent m. A phone that asks for symmetric responses (RFC
 * 3581) or sits behind a translator is answered where it sent from; one that
 * sends from another port than it listens on, at its Contact's port. Over TCP
 * the connection is used again, and its Contact when that has gone. */
void hop_of(struct hop *h, struct listener *l, const struct sip_msg *m);
enum sip_tp message_tp(const struct sip_msg *m);
/** Is there a connection for it, or can one be made? */
bool hop_reachable(const struct hop *h);
/** Who registered over the connection that m came by; told when it goes. */
void stack_flow_user(const struct sip_msg *m, const char *user);

/* What is answered to a request. */
struct answer {
	uint16_t status;
	const char *phrase;	    /* NULL: the status' own */
	uint64_t tag;		    /* To tag; 0: the transaction's */
	const struct mbuf *headers; /* whole lines, or NULL */
	const char *type;	    /* Content-Type; NULL: no body */
	const char *body;
	size_t len;
};

/** Without a transaction, for what strangers send. */
int stack_reply(struct listener *l, const struct sip_msg *m,
		const struct answer *a);

struct stxn; /* server transaction */

/** cancelh: of INVITE, once, before a final answer; it has been answered. */
struct stxn *stxn_new(struct listener *l, const struct sip_msg *m,
		      void (*cancelh)(void *arg), void *arg);
const struct sip_msg *stxn_request(const struct stxn *t);
struct listener *stxn_listener(const struct stxn *t);
/** Any number of provisional answers, then one final; what comes after that is
 * ignored. Repeats of the request are answered with the latest, except 2xx to
 * INVITE, which the caller repeats by stxn_resend. */
int stxn_answer(struct stxn *t, const struct answer *a);
bool stxn_answered(const struct stxn *t); /* finally */
int stxn_resend(struct stxn *t);	  /* the latest answer */

struct ctxn; /* client transaction */

/* m: provisional responses and one final; or NULL with err: ETIMEDOUT, or why
 * it couldn't be sent. After a final one the transaction is gone, and the
 * caller's pointer NULL. */
typedef void ctxn_h(int err, const struct sip_msg *m, void *arg);

/** Send a request. mb: the header lines after Via, empty line and body.
 * @param cp  set to NULL when it is over; must live until then or ctxn_drop */
int ctxn_send(struct ctxn **cp, const struct hop *hop, const char *method,
	      const char *uri, struct mbuf *mb, ctxn_h *h, void *arg);
/** CANCEL an INVITE (as soon as that is allowed); h still hears the end. */
void ctxn_cancel(struct ctxn *c);
bool ctxn_cancelled(const struct ctxn *c);
/** Don't care for the answer any more. Also NULL. */
void ctxn_drop(struct ctxn *c);
/** A request that has no answer. */
int stack_send_ack(const struct hop *hop, const char *uri, struct mbuf *mb);

const char *sip_phrase(uint16_t status);
