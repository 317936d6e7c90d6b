/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/number.c - see number.h. */
#include "control/trunk/number.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define E164_DIGITS   15 /* E.164 section 6.2.1 */
#define E164_AT_LEAST 3
#define USER_MAX      128 /* octets of an unescaped user part */
#define NANP_DIGITS   10  /* area code and number, where the country is 1 */

const char *const number_format_names[NUMBER_FORMATS] = {
	[NUMBER_E164] = "e164",
	[NUMBER_PLAIN] = "plain",
	[NUMBER_DIALLED] = "dialled",
	[NUMBER_ABROAD] = "international",
};

static const char *const kinds[] = {
	[NUMBER_NONE] = "none",
	[NUMBER_INCOMPLETE] = "incomplete",
	[NUMBER_INTERNAL] = "internal",
	[NUMBER_NATIONAL] = "national",
	[NUMBER_INTERNATIONAL] = "international",
};

const char *number_kind_name(enum number_kind k)
{
	return kinds[k];
}

/* RFC 3966 section 5.1.1: visual separators; blanks are what people type. */
static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ';
}

/* @return false: something else than digits, a + in front, separators; or too
 * many of them; or no digit at all. */
static bool strip(char out[NUMBER_MAX], const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (is_separator(text[i]))
			continue;
		if (!digit && !(text[i] == '+' && n == 0))
			return false;
		if (n == NUMBER_MAX - 1)
			return false;
		out[n++] = text[i];
	}
	out[n] = '\0';
	return n > (out[0] == '+');
}

static bool starts(const char *text, const char *with)
{
	return *with && !strncmp(text, with, strlen(with));
}

bool number_is_e164(const char *text)
{
	size_t n = text[0] == '+' ? strspn(text + 1, "0123456789") : 0;

	/* No country's code begins with 0. */
	return n >= E164_AT_LEAST && n <= E164_DIGITS && !text[n + 1] &&
	       text[1] != '0';
}

static enum number_kind global(struct number *n, const struct number_plan *p,
			       const char *country, const char *area,
			       const char *rest)
{
	int len = snprintf(n->text, sizeof(n->text), "+%s%s%s", country, area,
			   rest);

	n->kind = NUMBER_INCOMPLETE;
	if (len >= (int)sizeof(n->text) || !number_is_e164(n->text))
		strcpy(n->text, n->dialled);
	else
		n->kind = starts(n->text + 1, p->country)
				  ? NUMBER_NATIONAL
				  : NUMBER_INTERNATIONAL;
	if (n->kind == NUMBER_NATIONAL)
		n->country = 1 + (unsigned)strlen(p->country);
	return n->kind;
}

enum number_kind number_read(struct number *n, const struct number_plan *p,
			     const char *text, size_t len)
{
	const char *d;
	size_t digits;

	memset(n, 0, sizeof(*n));
	d = n->dialled;
	if (!strip(n->dialled, text, len)) {
		n->dialled[0] = '\0';
		return n->kind;
	}
	if (d[0] == '+')
		return global(n, p, "", "", d + 1);
	strcpy(n->text, d);
	digits = strlen(d);
	if (digits <= p->internal)
		return n->kind = NUMBER_INTERNAL;
	if (starts(d, p->international))
		return global(n, p, "", "", d + strlen(p->international));
	if (*p->country) {
		if (!strcmp(p->country, "1") && digits == NANP_DIGITS)
			return global(n, p, p->country, "", d);
		if (starts(d, p->national))
			return global(n, p, p->country, "",
				      d + strlen(p->national));
		if (*p->area || !*p->national)
			return global(n, p, p->country, p->area, d);
	}
	return n->kind = NUMBER_INCOMPLETE;
}

const char *number_lacks(const struct number *n, const struct number_plan *p)
{
	const char *d = n->text;

	if (n->kind != NUMBER_INCOMPLETE)
		return NULL;
	if (d[0] == '+' || starts(d, p->international))
		return "With its country's code it isn't a number of E.164: "
		       "3 to 15 digits, the first of them not 0";
	if (!*p->country)
		return "pstn.country isn't set, so only numbers with + or the "
		       "international prefix and a country's code are known";
	if (!starts(d, p->national) && !*p->area && *p->national)
		return "It has no area code, and pstn.area isn't set";
	return "With the codes of our country and area it isn't a number of "
	       "E.164: 3 to 15 digits";
}

/* A view that ends before the first c; *rest is what follows it, or empty. */
static size_t until(const char *text, size_t len, char c, const char **rest,
		    size_t *rest_len)
{
	const char *at = memchr(text, c, len);
	size_t n = at ? (size_t)(at - text) : len;

	*rest = at ? at + 1 : text + len;
	*rest_len = at ? len - n - 1 : 0;
	return n;
}

/* The local number of some place: of ours, of a country or area that is named
 * (RFC 3966 section 5.1.5), or unknown. */
