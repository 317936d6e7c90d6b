/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/numbers.c - lists of extensions, see numbers.h. */
#include "control/sip/numbers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 15

struct range {
	char from[DIGITS_MAX + 1];
	unsigned long long first, n;
	int width; /* of a range of numbers; 0: `from` alone */
};

/* The next item. @return false: none, or a bad one (*list then isn't at its
 * end). */
static bool next(const char **list, struct range *r)
{
	const char *p = *list;
	size_t len = strspn(p, "0123456789*#"), last;
	unsigned long long to;

	if (len == 0 || len > DIGITS_MAX)
		return false;
	memset(r, 0, sizeof(*r));
	memcpy(r->from, p, len);
	r->n = 1;
	p += len;
	if (*p == '-') {
		last = strspn(++p, "0123456789");
		if (last != len || strspn(r->from, "0123456789") != len)
			return false;
		r->first = strtoull(r->from, NULL, 10);
		to = strtoull(p, NULL, 10);
		if (to < r->first || to - r->first >= NUMBERS_MAX)
			return false;
		r->n = to - r->first + 1;
		r->width = (int)len;
		p += last;
	}
	if (*p && *p != ',')
		return false;
	*list = p + (*p == ',');
	return true;
}

bool numbers_ok(const char *list)
{
	struct range r;
	unsigned long long n = 0;

	if (!*list || list[strlen(list) - 1] == ',')
		return false;
	while (next(&list, &r))
		n += r.n;
	return !*list && n <= NUMBERS_MAX;
}

bool numbers_have(const char *list, const char *number, size_t len)
{
	unsigned long long n = 0;
	struct range r;

	if (len == 0 || len > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned)(number[i] - '0') % 10;
	while (next(&list, &r)) {
		if (!r.width && strlen(r.from) == len &&
		    !memcmp(r.from, number, len))
			return true;
		if (r.width && len == (size_t)r.width && n >= r.first &&
		    n - r.first < r.n) {
			size_t i = 0;

			while (i < len && number[i] >= '0' && number[i] <= '9')
				i++;
			if (i == len)
				return true;
		}
	}
	return false;
}

bool numbers_at(const char *list, unsigned i, char *out, size_t size)
{
	struct range r;

	while (next(&list, &r)) {
		if (i < r.n) {
			if (r.width)
				snprintf(out, size, "%0*llu", r.width,
					 r.first + i);
			else
				snprintf(out, size, "%s", r.from);
			return true;
		}
		i -= (unsigned)r.n;
	}
	return false;
}
