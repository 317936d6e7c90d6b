/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in pieces: each is made on a thread once the one before has been sent,
 * while the connection is suspended. So a client that reads slowly holds up
 * nothing, and no more than one piece is in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/http/server.h"

#define BLOCK 16384 /* octets that are asked for at a time */

/* On the thread. What was written is all there, or it is an error. */
static void make(struct later *l)
{
	struct pages *p = (struct pages *)l;
	FILE *f = open_memstream(&p->text, &p->len);

	if (!f) {
		p->err = ENOMEM;
		return;
	}
	p->err = p->write(p, f);
	if (fclose(f) != 0 && !p->err)
		p->err = ENOMEM;
}

static void pages_free(struct pages *p)
{
	free(p->text);
	p->free(p);
}

static ssize_t on_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct pages *p = arg;
	struct incoming *in = p->later.in;
	size_t n = p->len - p->sent;

	(void)pos;
	if (p->err) /* the client sees that there should be more */
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > max)
		n = max;
	if (n) {
		memcpy(buf, p->text + p->sent, n);
		p->sent += n;
		return (ssize_t)n;
	}
	if (p->last)
		return MHD_CONTENT_READER_END_OF_STREAM;
	free(p->text);
	p->text = NULL;
	p->len = p->sent = 0;
	p->later.done = false;
	MHD_suspend_connection(in->c);
	worker_add(in->l->http->workers[p->kind], &p->later, true);
	return 0;
}

static void on_free(void *arg)
{
	pages_free(arg);
}

struct MHD_Response *pages_response(struct pages *p)
{
	struct MHD_Response *r = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, on_read, p, on_free);

	if (!r)
		pages_free(p);
	return r;
}

static void first_made(struct later *l, const struct request *rq,
		       struct reply *rp)
{
	struct pages *p = (struct pages *)l;

	if (rq && !p->err) {
		rp->status = 200;
		rp->type = p->type;
		rp->pages = p; /* the server's now */
		return;
	}
	if (rq)
		reply_error(rp, 500, "database", "%s", p->sorry);
	pages_free(p);
}

bool http_pages(const struct request *rq, enum later_kind kind, struct pages *p,
		struct reply *rp)
{
	p->kind = kind;
	p->later.work = make;
	p->later.finish = first_made;
	return http_later(rq, kind, &p->later, rp);
}
