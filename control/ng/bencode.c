/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ng/bencode.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- reading */

struct reader {
	const char *p;
	size_t len, at;
	unsigned items;
	struct bencode_error *e;
};

static void *no(struct reader *r, const char *text)
{
	*r->e = (struct bencode_error){.at = r->at, .text = text};
	return NULL;
}

static void *cut(struct reader *r)
{
	*r->e = (struct bencode_error){
		.at = r->len, .short_of = true, .text = "it ends too early"};
	return NULL;
}

/* Digits up to the stop octet, which is eaten. No sign, no leading zero. */
static bool number(struct reader *r, char stop, uint64_t max, uint64_t *out)
{
	size_t first = r->at;
	uint64_t n = 0;

	for (; r->at < r->len; r->at++) {
		char c = r->p[r->at];

		if (c == stop && r->at > first) {
			r->at++;
			*out = n;
			return true;
		}
		if (c < '0' || c > '9') {
			no(r, "a digit was expected");
			return false;
		}
		if (r->at > first && r->p[first] == '0') {
			no(r, "a number begins with 0");
			return false;
		}
		if (n > (max - (uint64_t)(c - '0')) / 10) {
			no(r, "a number is too large");
			return false;
		}
		n = n * 10 + (uint64_t)(c - '0');
	}
	cut(r);
	return false;
}

static json_t *integer(struct reader *r)
{
	bool negative;
	uint64_t n;

	r->at++;
	if (r->at == r->len)
		return cut(r);
	negative = r->p[r->at] == '-';
	r->at += negative;
	if (!number(r, 'e', INT64_MAX, &n))
		return NULL;
	if (negative && n == 0)
		return no(r, "a negative zero");
	return json_integer(negative ? -(json_int_t)n : (json_int_t)n);
}

static bool octets(struct reader *r, const char **p, size_t *n)
{
	uint64_t len;

	if (!number(r, ':', BENCODE_SIZE_MAX, &len))
		return false;
	if (len > r->len - r->at) {
		cut(r);
		return false;
	}
	*p = r->p + r->at;
	*n = len;
	r->at += len;
	return true;
}

static json_t *string(struct reader *r)
{
	const char *p;
	size_t n;

	return octets(r, &p, &n) ? json_stringn_nocheck(p, n) : NULL;
}

static json_t *value(struct reader *r, unsigned depth);

static json_t *list(struct reader *r, unsigned depth)
{
	json_t *l = json_array(), *v;

	for (r->at++; l && r->at < r->len && r->p[r->at] != 'e';) {
		v = value(r, depth + 1);
		if (!v || json_array_append_new(l, v) != 0) {
			json_decref(l);
			return NULL;
		}
	}
	if (l && r->at == r->len) {
		json_decref(l);
		return cut(r);
	}
	r->at++;
	return l;
}

static bool key(struct reader *r, char out[BENCODE_KEY_MAX + 1])
{
	const char *p;
	size_t n;

	if (!octets(r, &p, &n))
		return false;
	if (n > BENCODE_KEY_MAX || memchr(p, '\0', n)) {
		no(r, "a key is too long, or has a NUL");
		return false;
	}
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

static json_t *dictionary(struct reader *r, unsigned depth)
{
	char name[BENCODE_KEY_MAX + 1];
	json_t *d = json_object(), *v;

	for (r->at++; d && r->at < r->len && r->p[r->at] != 'e';) {
		v = key(r, name) ? value(r, depth + 1) : NULL;
		if (!v || json_object_set_new_nocheck(d, name, v) != 0) {
			json_decref(d);
			return NULL;
		}
	}
	if (d && r->at == r->len) {
		json_decref(d);
		return cut(r);
	}
	r->at++;
	return d;
}

static json_t *value(struct reader *r, unsigned depth)
{
	if (r->at == r->len)
		return cut(r);
	if (depth > BENCODE_DEPTH_MAX)
		return no(r, "it is nested too deep");
	if (++r->items > BENCODE_ITEMS_MAX)
		return no(r, "it has too many values");
	switch (r->p[r->at]) {
	case 'i':
		return integer(r);
	case 'l':
		return list(r, depth);
	case 'd':
		return dictionary(r, depth);
	default:
		return string(r);
	}
}

json_t *bencode_decode(const char *p, size_t len, size_t *used,
		       struct bencode_error *e)
{
	struct reader r = {.p = p, .len = len, .e = e};
	json_t *v;

	*e = (struct bencode_error){.text = "out of memory"};
	if (len > BENCODE_SIZE_MAX && !used)
		return no(&r, "it is too long");
	v = value(&r, 1);
	if (v && !used && r.at != len) {
		json_decref(v);
		return no(&r, "something follows it");
	}
	if (v && used)
		*used = r.at;
	return v;
}

/* ----------------------------------------------------------------- writing */

struct writer {
	char *p;
	size_t len, room;
};

static bool put(struct writer *w, const void *p, size_t n)
{
	if (n > w->room - w->len) {
		size_t room = (w->room + n) * 2;
		char *grown = malloc(room);

		if (!grown)
			return false;
		/* by hand, for realloc would leave keys behind */
		memcpy(grown, w->p, w->len);
		explicit_bzero(w->p, w->len);
		free(w->p);
		w->p = grown;
		w->room = room;
	}
	memcpy(w->p + w->len, p, n);
	w->len += n;
	return true;
}

static bool put_integer(struct writer *w, json_int_t n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "i%" JSON_INTEGER_FORMAT "e", n);

	return put(w, text, (size_t)len);
}

static bool put_string(struct writer *w, const char *p, size_t n)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%zu:", n);

	return put(w, text, (size_t)len) && put(w, p, n);
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool put_value(struct writer *w, const json_t *v, unsigned depth);

static bool put_dictionary(struct writer *w, const json_t *d, unsigned depth)
{
	size_t n = json_object_size(d), i = 0;
	const char **names = calloc(n + 1, sizeof(*names));
	const char *name;
	bool ok = names && put(w, "d", 1);
	json_t *v;

	if (ok) {
		json_object_foreach ((json_t *)d, name, v)
			names[i++] = name;
		qsort(names, n, sizeof(*names), by_octets);
	}
	for (i = 0; ok && i < n; i++)
		ok = put_string(w, names[i], strlen(names[i])) &&
		     put_value(w, json_object_get(d, names[i]), depth + 1);
	free(names);
	return ok && put(w, "e", 1);
}

static bool put_list(struct writer *w, const json_t *l, unsigned depth)
{
	bool ok = put(w, "l", 1);

	for (size_t i = 0; ok && i < json_array_size(l); i++)
		ok = put_value(w, json_array_get(l, i), depth + 1);
	return ok && put(w, "e", 1);
}

static bool put_value(struct writer *w, const json_t *v, unsigned depth)
{
	if (depth > BENCODE_DEPTH_MAX)
		return false;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return put_dictionary(w, v, depth);
	case JSON_ARRAY:
		return put_list(w, v, depth);
	case JSON_STRING:
		return put_string(w, json_string_value(v),
				  json_string_length(v));
	case JSON_INTEGER:
		return put_integer(w, json_integer_value(v));
	case JSON_TRUE:
	case JSON_FALSE:
		return put_integer(w, json_is_true(v));
	default:
		return false;
	}
}

char *bencode_encode(const json_t *v, size_t *len)
{
	struct writer w = {.p = malloc(256), .room = 256};

	if (w.p && v && put_value(&w, v, 1)) {
		*len = w.len;
		return w.p;
	}
	if (w.p)
		explicit_bzero(w.p, w.len);
	free(w.p);
	return NULL;
}
