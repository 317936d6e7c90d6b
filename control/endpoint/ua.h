/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/ua.h - a SIP user agent: transport, registration, calls.
 *
 * RFC 3261 over libre's transactions; dialogs are ours (call.h). One user agent
 * has one address, so that what it sends always leaves from there. `proxy` has
 * two of them. Main thread only. */
#pragma once
#include <re.h>
#include "control/e2ee/e2ee.h"
#include "control/endpoint/codec.h"

struct call;
struct ua;

enum ua_e2ee {
	UA_E2EE_OFF,	 /* a=e2ee is neither sent nor looked at */
	UA_E2EE_ON,	 /* where the other side can, too */
	UA_E2EE_REQUIRED /* no ordinary calls */
};

/* Strings are borrowed for the user agent's life. */
struct ua_config {
	const char *aor;
	struct sa laddr;	/* port 0: any */
	enum sip_transp transp; /* UDP or TCP, to send with; both are heard */
	const char *registrar;	/* sip: URI, or NULL: don't register */
	const char *outbound;	/* sip: URI that all requests go through */
	const char *user, *password;
	uint32_t expires; /* s */
	uint16_t rtp_low, rtp_high;
	bool srtp; /* on the hop: offer it, and take nothing else */
	enum ua_e2ee e2ee;
	const struct identity *identity; /* not for UA_E2EE_OFF */
	struct peers *peers;
	struct guard *guard;
	struct media_limits limits; /* of SFrame's steps; 0: E2EE.md's */
	unsigned calls_max;
	unsigned codecs;	   /* a bit for each entry of codecs[] */
	bool wants[E2EE_KINDS];	   /* m-lines to offer and accept */
	bool can_send[E2EE_KINDS]; /* the rest is received only */
	bool local_only;	   /* take calls from this machine only */
};

/* What a call tells. call.h says what may be done in each. */
struct call_ops {
	void (*incoming)(struct call *c, void *arg);
	void (*ringing)(struct call *c, void *arg);
	/* Both sides agreed, media are set up but may not run yet. */
	void (*established)(struct call *c, void *arg);
	/* Media may be sent from now on, or what was agreed upon changed. */
	void (*media)(struct call *c, void *arg);
	/* Shield with lock, or plain. */
	void (*shield)(struct call *c, bool lock, enum e2ee_warning w,
		       void *arg);
	/* Somebody asked for something that this call refuses. */
	void (*refused)(struct call *c, const char *what, void *arg);
	/* A 302: whom it calls now. */
	void (*redirected)(struct call *c, const char *aor, void *arg);
	/* name: stable; text: for people. c lives on, but nothing can be done
	 * with it. */
	void (*closed)(struct call *c, const char *name, const char *text,
		       void *arg);
	void (*packet)(struct call *c, struct media_pkt *pkt, void *arg);
	void (*want_key)(struct call *c, enum e2ee_kind kind, void *arg);
	/* scode 0: no answer. */
	void (*registered)(struct ua *ua, unsigned scode, void *arg);
	void *arg;
};

int ua_new(struct ua **up, const struct ua_config *c,
	   const struct call_ops *ops);
/** Ends its calls and registration. It may be freed when ua_idle. */
void ua_close(struct ua *ua);
bool ua_idle(const struct ua *ua);
void ua_free(struct ua *ua);

/** All of 127.0.0.0/8, and ::1; libre's own test knows 127.0.0.1 alone. */
bool ua_is_loopback(const struct sa *sa);
const struct ua_config *ua_config(const struct ua *ua);
const struct sa *ua_laddr(const struct ua *ua);
/** Calls that aren't over. */
unsigned ua_calls(const struct ua *ua);
/** NULL where there is none. */
struct call *ua_call(const struct ua *ua, unsigned id);
