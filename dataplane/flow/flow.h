/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/flow.h - a transport and its streams as the workers see them.
 *
 * struct flow and struct stream are immutable once published, but for the flow
 * that a stream leads to, and what a worker keeps of an adjacency: the main
 * lcore makes another, replaces the pointers in the port index and in the
 * streams that lead there, and frees the old one after a grace period. A worker
 * may hold what it found for the rest of its turn, never longer. What changes
 * for each packet stands in *_run and in the SRTP sessions: the owning worker's
 * alone, and shared by every later version.
 *
 * Cache lines are counted: a packet touches the lines marked hot. */
#pragma once
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_common.h>
#include "dataplane/abi/abi.h"
#include "dataplane/flow/bucket.h"
#include "dataplane/flow/demux.h"
#include "dataplane/flow/stats.h"
#include "dataplane/port/adjacency.h"

#define FLOW_STREAMS_MAX 32 /* streams that lead from one transport */
#define FLOW_HDR_MAX	 44 /* IPv6 and the ports of UDP */
#define FLOW_HDR_IP4	 24 /* IPv4 and the ports of UDP */
#define FLOW_TAGGED	 0x100

struct srtp_session;
struct table;

/* The two local ports of a transport, and the two peers. With RTCP on the RTP
 * port only the first is used for receiving. */
enum { SIDE_RTP, SIDE_RTCP };

struct endpoint {
	union {
		struct {
			uint16_t port;	/* network order */
			uint8_t family; /* 4 or 6; 0: none */
			uint8_t prefix; /* bits that count; 0 where a packet
					 * came from */
		};
		uint32_t head; /* port and family, to write and compare */
	};
	uint8_t addr[16]; /* network order; IPv4 in the first four, then zero */
} __attribute__((aligned(4)));

#define ENDPOINT_HEAD(port, family) ((uint32_t)(family) << 16 | (port))
#define ENDPOINT_HEAD_MASK	    0x00ffffffu /* all but the prefix */

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ENDPOINT_HEAD");
static_assert(sizeof(struct endpoint) == 20, "packed");

/** All of an IPv4 endpoint without a prefix, in one word: what its first eight
 * octets are in memory. addr: as in the packet. */
static inline uint64_t endpoint_word4(uint32_t addr, uint16_t port)
{
	return (uint64_t)addr << 32 | ENDPOINT_HEAD(port, 4);
}

/* Running state of a transport. */
struct flow_run {
	/* line 0, hot */
	uint32_t version;     /* of the flow that source[] and rate obey */
	uint32_t last;	      /* flow_moment() of the latest media; 0: none */
	struct bucket bucket; /* what comes from the right source spends */
	struct rate rate;     /* a copy of the flow's; police takes it */
	/* SIDE_*; family 0: not learned. RTP's is the end of line 0, RTCP's the
	 * start of line 1. */
	struct endpoint source[2];
	uint32_t source_seq; /* source_read() */
	uint32_t source_gen; /* of the flow that source[] obeys */
	uint32_t answered;   /* flow_moment() of the latest "too big" that was
			      * sent; 0: none */
	uint64_t dropped;    /* packets, by any verdict */
	/* TSC when these buckets would be full again: */
	uint64_t stray; /* what comes from a source not yet learned spends */
	uint64_t punt;	/* what goes to control */
	uint64_t back;	/* what sallyport-media sends here */
} __rte_cache_aligned;

static_assert(sizeof(struct flow_run) == 128, "two cache lines");
static_assert(offsetof(struct flow_run, source) + sizeof(struct endpoint) == 64,
	      "one is hot");

/* When media came last, coarsely, in half a line's room: units of 2^22 ticks
 * are a few milliseconds, and come round after weeks, where silence is long
 * told. Never 0. */
#define FLOW_MOMENT_BITS 22

static inline uint32_t flow_moment(uint64_t tsc)
{
	return (uint32_t)(tsc >> FLOW_MOMENT_BITS) | 1;
}

