/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/internal.h - what the table's own files share; nobody else
 * includes it. Main lcore only. */
#pragma once
#include <stdbool.h>
#include <sys/queue.h>
#include <rte_hash.h>
#include <rte_rcu_qsbr.h>
#include "dataplane/flow/arena.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/table.h"

struct told_roc {
	uint32_t ssrc, roc;
};

/* What the sweep has told control already, so that it says each thing once. */
struct told {
	struct endpoint source[2];
	uint32_t since;	 /* flow_moment() from which silence counts */
	uint32_t last;	 /* run->last as it was at the latest sweep */
	bool flowing;	 /* MEDIA was said, and no SILENT since */
	bool silent;	 /* SILENT was said, and no MEDIA since */
	bool key_end[2]; /* enum srtp_dir: near its end, and that was said */
	uint16_t warnings[2];
	uint8_t n; /* SSRCs whose rollover counter was said */
	struct told_roc first;
	struct told_roc *more; /* [SRTP_SSRC_MAX - 1]; NULL: one at most */
};

/* A key as it is kept: without its octets, which are the session's. */
struct kept_key {
	uint64_t id, packets;
	uint16_t suite;
	uint8_t mki_len;
	uint8_t mki[SP_MKI_MAX];
};

/* The keys of one direction, oldest first. */
struct keys {
	struct kept_key first;
	struct kept_key *more; /* [SP_KEYS_MAX - 1]; NULL: never were any */
	uint16_t n;	       /* 0: plain */
	uint16_t named;	       /* which of them lists show */
};

static inline struct kept_key *keys_at(const struct keys *ks, unsigned i)
{
	return i ? &ks->more[i - 1] : (struct kept_key *)(uintptr_t)&ks->first;
}

/* struct sp_transport without its keys. */
struct transport_spec {
	uint64_t id, call;
	uint8_t media_addr, flags, source, dscp;
	uint16_t rtp_port;
	uint8_t stun, dtls;
	struct sp_addr peer_rtp, peer_rtcp;
	uint32_t max_pps, max_octets;
	uint32_t rx_roc;
	uint32_t silent_ms;
};

/* A transport, as control programmed it and as it stands published. */
struct transport {
	struct transport_spec spec;
	struct flow *flow; /* the version that workers see */
	struct flow_run *run;
	struct demux *demux;	      /* NULL: never was a bundle */
	struct srtp_session *rx, *tx; /* NULL: plain */
	struct keys keys[2];	      /* enum srtp_dir */
	unsigned to;		      /* streams that lead here */
	LIST_HEAD(, stream_rec) into; /* the same */
	struct told told;
};

/** Room for the SSRCs of several m-lines in its sessions, where it has several;
 * without memory for that, the sweep tries again. */
void transport_widen(const struct table *t, const struct transport *x);
/** As the abi lists it. */
void transport_say(const struct transport *x, struct sp_transport *out);
/** What is kept of it, once it was withdrawn. */
void transport_free(struct transport *x);

struct stream_rec {
	struct sp_stream spec;
	struct stream *stream; /* the version that workers see */
	struct transport *from, *to;
	LIST_ENTRY(stream_rec) into; /* of those that lead to `to` */
};

enum retired_kind {
	RETIRED_FLOW,
	RETIRED_FLOW_RUN,
	RETIRED_STREAM,
	RETIRED_STREAM_RUN,
	RETIRED_DEMUX,
	RETIRED_SESSION,
	RETIRED_KEY,
	RETIRED_KINDS
};

struct retired {
	struct retired *next;
	uint64_t token; /* QSBR */
	enum retired_kind kind;
	void *p;
};

struct table {
	struct flow_index index; /* first: what workers read */
	struct table_limits lim;
	struct adjacencies *as;
	struct rte_rcu_qsbr *qsbr;
	const struct srtp_backend *srtp;
	struct srtp_engine *engine; /* to make sessions with */
	struct arena *arena;
	struct srtp_mem mem; /* the arena's; sessions point to it */
	struct rte_hash *transports, *streams; /* by id */
	struct rte_hash *taken; /* struct stream by id; workers look */
	unsigned n_transports, n_streams;
	struct flow_address *media[SP_MEDIA_ADDR_MAX]; /* as in the greeting */
	uint8_t media_family[SP_MEDIA_ADDR_MAX];
	uint32_t source_gen;
	uint32_t version;  /* of the latest flow */
	uint32_t sweep_at; /* where the next sweep goes on */
	struct retired *retired, **retired_end;
};

/* table.c */
/** Say why, as in printf. @return status. */
int refuse(char text[SP_TEXT_MAX], int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct transport *transport_find(const struct table *t, uint64_t id);
struct stream_rec *stream_find(const struct table *t, uint64_t id);

/* show.c */
/** What telemetry shows from now on. NULL: nothing. */
void table_show(const struct table *t);

/* validate.c: every field by itself, and against the greeting.
 * @return SP_OK, or SP_EINVAL with text saying which field and why */
int validate_transport(const struct table *t, const struct sp_transport *x,
		       char text[SP_TEXT_MAX]);
int validate_stream(const struct sp_stream *x, char text[SP_TEXT_MAX]);

int validate_key_add(const struct sp_key_add *x, char text[SP_TEXT_MAX]);

/* keys.c: several keys of a direction. */
/** What keys_begin and engines start with, from what the abi says. */
struct srtp_master key_master(const struct sp_key *k);
/** A session's first key. What ks had remains as it was, but for first and n:
 * a copy of it that is still needed stays whole. */
void keys_begin(struct keys *ks, const struct sp_key *k);
/** The key with this id; NULL: it isn't there. */
const struct kept_key *keys_find(const struct keys *ks, uint64_t id);
/** Does naming this key begin the direction anew? */
bool keys_new(const struct keys *ks, const struct sp_key *k);
/** The one that lists show, as the abi has it, without octets. */
struct sp_key keys_named(const struct keys *ks);
/** What is kept of them is over. */
void keys_end(struct keys *ks);
/** Of a session whose key has ended: which, for RETIRED_KEY. */
struct ended_key {
	struct srtp_session *s;
	uint8_t mki[SP_MKI_MAX];
};

/* taken.c: streams that sallyport-media takes, as workers find them. */
/** @return 0, or -1: no memory. */
int taken_new(struct table *t);
/** Workers find s under its id, if it is taken; nothing, if it isn't.
 * @return false: no room, all is as it was. */
bool taken_set(struct table *t, struct stream *s);
void taken_clear(struct table *t, uint64_t id);

/* publish.c: versions come and go. */
/** Another version of x's flow with these streams, not yet published.
 * @return NULL: no memory. */
struct flow *flow_build(struct table *t, const struct transport *x,
			struct stream *const stream[], unsigned n);
/** Workers find f from now on; the version before is retired. */
void flow_publish(struct table *t, struct transport *x, struct flow *f);
/** Workers find nothing there from now on. */
void flow_withdraw(struct table *t, struct transport *x);
/** Wiped and freed once no worker can hold it. NULL is nothing. */
void retire(struct table *t, enum retired_kind kind, void *p);
/** What was never published. */
void discard(struct table *t, enum retired_kind kind, void *p);
/** Free what no worker can hold any more. Never waits. */
void reclaim(struct table *t);
/** The same for everything; workers have stopped. */
void reclaim_all(struct table *t);
