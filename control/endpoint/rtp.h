/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/rtp.h - one m-line's RTP and RTCP: sockets, SRTP, SFrame.
 *
 * RFC 3550; E2EE.md, "Media". What goes out: payload, SFrame around it where
 * the call is end-to-end, RTP header, SRTP where the leg has it. What comes in
 * goes the other way, and then through the jitter buffer. Nothing passes in
 * either direction before rtp_open says how. Main thread only. */
#pragma once
#include <re.h>
#include "control/e2ee/media.h"
#include "control/endpoint/codec.h"
#include "control/endpoint/hop.h"

#define RTP_MTU		1400 /* octets of an IP packet we make, at most */
/* Room for a payload: IPv6, UDP, RTP, SFrame and SRTP around it. */
#define RTP_PAYLOAD_MAX (RTP_MTU - 40 - 8 - 12 - MEDIA_OVERHEAD - HOP_OVERHEAD)

enum rtp_mode {
	RTP_CLOSED, /* nothing is sent, what comes is dropped */
	RTP_PLAIN,  /* an ordinary call */
	RTP_SEALED  /* SFrame around every payload */
};

struct rtp_handlers {
	/* In order; gets pkt. Digits (MEDIA_EVENT) have 4 octets. */
	void (*packet)(struct media_pkt *pkt, void *arg);
	/* The first SFrame packet that was authentic. */
	void (*authentic)(void *arg);
	/* The peer asks for a key frame. */
	void (*want_key)(enum e2ee_kind kind, void *arg);
	void *arg;
};

struct rtp_stats {
	uint64_t sent, received;
	uint64_t closed, source, malformed, hop, codec; /* drops, by reason */
	uint64_t lost, late;
};

struct rtp;

/** Takes an even port of [low, high] and the next. @return errno. */
int rtp_new(struct rtp **rp, enum e2ee_kind kind, const struct sa *laddr,
	    uint16_t low, uint16_t high, const char *cname,
	    const struct rtp_handlers *h);
void rtp_free(struct rtp *r);
uint16_t rtp_port(const struct rtp *r);

/** Where the peer receives; NULL: nowhere. */
void rtp_remote(struct rtp *r, const struct sa *rtp, const struct sa *rtcp);
/** A phone on this machine may say in SDP what it likes: take what comes from
 * loopback, too. */
void rtp_accept_local(struct rtp *r);
/** NULL: no SRTP. Borrowed. */
void rtp_hop(struct rtp *r, struct hop *hop);
/** Payload types of a codec: ours for what we receive, the peer's for what we
 * send. The first one named is the one that SFrame packets are sent under. */
void rtp_map_clear(struct rtp *r);
void rtp_map(struct rtp *r, uint8_t codec, uint8_t in, uint8_t out);
void rtp_direction(struct rtp *r, bool send, bool receive);
/** m: for RTP_SEALED, borrowed until the mode changes. */
void rtp_open(struct rtp *r, enum rtp_mode mode, struct media *m);

/** @return whether it was sent. A MEDIA_EVENT has 4 octets. */
bool rtp_send_payload(struct rtp *r, uint8_t codec, bool marker, uint32_t ts,
		      const uint8_t *p, size_t len);
/** Ask the peer for a key frame, not more often than it can be useful. */
void rtp_ask_key(struct rtp *r);
const struct rtp_stats *rtp_statistics(const struct rtp *r);
