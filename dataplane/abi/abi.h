/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/abi/abi.h - what control says to the dataplane, and hears from it.
 *
 * A UNIX SOCK_SEQPACKET socket, control connects. One message is one datagram:
 * a header and the body of its type, of exactly the size that sp_body_size()
 * gives, in host byte order (both ends are on one machine) except where a
 * field says otherwise. Every message is validated as if a stranger had sent
 * it: version, type, size, then each field.
 *
 * The unit is a *transport* (local media port, peer, hop keys, mark) and the
 * *streams* on it (each leads from one transport to another). Control owns the
 * truth and chooses every id; after either side restarts it lists what is
 * there and changes only what differs, so media flows on meanwhile.
 *
 * Who says what:
 *   control:   HELLO first, then any request; one reply for each, in order.
 *   dataplane: GREETING to HELLO; to LIST requests one ITEM for each, then
 *              DONE; to everything else DONE. Events at any time, seq 0.
 * A second control that connects takes the place of the first.
 * Messages that carried keys are wiped by both sides. */
#pragma once
#include <stdint.h>
#include "dataplane/abi/suite.h"

#define SP_ABI_MAGIC   0x53414c59u /* "SALY" */
#define SP_ABI_VERSION 4

#define SP_MEDIA_ADDR_MAX   16 /* media addresses of one dataplane */
#define SP_PORT_NAME_MAX    16 /* with the terminating NUL */
#define SP_TEXT_MAX	    96 /* reasons, names; with the terminating NUL */
#define SP_WORKER_MAX	    64
#define SP_VERDICT_NAME_MAX 32

enum sp_type {
	/* control to dataplane */
	SP_HELLO = 1,	     /* struct sp_hello     -> GREETING */
	SP_TRANSPORT_ADD,    /* struct sp_transport -> DONE */
	SP_TRANSPORT_CHANGE, /* struct sp_transport -> DONE */
	SP_TRANSPORT_REMOVE, /* struct sp_id        -> DONE */
	SP_TRANSPORT_LIST,   /* nothing -> TRANSPORT_ITEM ..., DONE */
	SP_STREAM_ADD,	     /* struct sp_stream    -> DONE */
	SP_STREAM_CHANGE,    /* struct sp_stream    -> DONE */
	SP_STREAM_REMOVE,    /* struct sp_id        -> DONE */
	SP_STREAM_LIST,	     /* nothing -> STREAM_ITEM ..., DONE */
	SP_STREAM_STATS,     /* struct sp_id -> STATS_ITEM, DONE */
	SP_PORT_LIST,	     /* nothing -> PORT_ITEM ..., DONE */
	SP_VERDICT_LIST,     /* nothing -> VERDICT_ITEM ..., DONE */
	SP_WORKER_LIST,	     /* nothing -> WORKER_ITEM ..., DONE */
	SP_KEY_ADD,	     /* struct sp_key_add    -> DONE */
	SP_KEY_RETIRE,	     /* struct sp_key_retire -> DONE */
	SP_INJECT,	     /* struct sp_datagram   -> DONE */

	/* dataplane to control */
	SP_GREETING = 0x40, /* struct sp_greeting */
	SP_DONE,	    /* struct sp_done: the end of every other reply */
	SP_TRANSPORT_ITEM,  /* struct sp_transport; keys never filled in */
	SP_STREAM_ITEM,	    /* struct sp_stream */
	SP_STATS_ITEM,	    /* struct sp_stats */
	SP_PORT_ITEM,	    /* struct sp_port */
	SP_VERDICT_ITEM,    /* struct sp_verdict_count */
	SP_WORKER_ITEM,	    /* struct sp_worker */
	SP_EVENT,	    /* struct sp_event, seq 0 */
	SP_PUNTED,	    /* struct sp_datagram, seq 0 */
};

