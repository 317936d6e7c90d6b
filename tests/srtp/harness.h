/* SPDX-License-Identifier: Apache-2.0 */
/* tests/srtp/harness.h - what the SRTP tests share: a backend on an isa, memory
 * that sees whether secrets were wiped, packets, a seeded generator. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "dataplane/srtp/srtp.h"

#define BUF 2048 /* octets of a packet's buffer */

/* One thing to test: a backend, held to an isa. */
struct subject {
	const struct srtp_backend *b;
	const char *isa; /* "": the best there is */
	struct srtp_engine *e;
	struct srtp_mem mem; /* counts; fails the test if not wiped at free */
	size_t in_use, peak; /* octets */
};

/** Every backend and isa that this machine has. @return how many. */
unsigned subjects(struct subject out[], unsigned max);
void subjects_free(struct subject u[], unsigned n);

extern const uint16_t all_suites[]; /* ends in 0 */
bool is_aead(uint16_t suite);

/* xorshift64*: the same numbers from the same seed everywhere. */
struct rng {
	uint64_t x;
};
uint64_t rng_next(struct rng *r);
/** 0 .. n - 1. */
unsigned rng_below(struct rng *r, unsigned n);
void rng_fill(struct rng *r, void *p, size_t len);

/** A master key made of `number`; mki_len octets of MKI, all `number`. */
struct srtp_master make_master(uint16_t suite, uint8_t number, uint8_t mki_len);

/** With room for SRTP_SSRC_MAX SSRCs. */
struct srtp_session *open_session(struct subject *u,
				  const struct srtp_master *m,
				  enum srtp_dir dir, unsigned window);

struct packet {
	uint16_t len;
	uint8_t data[BUF];
};

/** RTP with a payload of given length, made of ssrc and seq. */
struct packet make_rtp(uint32_t ssrc, uint16_t seq, unsigned payload);
/** The same with CSRCs and a header extension of `words`; -1: none. */
struct packet make_rtp_long(uint32_t ssrc, uint16_t seq, unsigned payload,
			    unsigned csrcs, int words);
struct packet make_rtcp(uint32_t ssrc, unsigned payload);

enum op { RTP_SEAL, RTP_OPEN, RTCP_SEAL, RTCP_OPEN };

/** One packet through the backend. @return its verdict. */
uint8_t run1(struct subject *u, enum op op, struct srtp_session *s,
	     struct packet *p);
/** A burst: pkt[] as the backend sees it. @return what it returned. */
uint16_t run(struct subject *u, enum op op, struct srtp_pkt pkt[], uint16_t n);

/** Octets of a string of hex digits; blanks are skipped. @return how many. */
unsigned unhex(const char *s, uint8_t *out, unsigned max);

#define assert_same(a, b)                                            \
	do {                                                         \
		assert_int_equal((a)->len, (b)->len);                \
		assert_memory_equal((a)->data, (b)->data, (a)->len); \
	} while (0)
