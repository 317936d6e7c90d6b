/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/dp.h - the client of dataplane/abi: keeps what ought to be
 * there, and makes it so. Control's thread, on libre's event loop.
 *
 * Requests wait for their reply at most a second (the dataplane's main lcore
 * answers in microseconds). When the dataplane is away, connects again every
 * half second; on connecting it lists what is there, leaves what matches,
 * changes what differs, removes what no call claims, adds what is missing.
 *
 * An index is never used twice with a key: a stream that is made again towards
 * an SRTP transport gets a fresh ssrc_xor here, and a transport made again its
 * last known rollover counter. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

struct dp;

/* Beside enum sp_status: the dataplane is away, or stopped answering. */
#define DP_AWAY 0x100

typedef void dp_event_h(const struct sp_event *e, void *arg);
/* connected again; fresh: the dataplane had restarted (its instance differs).
 * Called when the reconciliation is done. */
typedef void dp_up_h(bool fresh, void *arg);
/* A datagram of a transport whose stun or dtls says SP_PUNT_CONTROL. Whoever sent
 * it may be anyone. */
typedef void dp_punt_h(const struct sp_datagram *d, void *arg);

/** Starts to connect; never blocks. The handlers are called from the event
 * loop, never from within a function of this file. @return 0 or errno. */
int dp_alloc(struct dp **dpp, const char *socket_path, dp_event_h *eventh,
	     dp_up_h *uph, void *arg);
void dp_free(struct dp *dp);
/** Greeted and reconciled: what is set now takes effect at once. */
bool dp_connected(const struct dp *dp);
/** NULL until first connected. */
const struct sp_greeting *dp_greeting(const struct dp *dp);

/** Reconciliation starts only after this: say it when every saved call has
 * been loaded, so that none of its transports looks unclaimed. */
void dp_ready(struct dp *dp);

/* Wanted state: kept (keys in locked memory) and sent on. @return enum
 * sp_status or DP_AWAY; SP_OK also while the dataplane is away and the
 * transport was already wanted; text (may be NULL) says why not. What failed
 * is as it was before. A key whose octets are zero and whose id is the one
 * already there keeps the octets that are there. */
int dp_transport_set(struct dp *dp, const struct sp_transport *t,
		     char text[SP_TEXT_MAX]);
/** @return SP_OK also while the dataplane is away; SP_ENOENT. */
int dp_transport_remove(struct dp *dp, uint64_t id);
int dp_stream_set(struct dp *dp, const struct sp_stream *s,
		  char text[SP_TEXT_MAX]);
int dp_stream_remove(struct dp *dp, uint64_t id);

/* From a saved call, before dp_ready: wanted, but the octets of its keys are
 * not known. Where the dataplane still has it, it matches by key id; where it
 * doesn't, it is lost. @return SP_OK, SP_EEXIST, SP_ENOSPC (no memory). */
int dp_transport_keep(struct dp *dp, const struct sp_transport *t);
int dp_stream_keep(struct dp *dp, const struct sp_stream *s);
/** Wanted, not in the dataplane, and impossible to make without new keys. */
bool dp_transport_lost(const struct dp *dp, uint64_t id);

/** The SSRC mask that a stream has, whatever its owner said last.
 * @return false: no such stream. */
bool dp_stream_mask(const struct dp *dp, uint64_t id, uint32_t *mask);

/** Rollover counter of what arrives, latest heard of. */
uint32_t dp_transport_roc(const struct dp *dp, uint64_t id);
/** For how long nothing has arrived, ms; 0: media flows, or it isn't known (the
 * dataplane away, no word yet). */
uint64_t dp_transport_silent(const struct dp *dp, uint64_t id);

/** Who gets STUN and DTLS of media ports; like the handlers above, from the
 * event loop only. NULL: nobody, they are thrown away. */
void dp_punt_handler(struct dp *dp, dp_punt_h *h, void *arg);
/** Send a datagram from a transport's media port (rtcp: the one above it), as it
 * is. @return enum sp_status or DP_AWAY. */
int dp_inject(struct dp *dp, uint64_t transport, bool rtcp,
	      const struct sp_addr *to, const void *data, size_t len);

/** Reserve a pair of media ports (even, odd) for each leg, owned by one
 * worker. media: indices into the greeting. @return 0, ENOSPC, ENOTCONN. */
int dp_ports_take(struct dp *dp, const uint8_t media[2], uint16_t port[2]);
/** One more pair, for the worker that owns the pair `with`. */
int dp_ports_take_with(struct dp *dp, uint8_t media, uint16_t with,
		       uint16_t *port);
/** Free for others some seconds from now, so that no late packet of this call
 * meets the next one. */
void dp_ports_give(struct dp *dp, uint8_t media, uint16_t port);
/** Mark as taken a port known from a saved call. */
void dp_ports_keep(struct dp *dp, uint8_t media, uint16_t port);

/* Reads and lists, as the dataplane has them: enum sp_status or DP_AWAY. f is
 * called for each, and must not call into this file. */
int dp_stats(struct dp *dp, uint64_t stream, struct sp_stats *out);
int dp_list_transports(struct dp *dp,
		       void (*f)(const struct sp_transport *, void *),
		       void *arg);
int dp_list_streams(struct dp *dp, void (*f)(const struct sp_stream *, void *),
		    void *arg);
int dp_list_ports(struct dp *dp, void (*f)(const struct sp_port *, void *),
		  void *arg);
int dp_list_verdicts(struct dp *dp,
		     void (*f)(const struct sp_verdict_count *, void *),
		     void *arg);
int dp_list_workers(struct dp *dp, void (*f)(const struct sp_worker *, void *),
		    void *arg);

/* What the latest reconciliation found and did: transports and streams. */
struct dp_summary {
	unsigned left; /* matched, untouched */
	unsigned changed, removed, added;
	unsigned lost;	 /* missing there, keys unknown here */
	unsigned failed; /* refused by the dataplane */
};
const struct dp_summary *dp_summary(const struct dp *dp);
