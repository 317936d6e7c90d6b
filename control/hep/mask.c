/* SPDX-License-Identifier: Apache-2.0 */
#include "control/hep/mask.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define MASK 'x'

/* What begins a secret, and where that goes to. keep: as far as this word, if it
 * stands there, the line is none. */
static const struct {
	const char *begin, *keep;
	bool quoted; /* to the next quote, else to the end of the line */
} secrets[] = {
	{"crypto:", "inline:", false}, {"key-mgmt:", NULL, false},
	{"ice-pwd:", NULL, false},     {"e2ee:", NULL, false},
	{"response=\"", NULL, true},   {"response=", NULL, false},
};

#define SECRETS (sizeof(secrets) / sizeof(secrets[0]))

/* In letters of either case. @return NULL: it isn't there. */
static uint8_t *find(uint8_t *p, const uint8_t *end, const char *word)
{
	size_t n = strlen(word);

	for (; p + n <= end; p++)
		if (!strncasecmp((const char *)p, word, n))
			return p;
	return NULL;
}

static void cover(uint8_t *p, const uint8_t *end)
{
	while (p < end)
		*p++ = MASK;
}

static void mask_one(uint8_t *line, uint8_t *end, unsigned i)
{
	uint8_t *p = line;

	while ((p = find(p, end, secrets[i].begin))) {
		uint8_t *to = end, *keep = NULL;

		p += strlen(secrets[i].begin);
		if (secrets[i].quoted)
			to = memchr(p, '"', (size_t)(end - p));
		else if (secrets[i].keep)
			keep = find(p, end, secrets[i].keep);
		if (keep)
			p = keep + strlen(secrets[i].keep);
		if (!to)
			to = end;
		cover(p, to);
		p = to;
	}
}

static void mask_line(uint8_t *line, uint8_t *end)
{
	if (end - line > 2 && (*line == 'k' || *line == 'K') && line[1] == '=')
		cover(line + 2, end);
	for (unsigned i = 0; i < SECRETS; i++) {
		/* the quoted form has gone before, and may not be undone */
		if (!strcmp(secrets[i].begin, "response=") &&
		    find(line, end, "response=\""))
			continue;
		mask_one(line, end, i);
	}
}

/* Where the body begins: behind the first empty line. */
static uint8_t *body_of(uint8_t *p, uint8_t *end)
{
	uint8_t *crlf = find(p, end, "\r\n\r\n"), *lf = find(p, end, "\n\n");

	if (crlf && (!lf || crlf < lf))
		return crlf + 4;
	return lf ? lf + 2 : end;
}

void mask_sip(uint8_t *p, size_t len)
{
	uint8_t *end = p + len, *line = p;

	if (find(p, end, "sallyport-e2ee"))
		cover(body_of(p, end), end);
	while (line < end) {
		uint8_t *stop = line;

		while (stop < end && *stop != '\r' && *stop != '\n')
			stop++;
		mask_line(line, stop);
		line = stop + 1;
	}
}
