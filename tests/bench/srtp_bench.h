/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/srtp_bench.h - who protects packets how fast: the parts.
 *
 * A *peer* is one way to do the work: bare IPsec-MB calls, the engine, a build
 * of libsrtp2. All get the same packets of the same streams, with the same
 * keys, made by a *load*; only peer->run is timed. One thread. */
#pragma once
#include <intel-ipsec-mb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/srtp/srtp.h"

#define BURST_MAX SRTP_BURST_MAX
#define STRIDE	  (2048 + 128) /* octets from one packet's buffer to the next */
#define FRAME_HEAD \
	42 /* octets before a packet: it lies as it does in a frame */
/* Packets timed at once: what is made stays in L2 until it is taken, mbufs and
 * all. With 512 they were in L3 by then, for 15 ns a packet of the pipeline's
 * time, and none of bare calls', whose packets are smaller by their heads. */
#define CHUNK  128
#define CHUNKS 64 /* of one peer before the next has its turn */
#define SSRC   0x5a11u

struct cell {
	uint16_t suite;	 /* enum sp_suite */
	bool protect;	 /* or unprotect */
	unsigned octets; /* RTP packet before sealing */
	unsigned streams;
	unsigned burst;
};

/* The packets of one turn. */
struct load {
	const struct cell *cell;
	unsigned n; /* CHUNK * CHUNKS */
	uint64_t rng;
	uint32_t *stream; /* [n] whose packet */
	uint64_t *index;  /* [n] its 48-bit index */
	uint8_t *store;	  /* [n] as they arrive, of len octets each */
	unsigned len;
};

struct peer {
	const char *what;
	/** Sessions for all streams. @return NULL, or why there are none. */
	const char *(*open)(struct peer *p, const struct cell *c,
			    double seconds);
	/** What the caller would know: whose packets these are. Not timed.
	 * buf[i] holds packet first + i of the load, i < CHUNK. */
	void (*stage)(struct peer *p, const struct load *l, unsigned first,
		      uint8_t *const buf[]);
	/** Packets at .. at + n of the chunk. Timed.
	 * @return how many came out well. */
	unsigned (*run)(struct peer *p, const struct load *l, unsigned at,
			unsigned n);
	/** NULL where run leaves the packets in place: takes out what it left
	 * elsewhere, into buf where there is one. Not timed.
	 * @return how many came out well. */
	unsigned (*finish)(struct peer *p, const struct load *l,
			   uint8_t *const buf[]);
	void (*close)(struct peer *p);
	void *own;
	struct peer *twin; /* whose sessions these are too; opened before */
	double patience;   /* seconds that it may take to get ready; 0: 5 */
	bool checked;	   /* its octets are compared with the bare calls' */
	uint64_t *next;	   /* each stream's next index */
};

/* Bare calls are also what seals the packets for unprotect. */
extern struct peer peer_bare, peer_engine, peer_libsrtp, peer_libsrtp_openssl;

/** Set before anything else. isa as for engine_new; openssl: path of a libsrtp2
 * built on OpenSSL, NULL: none. */
bool bare_open_isa(const char *isa);
bool engine_open_isa(const char *isa);
void libsrtp_start(const char *openssl);
const char *bare_isa(void);

/** Make sealed packets out of the plain ones in a load's store. */
void bare_seal(struct load *l);
/** The master key of a stream. */
struct srtp_master master_of(const struct cell *c, uint32_t stream);
unsigned tag_of(const struct cell *c);
double seconds(void);

/* Measuring; srtp_bench_cell.c. A peer's number is the median of its chunks. */
#define SAMPLES 65536
struct sample {
	double ns[SAMPLES];   /* a packet; each a chunk's mean */
	double make[SAMPLES]; /* the same of stage and finish */
	unsigned n;
};

/** Once, before anything is measured. */
void measure_start(void);
/** Sessions, and each stream's first packet.
 * @return NULL, or why the peer has no numbers here. */
const char *peer_ready(struct peer *p, const struct cell *c);
void peer_done(struct peer *p);
/** Peers p[0..n) but those that have a why, in turns of some thousand packets,
 * so that what else the machine does falls on all of them. limit: seconds. */
void measure(struct peer *const p[], const char *const why[], unsigned n,
	     const struct cell *c, double limit, struct sample s[]);
/** For those who time by themselves: the next packets of p's streams, in random
 * order, or of all in turn from stream `from` on. Bare calls must be ready with
 * the same suite. Valid until anything else here is called. */
const struct load *load_next(struct peer *p, const struct cell *c,
			     int64_t from);
/** Sorts of[0..n), n > 0. */
double sample_median(double of[], unsigned n);
void cpu_name(char *name, size_t size);

/* Memory for contexts: one mapping with huge pages where there are any, the
 * same for bare calls and engine. */
struct huge {
	uint8_t *base;
	size_t size, used;
};
bool huge_open(struct huge *h, size_t size);
void *huge_take(struct huge *h, size_t size, size_t align);
void huge_close(struct huge *h);
