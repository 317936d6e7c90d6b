/* SPDX-License-Identifier: Apache-2.0 */
/* tests/stage/lab.h - a dataplane on a bench: two ports made of rings, a table,
 * workers that turn when told to, neighbours that are always known.
 *
 *   access0  10.1.0.1, fd01::1   (media addresses 0 and 1)
 *   trunk0   10.2.0.1, fd02::1   (media addresses 2 and 3)
 *
 * One lab at a time. No hugepages, no devices, no root. */
#pragma once
#include <rte_mbuf.h>
#include "dataplane/app/worker.h"
#include "dataplane/flow/table.h"

#define LAB_UDP_FIRST 20000
#define LAB_UDP_LAST  29999
#define LAB_WORKERS   2

enum { ACCESS, TRUNK, LAB_PORTS };
enum { ACCESS4, ACCESS6, TRUNK4, TRUNK6 }; /* media addresses */

struct lab {
	struct ports ps;
	struct table *t;
	struct rte_rcu_qsbr *qsbr;
	struct worker w[LAB_WORKERS];
	unsigned workers;
	volatile bool stop;
	struct rte_ring *in[LAB_PORTS][LAB_WORKERS],
		*out[LAB_PORTS][LAB_WORKERS];
};

extern struct lab lab;
extern bool lab_neighbours; /* false: no MAC address is known */
extern uint16_t lab_mtu;    /* of what leaves */
extern int lab_adjacencies; /* references held */

struct lab_options {
	const struct srtp_backend *srtp; /* NULL: srtp_ipsec_mb */
	unsigned workers;		 /* 0: 1 */
	unsigned queues;		 /* of each port; 0: one each worker */
	uint32_t transports, streams;	 /* 0: 64 */
};

/** Once for the program: DPDK itself. Exits where that fails. */
void lab_start(void);
void lab_up(const struct lab_options *o);
/** Fails the test if a packet or a reference was lost. */
void lab_down(void);

/* An address and port as text: "10.1.0.7:4000", "[fd01::7]:4000"; "" is none. */
struct sp_addr lab_addr(const char *text);
/* A transport that learns from its peer's whole address; RTCP is one port up. */
struct sp_transport lab_transport(uint64_t id, unsigned media, uint16_t port,
				  const char *peer);
struct sp_stream lab_stream(uint64_t id, uint64_t from, uint64_t to);
/* What sessions of far ends are made of: the heap. */
extern const struct srtp_mem lab_srtp_mem;
/* Keys made from a seed, the same for the same seed; seed is the key's id. */
struct sp_key lab_key(uint64_t seed, uint16_t suite);
void lab_add(const struct sp_transport *x); /* fails the test unless SP_OK */
void lab_add_stream(const struct sp_stream *x);
/* Two transports, access and trunk, streams 1 and 2 both ways. */
void lab_pair(const struct sp_transport *access,
	      const struct sp_transport *trunk);

/* A UDP datagram in a frame for a port, as lab_addr() writes both ends. */
struct lab_frame {
	uint8_t octet[2048];
	uint16_t len;
};
struct lab_frame lab_udp(unsigned port, const char *src, const char *dst,
			 const void *payload, size_t n);
/* Fill in the IPv4 and UDP checksums once more after a change. */
void lab_sums(struct lab_frame *f);

/* An RTP packet: version 2, `octets` of payload that follow from seq. */
size_t lab_rtp(uint8_t out[], uint32_t ssrc, uint16_t seq, uint8_t pt,
	       size_t octets);

/** Put a frame before a port's queue. */
struct rte_mbuf *lab_inject(unsigned port, unsigned queue, const void *frame,
			    size_t n);
/** Turn every worker until none has anything to do. */
void lab_turn(void);
/** The next frame that left by a port, any queue. @return false: none. */
bool lab_take(unsigned port, struct lab_frame *out);
/** The next that went to the kernel. */
bool lab_take_kernel(unsigned port, struct lab_frame *out);
/** Throw away what left. */
void lab_clear(void);
/** A verdict's counter, all workers. */
uint64_t lab_count(enum verdict v);

/* What a frame that left has in it; fails the test if its lengths or checksums
 * are wrong. */
struct lab_view {
	uint8_t family, dscp, ttl;
	char src[64], dst[64]; /* as lab_addr() writes them */
	uint8_t *payload;
	size_t n;
	bool udp_sum_full; /* else only the pseudo header's: offload */
};
struct lab_view lab_view(struct lab_frame *f);
