/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/upload.h - a body that is too large for memory, on its way to a
 * file: a firmware bundle. One at a time.
 *
 * What has come is written by a thread (later.c), a piece at a time, while the
 * connection waits: a slow disk never holds up control's loop. Until it is
 * whole and on the disk the file is path and FIRMWARE_PART; then the route's
 * handler is called, and gives it its name (request_upload). What doesn't come
 * to that goes, and does so at once where the disk has no room left. Control's
 * thread. */
#pragma once
#include "control/http/server.h"

/** Begin one to this file, of which octets are announced (0: nobody knows): it is
 * in->upload from now on. What was there goes. @return false, with rp filled in. */
bool upload_begin(struct incoming *in, const char *path, uint64_t octets,
		  struct reply *rp);
/** Up to *n octets more, which it takes off *n; *n 0: that was all. @return true:
 * the connection is suspended, and what is left comes again. */
bool upload_more(struct incoming *in, const char *data, size_t *n);
/** Why it failed. @return false: it hasn't. */
bool upload_failed(const struct incoming *in, struct reply *rp);
/** The request is over; also where there was none. */
void upload_end(struct incoming *in);
