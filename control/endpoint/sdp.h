/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/sdp.h - what an endpoint offers and answers. RFC 8866, 3264.
 *
 * libre's SDP beneath. One description for each call: up to one m-line of each
 * kind, screen share being a video m-line with a=content:slides (RFC 4796).
 * a=e2ee is set here and read by the handshake itself, which wants the text as
 * it came. Main thread. */
#pragma once
#include <re.h>
#include "control/e2ee/e2ee.h"
#include "control/endpoint/codec.h"
#include "control/endpoint/hop.h"

struct desc;

/* One m-line as it was agreed upon. */
struct desc_line {
	bool used; /* neither side refused it */
	bool send, receive;
	struct sa rtp, rtcp; /* where the peer receives */
	unsigned codecs;
	struct {
		uint8_t codec, in, out; /* payload types: ours, the peer's */
	} codec[CODECS_MAX];
};

/** laddr: what c= says. srtp: RTP/SAVP rather than RTP/AVP. */
int desc_new(struct desc **dp, const struct sa *laddr);
void desc_free(struct desc *d);
/** Add our m-line of a kind, in the order of calls.
 * @param only codecs that may be used, a bit for each entry of codecs[].
 * @param hop  its key is offered, and RTP/SAVP; NULL: RTP/AVP. Borrowed. */
int desc_add(struct desc *d, enum e2ee_kind kind, uint16_t port, unsigned only,
	     struct hop *hop);
/** What we want from now on: hold is send only, or nothing. */
void desc_direction(struct desc *d, enum e2ee_kind kind, enum sdp_dir dir);
/** value: of a=e2ee, or NULL for none. */
int desc_e2ee(struct desc *d, const char *value);
/** The text; the caller derefs it. */
int desc_write(struct desc *d, bool offer, struct mbuf **mbp);
/** The peer's text, read from its position on.
 * @return 0, EBADMSG, or EPROTO where SRTP keys are missing or unusable. */
int desc_read(struct desc *d, const uint8_t *p, size_t len, bool offer);
/** What was agreed upon for a kind. */
void desc_line(const struct desc *d, enum e2ee_kind kind,
	       struct desc_line *out);

/* What an offer asks for, in its order: to add our m-lines in the same. */
struct desc_wish {
	unsigned lines;
	struct {
		enum e2ee_kind kind;
		bool srtp;
		unsigned codecs; /* those we know, a bit for each */
	} line[E2EE_KINDS];
};

/** @return false: it can't be read. The first m-line of each kind counts. */
bool desc_wishes(const uint8_t *p, size_t len, struct desc_wish *out);
