/* SPDX-License-Identifier: Apache-2.0 */
/* control/siprec/impl.h - shared by the files of siprec/, by nobody else. */
#pragma once
#include "control/calls/fork.h"
#include "control/sip/dialog.h"
#include "control/sip/stack.h"
#include "control/siprec/metadata.h"
#include "control/siprec/siprec.h"
#include "control/timer.h"

struct siprec {
	struct siprec_config cfg;
	char target[MESSAGE_URI_MAX]; /* the server's URI */
	struct hop hop;		      /* towards it; via NULL: no listener */
	struct media_profile profile;
	struct list sessions;
	bool stopping;
};

enum rec_state {
	REC_CALLING, /* an INVITE is on its way, or soon will be */
	REC_UP,	     /* media flows there */
	REC_ENDING,  /* BYE has been sent; the call isn't ours any more */
};

/* A recording session. */
struct rec {
	struct le le; /* in siprec's list */
	struct siprec *sr;
	struct call *c; /* NULL: it is over, or doesn't want us any more */
	enum rec_state state;
	struct dialog dlg;
	struct hop hop;
	struct fork_media *media;
	struct metadata meta;
	struct metadata_stream stream[FORK_STREAMS_MAX];
	char label[FORK_STREAMS_MAX][FORK_LABEL_MAX];
	struct ctxn *invite; /* or re-INVITE */
	struct ctxn *bye;
	uint32_t seq;	     /* of our latest INVITE that was answered 2xx */
	bool update_due;     /* something has changed meanwhile */
	struct timer next;   /* attempt, update */
	struct timer answer; /* until which the INVITE has to be answered */
	unsigned failures;

	struct ctxn *options; /* is it still there? */
	struct timer alive;
	unsigned misses;

	struct stxn *confirm; /* its re-INVITE, answered 2xx, not yet its ACK */
	struct timer repeat;
	unsigned waited, interval; /* ms */
};

/* session.c */
/** @return NULL: no memory. It begins by itself. */
struct rec *rec_new(struct siprec *sr, struct call *c);
/** Other streams flow, or somebody asks for the metadata. */
void rec_update(struct rec *r);
/** The call doesn't want it any more; it lives until the BYE is answered. */
void rec_end(struct rec *r);
/** End a dialog of before a restart. */
void rec_forget(struct siprec *sr, const json_t *saved);
/** It doesn't work (any more): try again later, or (for good) never. */
void rec_failed(struct rec *r, bool for_good, const char *reason);
/** Acknowledge the 2xx to our INVITE number seq. */
void rec_ack(struct rec *r, uint32_t seq);
/** The first header lines of a request. @return NULL: no memory. */
struct mbuf *rec_headers(struct rec *r, const char *method, uint32_t seq);

/* server.c: what the recorder asks of us. */
void rec_request(struct rec *r, struct listener *l, const struct sip_msg *m);
/* alive.c: is it still there? */
void rec_watch(struct rec *r);
void rec_unwatch(struct rec *r);
