/* SPDX-License-Identifier: Apache-2.0 */
/* a=e2ee as it passes, and the handshake's INFO messages. E2EE.md, "The course
 * of a handshake".
 *
 * Messages are carried unread. What is looked at: size and encoding; the first
 * octet, which is the type; of M1 the octet of flags, for policy. To know them
 * again, a hash of each is kept. */
#include <sodium.h>
#include <string.h>
#include "control/calls/media_impl.h"

#define MESSAGE_MAX  4096 /* octets, decoded */
#define COPIES_MAX   4	  /* of one message: the rate that INFO may have */
#define TYPE_M1	     1
#define TYPE_M2	     2
#define TYPE_M3	     3
#define M1_REQUIRED  1 /* of the flags: this side requires the lock */
#define M1_SUITES_AT 4 /* u8 type, u8 version, u16 length of the suites */

/* Who sends M3, M4, M5: in this order, and nobody anything else. */
static const enum leg sender[E2EE_INFOS] = {LEG_A, LEG_B, LEG_A};

static void hash_of(const void *p, size_t n, uint8_t out[E2EE_HASH])
{
	crypto_hash_sha256(out, p, n);
}

static bool same(const uint8_t a[E2EE_HASH], const uint8_t b[E2EE_HASH])
{
	return memcmp(a, b, E2EE_HASH) == 0; /* nothing secret in them */
}

/* The one a=e2ee of the session; v->p is NULL where there is none. */
static int attribute(const struct sdp *s, struct sdp_view *v,
		     struct media_why *why)
{
	struct sdp_attr a;

	*v = (struct sdp_view){NULL, 0};
	for (int at = SDP_SESSION; at < (int)sdp_media_count(s); at++) {
		for (unsigned pos = 0; sdp_attr_next(s, at, &pos, &a);) {
			if (!sdp_view_eq(a.name, "e2ee"))
				continue;
			if (at != SDP_SESSION)
				return media_no(why, 488,
						"SDP: a=e2ee stands below an "
						"m-line");
			if (v->p)
				return media_no(why, 488,
						"SDP: a second a=e2ee");
			*v = a.value;
		}
	}
	return 0;
}

/* Is it a message of this type, as far as that is our business? *n: octets. */
static int decode(struct sdp_view v, uint8_t type, uint8_t msg[MESSAGE_MAX],
		  size_t *n, struct media_why *why)
{
	const char *end;

	if (sodium_base642bin(msg, MESSAGE_MAX, v.p, v.len, NULL, n, &end,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    end != v.p + v.len)
		return media_no(why, 488,
				"SDP: a=e2ee isn't base64url of %d octets at "
				"most",
				MESSAGE_MAX);
	if (*n == 0 || msg[0] != type)
		return media_no(why, 488,
				"SDP: a=e2ee isn't the message M%u that "
				"belongs here",
				type);
	return 0;
}

/* The flags of an M1 stand behind its list of suites. */
static int m1_flags(const uint8_t *msg, size_t n, uint8_t *flags,
		    struct media_why *why)
{
	size_t at = M1_SUITES_AT;

	if (n >= M1_SUITES_AT)
		at += (size_t)msg[2] << 8 | msg[3];
	if (n <= at)
		return media_no(why, 488, "SDP: the M1 of a=e2ee is cut short");
	*flags = msg[at];
	return 0;
}

/* The call's first offer: may it be end-to-end encrypted? */
static int first_offer(enum leg from, struct sdp_view v, struct e2ee *e,
		       struct media_why *why)
{
	uint8_t msg[MESSAGE_MAX], flags = 0;
	size_t n;

	e->state = E2EE_OFF;
	if (!v.p || from != LEG_A) /* M1 is in the INVITE, or nowhere */
		return 0;
	if (decode(v, TYPE_M1, msg, &n, why) || m1_flags(msg, n, &flags, why))
		return -1;
	if (e->allowed) {
		e->state = E2EE_OFFERED;
		hash_of(v.p, v.len, e->hash[from]);
		return 0;
	}
	if (flags & M1_REQUIRED)
		return media_no(why, 403, "%s; this call requires it",
				e->refusal ? e->refusal
					   : "End-to-end encryption isn't "
					     "allowed");
	return 0;
}

/* The answer to it. */
static int first_answer(enum leg from, struct sdp_view v, struct e2ee *e,
			struct media_why *why)
{
	uint8_t msg[MESSAGE_MAX];
	size_t n;

	e->state = E2EE_OFF;
	if (!v.p)
		return 0;
	if (decode(v, TYPE_M2, msg, &n, why))
		return -1;
	e->state = E2EE_ON;
	hash_of(v.p, v.len, e->hash[from]);
	return 0;
}

/* Any later one: each side repeats what it said at first. */
static int repeated(enum leg from, struct sdp_view v, const struct e2ee *e,
		    struct media_why *why)
{
	uint8_t hash[E2EE_HASH];

	if (v.p) {
		hash_of(v.p, v.len, hash);
		if (same(hash, e->hash[from]))
			return 0;
	}
	media_no(why, 488,
		 "This call is end-to-end encrypted; SDP with%s a=e2ee isn't "
		 "taken",
		 v.p ? " another" : "out its");
	why->stays = true;
	return -1;
}

int media_e2ee_heard(enum leg from, bool answer, const struct sdp *s,
		     struct e2ee *e, struct media_why *why)
{
	struct sdp_view v;

	if (attribute(s, &v, why) != 0)
		return -1;
	if (e->state == E2EE_OFF)
		return 0;
	if (e->state == E2EE_ON)
		return repeated(from, v, e, why);
	return answer ? first_answer(from, v, e, why)
		      : first_offer(from, v, e, why);
}

/* ------------------------------------------------------- for other folders */

void media_allow_e2ee(struct media *m, bool allowed, const char *refusal)
{
	m->e2ee.allowed = allowed;
	m->e2ee.refusal = refusal;
}

enum e2ee_state media_e2ee(const struct media *m)
{
	return m->e2ee.state;
}

void media_e2ee_drop(struct media *m)
{
	if (m->e2ee.state == E2EE_OFFERED)
		m->e2ee.state = E2EE_OFF;
}

int media_e2ee_info(struct media *m, enum leg from, const void *body,
		    size_t len, struct media_why *why)
{
	struct e2ee *e = &m->e2ee;
	uint8_t hash[E2EE_HASH];
	unsigned i;

	if (e->state != E2EE_ON)
		return media_no(why, 488,
				"This call isn't end-to-end encrypted");
	if (len == 0 || len > MESSAGE_MAX)
		return media_no(why, 413,
				"A handshake message has 1 to %d octets",
				MESSAGE_MAX);
	i = *(const uint8_t *)body - (unsigned)TYPE_M3;
	if (i >= E2EE_INFOS || sender[i] != from || i > e->passed)
		return media_no(why, 400,
				"That handshake message isn't due from this "
				"side");
	hash_of(body, len, hash);
	if (i < e->passed && !same(hash, e->info[i]))
		return media_no(why, 400,
				"That handshake message differs from the one "
				"that has passed");
	if (e->copies[i] >= COPIES_MAX)
		return media_no(why, 503,
				"That handshake message has passed too often");
	e->copies[i]++;
	if (i == e->passed) {
		memcpy(e->info[i], hash, sizeof(hash));
		e->passed++;
	}
	return 0;
}
