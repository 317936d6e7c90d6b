/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/demux.h - whose is a packet on a bundle? RFC 9143 section 9.2,
 * header extensions of RFC 8285.
 *
 * Streams with SP_MATCH_MID share a transport. A packet belongs to the stream
 * that its MID extension names; without one, to the stream that its SSRC was
 * seen on before; else by the SSRCs, then the payload types that control has
 * given each. Where it came out is remembered by SSRC. All this happens after
 * the packet has been authenticated. Pure: no clock, no DPDK calls. The owning
 * worker's; nothing here is read by others. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

#define DEMUX_SSRCS 16 /* of a transport; the oldest is forgotten */

struct flow;
struct stream;

/* How control describes one m-line's packets; immutable, a part of the stream. */
struct demux_rule {
	uint64_t pts[2];
	uint32_t ssrcs[SP_STREAM_SSRCS];
	uint8_t n_ssrcs, mid_ext, mid_len;
	char mid[SP_MID_MAX];
};

/* What was learned on one transport; survives a republish. */
struct demux {
	struct {
		uint32_t ssrc;
		uint32_t used;	 /* 0: free */
		uint64_t stream; /* id */
	} seen[DEMUX_SSRCS];
	uint32_t next;
};

/** The stream of an RTP packet whose header has been checked to be `header`
 * octets long, extension included; NULL: nobody's. Learns its SSRC. */
struct stream *demux_rtp(const struct flow *f, const uint8_t *rtp,
			 size_t header);
/** The stream on which this SSRC was seen; NULL: on none. */
struct stream *demux_seen(const struct flow *f, uint32_t ssrc);
/** The stream that RTCP of n octets (at least 8) is about: the one whose other
 * end has the media that the first feedback or report block names, else the one
 * that its sender's SSRC was seen on; NULL: it can't be told. */
struct stream *demux_rtcp(const struct flow *f, const uint8_t *p, size_t n);