struct sp_hdr {
	uint32_t magic;	  /* SP_ABI_MAGIC */
	uint16_t version; /* SP_ABI_VERSION */
	uint16_t type;	  /* enum sp_type */
	uint32_t seq;	  /* the request's, repeated in its replies; 0: event */
	uint32_t size;	  /* octets of the body that follows */
};

/* An IPv4 or IPv6 address and a UDP port. */
struct sp_addr {
	uint8_t family;	  /* 4 or 6; 0: none */
	uint8_t prefix;	  /* bits that count, unless SP_SOURCE_STRICT: 32/128 */
	uint16_t port;	  /* 0: any or none */
	uint8_t addr[16]; /* network order; IPv4 in the first four octets */
};

/* One master key of one direction. suite PLAIN: no hop encryption. */
struct sp_key {
	uint64_t id;	     /* chosen by control, names these keys; 0: plain */
	uint64_t packets;    /* lifetime in packets; 0: the suite's limit */
	uint16_t suite;	     /* enum sp_suite */
	uint8_t mki_len;     /* 0: no MKI */
	uint8_t reserved[5]; /* zero */
	uint8_t mki[SP_MKI_MAX];
	uint8_t key[SP_KEY_MAX];
	uint8_t salt[SP_SALT_MAX];
	uint8_t reserved2[2];
};

#define SP_KEYS_MAX 4 /* master keys of one direction at a time */

enum sp_dir { SP_RX = 1, SP_TX };

/* One more master key beside those of a direction that has a suite: the same
 * suite, an MKI of the same length and another value, an id new to it. What
 * arrives may use any of them; what is sent uses the latest. Rollover counters
 * and windows go on. In lists, rx and tx name one that is there: of tx, the one
 * in use. A SP_TRANSPORT_CHANGE that names any that is there leaves them all as
 * they are; one that names another begins anew with it alone. */
struct sp_key_add {
	uint64_t id;	     /* transport */
	uint8_t dir;	     /* enum sp_dir */
	uint8_t reserved[7]; /* zero */
	struct sp_key key;
};

/* The end of one: what arrives with it gets the verdict bad-mki. Neither the
 * last one of a direction nor the one that is sent with. */
struct sp_key_retire {
	uint64_t id;	     /* transport */
	uint64_t key;	     /* its id */
	uint8_t dir;	     /* enum sp_dir */
	uint8_t reserved[7]; /* zero */
};

enum sp_source_rule {
	SP_SOURCE_STRICT = 1, /* peer_rtp and peer_rtcp exactly */
	SP_SOURCE_LEARN,      /* within peer_*.addr/prefix, any port; the first
			       * that qualifies is kept, then strict, until
			       * the signalled peer, its key or the rule
			       * changes. On SRTP legs only a verified tag
			       * qualifies. */
	SP_SOURCE_FOLLOW,     /* the same, but each SP_TRANSPORT_CHANGE lets a
			       * source be learned anew (a re-offer of a phone
			       * whose NAT gave it another port) */
};

enum {
	SP_TRANSPORT_RTCP_MUX = 1 << 0, /* RTCP on the RTP port (RFC 5761) */
	SP_TRANSPORT_E2EE = 1 << 1,	/* end-to-end mark: never comes off */
};

/* What happens to STUN and DTLS that arrive on a media port. To control they
 * go as they came, from whatever source: nobody has authenticated them. */
enum sp_punt { SP_PUNT_DROP = 0, SP_PUNT_CONTROL, SP_PUNT_RELAY };

