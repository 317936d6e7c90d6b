/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/writer.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/log.h"

enum job_kind { JOB_WRITE, JOB_CLOSE, JOB_UNLINK };

struct job {
	struct job *next;
	enum job_kind kind;
	struct writer_file *file;
	uint8_t *data; /* JOB_UNLINK: a path */
	size_t n;
	bool final;
};

struct writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of the queue */
	pthread_cond_t more;
	struct job *first, **last;
	bool stop;
};

struct writer_file {
	struct writer *writer;
	int fd, folder;
	bool named;	  /* its name is on the disk, too */
	struct job close; /* made beforehand: closing can't fail */
	atomic_size_t waits;
	atomic_int error;
	atomic_bool done;
};

static void set_error(struct writer_file *f, int e)
{
	int none = 0;

	atomic_compare_exchange_strong(&f->error, &none, e);
}

static void write_all(struct writer_file *f, const uint8_t *p, size_t n,
		      bool final)
{
	while (n && !atomic_load(&f->error)) {
		ssize_t done = write(f->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			set_error(f, done ? errno : EIO);
			return;
		}
		p += done;
		n -= (size_t)done;
	}
	if (!final || atomic_load(&f->error))
		return;
	if (fdatasync(f->fd) || (!f->named && fsync(f->folder)))
		set_error(f, errno);
	f->named = true;
}

static void do_write(struct job *j)
{
	write_all(j->file, j->data, j->n, j->final);
	atomic_fetch_sub(&j->file->waits, j->n);
	free(j->data);
	free(j);
}

/* The job is part of the file, which may be gone once it is done. */
static void do_close(struct job *j)
{
	struct writer_file *f = j->file;

	if (close(f->fd))
		set_error(f, errno);
	atomic_store(&f->done, true);
}

static void do_unlink(struct job *j)
{
	if (unlink((char *)j->data))
		log_warn(0, "%s can't be removed: %s", (char *)j->data,
			 strerror(errno));
	free(j->data);
	free(j);
}

static void (*const todo[])(struct job *j) = {
	[JOB_WRITE] = do_write,
	[JOB_CLOSE] = do_close,
	[JOB_UNLINK] = do_unlink,
};

static struct job *next_job(struct writer *w)
{
	struct job *j;

	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stop)
		pthread_cond_wait(&w->more, &w->lock);
	j = w->first;
	if (j) {
		w->first = j->next;
		if (!w->first)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void *work(void *arg)
{
	struct job *j;

	while ((j = next_job(arg)))
		todo[j->kind](j);
	return NULL;
}

static void add(struct writer *w, struct job *j)
{
	pthread_mutex_lock(&w->lock);
	*w->last = j;
	w->last = &j->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

struct writer *writer_new(void)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (pthread_create(&w->thread, NULL, work, w)) {
		free(w);
		return NULL;
	}
	return w;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	free(w);
}

struct writer_file *writer_open(struct writer *w, int fd, int folder)
{
	struct writer_file *f = calloc(1, sizeof(*f));

	if (!f) {
		close(fd);
		return NULL;
	}
	f->writer = w;
	f->fd = fd;
	f->folder = folder;
	f->close.kind = JOB_CLOSE;
	f->close.file = f;
	return f;
}

bool writer_put(struct writer_file *f, uint8_t *data, size_t n, bool final)
{
	struct job *j = NULL;

	if (atomic_load(&f->error))
		goto fail;
	if (atomic_load(&f->waits) + n > WRITER_BEHIND) {
		set_error(f, EOVERFLOW);
		goto fail;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		set_error(f, ENOMEM);
		goto fail;
	}
	atomic_fetch_add(&f->waits, n);
	j->kind = JOB_WRITE;
	j->file = f;
	j->data = data;
	j->n = n;
	j->final = final;
	add(f->writer, j);
	return true;
fail:
	free(data);
	return false;
}

void writer_close(struct writer_file *f)
{
	add(f->writer, &f->close);
}

bool writer_done(const struct writer_file *f)
{
	return atomic_load(&f->done);
}

void writer_forget(struct writer_file *f)
{
	free(f);
}

int writer_error(const struct writer_file *f)
{
	return atomic_load(&f->error);
}

void writer_unlink(struct writer *w, const char *path)
{
	struct job *j = calloc(1, sizeof(*j));
	char *copy = strdup(path);

	if (!j || !copy) {
		free(j);
		free(copy);
		return;
	}
	j->kind = JOB_UNLINK;
	j->data = (uint8_t *)copy;
	add(w, j);
}
