/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sip/stream.h"
#include <string.h>
#include <strings.h>

/* Octets up to and with the empty line; 0: not there yet. A bare LF ends a
 * line, too. */
static size_t head_length(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\n')
			continue;
		if (i + 1 < len && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < len && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* "Content-Length", "l", in any case, with white space before the colon.
 * @return octets up to the value; 0: another header. */
static size_t length_name(const uint8_t *p, size_t len)
{
	static const char *const names[] = {"content-length", "l"};

	for (unsigned i = 0; i < 2; i++) {
		size_t n = strlen(names[i]);

		if (len < n || strncasecmp((const char *)p, names[i], n))
			continue;
		while (n < len && is_space(p[n]))
			n++;
		if (n < len && p[n] == ':')
			return n + 1;
	}
	return 0;
}

/* The value of Content-Length: digits, white space around them. */
static bool length_value(const uint8_t *p, size_t len, size_t *value)
{
	size_t i = 0, n = 0, digits = 0;

	while (i < len && (is_space(p[i]) || p[i] == '\r' || p[i] == '\n'))
		i++; /* folded */
	for (; i < len && p[i] >= '0' && p[i] <= '9' && n <= STREAM_BODY_MAX;
	     i++, digits++)
		n = n * 10 + (size_t)(p[i] - '0');
	while (i < len && (is_space(p[i]) || p[i] == '\r'))
		i++;
	*value = n;
	return digits && i < len && p[i] == '\n' && n <= STREAM_BODY_MAX;
}

/* Absent is 0: phones leave it out where there is no body. Two that differ
 * would let one message be taken for two. */
static bool body_length(const uint8_t *p, size_t head, size_t *body)
{
	bool seen = false;
	size_t at, value;

	*body = 0;
	for (size_t i = 0; i < head; i++) {
		if (i && p[i - 1] != '\n')
			continue;
		at = length_name(p + i, head - i);
		if (!at)
			continue;
		if (!length_value(p + i + at, head - i - at, &value) ||
		    (seen && value != *body))
			return false;
		*body = value;
		seen = true;
	}
	return true;
}

static enum stream_what blank(const uint8_t *p, size_t len, size_t *n)
{
	static const uint8_t ping[] = "\r\n\r\n";
	size_t have = len < 4 ? len : 4;

	if (!memcmp(p, ping, have)) {
		*n = 4;
		return have == 4 ? STREAM_PING : STREAM_MORE;
	}
	*n = 1;
	return STREAM_BLANK;
}

enum stream_what stream_next(const uint8_t *p, size_t len, size_t *n)
{
	size_t head, body;

	*n = 0;
	if (!len)
		return STREAM_MORE;
	if (*p == '\r' || *p == '\n' || *p == '\0')
		return blank(p, len, n);
	head = head_length(p, len < STREAM_HEAD_MAX ? len : STREAM_HEAD_MAX);
	if (!head)
		return len < STREAM_HEAD_MAX ? STREAM_MORE : STREAM_BAD;
	if (!body_length(p, head, &body)) {
		*n = head;
		return STREAM_BAD;
	}
	*n = head + body;
	return *n <= len ? STREAM_MESSAGE : STREAM_MORE;
}
