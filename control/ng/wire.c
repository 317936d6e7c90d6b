/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ng/wire.h"
#include <stdlib.h>
#include <string.h>
#include "control/ng/bencode.h"

/* What an answer that JSON can't hold becomes: octets that aren't UTF-8. */
static const char not_utf8[] =
	"{\"error-reason\":\"The answer isn't UTF-8; ask in bencode\","
	"\"result\":\"error\"}";

static enum wire_result bad(struct wire_message *m, const char *text)
{
	json_decref(m->dict);
	m->dict = NULL;
	m->text = text;
	return WIRE_BAD;
}

static enum wire_result read_bencode(const char *p, size_t len, bool stream,
				     struct wire_message *m)
{
	struct bencode_error e;
	size_t used = len;

	m->dict = bencode_decode(p, len, stream ? &used : NULL, &e);
	m->used += used;
	if (m->dict)
		return WIRE_OK;
	return e.short_of && stream ? WIRE_SHORT : bad(m, e.text);
}

static enum wire_result read_json(const char *p, size_t len, bool stream,
				  struct wire_message *m)
{
	size_t flags = JSON_REJECT_DUPLICATES;
	json_error_t e;

	m->dict = json_loadb(p, len,
			     flags | (stream ? JSON_DISABLE_EOF_CHECK : 0), &e);
	m->used += m->dict && stream ? (size_t)e.position : len;
	if (m->dict)
		return WIRE_OK;
	if (stream && json_error_code(&e) == json_error_premature_end_of_input)
		return WIRE_SHORT;
	return bad(m, "it isn't JSON");
}

enum wire_result wire_read(const char *p, size_t len, bool cookie, bool stream,
			   struct wire_message *m)
{
	const char *space = len ? memchr(p, ' ', len) : NULL;
	enum wire_result r;

	memset(m, 0, sizeof(*m));
	if (cookie) {
		size_t n = space ? (size_t)(space - p) : len;

		if (!space && stream && len <= WIRE_COOKIE_MAX)
			return WIRE_SHORT;
		if (!space || n == 0 || n > WIRE_COOKIE_MAX)
			return WIRE_JUNK;
		m->cookie = p;
		m->cookie_len = n;
		m->used = n + 1;
		p += n + 1;
		len -= n + 1;
	}
	if (len == 0)
		return stream ? WIRE_SHORT : bad(m, "there is no dictionary");
	m->format = *p == '{' ? WIRE_JSON : WIRE_BENCODE;
	r = m->format == WIRE_JSON ? read_json(p, len, stream, m)
				   : read_bencode(p, len, stream, m);
	if (r == WIRE_OK && !json_is_object(m->dict))
		return bad(m, "it isn't a dictionary");
	return r;
}

char *wire_write(const char *cookie, size_t cookie_len, enum wire_format format,
		 const json_t *dict, size_t *len)
{
	size_t n = 0, at = cookie_len ? cookie_len + 1 : 0;
	char *text, *out;

	if (format == WIRE_BENCODE) {
		text = bencode_encode(dict, &n);
	} else {
		text = json_dumps(dict, JSON_COMPACT);
		text = text ? text : strdup(not_utf8);
		n = text ? strlen(text) : 0;
	}
	out = text ? malloc(at + n) : NULL;
	if (out) {
		if (at) {
			memcpy(out, cookie, cookie_len);
			out[cookie_len] = ' ';
		}
		memcpy(out + at, text, n);
		*len = at + n;
	}
	if (text)
		explicit_bzero(text, n);
	free(text);
	return out;
}
