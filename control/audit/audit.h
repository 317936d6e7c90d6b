/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/audit.h - evidence: what was end-to-end encrypted, what was
 * refused, who changed a policy. Append-only, chained and signed (chain.h).
 *
 * audit_add queues and never waits for the disk. A thread signs what has come
 * together, writes it, makes it durable (fdatasync), and only then replaces the
 * head, durably as well: so the head never knows of a record that a power cut
 * could take away; what it can take are the latest records that the head
 * doesn't know yet, a few milliseconds of them. A disk that fails is retried
 * each second; records wait meanwhile, up to AUDIT_QUEUE_MAX, and those beyond
 * are counted and the log says how many.
 *
 * The key is made at first start (mode 0600), held in locked memory, and wiped
 * when closed. README.md beside this file is for people. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit;

#define AUDIT_QUEUE_MAX 65536

/** Go on with the log at path, or begin it, with the files of verify.h beside
 * it. What a crash left unfinished is cut off, what is missing is said in the
 * log. err gets a sentence. @return 0 or errno. */
int audit_open(struct audit **ap, const char *path, char *err, size_t errlen);
/** Writes what is queued, then closes. Also NULL. */
void audit_close(struct audit *a);
/** event: stable, lower case, hyphens. more: an object with what there is to
 * say, whose reference is taken; NULL: nothing. Any thread. a may be NULL: then
 * nobody keeps evidence (tests). */
void audit_add(struct audit *a, const char *event, json_t *more);
/** A file of so many octets is put aside, and the chain goes on in the next
 * (files.h). 0: never, as at first. */
void audit_file_max(struct audit *a, uint64_t octets);
/** Wait until what was added before is durable, ms milliseconds at most: a disk
 * may be full. Any thread. @return false: it took too long. */
bool audit_flush(struct audit *a, unsigned ms);
struct audit_query {
	unsigned max;
	uint64_t before;  /* of those with a lower number; 0: all */
	const char *text; /* somewhere in a record's JSON, ASCII letters in
			   * either case; NULL: anything */
};
/** The latest records that have been written and fit, newest first, as an array;
 * the caller's. Any thread. */
json_t *audit_list(struct audit *a, const struct audit_query *q);
/** Path, public key and head (its file's text, octet by octet), as an object;
 * the caller's. */
json_t *audit_describe(struct audit *a);