/* How to send to one of a transport's peers. */
struct flow_out {
	struct adjacency *adj;	 /* NULL: the peer isn't known yet */
	struct srtp_session *tx; /* NULL: plain */
	union {
		uint8_t hdr[FLOW_HDR_MAX]; /* IP header, UDP ports; lengths are
					    * zero */
		struct {
			uint8_t hdr4[FLOW_HDR_IP4];
			/* The owning worker's, in the room that IPv4 leaves:
			 * what adj said when adjacency_changes was `changes`,
			 * so that its line needn't be fetched; but port is
			 * an index into ports->port[], with FLOW_TAGGED where
			 * that has a VLAN. changes 0: not asked yet. To be read
			 * where flow_out_known() only. */
			struct adjacency_value known;
			uint32_t changes;
		};
	};
	uint16_t udp_sum; /* of the pseudo header */
	uint8_t trailer;  /* octets that sealing adds */
	uint8_t family;
} __rte_cache_aligned;

static_assert(sizeof(struct flow_out) == 64, "one cache line");
static_assert(offsetof(struct flow_out, known) % 8 == 0, "two words");

/** Is `known` what the adjacency says? Never in IPv6, whose ports stand where
 * `changes` does and may come to the same. */
static inline bool flow_out_known(const struct flow_out *o, uint32_t changes)
{
	return o->changes == changes && o->family == 4;
}

/* From one flow to another, one version of it. On a cache line of its own, but
 * for the copy in struct flow. */
struct stream {
	/* hot, in that copy */
	struct stream_run *run;
	struct flow *to;   /* the other transport; flow_at(), as it may be
			    * replaced by its next version at any time */
	uint64_t units;	   /* stats_ticks() of the RTP clock */
	uint32_t ssrc_xor; /* host order, as all SSRCs here */
	uint8_t out_pt;
	bool masked; /* ssrc_xor or out_pt change something */
	uint8_t blocked;
	uint8_t divert; /* enum sp_divert */
	uint64_t id;
	/* the rest */
	struct flow *const *from; /* its own transport's place in the index */
	uint32_t generation;	  /* what sallyport-media returns names it */
	uint32_t ssrc;
	uint8_t match; /* enum sp_match */
	uint8_t pt;
	uint8_t reserved[6];
};

static_assert(sizeof(struct stream) == 64, "one cache line");

/** With SP_MATCH_MID a rule stands behind the stream. */
static inline struct demux_rule *stream_rule(const struct stream *s)
{
	return (struct demux_rule *)(uintptr_t)(s + 1);
}

/** Octets of a stream, its rule included. */
static inline size_t stream_size(uint8_t match)
{
	return sizeof(struct stream) +
	       (match == SP_MATCH_MID ? sizeof(struct demux_rule) : 0);
}

/* A transport, one version of it. */
struct flow {
	/* line 0, hot on arrival */
	struct flow_run *run;
	struct srtp_session *rx; /* NULL: plain */
	uint32_t version;	 /* differs from that of any before */
	uint16_t rtp_port;	 /* network order */
	uint8_t owner;		 /* worker */
	uint8_t n_streams;
	/* flow_only(): a copy of stream[0], of which what is hot stands here */
	struct stream lone;
	/* line 1 has begun */
	struct rate rate;
	uint32_t source_gen; /* differs when the source rule starts anew */
	uint8_t flags;	     /* SP_TRANSPORT_* */
	uint8_t source;	     /* enum sp_source_rule */
	uint8_t stun, dtls;  /* enum sp_punt */
	uint8_t stray; /* packets a second from elsewhere, see flow_stray() */
	uint8_t reserved[3];
	uint64_t id;
	/* lines 2 and 3, hot on departure: one of the two */
	struct flow_out out[2]; /* SIDE_* */
	/* line 4, read while the source isn't learned */
	struct endpoint peer[2]; /* SIDE_* */
	struct demux *demux; /* of a bundle; NULL: no stream is told by MID */
	struct stream
		*stream[]; /* by SSRC first, then payload type, then any */
} __rte_cache_aligned;

static_assert(offsetof(struct flow, lone.from) == 64, "arrival is one line");
static_assert(offsetof(struct flow, out) == 128, "departure is one of two");
static_assert(offsetof(struct flow, stream) == 304,
	      "a stream's pointer stands in the rest's line");

/** Octets of a flow with n streams. */
static inline size_t flow_size(unsigned n)
{
	return offsetof(struct flow, stream) + n * sizeof(struct stream *);
}

/** Its one stream, if that takes anything; else NULL. */
static inline struct stream *flow_only(const struct flow *f)
{
	return f->lone.run ? (struct stream *)(uintptr_t)&f->lone : NULL;
}

/** The rate of what may still turn out to be the peer. hz: ticks a second. A
 * burst of BUCKET_BURST_MIN is half a second's worth at least. */
