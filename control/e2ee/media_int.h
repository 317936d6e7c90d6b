/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/media_int.h - the two directions of one kind; media.c holds
 * them together. E2EE.md, "Media": KID, step, replay. */
#pragma once
#include "control/e2ee/media.h"

/* A base key and the step that it is for. */
struct step_key {
	uint64_t step;
	size_t len; /* octets: 64 at first, then the hash's */
	uint8_t key[E2EE_BASE_KEY];
};

/** The next step's, in place; the old one is gone. */
void step_next(struct step_key *s, const struct sframe_suite *suite);

static inline uint64_t media_kid(uint64_t step, enum e2ee_kind kind)
{
	return (step & 63) << 2 | kind;
}

struct sender; /* both in locked memory */
struct receiver;

struct sender *sender_new(uint16_t suite, enum e2ee_kind kind,
			  const uint8_t base[E2EE_BASE_KEY],
			  const struct media_limits *limits);
void sender_free(struct sender *s);
enum media_verdict sender_seal(struct sender *s, uint64_t now,
			       const struct media_frame *f, uint8_t *out,
			       size_t room, size_t *len);

struct receiver *receiver_new(uint16_t suite, enum e2ee_kind kind,
			      const uint8_t base[E2EE_BASE_KEY]);
void receiver_free(struct receiver *r);
enum media_verdict receiver_open(struct receiver *r, uint64_t now,
				 const uint8_t *p, size_t n, uint8_t *out,
				 size_t room, struct media_frame *f);
void receiver_tick(struct receiver *r, uint64_t now);
