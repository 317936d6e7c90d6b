/* SPDX-License-Identifier: Apache-2.0 */
/* control/sdp/sdp.h - SDP text, kept line by line. RFC 8866, 3264.
 *
 * A gateway must give on what it doesn't know, so this keeps every line in
 * order and edits in place; libre's SDP is an endpoint's and would drop them.
 * What is read from a document is a view into it, good until the line is
 * changed. Documents carry SDES keys: memory is wiped when freed.
 * Pure: no sockets, no clock. Any thread; one document by one at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_SIZE_MAX  65536 /* octets of a whole document */
#define SDP_LINES_MAX 2048
#define SDP_MEDIA_MAX 16
#define SDP_LINE_MAX  4096 /* octets of one line that an edit makes */

struct sdp; /* owned by whoever parsed it */

struct sdp_error {
	unsigned line; /* 1-based; 0: the whole */
	char text[96]; /* what was wrong there */
};

/** Parse a bounded view; CRLF or LF, with or without a final newline.
 * @return NULL with e filled in. */
struct sdp *sdp_parse(const char *p, size_t len, struct sdp_error *e);
void sdp_free(struct sdp *s);
/** Write out, CRLF lines. @return malloc'd, NUL-terminated; NULL: no memory.
 * It may hold keys: wipe before freeing. */
char *sdp_print(const struct sdp *s);

/* A bounded piece of text; p is never NUL-terminated. */
struct sdp_view {
	const char *p;
	size_t len;
};

bool sdp_view_eq(struct sdp_view v, const char *s);
/** As above, letters of either case: names of codecs. */
bool sdp_view_ieq(struct sdp_view v, const char *s);
/** Cut the next word (up to spaces) off *v. @return false: none left. */
bool sdp_view_word(struct sdp_view *v, struct sdp_view *word);
/** The whole view as a decimal number of at most max. */
bool sdp_view_u32(struct sdp_view v, uint32_t max, uint32_t *out);
/** Copy as a C string, cut to fit. */
void sdp_view_copy(struct sdp_view v, char *out, size_t size);

/* Sections: the session's lines, then those of each m-line (0, 1, ...). */
#define SDP_SESSION (-1)

unsigned sdp_media_count(const struct sdp *s);

/* m=<kind> <port>[/<ports>] <proto> <fmt> ... */
struct sdp_mline {
	struct sdp_view kind, proto, fmts;
	uint16_t port; /* 0: refused, or switched off */
};

void sdp_mline(const struct sdp *s, unsigned m, struct sdp_mline *out);
/** Set port and profile (NULL: keep it); the formats stay. @return 0, ENOMEM,
 * EMSGSIZE. */
int sdp_mline_set(struct sdp *s, unsigned m, uint16_t port, const char *proto);

/** Append an m-line that is switched off, RFC 3264 section 5.1. kind: "audio".
 * @return 0, ENOMEM, EMSGSIZE: there are SDP_MEDIA_MAX already. */
int sdp_mline_add(struct sdp *s, const char *kind);
/** Only the first n m-lines stay. */
void sdp_mlines_cut(struct sdp *s, unsigned n);

/* o=<username> <sess-id> <sess-version> IN IP4|IP6 <address> */
int sdp_origin_set(struct sdp *s, const char *user, uint64_t id,
		   uint64_t version, uint8_t family, const uint8_t addr[16]);

/** s=<text> */
int sdp_subject_set(struct sdp *s, const char *text);

struct sdp_addr {
	uint8_t family;	  /* 4 or 6; 0: a name, which we don't resolve */
	uint8_t addr[16]; /* network order */
};

/** The c= line that counts for an m-line: its own, else the session's.
 * @return false: there is none. */
bool sdp_conn(const struct sdp *s, unsigned m, struct sdp_addr *out);
/** Put this address into every c= line there is. */
int sdp_conn_set(struct sdp *s, const struct sdp_addr *a);

/* An attribute, a=<name> or a=<name>:<value>. */
struct sdp_attr {
	struct sdp_view name, value;
};

/** Iterate the attributes of a section; *pos starts at 0.
 * @return false: no more. */
bool sdp_attr_next(const struct sdp *s, int section, unsigned *pos,
		   struct sdp_attr *out);
/** The first attribute of that name in the section. */
bool sdp_attr_find(const struct sdp *s, int section, const char *name,
		   struct sdp_view *value);
/** Append a=<text> to a section. @return 0, ENOMEM, EMSGSIZE, EINVAL. */
int sdp_attr_add(struct sdp *s, int section, const char *text);
/** Remove every attribute of that name from the section. @return how many. */
unsigned sdp_attr_remove(struct sdp *s, int section, const char *name);
/** Remove the lines for which drop says so (type is the letter). */
void sdp_lines_remove(struct sdp *s, int section,
		      bool (*drop)(char type, struct sdp_view value, void *arg),
		      void *arg);

enum sdp_dir { SDP_INACTIVE, SDP_RECVONLY, SDP_SENDONLY, SDP_SENDRECV };

/** Bit 0 of a direction: receives; bit 1: sends. */
#define SDP_DIR_RECV(d) (((d)&1) != 0)
#define SDP_DIR_SEND(d) (((d)&2) != 0)

/** An m-line's direction: its own, else the session's, else sendrecv. */
enum sdp_dir sdp_dir(const struct sdp *s, unsigned m);
int sdp_dir_set(struct sdp *s, unsigned m, enum sdp_dir d);

/* One RTP payload type of an m-line. */
struct sdp_codec {
	struct sdp_view name; /* "opus"; static table where no rtpmap is */
	uint32_t clock;	      /* RTP clock rate, Hz */
	uint32_t channels;    /* 1 where not said */
	uint8_t pt;
};

/** Iterate an m-line's formats; *pos starts at 0. Formats that are no payload
 * type are skipped; a dynamic type without rtpmap has an empty name. */
bool sdp_codec_next(const struct sdp *s, unsigned m, unsigned *pos,
		    struct sdp_codec *out);
/** Keep these payload types, in this order, and none of the others nor what is
 * said about them. @return 0, ENOMEM, EMSGSIZE, EINVAL: none at all. */
int sdp_formats_set(struct sdp *s, unsigned m, const uint8_t pt[], unsigned n);
/** The parameters of a=fmtp for a payload type. */
bool sdp_fmtp(const struct sdp *s, unsigned m, uint8_t pt,
	      struct sdp_view *params);
/** b=AS or b=TIAS of the m-line, else of the session, bits a second; 0: none */
uint64_t sdp_bandwidth(const struct sdp *s, unsigned m);
