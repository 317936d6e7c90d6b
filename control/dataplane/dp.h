/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/dp.h - the client of dataplane/abi: keeps what ought to be
 * there, and makes it so. Control's thread, on libre's event loop.
 *
 * Requests wait for their reply at most a second (the dataplane's main lcore
 * answers in microseconds). When the dataplane is away, connects again every
 * half second; on connecting it lists what is there, leaves what matches,
 * changes what differs, removes what no call claims, adds what is missing. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

struct dp;

typedef void dp_event_h(const struct sp_event *e, void *arg);
/* connected again; fresh: the dataplane had restarted (its instance differs) */
typedef void dp_up_h(bool fresh, void *arg);

/** Starts to connect; never blocks. @return 0 or errno. */
int dp_alloc(struct dp **dpp, const char *socket_path, dp_event_h *eventh,
	     dp_up_h *uph, void *arg);
void dp_free(struct dp *dp);
bool dp_connected(const struct dp *dp);
/** NULL until first connected. */
const struct sp_greeting *dp_greeting(const struct dp *dp);

/** Reconciliation starts only after this: say it when every saved call has
 * been loaded, so that none of its transports looks unclaimed. */
void dp_ready(struct dp *dp);

/* Wanted state: kept (keys in locked memory) and sent on. @return enum
 * sp_status; SP_OK also while the dataplane is away and the transport was
 * already wanted; text (may be NULL) says why not. */
int dp_transport_set(struct dp *dp, const struct sp_transport *t,
		     char text[SP_TEXT_MAX]);
int dp_transport_remove(struct dp *dp, uint64_t id);
int dp_stream_set(struct dp *dp, const struct sp_stream *s,
		  char text[SP_TEXT_MAX]);
int dp_stream_remove(struct dp *dp, uint64_t id);

/** Reserve a pair of media ports (even, odd) for each leg, owned by one
 * worker. media: indices into the greeting. @return 0, ENOSPC, ENOTCONN. */
int dp_ports_take(struct dp *dp, const uint8_t media[2], uint16_t port[2]);
void dp_ports_give(struct dp *dp, uint8_t media, uint16_t port);
/** Mark as taken a port known from a saved call. */
void dp_ports_keep(struct dp *dp, uint8_t media, uint16_t port);

int dp_stats(struct dp *dp, uint64_t stream, struct sp_stats *out);
/* Lists as the dataplane has them. f may be called up to the count. */
int dp_list_transports(struct dp *dp, void (*f)(const struct sp_transport *, void *),
		       void *arg);
int dp_list_streams(struct dp *dp, void (*f)(const struct sp_stream *, void *),
		    void *arg);
int dp_list_ports(struct dp *dp, void (*f)(const struct sp_port *, void *),
		  void *arg);
int dp_list_verdicts(struct dp *dp,
		     void (*f)(const struct sp_verdict_count *, void *),
		     void *arg);
