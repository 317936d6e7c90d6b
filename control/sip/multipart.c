/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "control/sip/multipart.h"
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* octets, RFC 2046 */

/* From p on: where a line begins that is the delimiter. NULL: nowhere. */
static const char *delimiter(const char *begin, const char *p, const char *end,
			     const char *mark, size_t n)
{
	while (p && p < end) {
		p = memmem(p, (size_t)(end - p), mark, n);
		if (p && (p == begin || p[-1] == '\n'))
			return p;
		p = p ? p + 1 : NULL;
	}
	return NULL;
}

static const char *line_end(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

static bool value_of(const char *line, const char *end, const char *name,
		     struct pl *val)
{
	size_t n = strlen(name);

	if ((size_t)(end - line) <= n || strncasecmp(line, name, n) ||
	    line[n] != ':')
		return false;
	val->p = line + n + 1;
	while (val->p < end && (*val->p == ' ' || *val->p == '\t'))
		val->p++;
	while (end > val->p && (unsigned char)end[-1] <= ' ')
		end--;
	val->l = (size_t)(end - val->p);
	return true;
}

/* Is the part what is looked for? p: its headers. *body: behind them. */
static bool part_fits(const char *p, const char *end, const char *type,
		      const char *subtype, const char **body)
{
	struct msg_ctype ctype;
	bool fits = false, plain = true;
	struct pl val;

	while (p < end) {
		const char *next = line_end(p, end);

		if (*p == '\n' || (*p == '\r' && next - p == 2)) {
			*body = next;
			return fits && plain;
		}
		if (value_of(p, next, "Content-Type", &val))
			fits = !msg_ctype_decode(&ctype, &val) &&
			       msg_ctype_cmp(&ctype, type, subtype);
		else if (value_of(p, next, "Content-Transfer-Encoding", &val))
			plain = !pl_strcasecmp(&val, "7bit") ||
				!pl_strcasecmp(&val, "8bit") ||
				!pl_strcasecmp(&val, "binary");
		p = next;
	}
	return false;
}

bool multipart_find(const struct pl *body, const struct pl *params,
		    const char *type, const char *subtype, struct pl *part)
{
	const char *p = body->p, *end = body->p + body->l, *next, *text;
	char mark[BOUNDARY_MAX + 3] = "--";
	struct pl boundary;
	size_t n;

	if (!body->l || msg_param_decode(params, "boundary", &boundary))
		return false;
	if (boundary.l >= 2 && *boundary.p == '"') {
		pl_advance(&boundary, 1);
		boundary.l--;
	}
	if (!boundary.l || boundary.l > BOUNDARY_MAX)
		return false;
	memcpy(mark + 2, boundary.p, boundary.l);
	n = boundary.l + 2;
	p = delimiter(body->p, p, end, mark, n);
	while (p) {
		p = line_end(p, end);
		next = delimiter(body->p, p, end, mark, n);
		if (!next) /* cut off, or behind the last */
			return false;
		if (part_fits(p, next, type, subtype, &text)) {
			part->p = text;
			part->l = (size_t)(next - text);
			/* the line end in front belongs to the delimiter */
			if (part->l && part->p[part->l - 1] == '\n')
				part->l--;
			if (part->l && part->p[part->l - 1] == '\r')
				part->l--;
			return true;
		}
		p = next;
	}
	return false;
}
