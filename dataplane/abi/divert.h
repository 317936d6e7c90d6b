/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/abi/divert.h - plain media between the dataplane and
 * sallyport-media, through shared memory. All that sallyport-media includes of
 * the dataplane. Pure C: no DPDK, no system call, no allocation, no clock.
 *
 * Joining. The dataplane listens on a UNIX SOCK_SEQPACKET socket (`divert:` in
 * its configuration). Whoever connects is sent one struct divert_greeting with
 * two descriptors (SCM_RIGHTS): a memfd sealed against shrinking, growing and
 * further seals (check that with F_GET_SEALS before reading a mapping of it),
 * and an eventfd, to wait on. Nothing else is ever said; the end of the
 * connection is the end of the memory. Each connection gets memory of its own,
 * and a second one takes the first one's place.
 *
 * The memory. For each worker of the dataplane two rings of fixed slots:
 * DIVERT_OUT carries what streams with SP_DIVERT_COPY or _TAKE bring, DIVERT_BACK
 * what sallyport-media sends as a stream with SP_DIVERT_TAKE. One thread fills a
 * ring, one empties it. A packet goes back by the ring of the worker that owns
 * its stream, the one that its own packets come by; for a stream that hasn't
 * brought any, control knows (greeting in abi.h: n_workers). Where it isn't the
 * owner's it is dropped with the verdict divert-stale.
 *
 * A packet is RTP or RTCP from its first octet on, without IP, UDP or hop
 * encryption, authenticated where its leg has SRTP. What comes back is checked
 * (divert-bad), looked up by id and generation (divert-stale), held to
 * DIVERT_BACK_PPS a transport (rate), and leaves as a relayed packet does: the
 * stream's SSRC mask and payload type, then the hop encryption of `to`. So an
 * SSRC with its sequence numbers must never be used twice: choose another at
 * random after a restart.
 *
 * Waiting. Workers make no system call. Within a millisecond of the first
 * packet the dataplane's main lcore adds to the eventfd; so poll it, read it,
 * then empty every ring until nothing is left. Nobody needs to be woken for what
 * goes back: workers look at each turn, and sleep half a millisecond at most.
 *
 * Trust. Each side takes the other for hostile: it keeps its own index in its
 * own memory (struct divert_end) and never reads it back; it reads the other's
 * index once and checks it; it copies a slot's header, then checks the copy,
 * then copies as many octets as the copy says. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIVERT_MAGIC   0x56494453u /* "SDIV" */
#define DIVERT_VERSION 1

#define DIVERT_SLOT	 2048 /* octets, header included */
#define DIVERT_SLOTS_MIN 64   /* of a ring; a power of two */
#define DIVERT_SLOTS_MAX 65536
#define DIVERT_WORKERS	 64  /* at most; SP_WORKER_MAX */
#define DIVERT_BACK_PPS	 500 /* towards one transport, packets a second */

enum divert_kind { DIVERT_RTP = 1, DIVERT_RTCP };

enum {
	DIVERT_COPIED = 1 << 0, /* out: it also went on; nothing may go back */
};

/* What a slot starts with. */
struct divert_item {
	uint64_t stream; /* abi.h: id, and generation */
	uint64_t at;	 /* out: when it arrived, ns on a steady clock of the
			  * dataplane's (for differences); back: 0 */
	uint32_t generation;
	uint16_t len;  /* octets of data */
	uint8_t kind;  /* enum divert_kind */
	uint8_t flags; /* DIVERT_COPIED; back: 0 */
	uint64_t reserved;
};

#define DIVERT_DATA (DIVERT_SLOT - sizeof(struct divert_item))

struct divert_slot {
	uint64_t item[sizeof(struct divert_item) / 8];
	uint8_t data[DIVERT_DATA];
};

static_assert(sizeof(struct divert_item) == 32, "no padding");
static_assert(sizeof(struct divert_slot) == DIVERT_SLOT, "no padding");

/* Indices count slots for ever and wrap at 2^32; each has a line to itself. */
struct divert_ring {
	uint32_t put __attribute__((aligned(64))); /* by who fills */
	uint32_t got __attribute__((aligned(64))); /* by who empties */
	struct divert_slot slot[] __attribute__((aligned(64)));
};

enum divert_way { DIVERT_OUT, DIVERT_BACK };

/* The one message, with memfd and eventfd. The memory starts with the same. */
struct divert_greeting {
	uint32_t magic, version;
	uint32_t workers; /* 1..DIVERT_WORKERS */
	uint32_t slots;	  /* of each ring */
	uint32_t slot;	  /* DIVERT_SLOT */
	uint32_t reserved;
	uint64_t size; /* octets of the memory: divert_size() */
};

