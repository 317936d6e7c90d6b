/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what would hold up control's loop: password hashes take tens of
 * milliseconds by intent, a long audit log takes seconds. One for each kind, so
 * that nobody's log-in waits behind somebody's search. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "control/http/server.h"

#define QUEUE_MAX 16 /* requests; answers that have begun come on top */

struct worker {
	struct http *http;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct later *head, **tail;
	struct later *waiting; /* control's thread: all of them; */
	unsigned n;	       /* requests of them */
	bool stop;
	struct mqueue *mq; /* what is done, to control's thread */
};

static void *thread_main(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct later *l;

		while (!w->head && !w->stop)
			pthread_cond_wait(&w->more, &w->lock);
		l = w->head;
		if (!l)
			break;
		w->head = l->next;
		if (!w->head)
			w->tail = &w->head;
		pthread_mutex_unlock(&w->lock);
		l->work(l);
		mqueue_push(w->mq, 0, l);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void on_done(int id, void *data, void *arg)
{
	struct worker *w = arg;
	struct later *l = data;

	(void)id;
	for (struct later **at = &w->waiting; *at; at = &(*at)->beside) {
		if (*at != l)
			continue;
		*at = l->beside;
		w->n -= !l->rest;
		break;
	}
	l->done = true;
	MHD_resume_connection(l->in->c);
	http_listener_run(l->in->l);
}

/* Signals are the event loop's. */
static int thread_start(struct worker *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

struct worker *worker_new(struct http *h)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->http = h;
	w->tail = &w->head;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (mqueue_alloc(&w->mq, on_done, w) == 0 && thread_start(w) == 0)
		return w;
	mem_deref(w->mq);
	free(w);
	return NULL;
}

bool worker_add(struct worker *w, struct later *l, bool rest)
{
	if (w->n >= QUEUE_MAX && !rest)
		return false;
	l->beside = w->waiting;
	w->waiting = l;
	l->rest = rest;
	w->n += !rest;
	l->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->tail = l;
	w->tail = &l->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	return true;
}

bool worker_busy(const struct worker *w)
{
	return w->waiting;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	mem_deref(w->mq);
	/* their connections are suspended, and may not be when MHD stops */
	for (struct later *l = w->waiting; l; l = l->beside) {
		l->done = true;
		MHD_resume_connection(l->in->c);
	}
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