static enum number_kind with_context(struct number *n,
				     const struct number_plan *p,
				     const char *domain, const char *text,
				     size_t len, const char *context,
				     size_t context_len)
{
	char prefix[NUMBER_MAX], local[NUMBER_MAX], whole[2 * NUMBER_MAX];
	int total;

	memset(n, 0, sizeof(*n));
	if (context_len && context[0] == '+') {
		if (!strip(prefix, context, context_len) ||
		    !strip(local, text, len) || local[0] == '+')
			return NUMBER_NONE;
		total = snprintf(whole, sizeof(whole), "%s%s", prefix, local);
		number_read(n, p, whole, (size_t)total);
		strcpy(n->dialled, local);
		return n->kind;
	}
	if (domain && context_len == strlen(domain) &&
	    !strncasecmp(context, domain, context_len))
		return number_read(n, p, text, len);
	return NUMBER_NONE;
}

/* RFC 3966's telephone-subscriber: digits, then parameters. */
static enum number_kind subscriber(struct number *n,
				   const struct number_plan *p,
				   const char *domain, const char *text,
				   size_t len)
{
	static const char name[] = "phone-context=";
	const char *params, *rest;
	size_t params_len, rest_len;
	size_t digits = until(text, len, ';', &params, &params_len);

	while (params_len) {
		size_t one = until(params, params_len, ';', &rest, &rest_len);

		if (one >= sizeof(name) - 1 &&
		    !strncasecmp(params, name, sizeof(name) - 1) &&
		    !(digits && text[0] == '+'))
			return with_context(n, p, domain, text, digits,
					    params + sizeof(name) - 1,
					    one - (sizeof(name) - 1));
		params = rest;
		params_len = rest_len;
	}
	return number_read(n, p, text, digits);
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
		c ? strchr(digits, c | (c >= 'A' && c <= 'F' ? 32 : 0)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* @return the length, 0: malformed, empty, or longer than there is room. */
static size_t unescape(char out[USER_MAX], const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (n == USER_MAX)
			return 0;
		if (c == '%') {
			if (len - i < 3 || hex(text[i + 1]) < 0 ||
			    hex(text[i + 2]) < 0)
				return 0;
			c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		}
		out[n++] = c;
	}
	return n;
}

enum number_kind number_of_uri(struct number *n, const struct number_plan *p,
			       const char *domain, const char *uri, size_t len)
{
	char user[USER_MAX];
	const char *rest, *host;
	size_t rest_len, host_len, scheme, n_user;

	memset(n, 0, sizeof(*n));
	scheme = until(uri, len, ':', &rest, &rest_len);
	if (scheme == 3 && !strncasecmp(uri, "tel", 3))
		return subscriber(n, p, domain, rest, rest_len);
	if (!(scheme == 3 && !strncasecmp(uri, "sip", 3)) &&
	    !(scheme == 4 && !strncasecmp(uri, "sips", 4)))
		return NUMBER_NONE;
	n_user = until(rest, rest_len, '@', &host, &host_len);
	if (!host_len)
		return NUMBER_NONE;
	n_user = unescape(user, rest, n_user);
	return n_user ? subscriber(n, p, domain, user, n_user) : NUMBER_NONE;
}

void number_print(char out[NUMBER_MAX], const struct number *n,
		  const struct number_plan *p, enum number_format f)
{
	const char *digits = n->text + 1;
	char text[3 * NUMBER_MAX] = "";

	if (n->text[0] == '+' && f == NUMBER_PLAIN)
		snprintf(text, sizeof(text), "%s", digits);
	else if (n->text[0] == '+' && f == NUMBER_DIALLED &&
		 n->kind == NUMBER_NATIONAL)
		snprintf(text, sizeof(text), "%s%s", p->national,
			 digits + strlen(p->country));
	else if (n->text[0] == '+' &&
		 (f == NUMBER_DIALLED || f == NUMBER_ABROAD))
		snprintf(text, sizeof(text), "%s%s", p->international, digits);
	/* One that begins with our national prefix would be dialled as if it
	 * were abroad. */
	if (f == NUMBER_DIALLED && n->kind == NUMBER_NATIONAL &&
	    starts(text, p->international))
		snprintf(text, sizeof(text), "%s%s", p->international, digits);
	if (!text[0] || strlen(text) >= NUMBER_MAX)
		snprintf(text, sizeof(text), "%s", n->text);
	memcpy(out, text, strlen(text) + 1);
}

enum number_kind number_from_trunk(struct number *n,
				   const struct number_plan *p,
				   enum number_format f, const char *text,
				   size_t len)
{
	struct number_plan outside = *p;
	char digits[NUMBER_MAX + 1] = "+";

	outside.internal = 0; /* nobody outside dials those */
	if (f == NUMBER_PLAIN && len && text[0] != '+' &&
	    strip(digits + 1, text, len))
		return number_read(n, &outside, digits, strlen(digits));
	return number_read(n, &outside, text, len);
}
