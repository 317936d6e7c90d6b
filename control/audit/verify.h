/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/verify.h - is an audit log whole? Offline: needs the log, its
 * head and the public key, no program of the gateway.
 *
 * Fails on any change, gap, reordering or forged record, and where the log ends
 * before its head says. Who can replace log, head and key all together isn't
 * found out by these alone: keep the key, and from time to time a head, at
 * another place, and give them here. Reads only. */
#pragma once
#include <stdint.h>
#include "control/audit/chain.h"

/* Beside a log, its name with: */
#define AUDIT_HEAD   ".head"
#define AUDIT_PUBLIC ".pub" /* 64 hex digits */
#define AUDIT_SECRET ".key" /* the seed, 64 hex digits, mode 0600 */

struct audit_verdict {
	bool whole;
	uint64_t records;	  /* that are good, from the first on */
	uint64_t head;		  /* how far the head says that it goes */
	char first[40], last[40]; /* when: of the first and last good record */
	uint8_t key[CHAIN_PUBLIC];
	char text[256]; /* one sentence: what is wrong, or that it is whole */
};

/** key, head: files; NULL: those beside the log. @return 0, with v filled in;
 * -1: a file can't be read (text says which), so nothing is known. */
int audit_verify(const char *log, const char *key, const char *head,
		 struct audit_verdict *v);
/** A public key's file. @return false, with text (of size) filled in. */
bool audit_key_read(const char *path, uint8_t key[CHAIN_PUBLIC], char *text,
		    size_t size);
