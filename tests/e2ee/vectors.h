/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/vectors.h - reading vectors, comparing, telling what differs.
 *
 * A program is `int main(argc, argv)` around vectors_run. It prints each value
 * that differs, then a count; TAP where CMOCKA_MESSAGE_OUTPUT=TAP. Hex that
 * isn't hex, and values that are missing, count as differing. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECTOR_MAX 8192 /* octets of one value */

struct octets {
	size_t n;
	uint8_t p[VECTOR_MAX];
};

/** Load argv[1] or else `file`, call f on it. @return exit status. */
int vectors_run(int argc, char **argv, const char *file,
		void (*f)(json_t *root));

/** What follows belongs to a case of this name; case_end counts it. */
void case_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void case_end(void);
/** Something of the case is wrong. */
void differs(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The hex value of a key; missing or not hex: differs, and n = 0. */
struct octets get_hex(json_t *o, const char *key);
/** The same, of a value that must have n octets. */
bool get_fixed(json_t *o, const char *key, uint8_t *out, size_t n);
uint64_t get_number(json_t *o, const char *key);
const char *get_text(json_t *o, const char *key);
/** Whether got[0..n) is the hex value of key; whose: "" or which side's. */
void expect(json_t *o, const char *key, const char *whose, const void *got,
	    size_t n);
void expect_octets(const char *name, const struct octets *want, const void *got,
		   size_t n);
