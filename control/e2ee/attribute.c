/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/attribute.h"
#include <string.h>

static const char alphabet[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* @return 0 to 63, or -1. What it looks at is public: no need to hide it. */
static int sextet(char c)
{
	const char *p = memchr(alphabet, c, sizeof(alphabet));

	return p ? (int)(p - alphabet) : -1;
}

enum e2ee_reason e2ee_attr_decode(const char *value, size_t len,
				  uint8_t msg[E2EE_MSG_MAX], size_t *n)
{
	unsigned bits = 0, have = 0;

	if (len > E2EE_ATTR_MAX)
		return E2EE_R_SIZE;
	*n = 0;
	for (size_t i = 0; i < len; i++) {
		int v = sextet(value[i]);

		if (v < 0)
			return E2EE_R_ATTRIBUTE;
		bits = (bits << 6 | (unsigned)v) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		msg[(*n)++] = (uint8_t)(bits >> have);
	}
	/* 6 bits: a lone character. Others left over must be zero. */
	if (!len || have == 6 || (bits & ((1u << have) - 1)))
		return E2EE_R_ATTRIBUTE;
	return E2EE_R_NONE;
}

size_t e2ee_attr_encode(char *out, size_t room, const uint8_t *msg, size_t n)
{
	unsigned bits = 0, have = 0;
	char *o = out;

	if (room < E2EE_B64(n) + 1)
		return 0;
	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | msg[i]) & 0xffff;
		for (have += 8; have >= 6; have -= 6)
			*o++ = alphabet[bits >> (have - 6) & 63];
	}
	if (have)
		*o++ = alphabet[bits << (6 - have) & 63];
	*o = 0;
	return (size_t)(o - out);
}

/* The next line of *sdp, without its end; *sdp moves behind it. */
static struct e2ee_view next_line(const char **sdp, size_t *len)
{
	const char *end = memchr(*sdp, '\n', *len);
	size_t n = end ? (size_t)(end - *sdp) : *len;
	size_t skip = end ? n + 1 : n;
	struct e2ee_view line = {(const uint8_t *)*sdp, n};

	if (end && n && line.p[n - 1] == '\r')
		line.n--;
	*sdp += skip;
	*len -= skip;
	return line;
}

/* @return whether line is a=e2ee, with or without a value. */
static bool is_ours(struct e2ee_view line)
{
	static const char name[] = "a=" E2EE_ATTR_NAME;
	size_t n = sizeof(name) - 1;

	return line.n >= n && !memcmp(line.p, name, n) &&
	       (line.n == n || line.p[n] == ':');
}

bool e2ee_attr_find(const char *sdp, size_t len, struct e2ee_view *value,
		    enum e2ee_reason *why)
{
	static const size_t skip = sizeof("a=" E2EE_ATTR_NAME ":") - 1;
	bool in_media = false;

	*value = (struct e2ee_view){NULL, 0};
	*why = E2EE_R_ATTRIBUTE;
	while (len) {
		struct e2ee_view line = next_line(&sdp, &len);

		if (line.n >= 2 && line.p[0] == 'm' && line.p[1] == '=')
			in_media = true;
		if (!is_ours(line))
			continue;
		if (value->p) {
			*why = E2EE_R_SECOND_ATTRIBUTE;
			return false;
		}
		if (in_media || line.n < skip)
			return false;
		*value = (struct e2ee_view){line.p + skip, line.n - skip};
	}
	*why = E2EE_R_NONE;
	return true;
}
