/* SPDX-License-Identifier: Apache-2.0 */
/* control/sdp/doc.h - how a document is kept; for the files of this folder.
 *
 * Sections of lines: 0 is the session's, 1.. the m-lines'; the first line of a
 * section from 1 on is its m-line. A line's text points into `text`, the copy
 * of what was parsed, or is its own once edited. */
#pragma once
#include "control/sdp/sdp.h"

struct line {
	char type; /* the letter before "=" */
	bool own;  /* v was malloc'd for this line */
	uint32_t len;
	char *v; /* what follows "=", not NUL-terminated */
};

struct section {
	struct line *line;
	unsigned n, room;
};

struct sdp {
	struct section sec[1 + SDP_MEDIA_MAX];
	unsigned n_sec, n_lines;
	char *text;
	size_t text_len;
};

static inline struct section *sdp_section(struct sdp *s, int section)
{
	return &s->sec[section + 1];
}

static inline const struct section *sdp_csection(const struct sdp *s,
						 int section)
{
	return &s->sec[section + 1];
}

static inline struct sdp_view line_view(const struct line *l)
{
	return (struct sdp_view){l->v, l->len};
}

/** Append a line whose text stays the caller's, or becomes the document's
 * (own). @return 0, ENOMEM, EMSGSIZE: too many lines. */
int sdp_line_append(struct sdp *s, struct section *sec, char type, char *v,
		    size_t len, bool own);
/** Give a line a text of its own. @return 0, ENOMEM, EMSGSIZE. */
int sdp_line_replace(struct line *l, const char *v, size_t len);
/** Wipe and free what a line owns. */
void sdp_line_drop(struct line *l);

/** Cut an m= line's value into its fields. @return NULL, or what is wrong. */
const char *sdp_mline_parse(struct sdp_view v, struct sdp_mline *out);
/** Read the value of a c= line. @return NULL, or what is wrong. */
const char *sdp_conn_parse(struct sdp_view v, struct sdp_addr *out);
