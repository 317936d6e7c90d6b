/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/archive.h - the folder of recordings: what is there, how long it
 * stays, how much it may take.
 *
 * One file each, ID.sealed (seal.h). The folder is read once, at the start; a
 * file whose header can't be read is left alone, and said. What is beyond
 * retention or quota is deleted, oldest first, never one being written.
 * Engine's thread; only unlinking waits for the disk, and is writer.h's. */
#pragma once
#include "control/media/protocol.h"
#include "control/media/seal.h"
#include "control/media/writer.h"

struct archived {
	struct archived *next; /* by ID */
	struct seal_header h;
	uint64_t size; /* octets; of an open one, so far */
	bool open;
};

struct archive_limits {
	uint64_t quota;	    /* octets */
	uint64_t retention; /* ms; 0: for ever */
};

struct archive_handlers {
	void (*warning)(uint64_t used, uint64_t quota, const char *message,
			void *arg);
	void (*deleted)(const struct archived *s, const char *reason,
			void *arg);
	void *arg;
};

struct archive;

/** @return NULL, with a sentence in err. */
struct archive *archive_open(const char *folder, const struct archive_limits *l,
			     const struct archive_handlers *h, struct writer *w,
			     char *err, size_t errlen);
void archive_close(struct archive *s);

const struct archived *archive_find(const struct archive *s, const char *id);
/** The first behind `after` ("" is before all); NULL: none. */
const struct archived *archive_after(const struct archive *s,
				     const char *after);
/** Its descriptor. */
int archive_folder(const struct archive *s);
uint64_t archive_used(const struct archive *s);
/** A new file. @return its descriptor; < 0: -errno. */
int archive_create(struct archive *s, const struct seal_header *h);
/** It has grown by n. */
void archive_grow(struct archive *s, const char *id, uint64_t n);
/** Nothing more will be written to it. */
void archive_done(struct archive *s, const char *id);
/** Read-only. @return < 0: -errno. */
int archive_read(const struct archive *s, const char *id);
/** @return 0, ENOENT, EBUSY. */
int archive_delete(struct archive *s, const char *id);
/** Retention, quota and warnings. now: ms since 1970. */
void archive_tidy(struct archive *s, uint64_t now);