static inline struct rate flow_stray(const struct flow *f, uint64_t hz)
{
	const uint64_t cost = hz / f->stray;

	return (struct rate){.packet = (uint32_t)cost,
			     .slack = cost * BUCKET_BURST_MIN};
}

/* The port index of each media address. Addresses stay for the run. */
struct flow_address {
	uint8_t addr[16];   /* as in struct endpoint */
	struct flow **port; /* [udp_span], from udp_first on; NULL: no flow */
};

struct flow_index {
	uint16_t udp_first; /* host order */
	uint16_t udp_span;  /* ports; 32,768 pairs would not need more */
	uint16_t n4, n6;    /* addresses of each family */
	uint64_t hz;	    /* TSC ticks a second */
	struct rate punt;   /* of each transport, to control */
	struct rate back;   /* to each transport, from sallyport-media */
	struct flow_address v4[SP_MEDIA_ADDR_MAX], v6[SP_MEDIA_ADDR_MAX];
};

/** The index that workers look into; valid as long as the table. */
const struct flow_index *table_index(const struct table *t);

/** The stream of this id if sallyport-media takes it (SP_DIVERT_TAKE), else
 * NULL. For workers: valid for the rest of the turn. */
struct stream *table_taken(const struct table *t, uint64_t id);

/** The place of a media port in the index, NULL where it is none of ours.
 * addr: 4 or 16 octets; port in host order. */
static inline struct flow *const *flow_place(const struct flow_index *x,
					     uint8_t family,
					     const uint8_t *addr, uint16_t port)
{
	const struct flow_address *a = family == 4 ? x->v4 : x->v6;
	unsigned n = family == 4 ? x->n4 : x->n6;
	uint16_t off = (uint16_t)(port - x->udp_first);

	if (off >= x->udp_span)
		return NULL;
	/* Of a length that the compiler knows, comparing is no call. */
	for (unsigned i = 0; i < n; i++)
		if (family == 4 ? __builtin_memcmp(a[i].addr, addr, 4) == 0
				: __builtin_memcmp(a[i].addr, addr, 16) == 0)
			return &a[i].port[off];
	return NULL;
}

/** The same for IPv4, of which there is an address, looking first at the one that
 * the packet before was for: *at, of v4[]. @return false: none of ours. */
static inline bool flow_place4(const struct flow_index *x,
			       const struct flow_address **at,
			       const uint8_t *addr, uint16_t port,
			       struct flow *const **place)
{
	uint16_t off = (uint16_t)(port - x->udp_first);
	unsigned i = 0;

	if (__builtin_expect(off >= x->udp_span, 0))
		return false;
	if (__builtin_expect(memcmp((*at)->addr, addr, 4) != 0, 0)) {
		while (i < x->n4 && memcmp(x->v4[i].addr, addr, 4) != 0)
			i++;
		if (i == x->n4)
			return false;
		*at = &x->v4[i];
	}
	*place = &(*at)->port[off];
	return true;
}

/** The flow in a place, or at a stream's end, now; NULL: none. */
static inline struct flow *flow_at(struct flow *const *place)
{
	return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

/** The stream that RTP of this SSRC and payload type belongs to, or NULL. */
static inline struct stream *flow_stream(const struct flow *f, uint32_t ssrc,
					 uint8_t pt)
{
	for (unsigned i = 0; i < f->n_streams; i++) {
		struct stream *s = f->stream[i];

		if (s->match == SP_MATCH_ANY ||
		    (s->match == SP_MATCH_SSRC && s->ssrc == ssrc) ||
		    (s->match == SP_MATCH_PT && s->pt == pt))
			return s;
	}
	return NULL;
}

/** The stream that RTCP from this SSRC is about: the one that has or had it,
 * else the first, else NULL. */
static inline struct stream *flow_rtcp_stream(const struct flow *f,
					      uint32_t ssrc)
{
	struct stream *seen = f->demux ? demux_seen(f, ssrc) : NULL;

	if (seen)
		return seen;
	for (unsigned i = 0; i < f->n_streams; i++) {
		struct stream *s = f->stream[i];

		if ((s->match == SP_MATCH_SSRC && s->ssrc == ssrc) ||
		    (s->run->started && s->run->ssrc == ssrc))
			return s;
	}
	return f->n_streams ? f->stream[0] : NULL;
}
