/* SPDX-License-Identifier: Apache-2.0 */
/* control/duties/impl.h - shared by the files of duties/, by nobody else. */
#pragma once
#include <time.h>
#include "control/duties/duties.h"
#include "control/libre.h"
#include "control/media/protocol.h"

#define DUTY_BUCKETS 1024 /* a power of two */

struct want {
	struct le le;	 /* in a bucket */
	struct le order; /* of its kind, oldest first */
	enum duty kind;
	char id[DUTY_ID_MAX];
	uint64_t call;
	json_t *spec;
	unsigned version; /* of the spec */
	bool there;	  /* while what is there is being listed */
};

/* A request, waiting to be sent or to be answered. */
struct ask {
	struct le le;
	json_int_t seq;
	json_t *message;
	uint64_t deadline; /* ms; once sent */
	/* reply NULL: the link is gone. Both are the caller's. fd: -1: none */
	void (*done)(struct duties *d, struct ask *a, const json_t *reply,
		     int *fd);
	/* of a duty: */
	enum duty kind;
	char id[DUTY_ID_MAX];
	unsigned version;
	void *arg; /* of what else is asked */
};

enum state { LINK_DOWN, LINK_HELLO, LINK_UP };

struct duties {
	struct duties_config cfg;
	struct duties_handlers h;
	void *arg;
	enum state state;
	time_t since;	/* it has been up the last time */
	bool ready;	/* the calls have been loaded */
	bool said_down; /* and nobody needs to hear it again */
	int fd;
	struct tmr tmr;		   /* connect again */
	struct tmr watch;	   /* answers that don't come */
	struct tmr later;	   /* hand on what was heard */
	struct list to_send, sent; /* struct ask */
	struct list heard;	   /* struct heard */
	struct list bucket[DUTY_BUCKETS];
	struct list of[DUTY_KINDS];
	json_int_t seq;
	unsigned version; /* the latest of any spec */
	json_t *hello;	  /* the latest reply to hello */
	unsigned transcodings;
};

/* What handlers are still to be told. */
struct heard {
	struct le le;
	enum { HEARD_EVENT, HEARD_FAILED, HEARD_UP, HEARD_DOWN } what;
	json_t *event;
	enum duty kind;
	char id[DUTY_ID_MAX];
	uint64_t call;
	char error[32], message[128];
};

/* The words of the protocol for a kind. */
struct duty_words {
	const char *set, *remove, *id, *list;
};
extern const struct duty_words duty_words[DUTY_KINDS];

/* want.c */
struct want *want_find(const struct duties *d, enum duty kind, const char *id);
struct want *want_add(struct duties *d, enum duty kind, const char *id);
void want_remove(struct want *w);

/* talk.c */
void talk_start(struct duties *d);
/** Away from now on: whoever waits for an answer is told. */
void talk_down(struct duties *d, const char *why);
/** Send a request when its turn comes. message: its reference is taken.
 * @return NULL: no memory. */
struct ask *talk_ask(struct duties *d, json_t *message,
		     void (*done)(struct duties *d, struct ask *a,
				  const json_t *reply, int *fd));
/** Send and read what there is. */
void talk_turn(struct duties *d);
/** To a handler, from the event loop. @return to be filled in, or NULL. */
struct heard *talk_heard(struct duties *d);

/* reconcile.c */
/** Say once more all that is wanted; what isn't wanted goes. */
void reconcile(struct duties *d);
/** Tell it about one. */
void reconcile_one(struct duties *d, const struct want *w);
/** No longer wanted there. */
void reconcile_remove(struct duties *d, enum duty kind, const char *id);
void duty_failed(struct duties *d, struct want *w, const char *error,
		 const char *message);
