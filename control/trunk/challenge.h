/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/challenge.h - digest authentication as a client. RFC 7616,
 * RFC 8760 (SHA-256 in SIP), RFC 3261 section 22, RFC 2069's form without qop.
 *
 * A struct challenge is what a server wants to see, kept for as many requests
 * as its nonce lasts. Pure but for the random cnonce; its owner's thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/libre.h"

#define CHALLENGE_TEXT_MAX 256
#define CHALLENGE_HASH_MAX 64 /* hex digits of a response */

enum challenge_algorithm {
	CHALLENGE_MD5,
	CHALLENGE_MD5_SESS,
	CHALLENGE_SHA256,
	CHALLENGE_SHA256_SESS,
	CHALLENGE_ALGORITHMS
};

struct challenge {
	bool set;
	bool proxy; /* 407: Proxy-Authenticate, -Authorization */
	bool qop;   /* auth; else RFC 2069 */
	bool stale; /* the last answer was right, its nonce too old */
	enum challenge_algorithm algorithm;
	char realm[CHALLENGE_TEXT_MAX]; /* as quoted, without the quotes */
	char nonce[CHALLENGE_TEXT_MAX];
	char opaque[CHALLENGE_TEXT_MAX];
	bool has_opaque;
	uint32_t count; /* of answers with this nonce */
};

/* One answer, all given: what the vectors of RFC 7616 fix. */
struct challenge_answer {
	enum challenge_algorithm algorithm;
	const char *user, *realm, *password, *method, *uri, *nonce;
	const char *cnonce, *nc; /* NULL: without qop */
};

/** The response, in hex. @return false: no such hash here (FIPS), no memory. */
bool challenge_response(char hex[CHALLENGE_HASH_MAX + 1],
			const struct challenge_answer *a);

/** H(user:realm:password), in hex. */
bool challenge_ha1(char hex[CHALLENGE_HASH_MAX + 1],
		   enum challenge_algorithm algorithm, const char *user,
		   const char *realm, const char *password);
/** Read the value of one WWW- or Proxy-Authenticate header, a bounded view.
 * @return false: not Digest, malformed, too long, or wants what isn't known
 * here (another algorithm, auth-int alone); *c is as it was. */
bool challenge_read(struct challenge *c, const char *value, size_t len,
		    bool proxy);
/** The first of a 401's or 407's challenges that can be answered, as RFC 8760
 * section 2.4 has it. @return false: none. */
bool challenge_take(struct challenge *c, const struct sip_msg *m);
/** Is it worth another try with the same password? Not where the server has
 * just refused an answer to the nonce before. was: the challenge that was
 * answered, set or not. */
bool challenge_is_new(const struct challenge *was, const struct challenge *now);
/** Append the Authorization or Proxy-Authorization line; counts. @return 0 or
 * errno. */
int challenge_print(struct challenge *c, struct mbuf *mb, const char *user,
		    const char *password, const char *method, const char *uri);
