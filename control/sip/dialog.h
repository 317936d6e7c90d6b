/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/dialog.h - dialogs. RFC 3261 section 12.
 *
 * Ours, not libre's: they relay requests whose answer is not known yet, and
 * outlive the program as JSON. A dialog knows its peers, sequence numbers,
 * route set and remote target; where packets go is stack.h's struct hop. Pure;
 * the strings are the dialog's (dialog_reset frees them). */
#pragma once
#include <jansson.h>
#include "control/sip/message.h"

#define DIALOG_ROUTES_MAX 16

struct dialog {
	char *callid;
	char *local, *remote; /* name-addr of From and To, without tag */
	char *local_tag;
	char *remote_tag;		/* NULL: not known yet */
	char *target;			/* URI: where its requests go */
	char *route[DIALOG_ROUTES_MAX]; /* in the order to be used */
	unsigned routes;
	uint32_t local_seq; /* of our latest request */
	uint32_t remote_seq;
	bool remote_seen; /* remote_seq counts */
	bool ours;	  /* the Call-ID is one that we made up */
};

void dialog_reset(struct dialog *d);
/** As UAS, from a request without To tag that message_check() passed.
 * @return 0, EBADMSG (no usable Contact, too many routes), ENOMEM. */
int dialog_uas(struct dialog *d, const struct sip_msg *req, uint64_t tag);
/** As UAC: Call-ID and tag are made up here. local, remote: name-addr. */
int dialog_uac(struct dialog *d, const char *local, const char *remote,
	       const char *target);
/** The route set of its first request, one a line, until a response says another.
 * @return 0, EBADMSG (too many), ENOMEM. */
int dialog_routes(struct dialog *d, const char *lines);
/** What a response to our INVITE says of the peer: its tag, route set and
 * target. 1xx without a tag says nothing. @return as dialog_uas. */
int dialog_learn(struct dialog *d, const struct sip_msg *resp);
/** Everything but the tags: the twin of a dialog that forked. */
int dialog_copy(struct dialog *d, const struct dialog *from);
int dialog_set_local_tag(struct dialog *d, uint64_t tag);

/** Is m, a request (or a response to ours), of this dialog? */
bool dialog_has_request(const struct dialog *d, const struct sip_msg *m);
bool dialog_has_response(const struct dialog *d, const struct sip_msg *m);
/** Take a request's CSeq. @return false: older than the last (500). ACK and
 * CANCEL carry the INVITE's and aren't to be shown here. */
bool dialog_sequence(struct dialog *d, const struct sip_msg *req);
/** A target refresh: the Contact of a request or 2xx; none: as it was. */
int dialog_refresh(struct dialog *d, const struct sip_msg *m);

/** The Request-URI, and the header lines up to CSeq, of a request with this
 * sequence number (dialog_next's; an INVITE's for its ACK). */
const char *dialog_request_uri(const struct dialog *d);
int dialog_headers(const struct dialog *d, struct mbuf *mb, const char *method,
		   uint32_t seq);
uint32_t dialog_next(struct dialog *d);

json_t *dialog_save(const struct dialog *d); /* new reference */
/** @return false: not one of ours. d must be zero or reset. */
bool dialog_load(struct dialog *d, const json_t *saved);
