/* SPDX-License-Identifier: Apache-2.0 */
/* Text to document and back. RFC 8866 sections 5 and 9.
 *
 * What is checked here is what the editor relies on: the shape of every line,
 * v=, o= and s= once each and v= first, the fields of m= and c=. The rest is
 * kept as it came. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sdp/doc.h"

static struct sdp *fail(struct sdp *s, struct sdp_error *e, unsigned line,
			const char *what)
{
	e->line = line;
	snprintf(e->text, sizeof(e->text), "%s", what);
	sdp_free(s);
	return NULL;
}

static const char *origin_check(struct sdp_view v)
{
	struct sdp_view word;

	for (int i = 0; i < 6; i++)
		if (!sdp_view_word(&v, &word))
			return "o= needs six fields: user, session, version, "
			       "IN, IP4 or IP6, address";
	return NULL;
}

/* What a line must be like, by its letter; NULL: good. */
static const char *line_check(struct sdp *s, char type, struct sdp_view v)
{
	const struct section *top = &s->sec[0];
	struct sdp_mline m;
	struct sdp_addr a;
	unsigned same = 0;

	for (unsigned i = 0; i < top->n; i++)
		same += top->line[i].type == type;
	switch (type) {
	case 'v':
		return top->n || s->n_sec > 1 ? "v= a second time"
		       : sdp_view_eq(v, "0")  ? NULL
					      : "only v=0 is known";
	case 'o':
		return same || s->n_sec > 1 ? "o= out of place or a second time"
					    : origin_check(v);
	case 's':
		return same || s->n_sec > 1 ? "s= out of place or a second time"
					    : NULL;
	case 'm':
		return s->n_sec > SDP_MEDIA_MAX ? "too many m= lines"
						: sdp_mline_parse(v, &m);
	case 'c':
		return sdp_conn_parse(v, &a);
	default:
		return NULL;
	}
}

/* One line without its end, number no. @return NULL, or what is wrong. */
static const char *line_take(struct sdp *s, char *p, size_t len)
{
	struct section *sec;
	const char *bad;

	if (len < 2 || p[0] < 'a' || p[0] > 'z' || p[1] != '=')
		return "not a letter, \"=\" and a value";
	for (size_t i = 2; i < len; i++)
		if (p[i] == '\0' || p[i] == '\r')
			return "a NUL or a lone CR inside";
	if (s->n_sec == 1 && s->sec[0].n == 0 && p[0] != 'v')
		return "the first line isn't v=0";
	bad = line_check(s, p[0], (struct sdp_view){p + 2, len - 2});
	if (bad)
		return bad;
	if (p[0] == 'm')
		s->n_sec++;
	sec = &s->sec[s->n_sec - 1];
	switch (sdp_line_append(s, sec, p[0], p + 2, len - 2, false)) {
	case 0:
		return NULL;
	case EMSGSIZE:
		return "too many lines";
	default:
		return "out of memory";
	}
}

static bool has_line(const struct sdp *s, char type)
{
	for (unsigned i = 0; i < s->sec[0].n; i++)
		if (s->sec[0].line[i].type == type)
			return true;
	return false;
}

struct sdp *sdp_parse(const char *p, size_t len, struct sdp_error *e)
{
	struct sdp *s;
	const char *bad;
	char *at, *end;
	unsigned no = 0;

	e->line = 0;
	if (len == 0)
		return fail(NULL, e, 0, "empty");
	if (len > SDP_SIZE_MAX)
		return fail(NULL, e, 0, "too long");
	s = calloc(1, sizeof(*s));
	if (!s || !(s->text = malloc(len)))
		return fail(s, e, 0, "out of memory");
	memcpy(s->text, p, len);
	s->text_len = len;
	s->n_sec = 1;
	/* some senders close with an empty line or two: not worth a refusal */
	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	at = s->text;
	end = s->text + len;
	while (at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));
		char *stop = nl ? nl : end;

		no++;
		if (nl && stop > at && stop[-1] == '\r')
			stop--;
		bad = line_take(s, at, (size_t)(stop - at));
		if (bad)
			return fail(s, e, no, bad);
		at = nl ? nl + 1 : end;
	}
	if (s->sec[0].n == 0)
		return fail(s, e, 0, "empty");
	if (!has_line(s, 'o'))
		return fail(s, e, 0, "no o= line");
	if (!has_line(s, 's'))
		return fail(s, e, 0, "no s= line");
	return s;
}

void sdp_free(struct sdp *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_sec; i++) {
		for (unsigned j = 0; j < s->sec[i].n; j++)
			sdp_line_drop(&s->sec[i].line[j]);
		free(s->sec[i].line);
	}
	if (s->text)
		explicit_bzero(s->text, s->text_len);
	free(s->text);
	free(s);
}

char *sdp_print(const struct sdp *s)
{
	size_t len = 1;
	char *out, *p;

	for (unsigned i = 0; i < s->n_sec; i++)
		for (unsigned j = 0; j < s->sec[i].n; j++)
			len += s->sec[i].line[j].len + 4;
	out = p = malloc(len);
	if (!out)
		return NULL;
	for (unsigned i = 0; i < s->n_sec; i++) {
		for (unsigned j = 0; j < s->sec[i].n; j++) {
			const struct line *l = &s->sec[i].line[j];

			/* Written, not read. */
			/* cppcheck-suppress uninitdata */
			*p++ = l->type;
			*p++ = '=';
			memcpy(p, l->v, l->len);
			p += l->len;
			*p++ = '\r';
			*p++ = '\n';
		}
	}
	*p = '\0';
	return out;
}
