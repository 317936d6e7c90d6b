/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/stun.h - STUN Binding requests as ICE uses them: read from a
 * bounded view, answered. RFC 8489; attributes of RFC 8445 section 16.1.
 *
 * Only what MESSAGE-INTEGRITY covers is read: whoever appends attributes behind
 * it says nothing (RFC 8489 section 14.5). A lite agent sends no requests, so
 * responses are not read at all. Pure: no clock, no sockets. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

#define STUN_HEADER	 20
#define STUN_TID	 12  /* octets of a transaction id */
#define STUN_UNKNOWN_MAX 8   /* attributes named in a 420 */
#define STUN_REPLY_MAX	 160 /* octets of any answer that is made here */

enum stun_type {
	STUN_REQUEST = 0x0001, /* Binding */
	STUN_INDICATION = 0x0011,
	STUN_SUCCESS = 0x0101,
	STUN_ERROR = 0x0111,
};

enum stun_result {
	STUN_OK,
	STUN_BAD,      /* no STUN message, or cut short, or overlong */
	STUN_NOT_ICE,  /* STUN, but not a Binding request or indication */
	STUN_UNSIGNED, /* a request without USERNAME, MESSAGE-INTEGRITY or
			* FINGERPRINT, or whose FINGERPRINT is wrong */
};

struct stun_msg {
	uint16_t type; /* enum stun_type */
	uint8_t tid[STUN_TID];
	const uint8_t *username; /* into the datagram */
	uint16_t username_len;
	uint16_t integrity; /* where MESSAGE-INTEGRITY stands; 0: nowhere */
	bool use_candidate, controlled, controlling;
	uint32_t priority;
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* comprehension-required ones */
	uint8_t n_unknown;
};

/** Read a datagram. *out is good as long as the octets are. */
enum stun_result stun_parse(const uint8_t *p, size_t n, struct stun_msg *out);
/** Does its MESSAGE-INTEGRITY verify with this password? Constant time in the
 * tag. */
bool stun_verify(const uint8_t *p, const struct stun_msg *m, const char *pwd);

/* Answers, sealed with the password and FINGERPRINT. @return octets written to
 * out[STUN_REPLY_MAX]. */
size_t stun_success(uint8_t *out, const struct stun_msg *m,
		    const struct sp_addr *mapped, const char *pwd);
/** code: 487, or 420 with m's unknown attributes. */
size_t stun_error(uint8_t *out, const struct stun_msg *m, unsigned code,
		  const char *reason, const char *pwd);
