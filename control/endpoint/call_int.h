/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/call_int.h - what the files of a call share.
 *
 * call.c: its course; call_in.c: requests that come in; call_media.c: SDP and
 * streams; call_e2ee.c: what the handshake asks for. Main thread only. */
#pragma once
#include "control/endpoint/call.h"
#include "control/endpoint/request.h"
#include "control/endpoint/rtcp.h"
#include "control/endpoint/sdp.h"
#include <sodium.h>
#include "control/endpoint/ua_int.h"

#define CALL_LINGER_MS (64 * SIP_T1)
#define ALLOW	       "INVITE, ACK, BYE, CANCEL, INFO, OPTIONS"
#define REDIRECTS_MAX  3
#define AOR_TEXT       (E2EE_AOR_MAX + 1)

struct call {
	struct le le; /* of the user agent's calls */
	struct ua *ua;
	unsigned id;
	enum call_state state;
	bool outgoing;
	void *user;
	char peer[AOR_TEXT * 2];   /* whom SIP says it is with */
	char target[AOR_TEXT * 2]; /* incoming: whom it is for */

	/* SIP */
	struct sip_dialog *half; /* outgoing: as sent, for forked 2xx */
	struct sip_dialog *dlg;
	struct sip_auth *auth;
	struct sip_request *invite; /* outgoing, until its final answer */
	struct sip_strans *st;	    /* incoming, until ours */
	struct sip_msg *msg;	    /* the incoming INVITE */
	struct mbuf *reply;	    /* our 2xx, until its ACK */
	unsigned reply_count;
	struct tmr reply_timer, linger;
	uint32_t invite_cseq;
	unsigned redirects;
	bool delayed;	/* the INVITE had no offer: ours is in the 2xx */
	bool answered;	/* its SDP was taken: sent or received */
	bool await_ack; /* our re-INVITE's 2xx hasn't come yet */
	bool bye_due;	/* as soon as the ACK is here */
	char reason[128];

	/* media */
	struct desc *desc;
	struct {
		struct rtp *rtp;
		struct hop *hop;
		struct desc_line line;
	} stream[E2EE_KINDS];
	struct call_wish wish;
	struct desc_wish offered;
	char cname[RTCP_CNAME + 1]; /* of all its streams */
	bool on_hold;
	struct tmr free_streams;

	/* end-to-end */
	struct e2ee *e2ee;
	struct media *media;
	struct tmr e2ee_timer;
	bool sealed; /* a=e2ee on both sides: never ordinary again */
	bool verified;
	enum e2ee_warning warning;
};

/* call.c */
struct call *call_alloc(struct ua *ua, bool outgoing);
/** Tell the peer (BYE, CANCEL or a refusal), let go of everything, linger.
 * header: a Reason header's value, or NULL. */
void call_end(struct call *c, unsigned scode, const char *phrase,
	      const char *header, const char *name, const char *text);
/** The same for a handshake's failure. */
void call_fail(struct call *c, enum e2ee_reason r);
/** The peer ended it. */
void call_over(struct call *c, const char *name, const char *text);
void call_established(struct call *c);
void call_send_bye(struct ua *ua, struct sip_dialog *dlg, struct sip_auth *auth,
		   const char *reason);
/** Send ACK for the 2xx of an INVITE of ours. */
void call_ack(struct call *c, struct sip_dialog *dlg, uint32_t cseq);
void call_free(struct call *c);

/* call_in.c; the requests of no other dialog come here too */
bool call_request(struct ua *ua, const struct sip_msg *msg);
/** A 2xx that belongs to no transaction any more. */
bool call_stray_2xx(struct ua *ua, const struct sip_msg *msg);

/* call_media.c */
int call_media_prepare(struct call *c, const struct call_wish *wish,
		       const struct desc_wish *offered);
/** Take what the description says into the streams. @return errno. */
int call_media_apply(struct call *c);
int call_sdp_write(struct call *c, bool offer, struct mbuf **mbp);
void call_media_open(struct call *c, enum rtp_mode mode);
/** Close now, free when nobody is inside. */
void call_media_close(struct call *c);
void call_media_free(struct call *c);

/* call_e2ee.c */
/** @return E2EE_R_NONE, also where the user agent doesn't want it. */
enum e2ee_reason call_e2ee_start(struct call *c, const char *claimed);
/** The peer's SDP, with everything that follows for this call.
 * @return false: REFUSE (*why), or the call has ended. */
bool call_e2ee_sdp(struct call *c, const uint8_t *p, size_t len,
		   enum e2ee_reason *why);
bool call_e2ee_answer(struct call *c, enum e2ee_reason *why);
/** An INFO of the handshake. @return false: refuse it; the call has ended. */
bool call_e2ee_info(struct call *c, const uint8_t *p, size_t len);
void call_e2ee_authentic(struct call *c);
void call_e2ee_peer_ended(struct call *c);
void call_e2ee_free(struct call *c);
