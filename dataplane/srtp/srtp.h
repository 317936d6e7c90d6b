/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/srtp.h - SRTP and SRTCP in bursts. RFC 3711, 6188, 7714.
 *
 * Pure C: no DPDK, no clock, no locks, no allocation after set-up. Keys are
 * made by the thread that sets up; a session belongs to one worker; an engine
 * belongs to one thread.
 *
 * A *key* is a master key expanded to session keys: immutable, shared by every
 * SSRC that is protected with it. A *session* is one direction of one leg: its
 * keys by MKI, and for each SSRC the running state (rollover counter, replay
 * window). Session state survives a republish of the configuration; only new
 * keys start it afresh.
 *
 * A *backend* is what does the cryptography: `srtp_ipsec_mb` on the appliance,
 * `srtp_libsrtp2` as the oracle that tests compare it with. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/abi/suite.h"

#define SRTP_BURST_MAX	 64 /* packets in one call */
#define SRTP_SSRC_MAX	 8  /* SSRCs that one session follows at a time */
#define SRTP_SSRC_NEAR	 2  /* of them those that there is always room for */
#define SRTP_KEYS_MAX	 4  /* master keys of one session, told apart by MKI */
#define SRTP_WINDOW_MIN	 64 /* replay window, packets */
#define SRTP_WINDOW_MAX	 1024
#define SRTP_TRAILER_MAX (16 + 4 + SP_MKI_MAX) /* octets that sealing adds */

enum srtp_verdict {
	SRTP_OK,
	SRTP_SHORT,	 /* no room for a header, its CSRCs, extension or tag */
	SRTP_REPLAY,	 /* index seen already, or older than the window      */
	SRTP_BAD_TAG,	 /* authentication failed			      */
	SRTP_BAD_MKI,	 /* MKI names no key of this session		      */
	SRTP_KEY_SPENT,	 /* the key's lifetime is over			      */
	SRTP_INDEX_USED, /* sending: this index went out with this key before */
	SRTP_SSRC_FULL,	 /* authentic, but one SSRC more than there is room   */
	SRTP_NO_ROOM,	 /* sending: sealing would outgrow the buffer	      */
	SRTP_VERDICTS
};

/* Memory that keys and sessions live in: locked, out of core dumps, wiped by
 * whoever frees. align is a power of two. */
struct srtp_mem {
	void *(*alloc)(void *ctx, size_t size, size_t align);
	void (*free)(void *ctx, void *p, size_t size);
	void *ctx;
};

struct srtp_master {
	uint16_t suite;	 /* enum sp_suite, not PLAIN */
	uint8_t mki_len; /* 0: none */
	uint8_t mki[SP_MKI_MAX];
	uint8_t key[SP_KEY_MAX];
	uint8_t salt[SP_SALT_MAX];
	uint64_t packets; /* lifetime, packets for each SSRC; 0: the RFC's */
};

struct srtp_engine;  /* one thread's scratch and crypto manager */
struct srtp_session; /* one direction of one leg */

struct srtp_pkt {
	struct srtp_session *s; /* in: never NULL */
	uint8_t *data;		/* RTP or RTCP header; changed in place */
	void *cookie;		/* the caller's; moves along with the packet */
	uint16_t len;		/* octets; in and out */
	uint16_t room;		/* octets that may be written from data on */
	uint8_t verdict;	/* out: enum srtp_verdict */
};

enum srtp_dir { SRTP_RX, SRTP_TX };

/* What a session has done with one SSRC; for statistics and restarts. */
struct srtp_state {
	uint32_t ssrc;
	uint32_t roc;	     /* rollover counter */
	uint16_t seq;	     /* highest sequence number */
	uint32_t rtcp_index; /* next to send, or highest received */
	uint64_t left;	     /* packets left on the key */
};

struct srtp_backend {
	const char *name;