struct sp_transport {
	uint64_t id;	    /* not 0 */
	uint64_t call;	    /* which call claims it; for people and lists */
	uint8_t media_addr; /* index into the greeting's media[] */
	uint8_t flags;	    /* SP_TRANSPORT_* */
	uint8_t source;	    /* enum sp_source_rule */
	uint8_t dscp;	    /* of what is sent, 0..63 */
	uint16_t rtp_port;  /* local, even; RTCP is rtp_port + 1 unless mux */
	uint8_t stun, dtls; /* enum sp_punt */
	struct sp_addr peer_rtp, peer_rtcp; /* family 0: not known yet, so
					     * nothing is sent there */
	uint32_t max_pps;    /* policing of what arrives, packets a second */
	uint32_t max_octets; /* and UDP payload octets a second; 0: no limit */
	struct sp_key rx;    /* what the peer protects with */
	struct sp_key tx;    /* what we protect with towards the peer */
	uint32_t rx_roc;     /* rollover counter to start from when rx.id is new
			     * here (late join, restart); else ignored */
	uint32_t silent_ms;  /* event after so long without media; 0: never */
};

enum sp_match {
	SP_MATCH_ANY = 1,
	SP_MATCH_PT,
	SP_MATCH_SSRC,
	SP_MATCH_MID, /* one m-line of a bundle, RFC 9143 section 9.2: by the MID
		       * header extension, else by an SSRC that has been seen
		       * with one, else by `ssrcs`, else by `pts`. Whatever
		       * found the stream, its SSRC is remembered. */
};

#define SP_STREAM_SSRCS 4
#define SP_MID_MAX	16

#define SP_PT_KEEP 0xff

/* Whether sallyport-media gets what a stream carries: RTP and RTCP as they are
 * once the hop encryption of `from` is off (divert.h). Refused with SP_EMARKED
 * where a transport bears the end-to-end mark; one with such a stream can't be
 * marked later. */
enum sp_divert {
	SP_DIVERT_NONE = 0,
	SP_DIVERT_COPY, /* it goes on as ever, and sallyport-media has a copy */
	SP_DIVERT_TAKE, /* it goes to sallyport-media only. What that returns
			 * under the stream's id and generation leaves on `to`,
			 * and nothing else does */
};

/* RTP (and the RTCP about it) that arrives on `from` leaves on `to`. With
 * SP_DIVERT_TAKE both may be the same transport (a loop): what arrives there
 * goes to sallyport-media, and what it returns leaves there. */
struct sp_stream {
	uint64_t id; /* not 0 */
	uint64_t from,
		to;    /* transports; must exist; the same worker owns them */
	uint32_t ssrc; /* for SP_MATCH_SSRC */
	uint32_t ssrc_xor; /* mask put on every SSRC: 0 keeps them. A mask never
			    * used before makes every index of the tx keys
			    * fresh, which is how a transport made again after
			    * a restart keeps from using one twice. */
	uint8_t match;	   /* enum sp_match */
	uint8_t pt;	   /* for SP_MATCH_PT */
	uint8_t out_pt;	   /* SP_PT_KEEP, or the payload type to send */
	uint8_t blocked;   /* 1: counted and dropped (hold, direction), what
			    * sallyport-media returns as well */
	uint32_t clock;	   /* RTP clock rate, Hz, for jitter; 0: 8000 */
	uint32_t generation; /* with divert: what is returned has to name it, so
			      * that nothing of the id's earlier use leaves */
	uint8_t divert;	     /* enum sp_divert */
	/* for SP_MATCH_MID, else zero */
	uint8_t mid_ext; /* id of the header extension (RFC 8285); 0: none */
	uint8_t mid_len; /* octets of mid that count */
	uint8_t n_ssrcs;
	char mid[SP_MID_MAX];
	uint64_t pts[2]; /* payload types that no other stream of `from` has:
			  * bit pt % 64 of pts[pt / 64] */
	uint32_t ssrcs[SP_STREAM_SSRCS];
};

#define SP_DATAGRAM_MAX 1500 /* octets of UDP payload */
#define SP_PUNT_PPS	50   /* of one transport, packets a second */
#define SP_PUNT_ALL_PPS 2000 /* of all together */

/* A datagram of a transport's local port that control sees, or sends. PUNTED:
 * at most SP_PUNT_PPS of one transport (beyond, verdict rate) and
 * SP_PUNT_ALL_PPS of all (beyond, verdict control-full); lost where control
 * doesn't read. INJECT: leaves as it is, in clear, from that port, by the
 * kernel's routes and neighbours; best effort, as UDP is. */
