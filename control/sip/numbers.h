/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/numbers.h - lists of extensions in the configuration, "700-719" or
 * "700-719,*8,800". Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define NUMBERS_MAX 1000 /* in a list */

/** Is it such a list? Numbers of up to 15 digits, * and #; ranges of numbers of
 * the same length. */
bool numbers_ok(const char *list);
bool numbers_have(const char *list, const char *number, size_t len);
/** The i-th of them. @return false: there are no so many. */
bool numbers_at(const char *list, unsigned i, char *out, size_t size);
