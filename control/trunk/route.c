/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/route.c - see route.h. */
#include "control/trunk/route.h"
#include <string.h>

static const char *const kinds[ROUTE_KINDS] = {
	[ROUTE_PREFIX] = "prefix",
	[ROUTE_EMERGENCY] = "emergency",
	[ROUTE_BLOCK] = "block",
};

/* What says something of the trunk, and not of who was called. Whatever isn't
 * here is the caller's answer: 404, 484, 486, 488, 603 are the same from
 * everywhere. */
static const struct {
	uint16_t first, last;
	const char *because;
} falls_back[] = {
	{0, 0, "it said nothing in time"},
	{401, 401, "it doesn't take our credentials"},
	{407, 407, "it doesn't take our credentials"},
	{408, 408, "it couldn't find the far end in time"},
	{500, 599, "it failed, or is overloaded"},
};

bool route_falls_back(uint16_t status)
{
	for (unsigned i = 0; i < sizeof(falls_back) / sizeof(falls_back[0]);
	     i++)
		if (status >= falls_back[i].first &&
		    status <= falls_back[i].last)
			return true;
	return false;
}

const char *route_kind_name(enum route_kind k)
{
	return kinds[k];
}

const char *route_check(const struct route *r)
{
	const char *digits = r->prefix + (r->prefix[0] == '+');
	size_t n = strspn(digits, "0123456789");

	if (digits[n])
		return "digits only, after a + where it begins with one";
	if (r->kind == ROUTE_EMERGENCY && (digits != r->prefix || n < 2))
		return "an emergency number is two digits or more, as dialled";
	if (r->kind != ROUTE_EMERGENCY && digits == r->prefix)
		return "a prefix is of E.164 numbers and begins with +";
	if (r->priority > ROUTE_PRIORITY_MAX)
		return "priority is 0 to 1000";
	if ((r->kind == ROUTE_BLOCK) != !r->trunk[0])
		return "a trunk is named, or the prefix is blocked";
	return NULL;
}

/* As dialled (112), or with our country's code in front of it (+49112). */
static bool is_dialled(const struct route *r, const struct number *number)
{
	if (r->kind != ROUTE_EMERGENCY)
		return false;
	return !strcmp(r->prefix, number->dialled) ||
	       (number->kind == NUMBER_NATIONAL &&
		!strcmp(r->prefix, number->text + number->country));
}

bool route_is_emergency(const struct route *table, unsigned n,
			const struct number *number)
{
	for (unsigned i = 0; i < n; i++)
		if (is_dialled(&table[i], number))
			return true;
	return false;
}

static bool fits(const struct route *r, const struct number *number)
{
	return r->kind != ROUTE_EMERGENCY && number->text[0] == '+' &&
	       !strncmp(r->prefix, number->text, strlen(r->prefix));
}

/* By priority, then by name, so that the order doesn't depend on the table's. */
static bool before(const struct route *a, const struct route *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return strcmp(a->trunk, b->trunk) < 0;
}

static void insert(const struct route *sorted[ROUTE_TRUNKS], unsigned *n,
		   const struct route *r)
{
	unsigned at = *n;

	while (at && before(r, sorted[at - 1]))
		at--;
	if (at == ROUTE_TRUNKS)
		return;
	if (*n < ROUTE_TRUNKS)
		++*n;
	memmove(&sorted[at + 1], &sorted[at],
		(*n - at - 1) * sizeof(sorted[0]));
	sorted[at] = r;
}

void route_choose(struct route_choice *c, const struct route *table, unsigned n,
		  const struct number *number)
{
	const struct route *sorted[ROUTE_TRUNKS] = {NULL}, *longest = NULL;

	memset(c, 0, sizeof(*c));
	c->emergency = route_is_emergency(table, n, number);
	for (unsigned i = 0; !c->emergency && i < n; i++)
		if (fits(&table[i], number) &&
		    (!longest ||
		     strlen(table[i].prefix) > strlen(longest->prefix)))
			longest = &table[i];
	for (unsigned i = 0; i < n; i++) {
		const struct route *r = &table[i];

		if (c->emergency ? !is_dialled(r, number)
				 : !longest || !fits(r, number) ||
					   strcmp(r->prefix, longest->prefix))
			continue;
		strcpy(c->prefix, r->prefix);
		if (r->kind == ROUTE_BLOCK)
			c->blocked = true;
		else
			insert(sorted, &c->n, r);
	}
	if (c->blocked)
		c->n = 0;
	for (unsigned i = 0; i < c->n; i++)
		c->trunk[i] = sorted[i]->trunk;
}
