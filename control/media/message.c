/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/message.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reader_init(struct reader *r, const json_t *object)
{
	memset(r, 0, sizeof(*r));
	r->j = object;
}

void reader_fail(struct reader *r, const char *error, const char *field,
		 const char *fmt, ...)
{
	va_list ap;

	if (r->error)
		return;
	r->error = error;
	r->field = field;
	va_start(ap, fmt);
	vsnprintf(r->message, sizeof(r->message), fmt, ap);
	va_end(ap);
}

bool reader_done(struct reader *r)
{
	if (!r->error && r->used != json_object_size(r->j))
		reader_fail(r, "bad-message", NULL,
			    "There are fields that this message doesn't have");
	return !r->error;
}

const json_t *read_any(struct reader *r, const char *field)
{
	const json_t *j = json_object_get(r->j, field);

	if (j)
		r->used++;
	return json_is_null(j) ? NULL : j;
}

bool read_has(struct reader *r, const char *field)
{
	const json_t *j = json_object_get(r->j, field);

	return j && !json_is_null(j);
}

uint64_t read_number(struct reader *r, const char *field, uint64_t min,
		     uint64_t max, bool must, uint64_t absent)
{
	const json_t *j = read_any(r, field);

	if (!j && !must)
		return absent;
	if (!json_is_integer(j) || json_integer_value(j) < 0 ||
	    (uint64_t)json_integer_value(j) < min ||
	    (uint64_t)json_integer_value(j) > max) {
		reader_fail(r, "bad-message", field,
			    "%s is a number from %llu to %llu", field,
			    (unsigned long long)min, (unsigned long long)max);
		return min;
	}
	return (uint64_t)json_integer_value(j);
}

bool read_bool(struct reader *r, const char *field, bool absent)
{
	const json_t *j = read_any(r, field);

	if (!j)
		return absent;
	if (!json_is_boolean(j))
		reader_fail(r, "bad-message", field, "%s is true or false",
			    field);
	return json_is_true(j);
}

const char *read_text(struct reader *r, const char *field, size_t max,
		      bool must)
{
	const json_t *j = read_any(r, field);

	if (!j && !must)
		return "";
	if (!json_is_string(j) || json_string_length(j) > max ||
	    strlen(json_string_value(j)) != json_string_length(j) ||
	    (must && !json_string_length(j))) {
		reader_fail(r, "bad-message", field,
			    "%s is a text of at most %zu octets", field, max);
		return "";
	}
	return json_string_value(j);
}

bool id_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
			     "XYZ0123456789._-");

	return n && n <= MP_ID_MAX && !s[n] && s[0] != '.';
}

const char *read_id(struct reader *r, const char *field, bool must)
{
	const char *s = read_text(r, field, MP_ID_MAX, must);

	if (!r->error && (must || *s) && !id_valid(s))
		reader_fail(r, "bad-message", field,
			    "%s is letters, digits, '.', '_' and '-'", field);
	return s;
}

bool stream_parse(const json_t *j, uint64_t *id)
{
	const char *s = json_string_value(j);
	char *end;

	if (!s || s[0] < '0' || s[0] > '9' || strlen(s) > 20)
		return false;
	errno = 0;
	*id = strtoull(s, &end, 10);
	return !errno && !*end && strlen(s) == json_string_length(j);
}

uint64_t read_stream(struct reader *r, const char *field)
{
	uint64_t id = 0;

	if (!stream_parse(read_any(r, field), &id))
		reader_fail(r, "bad-message", field,
			    "%s is a stream's number, as a string", field);
	return id;
}
