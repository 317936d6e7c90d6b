/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/media.h - SFrame around each RTP payload of a call.
 *
 * E2EE.md, "Media". One object for each call, made once the handshake lets
 * this side send; seal and open take one packet each. The ratchet, the replay
 * windows and the lists of both sides are kept here. What opens is authentic,
 * new, of this m-line's kind and in its sender's list; order it by step and
 * ctr, take codec, marker and timestamp from it, never from RTP.
 *
 * Each kind and direction is a thing of its own: two threads may use two of
 * them at once, but only one thread one of them. Times are milliseconds of any
 * clock that doesn't go back. Free it when the handshake says END. A
 * retransmission repeats the sealed octets: keep them, don't seal again. */
#pragma once
#include "control/e2ee/handshake.h"
#include "control/e2ee/sframe.h"

#define MEDIA_INNER	   5 /* octets of marker, codec, timestamp */
#define MEDIA_HEADER_MAX   (1 + 1 + 8)
#define MEDIA_OVERHEAD	   (MEDIA_HEADER_MAX + MEDIA_INNER + SFRAME_TAG_MAX)
#define MEDIA_WINDOW	   1024 /* packets, on each step */
#define MEDIA_AHEAD	   31	/* steps */
#define MEDIA_BEFORE_MS	   10000
#define MEDIA_STEP_MS	   (10 * 60 * 1000)
#define MEDIA_STEP_PACKETS (1u << 20)
#define MEDIA_DIGIT	   4 /* octets of an RFC 4733 event */

enum media_codec {
	MEDIA_PCMU = 0,
	MEDIA_PCMA = 8,
	MEDIA_OPUS = 96,
	MEDIA_H264 = 97,
	MEDIA_VP8 = 98,
	MEDIA_EVENT = 101
};

enum media_verdict {
	MEDIA_OK,
	MEDIA_NOT_LISTED, /* the sender's list hasn't that kind */
	MEDIA_SHORT,	  /* no room for header, inner header and tag */
	MEDIA_HEADER,	  /* SFrame header malformed, or its KID too large */
	MEDIA_KIND,	  /* sealed for another m-line's kind */
	MEDIA_STEP,	  /* more than 31 steps ahead, or too long ago */
	MEDIA_REPLAY,	  /* seen already, or older than the window */
	MEDIA_TAG,	  /* not authentic */
	MEDIA_NO_ROOM,	  /* out is too small */
	MEDIA_FAILED,	  /* memory or OpenSSL failed */
	MEDIA_VERDICTS
};

/** Stable name of a verdict, for counters. */
const char *media_verdict_name(enum media_verdict v);

struct media_frame {
	bool marker;
	uint8_t codec;	    /* enum media_codec, 0 to 127 */
	uint32_t timestamp; /* RTP's */
	const uint8_t *payload;
	size_t len;
	uint64_t step, ctr; /* open only: the order of packets */
};

struct media_limits {
	uint64_t step_packets;
	uint64_t step_ms;
};

struct media;

/** @param limits NULL: the specification's. Tests lower them.
 * @return NULL while the handshake doesn't let this side send, or no memory. */
struct media *media_new(const struct e2ee *h,
			const struct media_limits *limits);
/** Wipes. */
void media_free(struct media *m);

/** One packet's SFrame ciphertext into out, which may not overlap the payload.
 * room: f->len + MEDIA_OVERHEAD is always enough. *len: octets written. */
enum media_verdict media_seal(struct media *m, enum e2ee_kind kind,
			      uint64_t now, const struct media_frame *f,
			      uint8_t *out, size_t room, size_t *len);
/** One received RTP payload p[0..n) of the m-line of `kind`. f->payload points
 * into out, which needs n octets of room and may not overlap p. Unless it is
 * MEDIA_OK nothing of the stream moved. */
enum media_verdict media_open(struct media *m, enum e2ee_kind kind,
			      uint64_t now, const uint8_t *p, size_t n,
			      uint8_t *out, size_t room, struct media_frame *f);
/** Lets go of the step before where its 10 s are over; open does too. Call it
 * now and then for streams that fell silent. */
void media_tick(struct media *m, enum e2ee_kind kind, uint64_t now);
/** How many packets that were to be opened got verdict v. */
uint64_t media_count(const struct media *m, enum e2ee_kind kind,
		     enum media_verdict v);

/* Digits: RFC 4733 events of the audio stream, as large as its payloads. */

/** Pad event to size octets with zeros. @return false: size < MEDIA_DIGIT. */
bool media_digit_pad(const uint8_t event[MEDIA_DIGIT], uint8_t *out,
		     size_t size);
/** @return false where p is shorter, or what follows the event isn't zero. */
bool media_digit_read(const uint8_t *p, size_t n, uint8_t event[MEDIA_DIGIT]);