#define DIVERT_PAGE 4096

/* Octets from one ring to the next. */
static inline size_t divert_stride(uint32_t slots)
{
	size_t n = sizeof(struct divert_ring) + (size_t)slots * DIVERT_SLOT;

	return (n + DIVERT_PAGE - 1) / DIVERT_PAGE * DIVERT_PAGE;
}

/** Octets of the memory. */
static inline size_t divert_size(uint32_t workers, uint32_t slots)
{
	return DIVERT_PAGE + 2 * (size_t)workers * divert_stride(slots);
}

/** Is this a greeting whose memory can be mapped? (Compare fstat's size, too.)
 */
static inline bool divert_valid(const struct divert_greeting *g)
{
	return g->magic == DIVERT_MAGIC && g->version == DIVERT_VERSION &&
	       g->workers >= 1 && g->workers <= DIVERT_WORKERS &&
	       g->slots >= DIVERT_SLOTS_MIN && g->slots <= DIVERT_SLOTS_MAX &&
	       (g->slots & (g->slots - 1)) == 0 && g->slot == DIVERT_SLOT &&
	       g->size == divert_size(g->workers, g->slots);
}

/* One side's hold of a ring, in memory of its own. */
struct divert_end {
	struct divert_ring *ring;
	uint32_t slots;
	uint32_t mine;	 /* our index */
	uint32_t theirs; /* the other's, when last looked at */
};

/** An end of a ring in fresh memory, mapped at base. */
static inline struct divert_end divert_end(void *base, uint32_t slots,
					   unsigned worker, enum divert_way way)
{
	size_t at = DIVERT_PAGE + (2 * worker + way) * divert_stride(slots);

	return (struct divert_end){
		.ring = (struct divert_ring *)((uint8_t *)base + at),
		.slots = slots,
	};
}

/** Add one. data: item->len octets, at most DIVERT_DATA. @return false: it is
 * full (or the other side's index is nonsense). */
static inline bool divert_put(struct divert_end *e,
			      const struct divert_item *item, const void *data)
{
	struct divert_slot *s = &e->ring->slot[e->mine & (e->slots - 1)];

	if (e->mine - e->theirs >= e->slots) {
		e->theirs = __atomic_load_n(&e->ring->got, __ATOMIC_ACQUIRE);
		if (e->mine - e->theirs >= e->slots)
			return false;
	}
	memcpy(s->item, item, sizeof(*item));
	memcpy(s->data, data, item->len);
	__atomic_store_n(&e->ring->put, ++e->mine, __ATOMIC_RELEASE);
	return true;
}

enum divert_got {
	DIVERT_BROKEN = -2, /* their index is nonsense: leave the connection */
	DIVERT_BAD = -1,    /* no packet; passed over */
	DIVERT_NONE = 0,
	DIVERT_GOT = 1,
};

/** Is there anything (or a broken ring) to get? */
static inline bool divert_waits(struct divert_end *e)
{
	if (e->mine == e->theirs)
		e->theirs = __atomic_load_n(&e->ring->put, __ATOMIC_ACQUIRE);
	return e->mine != e->theirs;
}

/** Take the next. room: octets of data, DIVERT_DATA fits all. What is in *item
 * and data is a copy that the other side can't reach; kind is one of enum
 * divert_kind, len at most room; nothing else has been checked. */
static inline enum divert_got divert_get(struct divert_end *e,
					 struct divert_item *item, void *data,
					 size_t room)
{
	struct divert_slot *s = &e->ring->slot[e->mine & (e->slots - 1)];
	uint64_t copy[sizeof(*item) / 8];
	enum divert_got r = DIVERT_BAD;

	if (!divert_waits(e))
		return DIVERT_NONE;
	if (e->theirs - e->mine > e->slots)
		return DIVERT_BROKEN;
	for (size_t i = 0; i < sizeof(copy) / sizeof(copy[0]); i++)
		copy[i] = __atomic_load_n(&s->item[i], __ATOMIC_RELAXED);
	memcpy(item, copy, sizeof(*item));
	if ((item->kind == DIVERT_RTP || item->kind == DIVERT_RTCP) &&
	    item->len <= DIVERT_DATA && item->len <= room) {
		memcpy(data, s->data, item->len);
		r = DIVERT_GOT;
	}
	__atomic_store_n(&e->ring->got, ++e->mine, __ATOMIC_RELEASE);
	return r;
}
