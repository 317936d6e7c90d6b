/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/digest.h - digest access authentication, MD5 with qop=auth.
 * RFC 2617, RFC 7616 section 3; RFC 3261 section 22.
 *
 * Nonces are signed and carry their time, so none is stored; what is stored is
 * the highest nonce count used with each (a bounded table), so a response that
 * was overheard can't be used again. Pure: time and HA1 come from the caller.
 * One thread at a time. */
#pragma once
#include "control/libre.h"

#define DIGEST_REALM_MAX 191
#define DIGEST_USER_MAX	 64
#define DIGEST_NONCE_LEN 48 /* 16 octets signed by 8, in hex */
#define DIGEST_HA1_LEN	 32 /* hex */

struct digest; /* realm, key, counts: owned by who allocated it */

/* What a phone sent: views on its header. */
struct digest_response {
	struct pl username, realm, nonce, uri, response, algorithm, cnonce,
		opaque, qop, nc;
};

enum digest_verdict {
	DIGEST_OK,
	DIGEST_STALE, /* right, but the nonce is too old or its count used */
	DIGEST_WRONG, /* also: no such user */
};

/** lifetime: seconds a nonce is good for. @return 0 or errno. */
int digest_alloc(struct digest **dp, const char *realm, unsigned lifetime);

/** The value of a WWW-Authenticate or Proxy-Authenticate header. src: who gets
 * it, or NULL. */
int digest_challenge(struct digest *d, struct mbuf *mb, int64_t now, bool stale,
		     const struct sa *src);
/** Was the nonce that r answers given to this address? Then who sent r hears
 * what is sent there, and hasn't forged his own. */
bool digest_given_to(const struct digest *d, const struct digest_response *r,
		     const struct sa *src);

/** The grammar that challenges and their answers share. Take "Digest " off the
 * front of a view. @return false: another scheme. */
bool digest_scheme(struct pl *in);
/** Take one name=value or name="quoted value" off the front of a view. The
 * quotes stay out of the value, escapes in it stay in. @return false: no
 * (further) one. */
bool digest_param(struct pl *in, struct pl *name, struct pl *val);

/** Parse the value of an Authorization header, a bounded view.
 * @return false: not Digest, malformed, or a parameter is missing. */
bool digest_parse(struct digest_response *r, const struct pl *value);
/** Is this an answer to one of our challenges, for our realm? */
bool digest_is_ours(const struct digest *d, const struct digest_response *r);
/** The user name, unescaped. @return false: longer than any of ours. */
bool digest_username(const struct digest_response *r,
		     char user[DIGEST_USER_MAX + 1]);

/** Check it. Takes the same time for every ha1, so pass NULL for a user that
 * doesn't exist rather than not asking.
 * @param ha1  32 hex digits, MD5(user:realm:password), or NULL */
enum digest_verdict digest_check(struct digest *d,
				 const struct digest_response *r,
				 const struct pl *method, const char *ha1,
				 int64_t now);
