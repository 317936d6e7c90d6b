/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/media.h - sallyport-media as a whole: what its parts share.
 *
 * One thread owns everything but the writing of recordings (writer.h). */
#pragma once
#include "control/media/config.h"
#include "control/media/engine.h"
#include "control/media/link.h"
#include "control/media/message.h"
#include "control/media/recording.h"

struct media {
	const struct media_config *config;
	struct engine *engine;
	struct recordings *recordings;
	struct link link;
	int listen, peer; /* sockets; -1: none */
	bool greeted;	  /* the peer has said hello */
	char instance[17];
	uint64_t started, worked; /* us */
	int pass; /* descriptor that goes with the reply; -1: none */
};

/* server.c: control's socket. */
/** @return errno. */
int server_open(struct media *m);
void server_close(struct media *m);
/** Somebody connects; the peer says something. */
void server_accept(struct media *m);
void server_read(struct media *m);
/** Takes the reference. Dropped where nobody is connected. */
void server_event(json_t *event, void *arg);

/* requests.c: what is asked, and the answer. */
/** @return a reply, never NULL but without memory. */
json_t *request_answer(struct media *m, const char *p, size_t n);

typedef void request_h(struct media *m, struct reader *r, json_t *reply);
/* requests_record.c */
request_h do_record_start, do_record_pause, do_record_resume, do_record_stop,
	do_store_list, do_store_fetch, do_store_delete;
json_t *recording_info(const struct media *m);
void list_recordings(const struct media *m, const char *after, json_t *reply);

void reply_engine_error(struct reader *r, enum engine_error e,
			const char *field);

uint64_t now_us(void);
