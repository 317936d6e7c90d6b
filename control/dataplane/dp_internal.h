/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/dp_internal.h - the client's insides, for the files of this
 * folder. dp.c holds the public verbs, session.c the life of the connection,
 * reconcile.c what happens when it comes up. */
#pragma once
#include "control/libre.h"
#include "control/dataplane/dp.h"
#include "control/dataplane/link.h"
#include "control/dataplane/ports.h"
#include "control/dataplane/want.h"

enum dp_state {
	DP_DOWN,    /* no socket; the timer connects again */
	DP_HELLO,   /* HELLO sent; the timer gives up on the GREETING */
	DP_GREETED, /* waits for dp_ready() */
	DP_UP,	    /* reconciled */
};

struct dp_event_item {
	struct dp_event_item *next;
	struct sp_event e;
};

struct dp_datagram_item {
	struct dp_datagram_item *next;
	struct sp_datagram d;
};

struct dp {
	enum dp_state state;
	struct link link;
	char *path;
	bool ready, greeted;
	struct sp_greeting greeting;
	uint64_t instance; /* of the dataplane reconciled with last; 0: none */
	struct wants *wants;
	struct media_ports *ports;
	struct dp_summary summary;
	struct tmr tmr;	      /* connect again, or give up on GREETING */
	struct tmr tmr_event; /* hands out what waits in `events` */
	struct dp_event_item *events, **events_end;
	unsigned n_events;
	struct dp_datagram_item *datagrams, **datagrams_end;
	unsigned n_datagrams;
	dp_punt_h *punth;
	void *punt_arg;
	bool overrun; /* events were lost here or there */
	dp_event_h *eventh;
	dp_up_h *uph;
	void *arg;
};

/** The connection failed: close it and try again later. */
void dp_session_down(struct dp *dp);
/** Greeted and ready: reconcile, then tell the owner. */
void dp_session_up(struct dp *dp);
void dp_session_start(struct dp *dp);
/** What an event means for the wanted state; then queued for the owner. */
void dp_session_event(const struct sp_event *e, void *arg);
/** STUN or DTLS of a media port: queued for its handler. */
void dp_session_punted(const struct sp_datagram *d, void *arg);

/** A request of the link; a broken link is closed. @return enum sp_status or
 * DP_AWAY. */
int dp_request(struct dp *dp, uint16_t type, const void *body,
	       uint16_t item_type,
	       void (*item)(const union sp_body *b, void *arg), void *arg,
	       char text[SP_TEXT_MAX]);

/** Make the dataplane have what is wanted and nothing else. @return false: the
 * link broke on the way. */
bool dp_reconcile(struct dp *dp);
