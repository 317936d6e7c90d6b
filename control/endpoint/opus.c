/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/opus.h"
#include <stdbool.h>
#include <string.h>

#define CODE_3	3    /* any number of frames, with padding if wanted */
#define VBR	0x80 /* of code 3's count octet */
#define PADDED	0x40
#define LONGEST 255 /* a padding length that goes on, for 254 octets */

/* A packet taken apart: what comes before the padding's length, and after. */
struct parts {
	uint8_t head[2];
	const uint8_t *body;
	size_t len;
};

/* Code 3, without what padding it has already. */
static bool take_counted(struct parts *s, const uint8_t *p, size_t n)
{
	size_t at = 2, pad = 0;
	bool more = p[1] & PADDED;

	s->head[1] = p[1] & (uint8_t)~PADDED;
	while (more) {
		if (at == n)
			return false;
		more = p[at] == LONGEST;
		pad += more ? LONGEST - 1 : p[at];
		at++;
	}
	if (pad > n - at)
		return false;
	s->body = p + at;
	s->len = n - at - pad;
	return true;
}

static bool take_apart(struct parts *s, const uint8_t *p, size_t n)
{
	/* The count octet that codes 0 to 2 say without one. */
	static const uint8_t count[] = {1, 2, VBR | 2};
	unsigned code;

	if (!n)
		return false;
	code = p[0] & 3;
	s->head[0] = p[0] | CODE_3;
	if (code < CODE_3) {
		s->head[1] = count[code];
		s->body = p + 1;
		s->len = n - 1;
		return true;
	}
	return n >= 2 && take_counted(s, p, n);
}

size_t opus_pad(uint8_t *out, size_t size, const uint8_t *p, size_t n)
{
	struct parts s;
	size_t at = 2, more;

	if (n == size) {
		memcpy(out, p, n);
		return n;
	}
	if (!take_apart(&s, p, n) || s.len + 2 > size)
		return 0;
	memcpy(out, s.head, 2);
	more = size - 2 - s.len;
	if (more) {
		/* The length octets count as padding of their own. */
		out[1] |= PADDED;
		more--;
		while (more >= LONGEST) {
			out[at++] = LONGEST;
			more -= LONGEST;
		}
		out[at++] = (uint8_t)more;
	}
	memcpy(out + at, s.body, s.len);
	memset(out + at + s.len, 0, size - at - s.len);
	return size;
}

size_t opus_silence(uint8_t *out, size_t size)
{
	/* CELT, full band, 20 ms, mono: a frame that decodes to nothing. */
	static const uint8_t quiet[] = {0xf8, 0xff, 0xfe};

	return opus_pad(out, size, quiet, sizeof(quiet));
}
