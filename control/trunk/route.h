/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/route.h - which trunks a number goes to, in which order.
 *
 * The routes with the longest prefix that fits count, by priority; the others
 * don't. A route of kind block refuses what has its prefix. Emergency numbers
 * stand explicitly, whole and as they are dialled, and are looked for first: so
 * no prefix blocks them. Pure; any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/trunk/number.h"

#define TRUNK_NAME_MAX	   33 /* octets, with the NUL */
#define ROUTE_TRUNKS	   16 /* trunks of one choice, at most */
#define ROUTE_PRIORITY_MAX 1000

enum route_kind {
	ROUTE_PREFIX,
	ROUTE_EMERGENCY,
	ROUTE_BLOCK, /* trunk is empty */
	ROUTE_KINDS
};

struct route {
	char prefix[NUMBER_MAX]; /* "+49", "+" for all; emergency: "112" */
	char trunk[TRUNK_NAME_MAX];
	unsigned priority; /* lower is first */
	enum route_kind kind;
};

/** "prefix", "emergency", "block". */
const char *route_kind_name(enum route_kind k);
/** May it stand in the table? @return NULL, or a sentence that says why not. */
const char *route_check(const struct route *r);

struct route_choice {
	bool emergency;
	bool blocked;
	char prefix[NUMBER_MAX];	 /* that decided; "": none fits */
	const char *trunk[ROUTE_TRUNKS]; /* in order: the table's strings */
	unsigned n;
};

/** Choose among table[0..n). */
void route_choose(struct route_choice *c, const struct route *table, unsigned n,
		  const struct number *number);
/** Is it, as it was dialled, an emergency number of the table? */
bool route_is_emergency(const struct route *table, unsigned n,
			const struct number *number);

/** Is this answer to an INVITE a reason to try the next trunk? 0: none came. It
 * is where the trunk couldn't, not where the called party wouldn't. */
bool route_falls_back(uint16_t status);
