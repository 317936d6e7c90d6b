/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/grid.h - tables for people: columns as wide as they need,
 * numbers to the right. What comes from strangers (user agents, names) can't
 * play with the terminal: control characters print as "?". */
#pragma once
#include <jansson.h>

struct grid;

struct column {
	const char *title;
	int right; /* nonzero: to the right, for numbers */
};

struct grid *grid_new(const struct column *columns, unsigned n);
/** The next cell, row by row; a copy is kept. NULL prints as "-". */
void grid_text(struct grid *g, const char *text);
__attribute__((format(printf, 2, 3))) void grid_printf(struct grid *g,
						       const char *fmt, ...);
/** A count, with thin groups: 1,234,567. */
void grid_count(struct grid *g, json_int_t n);
/** Print to stdout and free. none: the sentence for a table without rows. */
void grid_print(struct grid *g, const char *none);
