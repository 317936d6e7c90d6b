/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/options.h - what the benchmarks of packets share: their options,
 * the cells that they sweep, and the list of objects that they write.
 *
 *	--quick			fewer cells, and less time for each
 *	--suite NAME --direction protect|unprotect --streams N --octets N
 *				only those cells
 *	--seconds S		for each cell and peer
 *	--isa ISA		as for engine_new
 *	--json FILE		the list of objects
 *
 * A program may take others beside them. One thread. */
#pragma once
#include "tests/bench/srtp_bench.h"

#define OPTION_SIZES 3

struct options {
	const char *suite, *direction, *isa, *json; /* NULL: not given */
	unsigned streams, octets;		    /* 0: all */
	double seconds;
	bool quick;
};

extern struct options options;
extern const unsigned option_octets[OPTION_SIZES]; /* 172 in the middle */

/* One more option, which takes a value. */
struct option_own {
	const char *name;
	const char **value;
};

/** Read the arguments; own ends with a NULL name. Ends the program with status
 * 2 where one is wrong, or the file can't be written. */
void options_read(int argc, char **argv, const struct option_own own[]);
/** Is this size asked for? */
bool options_octets(unsigned octets);
/** Call f with each cell that is asked for, the size not yet chosen, in bursts
 * of burst. @return false: f did, and the rest was left out. */
bool options_sweep(unsigned burst, bool (*f)(struct cell c));

/** An object of the list, as in printf, without its braces. */
void options_object(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** "protect" or "unprotect"; a suite's name. */
const char *cell_direction(const struct cell *c);
const char *cell_suite(const struct cell *c);
/** The list is complete. */
void options_done(void);
