/* SPDX-License-Identifier: Apache-2.0 */
/* See upload.h. */
#include "control/http/upload.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "control/firmware/firmware.h"
#include "control/log.h"

#define PIECE	  (1u << 20)  /* octets, written at once */
#define ROOM_LEFT (32u << 20) /* octets of the disk that stay free */

struct upload {
	struct later later;
	int fd;
	char path[PATH_MAX];
	char *piece;
	size_t fill;	 /* octets in piece */
	uint64_t octets; /* that have come */
	int error;	 /* errno */
	bool last;	 /* no more will come, */
	bool whole;	 /* and all is on the disk */
	bool kept;	 /* somebody has taken the file over */
};

/* On the thread. */
static void work(struct later *l)
{
	struct upload *u = (struct upload *)l;
	size_t done = 0;

	while (done < u->fill && !u->error) {
		ssize_t n = write(u->fd, u->piece + done, u->fill - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			u->error = errno;
	}
	if (u->last && !u->error && fsync(u->fd))
		u->error = errno;
	u->fill = 0;
	u->whole = u->last && !u->error;
}

/* Only called where the request ends meanwhile: upload_end does the rest. */
static void finish(struct later *l, const struct request *rq, struct reply *rp)
{
	(void)l;
	(void)rq;
	(void)rp;
}

/* @return 0, or how much too much it is. */
static uint64_t too_much(const char *path, uint64_t octets)
{
	uint64_t room = FIRMWARE_MAX;
	struct statvfs st;

	if (statvfs(path, &st) == 0 &&
	    (uint64_t)st.f_bavail * st.f_frsize < room + ROOM_LEFT) {
		room = (uint64_t)st.f_bavail * st.f_frsize;
		room = room > ROOM_LEFT ? room - ROOM_LEFT : 0;
	}
	return octets > room ? octets - room : 0;
}

static bool refuse(struct reply *rp, int status, const char *name,
		   const char *text)
{
	reply_error(rp, status, name, "%s", text);
	return false;
}

bool upload_begin(struct incoming *in, const char *path, uint64_t octets,
		  struct reply *rp)
{
	struct upload *u;

	if (in->l->http->uploading)
		return refuse(rp, 409, "busy", "Another upload is under way");
	u = calloc(1, sizeof(*u));
	if (u)
		u->piece = malloc(PIECE);
	if (!u || !u->piece) {
		free(u);
		return refuse(rp, 500, "no-memory", "Out of memory");
	}
	snprintf(u->path, sizeof(u->path), "%s", path);
	u->fd = open(path,
		     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	in->upload = u;
	in->l->http->uploading = true;
	u->later.work = work;
	u->later.finish = finish;
	if (u->fd < 0)
		u->error = errno;
	else if (too_much(path, octets))
		u->error = ENOSPC;
	return !upload_failed(in, rp);
}

/* @return false: too much is waiting, which fails it. */
static bool piece_write(struct incoming *in)
{
	struct upload *u = in->upload;
	struct worker *w = in->l->http->workers[LATER_FILE];

	u->later.in = in;
	u->later.done = false;
	if (!worker_add(w, &u->later)) {
		u->error = EBUSY;
		return false;
	}
	in->later = &u->later;
	MHD_suspend_connection(in->c);
	return true;
}

bool upload_more(struct incoming *in, const char *data, size_t *n)
{
	struct upload *u = in->upload;
	size_t take = *n < PIECE - u->fill ? *n : PIECE - u->fill;

	if (u->whole)
		return false;
	if (!*n && !u->error) {
		u->last = true;
		return piece_write(in);
	}
	if (u->error || u->octets + take > FIRMWARE_MAX) {
		u->error = u->error ? u->error : EFBIG;
		*n = 0; /* the rest is read and dropped */
		return false;
	}
	memcpy(u->piece + u->fill, data, take);
	u->fill += take;
	u->octets += take;
	*n -= take;
	return u->fill == PIECE && piece_write(in);
}

bool upload_failed(const struct incoming *in, struct reply *rp)
{
	const struct upload *u = in->upload;

	if (!u->error)
		return false;
	if (u->error == ENOSPC || u->error == EDQUOT)
		reply_error(rp, 507, "no-room",
			    "There is no room on the disk for it");
	else if (u->error == EFBIG)
		reply_error(rp, 413, "too-large",
			    "It is larger than any bundle");
	else
		reply_error(rp, 500, "not-written", "%s: %s", u->path,
			    strerror(u->error));
	return true;
}

bool request_upload(const struct request *rq, uint64_t *octets)
{
	struct upload *u = rq->in->upload;

	if (!u)
		return false;
	u->kept = true;
	*octets = u->octets;
	return true;
}

void upload_end(struct incoming *in)
{
	struct upload *u = in->upload;

	if (!u)
		return;
	in->upload = NULL;
	in->l->http->uploading = false;
	if (u->fd >= 0) {
		close(u->fd);
		if (!u->kept || !u->whole)
			unlink(u->path);
	}
	free(u->piece);
	free(u);
}