struct sp_datagram {
	uint64_t id;	     /* transport */
	struct sp_addr addr; /* whence it came, or whither it goes */
	uint8_t rtcp;	     /* 0: the RTP port; 1: the one above it */
	uint8_t reserved;    /* zero */
	uint16_t len;	     /* octets of data that count, 1.. */
	uint8_t data[SP_DATAGRAM_MAX];
	uint8_t reserved2[4]; /* zero */
};

struct sp_id {
	uint64_t id;
};

struct sp_hello {
	char name[32]; /* who connects, for the log */
};

struct sp_media_addr {
	struct sp_addr addr;	      /* port 0 */
	char port[SP_PORT_NAME_MAX];  /* the dataplane port's name */
	char role[SP_PORT_NAME_MAX];  /* "access" or "trunk" */
	uint16_t udp_first, udp_last; /* media ports, first even, last odd */
	uint16_t mtu;
	uint16_t reserved;
};

struct sp_greeting {
	uint64_t instance; /* random at each start of the dataplane */
	uint32_t transports_max, streams_max;
	uint16_t n_workers; /* the owner of media port p is worker
				 * (p >> 1) % n_workers, on every address: both
				 * transports of a stream need one owner */
	uint16_t n_media;
	uint32_t started; /* UNIX time, seconds */
	struct sp_media_addr media[SP_MEDIA_ADDR_MAX];
};

enum sp_status {
	SP_OK = 0,
	SP_EINVAL, /* a field is wrong; text says which */
	SP_EEXIST, /* ADD: the id, or the local port, is taken */
	SP_ENOENT, /* CHANGE, REMOVE, STATS: no such id; STREAM: no transport */
	SP_EBUSY,  /* TRANSPORT_REMOVE: streams still use it */
	SP_ENOSPC, /* full */
	SP_EOWNER, /* the two transports belong to different workers */
	SP_EMARKED, /* the end-to-end mark forbids this */
	SP_EVERSION,
};

struct sp_done {
	uint32_t status; /* enum sp_status */
	uint32_t count;	 /* items sent before */
	char text[SP_TEXT_MAX];
};

/* One direction of one medium: what arrived on `from` and what left on `to`.
 * Counted by the owning worker, read without disturbing it; each value is
 * whole by itself, the set is not a snapshot. RFC 3550 section 6.4.1, A.3,
 * A.8. */
struct sp_stats {
	uint64_t id;			/* stream */
	uint64_t packets_in, octets_in; /* RTP; octets of RTP payload */
	uint64_t packets_out, octets_out;
	uint64_t rtcp_in, rtcp_out;
	uint64_t dropped;      /* by any verdict, on this stream */
	uint64_t lost;	       /* expected - received, this SSRC */
	uint32_t ssrc;	       /* latest seen, as received */
	uint32_t jitter_us;    /* interarrival jitter, microseconds */
	uint32_t silent_ms;    /* since the last packet; ~0: none yet */
	uint32_t rtt_us;       /* from RTCP, 0: unknown */
	struct sp_addr source; /* where it comes from; family 0: unknown */
	uint32_t rx_roc;       /* rollover counter of the latest SSRC */
	uint16_t mos; /* estimate by the E-model (ITU-T G.107) from loss,
				* round trip and jitter: hundredths, 100 to 441;
				* 0: unknown */
	uint16_t key_warnings; /* SP_EVENT_KEY_END so far, of what `from`
				* receives with and `to` sends with */
};

struct sp_port {
	char name[SP_PORT_NAME_MAX];
	char role[SP_PORT_NAME_MAX];
	char driver[SP_PORT_NAME_MAX * 2];
	uint8_t mac[6];
	uint8_t link_up;
	uint8_t reserved;
	uint16_t queues, mtu;
	uint64_t rx_packets, rx_octets, tx_packets,
		tx_octets; /* of the device */
	uint64_t rx_missed, tx_dropped;
	uint64_t to_kernel, from_kernel; /* packets, companion interface */
};

