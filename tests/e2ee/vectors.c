/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2ee/vectors.h"
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool tap, bad;
	unsigned cases, failed, differing;
	char name[128];
} run;

void case_begin(const char *format, ...)
{
	va_list a;

	va_start(a, format);
	vsnprintf(run.name, sizeof(run.name), format, a);
	va_end(a);
	run.bad = false;
}

void case_end(void)
{
	run.cases++;
	run.failed += run.bad;
	if (run.tap)
		printf("%s %u - %s\n", run.bad ? "not ok" : "ok", run.cases,
		       run.name);
}

void differs(const char *format, ...)
{
	va_list a;

	printf("%s%s: ", run.tap ? "# " : "", run.name);
	va_start(a, format);
	vprintf(format, a);
	va_end(a);
	printf("\n");
	run.bad = true;
	run.differing++;
}

static bool read_hex(const char *hex, struct octets *o)
{
	return hex &&
	       !sodium_hex2bin(o->p, sizeof(o->p), hex, strlen(hex), NULL,
			       &o->n, NULL) &&
	       2 * o->n == strlen(hex);
}

struct octets get_hex(json_t *o, const char *key)
{
	struct octets v = {0};

	if (!read_hex(json_string_value(json_object_get(o, key)), &v)) {
		differs("%s is missing, or isn't hexadecimal", key);
		v.n = 0;
	}
	return v;
}

bool get_fixed(json_t *o, const char *key, uint8_t *out, size_t n)
{
	struct octets v = get_hex(o, key);

	if (v.n != n) {
		differs("%s has %zu octets, not %zu", key, v.n, n);
		memset(out, 0, n);
		return false;
	}
	memcpy(out, v.p, n);
	return true;
}

uint64_t get_number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return (uint64_t)json_integer_value(v);
	if (json_is_string(v)) { /* see quote_large */
		const char *text = json_string_value(v);
		char *end;
		uint64_t n;

		errno = 0;
		n = strtoull(text, &end, 10);
		if (!errno && *text && !*end)
			return n;
	}
	differs("%s is missing, or isn't a number", key);
	return 0;
}

const char *get_text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		differs("%s is missing, or isn't text", key);
	return s ? s : "";
}

void expect_octets(const char *name, const struct octets *want, const void *got,
		   size_t n)
{
	static char hex[2][2 * VECTOR_MAX + 1];

	if (want->n == n && !memcmp(want->p, got, n))
		return;
	sodium_bin2hex(hex[0], sizeof(hex[0]), want->p, want->n);
	sodium_bin2hex(hex[1], sizeof(hex[1]), got,
		       n <= VECTOR_MAX ? n : VECTOR_MAX);
	differs("%s differs\n#   vector %s\n#   ours   %s", name, hex[0],
		hex[1]);
}

void expect(json_t *o, const char *key, const char *whose, const void *got,
	    size_t n)
{
	struct octets want = get_hex(o, key);
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", key, *whose ? " of " : "",
		 whose);
	expect_octets(name, &want, got, n);
}

/* jansson's integers are signed: put those that may not fit into quotation
 * marks. @return malloc()ed. */
static char *quote_large(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *o = copy;
	bool in_string = false;

	for (const char *p = text; copy && *p;) {
		size_t digits = in_string ? 0 : strspn(p, "0123456789");

		if (digits >= 19)
			*o++ = '"';
		memcpy(o, p, digits ? digits : 1);
		o += digits ? digits : 1;
		if (digits >= 19)
			*o++ = '"';
		if (*p == '"' && (p == text || p[-1] != '\\'))
			in_string = !in_string;
		p += digits ? digits : 1;
	}
	if (copy)
		*o = 0;
	return copy;
}

static json_t *load(const char *path)
{
	char *text = NULL, *quoted = NULL;
	FILE *f = fopen(path, "r");
	json_error_t error;
	json_t *root = NULL;
	size_t room = 0;

	if (!f || getdelim(&text, &room, 0, f) < 0) {
		fprintf(stderr, "%s: %s\n", path,
			errno ? strerror(errno) : "empty");
		goto out;
	}
	quoted = quote_large(text);
	root = quoted ? json_loads(quoted, JSON_REJECT_DUPLICATES, &error)
		      : NULL;
	if (!root && quoted)
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
out:
	if (f)
		fclose(f);
	free(text);
	free(quoted);
	return root;
}

int vectors_run(int argc, char **argv, const char *file,
		void (*f)(json_t *root))
{
	const char *form = getenv("CMOCKA_MESSAGE_OUTPUT");
	const char *path = argc > 1 ? argv[1] : file;
	json_t *root;

	run.tap = form && !strcasecmp(form, "TAP");
	if (sodium_init() < 0)
		return 2;
	root = load(path);
	if (!root)
		return 2;
	f(root);
	json_decref(root);
	if (run.tap)
		printf("1..%u\n", run.cases);
	printf("%s%s: %u cases, %u passed, %u failed, %u values differ\n",
	       run.tap ? "# " : "", path, run.cases, run.cases - run.failed,
	       run.failed, run.differing);
	return run.cases && !run.failed ? 0 : 1;
}
