/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sallyctl/grid.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* spaces between columns */

struct grid {
	const struct column *column;
	unsigned n;  /* columns */
	char **cell; /* row by row */
	size_t used, room;
};

static void *must(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "sallyctl: out of memory\n");
	exit(1);
}

struct grid *grid_new(const struct column *columns, unsigned n)
{
	struct grid *g = must(calloc(1, sizeof(*g)));

	g->column = columns;
	g->n = n;
	return g;
}

void grid_text(struct grid *g, const char *text)
{
	char *copy = must(strdup(text && text[0] ? text : "-"));

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (g->used == g->room) {
		g->room = g->room ? g->room * 2 : 64;
		g->cell = must(reallocarray(g->cell, g->room, sizeof(char *)));
	}
	g->cell[g->used++] = copy;
}

void grid_printf(struct grid *g, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	grid_text(g, text);
}

void grid_count(struct grid *g, json_int_t n)
{
	char digits[32], text[48], *p = text;
	int len = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	grid_text(g, text);
}

/* Columns on a terminal: octets that begin a UTF-8 character. */
static int width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void cell_print(const char *text, int wide, int right, int last)
{
	int pad = wide - width(text);

	if (right)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	printf("%*s", last ? 0 : GAP, "");
	if (last)
		putchar('\n');
}

void grid_print(struct grid *g, const char *none)
{
	int *wide = must(calloc(g->n, sizeof(*wide)));
	bool titled = false;

	for (unsigned c = 0; c < g->n; c++) {
		wide[c] = width(g->column[c].title);
		titled |= wide[c] > 0;
	}
	for (size_t i = 0; i < g->used; i++)
		if (width(g->cell[i]) > wide[i % g->n])
			wide[i % g->n] = width(g->cell[i]);
	for (unsigned c = 0; titled && g->used && c < g->n; c++)
		cell_print(g->column[c].title, wide[c], g->column[c].right,
			   c == g->n - 1);
	for (size_t i = 0; i < g->used; i++) {
		unsigned c = (unsigned)(i % g->n);

		cell_print(g->cell[i], wide[c], g->column[c].right,
			   c == g->n - 1);
		free(g->cell[i]);
	}
	if (!g->used)
		printf("%s\n", none);
	free(wide);
	free(g->cell);
	free(g);
}
