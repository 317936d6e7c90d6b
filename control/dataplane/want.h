/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/want.h - the transports and streams that ought to be in the
 * dataplane, by id. Transports hold keys, so they live in a vault. For the
 * files of this folder; control's thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"

/* Where an item stands against what the dataplane has. */
enum want_mark { WANT_MISSING, WANT_SAME, WANT_DIFFERS };

struct want {
	struct want *next; /* in its bucket */
	uint64_t id;
	bool stream; /* which of the two it is */
	bool made;   /* has been in a dataplane at some time */
	bool lost;   /* missing there, and its keys aren't known */
	enum want_mark mark;
	uint64_t silent_at; /* ms, monotonic: silent since; 0: it isn't */
	union {
		struct sp_transport t;
		struct sp_stream s;
	};
};

struct wants;

struct wants *wants_new(void);
void wants_free(struct wants *w);
/** @return NULL: none of that kind and id. */
struct want *wants_find(const struct wants *w, bool stream, uint64_t id);
/** A new, zeroed one. @return NULL: no memory. */
struct want *wants_add(struct wants *w, bool stream, uint64_t id);
/** Wipes it. */
void wants_remove(struct wants *w, struct want *x);
/** Each of one kind; f must neither add nor remove. */
void wants_each(const struct wants *w, bool stream,
		void (*f)(struct want *x, void *arg), void *arg);

/** Are a key's octets known (or none needed)? */
bool want_key_known(const struct sp_key *k);
/** The same but for the octets of keys, which are never read back, and for
 * rx_roc, which counts only when a key is new. */
bool want_transport_same(const struct sp_transport *a,
			 const struct sp_transport *b);