struct sp_verdict_count {
	char name[SP_VERDICT_NAME_MAX]; /* stable, lower case, e.g. "bad-tag" */
	char unit[16];			/* "packets" */
	char meaning[SP_TEXT_MAX];
	uint8_t severity; /* 0 expected, 1 worth a look, 2 wrong */
	uint8_t reserved[7];
	uint64_t count; /* since start, all workers */
};

/* How busy a worker is: of the turns that it has taken since start, those that
 * found no packet. Between two looks, the growth of both tells its load. */
struct sp_worker {
	uint16_t id, lcore;
	uint32_t reserved;
	uint64_t turns, idle_turns;
};

enum sp_event_kind {
	SP_EVENT_SOURCE = 1, /* transport: source learned, in addr */
	SP_EVENT_SILENT,     /* transport: nothing for its silent_ms */
	SP_EVENT_MEDIA,	     /* transport: media again, or for the first time */
	SP_EVENT_KEY_END,    /* transport: value packets left on a key */
	SP_EVENT_ROC,	     /* transport: rx rollover counter is now value */
	SP_EVENT_OVERRUN,    /* events were lost: list and compare */
};

struct sp_event {
	uint16_t kind; /* enum sp_event_kind */
	uint16_t reserved;
	uint32_t ssrc; /* for ROC, KEY_END */
	uint64_t id;   /* transport */
	uint64_t value;
	struct sp_addr addr;
};

union sp_body {
	struct sp_hello hello;
	struct sp_transport transport;
	struct sp_stream stream;
	struct sp_id id;
	struct sp_key_add key_add;
	struct sp_key_retire key_retire;
	struct sp_datagram datagram;
	struct sp_greeting greeting;
	struct sp_done done;
	struct sp_stats stats;
	struct sp_port port;
	struct sp_verdict_count verdict;
	struct sp_worker worker;
	struct sp_event event;
};

struct sp_msg {
	struct sp_hdr hdr;
	union sp_body body;
};

/** Octets of the body of a message type; -1: no such type. */
static inline int sp_body_size(uint16_t type)
{
	switch (type) {
	case SP_HELLO:
		return sizeof(struct sp_hello);
	case SP_TRANSPORT_ADD:
	case SP_TRANSPORT_CHANGE:
	case SP_TRANSPORT_ITEM:
		return sizeof(struct sp_transport);
	case SP_STREAM_ADD:
	case SP_STREAM_CHANGE:
	case SP_STREAM_ITEM:
		return sizeof(struct sp_stream);
	case SP_TRANSPORT_REMOVE:
	case SP_STREAM_REMOVE:
	case SP_STREAM_STATS:
		return sizeof(struct sp_id);
	case SP_TRANSPORT_LIST:
	case SP_STREAM_LIST:
	case SP_PORT_LIST:
	case SP_VERDICT_LIST:
	case SP_WORKER_LIST:
		return 0;
	case SP_KEY_ADD:
		return sizeof(struct sp_key_add);
	case SP_KEY_RETIRE:
		return sizeof(struct sp_key_retire);
	case SP_INJECT:
	case SP_PUNTED:
		return sizeof(struct sp_datagram);
	case SP_GREETING:
		return sizeof(struct sp_greeting);
	case SP_DONE:
		return sizeof(struct sp_done);
	case SP_STATS_ITEM:
		return sizeof(struct sp_stats);
	case SP_PORT_ITEM:
		return sizeof(struct sp_port);
	case SP_VERDICT_ITEM:
		return sizeof(struct sp_verdict_count);
	case SP_WORKER_ITEM:
		return sizeof(struct sp_worker);
	case SP_EVENT:
		return sizeof(struct sp_event);
	default:
		return -1;
	}
}
