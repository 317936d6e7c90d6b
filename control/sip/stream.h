/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/stream.h - where a SIP message ends in a stream of octets.
 * RFC 3261 sections 7.5, 18.3; RFC 5626 section 3.5.1 (keep-alive).
 *
 * Pure, in a bounded view; fuzzed by tests/fuzz/sip_transport.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_HEAD_MAX 32768 /* octets of start line and headers */
#define STREAM_BODY_MAX 65535

enum stream_what {
	STREAM_MORE,	/* not enough octets yet */
	STREAM_MESSAGE, /* a whole one: the first `n` octets */
	STREAM_PING,	/* CRLF CRLF: is to be answered by CRLF */
	STREAM_BLANK,	/* line ends between messages: to be skipped */
	STREAM_BAD,	/* nothing after this can be understood; `n` octets are
			 * the headers whose Content-Length is none, or 0 */
};

/** What do the len octets at p begin with? *n: how many belong to it. */
enum stream_what stream_next(const uint8_t *p, size_t len, size_t *n);
