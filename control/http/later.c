/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for what would hold up control's loop: password hashes take tens
 * of milliseconds by intent. */
#include <pthread.h>
#include <stdlib.h>
#include "control/http/server.h"

#define QUEUE_MAX 16

struct hasher {
	struct http *http;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct later *head, **tail;
	struct later *waiting[QUEUE_MAX]; /* control's thread: all of them */
	unsigned n;
	bool stop;
	struct mqueue *mq; /* what is done, to control's thread */
};

static void *thread_main(void *arg)
{
	struct hasher *hs = arg;

	pthread_mutex_lock(&hs->lock);
	for (;;) {
		struct later *l;

		while (!hs->head && !hs->stop)
			pthread_cond_wait(&hs->more, &hs->lock);
		l = hs->head;
		if (!l)
			break;
		hs->head = l->next;
		if (!hs->head)
			hs->tail = &hs->head;
		pthread_mutex_unlock(&hs->lock);
		l->work(l);
		mqueue_push(hs->mq, 0, l);
		pthread_mutex_lock(&hs->lock);
	}
	pthread_mutex_unlock(&hs->lock);
	return NULL;
}

static void on_done(int id, void *data, void *arg)
{
	struct hasher *hs = arg;
	struct later *l = data;

	(void)id;
	for (unsigned i = 0; i < hs->n; i++)
		if (hs->waiting[i] == l)
			hs->waiting[i] = hs->waiting[--hs->n];
	l->done = true;
	MHD_resume_connection(l->in->c);
	http_listener_run(l->in->l);
}

struct hasher *hasher_new(struct http *h)
{
	struct hasher *hs = calloc(1, sizeof(*hs));

	if (!hs)
		return NULL;
	hs->http = h;
	hs->tail = &hs->head;
	pthread_mutex_init(&hs->lock, NULL);
	pthread_cond_init(&hs->more, NULL);
	if (mqueue_alloc(&hs->mq, on_done, hs) == 0 &&
	    pthread_create(&hs->thread, NULL, thread_main, hs) == 0)
		return hs;
	mem_deref(hs->mq);
	free(hs);
	return NULL;
}

bool hasher_add(struct hasher *hs, struct later *l)
{
	if (hs->n == QUEUE_MAX)
		return false;
	hs->waiting[hs->n++] = l;
	l->next = NULL;
	pthread_mutex_lock(&hs->lock);
	*hs->tail = l;
	hs->tail = &l->next;
	pthread_cond_signal(&hs->more);
	pthread_mutex_unlock(&hs->lock);
	return true;
}

bool hasher_busy(const struct hasher *hs)
{
	return hs->n > 0;
}

void hasher_free(struct hasher *hs)
{
	if (!hs)
		return;
	pthread_mutex_lock(&hs->lock);
	hs->stop = true;
	pthread_cond_signal(&hs->more);
	pthread_mutex_unlock(&hs->lock);
	pthread_join(hs->thread, NULL);
	mem_deref(hs->mq);
	/* their connections are suspended, and may not be when MHD stops */
	for (unsigned i = 0; i < hs->n; i++) {
		hs->waiting[i]->done = true;
		MHD_resume_connection(hs->waiting[i]->in->c);
	}
	pthread_cond_destroy(&hs->more);
	pthread_mutex_destroy(&hs->lock);
	free(hs);
}
