/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/message.h - reading SIP messages. RFC 3261 sections 7, 8.1.1,
 * 20; RFC 3262 section 7.
 *
 * libre decodes; what it leaves unchecked is checked here, in bounded views on
 * the message. Pure: no sockets, no clock; fuzzed by tests/fuzz/sip_msg.c. */
#pragma once
#include "control/libre.h"

#define MESSAGE_URI_MAX	     512
#define MESSAGE_CALLID_MAX   255
#define MESSAGE_TAG_MAX	     127
#define MESSAGE_CONTACTS_MAX 16

/* Why a message is refused. */
struct message_why {
	uint16_t status;
	char text[128];
};

/** What libre leaves at the end of an address that stands without brackets. */
void message_trim(struct sip_msg *m);
/** May this request be looked at further? Mandatory headers, there once each,
 * of bearable size; CSeq of the request's method; a body that is all there.
 * @return false: why says it, status 0: not even worth an answer. */
bool message_check(const struct sip_msg *m, struct message_why *why);
/** The same for a response. */
bool message_check_response(const struct sip_msg *m);

bool message_is(const struct sip_msg *m, const char *method);
/** The body; l is 0 where there is none. Of one with several parts that has a
 * session description, that. */
struct pl message_body(const struct sip_msg *m);
/** Is there a body, and is it SDP? */
bool message_has_sdp(const struct sip_msg *m);
/** Content-Type with its parameters. @return false: none that is fit to be
 * sent on. */
bool message_type(const struct sip_msg *m, char *type, size_t size);
/** Does a header that lists tokens have this one? (Supported, Require ...) */
bool message_lists(const struct sip_msg *m, enum sip_hdrid id,
		   const char *token);
/** The option tags of Require that aren't in ours (NULL-terminated), with
 * commas, cut to size. @return true: there are some. */
bool message_unsupported(const struct sip_msg *m, const char *const ours[],
			 char *tags, size_t size);
/** @return Max-Forwards; 70 where absent. */
unsigned message_max_forwards(const struct sip_msg *m);

/** sip:, or sips: */
bool message_is_sip_uri(const struct uri *u);

struct message_contact {
	struct pl uri; /* addr-spec as it stands */
	struct uri parsed;
	struct pl params;   /* after the address */
	uint32_t expires;   /* MESSAGE_NO_EXPIRES: not said here */
	struct pl instance; /* +sip.instance without quotes and brackets */
	uint32_t reg_id;    /* 0: none */
};
#define MESSAGE_NO_EXPIRES UINT32_MAX

struct message_contacts {
	struct message_contact c[MESSAGE_CONTACTS_MAX];
	unsigned n;
	bool star;
};

/** @return false: malformed, or too many. */
bool message_contacts(const struct sip_msg *m, struct message_contacts *out);
/** The one Contact of a message in a dialog. @return false: none, or not a SIP
 * URI of bearable size. */
bool message_contact(const struct sip_msg *m, struct message_contact *out);
/** The Contact's address where it is a number; port 5060 if absent. */
bool message_contact_addr(const struct sip_msg *m, struct sa *sa);
/** Seconds, as Expires has them; MESSAGE_NO_EXPIRES: absent or no number. */
uint32_t message_expires(const struct sip_msg *m);
/** A whole number; false for anything else. */
bool message_number(const struct pl *pl, uint32_t *out);

bool message_rseq(const struct sip_msg *m, uint32_t *rseq);
bool message_rack(const struct sip_msg *m, uint32_t *rseq, uint32_t *cseq);

/** The user part, unescaped. @return false: none, or longer than size. */
bool message_uri_user(const struct uri *u, char *user, size_t size);

/** One value of a list; true: enough. */
typedef bool message_value_h(const struct pl *val, void *arg);
/** Each value of the headers of an id whose values are addresses (Contact, Path,
 * Record-Route), in order. A comma between <> or in quotes is part of a value
 * (RFC 3261 section 25.1); libre splits there. */
void message_values(const struct sip_msg *m, enum sip_hdrid id,
		    message_value_h *h, void *arg);

/** Copy a header into mb, as one line. */
int message_copy_line(struct mbuf *mb, const struct sip_hdr *hdr);
/** Append text as a quoted-string. */
int message_quote(struct mbuf *mb, const char *text);
