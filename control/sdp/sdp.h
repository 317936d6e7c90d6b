/* SPDX-License-Identifier: Apache-2.0 */
/* control/sdp/sdp.h - SDP text, kept line by line. RFC 8866, 3264.
 *
 * A gateway must give on what it doesn't know, so this keeps every line in
 * order and edits in place; libre's SDP is an endpoint's and would drop them.
 * Pure: no sockets, no clock. Any thread; one document by one at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_SIZE_MAX  65536
#define SDP_LINES_MAX 2048
#define SDP_MEDIA_MAX 16

struct sdp; /* owned by whoever parsed it */

struct sdp_error {
	unsigned line;	/* 1-based; 0: the whole */
	char text[96];	/* what was wrong there */
};

/** Parse a bounded view. @return NULL with e filled in. */
struct sdp *sdp_parse(const char *p, size_t len, struct sdp_error *e);
void sdp_free(struct sdp *s);
/** Write out, CRLF lines. @return malloc'd, NUL-terminated; NULL: no memory. */
char *sdp_print(const struct sdp *s);

enum sdp_dir { SDP_INACTIVE, SDP_RECVONLY, SDP_SENDONLY, SDP_SENDRECV };
