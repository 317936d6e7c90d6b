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
	int fd; /* -1: the part has gone, or has its name */
	char path[PATH_MAX], part[PATH_MAX + sizeof(FIRMWARE_PART)];
	char *piece;
	size_t fill;	 /* octets in piece */
	uint64_t octets; /* that have come */
	int error;	 /* errno */
	bool last;	 /* no more will come, */
	bool whole;	 /* and all is on the disk */
};

/* Is there room for so much more, and for a copy of it all, which
 * sallyport-firmware makes? @return 0 or errno. */
static int room(int fd, uint64_t more, uint64_t all)
{
	struct statvfs st;

	if (fstatvfs(fd, &st))
		return errno;
	return (uint64_t)st.f_bavail * st.f_frsize < more + all + ROOM_LEFT
		       ? ENOSPC
		       : 0;
}

/* On the thread. */
static void work(struct later *l)
{
	struct upload *u = (struct upload *)l;
	size_t done = 0;

	if (u->fill)
		u->error = room(u->fd, u->fill, u->octets);
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

/* At once, since it may take long until the request is over. */
static void part_away(struct upload *u)
{
	if (u->fd < 0)
		return;
	close(u->fd);
	u->fd = -1;
	unlink(u->part);
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
	snprintf(u->part, sizeof(u->part), "%s" FIRMWARE_PART, u->path);
	unlink(u->path); /* the former one's room */
	u->fd = open(u->part,
		     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	in->upload = u;
	in->l->http->uploading = true;
	u->later.work = work;
	u->later.finish = finish;
	if (u->fd < 0)
		u->error = errno;
	else if (octets > FIRMWARE_MAX)
		u->error = EFBIG;
	else
		u->error = room(u->fd, octets, octets);
	if (!u->error)
		return true;
	part_away(u);
	return !upload_failed(in, rp);
}

/* @return false: too much is waiting, which fails it. */
static bool piece_write(struct incoming *in)
{
	struct upload *u = in->upload;
	struct worker *w = in->l->http->workers[LATER_FILE];

	u->later.in = in;
	u->later.done = false;
	if (!worker_add(w, &u->later, false)) {
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
		part_away(u);
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
			    "There is no room on the disk for it, twice: while "
			    "it is installed there is a copy");
	else if (u->error == EFBIG)
		reply_error(rp, 413, "too-large",
			    "It is larger than any bundle");
	else
		reply_error(rp, 500, "not-written", "%s: %s", u->path,
			    strerror(u->error));
	return true;
}

int request_upload(const struct request *rq, uint64_t *octets)
{
	struct upload *u = rq->in->upload;

	if (!u || !u->whole)
		return ENODATA;
	if (rename(u->part, u->path))
		return errno;
	close(u->fd);
	u->fd = -1;
	*octets = u->octets;
	return 0;
}

void upload_end(struct incoming *in)
{
	struct upload *u = in->upload;

	if (!u)
		return;
	in->upload = NULL;
	in->l->http->uploading = false;
	part_away(u);
	free(u->piece);
	free(u);
}
