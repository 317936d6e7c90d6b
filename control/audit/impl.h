/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/impl.h - shared by audit.c, begin.c and list.c. */
#pragma once
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include "control/audit/audit.h"
#include "control/audit/chain.h"
#include "control/audit/verify.h"

struct entry {
	struct entry *next;
	char *text; /* the record's JSON from behind the number on */
};

struct audit {
	char *path;
	int fd; /* of the log, at its end; locked */
	off_t size;
	uint8_t *secret; /* CHAIN_SECRET octets, sodium_malloc */
	uint8_t public_key[CHAIN_PUBLIC];
	uint64_t seq; /* of the latest record written; the thread's */
	uint8_t hash[CHAIN_HASH];

	pthread_t worker;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t more, less;
	struct entry *first, **last;
	unsigned queued;
	uint64_t added, written; /* calls of audit_add, and those now durable */
	off_t file_max;		 /* then the log is put aside; 0: never */
	uint64_t lost;		 /* that no room was left for */
	bool stop;
};

/** Key, log and head as the last run left them; *note becomes what the log
 * should say of it, or NULL. @return 0 or errno, with err filled in. */
int audit_begin(struct audit *a, json_t **note, char *err, size_t errlen);
/** The path with a suffix behind it. */
void audit_path(const struct audit *a, const char *suffix, char out[PATH_MAX]);
int audit_folder_sync(const char *path);
/** If the file has grown to its limit: put it aside and begin the next. What it
 * holds is on the disk, and its head too. rotate.c */
void audit_rotate(struct audit *a, off_t file_max);
/** Write a whole file in the place of another, durably. */
int audit_replace(const char *path, unsigned mode, const void *p, size_t n);
