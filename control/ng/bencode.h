/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/bencode.h - bencode to JSON values, and back.
 *
 * The encoding of BEP 3: integers i42e, strings 4:spam, lists l...e,
 * dictionaries d...e. Strings are octets: they come as JSON strings that needn't
 * be UTF-8, and keys can't hold a NUL. Of a key that stands twice the last
 * counts. What is written is canonical: keys sorted by their octets.
 *
 * Bounded: SIZE octets, DEPTH levels, ITEMS values. Pure; any thread. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define BENCODE_SIZE_MAX  65536
#define BENCODE_DEPTH_MAX 16
#define BENCODE_ITEMS_MAX 4096
#define BENCODE_KEY_MAX	  255 /* octets of a dictionary's key */

struct bencode_error {
	size_t at;	  /* octet where it went wrong */
	bool short_of;	  /* more octets could still mend it */
	const char *text; /* static, nothing of the input in it */
};

/** Decode the value that p[0..len) begins with. *used: octets it takes; NULL:
 * it must take them all. @return a new reference, or NULL with e filled in. */
json_t *bencode_decode(const char *p, size_t len, size_t *used,
		       struct bencode_error *e);

/** Encode. true and false become 1 and 0. @return malloc'd, *len octets; NULL:
 * no memory, or a value that bencode hasn't (null, a real number, too deep). It
 * may hold keys: wipe before freeing. */
char *bencode_encode(const json_t *v, size_t *len);