	/** An engine for the calling thread. @param isa "" or NULL for the best
	 * that the CPU has, "sse", "avx2", "avx512" to hold it to that; all
	 * engines that work with a session need the same.
	 * @return NULL if the CPU or the library can't. */
	struct srtp_engine *(*engine_new)(const char *isa);
	void (*engine_free)(struct srtp_engine *e);

	/** A session with one key. @param window replay window, packets,
	 * rounded up to a multiple of 64; the second and later SSRCs get 256
	 * at most (a stream's memory has a limit). The sender's window, by
	 * which no index goes out twice, is the same. SRTCP has 64.
	 * @return NULL: unknown suite, or no memory. Set-up thread; mem must
	 * outlive the session. */
	struct srtp_session *(*session_new)(struct srtp_engine *e,
					    const struct srtp_master *m,
					    enum srtp_dir dir, unsigned window,
					    const struct srtp_mem *mem);
	/** One more key, of the same suite, with an MKI of the same length and
	 * another value. A receiver takes both; a sender uses the new one from
	 * the next burst on. Counters and windows go on. Set-up thread, one at
	 * a time; the worker may be at work with the session meanwhile.
	 * @return false: not so, SRTP_KEYS_MAX already, or no memory. */
	bool (*session_key)(struct srtp_engine *e, struct srtp_session *s,
			    const struct srtp_master *m);
	/** The key that this MKI names is over: a receiver finds it no more.
	 * Its octets stay until session_key_wipe, since the worker may be in a
	 * burst with it. Set-up thread.
	 * @return false: no such key, the last one, or the one that a sender
	 * uses. */
	bool (*session_key_end)(struct srtp_session *s, const uint8_t *mki);
	/** Wipe a key that has ended, and make room for another, once the
	 * worker has passed the end of its burst. */
	void (*session_key_wipe)(struct srtp_session *s, const uint8_t *mki);
	/** A session has room for SRTP_SSRC_NEAR SSRCs, which is what an
	 * ordinary leg takes, and from now on for SRTP_SSRC_MAX; before, a
	 * further one's packets end as SRTP_SSRC_FULL. Set-up thread; the worker
	 * may be at work with the session meanwhile.
	 * @return false: no memory; nothing has changed. */
	bool (*session_widen)(struct srtp_session *s);
	/** Wipes and frees. No worker may hold it any more. */
	void (*session_free)(struct srtp_session *s);
	/** The rollover counter that the next SSRC met starts from; those after
	 * it start from 0 again. */
	void (*session_roc)(struct srtp_session *s, uint32_t roc);
	/** Running state of up to n SSRCs. @return how many. Any thread; each
	 * value whole by itself. */
	unsigned (*session_state)(const struct srtp_session *s,
				  struct srtp_state st[], unsigned n);

	/** Seal, or open, pkt[0..n), 1 <= n <= SRTP_BURST_MAX.
	 *
	 * @return k <= n: pkt[0..k) are done, in arrival order; pkt[k..n)
	 *         failed and verdict says why; what unprotect failed on is
	 *         unauthenticated. The caller owns all n buffers throughout.
	 *
	 * protect: every index of the burst is assigned before the first is
	 * encrypted, and none is used twice with a key and SSRC.
	 * unprotect: counters and windows move only after a tag has verified,
	 * so the twin of a packet in the same burst ends as SRTP_REPLAY. */
	uint16_t (*protect)(struct srtp_engine *e, struct srtp_pkt pkt[],
			    uint16_t n);
	uint16_t (*unprotect)(struct srtp_engine *e, struct srtp_pkt pkt[],
			      uint16_t n);
	uint16_t (*rtcp_protect)(struct srtp_engine *e, struct srtp_pkt pkt[],
				 uint16_t n);
	uint16_t (*rtcp_unprotect)(struct srtp_engine *e, struct srtp_pkt pkt[],
				   uint16_t n);
};

extern const struct srtp_backend srtp_ipsec_mb;
extern const struct srtp_backend srtp_libsrtp2; /* linked by tests only */
