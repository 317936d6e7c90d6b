/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/table.h - transports and streams: published to the workers,
 * changed by the main lcore.
 *
 * What control programs is immutable once published: a change makes a new one,
 * publishes it, waits a grace period (QSBR), wipes and frees the old. What
 * changes for each packet (SRTP sessions, learned source, bucket, statistics)
 * belongs to the owning worker and survives a republish; only new keys start
 * an SRTP session afresh.
 *
 * A media port is an index: flow = address->port[udp_dst], one load. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"
#include "dataplane/port/adjacency.h"
#include "dataplane/port/port.h"
#include "dataplane/srtp/srtp.h"

#define STREAM_CLOCK_DEFAULT 8000 /* Hz, where a stream's is 0 */

struct rte_rcu_qsbr;
struct table;

struct table_limits {
	uint32_t transports, streams;
	uint16_t udp_first, udp_last; /* media ports */
	unsigned workers;
	unsigned replay_window; /* packets */
	unsigned media_addrs;	/* out: the table counts them itself */
};

/** @return NULL with the reason logged. qsbr: every worker reports to it. */
struct table *table_new(const struct table_limits *lim, struct ports *ps,
			struct adjacencies *as, struct rte_rcu_qsbr *qsbr,
			const struct srtp_backend *srtp);
/** Wipes every key. Workers must have stopped. */
void table_free(struct table *t);

/* What the abi asks for; main lcore. @return enum sp_status; text says what was
 * wrong, for people. The caller wipes messages that carry keys. */
int table_transport_add(struct table *t, const struct sp_transport *x,
			char text[SP_TEXT_MAX]);
int table_transport_change(struct table *t, const struct sp_transport *x,
			   char text[SP_TEXT_MAX]);
int table_transport_remove(struct table *t, uint64_t id,
			   char text[SP_TEXT_MAX]);
/** One more key of a direction, or one less: abi.h. */
int table_key_add(struct table *t, const struct sp_key_add *x,
		  char text[SP_TEXT_MAX]);
int table_key_retire(struct table *t, const struct sp_key_retire *x,
		     char text[SP_TEXT_MAX]);
int table_stream_add(struct table *t, const struct sp_stream *x,
		     char text[SP_TEXT_MAX]);
int table_stream_change(struct table *t, const struct sp_stream *x,
			char text[SP_TEXT_MAX]);
int table_stream_remove(struct table *t, uint64_t id, char text[SP_TEXT_MAX]);
/** @return SP_OK or SP_ENOENT. */
int table_stats(struct table *t, uint64_t stream, struct sp_stats *out);
/** Call f for each; keys in *x are zero. Stops when f returns nonzero. */
int table_transports(struct table *t,
		     int (*f)(void *arg, const struct sp_transport *x),
		     void *arg);
int table_streams(struct table *t,
		  int (*f)(void *arg, const struct sp_stream *x), void *arg);

/* The same one at a time: *at is 0 for the first. What is added or removed in
 * between may be missed or come twice. @return false: that was all. */
bool table_transport_next(const struct table *t, uint32_t *at,
			  struct sp_transport *out);
bool table_stream_next(const struct table *t, uint32_t *at,
		       struct sp_stream *out);

/** Where a transport's datagrams leave from and go to: its media address, and a
 * local port, as in `family` and `port` of *from. @return SP_OK, SP_ENOENT. */
int table_local(const struct table *t, uint64_t id, bool rtcp,
		struct sp_addr *from, uint8_t *dscp);

/** Ten times a second, main lcore: silence, rollover counters, keys near their
 * end, learned sources; reports each change once through f. Sessions that have
 * seen SRTP_SSRC_NEAR SSRCs get room for more. */
void table_sweep(struct table *t,
		 void (*f)(void *arg, const struct sp_event *e), void *arg);
